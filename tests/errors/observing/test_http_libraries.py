"""The exceptions and responses of HTTP libraries, and their verdicts."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from types import ModuleType
from typing import TYPE_CHECKING

import aiohttp
import httpx
import httpx2
import pytest
import requests
import urllib3
from support.http_fetches import (
    CLIENTS,
    Fetch,
    with_aiohttp,
    with_httpcore,
    with_httpcore2,
    with_httpx,
    with_httpx2,
    with_requests,
    with_urllib,
    with_urllib3,
    with_urllib3_retries,
)
from support.real_calls import TIMEOUT, TPM, caught, verdict_of
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import classify, observe

if TYPE_CHECKING:
    from support.sockets import Serve


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
