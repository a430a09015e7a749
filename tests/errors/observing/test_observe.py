"""Real exceptions and responses of every library, raised over loopback sockets, and their verdicts."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator, Mapping
from concurrent import futures
from contextlib import closing, contextmanager
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypedDict, Unpack

import aiohttp
import anthropic
import botocore.session
import grpc  # type: ignore[import-untyped]
import h2.config
import h2.connection
import h2.errors
import h2.events
import httpcore
import httpcore2
import httpx
import httpx2
import openai
import pytest
import requests
import urllib3
from botocore.config import Config
from google import genai
from google.api_core import exceptions as google_exceptions
from google.api_core import grpc_helpers
from google.api_core import retry as google_retry
from google.genai import types as genai_types
from google.protobuf import any_pb2, duration_pb2  # type: ignore[import-untyped]
from google.rpc import code_pb2, error_details_pb2, status_pb2  # type: ignore[import-untyped]
from grpc_status import rpc_status  # type: ignore[import-untyped]
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import Failure, Kind, Verdict, classify, observe, with_verdict
from chatlab.lab.provider.tls import contexts

if TYPE_CHECKING:
    from support.sockets import Handler, Serve

wrapped_errors: Callable[..., Callable[..., object]] = grpc_helpers.wrap_errors
KEY: Final = "sk-a-secret-that-must-not-stay"
H2 = h2.errors.ErrorCodes
TIMEOUT: Final = ("timeout", True)
FINAL: Final = ("generic", False)
AGAIN: Final = ("generic", True)


def caught(call: Callable[[], object]) -> BaseException:
    """What `call` raises."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        call()
    return raised.value


def caught_async(call: Callable[[], Awaitable[object]]) -> BaseException:
    """What awaiting `call` raises, in a loop of its own."""

    async def run() -> object:
        return await call()

    return caught(lambda: asyncio.run(run()))


def verdict_of(thing: object, provider: str | None = None) -> tuple[str, bool]:
    """The kind and whether to retry, after a look at everything a verdict can be asked."""
    verdict = classify(thing, provider)
    assert KEY not in f"{verdict!r}{verdict}{verdict.explain()}{verdict.as_dict()}"
    return str(verdict.kind), verdict.retryable


# --- the SDKs of OpenAI and Anthropic ------------------------------------------------------------


class Settings(TypedDict, total=False):
    """What the constructors of both SDKs take."""

    timeout: float
    http_client: httpx2.Client


def openai_call(
    url: str, is_async: bool, stream: bool = False, **named: Unpack[Settings]
) -> BaseException:
    """What a chat completion at `url` raises, without the SDK's own retries."""
    settings: dict[str, Any] = {"base_url": f"{url}/v1", "api_key": KEY, "max_retries": 0, **named}
    call: dict[str, Any] = {"model": "gpt-5", "messages": [], "stream": stream}

    def sync() -> None:
        with openai.OpenAI(**settings) as client:
            list(client.chat.completions.create(**call))

    async def awaited() -> None:
        async with openai.AsyncOpenAI(**settings) as client:
            async for _ in await client.chat.completions.create(**call):
                pass

    return caught_async(awaited) if is_async else caught(sync)


def anthropic_call(
    url: str, is_async: bool, stream: bool = False, **named: Unpack[Settings]
) -> BaseException:
    """What a message at `url` raises, without the SDK's own retries."""
    settings: dict[str, Any] = {"base_url": url, "api_key": KEY, "max_retries": 0, **named}
    call: dict[str, Any] = {"model": "claude", "max_tokens": 9, "messages": [], "stream": stream}

    def sync() -> None:
        with anthropic.Anthropic(**settings) as client:
            list(client.messages.create(**call))

    async def awaited() -> None:
        async with anthropic.AsyncAnthropic(**settings) as client:
            async for _ in await client.messages.create(**call):
                pass

    return caught_async(awaited) if is_async else caught(sync)


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


