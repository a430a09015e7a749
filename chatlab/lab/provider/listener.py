"""The thread, the event loop and the connections behind a fake provider."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any

from chatlab.lab.faults.vocabulary import RefuseConnection
from chatlab.lab.protocols.exchange import ReceivedRequest, Reply
from chatlab.lab.provider import http1, http2
from chatlab.lab.provider.activity import Activity
from chatlab.lab.provider.http1 import Service, Sleep
from chatlab.lab.provider.port import Port
from chatlab.lab.provider.responder import Responder

ACCEPT_PAUSE_S = 0.1
"""How long no connection is accepted once this process has no file descriptors left."""

_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

CLOSE_NOTIFY_S = 1.0
"""How long a closing TLS connection waits for the client's close_notify, in seconds."""


class Listener:
    """Serves one port from a thread of its own until `close`.

    The port refuses connections as long as the step that is due is `RefuseConnection`. It stops
    listening when the request before that step has arrived, and that request's connection is
    its last, so a client cannot slip in on an old connection.
    """

    def __init__(
        self,
        responder: Responder,
        number: int,
        tls: ssl.SSLContext | None,
        sleep: Sleep,
        request_s: float,
    ) -> None:
        """Bind the port and start; raises `OSError` for a port in use."""
        self._responder = responder
        self._tls = tls
        self._sleep = sleep
        self._activity = Activity()
        self._service = Service(self._answer, sleep, request_s, self._activity)
        self.refused_accepts = 0
        self._port = Port(number)
        self.number = self._port.number
        self._gate = threading.Lock()
        self._closed = False
        self._loop = asyncio.SelectorEventLoop()  # it can watch a socket on every platform
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._timed = -1
        if responder.counts_connects:
            self._port.watch(self._before_connect)
        with self._gate:
            self._arrange()
        self._thread = threading.Thread(
            target=self._run, name=f"fake-provider-{self.number}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Cancel what is still being answered, end the thread and give the port back."""
        with self._gate:
            self._closed = True
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    def idle(self) -> Future[None]:
        """Return what is done when no answer is in progress and all that arrived was read."""
        return asyncio.run_coroutine_threadsafe(self._activity.idle(), self._loop)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._main())
        finally:
            self._loop.close()

    async def _main(self) -> None:
        await self._stop.wait()
        self._loop.remove_reader(self._port.socket)
        self._port.close()
        running = asyncio.all_tasks() - {asyncio.current_task()}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _answer(self, request: ReceivedRequest) -> Reply:
        reply = self._responder.answer(request)
        with self._gate:
            self._arrange()
        return reply

    def _before_connect(self) -> None:
        """Count a connect that will be refused, or open the port just in time for it."""
        with self._gate:
            if self._closed or self._port.listening:
                return
            due = self._responder.player.upcoming()
            if isinstance(due, RefuseConnection) and due.closed_s is None:
                self._responder.player.take()
                due = self._responder.player.upcoming()
                if not isinstance(due, RefuseConnection):
                    return
            self._arrange()

    def _arrange(self) -> None:
        """Open or close the port as the step that is due wants it; hold the gate."""
        due = self._responder.player.upcoming()
        if not isinstance(due, RefuseConnection):
            if not self._port.listening:
                self._port.listen()
                self._loop.call_soon_threadsafe(self._watch_port)
            return
        if self._port.listening:
            self._loop.remove_reader(self._port.socket)
            self._port.refuse()
        attempt = self._responder.player.attempts
        if due.closed_s is not None and attempt != self._timed:
            self._timed = attempt
            self._loop.call_soon_threadsafe(self._spawn, self._reopen_after(due.closed_s))

    async def _reopen_after(self, closed_s: float) -> None:
        await self._sleep(closed_s)
        self._responder.player.take()
        with self._gate:
            self._arrange()

    def _watch_port(self) -> None:
        if self._port.listening:
            self._loop.add_reader(self._port.socket, self._accept)

    def _accept(self) -> None:
        """Serve one more connection; its socket is closed however that ends."""
        try:
            accepted, _ = self._port.socket.accept()
        except OSError as problem:
            if problem.errno in _EXHAUSTED:
                self.refused_accepts += 1
                self._loop.remove_reader(self._port.socket)
                self._loop.call_later(ACCEPT_PAUSE_S, self._watch_port)
            return  # else the client disconnected before it was served
        accepted.setblocking(False)
        task = self._spawn(self._converse(accepted))
        task.add_done_callback(lambda _: accepted.close())

    async def _converse(self, accepted: socket.socket) -> None:
        reader = asyncio.StreamReader(loop=self._loop)
        protocol = asyncio.StreamReaderProtocol(reader, loop=self._loop)
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                lambda: protocol,
                accepted,
                ssl=self._tls,
                ssl_shutdown_timeout=CLOSE_NOTIFY_S if self._tls else None,
            )
        except OSError:
            return  # the TLS handshake failed
        try:
            await self._speak(reader, asyncio.StreamWriter(transport, protocol, reader, self._loop))
        except OSError:
            return  # the client disconnected
        finally:
            transport.abort()

    async def _speak(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak the version of HTTP that the client speaks, until either side ends it."""
        tls: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
        if tls is None:  # asyncio's TLS transport takes a limit of 0 as "always full"
            writer.transport.set_write_buffer_limits(high=0)
        opening = await reader.read(65536)
        async with asyncio.timeout(self._service.request_s if opening else None):
            while 0 < len(opening) < 4 and (more := await reader.read(65536)):
                opening += more
        is_h2 = opening.startswith(http2.PREFACE[:4])
        if tls is not None:
            is_h2 = tls.selected_alpn_protocol() == "h2"
        serve = http2.serve if is_h2 else http1.serve
        await serve(opening, reader, writer, self._service)
        writer.close()
        await writer.wait_closed()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
