"""The events of a turn, the parts they carry, and their JSON.

    status         where the turn stands, for the attempt that is running
    message_part   a provisional piece of the answer that this attempt shows
    retry          the attempt has failed: drop its parts; the next one starts at `retrying_at`
    error          the turn has failed for good
    message        the committed answer, which stands instead of all pieces

One event is ``{"type": name, name: payload}``. Empty fields are left out, unknown ones ignored.
"""

from __future__ import annotations

import functools
import math
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from enum import StrEnum
from types import UnionType
from typing import Any, Final

from chatlab.chat import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart, Usage
from chatlab.chat.contracts import Outcome
from chatlab.errors import Kind, Verdict


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A piece that attempt number `attempt` (from 1) shows; provisional until the message."""

    attempt: int
    piece: Piece


@dataclass(frozen=True, slots=True)
class Answer:
    """The committed answer. stop_reason: the provider's word. usage: of this attempt alone."""

    outcome: Outcome
    parts: tuple[Part, ...] = ()
    stop_reason: str | None = None
    response_id: str | None = None
    model: str | None = None
    usage: Usage | None = None

    @property
    def text(self) -> str:
        """The text of the first choice."""
        return "".join(p.text for p in self.parts if isinstance(p, TextPart) and not p.choice)


class TurnStatus(StrEnum):
    """Where a turn stands, as its viewers see it."""

    IDLE = "idle"
    STARTING = "starting"
    DELAYED_START = "delayed_start"
    STREAMING = "streaming"
    RETRYING = "retrying"
    FAILED = "failed"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Status:
    """A new status of the turn, reached in attempt number `attempt` (from 1)."""

    status: TurnStatus
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class ChatStreamRetry:
    """Attempt number `attempt` (from 1) has failed; the next follows after `delay_ms`.

    error: the retry message, a bare fact. retrying_at: RFC 3339, UTC, with milliseconds.
    """

    attempt: int
    delay_ms: int
    error: str
    kind: Kind
    retrying_at: str
    provider: str | None = None
    status_code: int | None = None

    @property
    def delay_s(self) -> float:
        """The announced wait in seconds: the one to sleep."""
        return self.delay_ms / 1000

    @classmethod
    def announce(
        cls, verdict: Verdict, *, attempt: int, delay_s: float, now_s: float
    ) -> ChatStreamRetry:
        """The event for a wait of `delay_s` that begins at `now_s` (Unix time in seconds).

        Rounded up to whole milliseconds: sleep the event's own `delay_s`, so that the wait is the
        announced one. Raises ValueError for an attempt below 1 and a negative or endless wait,
        OverflowError for a time after the year 9999.
        """
        if attempt < 1 or not 0 <= delay_s < math.inf:
            wrong = f"retry event: attempt {attempt!r}, delay_s {delay_s!r}"
            raise ValueError(f"{wrong}; give an attempt from 1 and a finite wait from 0")
        delay_ms = math.ceil(round(delay_s * 1000, 6))
        due = _EPOCH + timedelta(milliseconds=round(now_s * 1000) + delay_ms)
        at = due.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        said = verdict.retry_message
        who, status = verdict.provider, verdict.status_code
        return cls(attempt, delay_ms, said, verdict.kind, at, who, status)


@dataclass(frozen=True, slots=True)
class ChatError:
    """The turn has failed for good. message: for people. detail: what the provider said."""

    message: str
    kind: Kind
    retryable: bool
    provider: str | None = None
    status_code: int | None = None
    detail: str | None = None


TurnEvent = Status | MessagePart | ChatStreamRetry | ChatError | Answer

EVENTS: Final[Mapping[str, type[TurnEvent]]] = {
    "retry": ChatStreamRetry,
    "error": ChatError,
    "status": Status,
    "message_part": MessagePart,
    "message": Answer,
}
PARTS: Final[Mapping[str, type[Part]]] = {
    "text": TextPart,
    "reasoning": ReasoningPart,
    "tool_call": ToolCallPart,
    "block": BlockPart,
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAMES: Final = {cls: name for name, cls in (*EVENTS.items(), *PARTS.items())}
_hints = functools.cache(typing.get_type_hints)
_PLAIN: Final = {str: "a text", int: "a whole number", bool: "true or false", Mapping: "an object"}


def encode(event: TurnEvent) -> dict[str, object]:
    """`event` as JSON values; `decode` gives it back."""
    return {"type": _NAMES[type(event)], _NAMES[type(event)]: _payload(event)}


def decode(data: object) -> TurnEvent:
    """The event in decoded JSON. Raises ValueError that says where, what is wrong, what is near."""
    payload = _build(Mapping, data, "turn event")
    name = _one_of(EVENTS, payload.get("type"), "turn event: type")
    return typing.cast(TurnEvent, _build(EVENTS[name], payload.get(name), f"turn event: {name}"))


def _payload(event: Any) -> dict[str, object]:
    tag = {"type": _NAMES[type(event)]} if isinstance(event, Part) else {}
    here = [(f.name, getattr(event, f.name), f.default) for f in fields(event)]
    return tag | {k: _json(v) for k, v, usual in here if usual is MISSING or v not in (usual, "")}


def _json(value: Any) -> object:
    if isinstance(value, tuple):
        return [_json(one) for one in value]
    if is_dataclass(value):
        return _payload(value)
    return str(value) if isinstance(value, StrEnum) else value


def _build(hint: Any, value: object, where: str) -> Any:
    """`value` as what `hint` asks for: a dataclass, a part, an enum, a tuple, a plain value."""
    if hint == Part:
        hint = PARTS[_one_of(PARTS, _build(Mapping, value, where).get("type"), f"{where}.type")]
    if isinstance(hint, UnionType):
        return None if value is None else _build(typing.get_args(hint)[0], value, where)
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where}: {value!r:.80} is no list")
        return tuple(_build(args[0], one, f"{where}[{n}]") for n, one in enumerate(value))
    if is_dataclass(hint):
        return _fill(hint, _build(Mapping, value, where), where)
    if issubclass(origin or hint, StrEnum):
        return hint(_one_of([str(one) for one in hint], value, where))
    if not isinstance(value, origin or hint) or (hint is int and isinstance(value, bool)):
        raise ValueError(f"{where}: {value!r:.80} is not {_PLAIN[origin or hint]}")
    return value


def _fill(cls: Any, payload: Mapping[str, object], where: str) -> Any:
    hints = _hints(cls)
    missing = [f.name for f in fields(cls) if f.default is MISSING and f.name not in payload]
    if missing:
        near = get_close_matches(missing[0], set(map(str, payload)) - set(hints), n=1)
        hint = f"; did you mean it by {near[0]!r}?" if near else ""
        raise ValueError(f"{where}: the field {missing[0]!r} is missing{hint}")
    return cls(**{k: _build(hints[k], v, f"{where}.{k}") for k, v in payload.items() if k in hints})


def _one_of(known: Any, value: object, where: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    raise ValueError(f"{where}: {value!r:.80} is not known; {hint}")
