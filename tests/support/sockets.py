"""Real sockets for tests: a server on 127.0.0.1 that sends exactly the bytes it was told to."""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Final

import pytest

LOOPBACK: Final = "127.0.0.1"

Handler = Callable[[socket.socket, threading.Event], None]
"""What is done with one connection; the event is set when the test is over."""


@dataclass(frozen=True)
class Address:
    """Where a server of `Serve` listens."""

    port: int
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{LOOPBACK}:{self.port}"


Serve = Callable[..., Address]
"""``serve(handler, tls=None)``: starts a server for the length of the test."""


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that live as long as the test."""
    over = threading.Event()
    listeners: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def start(handler: Handler, tls: ssl.SSLContext | None = None) -> Address:
        listener = socket.create_server((LOOPBACK, 0))
        listeners.append(listener)

        def handle(connection: socket.socket) -> None:
            with suppress(OSError), closing(connection):
                if tls is not None:
                    connection = tls.wrap_socket(connection, server_side=True)
                handler(connection, over)
            connection.close()

        def accept() -> None:
            while not over.is_set():
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connection.settimeout(10)
                threads.append(threading.Thread(target=handle, args=(connection,), daemon=True))
                threads[-1].start()

        threads.append(threading.Thread(target=accept, daemon=True))
        threads[-1].start()
        return Address(listener.getsockname()[1], "https" if tls else "http")

    yield start
    over.set()
    for listener in listeners:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(10)


@pytest.fixture
def closed_port() -> int:
    """A port of 127.0.0.1 on which nobody listens."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def response(
    status: int,
    body: object = b"",
    headers: Mapping[str, str] | None = None,
    length: int | None = None,
) -> bytes:
    """The bytes of an HTTP/1.1 response; `body` is JSON unless it is text or bytes already."""
    if isinstance(body, str):
        content, kind = body.encode(), "text/html" if body.startswith("<") else "text/plain"
    elif isinstance(body, bytes):
        content, kind = body, "text/event-stream"
    else:
        content, kind = json.dumps(body).encode(), "application/json"
    fields = {
        "Content-Type": kind,
        "Content-Length": str(len(content) if length is None else length),
        "Connection": "close",
        **(headers or {}),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content


def answer(data: bytes, then: str = "close") -> Handler:
    """A handler: read a request, send `data`, then ``close``, ``reset`` or ``stall``."""

    def handle(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(data)
        if then == "stall":
            over.wait(10)
        elif then == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return handle


def read_request(connection: socket.socket) -> bytes:
    """One HTTP/1.1 request with its whole body."""
    seen = b""
    while b"\r\n\r\n" not in seen:
        more = connection.recv(65536)
        if not more:
            return seen
        seen += more
    head, _, content = seen.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(content) < length:
        more = connection.recv(65536)
        if not more:
            break
        content += more
    return head + b"\r\n\r\n" + content