def openai_error(message: str, code: str | None = None, kind: str | None = None) -> object:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(kind: str, message: str, **details: str) -> object:
    error = {"type": kind, "message": message, **({"details": details} if details else {})}
    return {"type": "error", "error": error, "request_id": "req_1"}


TPM: Final = openai_error(
    "Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000, Used 29000, Requested"
    " 2000. Please try again in 2s.",
    "rate_limit_exceeded",
    "tokens",
)
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


CHUNK: Final = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-5",'
    b'"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
)
MESSAGE_START: Final = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","content":[],"model":"claude","stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
)


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


# --- HTTP libraries ------------------------------------------------------------------------------

Fetch = Callable[[str], object]


def with_httpx(url: str) -> object:
    with httpx.Client(timeout=0.3) as client:
        return client.get(url).raise_for_status()


def with_httpx2(url: str) -> object:
    with httpx2.Client(timeout=0.3) as client:
        return client.get(url).raise_for_status()


def with_httpcore(url: str) -> object:
    with httpcore.ConnectionPool() as pool:
        return pool.request("GET", url, extensions={"timeout": {"read": 0.3}})


def with_httpcore2(url: str) -> object:
    with httpcore2.ConnectionPool() as pool:
        return pool.request("GET", url, extensions={"timeout": {"read": 0.3}})


def with_requests(url: str) -> object:
    with requests.get(url, timeout=0.3) as answered:
        answered.raise_for_status()
    return answered


def with_urllib3(url: str) -> object:
    with urllib3.PoolManager(retries=False, timeout=0.3) as pool:
        return pool.request("GET", url)


def with_urllib3_retries(url: str) -> object:
    retries = urllib3.Retry(1, backoff_factor=0, status_forcelist=[429])
    with urllib3.PoolManager(retries=retries, timeout=0.3) as pool:
        return pool.request("GET", url)


def with_aiohttp(url: str) -> object:
    async def fetch() -> object:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(sock_read=0.3)) as session:  # noqa: SIM117
            async with session.get(url) as answered:
                answered.raise_for_status()
                return await answered.read()

    return asyncio.run(fetch())


def with_urllib(url: str) -> object:
    with urllib.request.urlopen(url, timeout=0.3) as answered:
        return answered.read()


CLIENTS: Final[list[Fetch]] = [
    *(with_httpx, with_httpx2, with_httpcore, with_httpcore2, with_requests),
    *(with_urllib3, with_urllib3_retries, with_aiohttp, with_urllib),
]


@pytest.mark.parametrize("fetch", CLIENTS)
def test_transport_failures(serve: Serve, closed_port: int, fetch: Fetch) -> None:
    """What does not arrive, or stops on the way, is a timeout in every library's words."""
    urls = {
        "refused": f"http://{LOOPBACK}:{closed_port}",
        "silent": serve(answer(b"", then="stall")).url,
        "closed": serve(answer(b"")).url,
        "reset": serve(answer(b"", then="reset")).url,
        "cut": serve(answer(response(200, "abc", length=99), then="reset")).url,
        "short": serve(answer(response(200, "abc", length=99))).url,
        "chunk": serve(
            answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab")
        ).url,
    }
    for what, url in urls.items():
        error = caught(lambda url=url: fetch(url))  # type: ignore[misc]
        verdict = classify(error)
        found = (str(verdict.kind), verdict.retryable, verdict.status_code)
        assert found == (*TIMEOUT, None), f"{what}: {error!r}\n{verdict.explain()}"


@pytest.mark.parametrize(
    "fetch", [with_httpx, with_httpx2, with_requests, with_aiohttp, with_urllib]
)
def test_status_errors_of_http_libraries(serve: Serve, fetch: Fetch) -> None:
    """`raise_for_status` and its kin keep the status and the headers."""
    url = serve(answer(response(429, TPM, {"retry-after": "5"}))).url
    error = caught(lambda: fetch(url))
    assert verdict_of(error) == ("rate_limit", True)
    assert (classify(error).status_code, classify(error).retry_after_s) == (429, 5.0)
    if isinstance(error, urllib.error.HTTPError):
        error.close()


