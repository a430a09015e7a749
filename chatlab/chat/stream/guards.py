"""Whether the provider has sent content in time: what counts as content, and the two deadlines.

Everything in a stream is either content or not. Content is in the tables below: text, reasoning,
tool calls and their arguments, refusals, a provider's own tools at work, an opened block that is
more than an empty text. Not content are pings, comments, role-only deltas, created, queued and
in-progress events, empty deltas, usage, and every type that is not listed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any, Final

from chatlab.errors import Kind, Verdict

DONE: Final = "[DONE]"
"""The last line of a Chat Completions stream, fed as it is; the official SDKs keep it back."""

_TEXTS: Final = ("output_text", "refusal", "reasoning_text", "reasoning_summary_text")
_INPUTS: Final = (
    *("function_call_arguments", "custom_tool_call_input", "mcp_call_arguments"),
    *("code_interpreter_call_code", "shell_call_command"),
)
_TOOLS: Final = ("web_search", "file_search", "code_interpreter", "image_generation", "mcp")
_PROGRESS: Final = ("in_progress", "searching", "interpreting", "generating", "completed", "failed")

CONTENT: Final[Mapping[str, tuple[str, ...]]] = {
    "content_block_delta": (
        *("delta.text", "delta.thinking", "delta.partial_json", "delta.signature"),
        *("delta.citation", "delta.content"),
    ),
    **{
        f"response.{name}.delta": ("delta",)
        for name in (*_TEXTS, *_INPUTS, "audio", "audio.transcript", "shell_call_output_content")
    },
    **{
        f"response.{name}.done": ("text", "refusal", "arguments", "input", "code", "command")
        for name in (*_TEXTS, *_INPUTS)
    },
    **{
        f"response.{tool}_call.{progress}": ("item_id",)
        for tool in _TOOLS
        for progress in _PROGRESS
    },
    "response.image_generation_call.partial_image": ("partial_image_b64",),
    "response.output_text.annotation.added": ("annotation",),
    "response.output_item.done": ("item",),
}
"""Content by event type: one of these paths holds something."""

_CONTENT: Final = {
    kind: tuple(tuple(path.split(".")) for path in paths) for kind, paths in CONTENT.items()
}

OPENINGS: Final = {"content_block_start": "content_block", "response.output_item.added": "item"}
"""Events that open a block: content, unless it is one of `EMPTY_BLOCKS` and has no text yet."""

EMPTY_BLOCKS: Final = frozenset({"text", "message"})

CHAT_CONTENT: Final = (
    *("content", "reasoning_content", "reasoning", "reasoning_details", "refusal"),
    *("tool_calls", "function_call", "audio", "images"),
)
"""Content of a Chat Completions chunk: one of these fields of a choice holds something."""


def event_dict(event: object) -> Mapping[str, object]:
    """Return the decoded `event` as a mapping: a dict as it is, an SDK's object by its own dump.

    `DONE` becomes ``{"type": "[DONE]"}``; something else (a number, None) an empty mapping.
    """
    if type(event) is dict or isinstance(event, Mapping):
        return event
    if isinstance(event, str):
        return {"type": DONE} if event.strip() == DONE else {}
    if type(event).__name__ == "RawContentBlockDeltaEvent":
        block: Any = event
        if block.delta.type == "text_delta":
            # Nearly all events of such a stream, at a third of what a dump costs.
            added = {"type": "text_delta", "text": block.delta.text}
            return {"type": block.type, "index": block.index, "delta": added}
    dump = None if isinstance(event, type) else getattr(event, "model_dump", None)
    dumped = dump(by_alias=True, exclude_unset=True, warnings=False) if callable(dump) else None
    return dumped if isinstance(dumped, Mapping) else {}


def at(event: object, path: str) -> object:
    """Return the value at the dotted `path` of nested mappings, or None."""
    return _at(event, path.split("."))


def _at(event: object, names: Sequence[str]) -> object:
    for name in names:
        # A dict is asked for first: the general question costs ten times as much.
        if not (type(event) is dict or isinstance(event, Mapping)):
            return None
        event = event.get(name)
    return event


def choices(event: Mapping[str, object]) -> Sequence[tuple[int, Mapping[str, object]]]:
    """Return the choices of a Chat Completions chunk, each with its index (by default 0)."""
    listed = event.get("choices")
    if not isinstance(listed, list):
        return ()
    return [
        (number(choice.get("index")), choice)
        for choice in listed
        if type(choice) is dict or isinstance(choice, Mapping)
    ]


def number(value: object) -> int:
    """Return `value` if it is a whole number, else 0."""
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def delta(choice: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a choice adds; some servers stream one ``message`` instead of deltas."""
    added = choice.get("delta") or choice.get("message")
    return added if type(added) is dict or isinstance(added, Mapping) else {}


