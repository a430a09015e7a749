"""The retry loop as a machine: it is fed what happened and when, and returns what to do next.

This file has no I/O and no clock: the time comes in with each event and is only recorded. And it
decides nothing: the policy says whether and how long to wait, the table says which state follows;
the interpreter below looks both up.

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
    """The state of a call. The last three are final."""

    IDLE = "idle"
    CALLING = "calling"
    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Event(StrEnum):
    """What can happen. `RETRY` and `GIVE_UP` are the policy's answers to a verdict."""

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
"""All transitions, as data: a table to show, a diagram to draw."""

_ROWS: Final[Mapping[tuple[State, Event], Transition]] = {
    (row.state, row.event): row for row in TRANSITIONS
}


@dataclass(frozen=True, slots=True)
class Retry:
    """The announcement of a wait, made before it begins; exactly `delay_s` is then slept.

    Attributes
    ----------
    attempt: int
        The call that failed, counted from 0.
    delay_s: float
        Seconds.
    verdict: Verdict
        On its failure.
    because: str
        Why so long, for people.
    at: float
        When it was announced, in seconds of the driver's clock.
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
    """One call under one policy. `feed` it what happens, in order; it keeps only the state.

    Attributes
    ----------
    state: State
        The current state.
    attempt: int
        The current call, counted from 0.
    started_at: float or None
        When the first call began, in seconds of the driver's clock; None before.

    Examples
    --------
    >>> from chatlab.errors import Kind
    >>> machine = RetryMachine(Backoff())
    >>> machine.feed(0.0, Event.START)
    <Action.CALL: 'make the call'>
    >>> machine.feed(0.5, Verdict(Kind.OVERLOADED, retryable=True)).delay_s
    1.0
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
        """Take what happened at `now` and return what to do.

        Parameters
        ----------
        now:
            Seconds of the driver's clock.
        outcome:
            An event, or the verdict on the call that failed.

        Returns
        -------
        Action or Retry or GiveUp
            For an event its action; for a verdict the `Retry` to announce and sleep, or the
            `GiveUp` to raise with.

        Raises
        ------
        ValueError
            For what cannot happen in this state.
        """
        if isinstance(outcome, Verdict):
            return self._judge(now, outcome)
        if outcome in (Event.RETRY, Event.GIVE_UP):
            raise ValueError(
                f"RetryMachine.feed: {str(outcome)!r} is decided by the policy; feed the verdict"
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
        spent_s = 0.0 if self.started_at is None else now - self.started_at
        answer = self.policy.wait(
            self.attempt, verdict, previous_s=self._previous_s, spent_s=spent_s
        )
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