def test_a_retry_error_of_urllib3_keeps_the_status_that_it_names(serve: Serve) -> None:
    """`MaxRetryError` holds its reason in an attribute, and no response."""
    url = serve(answer(response(429))).url
    error = caught(lambda: with_urllib3_retries(url))
    assert type(error) is urllib3.exceptions.MaxRetryError
    assert verdict_of(error) == ("rate_limit", True)


def test_responses_of_every_library(serve: Serve) -> None:
    """A response object gives the verdict of its status, headers and body."""
    url = serve(answer(response(429, TPM, {"retry-after": "5", "x-should-retry": "false"}))).url

    async def fetched() -> aiohttp.ClientResponse:
        async with aiohttp.ClientSession() as session, session.get(url) as answered:
            await answered.read()
            return answered

    with requests.get(url) as from_requests, httpx.Client() as one, httpx2.Client() as two:
        found = {
            "requests": from_requests,
            "httpx": one.get(url),
            "httpx2": two.get(url),
            "httpcore": with_httpcore(url),
            "httpcore2": with_httpcore2(url),
            "urllib3": with_urllib3(url),
            "aiohttp": asyncio.run(fetched()),
        }
    for name, answered in found.items():
        verdict = classify(answered)
        seen = (str(verdict.kind), verdict.retryable, verdict.status_code, verdict.retry_after_s)
        assert seen == ("rate_limit", False, 429, 5.0), name
        assert verdict.detail.startswith("Rate limit reached for gpt-5"), name


def test_an_unread_response_is_not_read(serve: Serve) -> None:
    """Reading could block for ever: the body of an open stream counts as not observed."""
    url = serve(answer(response(503, "partly", length=99), then="stall")).url
    with requests.get(url, stream=True) as kept, httpx.stream("GET", url) as stream:
        for open_response in (kept, stream):
            assert observe(open_response).body is None
            assert verdict_of(open_response) == TIMEOUT


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
def test_a_full_pool_is_a_timeout(serve: Serve, library: ModuleType) -> None:
    """A pool timeout has no words at all; its class name speaks."""
    url = serve(answer(response(200, "x", length=9), then="stall")).url
    limits, timeout = library.Limits(max_connections=1), library.Timeout(1, pool=0.05)
    with (
        library.Client(limits=limits, timeout=timeout) as client,
        client.stream("GET", url),
    ):
        error = caught(lambda: client.get(url))
    assert type(error).__name__ == "PoolTimeout"
    assert verdict_of(error) == TIMEOUT


def test_aiohttp_does_not_lend_its_own_400_to_the_provider(serve: Serve) -> None:
    """What aiohttp cannot parse it calls a 400, which nobody sent."""
    for data in (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nab",
        b"no HTTP at all\r\n\r\n",
    ):
        url = serve(answer(data)).url
        error = caught(lambda url=url: with_aiohttp(url))  # type: ignore[misc]
        verdict = classify(error)
        assert verdict.status_code is None, f"{error!r}"
        assert verdict.retryable, f"{error!r}"


# --- HTTP/2 --------------------------------------------------------------------------------------


def h2_server(reset: int | None = None, goaway: int | None = None, data: bytes = b"") -> Handler:
    """A server that answers the first request with 200, then ends the stream or the connection."""

    def handle(connection: socket.socket, over: threading.Event) -> None:
        wire = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        wire.initiate_connection()
        connection.sendall(wire.data_to_send())
        while received := connection.recv(65536):
            for event in wire.receive_data(received):
                if isinstance(event, h2.events.StreamEnded) and event.stream_id is not None:
                    head = [(":status", "200"), ("content-type", "text/event-stream")]
                    wire.send_headers(event.stream_id, head)
                    if data:
                        wire.send_data(event.stream_id, data)
                    if reset is not None:
                        wire.reset_stream(event.stream_id, reset)
                    if goaway is not None:
                        wire.close_connection(goaway)
                        connection.sendall(wire.data_to_send())
                        return
            connection.sendall(wire.data_to_send())

    return handle


