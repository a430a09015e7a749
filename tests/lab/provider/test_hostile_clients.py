"""Clients that take file descriptors, tunnels, memory or time do the provider no harm."""

from __future__ import annotations

import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import h2.config
import h2.connection
import h2.events
import httpx2
import pytest
from support.lab_calls import CALLERS, PATHS

from chatlab.lab import FakeProvider
from chatlab.lab.protocols import exchange
from chatlab.lab.provider import http1, http2, responder

CHAT = PATHS[1]


def connected(fake: FakeProvider) -> socket.socket:
    """A plain connection to a provider."""
    return socket.create_connection(("127.0.0.1", int(fake.base_url.rpartition(":")[2])), 10)


@contextmanager
def no_descriptors_left() -> Iterator[None]:
    """This process can open nothing more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        used = len(list(Path("/proc/self/fd").iterdir()))
        resource.setrlimit(resource.RLIMIT_NOFILE, (used + 8, hard))
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        try:
            while True:
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        except OSError:
            yield


def test_a_provider_without_descriptors_pauses_and_then_serves() -> None:
    """It does not ask for the waiting connection in every pass of its loop."""
    with FakeProvider("success") as fake, connected(fake) as first, socket.socket() as waiting:
        fake.idle().result()
        listener = fake._listener
        assert listener is not None
        with no_descriptors_left():
            waiting.connect(first.getpeername())
            while not listener.refused_accepts:
                pass
            before = listener.refused_accepts
            for _ in range(100):
                fake.idle().result()
            assert listener.refused_accepts - before < 50
        waiting.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert waiting.recv(12) == b"HTTP/1.1 404"


def test_a_tunnel_is_refused_over_both_versions() -> None:
    """CONNECT names no path; the connection goes on being served."""
    with FakeProvider("success") as fake:
        with connected(fake) as raw:
            raw.sendall(b"CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n")
            assert raw.recv(12) == b"HTTP/1.1 404"
        client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
        client.initiate_connection()
        client.send_headers(1, [(":method", "CONNECT"), (":authority", "localhost:443")])
        with connected(fake) as raw:
            raw.sendall(client.data_to_send())
            status = None
            while status is None:
                for event in client.receive_data(raw.recv(65536)):
                    if isinstance(event, h2.events.ResponseReceived):
                        status = dict(event.headers or ())[b":status"]
            assert status == b"404"
        assert CALLERS[0].call(fake).error is None


@pytest.mark.parametrize("spoken", [1, 2])
def test_a_body_that_is_too_large_is_refused_before_its_end(
    spoken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is neither kept nor decoded, and uses no step."""
    for module in (exchange, http1, http2, responder):
        monkeypatch.setattr(module, "MAX_BODY_BYTES", 200_000)
    sent = b'{"messages": "' + b"x" * 400_000

    with FakeProvider("success") as fake:
        if spoken == 1:
            with connected(fake) as raw:
                head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n"
                raw.sendall(head.encode() + sent)
                assert raw.recv(12) == b"HTTP/1.1 413"
        else:
            options = {"http1": False, "http2": True, "trust_env": False}
            with httpx2.Client(**options) as http:  # type: ignore[arg-type]
                answer = http.post(fake.base_url + CHAT, content=sent)
            assert answer.status_code == 413
        assert CALLERS[0].call(fake).error is None
    assert [one.met for one in fake.requests] == ["status 413", "success"]
    assert fake.requests[0].body is None
    assert fake.requests[0].size < 300_000


def test_half_a_request_is_ended_and_a_kept_connection_is_not() -> None:
    """Over HTTP/1.1 by a 408; a connection between two requests may stay."""
    with (
        FakeProvider(["success", "success"], request_s=0.2) as fake,
        connected(fake) as half,
        connected(fake) as kept,
    ):
        half.sendall(b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        answer = b""
        while data := half.recv(65536):
            answer += data
        assert answer.startswith(b"HTTP/1.1 408")
        kept.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert kept.recv(12) == b"HTTP/1.1 404"


def test_half_a_request_over_http2_is_reset() -> None:
    """The stream is, and the connection stays."""
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    pseudo = {":method": "POST", ":path": CHAT, ":authority": "localhost", ":scheme": "http"}
    client.send_headers(1, list(pseudo.items()))
    with FakeProvider("success", request_s=0.2) as fake, connected(fake) as raw:
        raw.sendall(client.data_to_send())
        reset = None
        while reset is None:
            for event in client.receive_data(raw.recv(65536)):
                if isinstance(event, h2.events.StreamReset):
                    reset = event.error_code
        assert reset == 8
        client.send_headers(3, list(pseudo.items()))
        client.send_data(3, b'{"messages": [{"role": "user", "content": "Hi"}]}', end_stream=True)
        raw.sendall(client.data_to_send())
        status = None
        while status is None:
            for event in client.receive_data(raw.recv(65536)):
                if isinstance(event, h2.events.ResponseReceived):
                    status = dict(event.headers or ())[b":status"]
        assert status == b"200"
