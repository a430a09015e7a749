"""The retry machine and its table."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.errors import Kind, Verdict
from chatlab.retry import (
    TRANSITIONS,
    Action,
    Backoff,
    Decorrelated,
    Event,
    GiveUp,
    Retry,
    RetryMachine,
    State,
    machine,
)

PASSING = Verdict(Kind.OVERLOADED, retryable=True)
FINAL = Verdict(Kind.AUTH, retryable=False)
ENDS = {State.SUCCEEDED, State.FAILED, State.CANCELLED}


def test_the_table_is_a_machine() -> None:
    """One row at most for a state and an event, every state is reached, ends lead nowhere."""
    assert len({(row.state, row.event) for row in TRANSITIONS}) == len(TRANSITIONS)
    assert {row.then for row in TRANSITIONS} | {State.IDLE} == set(State)
    assert {row.state for row in TRANSITIONS} == set(State) - ENDS
    assert {row.event for row in TRANSITIONS} == set(Event)
    assert {row.action for row in TRANSITIONS} == set(Action)


def test_entering_a_state_always_means_the_same_action() -> None:
    """A diagram can write the action into the state."""
    assert len({(row.then, row.action) for row in TRANSITIONS}) == len(Action)


def test_two_failures_and_a_success() -> None:
    """The machine answers each outcome with what to do; the waits are the policy's."""
    call = RetryMachine(Backoff())
    assert call.feed(10.0, Event.START) is Action.CALL
    first = call.feed(12.5, PASSING)
    assert first == Retry(0, 1.0, PASSING, "the backoff after attempt 1 is 1 s", 12.5)
    assert isinstance(first, Retry)
    assert first.resumes_at == 13.5
    assert call.state is State.WAITING
    assert call.feed(13.5, Event.WAKE) is Action.CALL
    second = call.feed(14.0, PASSING)
    assert isinstance(second, Retry)
    assert (second.attempt, second.delay_s) == (1, 2.0)
    assert call.feed(16.0, Event.WAKE) is Action.CALL
    assert call.feed(17.0, Event.SUCCESS) is Action.RETURN
    assert (call.state, call.attempt, call.started_at) == (State.SUCCEEDED, 2, 10.0)


def test_a_final_verdict_ends_it() -> None:
    """The answer is the policy's reason, and nothing can follow."""
    call = RetryMachine(Backoff())
    call.feed(0.0, Event.START)
    assert call.feed(0.0, FINAL) == GiveUp("Authentication: trying again cannot help")
    assert call.state is State.FAILED
    with pytest.raises(ValueError, match="while failed; possible: nothing, this call has ended"):
        call.feed(0.0, Event.WAKE)


@pytest.mark.parametrize("events", [[], [Event.START], [Event.START, PASSING]])
def test_it_can_be_cancelled_until_it_has_ended(events: list[Event | Verdict]) -> None:
    """Before the call, during it and while waiting."""
    call = RetryMachine(Backoff())
    for event in events:
        call.feed(0.0, event)
    assert call.feed(1.0, Event.CANCEL) is Action.PROPAGATE
    assert call.state is State.CANCELLED


def test_the_policys_own_events_cannot_be_fed() -> None:
    """Whether to retry is not the driver's to say."""
    call = RetryMachine(Backoff())
    call.feed(0.0, Event.START)
    for event in (Event.RETRY, Event.GIVE_UP):
        with pytest.raises(ValueError, match="is decided by the policy; feed the verdict"):
            call.feed(0.0, event)
    assert call.state is State.CALLING


@given(
    st.lists(st.sampled_from([*set(Event) - {Event.RETRY, Event.GIVE_UP}, PASSING, FINAL])),
    st.none() | st.integers(1, 5),
)
def test_it_follows_the_table_and_nothing_else(
    outcomes: list[Event | Verdict], max_attempts: int | None
) -> None:
    """Any sequence of outcomes moves along rows, or is refused and leaves the state as it was."""
    call = RetryMachine(Backoff(max_attempts=max_attempts))
    rows = {(row.state, row.event): row for row in TRANSITIONS}
    wakes = 0
    for now, outcome in enumerate(outcomes):
        before = call.state
        event = outcome
        if isinstance(outcome, Verdict):
            last = max_attempts is not None and wakes + 1 >= max_attempts
            event = Event.GIVE_UP if last or not outcome.retryable else Event.RETRY
        assert isinstance(event, Event)
        row = rows.get((before, event))
        if row is None:
            with pytest.raises(ValueError, match=f"cannot happen while {before}"):
                call.feed(float(now), outcome)
            assert call.state is before
            continue
        call.feed(float(now), outcome)
        assert call.state is row.then
        wakes += event is Event.WAKE
        assert call.attempt == wakes


def test_decorrelated_waits_build_on_the_one_before() -> None:
    """The machine hands the last announced wait to the policy."""
    call = RetryMachine(Backoff(jitter=Decorrelated(random.Random(4)), max_attempts=None))
    call.feed(0.0, Event.START)
    previous_s = 1.0
    grown = 0
    for _ in range(200):
        retry = call.feed(0.0, PASSING)
        assert isinstance(retry, Retry)
        assert 1.0 <= retry.delay_s <= min(60.0, 3 * previous_s)
        grown += retry.delay_s > 2 * previous_s
        previous_s = retry.delay_s
        call.feed(0.0, Event.WAKE)
    assert grown > 5


def test_it_reads_no_clock_and_does_no_io() -> None:
    """What it imports is data only."""
    source = Path(machine.__file__).read_text(encoding="utf-8")
    imported = {
        name.split(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [n.name for n in node.names]
        )
    }
    assert imported <= {"__future__", "collections", "dataclasses", "enum", "typing", "chatlab"}


def test_its_repr_says_where_it_stands() -> None:
    """A person who prints it sees state and attempt."""
    call = RetryMachine(Backoff())
    call.feed(0.0, Event.START)
    assert repr(call) == "<RetryMachine calling, attempt 0>"
