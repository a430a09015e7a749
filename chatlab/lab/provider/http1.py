"""Replies over HTTP/1.1."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from http.client import responses

import h11

from chatlab.lab.protocols.exchange import MAX_BODY_BYTES, End, ReceivedRequest, Reply, whole
from chatlab.lab.provider.activity import Activity

AnswerRequest = Callable[[ReceivedRequest], Reply]
Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Service:
    """What a connection needs of its provider.

    answer: gives the reply to a request. sleep: waits for a delay of the script. request_s: how
    long a request may take to arrive once it has begun. activity: counts the answers in progress.
    """

    answer: AnswerRequest
    sleep: Sleep
    request_s: float
    activity: Activity


async def serve(
    opening: bytes,
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    service: Service,
) -> None:
    """Answer the requests of one connection until either side ends it.

    ``opening`` holds the bytes that were already read from it.
    """
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(opening)
    while True:
        try:
            request = await _next_request(connection, reader, service.request_s)
        except TimeoutError:
            await _send(connection, writer, _head(_late(), 408))
            return
        except h11.RemoteProtocolError as problem:
            if connection.our_state is h11.IDLE:
                status = problem.error_status_hint
                await _send(connection, writer, _head(whole(status, (), b""), status))
            return
        if request is None:
            return
        with service.activity.answering():
            reply = service.answer(request)
            await _play(connection, writer, request, reply, service.sleep)
            if reply.end is End.RESET:
                reset(writer)
            elif reply.end is End.CLEAN and reply.framed:
                await _send(connection, writer, h11.EndOfMessage())
        if reply.end is End.STALL:
            await _hold(reader)
        is_over = connection.our_state is h11.MUST_CLOSE or connection.their_state is not h11.DONE
        if reply.end is not End.CLEAN or not reply.framed or is_over:
            return
        connection.start_next_cycle()


async def _play(
    connection: h11.Connection,
    writer: asyncio.StreamWriter,
    request: ReceivedRequest,
    reply: Reply,
    sleep: Sleep,
) -> None:
    """Send head and body of ``reply``, as far as they go."""
    if reply.head_after_s:
        await sleep(reply.head_after_s)
    if reply.status is None:
        return
    if reply.framed:
        await _send(connection, writer, _head(reply, reply.status))
    else:
        await _write(writer, _unframed_head(reply, reply.status))
    for piece in () if request.method == "HEAD" else reply.body:
        if piece.after_s:
            await sleep(piece.after_s)
        if reply.framed:
            await _send(connection, writer, h11.Data(data=piece.data))
        else:
            await _write(writer, piece.data)


async def _hold(reader: asyncio.StreamReader) -> None:
    """Hold the connection until the client disconnects."""
    while await reader.read(65536):
        pass


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset the connection (TCP RST); what was already written is not called back."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _next_request(
    connection: h11.Connection, reader: asyncio.StreamReader, request_s: float
) -> ReceivedRequest | None:
    """Return the next request, or None when the client has closed the connection.

    A body that is too large is not read to its end. Raises TimeoutError for a request that is
    incomplete ``request_s`` seconds after it began.
    """
    now = asyncio.get_running_loop().time
    head: h11.Request | None = None
    content = bytearray()
    due_s = now() + request_s if connection.trailing_data[0] else None
    while True:
        happened = connection.next_event()
        if happened is h11.NEED_DATA:
            async with asyncio.timeout_at(due_s):
                data = await reader.read(65536)
            connection.receive_data(data)
            due_s = now() + request_s if due_s is None else due_s
        elif isinstance(happened, h11.Request):
            head = happened
        elif isinstance(happened, h11.Data):
            content += happened.data
            if head is not None and len(content) > MAX_BODY_BYTES:
                return _received(head, content)
        elif isinstance(happened, h11.EndOfMessage) and head is not None:
            return _received(head, content)
        else:
            return None


def _received(head: h11.Request, content: bytearray) -> ReceivedRequest:
    headers = ((k.decode("latin-1"), v.decode("latin-1")) for k, v in head.headers)
    method, target = head.method.decode("ascii"), head.target.decode("ascii")
    version = head.http_version.decode("ascii")
    return ReceivedRequest.received(method, target, headers, content, version)


def _late() -> Reply:
    return replace(whole(408, (), b""), final=True)


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


def _unframed_head(reply: Reply, status: int) -> bytes:
    """Return a head without a length: h11 does not write one for HTTP/1.1."""
    lines = [f"HTTP/1.1 {status} {responses.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in (*reply.headers, ("connection", "close"))]
    return "\r\n".join([*lines, "", ""]).encode()


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, event: h11.Event) -> None:
    data = connection.send(event)
    if data:
        await _write(writer, data)


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Write ``data`` and wait until the operating system has taken all of it."""
    writer.write(data)
    await writer.drain()
