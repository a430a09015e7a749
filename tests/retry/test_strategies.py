"""The policy in tenacity's clothes."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import tenacity

from chatlab.errors import Kind, Verdict, with_verdict
from chatlab.retry import Backoff, Decorrelated, Full, Jitter, VirtualClock, run
from chatlab.retry import strategies as tenacious
from chatlab.retry.strategies import tenacity_kwargs

OVERLOADED = Verdict(Kind.OVERLOADED, retryable=True)
HINTED = Verdict(Kind.RATE_LIMIT, retryable=True, retry_after_s=34.4)
TOO_LONG = Verdict(Kind.RATE_LIMIT, retryable=True, retry_after_s=3600.0)
REFUSED = Verdict(Kind.AUTH, retryable=False)


class CallFailed(Exception):
    """A failure whose verdict the test attaches."""


def failing(*verdicts: Verdict) -> Callable[[], str]:
    """Fails once with each verdict, then returns."""
    left = list(verdicts)

    def call() -> str:
        if left:
            raise with_verdict(CallFailed(), left.pop(0))
        return "done"

    return call


@pytest.mark.parametrize("jitter", [None, Full, Decorrelated])
def test_tenacity_waits_as_run_does(jitter: Callable[[random.Random], Jitter] | None) -> None:
    """The same failures under the same policy give the same waits, hints and jitter included."""
    verdicts = [OVERLOADED, HINTED, *[OVERLOADED] * 6]

    def policy() -> Backoff:
        return Backoff(jitter=jitter and jitter(random.Random(11)))

    ours, theirs = VirtualClock(), VirtualClock()
    assert run(failing(*verdicts), policy(), clock=ours) == "done"
    retrying = tenacity.Retrying(**tenacity_kwargs(policy()), sleep=theirs.sleep)
    assert retrying(failing(*verdicts)) == "done"
    assert theirs.slept_s == ours.slept_s
    assert len(ours.slept_s) == 8


def test_tenacity_waits_as_run_does_in_async_code() -> None:
    """`AsyncRetrying` takes the same objects."""
    clock = VirtualClock()
    call = failing(OVERLOADED, HINTED, OVERLOADED)

    async def acall() -> str:
        return call()

    async def scene() -> str:
        retrying = tenacity.AsyncRetrying(**tenacity_kwargs(Backoff()), sleep=clock.asleep)
        return await retrying(acall)

    assert asyncio.run(scene()) == "done"
    assert clock.slept_s == (1.0, 34.4, 4.0)


@pytest.mark.parametrize(
    ("verdicts", "slept"),
    [
        ([REFUSED], ()),
        ([OVERLOADED, REFUSED], (1.0,)),
        ([TOO_LONG], ()),
        ([OVERLOADED] * 3, (1.0, 2.0)),
    ],
    ids=["not retryable", "not retryable later", "hint above the ceiling", "attempts used up"],
)
def test_tenacity_stops_where_the_policy_gives_up(
    verdicts: list[Verdict], slept: tuple[float, ...]
) -> None:
    """The call's own exception comes out, after the same waits."""
    clock = VirtualClock()
    retrying = tenacity.Retrying(**tenacity_kwargs(Backoff(max_attempts=3)), sleep=clock.sleep)
    with pytest.raises(CallFailed):
        retrying(failing(*verdicts))
    assert clock.slept_s == slept


def test_the_decorator_takes_them() -> None:
    """As in the module's own example."""
    clock = VirtualClock()
    call = failing(OVERLOADED)
    assert tenacity.retry(**tenacity_kwargs(Backoff()), sleep=clock.sleep)(call)() == "done"
    assert clock.slept_s == (1.0,)


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
def test_an_interrupt_is_never_retried(interrupt: type[BaseException]) -> None:
    """tenacity catches even those; the strategy lets them out."""
    made = 0

    def call() -> str:
        nonlocal made
        made += 1
        raise interrupt

    with pytest.raises(interrupt):
        tenacity.Retrying(
            **tenacity_kwargs(Backoff(), classify=lambda error: OVERLOADED),
            sleep=VirtualClock().sleep,
        )(call)
    assert made == 1


def test_they_combine_with_tenacitys_own() -> None:
    """Or, and, plus; a result that another strategy wants again waits by the plain backoff."""
    clock = VirtualClock()
    results = iter(["", "", "done"])
    policy = Backoff()
    retrying = tenacity.Retrying(
        stop=tenacious.stop(policy) | tenacity.stop_after_attempt(9),
        wait=tenacious.wait(policy) + tenacity.wait_fixed(0.5),
        retry=tenacious.retry() | tenacity.retry_if_result(lambda text: text == ""),
        sleep=clock.sleep,
    )
    assert retrying(lambda: next(results)) == "done"
    assert clock.slept_s == (1.5, 2.5)


def test_ones_own_judge_is_asked() -> None:
    """`classify` decides what is retried and how long is waited."""
    clock = VirtualClock()
    seen: list[BaseException] = []

    def judge(error: BaseException) -> Verdict:
        seen.append(error)
        return HINTED

    kwargs: dict[str, Any] = dict(tenacity_kwargs(Backoff(max_attempts=2), classify=judge))
    with pytest.raises(ZeroDivisionError):
        tenacity.Retrying(**kwargs, sleep=clock.sleep)(lambda: 1 / 0)
    assert clock.slept_s == (34.4,)
    assert {type(error) for error in seen} == {ZeroDivisionError}


def test_without_tenacity_it_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only making a strategy needs it; the message names the extra."""
    monkeypatch.setitem(sys.modules, "tenacity", None)
    for make in (tenacious.stop, tenacious.wait, tenacity_kwargs):
        with pytest.raises(ImportError, match=r"needs tenacity.*pip install 'chatlab\[tenacity\]'"):
            make(Backoff())
    with pytest.raises(ImportError, match="needs tenacity"):
        tenacious.retry()


def test_importing_the_room_imports_no_client() -> None:
    """Neither tenacity nor an SDK is loaded by `chatlab.retry` or its strategies."""
    code = (
        "import sys, chatlab.retry, chatlab.retry.strategies; "
        "print(sorted({'tenacity', 'openai', 'anthropic', 'httpx2', 'botocore', 'pandas'} "
        "& set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert printed.strip() == "[]"
