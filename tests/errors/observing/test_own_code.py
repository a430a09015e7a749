"""The caller's own bugs, gates, processes and time limits blame nobody else."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import Callable
from concurrent import futures
from concurrent.futures import process

import anthropic
import httpx
import httpx2
import openai
import pytest
import tenacity
from support.real_calls import FINAL, TIMEOUT, caught, verdict_of

from chatlab.errors import Failure, Raised, classify


def provider_s_failure() -> httpx.HTTPStatusError:
    """A rate limit, as httpx raises it."""
    request = httpx.Request("POST", "https://api.openai.com/v1/responses")
    answer = httpx.Response(429, request=request, headers={"retry-after": "7"})
    error = caught(answer.raise_for_status)
    assert isinstance(error, httpx.HTTPStatusError)
    return error


def bug(code: str) -> BaseException:
    """What running `code` raises."""
    return caught(lambda: exec(code, {}))


BUGS = [
    "object().timeout",
    "{}['rate_limit']",
    "overloaded",
    "[][429]",
    "from json import RateLimitError",
    "import rate_limit_exceeded",
    "assert False, 'expected 429 rate limit, got 200, retry after 9 seconds'",
    "len(429)",
    "(lambda: 0)(timeout=3)",
    "print(service_unavailable=503)",
    "1 / 0",
]


@pytest.mark.parametrize("code", BUGS)
def test_the_words_of_a_bug_are_no_provider_s(code: str) -> None:
    """Not even words of limits, statuses and waits; the message says whose fault it is."""
    verdict = classify(bug(code), provider="openai")
    assert verdict_of(bug(code)) == FINAL
    assert (verdict.rule, verdict.provider, verdict.status_code) == (
        "programming-error",
        None,
        None,
    )
    assert verdict.retry_after_s is None
    assert "bug in the program" in verdict.message


@pytest.mark.parametrize("code", BUGS[:4])
def test_a_bug_below_an_sdk_s_connection_error_is_a_bug(code: str) -> None:
    """Anthropic's SDK calls whatever its transport raises a lost connection."""
    error = anthropic.APIConnectionError(request=httpx2.Request("POST", "https://x.example"))
    error.__cause__ = bug(code)
    assert classify(error).rule == "programming-error"
    wrapped = RuntimeError("it failed")
    wrapped.__cause__ = error
    assert classify(wrapped).rule == "programming-error"


def test_what_a_provider_s_failure_caused_is_the_provider_s() -> None:
    """A bug in the code that handles the failure hides it from nobody."""

    def handling() -> None:
        try:
            raise provider_s_failure()
        except httpx.HTTPStatusError as error:
            error.retry_after  # type: ignore[attr-defined]  # noqa: B018

    def retold() -> None:
        raise KeyError("rate_limit") from provider_s_failure()

    for call in (handling, retold):
        verdict = classify(caught(call))
        assert (verdict.kind, verdict.status_code, verdict.retry_after_s) == ("rate_limit", 429, 7)


def test_an_sdk_s_own_class_is_no_bug() -> None:
    """A class that is derived from one of Python's speaks for its library."""

    class MissingKeyError(KeyError):
        """As a client library has it."""

    MissingKeyError.__module__ = "some_sdk.errors"
    assert classify(MissingKeyError("Error code: 429 - rate limit reached")).kind == "rate_limit"


@pytest.mark.parametrize("said", ["fetch failed", "terminated", "Load failed", "network error"])
def test_javascript_calls_a_lost_connection_a_type_error(said: str) -> None:
    """So the class alone proves no bug."""
    assert verdict_of(Failure(exception_type="TypeError", exception_text=said)) == TIMEOUT


def test_a_closed_client_is_the_program_s() -> None:
    """httpx refuses to send with a client that was closed before."""
    client = httpx.Client()
    client.close()
    error = caught(lambda: client.get("http://127.0.0.1:9"))
    assert classify(error).rule == "programming-error"


# --- errors that did not survive the way to another process --------------------------------------


def quota() -> openai.RateLimitError:
    """An error of the OpenAI SDK; outside a function, so that it can be pickled."""
    request = httpx2.Request("POST", "https://api.openai.com/v1")
    return openai.RateLimitError("quota", response=httpx2.Response(429, request=request), body=None)


def lost_in_pickle() -> None:
    pickle.loads(pickle.dumps(quota()))


