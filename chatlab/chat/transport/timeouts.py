"""How long a turn waits for the next items of a stream, under either kind of clock.

Under a `VirtualClock` the time stands still while a socket is waited for. When nothing has arrived
for `QUIET_S` real seconds, it is assumed that nothing will arrive, and the time moves on to what is
due next. So that a slow machine does not change what happens, those seconds are counted in rounds,
which take longer when the machine is short of time, and a round in which this process was
computing hardly counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from functools import partial
from typing import Final

from chatlab.chat.transport.reader import TaskReader, ThreadReader
from chatlab.retry import Clock, VirtualClock
from chatlab.retry.driver import Call, Flow, Sleep

QUIET_S: Final = 0.5
ROUND_S: Final = 0.05
BUSY_ROUND_S: Final = 0.005
"""What a round counts in which the process was computing for more than half of it."""

LAST_LOOK_S: Final = 0.02
"""How long to look, when time is up, for what a busy loop had no time to read before."""

HEADERS_LATER_S: Final = 0.25
"""How much longer than the guard waits a request without headers may take to end by itself."""


class StreamWaiter:
    """Waits for the stream of one attempt, on `clock`.

    deadline: the end of the turn as a whole; a virtual clock does not move on to it.
    """

    def __init__(self, clock: Clock, deadline: float | None) -> None:
        self._clock = clock
        self._virtual = isinstance(clock, VirtualClock)
        self._deadline = None if self._virtual else deadline
        self._quiet_s = 0.0

    def next_items(self, reader: ThreadReader | TaskReader, due: float | None) -> Flow:
        """Return the next items, or none if `due` (None: never) is there before them."""
        for limit_s in self._limits(due):
            items = yield Call(partial(reader.get, limit_s))
            if items:
                self._quiet_s = 0.0
                return items
        if due is not None and self._virtual:
            yield Sleep(self._left_s(due))
        return (yield Call(partial(reader.get, LAST_LOOK_S)))

    def headers_s(self, deadline: float | None) -> float | None:
        """Return after how many real seconds a request without headers is hopeless.

        deadline: when the guard ends the attempt; None: never.
        """
        if deadline is None:
            return None
        longest_s = QUIET_S * ROUND_S / BUSY_ROUND_S if self._virtual else self._left_s(deadline)
        return longest_s + HEADERS_LATER_S

    def _limits(self, due: float | None) -> Iterator[float | None]:
        """Give how long to look for items, again and again until some come or time is up."""
        if due is None or not self._virtual:
            ends = [at for at in (due, self._deadline) if at is not None]
            yield self._left_s(min(ends)) if ends else None
            return
        while self._quiet_s < QUIET_S:
            began_s = time.process_time()
            yield ROUND_S
            busy = time.process_time() - began_s > ROUND_S / 2
            self._quiet_s += BUSY_ROUND_S if busy else ROUND_S

    def _left_s(self, due: float) -> float:
        return max(due - self._clock.now(), 0.0)
