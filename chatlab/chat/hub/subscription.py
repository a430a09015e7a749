"""One viewer of a turn: it waits for what is new, in a thread or in an asyncio task."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from contextlib import suppress
from typing import Self

from chatlab.chat.hub.channel import Cursor, Stream, Wake
from chatlab.chat.hub.view import Item, Snapshot

_log = logging.getLogger(__name__)


class Subscription:
    """What one viewer gets, made by `Hub.subscribe`; for one reader at a time.

    First a `Snapshot` (unless the viewer reconnects and has missed nothing that is gone), then
    each `LiveEvent` once and in order. A viewer that is too slow gets another snapshot, which says
    how many events it stands for. The iteration, with ``for`` or ``async for``, ends with the turn,
    or when the subscription is closed, by any thread. It raises `TurnLost` if another process ran
    the turn and is gone.

    Attributes
    ----------
    position: int or None
        Number of the last event that was handed out (or had before), to reconnect with.
    over: bool
        Whether the end has been met.

    Examples
    --------
    >>> from chatlab.chat import Hub, Status, TurnStatus
    >>> with Hub() as hub, hub.open("chat-7/3") as stream, hub.subscribe("chat-7/3") as viewer:
    ...     _ = stream.publish(Status(TurnStatus.STARTING))
    ...     next(viewer).sequence
    1
    """

    def __init__(self, after: int | None, stream: Stream, cursor: Cursor) -> None:
        self.position = after
        self.over = False
        self._stream = stream
        self._cursor = cursor
        self._pending: deque[Item] = deque()
        self._ready = threading.Event()

    def __repr__(self) -> str:
        return f"<Subscription to {self.turn!r} at {self.position}, {self.dropped} dropped>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Item:
        if not self._pending:
            self._pending.extend(self._wait(None))
        if not self._pending or self._cursor.left:
            raise StopIteration
        return self._next()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Item:
        if not self._pending:
            self._pending.extend(await self._await(None))
        if not self._pending or self._cursor.left:
            raise StopAsyncIteration
        return self._next()

    @property
    def turn(self) -> str:
        """The turn's name."""
        return self._stream.turn

    @property
    def dropped(self) -> int:
        """How many events this viewer has lost, as its snapshots told."""
        return self._cursor.dropped

    def take(self, timeout_s: float | None = None) -> tuple[Item, ...]:
        """All that is new; waits for it, at most `timeout_s` seconds (None: for ever).

        () if nothing came in time, or (`over`) nothing ever will. Raises like the iteration.
        """
        return self._handed_out(tuple(self._pending) or self._wait(timeout_s))

    async def atake(self, timeout_s: float | None = None) -> tuple[Item, ...]:
        """As `take`, in an asyncio task; other tasks run meanwhile."""
        return self._handed_out(tuple(self._pending) or await self._await(timeout_s))

    def close(self) -> None:
        """Leave; a reader that is waiting ends at once. Again: nothing."""
        self._stream.leave(self._cursor)

    def _wait(self, timeout_s: float | None) -> tuple[Item, ...]:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            self._ready.clear()
            items = self._read(self._ready.set)
            if items is not None:
                return items
            left_s = None if deadline is None else deadline - time.monotonic()
            if left_s is not None and left_s <= 0:
                return ()
            self._ready.wait(left_s)

    async def _await(self, timeout_s: float | None) -> tuple[Item, ...]:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()

        def wake() -> None:
            # A loop that is closed has no viewers any more; the turn goes on without them.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ready.set)

        await asyncio.sleep(0)
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while True:
                    items = self._read(wake)
                    if items is not None:
                        return items
                    await ready.wait()
                    ready.clear()
        return ()

    def _read(self, wake: Wake) -> tuple[Item, ...] | None:
        items = self._stream.read(self._cursor, wake)
        if items == ():
            self.over = True
            if self._stream.failure is not None and not self._cursor.left:
                raise self._stream.failure
        if items and isinstance(items[0], Snapshot) and 0 < items[0].dropped == self.dropped:
            _log.warning("turn %r: a viewer is too slow and has lost events", self.turn)
        return items

    def _next(self) -> Item:
        item = self._pending.popleft()
        self.position = item.sequence
        return item

    def _handed_out(self, items: tuple[Item, ...]) -> tuple[Item, ...]:
        self._pending.clear()
        if items:
            self.position = items[-1].sequence
        return items