PASSING: Final = {
    *(H2.NO_ERROR, H2.INTERNAL_ERROR, H2.REFUSED_STREAM, H2.CANCEL, H2.ENHANCE_YOUR_CALM),
}
BLAMING: Final = {
    *(H2.PROTOCOL_ERROR, H2.FLOW_CONTROL_ERROR, H2.FRAME_SIZE_ERROR, H2.COMPRESSION_ERROR),
}


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
@pytest.mark.parametrize("code", sorted(PASSING | BLAMING), ids=lambda code: code.name)
def test_a_stream_reset_by_the_peer_carries_its_code(
    serve: Serve, library: ModuleType, code: h2.errors.ErrorCodes
) -> None:
    """The typed code, several causes deep, decides between a passing fault and a broken protocol."""
    url = serve(h2_server(reset=code)).url
    with library.Client(http1=False, http2=True) as client:
        error = caught(lambda: client.get(url))
    reset = observe(error).reset
    assert reset is not None
    assert (reset.code, reset.by_peer) == (code.name, True)
    assert verdict_of(error) == (TIMEOUT if code in PASSING else FINAL)


@pytest.mark.parametrize("library", [httpx, httpx2], ids=lambda library: library.__name__)
@pytest.mark.parametrize("code", [H2.NO_ERROR, H2.PROTOCOL_ERROR, H2.ENHANCE_YOUR_CALM])
def test_goaway_is_a_timeout_whatever_its_code(
    serve: Serve, library: ModuleType, code: h2.errors.ErrorCodes
) -> None:
    """The connection ends; a new one can pass."""
    url = serve(h2_server(goaway=code)).url
    with library.Client(http1=False, http2=True) as client:
        error = caught(lambda: client.get(url))
    assert "ConnectionTerminated" in str(error)
    assert verdict_of(error) == TIMEOUT


def test_a_reset_inside_an_sdk_s_stream(serve: Serve) -> None:
    """The SDKs differ in what they raise; the code is found in both."""
    for call, data in ((openai_call, CHUNK), (anthropic_call, MESSAGE_START)):
        for code, expected in ((H2.INTERNAL_ERROR, TIMEOUT), (H2.PROTOCOL_ERROR, FINAL)):
            url = serve(h2_server(reset=code, data=data)).url
            with httpx2.Client(http1=False, http2=True) as client:
                error = call(url, False, http_client=client, stream=True)
            assert observe(error).reset is not None, f"{error!r}"
            assert verdict_of(error) == expected, f"{error!r}"


def test_a_violation_that_h2_finds_itself() -> None:
    """A local protocol error is nothing that waiting cures."""
    wire = h2.connection.H2Connection()
    wire.initiate_connection()
    error = caught(lambda: wire.send_data(5, b"x"))
    assert isinstance(error, h2.exceptions.ProtocolError)
    assert verdict_of(error) == FINAL


# --- Amazon --------------------------------------------------------------------------------------


@contextmanager
def bedrock(url: str, key: bool = True) -> Iterator[Any]:
    """A real bedrock-runtime client that talks to `url`."""
    session = botocore.session.Session()
    session.set_config_variable("metadata_service_num_attempts", 1)
    if key:
        session.set_credentials("AKIAIOSFODNN7EXAMPLE", "not-a-real-secret-not-a-real-secret-0000")
    else:
        session.register_component("credential_provider", _NoCredentials())
    settings = Config(retries={"total_max_attempts": 1}, read_timeout=0.3, connect_timeout=1)
    client = session.create_client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=settings
    )
    with closing(client):
        yield client


