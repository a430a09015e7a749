"""The exceptions of OpenAI's and Anthropic's SDKs, raised over loopback sockets, and their verdicts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import anthropic
import httpx2
import openai
import pytest
from support.real_calls import (
    CHUNK,
    MESSAGE_START,
    TIMEOUT,
    TPM,
    anthropic_call,
    anthropic_error,
    openai_call,
    openai_error,
    verdict_of,
)
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import classify, observe

if TYPE_CHECKING:
    from support.sockets import Serve


@dataclass(frozen=True)
class Answered:
    """An answer of a provider, the class that its SDK raises, and the verdict."""

    status: int
    body: object
    raised: type[BaseException]
    kind: str
    retryable: bool
    retry_after_s: float | None = None
    headers: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.status}-{self.kind}"


OPENAI: Final = [
    Answered(
        400,
        openai_error("This model's maximum context length is 8 tokens.", "context_length_exceeded"),
        openai.BadRequestError,
        "config",
        False,
    ),
    Answered(400, openai_error("Bad."), openai.BadRequestError, "generic", False),
    Answered(
        401,
        openai_error("Incorrect API key provided: sk-a***stay.", "invalid_api_key"),
        openai.AuthenticationError,
        "auth",
        False,
    ),
    Answered(
        403,
        openai_error("Country not supported", "unsupported_country_region_territory"),
        openai.PermissionDeniedError,
        "auth",
        False,
    ),
    Answered(
        404,
        openai_error("The model `gpt-9` does not exist", "model_not_found"),
        openai.NotFoundError,
        "config",
        False,
    ),
    Answered(409, openai_error("Conflict."), openai.ConflictError, "generic", False),
    Answered(
        409,
        openai_error("Locked."),
        openai.ConflictError,
        "generic",
        True,
        headers={"x-should-retry": "true"},
    ),
    Answered(422, openai_error("Odd."), openai.UnprocessableEntityError, "generic", False),
    Answered(429, TPM, openai.RateLimitError, "rate_limit", True, 2.0),
    Answered(429, TPM, openai.RateLimitError, "rate_limit", True, 7.5, {"Retry-After": "7.5"}),
    Answered(
        429,
        TPM,
        openai.RateLimitError,
        "rate_limit",
        True,
        1.5,
        {"Retry-After": "2", "Retry-After-Ms": "1500"},
    ),
    Answered(
        429,
        TPM,
        openai.RateLimitError,
        "rate_limit",
        False,
        2.0,
        {"x-should-retry": "false"},
    ),
    Answered(
        429,
        openai_error("You exceeded your current quota.", "insufficient_quota"),
        openai.RateLimitError,
        "usage_limit",
        False,
    ),
    Answered(
        500,
        openai_error(
            "The server had an error while processing your request.", None, "server_error"
        ),
        openai.InternalServerError,
        "generic",
        True,
    ),
    Answered(502, "", openai.InternalServerError, "timeout", True),
    Answered(
        503,
        "<html><body><h1>503 Service Temporarily Unavailable</h1></body></html>",
        openai.InternalServerError,
        "timeout",
        True,
    ),
]


ANTHROPIC: Final = [
    Answered(
        400,
        anthropic_error("invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
        anthropic.BadRequestError,
        "config",
        False,
    ),
    Answered(
        401,
        anthropic_error("authentication_error", "invalid x-api-key"),
        anthropic.AuthenticationError,
        "auth",
        False,
    ),
    Answered(
        403,
        anthropic_error("permission_error", "Your account may not do this."),
        anthropic.PermissionDeniedError,
        "auth",
        False,
    ),
    Answered(
        404,
        anthropic_error("not_found_error", "model: claude-9"),
        anthropic.NotFoundError,
        "config",
        False,
    ),
    Answered(
        413,
        anthropic_error("request_too_large", "Request exceeds the maximum size"),
        anthropic.ContentTooLargeError,
        "generic",
        False,
    ),
    Answered(
        429,
        anthropic_error("rate_limit_error", "This request would exceed your rate limit."),
        anthropic.RateLimitError,
        "rate_limit",
        True,
        9.0,
        {"retry-after": "9"},
    ),
    Answered(
        429,
        anthropic_error("rate_limit_error", "No.", error_code="enforced_spend_limit_reached"),
        anthropic.RateLimitError,
        "usage_limit",
        False,
    ),
    Answered(
        500,
        anthropic_error("api_error", "Internal server error"),
        anthropic.InternalServerError,
        "generic",
        True,
    ),
    Answered(
        529,
        anthropic_error("overloaded_error", "Overloaded"),
        anthropic.OverloadedError,
        "overloaded",
        True,
    ),
]


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("answered", OPENAI, ids=str)
def test_openai_status_errors(serve: Serve, answered: Answered, is_async: bool) -> None:
    """Every class of status error keeps its status, its headers, its body and so its verdict."""
    server = serve(answer(response(answered.status, answered.body, answered.headers)))
    error = openai_call(server.url, is_async)
    assert isinstance(error, answered.raised)
    assert observe(error).body == (answered.body or None)
    verdict = classify(error, provider="openai")
    assert verdict_of(error, provider="openai") == (answered.kind, answered.retryable)
    assert (verdict.status_code, verdict.provider) == (answered.status, "openai")
    assert verdict.retry_after_s == answered.retry_after_s


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("answered", ANTHROPIC, ids=str)
def test_anthropic_status_errors(serve: Serve, answered: Answered, is_async: bool) -> None:
    """The same of Anthropic, whose name is read from the exception's class."""
    server = serve(answer(response(answered.status, answered.body, answered.headers)))
    error = anthropic_call(server.url, is_async)
    assert isinstance(error, answered.raised)
    assert observe(error).body == answered.body
    verdict = classify(error)
    assert verdict_of(error) == (answered.kind, answered.retryable)
    assert (verdict.status_code, verdict.provider) == (answered.status, "anthropic")
    assert verdict.retry_after_s == answered.retry_after_s


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("call", [openai_call, anthropic_call])
def test_sdk_connection_errors(
    serve: Serve, closed_port: int, call: Callable[..., BaseException], is_async: bool
) -> None:
    """A refused connect, a reset and the SDK's own timer are timeouts, without a status."""
    silent = serve(answer(b"", then="stall"))
    torn = serve(answer(b"", then="reset"))
    refused = call(f"http://{LOOPBACK}:{closed_port}", is_async)
    late = call(silent.url, is_async, timeout=0.2)
    reset = call(torn.url, is_async)
    names = [type(error).__name__ for error in (refused, late, reset)]
    assert names == ["APIConnectionError", "APITimeoutError", "APIConnectionError"]
    for error in (refused, late, reset):
        assert verdict_of(error) == TIMEOUT
        assert classify(error).status_code is None


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_openai_errors_inside_a_stream(serve: Serve, is_async: bool) -> None:
    """An error event is classified from its body; a stream that is cut is a timeout."""
    event = b'data: {"error":{"message":"Overloaded","type":"overloaded_error","code":null}}\n\n'
    said = openai_call(serve(answer(response(200, CHUNK + event))).url, is_async, stream=True)
    assert type(said) is openai.APIError
    assert verdict_of(said) == ("overloaded", True)
    cut = serve(answer(response(200, CHUNK, length=9999)))
    error = openai_call(cut.url, is_async, stream=True)
    assert type(error) is openai.APIConnectionError
    assert verdict_of(error) == TIMEOUT
    assert classify(said).status_code is None
    assert classify(error).status_code is None


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_anthropic_errors_inside_a_stream(serve: Serve, is_async: bool) -> None:
    """A status of 200 is not reported; an abrupt end is raised past the SDK's own classes."""
    event = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'
    said = anthropic_call(
        serve(answer(response(200, MESSAGE_START + event))).url, is_async, stream=True
    )
    assert isinstance(said, anthropic.APIStatusError)
    assert observe(said).status == said.status_code == 200
    assert verdict_of(said) == ("overloaded", True)
    assert classify(said).status_code is None
    assert classify(said).detail == "Overloaded"
    cut = serve(answer(response(200, MESSAGE_START, length=9999)))
    error = anthropic_call(cut.url, is_async, stream=True)
    assert type(error) is httpx2.RemoteProtocolError
    assert verdict_of(error) == TIMEOUT


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.openai.com", "openai"),
        ("chatlab.openai.azure.com", "azure"),
        ("openrouter.ai", "openrouter"),
        ("api.groq.com", "openai-compat"),
        ("unheard-of.example", None),
    ],
)
def test_the_host_that_was_called_names_the_provider(
    serve: Serve, host: str, provider: str | None
) -> None:
    """The OpenAI client speaks to many providers; the request's address says to which."""
    proxy = serve(answer(response(500, openai_error("No."))))
    with httpx2.Client(proxy=proxy.url) as client:
        error = openai_call(f"http://{host}", False, http_client=client)
    assert type(error) is openai.InternalServerError
    assert classify(error).provider == provider
    assert classify(error, provider="vercel").provider == "vercel"


def test_the_provider_that_litellm_names_beats_the_address_that_it_invents() -> None:
    """Its exceptions carry the provider's name beside a request that was never sent."""

    class RateLimitError(openai.RateLimitError):
        llm_provider = "vertex_ai"

    request = httpx2.Request("POST", "https://api.openai.com/v1")
    error = RateLimitError("x", response=httpx2.Response(429, request=request), body=None)
    assert classify(error).provider == "google"
    del RateLimitError.llm_provider
    assert classify(error).provider == "openai"
