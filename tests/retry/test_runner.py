"""The retrying itself, sync and async, under both clocks."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
import random
import statistics
import threading
import time
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal

import anthropic
import openai
import pytest

from chatlab.errors import Kind, Verdict, classify, with_verdict
from chatlab.retry import (
    Backoff,
    Cancelled,
    Clock,
    Full,
    NestedRetriesWarning,
    Retry,
    SystemClock,
    VirtualClock,
    arun,
    run,
    sdk_retries,
    warn_if_sdk_retries,
)

OVERLOADED = Verdict(Kind.OVERLOADED, retryable=True, provider="anthropic")
LIMITED = Verdict(Kind.RATE_LIMIT, retryable=True, provider="openai", retry_after_s=34.4)
REFUSED = Verdict(Kind.AUTH, retryable=False, provider="openai", status_code=401)

Outcome = Verdict | BaseException | str


class CallFailed(Exception):
    """A failure whose verdict the test attaches."""


class Calls:
    """A callable that meets one outcome after the other, and the last one for ever."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = outcomes
        self.made = 0

    def __call__(self) -> str:
        """Meet the next outcome."""
        outcome = self.outcomes[min(self.made, len(self.outcomes) - 1)]
        self.made += 1
        if isinstance(outcome, Verdict):
            raise with_verdict(CallFailed(f"call {self.made}"), outcome)
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def later(self) -> str:
        """The same after a turn of the event loop."""
        await asyncio.sleep(0)
        return self()


How = Literal["sync", "async"]
both = pytest.mark.parametrize("how", ["sync", "async"])


DEFAULT = Backoff()


def play(
    how: How,
    calls: Calls,
    policy: Backoff = DEFAULT,
    *,
    clock: Clock | None = None,
    on_retry: Callable[[Retry], object] | None = None,
    classify: Callable[[BaseException], Verdict] = classify,
) -> str:
    """`run` or `arun`, under a virtual clock unless the test brings another."""
    clock = clock or VirtualClock()
    if how == "sync":
        return run(calls, policy, clock=clock, on_retry=on_retry, classify=classify)
    pending = arun(calls.later, policy, clock=clock, on_retry=on_retry, classify=classify)
    return asyncio.run(pending)


@both
def test_the_announced_wait_is_the_wait_that_is_slept(how: How) -> None:
    """Under the virtual clock the two are equal to the last bit, hints and jitter included."""
    for jitter in (None, Full(random.Random(5))):
        clock, announced = VirtualClock(), list[Retry]()
        calls = Calls(OVERLOADED, LIMITED, OVERLOADED, OVERLOADED, "done")
        policy = Backoff(jitter=jitter)
        assert play(how, calls, policy, clock=clock, on_retry=announced.append) == "done"
        assert tuple(retry.delay_s for retry in announced) == clock.slept_s
        assert [retry.attempt for retry in announced] == [0, 1, 2, 3]
        assert announced[1].delay_s == 34.4
        assert [r.resumes_at for r in announced[:-1]] == [r.at for r in announced[1:]]


@both
def test_the_announcement_comes_before_the_wait(how: How) -> None:
    """A countdown can start: when it is told, no time has passed yet."""
    clock, seen = VirtualClock(), list[tuple[float, float]]()

    def told(retry: Retry) -> None:
        seen.append((clock.now(), retry.at))

    play(how, Calls(OVERLOADED, OVERLOADED, "done"), clock=clock, on_retry=told)
    assert seen == [(0.0, 0.0), (1.0, 1.0)]
    assert clock.now() == 3.0


@both
def test_a_retry_record_tells_everything(how: How) -> None:
    """Attempt from 0, seconds, the verdict, the reason for people, the time."""
    announced: list[Retry] = []
    play(how, Calls(LIMITED, "done"), on_retry=announced.append)
    reason = "the provider asks for 34.4 s; the backoff after attempt 1 is 1 s"
    assert announced == [Retry(0, 34.4, LIMITED, reason, 0.0)]


