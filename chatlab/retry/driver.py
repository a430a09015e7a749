"""One loop for synchronous and asynchronous code: a flow yields commands, a driver performs them.

A flow is a plain generator and the only copy of its loop. `drive` and `adrive` perform what it
yields and send the result back, or throw into it what the command raised. A flow must not yield
while it is closed (Python forbids a `yield` then), so whatever has to be closed is opened with
`Within`: its driver closes it before the flow hears that its reader has left.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing
from inspect import isawaitable
from typing import Any, NamedTuple, TypeAlias

from chatlab.retry.clock import Clock


class Emit(NamedTuple):
    """Give `event` to whoever iterates."""

    event: Any


class Call(NamedTuple):
    """Call `function` without arguments, and send its result back; `adrive` awaits an awaitable."""

    function: Callable[[], Any]


class Sleep(NamedTuple):
    """Wait `delay_s` seconds on the driver's clock."""

    delay_s: float


class Within(NamedTuple):
    """Enter `context`, run the flow that `body` makes of what it gives, and leave it.

    `drive` uses ``with``, and `adrive` ``async with``.
    """

    context: Any
    body: Callable[[Any], Flow]


Command = Emit | Call | Sleep | Within
Flow: TypeAlias = Generator[Command, Any, Any]


def drive(flow: Flow, clock: Clock) -> Generator[Any, None, None]:
    """Perform the commands of `flow` in this thread.

    Parameters
    ----------
    flow:
        Not started yet; it is closed with the iterator.
    clock:
        Where its sleeps take place.

    Yields
    ------
    What the flow emits.

    Examples
    --------
    >>> from chatlab.retry import VirtualClock
    >>> def flow():
    ...     number = yield Call(lambda: 6 * 7)
    ...     yield Sleep(3)
    ...     yield Emit(number)
    >>> clock = VirtualClock()
    >>> list(drive(flow(), clock)), clock.slept_s
    ([42], (3,))
    """
    step: Callable[[Any], Command] = flow.send
    value: Any = None
    while True:
        try:
            command = step(value)
        except StopIteration:
            return
        value, step = None, flow.send
        try:
            match command:
                case Emit():
                    yield command.event
                case Call(function):
                    value = function()
                case Sleep(delay_s):
                    clock.sleep(delay_s)
                case Within(context, body):
                    with context as entered:
                        yield from drive(body(entered), clock)
        except BaseException as raised:
            value, step = raised, flow.throw


async def adrive(flow: Flow, clock: Clock) -> AsyncGenerator[Any, None]:
    """Perform the commands of `flow` in the running asyncio loop; otherwise as `drive`."""
    step: Callable[[Any], Command] = flow.send
    value: Any = None
    while True:
        try:
            command = step(value)
        except StopIteration:
            return
        value, step = None, flow.send
        try:
            match command:
                case Emit():
                    yield command.event
                case Call(function):
                    value = function()
                    if isawaitable(value):
                        value = await value
                case Sleep(delay_s):
                    await clock.asleep(delay_s)
                case Within(context, body):
                    async with context as entered, aclosing(adrive(body(entered), clock)) as events:
                        async for event in events:
                            yield event
        except BaseException as raised:
            value, step = raised, flow.throw


def finish(flow: Flow, clock: Clock) -> None:
    """Perform `flow` to its end as `drive` does; what it emits is dropped."""
    with closing(drive(flow, clock)) as events:
        for _ in events:
            pass


async def afinish(flow: Flow, clock: Clock) -> None:
    """Perform `flow` to its end as `adrive` does; what it emits is dropped."""
    async with aclosing(adrive(flow, clock)) as events:
        async for _ in events:
            pass
