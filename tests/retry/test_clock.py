"""Virtual time, and the system's."""

from __future__ import annotations

import asyncio
import math
import signal
import statistics
import threading
import time
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlab.retry import Cancelled, Clock, SystemClock, VirtualClock


def test_both_are_clocks() -> None:
    """Whatever takes a `Clock` takes either."""
    clocks: list[Clock] = [VirtualClock(), SystemClock()]
    assert all(clock.now() >= 0 for clock in clocks)


def test_a_virtual_sleep_moves_the_time_and_does_not_pass_it() -> None:
    """A day is slept in no time, and the clock remembers every sleep."""
    clock = VirtualClock(start_s=5)
    began = time.monotonic()
    clock.sleep(86_400)
    clock.sleep(0.25)
    assert (clock.now(), clock.slept_s) == (86_405.25, (86_400, 0.25))
    assert time.monotonic() - began < 0.1
    assert repr(clock) == "<VirtualClock at 86405.2 s>"


Log = list[tuple[float, int]]


async def sleepers(clock: VirtualClock, naps: list[list[float]], log: Log) -> None:
    """One task for each list, which logs when it wakes from each of its naps."""

    async def nap(who: int) -> None:
        for delay_s in naps[who]:
            await clock.asleep(delay_s)
            log.append((clock.now(), who))

    await asyncio.gather(*map(nap, range(len(naps))))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 6).map(float), max_size=4), max_size=5))
def test_async_sleepers_wake_in_the_order_of_their_times(naps: list[list[float]]) -> None:
    """Every task wakes at the sum of its sleeps, the log is in order of time, and equal times wake
    in the order in which the tasks fell asleep, run after run."""
    logs: list[Log] = [[], []]
    for log in logs:
        clock = VirtualClock()
        asyncio.run(sleepers(clock, naps, log))
        assert clock.now() == max(map(sum, naps), default=0)
        assert sorted(clock.slept_s) == sorted(s for own in naps for s in own)
    assert logs[0] == logs[1]
    assert [now for now, _ in logs[0]] == sorted(now for now, _ in logs[0])
    for who, own in enumerate(naps):
        assert [now for now, task in logs[0] if task == who] == [
            sum(own[: i + 1]) for i in range(len(own))
        ]


def test_equal_times_wake_first_come_first_served() -> None:
    """Nothing but the order of falling asleep decides between equals."""
    log: Log = []
    asyncio.run(sleepers(VirtualClock(), [[2.0, 1.0], [1.0, 2.0], [3.0]], log))
    assert log == [(1.0, 1), (2.0, 0), (3.0, 2), (3.0, 1), (3.0, 0)]


def test_a_woken_task_gets_to_its_next_sleep_before_time_moves_on() -> None:
    """Work that takes some turns of the loop does not lose its place to a later sleeper."""

    async def scene() -> list[str]:
        clock, log = VirtualClock(), []

        async def busy() -> None:
            await clock.asleep(1)
            for _ in range(30):
                await asyncio.sleep(0)
            await clock.asleep(1)
            log.append(f"busy {clock.now():g}")

        async def late() -> None:
            await clock.asleep(5)
            log.append(f"late {clock.now():g}")

        await asyncio.gather(late(), busy())
        return log

    assert asyncio.run(scene()) == ["busy 2", "late 5"]


def test_falling_asleep_gives_the_others_their_turns_again() -> None:
    """A chain of tasks that start one another all fall asleep at the same moment."""

    async def scene() -> list[str]:
        clock, log = VirtualClock(), list[str]()

        async def link(left: int) -> None:
            for _ in range(80):
                await asyncio.sleep(0)
            following = asyncio.create_task(link(left - 1)) if left else None
            await clock.asleep(5 + left)
            log.append(f"{left} at {clock.now():g}")
            if following:
                await following

        await link(3)
        return log

    assert asyncio.run(scene()) == ["0 at 5", "1 at 6", "2 at 7", "3 at 8"]


def test_a_cancelled_sleeper_moves_no_time() -> None:
    """Its time is never reached, be it earlier or later, and the others sleep on."""

    async def scene() -> tuple[float, tuple[float, ...]]:
        clock = VirtualClock()
        cancelled = [asyncio.create_task(clock.asleep(delay_s)) for delay_s in (1, 1000)]
        await asyncio.sleep(0)
        for task in cancelled:
            task.cancel()
        await clock.asleep(3)
        assert [task.cancelled() for task in cancelled] == [True, True]
        return clock.now(), clock.slept_s

    assert asyncio.run(asyncio.wait_for(scene(), 5)) == (3.0, (3,))


def test_a_sync_sleep_beside_async_ones_wakes_those_that_are_due() -> None:
    """The time never goes back for a sleeper whose moment has passed."""

    async def scene() -> float:
        clock = VirtualClock()
        due = asyncio.create_task(clock.asleep(10))
        await asyncio.sleep(0)
        clock.sleep(60)
        await due
        return clock.now()

    assert asyncio.run(scene()) == 60.0