@both
def test_the_system_clock_really_waits_as_announced(how: How) -> None:
    """Within 20 ms and never less; the same kinds in the same order as under the virtual clock."""
    at: list[float] = []
    policy = Backoff(initial_s=0.02, cap_s=0.04)

    def told(retry: Retry) -> None:
        at.append(time.monotonic())
        delays.append(retry.delay_s)
        kinds.append(retry.verdict.kind)

    delays: list[float] = []
    kinds: list[Kind] = []

    class Timed(Calls):
        def __call__(self) -> str:
            at.append(time.monotonic())
            return super().__call__()

    outcomes = (OVERLOADED, dataclasses.replace(LIMITED, retry_after_s=0.03), OVERLOADED, "done")
    assert play(how, Timed(*outcomes), policy, clock=SystemClock(), on_retry=told) == "done"
    waits = [woke - slept for slept, woke in zip(at[1::2], at[2::2], strict=True)]
    late_s = [real - said for real, said in zip(waits, delays, strict=True)]
    assert min(late_s) > -0.001
    assert statistics.median(late_s) < 0.02
    virtual: list[Retry] = []
    play(how, Calls(*outcomes), policy, on_retry=virtual.append)
    assert [(r.delay_s, r.verdict.kind) for r in virtual] == list(zip(delays, kinds, strict=True))


@both
def test_the_calls_own_exception_comes_out_when_attempts_are_used_up(how: How) -> None:
    """It is the very object of the last call, with its verdict and a note on what was tried."""
    last = with_verdict(CallFailed("the last"), LIMITED)
    calls = Calls(OVERLOADED, OVERLOADED, last)
    with pytest.raises(CallFailed) as caught:
        play(how, calls, Backoff(max_attempts=3))
    assert caught.value is last
    assert classify(caught.value) == LIMITED
    assert caught.value.__notes__ == [
        "chatlab gave up after 3 attempts in 3 s: the limit is 3 attempts"
    ]
    assert calls.made == 3


@both
def test_what_cannot_pass_is_called_once(how: How) -> None:
    """No wait, no announcement, and the exception says why."""
    clock, announced, calls = VirtualClock(), list[Retry](), Calls(REFUSED, "never")
    with pytest.raises(CallFailed) as caught:
        play(how, calls, clock=clock, on_retry=announced.append)
    assert (calls.made, clock.slept_s, announced) == (1, (), [])
    assert classify(caught.value) == REFUSED
    assert caught.value.__notes__ == [
        "chatlab gave up after 1 attempt in 0 s: Authentication: trying again cannot help"
    ]


@both
def test_a_hint_above_the_ceiling_ends_it_with_the_time_to_come_back(how: How) -> None:
    """Nobody is blocked for an hour; the note says when."""
    clock = VirtualClock()
    with pytest.raises(CallFailed) as caught:
        play(how, Calls(dataclasses.replace(LIMITED, retry_after_s=3600.0)), clock=clock)
    assert clock.slept_s == ()
    assert caught.value.__notes__[0].endswith("come back in 1 h")


@both
def test_an_exception_without_a_verdict_is_classified(how: How) -> None:
    """The judge is `chatlab.classify`, or the caller's own."""
    calls = Calls(ValueError("x"), ValueError("x"), "done")
    judge = partial(lambda verdict, error: verdict, OVERLOADED)
    assert play(how, calls, classify=judge) == "done"
    with pytest.raises(ValueError, match="x") as caught:
        play(how, Calls(ValueError("x")), Backoff(max_attempts=2), classify=judge)
    assert classify(caught.value) is OVERLOADED
    with pytest.raises(ZeroDivisionError) as bug:
        play(how, Calls(ZeroDivisionError("bug")))
    assert classify(bug.value).retryable is False