class _NoCredentials:
    """A machine without any AWS credentials."""

    def load_credentials(self) -> None:
        return None


def converse(url: str, key: bool = True) -> BaseException:
    """What a Converse call raises."""
    messages = [{"role": "user", "content": [{"text": "hi"}]}]
    with bedrock(url, key) as client:
        return caught(lambda: client.converse(modelId="anthropic.claude", messages=messages))


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "retryable"),
    [
        (429, "ThrottlingException", "Too many tokens, please wait.", "rate_limit", True),
        (400, "ValidationException", "Input is too long for requested model.", "config", False),
        (400, "ValidationException", "The provided model identifier is invalid.", "config", False),
        (
            403,
            "AccessDeniedException",
            "You don't have access to the model with the specified model ID.",
            "config",
            False,
        ),
        (
            403,
            "UnrecognizedClientException",
            "The security token included in the request is invalid.",
            "auth",
            False,
        ),
        (403, "ExpiredTokenException", "The security token is expired", "auth", False),
        (
            503,
            "ServiceUnavailableException",
            "Bedrock is unable to process your request.",
            "timeout",
            True,
        ),
        (408, "ModelTimeoutException", "Model timed out", "timeout", True),
        (500, "InternalServerException", "An unexpected error.", "generic", True),
        (404, "ResourceNotFoundException", "Could not resolve the model.", "config", False),
    ],
)
def test_bedrock_client_errors(
    serve: Serve, status: int, code: str, message: str, kind: str, retryable: bool
) -> None:
    """The code that AWS puts into a header decides, and Bedrock is named."""
    headers = {"x-amzn-ErrorType": f"{code}:http://internal.amazon.com/"}
    error = converse(serve(answer(response(status, {"message": message}, headers))).url)
    assert isinstance(error, botocore.exceptions.ClientError)
    verdict = classify(error)
    assert verdict_of(error) == (kind, retryable), verdict.explain()
    assert (verdict.provider, verdict.status_code) == ("bedrock", status)
    assert verdict.detail == message


def test_bedrock_transport_and_local_errors(serve: Serve, closed_port: int) -> None:
    """Timers and refused connects are timeouts; missing credentials and parameters are not."""
    refused = f"http://{LOOPBACK}:{closed_port}"
    with bedrock(refused) as client:
        wrong = caught(lambda: client.converse(messages=3))
    found = {
        type(error).__name__: verdict_of(error)
        for error in (
            converse(serve(answer(b"", then="stall")).url),
            converse(refused),
            converse(serve(answer(b"")).url),
            converse(refused, key=False),
            wrong,
        )
    }
    assert found == {
        "ReadTimeoutError": TIMEOUT,
        "EndpointConnectionError": TIMEOUT,
        "ConnectionClosedError": TIMEOUT,
        "NoCredentialsError": ("auth", False),
        "ParamValidationError": FINAL,
    }


# --- Google --------------------------------------------------------------------------------------


def google_error(code: int, status: str, message: str, *details: object) -> object:
    return {"error": {"code": code, "message": message, "status": status, "details": [*details]}}


RETRY_INFO: Final = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
QUOTA: Final = "You exceeded your current quota, please check your plan and billing details."
GOOGLE: Final = [
    (google_error(429, "RESOURCE_EXHAUSTED", QUOTA, RETRY_INFO), "rate_limit", True, 34.4),
    (google_error(503, "UNAVAILABLE", "The model is overloaded."), "overloaded", True, None),
    (
        google_error(400, "INVALID_ARGUMENT", "API key not valid.", {"reason": "API_KEY_INVALID"}),
        "auth",
        False,
        None,
    ),
    (
        google_error(404, "NOT_FOUND", "models/x is not found for API version v1beta"),
        "config",
        False,
        None,
    ),
    (google_error(500, "INTERNAL", "An internal error has occurred."), "generic", True, None),
    (google_error(504, "DEADLINE_EXCEEDED", "Deadline expired."), "timeout", True, None),
]


