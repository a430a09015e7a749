"""The retry loop: attempts to make until one succeeds or the policy gives up.

`run`, `arun` and `retrying` are short forms of it. They own the retrying, so the client below must
not retry too: see `warn_if_sdk_retries`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from chatlab.errors import Verdict, with_verdict
from chatlab.errors import classify as classify_failure
from chatlab.retry.backoff import Backoff, GiveUp
from chatlab.retry.callbacks import call_back
from chatlab.retry.clock import Clock, SystemClock
from chatlab.retry.driver import Emit, Flow, Sleep, adrive, drive
from chatlab.retry.machine import Event, Retry, RetryMachine
from chatlab.retry.schedule import count_of_attempts, duration

DEFAULT_POLICY: Final = Backoff()
"""The policy of everything that retries and is not given one."""

Classify = Callable[[BaseException], Verdict]
OnRetry = Callable[[Retry], object]

_log = logging.getLogger("chatlab.retry")


class Attempt:
    """One attempt, as `attempts` gives them: put ``with attempt:`` around the call.

    Leaving the block without an exception ends the loop. An `Exception` is judged: if the policy
    retries it is swallowed, and the loop goes on after the wait; otherwise it comes out of the
    block with its verdict attached and a note that says why the retrying has ended.

    Attributes
    ----------
    number: int
        Counted from 0.
    """

    __slots__ = ("_cancels", "_clock", "_ended", "_judge", "_machine", "_task", "number", "retry")

    def __init__(self, machine: RetryMachine, clock: Clock, judge: Classify) -> None:
        self.number = machine.attempt
        self.retry: Retry | None = None
        self._machine = machine
        self._clock = clock
        self._judge = judge
        self._ended = False
        self._task = _current_task()
        self._cancels = self._task.cancelling() if self._task else 0

    def __enter__(self) -> Self:
        """Begin the attempt."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        """End the attempt. Returns whether `error` is swallowed, because there will be a retry."""
        self._ended = True
        now = self._clock.now()
        if error is None:
            self._machine.feed(now, Event.SUCCESS)
            return False
        if not isinstance(error, Exception):
            return False
        if self._task and self._task.cancelling() > self._cancels:
            raise asyncio.CancelledError from error
        verdict = self._judge(error)
        answer = self._machine.feed(now, verdict)
        if isinstance(answer, Retry):
            self.retry = answer
            return True
        explain_end(error, verdict, answer, self._machine, now)
        return False

    @property
    def ended(self) -> bool:
        """Whether the ``with`` block has been left."""
        return self._ended


@dataclass(frozen=True, slots=True)
class Attempts:
    """The attempts under one policy, for ``for`` and ``async for``; made by `attempts`."""

    policy: Backoff
    clock: Clock
    on_retry: OnRetry | None
    classify: Classify

    def __iter__(self) -> Generator[Attempt, None, None]:
        """Give the attempts, and wait between them."""
        return drive(self._flow(), self.clock)

    def __aiter__(self) -> AsyncGenerator[Attempt, None]:
        """Give the attempts, and wait between them without holding the loop."""
        return adrive(self._flow(), self.clock)

    def _flow(self) -> Flow:
        machine, now = RetryMachine(self.policy), self.clock.now
        machine.feed(now(), Event.START)
        while True:
            attempt = Attempt(machine, self.clock, self.classify)
            yield Emit(attempt)
            if not attempt.ended:
                raise RuntimeError(
                    "attempts: the loop went on without its attempt; put `with attempt:` around "
                    "the call"
                )
            if attempt.retry is None:
                return
            log_retry(attempt.retry)
            if self.on_retry is not None:
                call_back(self.on_retry, "on_retry", attempt.retry)
            yield Sleep(attempt.retry.delay_s)
            machine.feed(now(), Event.WAKE)


def attempts(
    policy: Backoff = DEFAULT_POLICY,
    *,
    clock: Clock | None = None,
    on_retry: OnRetry | None = None,
    classify: Classify = classify_failure,
) -> Attempts:
    """Loop over the attempts of a block of code, with waits between them.

    Parameters
    ----------
    policy:
        When to wait and when to stop.
    clock, on_retry, classify:
        As in `run`.

    Returns
    -------
    Attempts
        To iterate with ``for``, or with ``async for`` in a coroutine. Each attempt must be entered
        with ``with``, also in a coroutine; the loop ends after the first that succeeds.

    Raises
    ------
    RuntimeError
        From the loop, if its body did not enter the attempt.

    Examples
    --------
    >>> from chatlab.retry import VirtualClock
    >>> answers = iter([TimeoutError("timed out"), "hello"])
    >>> def ask():
    ...     answer = next(answers)
    ...     if isinstance(answer, Exception):
    ...         raise answer
    ...     return answer
    >>> for attempt in attempts(clock=VirtualClock()):
    ...     with attempt:
    ...         text = ask()
    >>> text, attempt.number
    ('hello', 1)
    """
    return Attempts(policy, SystemClock() if clock is None else clock, on_retry, classify)


def log_retry(retry: Retry) -> None:
    """Log `retry` at level INFO to the logger ``chatlab.retry``, without the provider's words."""
    verdict = retry.verdict
    _log.info(
        "attempt %d failed: %s%s%s; the next one is in %s (%s)",
        retry.attempt + 1,
        verdict.kind.label,
        f", {verdict.provider}" if verdict.provider else "",
        f", status {verdict.status_code}" if verdict.status_code else "",
        duration(retry.delay_s),
        retry.because,
    )


def explain_end(
    error: BaseException, verdict: Verdict, gave_up: GiveUp, machine: RetryMachine, now: float
) -> None:
    """Attach `verdict` to `error`, and a note: how many attempts in what time, and why no more."""
    spent = "" if machine.started_at is None else f" in {duration(now - machine.started_at)}"
    tried = count_of_attempts(machine.attempt + 1)
    # An exception can refuse attributes (a frozen dataclass does); it is still the outcome.
    with suppress(Exception):
        with_verdict(error, verdict)
    with suppress(Exception):
        error.add_note(f"chatlab gave up after {tried}{spent}: {gave_up.because}")


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None
