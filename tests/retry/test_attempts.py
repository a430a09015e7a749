"""Attempts in a loop, the decorator, the limit on the whole time, and what the log says."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
import tenacity
from hypothesis import given
from hypothesis import strategies as some

from chatlab.errors import Kind, Verdict, with_verdict
from chatlab.retry import (
    Attempts,
    Backoff,
    Full,
    GiveUp,
    Retry,
    VirtualClock,
    Wait,
    arun,
    attempts,
    retrying,
    run,
)
from chatlab.retry.strategies import tenacity_kwargs

OVERLOADED = Verdict(Kind.OVERLOADED, retryable=True, provider="anthropic", status_code=529)
REFUSED = Verdict(Kind.AUTH, retryable=False, provider="openai", status_code=401)
LOST = Verdict(Kind.GENERIC, retryable=True, chain_broken=True)

both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


class CallFailed(Exception):
    """A failure whose verdict the test attaches."""


class Calls:
    """Fails with one verdict after the other, then returns its arguments."""

    def __init__(
        self, *verdicts: Verdict, clock: VirtualClock | None = None, takes_s: float = 0
    ) -> None:
        self.verdicts = list(verdicts)
        self.made = 0
        self._clock = clock
        self._takes_s = takes_s

    def __call__(self, *args: object) -> tuple[object, ...]:
        """Take its time, then meet the next outcome."""
        self.made += 1
        if self._clock:
            self._clock.sleep(self._takes_s)
        if self.made <= len(self.verdicts):
            raise with_verdict(CallFailed("sk-secret in the text"), self.verdicts[self.made - 1])
        return args


def loop(all_: Attempts, call: Callable[[], object], is_async: bool) -> list[int]:
    """Go through the attempts with `call`; returns their numbers."""
    numbers: list[int] = []

    async def later() -> None:
        async for attempt in all_:
            numbers.append(attempt.number)
            with attempt:
                call()

    if is_async:
        asyncio.run(later())
        return numbers
    for attempt in all_:
        numbers.append(attempt.number)
        with attempt:
            call()
    return numbers


@both
def test_the_loop_ends_after_the_first_attempt_that_succeeds(is_async: bool) -> None:
    """Each wait is announced, then slept."""
    clock, announced = VirtualClock(), list[Retry]()
    calls = Calls(OVERLOADED, OVERLOADED)
    policy = attempts(clock=clock, on_retry=announced.append)
    assert loop(policy, calls, is_async) == [0, 1, 2]
    assert clock.slept_s == (1.0, 2.0) == tuple(retry.delay_s for retry in announced)


@both
def test_each_loop_begins_anew(is_async: bool) -> None:
    """The same object can be iterated again."""
    policy = attempts(Backoff(max_attempts=2), clock=VirtualClock())
    for _ in range(2):
        assert loop(policy, Calls(OVERLOADED), is_async) == [0, 1]


@both
@pytest.mark.parametrize(("verdict", "made"), [(OVERLOADED, 3), (REFUSED, 1), (LOST, 1)])
def test_the_last_failure_comes_out_of_the_block(
    is_async: bool, verdict: Verdict, made: int
) -> None:
    """As itself, with its verdict and a note; what cannot pass is tried once."""
    calls = Calls(*[verdict] * 9)
    with pytest.raises(CallFailed) as caught:
        loop(attempts(Backoff(max_attempts=3), clock=VirtualClock()), calls, is_async)
    assert calls.made == made
    assert len(caught.value.__notes__) == 1
    assert caught.value.__context__ is None


@both
def test_a_lost_response_is_not_asked_for_again_and_the_note_says_what_to_do(
    is_async: bool,
) -> None:
    """Whatever the verdict says about retrying."""
    clock = VirtualClock()
    with pytest.raises(CallFailed) as caught:
        loop(attempts(clock=clock), Calls(LOST), is_async)
    assert clock.now() == 0
    assert "send the whole history without its id" in caught.value.__notes__[0]
    assert isinstance(Backoff().wait(0, LOST), GiveUp)


@both
def test_a_body_without_its_attempt_is_refused(is_async: bool) -> None:
    """Otherwise it would loop for ever, and no failure would be retried."""

    all_ = attempts(clock=VirtualClock())

    async def later() -> None:
        async for _ in all_:
            pass

    with pytest.raises(RuntimeError, match="put `with attempt:` around the call"):
        asyncio.run(later()) if is_async else list(all_)


@both
def test_an_interrupt_in_the_block_is_not_retried(is_async: bool) -> None:
    """What is not an `Exception` passes through."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop(attempts(clock=VirtualClock()), interrupt, is_async)