def lost_below_a_broken_pool() -> None:
    error = process.BrokenProcessPool("A result has failed to un-serialize.")
    error.__cause__ = process._RemoteTraceback(  # type: ignore[attr-defined]
        '\n"""\nTraceback (most recent call last):\n  File "queues.py", line 1, in get\n'
        "    return loads(res, timeout=timeout)\nTypeError: APIStatusError.__init__() missing 2"
        " required keyword-only arguments: 'response' and 'body'\n\"\"\""
    )
    raise error


@pytest.mark.parametrize("call", [lost_in_pickle, lost_below_a_broken_pool])
def test_an_error_that_was_lost_says_so(call: Callable[[], None]) -> None:
    """Python's complaint about ``__init__`` stands for an error that nobody knows any more."""
    verdict = classify(caught(call), provider="openai")
    assert (verdict.rule, verdict.retryable, verdict.provider) == (
        "lost-between-processes",
        False,
        None,
    )
    assert "lost" in verdict.message


def test_a_wrong_call_of_one_s_own_class_is_a_bug() -> None:
    """Only classes of errors are rebuilt between processes."""
    error = bug("class Worker:\n  def __init__(self, x): pass\nWorker()")
    assert classify(error).rule == "programming-error"


# --- gates, processes, limits --------------------------------------------------------------------


def test_a_broken_pool_of_processes() -> None:
    """A killed worker says nothing of the provider, whatever its words of an abrupt end."""
    with futures.ProcessPoolExecutor(1) as pool:
        error = caught(lambda: pool.submit(os._exit, 9).result())
    verdict = classify(error)
    assert (verdict.rule, verdict.retryable, verdict.provider) == ("own-process", False, None)
    assert "provider" not in verdict.message.lower()


@pytest.mark.parametrize(
    ("name", "said", "rule"),
    [
        ("pybreaker.CircuitBreakerError", "circuit breaker still open", "own-gate"),
        ("ratelimit.exception.RateLimitException", "too many calls", "own-gate"),
        ("dramatiq.errors.RateLimitExceeded", "rate limit exceeded for key 'x'", "own-gate"),
        ("billiard.exceptions.WorkerLostError", "signal 9 (SIGKILL)", "own-process"),
        ("celery.exceptions.TimeoutError", "The operation timed out.", "own-time-limit"),
        ("billiard.exceptions.SoftTimeLimitExceeded", "SoftTimeLimitExceeded()", "own-time-limit"),
    ],
)
def test_gates_and_limits_of_libraries(name: str, said: str, rule: str) -> None:
    """By their classes; below a provider's failure or above it they do not decide."""
    alone = Failure(exception_type=name, exception_text=said)
    below = Failure(exception_type="RuntimeError", causes=(Raised(name, said),))
    for failure in (alone, below):
        verdict = classify(failure)
        assert (verdict.rule, verdict.retryable, verdict.provider) == (rule, False, None)
        assert "AI provider" not in verdict.message
    answered = Failure(exception_type=name, exception_text=said, status=529)
    assert classify(answered).kind == "overloaded"
    caused = Failure(
        exception_type=name,
        causes=(Raised("openai.RateLimitError", "Error code: 429 - slow down"),),
    )
    assert classify(caused).kind == "rate_limit"


def test_deadlines_of_the_caller_s_own() -> None:
    """asyncio's and a future's bare timeouts, also over an SDK that was waiting."""

    async def over_a_wait() -> None:
        async with asyncio.timeout(0.01):
            try:
                raise provider_s_failure()
            except httpx.HTTPStatusError:
                await asyncio.sleep(9)

    assert verdict_of(caught(lambda: asyncio.run(over_a_wait()))) == ("timeout", False)
    future: futures.Future[None] = futures.Future()
    assert verdict_of(caught(lambda: future.result(timeout=0))) == ("timeout", False)


def test_retry_libraries_hand_the_last_failure_on() -> None:
    """tenacity keeps it as a cause, or, where it was rebuilt, in the last attempt."""

    @tenacity.retry(stop=tenacity.stop_after_attempt(1))
    def call() -> None:
        raise provider_s_failure()

    error = caught(call)
    assert isinstance(error, tenacity.RetryError)
    rebuilt = tenacity.RetryError(error.last_attempt)
    for one in (error, rebuilt):
        assert (classify(one).status_code, classify(one).retry_after_s) == (429, 7.0)