def genai_call(url: str, is_async: bool, timeout_ms: int = 5000) -> BaseException:
    """What generating content at `url` raises."""
    options = genai_types.HttpOptions(base_url=url, timeout=timeout_ms)
    with genai.Client(api_key=KEY, http_options=options) as client:

        async def awaited() -> object:
            async with client.aio as aclient:
                return await aclient.models.generate_content(model="gemini-pro", contents="hi")

        if is_async:
            return caught_async(awaited)
        return caught(lambda: client.models.generate_content(model="gemini-pro", contents="hi"))


@pytest.mark.filterwarnings("ignore:Inheritance class AiohttpClientSession:DeprecationWarning")
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize(("body", "kind", "retryable", "retry_after_s"), GOOGLE)
def test_google_genai_errors(
    serve: Serve,
    body: dict[str, dict[str, Any]],
    kind: str,
    retryable: bool,
    retry_after_s: float | None,
    is_async: bool,
) -> None:
    """The JSON status, its details and the retry delay are read from the error's own attributes."""
    error = genai_call(serve(answer(response(body["error"]["code"], body))).url, is_async)
    assert isinstance(error, genai.errors.APIError)
    verdict = classify(error)
    assert verdict_of(error) == (kind, retryable), verdict.explain()
    assert (verdict.provider, verdict.status_code) == ("google", body["error"]["code"])
    assert verdict.retry_after_s == retry_after_s
    assert verdict.detail == body["error"]["message"]


def test_google_genai_transport_errors(serve: Serve, closed_port: int) -> None:
    """They are the HTTP library's own."""
    assert verdict_of(genai_call(f"http://{LOOPBACK}:{closed_port}", False)) == TIMEOUT
    silent = serve(answer(b"", then="stall"))
    assert verdict_of(genai_call(silent.url, False, timeout_ms=200)) == TIMEOUT


@contextmanager
def rpc(refuse: Callable[[Any], object]) -> Iterator[Callable[..., object]]:
    """A call to a real gRPC server whose every method does `refuse` to its context."""

    class Everything(grpc.GenericRpcHandler):  # type: ignore[misc]
        def service(self, details: object) -> object:
            return grpc.unary_unary_rpc_method_handler(lambda _, context: refuse(context))

    server = grpc.server(futures.ThreadPoolExecutor(1))
    server.add_generic_rpc_handlers((Everything(),))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    server.start()
    with grpc.insecure_channel(f"{LOOPBACK}:{port}") as channel:
        yield channel.unary_unary("/google.Service/Generate")
    server.stop(0).wait()


@pytest.mark.parametrize(
    ("code", "message", "kind", "retryable", "status"),
    [
        ("RESOURCE_EXHAUSTED", "Quota exceeded for metric x", "rate_limit", True, 429),
        ("UNAVAILABLE", "The model is overloaded.", "overloaded", True, 503),
        ("UNAVAILABLE", "Try later.", "timeout", True, 503),
        ("UNAUTHENTICATED", "Invalid authentication credentials.", "auth", False, 401),
        ("PERMISSION_DENIED", "Denied.", "auth", False, 403),
        ("NOT_FOUND", "Publisher Model x was not found", "config", False, 404),
        ("INVALID_ARGUMENT", "Request contains an invalid argument.", "generic", False, 400),
        ("INTERNAL", "Internal error encountered.", "generic", True, 500),
        ("DEADLINE_EXCEEDED", "Deadline exceeded.", "timeout", True, 504),
        ("CANCELLED", "Cancelled.", "generic", False, 499),
    ],
)
def test_grpc_errors_bare_and_wrapped(
    code: str, message: str, kind: str, retryable: bool, status: int
) -> None:
    """A gRPC code has no HTTP status; google-api-core gives it one; both say the same."""
    with rpc(lambda context: context.abort(grpc.StatusCode[code], message)) as call:
        bare = caught(lambda: call(b"", timeout=5))
        wrapped = caught(lambda: wrapped_errors(call)(b"", timeout=5))
    assert isinstance(bare, grpc.RpcError)
    assert isinstance(wrapped, google_exceptions.GoogleAPICallError)
    assert verdict_of(bare) == (kind, retryable), classify(bare).explain()
    assert verdict_of(wrapped) == (kind, retryable), classify(wrapped).explain()
    assert classify(bare).status_code is None
    assert (classify(wrapped).status_code, classify(wrapped).provider) == (status, "google")
    assert classify(bare).detail == classify(wrapped).detail == message


