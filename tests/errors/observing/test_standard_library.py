"""Timers, sockets and certificates of the standard library."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from typing import TYPE_CHECKING

import pytest
from support.bedrock_calls import converse
from support.http_fetches import CLIENTS, Fetch
from support.real_calls import (
    FINAL,
    TIMEOUT,
    anthropic_call,
    caught,
    caught_async,
    openai_call,
    verdict_of,
)
from support.sockets import LOOPBACK, answer, response

from chatlab.errors import classify
from chatlab.lab.provider.tls import contexts

if TYPE_CHECKING:
    from support.sockets import Serve


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
