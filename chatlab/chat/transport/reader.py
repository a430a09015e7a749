"""Reads one stream while somebody waits for its events with a limit, sync and async.

The SDK's own code runs in a thread, or a task, of its own, so that waiting can end without the
read that it waits for. A reader that is closed leaves nothing behind, with one exception: a
thread that waits for the headers on a connection that was used before cannot be woken; it ends
by its own limit at the latest, and lets go of whatever comes.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable, Mapping
from contextlib import closing
from queue import Empty, SimpleQueue
from typing import Final

from chatlab.chat.stream.guards import event_dict
from chatlab.chat.transport.sdk import (
    AsyncStream,
    Closed,
    Connection,
    Notice,
    Stream,
    Wire,
    shut_down,
)

Item = Mapping[str, object] | Closed
"""A decoded event, or the end; the end comes once, and last."""

JOIN_S: Final = 1.0
"""How long a thread may take to end once its connection is shut down."""


class ThreadReader:
    """Reads in a thread. start: makes the request; it is given what to tell the connection to."""

    def __init__(self, start: Callable[[Notice], Stream]) -> None:
        self._start = start
        self._items: SimpleQueue[Item] = SimpleQueue()
        self._connection: Connection | None = None
        self._unwanted = False
        self._lock = threading.Lock()
        run = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=run, args=(self._read,), name="chatlab-stream", daemon=True
        )
        self._thread.start()

    def get(self, limit_s: float | None) -> Item | None:
        """The next item, or None if none has come after `limit_s` seconds (None: no limit)."""
        try:
            item = self._items.get(timeout=limit_s)
        except Empty:
            return None
        if isinstance(item, Closed):
            self._thread.join()
        return item

    def close(self, linger_s: float = 0.0) -> None:
        """End the request, unless it ends by itself within `linger_s` seconds."""
        self._thread.join(linger_s)
        with self._lock:
            self._unwanted = True
            held = self._connection
            if held is not None:
                shut_down(held)
        if held is not None:
            self._thread.join(JOIN_S)

    def _read(self) -> None:
        wire, error = Wire(), None
        try:
            with closing(self._start(self._notice)) as stream:
                wire.watch(stream.response)
                for event in () if self._unwanted else stream:
                    self._items.put(event_dict(event))
        except BaseException as raised:  # whatever it is, the one who waits must hear of it
            error = raised
        self._items.put(wire.closed(error))

    def _notice(self, connection: Connection | None) -> None:
        # Under the lock, as a connection that was let go of may serve somebody else at once.
        with self._lock:
            self._connection = connection
            if self._unwanted and connection is not None:
                shut_down(connection)


class TaskReader:
    """Reads in a task of the running asyncio loop. start: makes the request."""

    def __init__(self, start: Callable[[], Awaitable[AsyncStream]]) -> None:
        self._start = start
        self._items: asyncio.Queue[Item] = asyncio.Queue()
        self._task = asyncio.get_running_loop().create_task(self._read())

    async def get(self, limit_s: float | None) -> Item | None:
        """The next item, or None if none has come after `limit_s` seconds (None: no limit)."""
        if not self._items.empty():
            return self._items.get_nowait()
        try:
            async with asyncio.timeout(limit_s):
                return await self._items.get()
        except TimeoutError:
            return None

    async def close(self, linger_s: float = 0.0) -> None:
        """End the request, unless it ends by itself within `linger_s` seconds."""
        if linger_s:
            await asyncio.wait([self._task], timeout=linger_s)
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _read(self) -> None:
        wire, error = Wire(), None
        try:
            stream = await self._start()
            try:
                wire.watch(stream.response)
                async for event in stream:
                    self._items.put_nowait(event_dict(event))
            finally:
                await stream.close()
        except BaseException as raised:  # whatever it is, the one who waits must hear of it
            error = raised
        self._items.put_nowait(wire.closed(error))
        if isinstance(error, asyncio.CancelledError):
            raise error
