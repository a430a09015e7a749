"""Takes a turn's card through time, live or by recorded events. No widgets: `draw` shows it.

Everything happens in the asyncio loop in which the player was made; what is asked of it in another
thread, where JupyterLab runs the callbacks of buttons, is handed to that loop.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Final

from chatlab.chat.messages.events import MessagePart, Status, TurnEvent, TurnStatus
from chatlab.errors.payloads import ChatStreamRetry
from chatlab.retry import Clock, SystemClock, VirtualClock
from chatlab.views.cards.state import CardState
from chatlab.views.figures.timeline import TimedEvent, checked

FRAME_S: Final = 0.1
"""How often the card is drawn again while time passes, in seconds of real time."""

LONGEST_LAG_S: Final = 0.5
"""A kernel that is busy elsewhere holds a replay up, rather than making it jump further."""

_LAST: Final = (TurnStatus.COMPLETED, TurnStatus.FAILED, TurnStatus.CANCELLED)


class CardPlayer:
    """The time of one card. events: recorded ones, or None: it is live until its turn has ended.

    provider: as in `CardState`. clock: of the live turn. pace: by which events are played. speed:
    seconds of the turn in a second of the pace; may be set at any time. draw: is called when
    something has changed. state: what is to be shown. next: the place of the event that comes next.
    """

    def __init__(
        self,
        events: Iterable[TimedEvent] | None,
        *,
        provider: str | None,
        speed: float,
        clock: Clock | None,
        pace: Clock | None,
        draw: Callable[[], None],
    ) -> None:
        self.live = events is None
        self.events = list(checked(() if events is None else events))
        self.speed = speed
        self.task: asyncio.Task[None] | None = None
        self._provider = provider
        self._clock = SystemClock() if clock is None else clock
        self._pace = SystemClock() if pace is None else pace
        self._draw_now = draw
        self._drawn_at: float | None = None
        self._stale = False
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = 0
        self._adopt_loop()
        self.rewind()

    @property
    def at_s(self) -> float:
        """Seconds since the first event."""
        return self._at - self.events[0][0] if self.events else 0.0

    @property
    def total_s(self) -> float:
        """Seconds from the first event to the last."""
        return self.events[-1][0] - self.events[0][0] if self.events else 0.0

    def rewind(self) -> None:
        """Go back to before the first event."""
        self.state, self.next = CardState(self._provider), 0
        self._at = self.events[0][0] if self.events else 0.0

    def take(self, event: TurnEvent) -> None:
        """Take in a live event that happens now. Raises RuntimeError if the turn is not live."""
        if not self.live:
            raise RuntimeError("TurnCard: its turn has ended; make a TurnCard() for each live turn")
        now = self._clock.now()
        self._adopt_loop()
        self.in_loop(lambda: self._take(now, event))

    def play(self) -> None:
        """Play from here, or from the start if this is the end.

        Raises RuntimeError while the turn is live, after `close`, and without an event loop.
        """
        self._check_recorded("play")
        if self._closed:
            raise RuntimeError("TurnCard.play: this card is closed; make another of its events")
        self._adopt_loop()
        if self.task is not None:
            return
        if self.next == len(self.events):
            self.rewind()
        if not self._start(self._play):
            raise RuntimeError(
                "TurnCard.play: no event loop is running; play in a notebook or in a coroutine, "
                "or go on with step()"
            )
        self._draw()

    def pause(self) -> None:
        """Stop the time. Nothing runs after that."""
        task, self.task = self.task, None
        if task is not None:
            task.cancel()
        self._draw()

    def close(self) -> None:
        """Stop the time for good."""
        self._closed = True
        self.pause()

    def step(self) -> None:
        """Go to the next event and stop there. Raises RuntimeError while the turn is live."""
        self._check_recorded("step")
        if self.next < len(self.events):
            self._feed_next()
        self.pause()

    def in_loop(self, do: Callable[[], None]) -> None:
        """Do it now, or in the player's loop if this is another thread."""
        loop = self._loop
        if loop is None or loop.is_closed() or self._thread == threading.get_ident():
            do()
        else:
            loop.call_soon_threadsafe(do)

    def _adopt_loop(self) -> None:
        if self._loop is None or self._loop.is_closed():
            with suppress(RuntimeError):
                self._loop = asyncio.get_running_loop()
                self._thread = threading.get_ident()

    def _check_recorded(self, name: str) -> None:
        if self.live:
            raise RuntimeError(
                f"TurnCard.{name}: the card is live; its turn can be played once it has ended"
            )

    def _start(self, run: Callable[[], Coroutine[None, None, None]]) -> bool:
        try:
            self.task = asyncio.get_running_loop().create_task(run())
        except RuntimeError:
            return False
        return True

    def _take(self, now: float, event: TurnEvent) -> None:
        if not self.live:
            return
        self.events.append((now, event))
        self._feed_next()
        if isinstance(event, Status) and event.status in _LAST:
            self.live = False
            self.pause()
        elif isinstance(self._clock, VirtualClock):
            self._draw()
        else:
            self._draw(now, soon=isinstance(event, MessagePart))
            if self.task is None and self._unsettled:
                self._start(self._follow)

    def _feed_next(self) -> TurnEvent:
        at, event = self.events[self.next]
        self._at = max(self._at, at)
        self.state.feed(at, event)
        self.next += 1
        return event

    @property
    def _unsettled(self) -> bool:
        """Whether a live card has to be drawn again before the next event comes."""
        return self.live and not self._closed and (self._stale or self.state.moving)

    async def _follow(self) -> None:
        """Let the time of a live card pass for as long as that changes something."""
        try:
            while self._unsettled:
                await asyncio.sleep(FRAME_S)
                now = self._clock.now()
                self.state.tick(now)
                self._draw(now)
        finally:
            self._leave()

    async def _play(self) -> None:
        """Let the time of recorded events pass, at the chosen speed, from event to event."""
        try:
            mark = self._pace.now()
            while self.next < len(self.events):
                speed, wait_s = self.speed, self._wait_s()
                frame_s = min(wait_s, FRAME_S)
                mark = max(mark + frame_s, self._pace.now() - LONGEST_LAG_S)
                await self._pace.asleep(max(mark - self._pace.now(), 0.0))
                if frame_s < wait_s:
                    self._at += frame_s * speed
                    self.state.tick(self._at)
                    self._draw(mark)
                else:
                    self._draw(mark, soon=isinstance(self._feed_next(), MessagePart))
        finally:
            self._leave()

    def _wait_s(self) -> float:
        """How long, at this speed, until the next event.

        Events at one instant, as a virtual clock gives them, follow a frame apart to be seen.
        """
        left_s = (self.events[self.next][0] - self._at) / self.speed
        if left_s > 0 or self.next == 0:
            return max(left_s, 0.0)
        before_at, before = self.events[self.next - 1]
        apart = before_at == self.events[self.next][0] and not isinstance(before, ChatStreamRetry)
        return min(FRAME_S, FRAME_S / self.speed) if apart else 0.0

    def _leave(self) -> None:
        if self.task is asyncio.current_task():
            self.task = None
            self._draw()

    def _draw(self, now: float | None = None, *, soon: bool = False) -> None:
        """Draw; if `soon` is enough, a frame after the last time at the earliest."""
        last = self._drawn_at
        self._stale = soon and now is not None and last is not None and now < last + FRAME_S
        if not self._stale:
            self._drawn_at = now
            self._draw_now()
