"""An exception and the text of its traceback get the same verdict."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import anthropic
import httpx
import httpx2
import openai
import pytest
from support.real_calls import anthropic_call, caught, openai_call
from support.sockets import LOOPBACK, Serve, answer, response

from chatlab.errors import classify


def status_error(status: int, **error: object) -> BaseException:
    """What Anthropic's SDK raises; the whole body is in its text."""
    request = httpx2.Request("POST", "https://api.anthropic.com/v1/messages")
    body = {"type": "error", "error": error}
    answered = httpx2.Response(status, request=request, json=body)
    with anthropic.Anthropic(api_key="none") as client:
        return client._make_status_error_from_response(answered)


def below(error: BaseException) -> BaseException:
    """`error` as the cause of an application's own."""

    def call() -> None:
        try:
            raise error
        except Exception as inner:
            raise RuntimeError("the agent gave up") from inner

    return caught(call)


RAISED: dict[str, Callable[[], BaseException]] = {
    "rate limit": lambda: status_error(429, type="rate_limit_error", message="Slow down."),
    "overloaded": lambda: status_error(529, type="overloaded_error", message="Overloaded"),
    "refused key": lambda: status_error(401, type="authentication_error", message="invalid key"),
    "bad request": lambda: status_error(
        400, type="invalid_request_error", message="prompt is too long: 9 tokens > 8 maximum"
    ),
    "server error": lambda: status_error(500, type="api_error", message="Internal server error"),
    "connection": lambda: httpx.ConnectError("[Errno 111] Connection refused"),
    "timer": lambda: openai.APITimeoutError(request=httpx2.Request("GET", "https://x.example")),
    "own deadline": lambda: TimeoutError(),
    "cancelled": lambda: KeyboardInterrupt(),
    "unknown": lambda: RuntimeError("something of the application's own"),
}


@pytest.mark.parametrize("wrapped", [False, True], ids=["bare", "below another"])
@pytest.mark.parametrize("name", RAISED)
def test_the_text_of_a_traceback(name: str, wrapped: bool) -> None:
    """Kind, decision and status are those of the exception."""
    error = RAISED[name]()
    if wrapped and isinstance(error, Exception):
        error = below(error)
    seen, told = classify(error), classify("".join(traceback.format_exception(error)))
    assert (told.kind, told.retryable) == (seen.kind, seen.retryable), told.explain()
    assert told.status_code == seen.status_code


@pytest.mark.parametrize("call", [openai_call, anthropic_call])
def test_the_text_of_a_real_connection_error(
    serve: Serve, closed_port: int, call: Callable[..., BaseException]
) -> None:
    """With all the frames and causes of the SDK and of its HTTP library."""
    page = serve(answer(response(503, "<html><h1>503 Service Unavailable</h1></html>"))).url
    for url in (f"http://{LOOPBACK}:{closed_port}", serve(answer(b"", then="reset")).url, page):
        error = call(url, False)
        seen, told = classify(error), classify("".join(traceback.format_exception(error)))
        assert (told.kind, told.retryable) == (seen.kind, seen.retryable), url
