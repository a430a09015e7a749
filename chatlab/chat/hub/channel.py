"""One turn in the hub: its newest events in a ring, what is current, and where each viewer stands.

Nothing here waits, and a viewer has no buffer of its own: it has a place in the ring. So the cost
of an event does not grow with the viewers, and one that is slow cannot hold up anybody:

    first            the viewer's next          last
      |-------------------|----------------------|        gets next .. last
      |     next is before first: it has lost events, gets a snapshot, and goes on from there

What a viewer has lost is counted exactly: every event from its next one to the snapshot's.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from chatlab.chat.hub.view import Item, LiveEvent, Snapshot, View
from chatlab.chat.messages.events import TurnEvent

Wake = Callable[[], object]


@dataclass(slots=True, eq=False)
class Cursor:
    """Where one reader of a stream stands.

    next: the number of the event that it gets next; None: a snapshot first. dropped: how many
    events it has lost so far. is_viewer: whether it counts as one. left: it reads no more.
    """

    next: int | None
    is_viewer: bool = True
    dropped: int = 0
    left: bool = False


@dataclass(frozen=True, slots=True)
class StreamLoad:
    """What a stream holds now. buffered: events in its ring. dropped: those its readers lost."""

    buffered: int
    viewers: int
    dropped: int
    running: bool


class Stream:
    """A turn as its viewers get it; made by `Hub.open`. Leaving a ``with`` block ends it.

    Every method may be called from any thread.

    Attributes
    ----------
    turn: str
        Its name.
    failure: Exception or None
        Why it broke off for viewers here, though nobody has ended it.

    Examples
    --------
    >>> from chatlab.chat import Hub, Status, TurnStatus
    >>> with Hub() as hub, hub.open("chat-7/3") as stream:
    ...     stream.publish(Status(TurnStatus.STARTING))
    1
    """

    def __init__(self, turn: str, capacity: int, *, mirror: bool = False) -> None:
        self.turn = turn
        self.failure: Exception | None = None
        self._capacity = capacity
        self._mirror = mirror
        self._begun = not mirror
        self._ended = False
        self._lock = threading.Lock()
        self._ring: list[LiveEvent] = []
        self._origin = 0
        self._last = 0
        self._view = View()
        self._dropped = 0
        self._cursors: dict[Cursor, int | None] = {}
        self._waiting: dict[Cursor, Wake] = {}

    def __repr__(self) -> str:
        state = "ended" if self._ended else "running" if self._begun else "not begun"
        return f"<Stream {self.turn!r}, {state}, {self._last} events>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def begun(self) -> bool:
        """Whether anything is known of the turn; false only while another process is waited for."""
        return self._begun

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended

    @property
    def load(self) -> StreamLoad:
        """What the stream holds now."""
        with self._lock:
            viewers = sum(cursor.is_viewer for cursor in self._cursors)
            dropped = self._dropped + sum(map(self._lost, self._cursors))
            running = self._begun and not self._ended
            return StreamLoad(len(self._ring), viewers, dropped, running)

    def publish(self, event: TurnEvent) -> int:
        """Give `event` to every viewer; its number. Never waits for anybody.

        Raises RuntimeError after the end, TypeError for what is no event of a turn.
        """
        with self._lock:
            if self._ended:
                raise RuntimeError(
                    f"turn {self.turn!r} has ended and takes no event; open another for the next"
                )
            self._view.show(event)
            place = (self._last - self._origin) % self._capacity
            self._last += 1
            numbered = LiveEvent(self._last, event)
            if place < len(self._ring):
                self._ring[place] = numbered
            else:
                self._ring.append(numbered)
            woken = self._woken()
            sequence = self._last
        for wake in woken:
            wake()
        return sequence

    def close(self) -> None:
        """End the turn: viewers get what they have not read, then their end. Again: nothing."""
        with self._changing():
            self._ended = True
            self._settle()

    def fail(self, error: Exception) -> None:
        """End the turn for viewers here; they get what they have not read, then `error`."""
        self.failure = error
        self.close()

    def begin(self, *, mirror: bool) -> None:
        """Let the viewers in that have waited for the turn. mirror: it runs elsewhere."""
        with self._changing():
            self._begun = True
            self._mirror = mirror
            for cursor, after in self._cursors.items():
                self._place(cursor, after)

    def reset(self, snapshot: Snapshot) -> None:
        """Go on after `snapshot`, which stands instead of all that was published before."""
        with self._changing():
            self._view = View()
            self._view.take(snapshot)
            self._ring.clear()
            self._origin = self._last = snapshot.sequence

    def settle(self) -> None:
        """Give a snapshot to the viewers of a mirror that wait for a number it has not come to."""
        with self._changing():
            self._settle()

    def join(self, after: int | None, *, is_viewer: bool = True) -> Cursor:
        """A new reader, which has had everything up to number `after`; None: nothing."""
        cursor = Cursor(None, is_viewer)
        with self._lock:
            self._cursors[cursor] = after
            if self._begun:
                self._place(cursor, after)
        return cursor

    def leave(self, cursor: Cursor) -> None:
        """The reader reads no more, also if it waits just now. Again: nothing."""
        with self._lock:
            if not cursor.left:
                del self._cursors[cursor]
                self._drop(cursor, self._lost(cursor))
            cursor.left = True
            wake = self._waiting.pop(cursor, None)
        if wake is not None:
            wake()

    def read(self, cursor: Cursor, wake: Wake | None = None) -> tuple[Item, ...] | None:
        """All that the reader has not had; () after the end; None if there is nothing yet.

        Then `wake` is called once, from any thread, as soon as reading again makes sense.
        """
        with self._lock:
            unread = cursor.next is None or cursor.next <= self._last
            if unread and self._begun and not cursor.left:
                return self._unread(cursor)
            if self._ended or cursor.left:
                return ()
            if wake is not None:
                self._waiting[cursor] = wake
            return None

    def restart(self, cursor: Cursor) -> None:
        """Give the reader a snapshot next, as if it were new."""
        with self._lock:
            cursor.next = None

    def _place(self, cursor: Cursor, after: int | None) -> None:
        """Let the reader go on after number `after`, if that is known here, or will be.

        A mirror is behind: a viewer that comes from the process of the turn has seen more.
        """
        cursor.next = None
        if after is not None and after >= self._first - 1:
            ahead = self._mirror and not self._ended
            cursor.next = after + 1 if ahead or after <= self._last else None

    def _settle(self) -> None:
        for cursor in self._cursors:
            if cursor.next is not None and cursor.next > self._last + 1:
                cursor.next = None

    @property
    def _first(self) -> int:
        return self._last - len(self._ring) + 1

    def _lost(self, cursor: Cursor) -> int:
        """How many events the reader has lost since it read: none, or all that it has not read."""
        if cursor.next is None or cursor.next >= self._first:
            return 0
        return self._last + 1 - cursor.next

    def _drop(self, cursor: Cursor, count: int) -> None:
        cursor.dropped += count
        self._dropped += count

    def _unread(self, cursor: Cursor) -> tuple[Item, ...]:
        lost, following = self._lost(cursor), cursor.next
        cursor.next = self._last + 1
        if following is None or lost:
            self._drop(cursor, lost)
            return (Snapshot(self._last, self._view.events, lost),)
        start = (following - 1 - self._origin) % self._capacity
        stop = start + self._last + 1 - following
        around = stop - len(self._ring)
        return (*self._ring[start:stop], *self._ring[: max(around, 0)])

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change something in the block, and let those that wait look again."""
        with self._lock:
            yield
            woken = self._woken()
        for wake in woken:
            wake()

    def _woken(self) -> list[Wake]:
        woken = list(self._waiting.values())
        if woken:
            self._waiting.clear()
        return woken