def test_a_retry_delay_in_grpc_details() -> None:
    """google-api-core prints the details of the status; the delay among them is the hint."""
    info = any_pb2.Any()
    delay = duration_pb2.Duration(seconds=34, nanos=400_000_000)
    info.Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    status = status_pb2.Status(
        code=code_pb2.RESOURCE_EXHAUSTED, message="Quota exceeded", details=[info]
    )
    with rpc(lambda context: context.abort_with_status(rpc_status.to_status(status))) as call:
        error = caught(lambda: wrapped_errors(call)(b"", timeout=5))
    assert "retry_delay" in str(error)
    assert verdict_of(error) == ("rate_limit", True)
    assert classify(error).retry_after_s == 34.4


def test_google_api_core_over_http_and_its_own_retries(serve: Serve, closed_port: int) -> None:
    """The body of the response beats the few details that the exception keeps; causes count."""
    body = google_error(429, "RESOURCE_EXHAUSTED", QUOTA, RETRY_INFO)
    with requests.get(serve(answer(response(429, body))).url) as answered:
        error = google_exceptions.from_http_response(answered)  # type: ignore[no-untyped-call]
    assert verdict_of(error) == ("rate_limit", True)
    assert (classify(error).retry_after_s, classify(error).detail) == (34.4, QUOTA)
    with grpc.insecure_channel(f"{LOOPBACK}:{closed_port}") as channel:
        call = wrapped_errors(channel.unary_unary("/google.Service/Generate"))
        again = google_retry.Retry(initial=0.01, maximum=0.01, timeout=0.05)
        gave_up = caught(lambda: again(call)(b"", timeout=1))
    assert isinstance(gave_up, google_exceptions.RetryError)
    assert verdict_of(gave_up) == TIMEOUT
    assert classify(gave_up).status_code == 503


# --- the standard library ------------------------------------------------------------------------


def test_asyncio_deadlines_and_cancellation() -> None:
    """A deadline of the caller's own leaves no time for a retry; a cancelled call is given up."""

    async def past_deadline() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(9)

    async def cancelled() -> None:
        task = asyncio.ensure_future(asyncio.sleep(9))
        asyncio.get_running_loop().call_soon(task.cancel)
        await task

    assert verdict_of(caught_async(past_deadline)) == ("timeout", False)
    assert verdict_of(caught_async(lambda: asyncio.wait_for(asyncio.sleep(9), 0.01))) == (
        "timeout",
        False,
    )
    error = caught_async(cancelled)
    assert isinstance(error, asyncio.CancelledError)
    assert verdict_of(error) == FINAL


def test_sockets(serve: Serve, closed_port: int) -> None:
    """Refused, silent and unnamed peers are timeouts, and none of them names a provider."""

    def silence() -> None:
        with socket.create_connection((LOOPBACK, silent.port), timeout=0.1) as connection:
            connection.recv(1)

    silent = serve(answer(b"", then="stall"))
    found = [
        caught(lambda: socket.create_connection((LOOPBACK, closed_port))),
        caught(silence),
        caught(lambda: socket.getaddrinfo("no-number", 80, flags=socket.AI_NUMERICHOST)),
    ]
    assert [type(error) for error in found] == [
        ConnectionRefusedError,
        TimeoutError,
        socket.gaierror,
    ]
    for error in found:
        assert verdict_of(error) == TIMEOUT
        assert classify(error).provider is None, f"{error!r}"


