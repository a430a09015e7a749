"""What became of every attempt of a turn: a fold of its events with their times, and its picture.

An attempt runs until its end is seen: a retry, the answer, an error, or the person's cancelling.
What belongs to an attempt that is over, or follows the end of the turn, changes nothing; an end
that was missed is seen when the next attempt begins. So any order of events has one reading.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Self

from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import BlockPart, Part, Piece, ReasoningPart, ToolCallPart
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError, ChatStreamRetry

TimedEvent = tuple[float, TurnEvent]
"""When an event was seen, in seconds of a clock that does not go back, and the event."""


class Result(StrEnum):
    """What became of an attempt. Only what was `COMMITTED` stands; the rest was dropped."""

    RUNNING = "running"
    RETRIED = "retried"
    FAILED = "failed"
    CANCELLED = "cancelled"
    COMMITTED = "committed"


_ENDS: Final = {
    TurnStatus.FAILED: Result.FAILED,
    TurnStatus.CANCELLED: Result.CANCELLED,
    TurnStatus.COMPLETED: Result.COMMITTED,
}


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A part of an attempt as far as it was shown: fields as in `Piece`, times in seconds."""

    index: int
    part: str
    text: str
    began_at: float
    ended_at: float
    name: str | None = None
    choice: int = 0


@dataclass(frozen=True, slots=True)
class ShownAttempt:
    """One attempt, `number` from 1; times are seconds of the clock of the events.

    parts: what it has shown; of a committed one, what the answer holds. retry, error, answer: the
    event that ended it, if that was seen.
    """

    number: int
    began_at: float
    result: Result = Result.RUNNING
    ended_at: float | None = None
    first_content_at: float | None = None
    delayed: bool = False
    parts: tuple[ShownPart, ...] = ()
    retry: ChatStreamRetry | None = None
    error: ChatError | None = None
    answer: Answer | None = None

    @property
    def text(self) -> str:
        """The text of the first choice."""
        shown = (p for p in self.parts if p.part in ("text", "refusal") and not p.choice)
        return "".join(part.text for part in shown)

    @property
    def characters(self) -> int:
        """How much all its parts hold: text, reasoning, arguments of tool calls."""
        return sum(len(part.text) for part in self.parts)

    @property
    def dropped(self) -> bool:
        """Whether what it has shown was taken back."""
        return self.result in (Result.RETRIED, Result.FAILED, Result.CANCELLED)

    @property
    def kind(self) -> Kind | None:
        """What went wrong; None if nothing did, or it was not seen."""
        failure = self.retry or self.error
        return None if failure is None else failure.kind

    @property
    def wait_s(self) -> float:
        """The announced wait after it, in seconds."""
        return self.retry.delay_s if self.retry else 0.0


