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
import typing
from collections.abc import Collection, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from difflib import get_close_matches
from enum import StrEnum
from types import UnionType
from typing import TYPE_CHECKING, Final

from chatlab.chat.contracts import Outcome
from chatlab.chat.parts import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.usage import Usage
from chatlab.errors.payloads import ChatError, ChatStreamRetry

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


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
_NAMES: Final = {cls: name for name, cls in (*EVENTS.items(), *PARTS.items())}
_hints = functools.cache(typing.get_type_hints)
_PLAIN: Final = {str: "a text", int: "a whole number", bool: "true or false", Mapping: "an object"}


def encode(event: TurnEvent) -> dict[str, object]:
    """`event` as JSON values; `decode` gives it back."""
    return {"type": _NAMES[type(event)], _NAMES[type(event)]: _payload(event)}


def decode(data: object) -> TurnEvent:
    """The event in decoded JSON. Raises ValueError that says where, what is wrong, what is near."""
    payload = _object(data, "turn event")
    name = _one_of(EVENTS, payload.get("type"), "turn event: type")
    event = _build(EVENTS[name], payload.get(name), f"turn event: {name}")
    return typing.cast(TurnEvent, event)


def _payload(event: DataclassInstance) -> dict[str, object]:
    tag = {"type": _NAMES[type(event)]} if isinstance(event, Part) else {}
    here = [(f.name, getattr(event, f.name), f.default) for f in fields(event)]
    return tag | {k: _json(v) for k, v, usual in here if usual is MISSING or v not in (usual, "")}


def _json(value: object) -> object:
    if isinstance(value, tuple):
        return [_json(one) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return _payload(value)
    return str(value) if isinstance(value, StrEnum) else value


def _build(hint: object, value: object, where: str) -> object:
    """`value` as what `hint` asks for: a dataclass, a part, an enum, a tuple, a plain value."""
    if hint == Part:
        hint = PARTS[_one_of(PARTS, _object(value, where).get("type"), f"{where}.type")]
    args = typing.get_args(hint)
    if isinstance(hint, UnionType):
        return None if value is None else _build(args[0], value, where)
    asked = typing.cast(type, typing.get_origin(hint) or hint)
    if asked is tuple:
        if not isinstance(value, list):
            raise ValueError(f"{where}: {value!r:.80} is no list")
        return tuple(_build(args[0], one, f"{where}[{n}]") for n, one in enumerate(value))
    if is_dataclass(asked):
        return _fill(asked, _object(value, where), where)
    if issubclass(asked, StrEnum):
        return asked(_one_of([str(one) for one in asked], value, where))
    if not isinstance(value, asked) or (asked is int and isinstance(value, bool)):
        raise ValueError(f"{where}: {value!r:.80} is not {_PLAIN[asked]}")
    return value


def _fill(cls: type[DataclassInstance], payload: Mapping[str, object], where: str) -> object:
    hints = _hints(cls)
    missing = [f.name for f in fields(cls) if f.default is MISSING and f.name not in payload]
    if missing:
        near = get_close_matches(missing[0], set(map(str, payload)) - set(hints), n=1)
        hint = f"; did you mean it by {near[0]!r}?" if near else ""
        raise ValueError(f"{where}: the field {missing[0]!r} is missing{hint}")
    return cls(**{k: _build(hints[k], v, f"{where}.{k}") for k, v in payload.items() if k in hints})


def _object(value: object, where: str) -> Mapping[str, object]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(f"{where}: {value!r:.80} is not {_PLAIN[Mapping]}")


def _one_of(known: Collection[str], value: object, where: str) -> str:
    if isinstance(value, str) and value in known:
        return value
    near = get_close_matches(str(value), known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
    raise ValueError(f"{where}: {value!r:.80} is not known; {hint}")