@both
def test_an_exception_that_refuses_attributes_still_comes_out(how: How) -> None:
    """The outcome counts more than the note on it."""

    @dataclasses.dataclass(frozen=True)
    class Frozen(Exception):
        code: int

    frozen = Frozen(1)
    with pytest.raises(Frozen) as caught:
        play(how, Calls(frozen), classify=lambda error: REFUSED)
    assert caught.value is frozen


class Stop(BaseException):
    """What is no `Exception` is nobody's failure."""


@both
@pytest.mark.parametrize(
    "outcome",
    [KeyboardInterrupt(), SystemExit(3), GeneratorExit(), Cancelled(), Stop()],
    ids=lambda outcome: type(outcome).__name__,
)
def test_cancellation_during_the_call_propagates_as_itself(
    how: How, outcome: BaseException
) -> None:
    """At once, the same object, without a note, a verdict or another call."""
    calls = Calls(OVERLOADED, outcome, "never")
    clock = VirtualClock()
    with pytest.raises(type(outcome)) as caught:
        play(how, calls, clock=clock)
    assert caught.value is outcome
    assert (calls.made, clock.slept_s) == (2, (1.0,))
    assert not hasattr(outcome, "__notes__")


def test_task_cancellation_during_the_call_propagates() -> None:
    """`asyncio.CancelledError` is never judged nor retried."""
    calls = Calls(asyncio.CancelledError(), "never")
    with pytest.raises(asyncio.CancelledError):
        play("sync", calls)
    assert calls.made == 1


def test_cancelling_a_task_ends_its_wait_at_once() -> None:
    """A minute's wait is over in less than 50 ms, and nothing is called again."""

    async def scene() -> tuple[float, int, set[asyncio.Task[Any]]]:
        calls = Calls(OVERLOADED)
        waiting = asyncio.Event()
        policy = Backoff(initial_s=60)
        task = asyncio.create_task(arun(calls.later, policy, on_retry=lambda retry: waiting.set()))
        await waiting.wait()
        await asyncio.sleep(0.02)
        cancelled_at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = asyncio.all_tasks() - {asyncio.current_task()}
        return time.monotonic() - cancelled_at, calls.made, left

    scenes = [asyncio.run(scene()) for _ in range(3)]
    assert statistics.median(late_s for late_s, _, _ in scenes) < 0.05
    assert [(made, left) for _, made, left in scenes] == [(1, set())] * 3


def test_cancelling_the_clock_ends_a_sync_wait_at_once() -> None:
    """From another thread, in less than 50 ms of a minute."""
    late_s = []
    for _ in range(3):
        clock, calls = SystemClock(), Calls(OVERLOADED)
        cancelled_at: list[float] = []

        def cancel(clock: SystemClock = clock, at: list[float] = cancelled_at) -> None:
            at.append(time.monotonic())
            clock.cancel()

        def told(retry: Retry, cancel: Callable[[], None] = cancel) -> None:
            threading.Timer(0.02, cancel).start()

        with pytest.raises(Cancelled) as caught:
            run(calls, Backoff(initial_s=60), clock=clock, on_retry=told)
        late_s.append(time.monotonic() - cancelled_at[0])
        assert calls.made == 1
        assert caught.value.__context__ is None
    assert statistics.median(late_s) < 0.05