class Timeline:
    """The attempts of one turn, fed with its events as they are seen.

    Attributes
    ----------
    over : TurnStatus or None
        How the turn ended, as far as that is known; behind an answer a turn with tools goes on.

    Examples
    --------
    >>> from chatlab.lab import replay
    >>> timeline = Timeline.of(replay(["http-error:503", "success"]).events)
    >>> [str(one.result) for one in timeline.attempts], timeline.attempts[0].wait_s
    (['retried', 'committed'], 1.0)
    """

    def __init__(self) -> None:
        self.over: TurnStatus | None = None
        self.now = -math.inf
        self._attempts: list[ShownAttempt] = []
        self._ended = False

    @classmethod
    def of(cls, events: Iterable[TimedEvent]) -> Self:
        """The timeline of recorded events. Raises TypeError for an item that is no such pair."""
        timeline = cls()
        for at, event in checked(events):
            timeline.feed(at, event)
        return timeline

    @property
    def attempts(self) -> tuple[ShownAttempt, ...]:
        """Every attempt so far; only the last one can be running."""
        return tuple(self._attempts)

    @property
    def last(self) -> ShownAttempt | None:
        """The attempt that began last."""
        return self._attempts[-1] if self._attempts else None

    @property
    def status(self) -> TurnStatus:
        """Where the turn stands, by its events alone."""
        if self.over or self.last is None:
            return self.over or TurnStatus.IDLE
        if self.last.result is not Result.RUNNING:
            return TurnStatus.RETRYING
        if self.last.first_content_at is not None:
            return TurnStatus.STREAMING
        return TurnStatus.DELAYED_START if self.last.delayed else TurnStatus.STARTING

    def feed(self, at: float, event: TurnEvent) -> None:
        """Take in an event seen `at`, a finite time. Raises ValueError for any other."""
        if not math.isfinite(at):
            raise ValueError(f"timeline: {at!r} is no time; give finite seconds")
        self.now = max(self.now, at)
        if self._ended or (self.over and not self._is_next_step(event)):
            self._ended = self._ended or _is_end(event)
            return
        self.over = None
        if isinstance(event, Answer | ChatError):
            self._conclude(event)
            return
        if isinstance(event, Status) and _is_end(event):
            self._leave(event)
            return
        if isinstance(event, Status) and event.status is TurnStatus.IDLE:
            return
        attempt = self._running(event.attempt)
        if attempt is None:
            return
        if isinstance(event, ChatStreamRetry):
            attempt = replace(attempt, result=Result.RETRIED, ended_at=self.now, retry=event)
        elif isinstance(event, MessagePart):
            parts = _with_piece(attempt.parts, event.piece, self.now)
            attempt = replace(self._with_content(attempt), parts=parts)
        elif event.status is TurnStatus.RETRYING:
            attempt = replace(attempt, result=Result.RETRIED, ended_at=self.now)
        elif event.status is TurnStatus.DELAYED_START:
            attempt = replace(attempt, delayed=True)
        elif event.status is TurnStatus.STREAMING:
            attempt = self._with_content(attempt)
        self._attempts[-1] = attempt

    def _is_next_step(self, event: TurnEvent) -> bool:
        """Whether, behind an answer, this is the start of a request with what the tools gave."""
        if not isinstance(event, Status) or event.status is not TurnStatus.STARTING:
            return False
        last = self.last
        return last is not None and last.answer is not None and event.attempt > last.number

    def _conclude(self, event: Answer | ChatError) -> None:
        attempt = self.last
        if attempt is None or attempt.result is not Result.RUNNING:
            attempt = self._begin(attempt.number + 1 if attempt else 1)
        if isinstance(event, Answer):
            seen = {part.index: (part.began_at, part.ended_at) for part in attempt.parts}
            parts = tuple(
                _committed(index, part, *seen.get(index, (self.now, self.now)))
                for index, part in enumerate(event.parts)
            )
            ended = replace(attempt, result=Result.COMMITTED, answer=event, parts=parts)
            self.over = TurnStatus.COMPLETED
        else:
            ended = replace(attempt, result=Result.FAILED, error=event)
            self.over = TurnStatus.FAILED
        self._attempts[-1] = replace(ended, ended_at=self.now)

    def _leave(self, event: Status) -> None:
        """The turn is over, and of its end only this status was seen."""
        if self.last is not None and self.last.result is Result.RUNNING:
            self._attempts[-1] = replace(self.last, result=_ENDS[event.status], ended_at=self.now)
        self.over = event.status
        self._ended = True

    def _running(self, number: int) -> ShownAttempt | None:
        """Attempt `number` if it runs; if it is later than the last one, it begins now."""
        last = self.last
        if last is None or number > last.number:
            if last is not None and last.result is Result.RUNNING:
                self._attempts[-1] = replace(last, result=Result.RETRIED, ended_at=self.now)
            return self._begin(number)
        return last if number == last.number and last.result is Result.RUNNING else None

    def _begin(self, number: int) -> ShownAttempt:
        self._attempts.append(ShownAttempt(number, self.now))
        return self._attempts[-1]

    def _with_content(self, attempt: ShownAttempt) -> ShownAttempt:
        if attempt.first_content_at is not None:
            return attempt
        return replace(attempt, first_content_at=self.now)


def _is_end(event: TurnEvent) -> bool:
    return isinstance(event, Status) and event.status in _ENDS


def checked(events: Iterable[TimedEvent]) -> tuple[TimedEvent, ...]:
    """`events` as pairs of time and event. Raises TypeError, with the place, for anything else."""
    pairs = tuple(events)
    for place, pair in enumerate(pairs):
        if (
            not isinstance(pair, tuple)
            or len(pair) != 2
            or not isinstance(pair[0], int | float)
            or not isinstance(pair[1], TurnEvent)
        ):
            raise TypeError(
                f"events[{place}] is {pair!r:.80}; give pairs of seconds and event, recorded by "
                "Turn(..., on_event=lambda event: events.append((clock.now(), event)))"
            )
    return pairs


def _with_piece(parts: tuple[ShownPart, ...], piece: Piece, now: float) -> tuple[ShownPart, ...]:
    for place, part in enumerate(parts):
        if part.index == piece.index:
            text, name = part.text + piece.text, part.name or piece.name
            grown = replace(part, text=text, name=name, ended_at=now)
            return (*parts[:place], grown, *parts[place + 1 :])
    new = piece.index, piece.part, piece.text
    return (*parts, ShownPart(*new, now, now, piece.name, piece.choice))


def _committed(index: int, part: Part, began_at: float, ended_at: float) -> ShownPart:
    times = began_at, ended_at
    if isinstance(part, ToolCallPart):
        return ShownPart(index, "tool_call", part.arguments, *times, part.name, part.choice)
    if isinstance(part, BlockPart):
        return ShownPart(index, "block", "", *times, part.kind, part.choice)
    if isinstance(part, ReasoningPart):
        return ShownPart(index, "reasoning", part.text, *times, choice=part.choice)
    name = "refusal" if part.refusal else "text"
    return ShownPart(index, name, part.text, *times, choice=part.choice)
