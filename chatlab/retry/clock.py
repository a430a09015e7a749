"""Where time comes from: a virtual clock, and the system's.

`VirtualClock` is for notebooks and tests: a sleep moves the time instead of passing it, so twenty
minutes of waiting take milliseconds and every run is the same. `SystemClock` really waits.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import threading
import time
from typing import Final, NamedTuple, Protocol

SETTLE_PASSES: Final = 100
"""How often everything else in the event loop may run before virtual time moves on."""


class Cancelled(BaseException):
    """A person ended a wait of `SystemClock.sleep`. Like KeyboardInterrupt it is not an error."""


class Clock(Protocol):
    """What the retry loop needs of time. All values are seconds."""

    def now(self) -> float:
        """Return the time, which never runs backwards."""

    def sleep(self, delay_s: float) -> None:
        """Return after `delay_s` seconds."""

    async def asleep(self, delay_s: float) -> None:
        """Return after `delay_s` seconds; other tasks run meanwhile."""


class SystemClock:
    """Real time, in Unix seconds; it runs on steadily when the machine's clock is set.

    A wait ends at once when it is cancelled: `sleep` by `cancel` from any thread (raises
    `Cancelled`) or by a signal handler that raises (Ctrl-C), `asleep` by cancelling its task.

    Examples
    --------
    >>> clock = SystemClock()
    >>> clock.sleep(0)
    """

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()
        self._cancelled = threading.Event()

    def now(self) -> float:
        """Return the Unix time in seconds."""
        return self._offset_s + time.monotonic()

    def cancel(self) -> None:
        """End the running `sleep`, and every later one, with `Cancelled`."""
        self._cancelled.set()

    def sleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds. Raises `Cancelled` after `cancel`, ValueError if negative."""
        _check(delay_s)
        if self._cancelled.wait(min(delay_s, threading.TIMEOUT_MAX)):
            raise Cancelled(f"the wait of {delay_s:g} s was cancelled")

    async def asleep(self, delay_s: float) -> None:
        """Wait `delay_s` seconds in the running asyncio loop. Raises ValueError if negative."""
        _check(delay_s)
        await asyncio.sleep(delay_s)


class _Sleeper(NamedTuple):
    due: float
    order: int
    woken: asyncio.Future[None]
    delay_s: float


class VirtualClock:
    """Time that moves only by sleeping.

    `sleep` moves the time and returns. Several tasks in `asleep` wake one by one, the earliest
    first and equal ones in the order in which they fell asleep; time moves on only when everything
    else in the loop has had its turn `SETTLE_PASSES` times, so a task that was woken gets to its
    next sleep first. Serves any number of threads, and the tasks of one event loop at a time.

    Parameters
    ----------
    start_s:
        What `now` returns at first, in seconds.

    Examples
    --------
    >>> clock = VirtualClock()
    >>> clock.sleep(1200)
    >>> clock.now(), clock.slept_s
    (1200.0, (1200,))
    """

    def __init__(self, start_s: float = 0.0) -> None:
        _check(start_s)
        self._now = float(start_s)
        self._lock = threading.Lock()
        self._slept: list[float] = []
        self._sleepers: list[_Sleeper] = []
        self._order = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._next_tick: asyncio.Handle | None = None
        self._passes = 0

    def __repr__(self) -> str:
        return f"<VirtualClock at {self._now:g} s>"

    @property
    def slept_s(self) -> tuple[float, ...]:
        """All completed sleeps, in seconds, in the order of waking."""
        return tuple(self._slept)

    def now(self) -> float:
        """Return the seconds since the clock was made, plus `start_s`."""
        return self._now

    def sleep(self, delay_s: float) -> None:
        """Move the time by `delay_s` seconds, at once. Raises ValueError if negative."""
        _check(delay_s)
        with self._lock:
            self._now += delay_s
            self._slept.append(delay_s)

    async def asleep(self, delay_s: float) -> None:
        """Return when the time has moved by `delay_s` seconds. Raises ValueError if negative,
        RuntimeError if a task of another event loop is asleep on this clock."""
        _check(delay_s)
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._serve(loop)
        self._order += 1
        self._passes = 0
        woken = loop.create_future()
        heapq.heappush(self._sleepers, _Sleeper(self._now + delay_s, self._order, woken, delay_s))
        await woken

    def _serve(self, loop: asyncio.AbstractEventLoop) -> None:
        asleep = any(not sleeper.woken.done() for sleeper in self._sleepers)
        if asleep and self._loop is not None and not self._loop.is_closed():
            raise RuntimeError(
                "VirtualClock.asleep: a task of another event loop is asleep on this clock; "
                "give each loop a clock of its own"
            )
        if self._next_tick is not None:
            self._next_tick.cancel()
        self._sleepers.clear()
        self._loop = loop
        self._next_tick = loop.call_soon(self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._sleepers and self._sleepers[0].woken.done():
            heapq.heappop(self._sleepers)
        if not self._sleepers:
            self._loop = None
            return
        self._passes += 1
        if self._passes > SETTLE_PASSES:
            self._passes = 0
            sleeper = heapq.heappop(self._sleepers)
            with self._lock:
                self._now = max(self._now, sleeper.due)
                self._slept.append(sleeper.delay_s)
            sleeper.woken.set_result(None)
        self._next_tick = loop.call_soon(self._tick, loop)


def _check(seconds: float) -> None:
    if not 0 <= seconds < math.inf:
        raise ValueError(f"clock: {seconds!r} s cannot be slept; pass finite seconds, 0 or more")
