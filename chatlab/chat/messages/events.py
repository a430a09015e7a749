"""The events of a turn, the parts they carry, and their JSON.

    status         where the turn stands, for the attempt that is running
    message_part   a provisional piece of the answer that this attempt shows
    retry          the attempt has failed: drop its parts; the next one starts at `retrying_at`
    error          the turn has failed for good
    message        the committed answer, which stands instead of all pieces

One event is ``{"type": name, name: payload}``. Empty fields are left out, unknown ones ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

from chatlab.chat.messages.codec import Codec, json_object, one_of
from chatlab.chat.messages.parts import (
    BlockPart,
    Part,
    Piece,
    ReasoningPart,
    TextPart,
    ToolCallPart,
)
from chatlab.chat.messages.usage import Usage
from chatlab.chat.stream.contracts import Outcome
from chatlab.errors.payloads import ChatError, ChatStreamRetry


@dataclass(frozen=True, slots=True)
class MessagePart:
    """A piece that an attempt shows; provisional until the message.

    Parameters
    ----------
    attempt:
        The number of the attempt, from 1.
    piece:
        What is shown.

    Examples
    --------
    >>> MessagePart(1, Piece(0, "text", "Hel")).piece.text
    'Hel'
    """

    attempt: int
    piece: Piece


@dataclass(frozen=True, slots=True)
class Answer:
    """The committed answer.

    Parameters
    ----------
    outcome:
        Whether it is complete, and if not, why.
    parts:
        What it is made of, in order.
    stop_reason:
        The provider's word for the end.
    response_id:
        The id that the provider gave the response.
    model:
        The model that answered, as the provider named it.
    usage:
        Of this attempt alone.

    Examples
    --------
    >>> Answer(Outcome.COMPLETE, (TextPart("Hello."),)).text
    'Hello.'
    """

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
    """Where a turn stands, as its viewers see it.

    Examples
    --------
    >>> TurnStatus("delayed_start").name
    'DELAYED_START'
    """

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
    """A new status of the turn.

    Parameters
    ----------
    status:
        Where the turn stands now.
    attempt:
        The number of the attempt that reached it, from 1.

    Examples
    --------
    >>> Status(TurnStatus.RETRYING, attempt=2).status
    <TurnStatus.RETRYING: 'retrying'>
    """

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
_NAMES: Final = {cls: name for name, cls in EVENTS.items()}
_CODEC: Final = Codec(PARTS, lenient=True)


def encode(event: TurnEvent) -> dict[str, object]:
    """`event` as JSON values; `decode` gives it back."""
    name = _NAMES[type(event)]
    return {"type": name, name: _CODEC.dump(event)}


def decode(data: object) -> TurnEvent:
    """The event in decoded JSON. Raises ValueError that says where, what is wrong, what is near."""
    payload = json_object(data, "turn event")
    name = one_of(EVENTS, payload.get("type"), "turn event: type")
    event = _CODEC.load(EVENTS[name], payload.get(name), f"turn event: {name}")
    return cast(TurnEvent, event)
