"""A loopback server that plays a plan on every connection: faults below any HTTP library."""

from __future__ import annotations

import datetime
import socket
import ssl
import struct
import threading
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from chatlab.lab.capture.faults.plans import SETTINGS, Act, Plan
from chatlab.lab.provider.http2 import PREFACE
from chatlab.lab.provider.tls import contexts

HOST: Final = "127.0.0.1"
_PATIENCE_S: Final = 20.0
_END_STREAM: Final = 1


class Origin:
    """A server on a port of its own that plays its `plan` on each connection until it is closed.

    secured: "plain", "tls" (with a certificate that nobody trusts) or "h2" (TLS that speaks
    HTTP/2). listening: "open"; "refused" keeps the port and refuses; "full" never accepts, so
    that connecting takes for ever. patient: wait for a whole request before the plan starts,
    else for the first bytes.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        secured: str = "plain",
        listening: str = "open",
        patient: bool = True,
    ) -> None:
        self.plan = plan
        self._patient = patient
        self._context = None if secured == "plain" else _context(http2=secured == "h2")
        self._closing = threading.Event()
        self._held: list[socket.socket] = []
        self._socket = socket.socket()
        self._socket.bind((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        if listening == "open":
            self._socket.listen(16)
            threading.Thread(target=self._accept, daemon=True).start()
        elif listening == "full":
            self._fill()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        for held in (self._socket, *self._held):
            with suppress(OSError):
                held.shutdown(socket.SHUT_RDWR)
            held.close()

    def _fill(self) -> None:
        self._socket.listen(0)
        for _ in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex((HOST, self.port))
            self._held.append(waiting)

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        raw.settimeout(_PATIENCE_S)
        connection = raw
        with suppress(OSError):
            if self._context is not None:
                connection = self._context.wrap_socket(raw, server_side=True)
            self._play(connection)
        with suppress(OSError):
            if isinstance(connection, ssl.SSLSocket):
                connection.unwrap()
        connection.close()

    def _play(self, connection: socket.socket) -> None:
        _read_request(connection, patient=self._patient)
        for step in self.plan:
            if isinstance(step, bytes):
                connection.sendall(step)
            elif step is Act.STALL:
                self._closing.wait(_PATIENCE_S)
            elif step is Act.RESET:
                linger = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                with suppress(OSError):
                    socket.socket(fileno=connection.detach()).close()
                return


def _context(*, http2: bool) -> ssl.SSLContext:
    server, _ = contexts(datetime.datetime.now(datetime.UTC))
    server.set_alpn_protocols(["h2"] if http2 else ["http/1.1"])
    return server


def _read_request(connection: socket.socket, *, patient: bool) -> None:
    seen, greeted = b"", False
    while data := connection.recv(65536):
        seen += data
        if not greeted and seen.startswith(PREFACE):
            connection.sendall(SETTINGS)
            greeted = True
        if not patient or _is_whole(seen):
            return


def _is_whole(seen: bytes) -> bool:
    if PREFACE.startswith(seen[: len(PREFACE)]):
        return _has_http2_request(seen[len(PREFACE) :])
    opening, found, body = seen.partition(b"\r\n\r\n")
    if not found:
        return False
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in opening.split(b"\r\n")[1:])
    }
    if headers.get(b"transfer-encoding", b"").lower() == b"chunked":
        return body.endswith(b"0\r\n\r\n")
    return len(body) >= int(headers.get(b"content-length", b"0"))


def _has_http2_request(frames: bytes) -> bool:
    while len(frames) >= 9:
        length, kind, flags = int.from_bytes(frames[:3], "big"), frames[3], frames[4]
        if kind in (0, 1) and flags & _END_STREAM and len(frames) >= 9 + length:
            return True
        frames = frames[9 + length :]
    return False
