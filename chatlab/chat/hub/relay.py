"""Carries turns between processes through the file of a store.

Why the store, and no broker such as Redis or PostgreSQL's NOTIFY: it is there already, needs no
service, no extra and no address; it remembers, so a viewer that comes late or comes back finds
what is current, which a broker of messages does not give; and with SQLite's write-ahead log
readers and writer do not wait for each other. The price: news is up to `poll_s` late, and all
processes are on one machine (the log does not work over a network file system). To reach other
machines, publish what a `Subscription` gives to the broker that you have.

The turn waits for none of this. The relay is one more reader of the stream, in a thread of its
own, and what gathers while it writes goes into one transaction. If the file is locked for so long
that the ring overtakes it, it gets a snapshot, like any slow viewer, and passes that on. It reads
the real clock, whatever clock the turn has: other processes live by no other.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Final

from chatlab.chat.hub.channel import Cursor, Stream
from chatlab.chat.hub.event_log import Journal, News
from chatlab.chat.hub.relay_state import Mirror, Outgoing
from chatlab.chat.storage.database import MEMORY, StoreError
from chatlab.exceptions import ChatlabError

GATHER_S: Final = 0.01
"""How long news gathers before it is written."""

BEAT_S: Final = 1.0
"""How often a process shows that its turns still run."""

LOCK_WAIT_S: Final = 2.0
RETRY_S: Final = 1.0
"""How long a locked file is waited for, and after how long it is tried again."""

CATCH_UP_S: Final = 2 * BEAT_S
"""How long a viewer is taken at its word that it has seen more of a turn than is known here."""

_log = logging.getLogger(__name__)


class TurnLost(ChatlabError):
    """A turn of another process of which nothing is heard: it was never begun, or has crashed.

    Examples
    --------
    >>> raise TurnLost("chat-7/3: nothing is heard of it")
    Traceback (most recent call last):
        ...
    chatlab.chat.hub.relay.TurnLost: chat-7/3: nothing is heard of it
    """


class Relay:
    """The thread of one hub; it runs from the first turn to pass on or to follow until `close`."""

    def __init__(self, path: str, buffer: int, poll_s: float, lost_after_s: float) -> None:
        if path == MEMORY:
            raise ValueError("Hub: no other process sees a store in memory; give it a file")
        self._path = path
        self._buffer = buffer
        self._poll_s = poll_s
        self._lost_after_s = lost_after_s
        self._lock = threading.Lock()
        self._outgoing: list[Outgoing] = []
        self._mirrors: dict[str, Mirror] = {}
        self._mirrors_dropped = 0
        self._beat_at = 0.0
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def mirrors(self) -> tuple[list[Stream], int]:
        """The streams of turns elsewhere, and how many events were lost in earlier ones."""
        with self._lock:
            return [mirror.stream for mirror in self._mirrors.values()], self._mirrors_dropped

    def forward(self, stream: Stream) -> None:
        """Pass on a turn that runs here."""
        with self._lock:
            self._outgoing.append(Outgoing(stream, stream.join(0, is_viewer=False)))
            self._start()

    def join(self, turn: str, after: int | None) -> tuple[Stream, Cursor]:
        """A new viewer of a turn that runs elsewhere."""
        with self._lock:
            mirror = self._mirrors.get(turn)
            if mirror is None:
                stream = Stream(turn, self._buffer, mirror=True)
                mirror = self._mirrors[turn] = Mirror(stream, time.monotonic())
            mirror.joined_at = time.monotonic()
            cursor = mirror.stream.join(after)
            self._start()
        return mirror.stream, cursor

    def adopt(self, turn: str) -> Stream | None:
        """The stream that viewers wait at for `turn`, which begins here; None if there is none.

        Raises ValueError if it has begun elsewhere.
        """
        with self._lock:
            mirror = self._mirrors.get(turn)
            if mirror is None:
                return None
            if mirror.stream.begun:
                raise ValueError(f"Hub.open: turn {turn!r} was begun elsewhere; give it a new name")
            del self._mirrors[turn]
            mirror.stream.begin(mirror=False)
            return mirror.stream

    def close(self) -> None:
        """Pass on the last news of turns that have ended, and stop. Again: nothing."""
        with self._lock:
            self._closing.set()
            for mirror in [*self._mirrors.values()]:
                mirror.stream.close()
                self._forget(mirror)
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join()

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="chatlab relay", daemon=True)
            self._thread.start()
        self._wake.set()

    def _run(self) -> None:
        journal: Journal | None = None
        failing = False
        while True:
            self._wake.clear()
            closing = self._closing.is_set()
            try:
                journal = journal or Journal(self._path, LOCK_WAIT_S)
                wrote = self._send(journal)
                self._receive(journal, wrote)
                failing = False
            except StoreError as error:
                if not failing:
                    _log.warning("viewers in other processes hear nothing for now: %s", error)
                failing = True
                self._begin_anew()
            if closing and (failing or not self._outgoing):
                break
            if failing:
                self._closing.wait(RETRY_S)
            else:
                self._wake.wait(self._pause_s())
                self._closing.wait(GATHER_S)
        if journal is not None:
            journal.close()

    def _pause_s(self) -> float | None:
        if self._mirrors:
            return self._poll_s
        return BEAT_S if self._outgoing else None

    def _send(self, journal: Journal) -> bool:
        """Write what is new of the turns that run here, in one transaction; whether any was."""
        with self._lock:
            carried = [*self._outgoing]
        for outgoing in carried:
            if outgoing.number is None:
                outgoing.number = journal.begin(outgoing.stream.turn)
            if outgoing.number is None:
                self._leave(outgoing)
                _log.warning(
                    "turn %r: the store has had one of this name; viewers in other processes "
                    "do not see it; give each turn a new name",
                    outgoing.stream.turn,
                )
        news = [
            (one.number, one, one.stream.read(one.cursor, self._wake.set))
            for one in carried
            if one.number is not None
        ]
        now = time.monotonic()
        if all(items is None for *_, items in news) and (not news or now < self._beat_at):
            return False
        self._beat_at = now + BEAT_S / 2
        with journal.writing():
            for number, outgoing, items in news:
                journal.write(number, items or ())
                if snapshot := outgoing.written(items or (), 2 * self._buffer):
                    journal.write(number, (snapshot,))
                journal.beat(number, ended=items == ())
        for _, outgoing, items in news:
            if items == ():
                self._leave(outgoing)
            elif items:
                self._wake.set()
        return True

    def _leave(self, outgoing: Outgoing) -> None:
        outgoing.stream.leave(outgoing.cursor)
        with self._lock:
            self._outgoing.remove(outgoing)

    def _receive(self, journal: Journal, wrote: bool) -> None:
        """Read what is new of the turns that are watched. wrote: some of it may be our own."""
        with self._lock:
            mirrors = [*self._mirrors.values()]
        changed = journal.changed or wrote
        for mirror in mirrors:
            mirror.ask = mirror.ask or changed
            try:
                over = self._follow(journal, mirror)
            except ValueError as error:
                mirror.stream.fail(error)
                over = True
            with self._lock:
                known = self._mirrors.get(mirror.stream.turn) is mirror
                if known and (over or not mirror.stream.load.viewers):
                    self._forget(mirror)

    def _forget(self, mirror: Mirror) -> None:
        del self._mirrors[mirror.stream.turn]
        self._mirrors_dropped += mirror.stream.load.dropped

    def _follow(self, journal: Journal, mirror: Mirror) -> bool:
        """Take in what is new of one turn; whether that was the last."""
        stream = mirror.stream
        news: News | None = None
        while mirror.ask:
            news = journal.read(stream.turn, mirror.after)
            with self._lock:
                if self._mirrors.get(stream.turn) is not mirror:
                    return False
                mirror.ask = news is not None and news.more
                if news is not None:
                    mirror.take(news)
        now = time.monotonic()
        if now - mirror.joined_at > CATCH_UP_S:
            stream.settle()
        if news is not None and news.ended:
            stream.close()
        elif now - mirror.heard_at > self._lost_after_s:
            stream.fail(
                TurnLost(
                    f"turn {stream.turn!r}: nothing was heard of it for {self._lost_after_s:g} s; "
                    "load the chat from the store, and ask for a new turn"
                )
            )
        return stream.ended

    def _begin_anew(self) -> None:
        """What the failed transaction held is told again, as snapshots; and all is read again."""
        with self._lock:
            for outgoing in self._outgoing:
                outgoing.stream.restart(outgoing.cursor)
            for mirror in self._mirrors.values():
                mirror.ask = True
