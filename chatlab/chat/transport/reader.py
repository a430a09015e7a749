"""Reads one stream while somebody waits for its events with a limit, sync and async.

The SDK's own code runs in a thread, or a task, of its own, so that waiting can end without the
read that it waits for. Events cross over in lists, when the SDK has decoded all that has arrived;
and not more than `MOST_WAITING` wait, so that a slow consumer slows the provider. A reader that is
closed leaves nothing behind, with one exception: a thread that waits for the headers on a
connection that was used before cannot be woken; it ends by its own limit at the latest, and
discards the late response.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Callable
from contextlib import closing
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self

from chatlab.chat.stream.guards import event_dict
from chatlab.chat.stream.stream_end import Item, StreamEnd
from chatlab.chat.transport.byte_tap import ByteTap
from chatlab.chat.transport.sdk import AsyncStream, Connection, OnConnection, Stream, shut_down

MOST_WAITING: Final = 1_024
"""How many events may wait for the consumer before nothing more is read."""

MOST_AT_ONCE: Final = 64
"""How many decoded events are kept back while the SDK has more bytes to decode."""

LINGER_S: Final = 0.1
"""How long a complete stream may take to end, so that its connection can be used again."""

JOIN_S: Final = 1.0
"""How long a thread may take to end once its connection is shut down."""


class ThreadReader:
    """Reads in a thread, while it is entered. start: makes the request.

    complete: set when the answer is there; the stream may then end by itself.
    """

    def __init__(self, start: Callable[[OnConnection], Stream], tap: ByteTap) -> None:
        self.complete = False
        self._start = start
        self._tap = tap
        self._decoded: list[Item] = []
        self._lists: SimpleQueue[list[Item]] = SimpleQueue()
        # Each counter is written by one thread alone.
        self._handed_over = self._taken = 0
        self._room = threading.Event()
        self._connection: Connection | None = None
        self._unwanted = False
        self._lock = threading.Lock()
        run = contextvars.copy_context().run
        self._thread = threading.Thread(
            target=run, args=(self._read,), name="chatlab-stream", daemon=True
        )

    def __enter__(self) -> Self:
        """Send the request."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the request, unless it is complete and ends by itself at once."""
        if self.complete and error is None:
            self._thread.join(LINGER_S)
        with self._lock:
            self._unwanted = True
            held = self._connection
            if held is not None:
                shut_down(held)
        self._room.set()
        if held is not None:
            self._thread.join(JOIN_S)

    def get(self, limit_s: float | None) -> list[Item]:
        """Return what has arrived; nothing if that is so after `limit_s` seconds (None: no limit).

        The end, if it is there, is the last item.
        """
        try:
            items = self._lists.get(timeout=limit_s)
        except Empty:
            return []
        self._taken += len(items)
        if not self._room.is_set():
            self._room.set()
        if isinstance(items[-1], StreamEnd):
            self._thread.join()
        return items

    def _read(self) -> None:
        error = None
        try:
            with closing(self._start(self._hold)) as stream:
                self._tap.attach(stream.response, self._hand_over)
                for event in () if self._unwanted else stream:
                    self._decoded.append(event_dict(event))
                    if len(self._decoded) >= MOST_AT_ONCE:
                        self._hand_over()
        except BaseException as raised:  # whatever it is, the consumer must get it
            error = raised
        self._decoded.append(self._tap.end(error))
        self._hand_over()

    def _hand_over(self) -> None:
        if not self._decoded:
            return
        items, self._decoded = self._decoded, []
        self._handed_over += len(items)
        self._lists.put(items)
        while self._is_full():
            self._room.clear()
            if self._is_full():  # asked again, as room may have been made before the clear
                self._room.wait()

    def _is_full(self) -> bool:
        return self._handed_over - self._taken >= MOST_WAITING and not self._unwanted

    def _hold(self, connection: Connection | None) -> None:
        # Under the lock, as a released connection may serve another request at once.
        with self._lock:
            self._connection = connection
            if self._unwanted and connection is not None:
                shut_down(connection)


class TaskReader:
    """Reads in a task of the running asyncio loop, while it is entered; as `ThreadReader`."""

    def __init__(self, start: Callable[[], Awaitable[AsyncStream]], tap: ByteTap) -> None:
        self.complete = False
        self._start = start
        self._tap = tap
        self._decoded: list[Item] = []
        self._waiting: list[Item] = []
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Send the request."""
        self._task = asyncio.get_running_loop().create_task(self._read())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the request, unless it is complete and ends by itself at once."""
        if self._task is None:
            return
        try:
            if self.complete and error is None:
                await asyncio.wait([self._task], timeout=LINGER_S)
        finally:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def get(self, limit_s: float | None) -> list[Item]:
        """Return what has arrived; nothing if that is so after `limit_s` seconds (None: no limit).

        The end, if it is there, is the last item.
        """
        if not self._waiting:
            try:
                async with asyncio.timeout(limit_s):
                    await self._arrived.wait()
            except TimeoutError:
                return []
        items, self._waiting = self._waiting, []
        self._arrived.clear()
        self._taken.set()
        return items

    async def _read(self) -> None:
        error = None
        try:
            stream = await self._start()
            try:
                self._tap.attach_async(stream.response, self._hand_over)
                async for event in stream:
                    self._decoded.append(event_dict(event))
                    if len(self._decoded) >= MOST_AT_ONCE:
                        await self._hand_over()
            finally:
                await stream.close()
        except BaseException as raised:  # whatever it is, the consumer must get it
            error = raised
        self._waiting += [*self._decoded, self._tap.end(error)]
        self._arrived.set()
        if isinstance(error, asyncio.CancelledError):
            raise error

    async def _hand_over(self) -> None:
        if not self._decoded:
            return
        self._waiting += self._decoded
        self._decoded = []
        self._arrived.set()
        while len(self._waiting) >= MOST_WAITING:
            self._taken.clear()
            await self._taken.wait()
