"""Every part of an observation that may speak, with its place and its origin."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from chatlab.errors.observation import Observation
from chatlab.errors.reading import own_code
from chatlab.errors.reading.fields import (
    Origin,
    Place,
    attribute_places,
    decoded,
    parsed,
    structure_places,
)
from chatlab.errors.reading.text.prose import speaking_lines
from chatlab.errors.reading.text.quotes import without_request
from chatlab.errors.reading.text.streams import (
    is_event_stream,
    is_whole_answer,
    read_events,
    read_stream,
)
from chatlab.errors.reading.text.structures import MAX_PARSED_CHARS, structures
from chatlab.text.patterns import lazy

_MAX_NESTED: Final = 40
_SPEAKING_KEYS: Final = frozenset(
    {
        *("error", "errors", "Error", "Errors", "message", "Message", "detail", "msg", "err"),
        *("code", "Code", "__type", "fault", "exception", "status", "reason", "cause"),
        *("errorMessage", "error_message", "error_description", "errorCode", "error_code"),
        *("retryDelay", "retry_after", "retry_delay", "retryAfter", "resets_in_seconds"),
        *("statusCode", "status_code", "httpStatusCode"),
    }
)
"""Keys of which an object in a text has one, when it may speak of a failure."""
_REQUEST_BEFORE: Final = lazy(
    r"""(?:request(?:_?data|_?body|BodyValues|_?kwargs|_?payload)?|kwargs|inputs?|payload|params
    |parameters|prompts?|messages|arguments|args|body_sent|json|sent|options|config|metadata|context
    |extra|tools?|headers)["']?\s{0,2}[:=(]{1,2}\s{0,2}(?:Some\()?$|-d\s+'?$""",
    re.VERBOSE | re.IGNORECASE,
)
_CUT_ANSWER: Final = lazy(
    r"""\s*\{(?:(?!"error"|"message"\s*:\s*")[^\n]){0,400}"(?:choices|candidates|content|output)"\s*:\s*\["""
)
"""The beginning of a model's answer whose end did not arrive."""
_HEADERS_BEFORE: Final = lazy(r"headers[\"']?\s{0,2}[:=]\s{0,2}\w{0,20}\s?$", re.IGNORECASE)


@dataclass(slots=True)
class Collected:
    """The places of an observation, and what its streams and answers amount to.

    cut: an event stream that stops before its end. whole: a whole answer was seen.
    reader_left: the one who was to read the answer went away.
    """

    places: list[Place]
    cut: bool = False
    whole: bool = False
    reader_left: bool = False


def collect(observation: Observation) -> Collected:
    """The parts of `observation`: the body's, then the innermost cause's, the text's last."""
    found = Collected([])
    try:
        _from_body(observation.body, found)
    except Exception:  # a hostile body hides itself, not what else was seen
        found.places.clear()
    with suppress(Exception):
        found.places += attribute_places(observation.attributes)
        ended = observation.attributes or {}
        found.cut = found.cut or ended.get("stream_cut") is True
        found.reader_left = ended.get("reader_left") is True
    raised = [("exception", observation.exception_type, observation.exception_text)]
    raised += [(f"cause[{n}]", seen.type, seen.text) for n, seen in enumerate(observation.causes)]
    for where, name, said in reversed(raised):
        kind = None if name is None else decoded(name)
        if kind:
            found.places.append(Place(f"{where}.type", "type", kind, Origin.TYPED))
        text = None if said is None else decoded(said)
        if text and not own_code.is_own_bug(kind, text):  # the words of a bug are nobody's answer
            _from_text(f"{where}.text", "text", text, found, Origin.ERROR)
    text = None if observation.text is None else decoded(observation.text)
    if text:
        _from_text("text", "", own_code.without_bugs(text), found, Origin.CONTEXT)
    return found


def all_places(observation: Observation) -> list[Place]:
    """The places of `observation`, as `collect` finds them."""
    return collect(observation).places


def sources(observation: Observation) -> dict[str, str]:
    """The whole texts of which the places of the same name are parts: to show, not to judge."""
    texts: dict[str, object] = {"text": observation.text, "body": observation.body}
    texts["exception.text"] = observation.exception_text
    texts |= {f"cause[{n}].text": seen.text for n, seen in enumerate(observation.causes)}
    known = ((where, decoded(raw)) for where, raw in texts.items() if raw is not None)
    return {where: text for where, text in known if text}


def _from_body(body: object, found: Collected) -> None:
    if body is None:
        return
    value = parsed(body)
    if isinstance(value, str):
        if is_event_stream(value):
            stream = read_stream(value)
            if stream.error is not None:
                _from_structure(stream.error, "body", found)
            elif stream.complete:
                found.whole = True
            else:
                found.cut = True
        elif _CUT_ANSWER.match(value):
            found.cut = True
        else:
            _from_text("body", "", value, found, Origin.ERROR)
        return
    _from_structure(value, "body", found)


def _from_structure(value: object, where: str, found: Collected) -> None:
    """Add the places of a decoded `value`, looking into the texts that hold structures."""
    if isinstance(value, str):
        _from_text(where, "", value, found, Origin.SENTENCE)
        return
    if isinstance(value, Mapping) and is_whole_answer(value):
        found.whole = True
        return
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        events = read_events(value)
        if events is not None:
            if events.error is not None:
                _from_structure(events.error, where, found)
            else:
                found.whole, found.cut = events.complete, not events.complete
            return
    nested: list[Place] = []
    for place in structure_places(value, where):
        holds = "{" in place.value and place.origin is Origin.SENTENCE
        (nested if holds and len(nested) < _MAX_NESTED else found.places).append(place)
    for place in nested:
        _from_text(place.where, place.key, place.value, found, Origin.SENTENCE)


def _from_text(where: str, key: str, text: str, found: Collected, origin: Origin) -> None:
    """Add what a text says: the structures in it first, then its own sentences.

    origin: of its sentences; `Origin.CONTEXT` has its lines told apart.
    """
    if "{" in text and len(text) <= MAX_PARSED_CHARS:
        text = _without_structures(where, text, found)
    text = without_request(text)
    if origin is Origin.CONTEXT:
        speaking, context = speaking_lines(text)
        if speaking.strip():
            found.places.append(Place(where, key, speaking, Origin.ERROR))
        if context.strip():
            found.places.append(Place(where, key, context, Origin.CONTEXT))
    elif text.strip():
        found.places.append(Place(where, key, text, origin))


def _without_structures(where: str, text: str, found: Collected) -> str:
    kept, end = [], 0
    for start, stop, value in structures(text):
        introduced = text[max(end, start - 40) : start]
        label = _REQUEST_BEFORE.search(introduced)
        is_headers = _HEADERS_BEFORE.search(introduced) is not None
        sent = label is not None and not is_headers
        kept.append(text[end : start - len(label[0]) if label and sent else start])
        end = stop
        if not sent:
            if is_headers:
                value = {"headers": value}
            elif isinstance(value, Mapping) and not value.keys() & _SPEAKING_KEYS:
                if is_whole_answer(value):
                    found.whole = True
                continue
            _from_structure(value, where, found)
    kept.append(text[end:])
    return " \x1a ".join(kept)
