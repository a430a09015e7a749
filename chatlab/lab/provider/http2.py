"""Replies over HTTP/2: many streams on one connection, each answered by its own task."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from chatlab.lab.protocols.exchange import MAX_BODY_BYTES, End, ReceivedRequest, Reply
from chatlab.lab.provider.http1 import Service, reset

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client sends first when it knows that the server speaks HTTP/2 (RFC 9113, 3.4)."""

PING_WAIT_S = 1.0


async def serve(
    opening: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    service: Service,
) -> None:
    """Answer the requests of one connection until either side ends it.

    ``opening`` holds the bytes that were already read from it.
    """
    connection = _Connection(reader, writer, service)
    try:
        await connection.run(opening)
    finally:
        await connection.stop()


class _Connection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        service: Service,
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._service = service
        self._sleep = service.sleep
        self._h2 = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding=None)
        )
        self._heads: dict[int, list[tuple[str, str]]] = {}
        self._contents: dict[int, bytearray] = {}
        self._late: dict[int, asyncio.TimerHandle] = {}
        self._replies: dict[int, asyncio.Task[None]] = {}
        self._window_grew = asyncio.Event()
        self._ping_answered = asyncio.Event()
        self._hung_up = False

    async def run(self, data: bytes) -> None:
        """Read frames, and start a reply for each request that is whole."""
        self._h2.initiate_connection()
        await self._flush()
        while data:
            if not self._hung_up:
                try:
                    happened = self._h2.receive_data(data)
                except h2.exceptions.ProtocolError:
                    await self._flush()
                    return
                for item in happened:
                    self._take(item)
                await self._flush()
            data = await self._reader.read(65536)

    async def stop(self) -> None:
        """Cancel the replies that are still running."""
        for timer in self._late.values():
            timer.cancel()
        running = list(self._replies.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _take(self, item: h2.events.Event) -> None:
        if isinstance(item, h2.events.RequestReceived):
            self._heads[_stream(item)] = [
                (bytes(k).decode("latin-1"), bytes(v).decode("latin-1"))
                for k, v in item.headers or ()
            ]
            self._contents[_stream(item)] = bytearray()
            self._late[_stream(item)] = asyncio.get_running_loop().call_later(
                self._service.request_s, self._give_up, _stream(item)
            )
            if (":method", "CONNECT") in self._heads[_stream(item)]:
                self._start_reply(_stream(item))  # a tunnel has no end to wait for
        elif isinstance(item, h2.events.DataReceived):
            self._receive(_stream(item), item.data or b"")
            self._h2.acknowledge_received_data(item.flow_controlled_length or 0, _stream(item))
        elif isinstance(item, h2.events.StreamEnded):
            self._start_reply(_stream(item))
        elif isinstance(item, h2.events.StreamReset):
            self._forget(_stream(item))
            task = self._replies.get(_stream(item))
            if task is not None:
                task.cancel()
        elif isinstance(item, h2.events.PingAckReceived):
            self._ping_answered.set()
        elif isinstance(item, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            self._window_grew.set()

    def _receive(self, stream: int, data: bytes) -> None:
        """Keep a part of a request's body; one that is too large is answered at once."""
        content = self._contents.get(stream)
        if content is not None:
            content += data
            if len(content) > MAX_BODY_BYTES:
                self._start_reply(stream)

    def _forget(self, stream: int) -> tuple[list[tuple[str, str]], bytearray] | None:
        """Take out a request that is complete or will never be; None if it was taken out."""
        if stream not in self._heads:
            return None
        self._late.pop(stream).cancel()
        return self._heads.pop(stream), self._contents.pop(stream)

    def _give_up(self, stream: int) -> None:
        """Reset the stream of a request that does not arrive."""
        self._forget(stream)
        with contextlib.suppress(h2.exceptions.ProtocolError):
            self._h2.reset_stream(stream, h2.errors.ErrorCodes.CANCEL)
        self._replies[stream] = asyncio.create_task(self._flush())
        self._replies[stream].add_done_callback(lambda _: self._replies.pop(stream, None))

    def _start_reply(self, stream: int) -> None:
        received = self._forget(stream)
        if received is None:
            return  # it was answered before its end
        pairs, content = received
        pseudo = {name: value for name, value in pairs if name.startswith(":")}
        headers = [pair for pair in pairs if not pair[0].startswith(":")]
        headers.append(("host", pseudo.get(":authority", "")))
        request = ReceivedRequest.received(
            pseudo.get(":method", ""), pseudo.get(":path", ""), headers, content, "2"
        )
        task = asyncio.create_task(self._reply(stream, request))
        self._replies[stream] = task
        task.add_done_callback(lambda _: self._replies.pop(stream, None))

    async def _reply(self, stream: int, request: ReceivedRequest) -> None:
        with self._service.activity.answering():
            reply = self._service.answer(request)
            try:
                if reply.head_after_s:
                    await self._sleep(reply.head_after_s)
                await self._play(stream, reply, with_body=request.method != "HEAD")
            except (h2.exceptions.ProtocolError, ConnectionError):
                return  # the client has reset the stream or disconnected

    async def _play(self, stream: int, reply: Reply, with_body: bool) -> None:
        if reply.status is not None:
            headers: list[Any] = [(":status", str(reply.status))]
            headers += [(name.lower(), value) for name, value in reply.headers]
            if reply.length is not None:
                headers.append(("content-length", str(reply.length)))
            self._h2.send_headers(stream, headers)
            await self._flush()
            for piece in reply.body if with_body else ():
                if piece.after_s:
                    await self._sleep(piece.after_s)
                await self._send(stream, piece.data)
        if reply.end is End.CLEAN:
            self._h2.end_stream(stream)
            if reply.final:
                self._h2.close_connection(last_stream_id=stream)
                await self._hang_up()
        elif reply.end is End.RST_STREAM:
            self._h2.reset_stream(stream, error_code=reply.h2_code)
        elif reply.end is End.GOAWAY:
            self._h2.close_connection(error_code=reply.h2_code, last_stream_id=stream)
            await self._hang_up()
        elif reply.end is End.CLOSE:
            await self._hang_up()
        elif reply.end is End.RESET:
            await self._wait_until_read()
            reset(self._writer)
        await self._flush()

    async def _send(self, stream: int, data: bytes) -> None:
        """Send ``data`` as fast as the client's flow control windows allow."""
        while data:
            room = min(self._h2.local_flow_control_window(stream), self._h2.max_outbound_frame_size)
            if room <= 0:
                self._window_grew.clear()
                await self._window_grew.wait()
                continue
            self._h2.send_data(stream, data[:room])
            data = data[room:]
            await self._flush()

    async def _wait_until_read(self) -> None:
        """Wait until the client answers a PING: it has then taken in all that was sent before.

        Without it a reset would take a different part of the reply with it each time.
        """
        self._h2.ping(b"read yet")
        await self._flush()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ping_answered.wait(), PING_WAIT_S)

    async def _hang_up(self) -> None:
        """Close the sending side; frames that the client still sends are read, or it gets RST."""
        await self._flush()
        self._hung_up = True
        if self._writer.can_write_eof():
            self._writer.write_eof()
        else:
            self._writer.close()

    async def _flush(self) -> None:
        """Write what h2 has ready and wait until the operating system has taken all of it."""
        data = self._h2.data_to_send()
        if data and not self._hung_up and not self._writer.is_closing():
            self._writer.write(data)
            await self._writer.drain()


def _stream(item: h2.events.Event) -> int:
    stream: int | None = getattr(item, "stream_id", None)
    assert stream is not None
    return stream
