"""One flow under two drivers: the order of what happens, also when it ends early."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from chatlab.retry import VirtualClock
from chatlab.retry.driver import Call, Emit, Flow, Sleep, Within, adrive, afinish, drive, finish

both = pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])


class Log(list[str]):
    """What happened, and a resource that says when it is opened and closed, in both manners."""

    @contextlib.contextmanager
    def resource(self) -> Iterator[str]:
        """The synchronous one."""
        self.append("open")
        try:
            yield "resource"
        finally:
            self.append("close")

    @contextlib.asynccontextmanager
    async def aresource(self) -> AsyncIterator[str]:
        """The asynchronous one; closing it takes a turn of the loop."""
        self.append("open")
        try:
            yield "resource"
        finally:
            await asyncio.sleep(0)
            self.append("close")


def collect(flow: Flow, is_async: bool, most: int | None = None) -> list[Any]:
    """What `flow` emits under its driver; at most so many events, then the iterator is closed."""
    clock, got = VirtualClock(), list[Any]()

    async def gather() -> None:
        async with contextlib.aclosing(adrive(flow, clock)) as events:
            async for event in events:
                got.append(event)
                if len(got) == most:
                    break

    if is_async:
        asyncio.run(gather())
        return got
    with contextlib.closing(drive(flow, clock)) as events:
        for event in events:
            got.append(event)
            if len(got) == most:
                break
    return got


def flow_of(log: Log, is_async: bool, act: Callable[[], object]) -> Flow:
    """Two events, the second from within a resource; then `act` is called."""

    def body(entered: str) -> Flow:
        try:
            yield Emit(entered)
            log.append(f"called: {(yield Call(act))}")
        except Exception as error:
            log.append(f"body: {error!r}")
            raise
        except BaseException as error:
            log.append(f"body: {type(error).__name__}")
            raise

    try:
        yield Emit("first")
        yield Within(log.aresource() if is_async else log.resource(), body)
        yield Emit("last")
    except Exception as error:
        log.append(f"flow: {error!r}")
        yield Emit("failed")
    except BaseException as error:
        log.append(f"flow: {type(error).__name__}")
        raise


@both
def test_a_flow_runs_in_order_and_gets_results_back(is_async: bool) -> None:
    """The resource is open exactly while its body runs."""
    log = Log()
    assert collect(flow_of(log, is_async, lambda: 42), is_async) == ["first", "resource", "last"]
    assert log == ["open", "called: 42", "close"]


@both
def test_a_command_that_raises_raises_in_the_flow(is_async: bool) -> None:
    """The body sees it first, then the resource is closed, then the flow sees it and may go on."""
    log = Log()

    def act() -> None:
        raise LookupError("gone")

    assert collect(flow_of(log, is_async, act), is_async) == ["first", "resource", "failed"]
    assert log == ["open", "body: LookupError('gone')", "close", "flow: LookupError('gone')"]


@both
@pytest.mark.parametrize("most", [1, 2])
def test_leaving_early_closes_the_resource_before_the_flow_hears_of_it(
    is_async: bool, most: int
) -> None:
    """The driver closes what it opened; the flow is closed, innermost first."""
    log = Log()
    assert (
        collect(flow_of(log, is_async, lambda: 1), is_async, most) == ["first", "resource"][:most]
    )
    inside = ["open", "body: GeneratorExit", "close"] if most == 2 else []
    assert log == [*inside, "flow: GeneratorExit"]


@both
def test_an_interrupt_in_a_command_passes_through_and_closes_everything(is_async: bool) -> None:
    """It is not an `Exception`, so the flow does not go on."""
    log = Log()

    def act() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        collect(flow_of(log, is_async, act), is_async)
    assert log == ["open", "body: SystemExit", "close", "flow: SystemExit"]


def test_cancelling_the_task_ends_an_awaited_call() -> None:
    """The cancellation is raised at the command that waits."""
    log = Log()

    async def scene() -> None:
        task = asyncio.create_task(
            afinish(flow_of(log, True, lambda: asyncio.sleep(3600)), VirtualClock())
        )
        while "open" not in log:
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scene())
    assert log == ["open", "body: CancelledError", "close", "flow: CancelledError"]


@both
def test_sleeps_take_place_on_the_drivers_clock(is_async: bool) -> None:
    """Exactly as long as the flow says."""

    def flow() -> Flow:
        yield Sleep(1.5)
        yield Sleep(0.25)

    clock = VirtualClock()
    if is_async:
        asyncio.run(afinish(flow(), clock))
    else:
        finish(flow(), clock)
    assert clock.slept_s == (1.5, 0.25)


def test_only_the_asynchronous_driver_awaits_what_a_call_gives() -> None:
    """So a flow can say which of them it is under."""

    async def answer() -> int:
        return 42

    def flow() -> Flow:
        given = yield Call(answer)
        yield Emit(given)

    assert collect(flow(), is_async=True) == [42]
    (coroutine,) = collect(flow(), is_async=False)
    assert asyncio.run(coroutine) == 42