@pytest.fixture(scope="module")
def untrusted() -> ssl.SSLContext:
    """A server's context whose certificate nobody trusts."""
    return contexts(datetime.datetime.now(datetime.UTC))[0]


@pytest.mark.parametrize("fetch", CLIENTS)
def test_untrusted_certificates(serve: Serve, untrusted: ssl.SSLContext, fetch: Fetch) -> None:
    """No wait makes a certificate trusted, however deep the library buries it."""
    url = serve(answer(response(200, "x")), tls=untrusted).url
    error = caught(lambda: fetch(url))
    assert verdict_of(error) == FINAL, f"{error!r}"
    assert classify(error).rule == "tls-certificate"


def test_untrusted_certificates_of_sdks(serve: Serve, untrusted: ssl.SSLContext) -> None:
    """The SDKs say "Connection error."; the innermost cause says why."""
    url = serve(answer(response(200, "x")), tls=untrusted).url
    for error in (openai_call(url, False), anthropic_call(url, True), converse(url)):
        assert verdict_of(error) == FINAL, f"{error!r}"
        assert classify(error).rule == "tls-certificate"


# --- what an exception wraps ---------------------------------------------------------------------


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


# --- other shapes --------------------------------------------------------------------------------


def test_events_payloads_and_records(serve: Serve) -> None:
    """An SSE event, its decoded form, an SDK's event object and a corpus record are observed."""
    data = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    class Event:
        event = "error"
        data = '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'

    failed = openai.types.responses.ResponseErrorEvent(
        type="error", code="rate_limit_exceeded", message="Slow.", sequence_number=1
    )
    assert verdict_of(Event()) == ("overloaded", True)
    assert verdict_of({"event": "error", "data": data}) == ("overloaded", True)
    assert verdict_of(f"event: error\ndata: {data}\n\n") == ("overloaded", True)
    assert verdict_of(f"data: {data}\n\n".encode()) == ("overloaded", True)
    assert verdict_of(failed) == ("rate_limit", True)
    record = {"status": 529, "headers": {"retry-after": "3"}, "body": None, "expected": {}}
    assert verdict_of(record) == ("overloaded", True)
    assert classify(record).retry_after_s == 3.0
    assert verdict_of(Failure(status=529)) == ("overloaded", True)
    assert verdict_of(None) == FINAL


def test_an_exit_code_is_no_status() -> None:
    """Neither that of a program nor that of this one."""
    assert classify(SystemExit(429)).status_code is None
    error = caught(lambda: subprocess.run([sys.executable, "-c", "exit(401)"], check=True))
    assert classify(error).status_code is None


LIBRARIES: Final = (
    *("openai", "anthropic", "httpx", "httpx2", "httpcore", "httpcore2", "h2", "requests"),
    *("urllib3", "aiohttp", "botocore", "google", "grpc", "pandas", "matplotlib", "IPython"),
)


def test_no_library_is_imported_to_look_at_a_failure() -> None:
    """Classifying, explaining and showing a failure loads none of the libraries that it knows."""
    program = f"""
import sys
from chatlab import classify
error = RuntimeError("openai.RateLimitError: Error code: 429")
error.__cause__ = TimeoutError("timed out")
for thing in (error, {{"error": {{"code": "insufficient_quota"}}}}, "HTTP/1.1 503 X\\nA: b\\n\\n"):
    verdict = classify(thing)
    verdict.explain(), verdict.detail, verdict._repr_html_(), verdict.as_dict()
print(sorted(set(sys.modules) & set({LIBRARIES!r})))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
