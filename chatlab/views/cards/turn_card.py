"""A live card of one turn: what it is doing, what stands of the answer, when it tries again."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable
from typing import Any, Final

from chatlab.exceptions import MissingExtra

try:
    import ipywidgets as widgets
except ModuleNotFoundError:
    raise MissingExtra("the card", "ipywidgets") from None

from chatlab.chat.messages.events import TurnEvent, TurnStatus
from chatlab.retry import Clock, duration
from chatlab.text.markup import MUTED, tag
from chatlab.views.cards.page import answer_html, attempts_html, countdown_html, status_html
from chatlab.views.cards.player import CardPlayer
from chatlab.views.figures.timeline import ShownAttempt, TimedEvent

SPEEDS: Final = (0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)

_BUTTONS: Final = {
    "play": ("play", "Play from here; from the start, if this is the end"),
    "pause": ("pause", "Stop the time"),
    "step": ("step-forward", "Go to the next event"),
}
_PAGES: Final = (status_html, countdown_html, answer_html, attempts_html)


class TurnCard(widgets.VBox):  # type: ignore[misc]
    """The card of one turn, live or played from recorded events.

    A live card records the events that it is called with, and once the turn has ended they can be
    played::

        card = TurnCard(); display(card)
        await Turn(request, client=client, on_event=card).arun()

    A synchronous `run` in a notebook holds the countdown up, because nothing else can happen
    meanwhile; ``await asyncio.to_thread(turn.run)`` does not.

    Parameters
    ----------
    events : iterable of (float, TurnEvent), optional
        Seconds and event, to be played with the buttons, or with `play`, `pause` and `step`. None:
        the card is live.
    provider : str, optional
        Who answers, where the events do not tell.
    speed : float
        Seconds of the turn in a second of real time.
    clock : Clock, optional
        The turn's own, which says when a live event was seen; by default the system's.
    pace : Clock, optional
        By which events are played; by default the system's.

    Attributes
    ----------
    state, text, attempts, countdown_s, events
        What is shown, without widgets.
    controls : dict
        The widgets by name: ``play``, ``pause``, ``step``, ``speed``.

    Raises
    ------
    TypeError
        For events that are not such pairs.
    ValueError
        For a speed that is not positive and finite.

    Examples
    --------
    >>> from chatlab.lab import replay
    >>> card = TurnCard(replay(["http-error:503", "success"]).events)
    >>> card.step()
    >>> str(card.state)
    'starting'
    """

    def __init__(
        self,
        events: Iterable[TimedEvent] | None = None,
        *,
        provider: str | None = None,
        speed: float = 1.0,
        clock: Clock | None = None,
        pace: Clock | None = None,
    ) -> None:
        speeds = _speeds(speed)
        self._player = CardPlayer(
            events, provider=provider, speed=speed, clock=clock, pace=pace, draw=self._draw
        )
        self.controls: dict[str, Any] = {
            name: widgets.Button(
                description=name.capitalize(), icon=icon, tooltip=tooltip, layout={"width": "6.5em"}
            )
            for name, (icon, tooltip) in _BUTTONS.items()
        }
        for name, do in (("play", self.play), ("pause", self.pause), ("step", self.step)):
            self.controls[name].on_click(lambda _button, do=do: self._player.in_loop(do))
        self.controls["speed"] = widgets.SelectionSlider(
            options=speeds, value=float(speed), description="Speed", readout=True
        )
        self.controls["speed"].observe(self._change_speed, names="value")
        self._place = widgets.HTML()
        self._pages = [widgets.HTML() for _ in _PAGES]
        self._draw()
        layout = widgets.Layout(flex_flow="row wrap")
        controls = widgets.HBox([*self.controls.values(), self._place], layout=layout)
        super().__init__([controls, *self._pages])

    @property
    def state(self) -> TurnStatus:
        """Where the turn stands, for example ``retrying``."""
        return self._player.state.status

    @property
    def text(self) -> str:
        """What stands of the answer's text: provisional, then committed; nothing dropped."""
        return self._player.state.text

    @property
    def attempts(self) -> tuple[ShownAttempt, ...]:
        """Every attempt up to here."""
        return self._player.state.attempts

    @property
    def countdown_s(self) -> float | None:
        """Seconds of the turn until the next attempt; None if none is due."""
        return self._player.state.countdown_s

    @property
    def events(self) -> tuple[TimedEvent, ...]:
        """All that was recorded: for `timeline_chart`, or for another card."""
        return tuple(self._player.events)

    @property
    def speed(self) -> float:
        """Seconds of the turn in a second of real time; may be set, also while it plays."""
        return self._player.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        slider = self.controls["speed"]
        slider.options = _speeds(speed)
        slider.value = float(speed)

    @property
    def playing(self) -> bool:
        """Whether the card moves by itself."""
        return self._player.task is not None

    def __call__(self, event: TurnEvent) -> None:
        """Take in an event that happens now. Raises RuntimeError if the card is not live."""
        self._player.take(event)

    def play(self) -> None:
        """Play from here, or from the start if this is the end.

        Raises RuntimeError while the turn is live, and where no event loop is running.
        """
        self._player.play()

    def pause(self) -> None:
        """Stop the time. Nothing of the card runs after that."""
        self._player.pause()

    def step(self) -> None:
        """Go to the next event and stop there. Raises RuntimeError while the turn is live."""
        self._player.step()

    async def played(self) -> str:
        """Play as `play` does until the end, or until it is paused; returns `text`."""
        self.play()
        try:
            if self._player.task is not None:
                await asyncio.wait([self._player.task])
        finally:
            self.pause()
        return self.text

    def close(self) -> None:
        """Stop, and take the card off the page."""
        if hasattr(self, "_player"):  # what could not be made is closed, too, when it is deleted
            self._player.close()
            for widget in (*self._pages, self._place, *self.controls.values(), *self.children[:1]):
                widget.close()
        super().close()

    def _change_speed(self, change: dict[str, Any]) -> None:
        self._player.speed = change["new"]

    def _draw(self) -> None:
        player = self._player
        for page, html in zip(self._pages, _PAGES, strict=True):
            page.value = html(player.state)
        where = f"live, {len(player.events)} events"
        if not player.live:
            at, total = duration(round(player.at_s, 1)), duration(round(player.total_s, 1))
            where = f"event {player.next} of {len(player.events)}, {at} of {total}"
        self._place.value = tag("span", where, style=MUTED)
        for name, off in (
            ("play", player.live or player.task is not None),
            ("pause", player.live or player.task is None),
            ("step", player.live or player.next == len(player.events)),
        ):
            self.controls[name].disabled = off

    def __repr__(self) -> str:
        state, said = self._player.state, [f"TurnCard: {self.state.replace('_', ' ')}"]
        if state.kind is not None:
            said.append(state.kind.label)
        if state.announced_s is not None:
            said.append(f"next attempt after {duration(state.announced_s)}")
        if self.attempts:
            said.append(f"attempt {self.attempts[-1].number}")
        said.append(f"event {self._player.next} of {len(self._player.events)}")
        return ", ".join(said)


def _speeds(own: float) -> list[tuple[str, float]]:
    """What the slider offers, `own` among it."""
    if not 0 < own < math.inf:
        raise ValueError(f"TurnCard: speed is {own!r}; pass a finite factor above 0, such as 10")
    return [(f"{speed:g}×", speed) for speed in sorted({*SPEEDS, float(own)})]
