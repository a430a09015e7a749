"""How fast the hub is, and what a slow viewer costs the others: ``python tests/bench/bench_hub.py``.

Viewers are threads. Every viewer checks the order of what it gets, and every row that what was
received and what was dropped add up to what was published.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Final

from chatlab.chat.hub.hub_api import Hub
from chatlab.chat.hub.view import Snapshot
from chatlab.chat.messages.events import MessagePart
from chatlab.chat.messages.parts import Piece
from chatlab.chat.storage.store_file import Store

EVENTS: Final = 100_000
VIEWERS: Final = 50
PACED: Final = 2_000
PACE_S: Final = 0.001

Row = tuple[str, float, str]


class Viewers:
    """So many viewers of a turn, each in a thread; with `at`, how long each event took to each."""

    def __init__(self, hub: Hub, count: int, at: list[float] | None = None) -> None:
        self.received = [0] * count
        self.lost = [0] * count
        self.delays_s: list[float] = []
        self._at = at
        self._hub = hub
        self._threads = [threading.Thread(target=self._view, args=(n,)) for n in range(count)]
        for thread in self._threads:
            thread.start()
        while hub.load.stream_subscribers < count:
            time.sleep(0.001)

    def _view(self, number: int) -> None:
        last, delays = 0, []
        with self._hub.subscribe("bench", after=0) as viewer:
            for item in viewer:
                if isinstance(item, Snapshot):
                    self.lost[number] += item.dropped
                    assert item.dropped == item.sequence - last
                else:
                    self.received[number] += 1
                    assert item.sequence == last + 1
                    if self._at is not None:
                        delays.append(time.perf_counter() - self._at[item.sequence - 1])
                last = item.sequence
        self.delays_s += delays

    def join(self, events: int) -> None:
        for thread in self._threads:
            thread.join()
        counts = [a + b for a, b in zip(self.received, self.lost, strict=True)]
        assert counts == [events] * len(counts), counts


def throughput(buffer: int, viewers: int) -> list[Row]:
    """As many events as fast as they go."""
    pieces = [MessagePart(1, Piece(0, "text", f"word{number} ")) for number in range(1000)]
    with Hub(buffer=buffer) as hub:
        stream = hub.open("bench")
        crowd = Viewers(hub, viewers)
        start = time.perf_counter()
        for number in range(EVENTS):
            stream.publish(pieces[number % 1000])
        published_s = time.perf_counter() - start
        stream.close()
        crowd.join(EVENTS)
        all_s = time.perf_counter() - start
        dropped = hub.load.stream_buffer_dropped_total
    assert dropped == sum(crowd.lost)
    name = f"{viewers} viewers, a buffer of {buffer}"
    return [
        (f"{name}: published", EVENTS / published_s, "events/s"),
        (f"{name}: until all had all", EVENTS / all_s, "events/s"),
        (f"{name}: delivered", sum(crowd.received) / all_s, "events/s"),
        (f"{name}: dropped", dropped, f"of {EVENTS * viewers}"),
    ]


def delay(stuck: int, store: Store | None = None) -> list[Row]:
    """How late the events of a steady turn are for ten viewers, beside `stuck` that never read.

    store: the ten are at another hub, which has only this store in common with the turn's.
    """
    at: list[float] = []
    slowest_s = 0.0
    with Hub(store, buffer=256) as hub, Hub(store) as other:
        stream = hub.open("bench")
        idle = [hub.subscribe("bench", after=0) for _ in range(stuck)]
        crowd = Viewers(other if store else hub, 10, at)
        for number in range(PACED):
            at.append(time.perf_counter())
            stream.publish(MessagePart(1, Piece(0, "text", f"word{number} ")))
            slowest_s = max(slowest_s, time.perf_counter() - at[-1])
            time.sleep(PACE_S)
        stream.close()
        crowd.join(PACED)
        assert hub.load.stream_buffer_dropped_total == stuck * PACED + sum(crowd.lost)
        for viewer in idle:
            viewer.close()
    cuts = statistics.quantiles(crowd.delays_s, n=100)
    where = "through the store" if store else f"beside {stuck} stuck viewers"
    return [
        (f"delay {where}: median", 1e6 * cuts[49], "us"),
        (f"delay {where}: 99 %", 1e6 * cuts[98], "us"),
        (f"slowest publish {where}", 1e6 * slowest_s, "us"),
    ]


def rows() -> list[Row]:
    """What was measured: a name, a number and its unit."""
    found = throughput(EVENTS, VIEWERS) + throughput(4096, VIEWERS) + throughput(4096, 0)
    found += delay(0) + delay(40)
    with tempfile.TemporaryDirectory() as folder, Store(Path(folder) / "bench.db") as store:
        return found + delay(0, store)


def main() -> int:
    """Print the rows."""
    logging.disable(logging.WARNING)
    for name, value, unit in rows():
        print(f"{name:58} {value:14,.0f} {unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
