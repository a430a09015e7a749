"""Tests of HTTP/1.1 on the wire, byte by byte, with a plain socket as the client."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest
from support.lab_calls import CALLERS, HELLO, PATHS

from chatlab.lab import FakeProvider
from chatlab.lab.provider.port import LOOPBACK

CHAT = PATHS[1]
WHOLE = json.dumps(HELLO).encode()
BODY = WHOLE[:-1] + b', "stream": true}'


class Wire:
    """A socket to a provider that shows every byte it gets."""

    def __init__(self, provider: FakeProvider) -> None:
        self.number = int(provider.base_url.rpartition(":")[2])
        self.socket = socket.create_connection((LOOPBACK, self.number), timeout=5)

    def __enter__(self) -> Wire:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def post(self, body: bytes = BODY, version: bytes = b"1.1", method: bytes = b"POST") -> None:
        head = b"%s %s HTTP/%s\r\nHost: 127.0.0.1:%d\r\n" % (
            method,
            CHAT.encode(),
            version,
            self.number,
        )
        self.socket.sendall(head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body))

    def rest(self) -> tuple[bytes, bool]:
        """Return all bytes until the connection ends, and whether it was reset."""
        got = b""
        try:
            while data := self.socket.recv(65536):
                got += data
        except ConnectionResetError:
            return got, True
        return got, False

    def until(self, mark: bytes) -> bytes:
        """Return the bytes up to and with ``mark``."""
        got = b""
        while not got.endswith(mark):
            got += self.socket.recv(1)
        return got


def chunks(body: bytes) -> Iterator[bytes]:
    """Yield the chunks of a chunked body; the last one is empty when the body is complete."""
    while body:
        size, _, body = body.partition(b"\r\n")
        yield body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]


def test_every_event_is_a_chunk_of_its_own_and_the_end_is_marked() -> None:
    """The borders of events are the borders of chunks, up to the terminator."""
    with FakeProvider("success") as fake, Wire(fake) as wire:
        wire.post()
        head = wire.until(b"\r\n\r\n")
        body = wire.until(b"0\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"transfer-encoding: chunked\r\n" in head.lower()
    *events, last = chunks(body)
    assert last == b""
    assert all(event.startswith(b"data: ") and event.endswith(b"\n\n") for event in events)
    assert events[-1] == b"data: [DONE]\n\n"


@pytest.mark.parametrize(("how", "was_reset"), [("close", False), ("reset", True)])
def test_an_abrupt_end_has_no_terminator(how: str, was_reset: bool) -> None:
    """The byte that was asked for is the last one; then comes FIN or RST."""
    with FakeProvider([f"{how}-at-byte:300"]) as fake, Wire(fake) as wire:
        wire.post()
        head = wire.until(b"\r\n\r\n")
        body, reset = wire.rest()
    assert b"chunked" in head
    assert reset is was_reset
    assert not body.endswith(b"0\r\n\r\n")
    assert sum(map(len, chunks(body))) == 300


def test_a_clean_early_end_has_its_terminator() -> None:
    """On the wire nothing tells a truncated stream from a complete one."""
    with FakeProvider(["clean-end-after-event:2"]) as fake, Wire(fake) as wire:
        wire.post()
        wire.until(b"\r\n\r\n")
        body = wire.until(b"0\r\n\r\n")
    assert len(list(chunks(body))) == 3


def test_a_whole_answer_cut_short_keeps_the_length_that_it_announced() -> None:
    """The client can see that bytes are missing."""
    with FakeProvider(["close-at-byte:20"]) as fake, Wire(fake) as wire:
        wire.post(WHOLE)
        head = wire.until(b"\r\n\r\n")
        body, _ = wire.rest()
    length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
    assert (len(body), length > 20) == (20, True)


@pytest.mark.parametrize(
    ("fault", "was_reset"), [("close-before-headers", False), ("reset-before-headers", True)]
)
def test_before_headers_means_that_not_one_byte_comes(fault: str, was_reset: bool) -> None:
    """The connection ends by FIN or RST with nothing sent."""
    with FakeProvider([fault]) as fake, Wire(fake) as wire:
        wire.post()
        assert wire.rest() == (b"", was_reset)


def test_a_connection_is_kept_for_the_next_request() -> None:
    """Two requests on one connection are two attempts."""
    with FakeProvider(["success:one", "success:two"]) as fake, Wire(fake) as wire:
        for text in (b"one", b"two"):
            wire.post(WHOLE)
            head = wire.until(b"\r\n\r\n")
            length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
            assert text in wire.socket.recv(length, socket.MSG_WAITALL)
    assert fake.attempts == 2


def test_the_connection_is_closed_before_a_refused_one() -> None:
    """The client is told that it has to connect again."""
    with FakeProvider(["success", "refuse-connection"]) as fake, Wire(fake) as wire:
        wire.post(WHOLE)
        answer, reset = wire.rest()
        assert b"connection: close\r\n" in answer
        assert not reset
        with pytest.raises(ConnectionRefusedError):
            Wire(fake)


def test_an_old_client_gets_the_body_up_to_the_end_of_the_connection() -> None:
    """HTTP/1.0 knows no chunks."""
    with FakeProvider("success") as fake, Wire(fake) as wire:
        wire.post(version=b"1.0")
        answer, _ = wire.rest()
    assert answer.endswith(b"data: [DONE]\n\n")
    assert b"chunked" not in answer


def test_a_head_request_gets_headers_only() -> None:
    """The refusal of a HEAD has no body, as HTTP wants it."""
    with FakeProvider("success") as fake, Wire(fake) as wire:
        wire.post(b"", method=b"HEAD")
        head = wire.until(b"\r\n\r\n")
        wire.post(WHOLE)
        assert wire.socket.recv(12) == b"HTTP/1.1 200"
    assert head.startswith(b"HTTP/1.1 405 Method Not Allowed\r\n")


def test_bytes_that_are_no_http_get_a_400() -> None:
    """A malformed request is answered, and does the provider no harm."""
    with FakeProvider("success") as fake:
        with Wire(fake) as wire:
            wire.socket.sendall(b"hello there\r\n\r\n")
            assert wire.rest()[0].startswith(b"HTTP/1.1 400 ")
        with Wire(fake) as wire:
            wire.socket.sendall(b"PO")
        with Wire(fake) as wire:
            wire.socket.sendall(
                b"POST /v1/messages HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{"
            )
        assert CALLERS[0].call(fake).error is None


def test_a_request_may_come_in_any_number_of_pieces() -> None:
    """Byte by byte it is the same request."""
    with FakeProvider("success") as fake, Wire(fake) as wire:
        whole = b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s" % (
            CHAT.encode(),
            len(WHOLE),
            WHOLE,
        )
        for byte in whole:
            wire.socket.sendall(bytes([byte]))
        head = wire.until(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200")


def test_a_chunked_request_is_read_to_its_end() -> None:
    """The body's size counts its bytes, not its framing."""
    body = json.dumps({"model": "m" * 50}).encode()
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:9], body[9:]))
    head = (
        b"POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n" % CHAT.encode()
    )
    with FakeProvider("success") as fake, Wire(fake) as wire:
        wire.socket.sendall(head + framed + b"0\r\n\r\n")
        wire.until(b"\r\n\r\n")
        assert fake.requests[0].size == len(body)
