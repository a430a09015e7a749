"""Event streams and whole answers: what failed in them, and whether they came to their end.

What a model said is never read for evidence: of a stream only its error event counts, of an answer
only its error, and of both whether they are whole.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

_LAST: Final = 8
_MAX_EVENT_CHARS: Final = 64 * 1024
_ENDS: Final = frozenset(
    {
        *("message_stop", "response.completed", "response.incomplete", "response.cancelled"),
        *("message-end", "stream-end", "done", "end", "completed"),
    }
)
_FAILS: Final = frozenset({"error", "response.failed", "response.error", "exception"})
_OPENINGS: Final = ("event:", "data:", "id:", ": ", "retry:")


class StreamReading(NamedTuple):
    """What an event stream amounts to.

    error: the payload of its error event, None when there is none. complete: whether it came to
    its protocol's own end.
    """

    error: object
    complete: bool


def is_event_stream(text: str) -> bool:
    """Whether `text` is a stream of server-sent events, by how it begins."""
    opening = text[:64].lstrip()
    return opening.startswith(_OPENINGS) and ("data:" in text or "event:" in text)


def read_stream(text: str) -> StreamReading:
    """What the server-sent events in `text` amount to; time is linear in its length."""
    events: list[tuple[str, str]] = []
    name, complete, failing = "", False, None
    for line in text.splitlines():
        field, _, value = line.strip().partition(":")
        value = value.strip()
        if field == "event":
            name = value
        elif field == "data":
            if value == "[DONE]":
                complete = True
            else:
                events.append((name, value))
                if failing is None and (name in _FAILS or '"error"' in value or "fail" in value):
                    failing = _failure_of(name, _decoded(value))
            name = ""
    if failing is not None:
        return StreamReading(failing, True)
    complete = complete or any(
        event in _ENDS or ends(_decoded(data)) for event, data in events[-_LAST:]
    )
    if name in _ENDS:
        complete = True
    return StreamReading(None, complete)


def read_events(events: Sequence[object]) -> StreamReading | None:
    """What a list of decoded events amounts to; None when they are no events of a stream."""
    last = [event for event in events[-_LAST:] if isinstance(event, Mapping)]
    if not last or not all(map(_is_event, last)):
        return None
    for event in events[:2_000]:
        if isinstance(event, Mapping) and (failing := _failure_of("", event)) is not None:
            return StreamReading(failing, True)
    return StreamReading(None, any(map(ends, last)))


def _decoded(data: str) -> object:
    if len(data) > _MAX_EVENT_CHARS:
        return data
    try:
        return json.loads(data, strict=False)
    except (ValueError, RecursionError):
        return data


def _failure_of(name: str, event: object) -> object:
    if not isinstance(event, Mapping):
        return event if name in _FAILS else None
    if name in _FAILS or _word(event, "type") in _FAILS or _word(event, "object") == "error":
        return event
    for holder in (event, *_choices(event)):
        if holder.get("error"):
            return holder
    if any(_word(choice, "finish_reason") == "error" for choice in _choices(event)):
        return event
    return None


def ends(event: object) -> bool:
    """Whether a decoded `event` is the last of its protocol."""
    if not isinstance(event, Mapping):
        return False
    if _word(event, "type") in _ENDS or event.get("done") is True or "messageStop" in event:
        return True
    return any(
        _word(choice, name)
        for choice in _choices(event)
        for name in ("finish_reason", "finishReason", "stop_reason")
    )


def is_whole_answer(payload: Mapping[Any, object]) -> bool:
    """Whether `payload` is an answer, or an event of one, that reports no error.

    An answer that a filter stopped is not whole.
    """
    if payload.get("error") or payload.get("errors"):
        return False
    if _is_event(payload):
        choices = _choices(payload)
        reasons = [
            _word(choice, name).lower()
            for choice in choices
            for name in ("finish_reason", "finishReason")
        ]
        blocked = any(
            mark in reason
            for reason in reasons
            for mark in ("error", "filter", "safety", "recitation", "block", "malformed")
        )
        return not blocked and _word(payload, "type") not in _FAILS
    return False


def _is_event(event: Mapping[object, object]) -> bool:
    kind = _word(event, "type")
    if kind in _FAILS or kind in _ENDS or kind.endswith((".delta", "_delta", "-delta", "_start")):
        return True
    if kind in ("message", "ping", "content_block_stop") or kind.startswith(
        ("response.", "content-", "message-")
    ):
        return "role" in event or kind != "message"
    if _word(event, "object") in (
        *("chat.completion", "chat.completion.chunk", "text_completion", "list", "embedding"),
        *("response", "model"),
    ):
        return True
    if _choices(event) or "messageStop" in event or "contentBlockDelta" in event:
        return True
    return isinstance(event.get("done"), bool) and ("message" in event or "response" in event)


def _choices(event: Mapping[object, object]) -> list[Mapping[object, object]]:
    found: list[Mapping[object, object]] = []
    for name in ("choices", "candidates"):
        several = event.get(name)
        if isinstance(several, list | tuple):
            found += [one for one in several[:_LAST] if isinstance(one, Mapping)]
    return found


def _word(event: Mapping[object, object], key: str) -> str:
    value = event.get(key)
    return value if isinstance(value, str) else ""