def is_content(event: object) -> bool:
    """Whether `event` carries something that the model, or a tool of the provider, has made."""
    decoded = event_dict(event)
    kind = decoded.get("type")
    if not isinstance(kind, str):
        added = [delta(choice) for _, choice in choices(decoded)]
        return any(one.get(name) for one in added for name in CHAT_CONTENT)
    if kind in OPENINGS:
        block = at(decoded, OPENINGS[kind])
        return bool(at(block, "text")) or at(block, "type") not in (None, *EMPTY_BLOCKS)
    return any(_at(decoded, names) for names in _CONTENT.get(kind, ()))


def is_refusal(event: object) -> bool:
    """Whether `event` carries words, or a finished item, in which the model refuses."""
    decoded = event_dict(event)
    if str(decoded.get("type")).startswith("response.refusal."):
        return True
    if "response" not in decoded and "choices" not in decoded:
        return False
    output = at(decoded, "response.output")
    items = [at(item, "content") for item in output] if isinstance(output, list) else []
    parts = [part for item in items if isinstance(item, list) for part in item]
    return any(at(part, "type") == "refusal" for part in parts) or any(
        delta(choice).get("refusal") for _, choice in choices(decoded)
    )


@dataclass(slots=True, eq=False)
class StreamGuard:
    """Watches one attempt, without a clock: it is told the time, and says when to look again.

    Parameters
    ----------
    since:
        When the request was sent, in seconds of any clock that does not go back; later the time of
        the last content.
    startup_s:
        How long the first content may take, in seconds; None switches this guard off.
    silence_s:
        How long the stream may go without content, in seconds; None switches this guard off.
    provider:
        Who is named in the verdict.

    Attributes
    ----------
    fired: Verdict or None
        The verdict that ended the attempt, retryable, once there is one.

    Raises
    ------
    ValueError
        For a limit that is not a positive, finite number of seconds.

    Examples
    --------
    >>> guard = StreamGuard(0.0, startup_s=60)
    >>> guard.deadline
    60.0
    >>> guard.check(60.0).kind
    <Kind.STARTUP_TIMEOUT: 'startup_timeout'>
    """

    since: float
    _: KW_ONLY
    startup_s: float | None = 60.0
    silence_s: float | None = 600.0
    provider: str | None = None
    fired: Verdict | None = field(default=None, init=False)
    started: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        _check_limit("startup_s", self.startup_s)
        _check_limit("silence_s", self.silence_s)

    @property
    def deadline(self) -> float | None:
        """When the guard fires unless content comes first; None if it never will (again)."""
        due = None if self.fired else self._due()
        return None if due is None else due[0]

    def feed(self, now: float, event: object) -> Verdict | None:
        """Take in an event that is handled at `now`; return the verdict if the guard has fired.

        Content resets the timer, however late it is handled: it never fires the guard.
        """
        return self.note(now, is_content(event))

    def note(self, now: float, content: bool) -> Verdict | None:
        """Take in an event of which is known whether it is content; otherwise as `feed`."""
        if content:
            self.started = True
            self.since = max(self.since, now)
            return self.fired
        return self.check(now)

    def check(self, now: float) -> Verdict | None:
        """Return the verdict if the deadline has passed at `now`, now or before."""
        due = self._due()
        if self.fired is None and due is not None and now >= due[0]:
            _, kind, rule = due
            self.fired = Verdict(kind, retryable=True, provider=self.provider, rule=rule)
        return self.fired

    def _due(self) -> tuple[float, Kind, str] | None:
        armed = []
        if self.startup_s is not None and not self.started:
            startup = self.since + self.startup_s
            armed.append((startup, Kind.STARTUP_TIMEOUT, "own-startup-guard"))
        if self.silence_s is not None:
            silence = self.since + self.silence_s
            armed.append((silence, Kind.STREAM_SILENCE_TIMEOUT, "own-silence-guard"))
        return min(armed, key=lambda due: due[0], default=None)


def _check_limit(name: str, value: float | None) -> None:
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise ValueError(
            f"StreamGuard: {name} is {value!r}; "
            "give a positive number of seconds, or None to switch this guard off"
        )
