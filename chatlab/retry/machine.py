"""The retry loop as a machine: it is fed what happened and when, and says what to do next.

Two rules about what may live in this file. No I/O and no clock: time comes in with each event and
is only written down. And no decision: whether and how long to wait is the policy's, which call
comes next is the table's; the interpreter below only looks both up.

              +--------------------- WAKE ----------------------+
              v                                                 |
    IDLE --START--> CALLING --RETRY--> WAITING (announce, then sleep)
                       |--SUCCESS--> SUCCEEDED
                       +--GIVE_UP--> FAILED               CANCEL: from IDLE, CALLING and
                                                          WAITING to CANCELLED
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple, overload

from chatlab.errors import Verdict
from chatlab.retry.backoff import Backoff, GiveUp


class State(StrEnum):
    """Where a call stands. Nothing leads out of the last three."""

    IDLE = "idle"
    CALLING = "calling"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen. `RETRY` and `GIVE_UP` are what the policy makes of a fed verdict."""

    START = "start"
    SUCCESS = "success"
    RETRY = "retry"
    GIVE_UP = "give up"
    WAKE = "wake"
    CANCEL = "cancel"


class Action(StrEnum):
    """What the driver of the machine does on a transition."""

    CALL = "make the call"
    SLEEP = "announce the wait, then sleep exactly that long"
    RETURN = "return the result"
    RAISE = "raise the call's own exception"
    PROPAGATE = "let the cancellation through"


class Transition(NamedTuple):
    """One row of the table: in `state`, on `event`, do `action` and be in `then`."""

    state: State
    event: Event
    action: Action
    then: State


TRANSITIONS: Final = (
    Transition(State.IDLE, Event.START, Action.CALL, State.CALLING),
    Transition(State.IDLE, Event.CANCEL, Action.PROPAGATE, State.CANCELLED),
    Transition(State.CALLING, Event.SUCCESS, Action.RETURN, State.SUCCEEDED),
    Transition(State.CALLING, Event.RETRY, Action.SLEEP, State.WAITING),
    Transition(State.CALLING, Event.GIVE_UP, Action.RAISE, State.FAILED),
    Transition(State.CALLING, Event.CANCEL, Action.PROPAGATE, State.CANCELLED),
    Transition(State.WAITING, Event.WAKE, Action.CALL, State.CALLING),
    Transition(State.WAITING, Event.CANCEL, Action.PROPAGATE, State.CANCELLED),
)
"""Every transition there is, as data: a table to show, a diagram to draw."""

_ROWS: Final[Mapping[tuple[State, Event], Transition]] = {
    (row.state, row.event): row for row in TRANSITIONS
}


@dataclass(frozen=True, slots=True)
class Retry:
    """The announcement of a wait, made before it begins; exactly `delay_s` is then slept.

    attempt: the call that failed, from 0. delay_s: seconds. verdict: on its failure. because: why
    so long, for people. at: when it was announced, in seconds of the driver's clock.
    """

    attempt: int
    delay_s: float
    verdict: Verdict
    because: str
    at: float

    @property
    def resumes_at(self) -> float:
        """When the next call begins, in seconds of the driver's clock."""
        return self.at + self.delay_s


class RetryMachine:
    """One call under one policy. `feed` it in turn; it keeps the state and nothing else.

    state: where it stands. attempt: the current call, from 0. started_at: when the first call
    began, in seconds of the driver's clock; None before.
    """

    __slots__ = ("_previous_s", "attempt", "policy", "started_at", "state")

    def __init__(self, policy: Backoff) -> None:
        self.policy = policy
        self.state = State.IDLE
        self.attempt = 0
        self.started_at: float | None = None
        self._previous_s: float | None = None

    def __repr__(self) -> str:
        return f"<RetryMachine {self.state}, attempt {self.attempt}>"

    @overload
    def feed(self, now: float, outcome: Verdict) -> Retry | GiveUp: ...

    @overload
    def feed(self, now: float, outcome: Event) -> Action: ...

    def feed(self, now: float, outcome: Event | Verdict) -> Action | Retry | GiveUp:
        """Take what happened at `now` (seconds) and say what to do.

        outcome: an event, or the verdict on the call that failed. A verdict is answered by the
        `Retry` to announce and sleep, or by the `GiveUp` to raise with; an event by its action.
        Raises ValueError for what cannot happen in this state.
        """
        if isinstance(outcome, Verdict):
            return self._judge(now, outcome)
        if outcome in (Event.RETRY, Event.GIVE_UP):
            raise ValueError(
                f"RetryMachine.feed: {str(outcome)!r} is the policy's to say; feed the verdict"
            )
        row = self._row(outcome)
        if outcome is Event.START:
            self.started_at = now
        elif outcome is Event.WAKE:
            self.attempt += 1
        self.state = row.then
        return row.action

    def _judge(self, now: float, verdict: Verdict) -> Retry | GiveUp:
        waiting, failed = self._row(Event.RETRY).then, self._row(Event.GIVE_UP).then
        answer = self.policy.wait(self.attempt, verdict, previous_s=self._previous_s)
        if isinstance(answer, GiveUp):
            self.state = failed
            return answer
        self.state = waiting
        self._previous_s = answer.delay_s
        return Retry(self.attempt, answer.delay_s, verdict, answer.because, now)

    def _row(self, event: Event) -> Transition:
        row = _ROWS.get((self.state, event))
        if row is None:
            possible = ", ".join(row.event for row in TRANSITIONS if row.state is self.state)
            raise ValueError(
                f"RetryMachine.feed: {str(event)!r} cannot happen while {self.state}; "
                f"possible: {possible or 'nothing, this call has ended'}"
            )
        return row
