"""What an exception wraps: causes, contexts, groups and attached verdicts."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, Final

import openai
import pytest
from support.real_calls import (
    AGAIN,
    FINAL,
    KEY,
    TIMEOUT,
    TPM,
    caught,
    openai_call,
    openai_error,
    verdict_of,
)
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import Kind, Verdict, classify, observe, with_verdict

if TYPE_CHECKING:
    from support.sockets import Serve


class Wrapper(Exception):
    """An application's own exception, with a status that it answers with."""

    status_code: ClassVar[int] = 500


@pytest.fixture
def limited(serve: Serve) -> Callable[[], None]:
    """A call that meets a real rate limit."""
    url = serve(answer(response(429, TPM, {"retry-after": "5"}))).url

    def call() -> None:
        raise openai_call(url, False)

    return call


def raised_from(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:
        raise Wrapper("it failed") from error


def raised_during(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:
        raise Wrapper("it failed")  # noqa: B904


def raised_instead(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception:
        raise Wrapper("it failed") from None


def raised_together(call: Callable[[], None]) -> None:
    try:
        call()
    except Exception as error:
        raise ExceptionGroup(
            "two failed", [KeyError("x"), ExceptionGroup("one", [error])]
        ) from None


def raised_by_a_task_group(call: Callable[[], None]) -> None:
    async def failing() -> None:
        call()

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(failing())
            group.create_task(asyncio.sleep(9))

    asyncio.run(main())


WRAPPED: Final = [raised_from, raised_during, raised_together, raised_by_a_task_group]


@pytest.mark.parametrize("wrap", WRAPPED)
def test_the_innermost_cause_beats_the_wrapper(
    limited: Callable[[], None], wrap: Callable[[Callable[[], None]], None]
) -> None:
    """Explicit causes, implicit contexts and groups are looked through, status and headers too."""
    error = caught(lambda: wrap(limited))
    verdict = classify(error)
    assert verdict_of(error) == ("rate_limit", True), verdict.explain()
    assert (verdict.status_code, verdict.retry_after_s) == (429, 5.0)


def test_a_suppressed_context_is_not_looked_at(limited: Callable[[], None]) -> None:
    """`raise ... from None` says that the first exception does not matter."""
    verdict = classify(caught(lambda: raised_instead(limited)))
    assert (str(verdict.kind), verdict.retryable, verdict.status_code) == (*AGAIN, 500)


def test_a_fallback_that_fails_too_is_judged_by_itself(
    limited: Callable[[], None], serve: Serve, closed_port: int
) -> None:
    """A second call inside the ``except`` block of the first has the first as its context only."""
    url = serve(answer(response(401, openai_error("No.", "invalid_api_key")))).url

    def fallback(base_url: str) -> None:
        with openai.OpenAI(base_url=base_url, api_key=KEY, max_retries=0) as client:
            try:
                limited()
            except openai.RateLimitError:
                client.models.list()

    assert verdict_of(caught(lambda: fallback(url))) == ("auth", False)
    refused = caught(lambda: fallback(f"http://{LOOPBACK}:{closed_port}"))
    assert classify(refused).status_code is None
    assert verdict_of(refused) == TIMEOUT


def test_texts_of_inner_exceptions_beat_texts_of_outer_ones() -> None:
    """Without any structure, the innermost text that shows a status decides."""
    outer = RuntimeError("gateway said HTTP 500")
    outer.__cause__ = ValueError("status code: 401")
    assert verdict_of(outer) == ("auth", False)
    assert classify(outer).status_code == 401


def test_cycles_and_long_chains_end() -> None:
    """A cycle is walked once; of a thousand exceptions the outermost and innermost are kept."""
    one, two = RuntimeError("one"), ValueError("HTTP 429")
    one.__cause__, two.__context__ = two, one
    assert verdict_of(one) == ("rate_limit", True)
    own = RuntimeError("itself")
    own.__cause__ = own
    assert verdict_of(ExceptionGroup("around", [own])) == FINAL
    chain: BaseException = RuntimeError("status code: 529")
    for number in range(1000):
        outer = RuntimeError(f"layer {number}")
        outer.__cause__ = chain
        chain = outer
    assert verdict_of(chain) == ("overloaded", True)
    assert len(observe(chain).causes) < 100


@pytest.mark.parametrize("wrap", WRAPPED)
def test_an_attached_verdict_survives_wrapping(
    limited: Callable[[], None], wrap: Callable[[Callable[[], None]], None]
) -> None:
    """It beats status, body and words, through everything that raises it on."""
    purpose = Verdict(Kind.STREAM_SILENCE_TIMEOUT, retryable=True, provider="openai")

    def attached() -> None:
        try:
            limited()
        except Exception as error:
            with_verdict(error, purpose)
            raise

    error: BaseException = caught(lambda: wrap(attached))
    assert classify(error) is purpose
    for _ in range(1000):
        outer = Wrapper("again")
        outer.__context__ = error
        error = outer
    assert classify(error) is purpose
    assert classify(error, provider="azure") is purpose


def test_a_verdict_can_be_attached_to_any_exception() -> None:
    """Also to one whose class refuses attributes; what is no verdict is no attachment."""

    class Frozen(Exception):
        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError(name)

    class Answering(Exception):
        def __getattr__(self, name: str) -> str:
            return "something for every name"

    purpose = Verdict(Kind.OVERLOADED, retryable=True)
    frozen = Frozen("401")
    assert with_verdict(frozen, purpose) is frozen
    assert classify(frozen) is purpose
    assert isinstance(classify(Answering("HTTP 429")), Verdict)
    assert verdict_of(Answering("HTTP 429")) == ("rate_limit", True)


def test_an_attached_verdict_of_an_earlier_call_stays_there(closed_port: int) -> None:
    """A fallback that fails is not given the verdict of the call that it stood in for."""
    first = with_verdict(RuntimeError("x"), Verdict(Kind.AUTH, retryable=False))

    def both() -> None:
        try:
            raise first
        except RuntimeError:
            socket.create_connection((LOOPBACK, closed_port))
            raise

    def connect() -> None:
        socket.create_connection((LOOPBACK, closed_port))

    def nested() -> None:
        try:
            raise first
        except RuntimeError:
            connect()

    assert verdict_of(caught(nested)) == TIMEOUT
    assert verdict_of(caught(both)) == TIMEOUT