def test_one_virtual_clock_serves_loops_one_after_the_other() -> None:
    """A loop that ended in the middle of a sleep leaves nothing behind."""
    clock = VirtualClock()

    async def abandon() -> None:
        sleeping = asyncio.create_task(clock.asleep(100))
        await asyncio.sleep(0)
        assert not sleeping.done()

    asyncio.run(abandon())
    broken_off = asyncio.new_event_loop()
    sleeping = broken_off.create_task(clock.asleep(1))
    broken_off.run_until_complete(asyncio.sleep(0))
    broken_off.close()
    assert not sleeping.done()
    asyncio.run(asyncio.wait_for(clock.asleep(2), 5))
    asyncio.run(clock.asleep(3))
    assert (clock.now(), clock.slept_s) == (5.0, (2, 3))


def test_one_virtual_clock_serves_loops_in_turns() -> None:
    """A loop that stands still with nobody asleep may be left and taken up again."""
    clock = VirtualClock()
    with asyncio.Runner() as first, asyncio.Runner() as second:
        for delay_s, runner in enumerate((first, second, first, second, first), start=1):
            runner.run(asyncio.wait_for(clock.asleep(delay_s), 5))
    assert clock.slept_s == (1, 2, 3, 4, 5)


def test_one_virtual_clock_refuses_a_second_loop_while_somebody_sleeps() -> None:
    """Two loops at once have no common order, so that is an error and not a guess."""
    clock = VirtualClock()

    async def scene() -> BaseException | None:
        sleeping = asyncio.create_task(clock.asleep(1))
        await asyncio.sleep(0)
        caught: list[BaseException] = []

        def other() -> None:
            try:
                asyncio.run(clock.asleep(1))
            except RuntimeError as error:
                caught.append(error)

        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        await sleeping
        return caught[0] if caught else None

    assert "give each loop a clock of its own" in str(asyncio.run(scene()))


def test_threads_share_virtual_time_without_losing_any() -> None:
    """Sync sleeps of several threads add up exactly."""
    clock = VirtualClock()

    def doze() -> None:
        for _ in range(500):
            clock.sleep(0.5)

    threads = [threading.Thread(target=doze) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert clock.now() == 2000.0


@pytest.mark.parametrize("delay_s", [-1.0, math.nan, math.inf])
def test_what_cannot_be_slept_is_refused(delay_s: float) -> None:
    """Negative, not a number and endless, by each clock in both ways."""
    clocks: list[Clock] = [VirtualClock(), SystemClock()]
    for clock in clocks:
        with pytest.raises(ValueError, match="cannot be slept; pass finite seconds"):
            clock.sleep(delay_s)
        with pytest.raises(ValueError, match="cannot be slept; pass finite seconds"):
            asyncio.run(clock.asleep(delay_s))


def test_system_time_is_unix_time() -> None:
    """`now` is close to the wall clock and moves with it."""
    clock = SystemClock()
    assert abs(clock.now() - time.time()) < 0.1
    first = clock.now()
    assert clock.now() >= first


def test_a_system_sleep_takes_as_long_as_it_says() -> None:
    """Never shorter, and typically within 20 ms, sync and async."""
    clock = SystemClock()
    late_s: list[float] = []
    for _ in range(5):
        began = time.monotonic()
        clock.sleep(0.03)
        slept = time.monotonic()
        asyncio.run(clock.asleep(0.03))
        late_s += [slept - began - 0.03]
    assert min(late_s) > -0.001
    assert statistics.median(late_s) < 0.02


def ends_within(late_s: list[float]) -> None:
    """Cancellation ends a wait in under 50 ms; one unlucky turn of a busy machine is allowed."""
    assert statistics.median(late_s) < 0.05, late_s


def test_another_thread_ends_a_system_sleep_at_once() -> None:
    """`cancel` raises `Cancelled` in the sleeper, which is no `Exception`."""
    late_s = []
    for _ in range(3):
        clock = SystemClock()
        cancelled_at: list[float] = []

        def cancel(clock: SystemClock = clock, at: list[float] = cancelled_at) -> None:
            at.append(time.monotonic())
            clock.cancel()

        threading.Timer(0.03, cancel).start()
        with pytest.raises(Cancelled, match="the wait of 60 s was cancelled"):
            clock.sleep(60)
        late_s.append(time.monotonic() - cancelled_at[0])
        with pytest.raises(Cancelled):
            clock.sleep(60)
    ends_within(late_s)
    assert not issubclass(Cancelled, Exception)


def test_a_signal_ends_a_system_sleep_at_once() -> None:
    """Ctrl-C, here by a timer, comes out of the sleep as KeyboardInterrupt."""
    rang_at: list[float] = []

    def ring(number: int, frame: FrameType | None) -> None:
        rang_at.append(time.monotonic())
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    late_s = []
    try:
        for _ in range(3):
            signal.setitimer(signal.ITIMER_REAL, 0.03)
            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                SystemClock().sleep(60)
            late_s.append(time.monotonic() - began - 0.03)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert len(rang_at) == 3
    ends_within(late_s)


def test_a_cancelled_task_ends_a_system_sleep_at_once() -> None:
    """The async wait is the task's to cancel."""

    async def scene() -> float:
        task = asyncio.create_task(SystemClock().asleep(60))
        await asyncio.sleep(0.02)
        cancelled_at = time.monotonic()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return time.monotonic() - cancelled_at

    ends_within([asyncio.run(scene()) for _ in range(3)])