def test_a_cancellation_that_the_call_turned_into_an_error_is_not_lost() -> None:
    """A client that wraps CancelledError cannot keep the person from stopping."""

    async def scene() -> int:
        made = 0

        async def wraps() -> str:
            nonlocal made
            made += 1
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                raise with_verdict(CallFailed("wrapped"), OVERLOADED) from None
            return "never"

        task = asyncio.create_task(arun(wraps, clock=VirtualClock()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return made

    assert asyncio.run(scene()) == 1


def test_a_timeout_around_the_call_is_a_failure_and_not_a_cancellation() -> None:
    """`asyncio.timeout` inside the call cancels and takes it back; that is retried."""

    async def scene() -> str:
        calls = Calls("done")
        first = True

        async def slow_once() -> str:
            nonlocal first
            if first:
                first = False
                async with asyncio.timeout(0.01):
                    await asyncio.sleep(60)
            return calls()

        return await arun(slow_once, clock=VirtualClock(), classify=lambda error: OVERLOADED)

    assert asyncio.run(scene()) == "done"


@both
def test_a_callback_that_raises_loses_nothing(how: How, caplog: pytest.LogCaptureFixture) -> None:
    """The retrying goes on, the result comes, and the log has the callback's error."""

    def broken(retry: Retry) -> None:
        raise RuntimeError("the screen is gone")

    clock = VirtualClock()
    with caplog.at_level(logging.WARNING, logger="chatlab.retry.callbacks"):
        calls = Calls(OVERLOADED, OVERLOADED, "done")
        assert play(how, calls, clock=clock, on_retry=broken) == "done"
    assert clock.slept_s == (1.0, 2.0)
    assert [record.message for record in caplog.records] == [
        "on_retry raised; the work goes on"
    ] * 2
    assert "the screen is gone" in caplog.text


@both
def test_a_callback_that_raises_does_not_hide_the_failure(
    how: How, caplog: pytest.LogCaptureFixture
) -> None:
    """The call's own exception comes out, without the callback's as its context."""
    with pytest.raises(CallFailed) as caught:
        play(how, Calls(OVERLOADED), Backoff(max_attempts=2), on_retry=lambda retry: 1 / 0)
    assert caught.value.__context__ is None
    assert "ZeroDivisionError" in caplog.text


@both
def test_an_interrupt_in_the_callback_is_the_persons(how: How) -> None:
    """Ctrl-C while a countdown is drawn ends the call."""

    def interrupt(retry: Retry) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        play(how, Calls(OVERLOADED), on_retry=interrupt)


@both
def test_an_asynchronous_callback_is_reported(how: How, caplog: pytest.LogCaptureFixture) -> None:
    """It would never run, so the log says so and the retrying goes on."""

    async def told(retry: Retry) -> None:
        raise AssertionError

    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert play(how, Calls(OVERLOADED, "done"), on_retry=told) == "done"
    assert warned == []
    assert "on_retry is asynchronous and was not run" in caplog.text


@both
def test_no_callback_is_silent(
    how: How, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """A best-effort call retries without a word."""
    assert play(how, Calls(OVERLOADED, OVERLOADED, "done")) == "done"
    assert (caplog.text, capsys.readouterr()) == ("", ("", ""))


def test_the_wrong_driver_says_which_is_right() -> None:
    """An asynchronous callable to `run` and a plain one to `arun` are refused."""

    async def coroutine() -> str:
        return "done"

    later: Callable[[], Any] = coroutine
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(TypeError, match=r"fn is asynchronous; use `await arun\(fn, ...\)`"):
            run(later, clock=VirtualClock())
    assert warned == []
    now: Callable[[], Any] = Calls("done")
    with pytest.raises(TypeError, match=r"fn is not asynchronous; use `run\(fn, ...\)`"):
        asyncio.run(arun(now, clock=VirtualClock()))


@both
def test_an_outage_of_twenty_minutes_plays_in_under_a_second(how: How) -> None:
    """Calls that take five seconds to fail: the default policy outlasts the outage."""
    clock = VirtualClock()
    announced: list[Retry] = []

    def refuse_or_answer(verdict: Verdict) -> str:
        if clock.now() < 20 * 60:
            raise with_verdict(CallFailed("connection refused"), verdict)
        return "back"

    def call() -> str:
        clock.sleep(5)
        return refuse_or_answer(OVERLOADED)

    async def acall() -> str:
        await clock.asleep(5)
        return refuse_or_answer(OVERLOADED)

    began = time.monotonic()
    if how == "sync":
        assert run(call, clock=clock, on_retry=announced.append) == "back"
    else:
        assert asyncio.run(arun(acall, clock=clock, on_retry=announced.append)) == "back"
    assert time.monotonic() - began < 1
    assert clock.now() >= 20 * 60
    assert sum(retry.delay_s for retry in announced) > 18 * 60


@both
def test_an_outage_longer_than_the_policy_ends_as_its_schedule_says(how: How) -> None:
    """Calls that fail at once: given up after 25 attempts and 19 min 3 s, as announced."""
    clock = VirtualClock()
    with pytest.raises(CallFailed) as caught:
        play(how, Calls(OVERLOADED), clock=clock)
    assert clock.now() == Backoff().schedule().worst_s == 1143
    assert caught.value.__notes__ == [
        "chatlab gave up after 25 attempts in 19 min 3 s: the limit is 25 attempts"
    ]


@both
def test_a_hundred_runs_are_the_same_byte_for_byte(how: How) -> None:
    """Two failures, then success: the log of retries does not depend on the run."""

    def log() -> str:
        announced: list[Retry] = []
        clock = VirtualClock()
        result = play(
            how, Calls(OVERLOADED, LIMITED, "done"), clock=clock, on_retry=announced.append
        )
        lines = [[r.attempt, r.delay_s, r.at, r.because, str(r.verdict.kind)] for r in announced]
        return json.dumps([*lines, result, clock.now()])

    assert len({log() for _ in range(100)}) == 1


def test_many_calls_at_once_share_a_virtual_clock() -> None:
    """Two hundred concurrent calls wait side by side: the time that passes is that of one."""

    async def scene() -> tuple[list[str], float, int]:
        clock, announced = VirtualClock(), list[Retry]()
        calls = [Calls(OVERLOADED, OVERLOADED, f"done {n}") for n in range(200)]
        results = await asyncio.gather(
            *(arun(call.later, clock=clock, on_retry=announced.append) for call in calls)
        )
        return results, clock.now(), len(announced)

    results, now, announced = asyncio.run(scene())
    assert results == [f"done {n}" for n in range(200)]
    assert (now, announced) == (3.0, 400)


SDK_CLIENTS: list[Callable[..., Any]] = [
    openai.OpenAI,
    openai.AsyncOpenAI,
    anthropic.Anthropic,
    anthropic.AsyncAnthropic,
]


@pytest.mark.parametrize("client", SDK_CLIENTS, ids=lambda client: client.__name__)
def test_a_client_that_retries_below_is_named(client: Callable[..., Any]) -> None:
    """The official clients retry twice by default; switched off, there is nothing to say."""
    default = client(api_key="none")
    assert sdk_retries(default) == 2
    with pytest.warns(NestedRetriesWarning, match=r"retries 2 times by itself, .* 3 requests"):
        warn_if_sdk_retries(default)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_if_sdk_retries(default.with_options(max_retries=0))
        warn_if_sdk_retries(client(api_key="none", max_retries=0))
        warn_if_sdk_retries(object())


@pytest.mark.parametrize("unsaid", [None, True, "3", float("inf")])
def test_a_client_that_does_not_say_how_often_is_not_accused(unsaid: object) -> None:
    """Only a whole number is taken for a count of retries."""
    assert sdk_retries(object()) is None
    assert sdk_retries(SimpleNamespace(max_retries=unsaid)) is None


def test_any_clock_of_that_shape_will_do() -> None:
    """A driver needs three methods of its clock and nothing else."""

    class Counting:
        def __init__(self) -> None:
            self.asked: list[float] = []

        def now(self) -> float:
            return sum(self.asked)

        def sleep(self, delay_s: float) -> None:
            self.asked.append(delay_s)

        async def asleep(self, delay_s: float) -> None:
            self.asked.append(delay_s)

    clocks: list[Clock] = [Counting(), Counting()]
    later: Callable[[], Awaitable[str]] = Calls(OVERLOADED, "done").later
    assert run(Calls(OVERLOADED, "done"), clock=clocks[0]) == "done"
    assert asyncio.run(arun(later, clock=clocks[1])) == "done"
    assert [clock.now() for clock in clocks] == [1.0, 1.0]