def test_a_cancellation_that_the_block_turned_into_an_error_is_not_lost() -> None:
    """As with `arun`."""

    async def scene() -> None:
        async for attempt in attempts(clock=VirtualClock()):
            with attempt:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    raise with_verdict(CallFailed(), OVERLOADED) from None

    async def main() -> None:
        task = asyncio.create_task(scene())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())


# --- the decorator -------------------------------------------------------------------------------


def test_a_decorated_function_is_called_until_it_returns() -> None:
    """With its arguments, its name and its documentation; each call under the policy anew."""
    clock = VirtualClock()
    calls = Calls(OVERLOADED, OVERLOADED)

    @retrying(Backoff(initial_s=3), clock=clock)
    def ask(question: str, *, twice: bool = False) -> tuple[object, ...]:
        """Ask."""
        return calls(question, twice)

    assert ask("why?", twice=True) == ("why?", True)
    assert (ask.__name__, ask.__doc__) == ("ask", "Ask.")
    assert list(clock.slept_s) == [3.0, 6.0]
    calls.verdicts, calls.made = [OVERLOADED], 0
    ask("again?")
    assert list(clock.slept_s) == [3.0, 6.0, 3.0]


def test_a_decorated_coroutine_function_is_one_too() -> None:
    """Also a method, and an object that is called asynchronously."""
    clock = VirtualClock()

    class Asker:
        def __init__(self) -> None:
            self.calls = Calls(OVERLOADED)

        @retrying(clock=clock)
        async def ask(self, question: str) -> object:
            await asyncio.sleep(0)
            return self.calls(question)

    class Called:
        calls = Calls(OVERLOADED)

        async def __call__(self) -> object:
            return self.calls()

    assert asyncio.iscoroutinefunction(Asker.ask)
    assert asyncio.run(Asker().ask("why?")) == ("why?",)
    later: Any = retrying(clock=clock)(Called())
    assert asyncio.run(later()) == ()
    assert clock.slept_s == (1.0, 1.0)


def _stream() -> Iterator[str]:
    yield "a"


async def _astream() -> AsyncIterator[str]:
    yield "a"


@pytest.mark.parametrize("stream", [_stream, _astream, partial(_stream)])
def test_a_generator_function_is_refused_with_the_way_to_go(stream: Callable[[], Any]) -> None:
    """What it has yielded cannot be taken back; a `Turn` can."""
    with pytest.raises(TypeError, match=r"generator function; .* use chatlab.chat.Turn"):
        retrying()(stream)


def test_a_decorator_that_is_not_called_says_how() -> None:
    """``@retrying`` without brackets gets the function as its policy."""
    bare: Any = retrying
    with pytest.raises(TypeError, match=r"write @retrying\(\) or @retrying\(Backoff"):
        bare(lambda: None)


# --- the limit on the whole time -----------------------------------------------------------------


@both
def test_the_retrying_ends_before_a_wait_that_would_pass_the_limit(is_async: bool) -> None:
    """Attempts count as well as waits: 4 + 1 + 4 s are spent, and 2 more would be 11."""
    clock = VirtualClock()
    calls = Calls(*[OVERLOADED] * 9, clock=clock, takes_s=4)
    policy = Backoff(max_total_s=10)

    async def later() -> object:
        return calls()

    with pytest.raises(CallFailed) as caught:
        asyncio.run(arun(later, policy, clock=clock)) if is_async else run(
            calls, policy, clock=clock
        )
    assert calls.made == 2
    assert clock.now() == 9
    assert caught.value.__notes__ == [
        "chatlab gave up after 2 attempts in 9 s: the limit is 10 s in total, and the next attempt "
        "would begin after 11 s"
    ]


