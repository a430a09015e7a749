"""Call something until it succeeds or the policy gives up: the machine, a clock and your callable.

`run` and `arun` own the retrying, so the client below must not retry too: see `sdk_retries`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import warnings
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from chatlab.errors import Verdict, with_verdict
from chatlab.errors import classify as classify_failure
from chatlab.retry.backoff import Backoff, GiveUp
from chatlab.retry.clock import Clock, SystemClock
from chatlab.retry.machine import Event, Retry, RetryMachine
from chatlab.retry.schedule import count_of_attempts, duration

T = TypeVar("T")

DEFAULT_POLICY: Final = Backoff()

_log = logging.getLogger(__name__)


def run(
    fn: Callable[[], T],
    policy: Backoff = DEFAULT_POLICY,
    *,
    clock: Clock | None = None,
    on_retry: Callable[[Retry], object] | None = None,
    classify: Callable[[BaseException], Verdict] = classify_failure,
) -> T:
    """Call `fn` until it returns, and return what it returned.

    policy: when to wait and when to stop. clock: by default a `SystemClock`, which really waits;
    notebooks and tests pass ``VirtualClock()``. on_retry: called with the `Retry` before each
    wait, which is then slept exactly; if it raises, that is logged and the retrying goes on; None
    is silent. classify: judges each exception; for your own rules or to name the provider, pass
    ``functools.partial(chatlab.classify, provider="azure")``.

    Raises the exception of the last call itself, with its verdict attached and a note that says
    how often was tried and why no more. What is no `Exception` (KeyboardInterrupt, `Cancelled`,
    SystemExit) passes through at once, untouched. Raises TypeError if `fn` is asynchronous.
    """
    clock = SystemClock() if clock is None else clock
    machine = RetryMachine(policy)
    machine.feed(clock.now(), Event.START)
    while True:
        try:
            result = fn()
        except Exception as error:
            retry = _after(error, classify(error), machine, clock.now())
            if retry is None:
                raise
        else:
            if inspect.iscoroutine(result):
                result.close()
                raise TypeError("run: fn is asynchronous; use `await arun(fn, ...)`")
            machine.feed(clock.now(), Event.SUCCESS)
            return result
        _announce(retry, on_retry)
        clock.sleep(retry.delay_s)
        machine.feed(clock.now(), Event.WAKE)


async def arun(
    fn: Callable[[], Awaitable[T]],
    policy: Backoff = DEFAULT_POLICY,
    *,
    clock: Clock | None = None,
    on_retry: Callable[[Retry], object] | None = None,
    classify: Callable[[BaseException], Verdict] = classify_failure,
) -> T:
    """Await `fn` until it returns; everything else is as in `run`, `on_retry` included (a plain
    function).

    Cancelling the task ends a wait at once and raises `asyncio.CancelledError`, also when `fn`
    turned the cancellation into an error of its own. Raises TypeError if `fn` is not asynchronous.
    """
    clock = SystemClock() if clock is None else clock
    machine = RetryMachine(policy)
    machine.feed(clock.now(), Event.START)
    task = asyncio.current_task()
    cancels = task.cancelling() if task else 0
    while True:
        try:
            pending = fn()
            if inspect.isawaitable(pending):
                result = await pending
        except Exception as error:
            if task and task.cancelling() > cancels:
                raise asyncio.CancelledError from error
            retry = _after(error, classify(error), machine, clock.now())
            if retry is None:
                raise
        else:
            if not inspect.isawaitable(pending):
                raise TypeError("arun: fn is not asynchronous; use `run(fn, ...)`")
            machine.feed(clock.now(), Event.SUCCESS)
            return result
        _announce(retry, on_retry)
        await clock.asleep(retry.delay_s)
        machine.feed(clock.now(), Event.WAKE)


def _after(error: Exception, verdict: Verdict, machine: RetryMachine, now: float) -> Retry | None:
    """The retry to announce, or None when `error` is to be raised; then it says why."""
    answer = machine.feed(now, verdict)
    if isinstance(answer, Retry):
        return answer
    # An exception can refuse attributes (a frozen dataclass does); it is still the outcome.
    with contextlib.suppress(Exception):
        with_verdict(error, verdict)
    with contextlib.suppress(Exception):
        error.add_note(_note(answer, machine, now))
    return None


def _note(gave_up: GiveUp, machine: RetryMachine, now: float) -> str:
    attempts = count_of_attempts(machine.attempt + 1)
    spent = "" if machine.started_at is None else f" in {duration(now - machine.started_at)}"
    return f"chatlab gave up after {attempts}{spent}: {gave_up.because}"


def _announce(retry: Retry, on_retry: Callable[[Retry], object] | None) -> None:
    if on_retry is None:
        return
    try:
        returned = on_retry(retry)
    except Exception:
        _log.warning("on_retry raised; the retrying goes on", exc_info=True)
        return
    if inspect.iscoroutine(returned):
        returned.close()
        _log.warning("on_retry is asynchronous and was not run; pass a plain function")


class NestedRetriesWarning(RuntimeWarning):
    """A client retries by itself below a loop that retries too."""


def sdk_retries(client: object) -> int | None:
    """How often `client` retries by itself: its ``max_retries``, as the openai and anthropic
    clients have it; None if it does not say."""
    retries = getattr(client, "max_retries", None)
    return retries if isinstance(retries, int) and not isinstance(retries, bool) else None


def warn_if_sdk_retries(client: object, *, stacklevel: int = 2) -> None:
    """Warn (`NestedRetriesWarning`) if `client` retries by itself: each attempt of `run` is then
    several requests, with waits that nobody announced. stacklevel: 2 is the caller's line."""
    retries = sdk_retries(client)
    if retries:
        warnings.warn(
            f"{type(client).__name__} retries {retries} times by itself, so one attempt can be "
            f"{retries + 1} requests; make it with max_retries=0, or use "
            "client.with_options(max_retries=0)",
            NestedRetriesWarning,
            stacklevel=stacklevel,
        )
