"""The result of a replay: events with their times, the end, what the provider received."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from chatlab.chat.messages.events import Answer, Status, TurnEvent, TurnStatus, encode
from chatlab.chat.messages.parts import Piece
from chatlab.chat.stream.attempt import Discarded
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.lab.protocols.exchange import ReceivedRequest
from chatlab.retry import GiveUp, duration

LAB_SAYS: Final = "chatlab fake provider: "
"""The beginning of the fake provider's own error messages."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event of a replay, for tables: at_s, wait_s in seconds; attempt from 1."""

    at_s: float
    attempt: int
    event: str
    said: str = ""
    kind: str = ""
    wait_s: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Replay:
    """The result of one turn.

    Attributes
    ----------
    events: tuple of (float, TurnEvent)
        Each with its second since the start, as the charts and cards of `chatlab.views` take them.
    answer: Answer or None
        If the turn gave one.
    failure, error: ChatError and Exception, or None
        Otherwise: what viewers were told, and what `Turn.run` raised.
    gave_up: GiveUp or None
        Why, if the policy ended the turn.
    discarded: Discarded
        What the failed attempts cost.
    requests: tuple of Request
        As they arrived; a refused connection does not count.
    """

    events: tuple[tuple[float, TurnEvent], ...]
    answer: Answer | None
    failure: ChatError | None
    error: Exception | None
    gave_up: GiveUp | None
    discarded: Discarded
    requests: tuple[ReceivedRequest, ...]

    @property
    def problem(self) -> str | None:
        """Why the script could not be played to its end, if so."""
        said = (self.failure.detail or "") if self.failure else ""
        _, marked, told = said.partition(LAB_SAYS)
        return told if marked else None

    @property
    def attempts(self) -> int:
        """How many attempts the turn made."""
        return sum(
            isinstance(e, Status) and e.status is TurnStatus.STARTING for _, e in self.events
        )

    @property
    def log(self) -> tuple[LogLine, ...]:
        """A line for each event: ``pandas.DataFrame(replay.log)`` is the table."""
        lines: list[LogLine] = []
        attempt = 1
        for at_s, event in self.events:
            attempt = getattr(event, "attempt", attempt)
            lines.append(_line(at_s, attempt, event))
        return tuple(lines)

    def to_jsonl(self) -> str:
        """The events as lines of JSON: ``{"at_s": seconds, "type": name, name: payload}``."""
        return "".join(
            json.dumps({"at_s": at_s, **encode(event)}, ensure_ascii=False) + "\n"
            for at_s, event in self.events
        )

    def __repr__(self) -> str:
        count = f"{self.attempts} attempt{'' if self.attempts == 1 else 's'}"
        took = duration(round(self.events[-1][0], 3)) if self.events else "no time"
        if self.answer is not None:
            return f"Replay: answered after {count} and {took}: {self.answer.text!r:.100}"
        why = self.failure.message if self.failure else f"{self.error!r:.200}"
        return f"Replay: failed after {count} and {took}: {why}"


def _line(at_s: float, attempt: int, event: TurnEvent) -> LogLine:
    if isinstance(event, Status):
        return LogLine(at_s, attempt, "status", str(event.status))
    if isinstance(event, ChatStreamRetry):
        return LogLine(at_s, attempt, "retry", event.error, event.kind.label, event.delay_s)
    if isinstance(event, ChatError):
        return LogLine(at_s, attempt, "error", event.message, event.kind.label)
    if isinstance(event, Answer):
        return LogLine(at_s, attempt, "message", event.text)
    return LogLine(at_s, attempt, "message_part", _said(event.piece))


def _said(piece: Piece) -> str:
    """Return the text of a piece; if it is not text of the answer, with what it is."""
    return piece.text if piece.part == "text" else f"{piece.part}: {piece.name or piece.text}"
