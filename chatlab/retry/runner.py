"""Call a function until it succeeds or the policy gives up: `run`, `arun`, and a decorator."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar, cast

from chatlab.errors import classify as classify_failure
from chatlab.retry.attempt_loop import DEFAULT_POLICY, Classify, OnRetry, attempts
from chatlab.retry.backoff import Backoff
from chatlab.retry.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")


def run(
    fn: Callable[[], T],
    policy: Backoff = DEFAULT_POLICY,
    *,
    clock: Clock | None = None,
    on_retry: OnRetry | None = None,
    classify: Classify = classify_failure,
) -> T:
    """Call `fn` until it returns, and return its result.

    Parameters
    ----------
    fn:
        A plain function without arguments.
    policy:
        When to wait and when to stop.
    clock:
        By default a `SystemClock`, which really waits; notebooks and tests pass ``VirtualClock()``.
    on_retry:
        Called with the `Retry` before each wait, which is then slept exactly. If it raises, that is
        logged and the retrying goes on.
    classify:
        Judges each exception; for your own rules or to name the provider, pass
        ``functools.partial(chatlab.classify, provider="azure")``.

    Returns
    -------
    T
        What `fn` returned.

    Raises
    ------
    Exception
        That of the last call itself, with its verdict attached and a note that says how many
        attempts were made and why no more. What is not an `Exception` (KeyboardInterrupt,
        `Cancelled`, SystemExit) passes through at once, untouched.
    TypeError
        If `fn` is asynchronous.

    Examples
    --------
    >>> from chatlab.retry import VirtualClock
    >>> clock = VirtualClock()
    >>> answers = iter([TimeoutError("timed out"), "hello"])
    >>> def ask():
    ...     answer = next(answers)
    ...     if isinstance(answer, Exception):
    ...         raise answer
    ...     return answer
    >>> run(ask, clock=clock), clock.now()
    ('hello', 1.0)
    """
    for attempt in attempts(policy, clock=clock, on_retry=on_retry, classify=classify):
        with attempt:
            result = fn()
    if inspect.iscoroutine(result):
        result.close()
        raise TypeError("run: fn is asynchronous; use `await arun(fn, ...)`")
    return result


async def arun(
    fn: Callable[[], Awaitable[T]],
    policy: Backoff = DEFAULT_POLICY,
    *,
    clock: Clock | None = None,
    on_retry: OnRetry | None = None,
    classify: Classify = classify_failure,
) -> T:
    """Await `fn` until it returns; everything else is as in `run`.

    Cancelling the task ends a wait at once and raises `asyncio.CancelledError`, also when `fn`
    turned the cancellation into an error of its own.

    Parameters
    ----------
    fn:
        An asynchronous function without arguments.
    policy, clock, on_retry, classify:
        As in `run`; `on_retry` is a plain function here too.

    Returns
    -------
    T
        What `fn` returned.

    Raises
    ------
    Exception
        As in `run`.
    TypeError
        If `fn` is not asynchronous.

    Examples
    --------
    >>> import asyncio
    >>> from chatlab.retry import VirtualClock
    >>> async def ask():
    ...     return "hello"
    >>> asyncio.run(arun(ask, clock=VirtualClock()))
    'hello'
    """
    async for attempt in attempts(policy, clock=clock, on_retry=on_retry, classify=classify):
        with attempt:
            pending = fn()
            result = await pending if inspect.isawaitable(pending) else None
    if not inspect.isawaitable(pending):
        raise TypeError("arun: fn is not asynchronous; use `run(fn, ...)`")
    return result


def retrying(
    policy: Backoff = DEFAULT_POLICY,
    *,
    clock: Clock | None = None,
    on_retry: OnRetry | None = None,
    classify: Classify = classify_failure,
) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function so that each call of it is retried as by `run`.

    Parameters
    ----------
    policy:
        When to wait and when to stop, for each call anew.
    clock, on_retry, classify:
        As in `run`.

    Returns
    -------
    Callable
        The decorator, for plain and for asynchronous functions.

    Raises
    ------
    TypeError
        From the decorator, for a generator function: what it has yielded cannot be taken back.

    Examples
    --------
    >>> from chatlab.retry import Backoff, VirtualClock
    >>> calls = []
    >>> @retrying(Backoff(max_total_s=120), clock=VirtualClock())
    ... def ask(question):
    ...     calls.append(question)
    ...     if len(calls) < 3:
    ...         raise TimeoutError("timed out")
    ...     return f"{question} The third call answers."
    >>> ask("Who answers?")
    'Who answers? The third call answers.'
    """
    if not isinstance(policy, Backoff):
        raise TypeError(
            f"retrying: policy is {policy!r:.80}, not a Backoff; write @retrying() or "
            "@retrying(Backoff(...))"
        )

    def decorate(fn: Callable[P, T]) -> Callable[P, T]:
        name = getattr(fn, "__qualname__", repr(fn))
        forms = (fn, getattr(fn, "__call__", fn))  # noqa: B004  an object's own method
        if any(
            inspect.isgeneratorfunction(one) or inspect.isasyncgenfunction(one) for one in forms
        ):
            raise TypeError(
                f"retrying: {name} is a generator function; what it has yielded cannot be taken "
                "back. For a stream use chatlab.chat.Turn, whose retry events do that; or "
                "decorate a function that returns the whole result"
            )
        options: Any = {"clock": clock, "on_retry": on_retry, "classify": classify}
        if any(map(inspect.iscoroutinefunction, forms)):

            @functools.wraps(fn)
            async def repeated(*args: P.args, **kwargs: P.kwargs) -> object:
                call: Callable[[], Any] = functools.partial(fn, *args, **kwargs)
                return await arun(call, policy, **options)

            return cast(Callable[P, T], repeated)

        @functools.wraps(fn)
        def called_again(*args: P.args, **kwargs: P.kwargs) -> T:
            return run(functools.partial(fn, *args, **kwargs), policy, **options)

        return called_again

    return decorate
