"""Replies over HTTP/1.1."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from http.client import responses

import h11

from chatlab.lab.protocols.exchange import End, ReceivedRequest, Reply, whole

AnswerRequest = Callable[[ReceivedRequest], Reply]
Sleep = Callable[[float], Awaitable[None]]


async def serve(
    opening: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    answer: AnswerRequest,
    sleep: Sleep,
) -> None:
    """Answer the requests of one connection until either side ends it.

    ``opening`` holds the bytes that were already read from it.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(opening)
    while True:
        try:
            request = await _next_request(connection, reader)
        except h11.RemoteProtocolError as problem:
            if connection.our_state is h11.IDLE:
                status = problem.error_status_hint
                await _send(connection, writer, _head(whole(status, (), b""), status))
            return
        if request is None:
            return
        reply = answer(request)
        if reply.head_after_s:
            await sleep(reply.head_after_s)
        if reply.status is not None:
            await _send(connection, writer, _head(reply, reply.status))
            for piece in () if request.method == "HEAD" else reply.body:
                if piece.after_s:
                    await sleep(piece.after_s)
                await _send(connection, writer, h11.Data(data=piece.data))
        if reply.end is not End.CLEAN:
            await end_badly(reply.end, reader, writer)
            return
        await _send(connection, writer, h11.EndOfMessage())
        if connection.our_state is h11.MUST_CLOSE:
            return
        connection.start_next_cycle()


async def end_badly(end: End, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """End a connection in mid-reply: close it, reset it, or hold it until the client goes."""
    if end is End.RESET:
        reset(writer)
    elif end is End.STALL:
        while await reader.read(65536):
            pass


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset the connection (TCP RST); what was already written is not called back."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _next_request(
    connection: h11.Connection, reader: asyncio.StreamReader
) -> ReceivedRequest | None:
    """Return the next request, or None when the client has closed the connection."""
    head: h11.Request | None = None
    content = bytearray()
    while True:
        happened = connection.next_event()
        if happened is h11.NEED_DATA:
            connection.receive_data(await reader.read(65536))
        elif isinstance(happened, h11.Request):
            head = happened
        elif isinstance(happened, h11.Data):
            content += happened.data
        elif isinstance(happened, h11.EndOfMessage) and head is not None:
            headers = ((k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers)
            method, target = head.method.decode("ascii"), head.target.decode("ascii")
            version = head.http_version.decode("ascii")
            return ReceivedRequest.received(method, target, headers, bytes(content), version)
        else:
            return None


def _head(reply: Reply, status: int) -> h11.Response:
    headers = [(name.encode("ascii"), value.encode()) for name, value in reply.headers]
    if reply.length is None:
        headers.append((b"transfer-encoding", b"chunked"))
    else:
        headers.append((b"content-length", str(reply.length).encode("ascii")))
    if reply.final:
        headers.append((b"connection", b"close"))
    reason = responses.get(status, "").encode("ascii")
    return h11.Response(status_code=status, headers=headers, reason=reason)


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, event: h11.Event) -> None:
    """Write ``event`` and wait until the operating system has taken all of it."""
    data = connection.send(event)
    if data:
        writer.write(data)
        await writer.drain()
