"""How long a turn waits for the next thing that a stream brings, under either kind of clock.

Under a `VirtualClock` the time stands still while a socket is waited for. When nothing has come
for `QUIET_S` real seconds, it is taken that nothing will, and the time moves on to what is due
next. So that a slow machine does not change what happens, those seconds are counted in rounds,
which take longer when the machine is short of time, and a round in which this process was
computing hardly counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Final

from chatlab.chat.transport.reader import Item, TaskReader, ThreadReader
from chatlab.retry import Clock, VirtualClock

QUIET_S: Final = 0.5
ROUND_S: Final = 0.05
BUSY_ROUND_S: Final = 0.005
"""What a round counts in which the process was computing for more than half of it."""

LAST_LOOK_S: Final = 0.02
"""How long is looked, when time is up, for what a busy loop had no time to read before."""

HEADERS_LATER_S: Final = 0.25
"""How much longer than the guard waits a request without headers may take to end by itself."""


class Patience:
    """Waits for the stream of one attempt, on `clock`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._virtual = isinstance(clock, VirtualClock)
        self._quiet_s = 0.0

    def hear(self, reader: ThreadReader, due: float | None) -> Item | None:
        """The next item, or None if `due` (None: never) has come before it."""
        for limit_s in self._limits(due):
            item = reader.get(limit_s)
            if item is not None:
                self._quiet_s = 0.0
                return item
        if due is not None and self._virtual:
            self._clock.sleep(self._left_s(due))
        return reader.get(LAST_LOOK_S)

    async def ahear(self, reader: TaskReader, due: float | None) -> Item | None:
        """The next item, or None if `due` (None: never) has come before it."""
        for limit_s in self._limits(due):
            item = await reader.get(limit_s)
            if item is not None:
                self._quiet_s = 0.0
                return item
        if due is not None and self._virtual:
            await self._clock.asleep(self._left_s(due))
        return await reader.get(LAST_LOOK_S)

    def headers_s(self, deadline: float | None) -> float | None:
        """Real seconds after which a request of an attempt with this `deadline` is hopeless."""
        if deadline is None:
            return None
        longest_s = QUIET_S * ROUND_S / BUSY_ROUND_S if self._virtual else self._left_s(deadline)
        return longest_s + HEADERS_LATER_S

    def _limits(self, due: float | None) -> Iterator[float | None]:
        """How long to look for an item, again and again until one comes or time is up."""
        if due is None or not self._virtual:
            yield None if due is None else self._left_s(due)
            return
        while self._quiet_s < QUIET_S:
            began_s = time.process_time()
            yield ROUND_S
            busy = time.process_time() - began_s > ROUND_S / 2
            self._quiet_s += BUSY_ROUND_S if busy else ROUND_S

    def _left_s(self, due: float) -> float:
        return max(due - self._clock.now(), 0.0)