@given(
    limit_s=some.floats(0, 500),
    hints=some.lists(some.none() | some.floats(0, 300), max_size=30),
    takes_s=some.floats(0, 100),
    seed=some.none() | some.integers(),
)
def test_no_attempt_begins_after_the_limit(
    limit_s: float, hints: list[float | None], takes_s: float, seed: int | None
) -> None:
    """Whatever providers ask for, and with jitter."""
    clock = VirtualClock()
    began: list[float] = []
    policy = Backoff(
        max_total_s=limit_s, jitter=None if seed is None else Full(random.Random(seed))
    )

    def call() -> None:
        began.append(clock.now())
        clock.sleep(takes_s)
        hint_s = hints[len(began) - 1] if len(began) <= len(hints) else None
        raise with_verdict(
            CallFailed(), Verdict(Kind.RATE_LIMIT, retryable=True, retry_after_s=hint_s)
        )

    with pytest.raises(CallFailed):
        run(call, policy, clock=clock)
    assert max(began) <= limit_s + 1e-6


def test_the_schedule_and_tenacity_stop_at_the_same_limit() -> None:
    """1 + 2 + 4 s are within 10, and 8 more are not."""
    policy = Backoff(max_total_s=10)
    schedule = policy.schedule()
    assert [wait.high_s for wait in schedule.waits] == [1, 2, 4]
    assert schedule.because.startswith("the limit is 10 s in total")
    assert policy.wait(3, OVERLOADED, spent_s=2) == Wait(8.0, "the backoff after attempt 4 is 8 s")
    assert isinstance(policy.wait(3, OVERLOADED, spent_s=2.1), GiveUp)
    slept: list[float] = []
    calls = Calls(*[OVERLOADED] * 9)
    again = tenacity.Retrying(
        **tenacity_kwargs(Backoff(initial_s=20, max_total_s=50)), sleep=slept.append
    )
    with pytest.raises(CallFailed):
        again(calls)
    assert slept == [20.0, 40.0]


@pytest.mark.parametrize("limit", [-1, float("nan"), float("inf"), "9", True])
def test_a_limit_that_is_not_one_is_refused(limit: object) -> None:
    """With the field's name."""
    with pytest.raises(ValueError, match="max_total_s is"):
        Backoff(max_total_s=limit)  # type: ignore[arg-type]


# --- the log -------------------------------------------------------------------------------------


@both
def test_the_log_says_each_retry_without_the_providers_words(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """One line at INFO to ``chatlab.retry``; an error's text may hold a secret."""
    caplog.set_level(logging.DEBUG)
    loop(attempts(clock=VirtualClock()), Calls(OVERLOADED, OVERLOADED), is_async)
    lines = [(one.name, one.levelname, one.message) for one in caplog.records]
    assert [line for line in lines if line[0].startswith("chatlab")] == [
        (
            "chatlab.retry",
            "INFO",
            f"attempt {number} failed: Overloaded, anthropic, status 529; the next one is in "
            f"{wait} s (the backoff after attempt {number} is {wait} s)",
        )
        for number, wait in [(1, 1), (2, 2)]
    ]
    assert "sk-secret" not in caplog.text


@both
def test_a_failing_callback_does_not_bring_the_providers_error_into_the_log(
    is_async: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """The callback's own traceback is there, and not what happened before it."""

    def broken(retry: Retry) -> None:
        raise RuntimeError("the screen is gone")

    loop(attempts(clock=VirtualClock(), on_retry=broken), Calls(OVERLOADED), is_async)
    assert "the screen is gone" in caplog.text
    assert "sk-secret" not in caplog.text
