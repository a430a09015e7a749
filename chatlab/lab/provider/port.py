"""One loopback port that can refuse connections for a while without losing the port number.

A bound socket that does not listen refuses like a closed port, and keeps the number. The kernel
reports no refused connect to the server, so connects are counted where they are made: Python
reports each connect of this process as the audit event ``socket.connect``. An audit hook cannot be
removed; this one is added once, by the first port that counts connects, and reads nothing else.
"""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

LOOPBACK = "127.0.0.1"
BACKLOG = 256

_watched: dict[int, Callable[[], None]] = {}
_hook_is_in = False


class Port:
    """A bound port on 127.0.0.1; `listen` opens it, `refuse` closes it to new connections."""

    def __init__(self, number: int = 0) -> None:
        """Bind ``number``, or any free port for 0; raises `OSError` for one that is in use."""
        self.socket = _bound(number)
        self.number: int = self.socket.getsockname()[1]
        self.listening = False

    def listen(self) -> None:
        """Let connections in from now on, to be accepted from ``socket``."""
        self.socket.listen(BACKLOG)
        self.listening = True

    def refuse(self) -> None:
        """Refuse connections from now on; ``socket`` is a new one, on the same port."""
        self.socket.close()
        self.listening = False
        self.socket = _bound(self.number)

    def watch(self, on_connect: Callable[[], None]) -> None:
        """Call ``on_connect`` just before each connect to this port from this process.

        It runs in the thread that connects, and must not raise.
        """
        global _hook_is_in
        if not _hook_is_in:
            sys.addaudithook(_audit)
            _hook_is_in = True
        _watched[self.number] = on_connect

    def close(self) -> None:
        """Give the port back."""
        _watched.pop(self.number, None)
        self.socket.close()
        self.listening = False


def _bound(number: int) -> socket.socket:
    # Named as TCP, or asyncio would leave Nagle's delay on: 40 ms for each request kept alive.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.setblocking(False)
        bound.bind((LOOPBACK, number))
    except OSError as problem:
        bound.close()
        if problem.errno == errno.EADDRINUSE:
            text = f"port {number} on {LOOPBACK} is in use; leave out port to take any free one"
            raise OSError(errno.EADDRINUSE, text) from None
        raise
    return bound


def _audit(name: str, args: tuple[Any, ...]) -> None:
    if name != "socket.connect" or not _watched:
        return
    address = args[1]
    if isinstance(address, tuple) and address[0] == LOOPBACK and address[1] in _watched:
        _watched[address[1]]()
