"""The live card of a turn: live and played, at any speed, and nothing of it left running."""

from __future__ import annotations

import asyncio
import math
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import anthropic
import ipywidgets as widgets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.turn_logs import (
    ASKED,
    OVERLOADED_THEN_LIMITED,
    client_for,
    log_of,
    retry,
    seconds,
    status,
    text,
)

from chatlab.chat import TextPart
from chatlab.chat.messages.events import Answer
from chatlab.chat.stream.contracts import Outcome
from chatlab.chat.turn import Turn
from chatlab.lab import FakeProvider
from chatlab.retry import SystemClock, VirtualClock
from chatlab.views.cards.player import FRAME_S, LONGEST_LAG_S
from chatlab.views.cards.turn_card import SPEEDS, TurnCard
from chatlab.views.figures.timeline import TimedEvent
from chatlab.views.figures.timeline_figure import timeline_chart

T = TypeVar("T")

SPREAD: Final[list[TimedEvent]] = [
    (100.0, status("starting")),
    (100.5, status("streaming")),
    (101.0, text(1, "Wrong")),
    (102.0, retry(1, 4)),
    (106.0, status("starting", 2)),
    (107.0, text(2, "Right")),
    (108.0, Answer(Outcome.COMPLETE, (TextPart("Right."),))),
]
"""Eight seconds in which no two events coincide."""


def in_a_loop(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run it, and see that it leaves no task behind."""

    async def alone() -> T:
        result = await coroutine
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return result

    return asyncio.run(alone())


def every(widget: widgets.Widget) -> Iterator[widgets.Widget]:
    """A widget and all that it holds."""
    yield widget
    for child in getattr(widget, "children", ()):
        yield from every(child)


def page(card: TurnCard) -> str:
    """All that the card shows as HTML."""
    return "\n".join(one.value for one in every(card) if isinstance(one, widgets.HTML))


def changes(card: TurnCard, read: Callable[[], T]) -> list[T]:
    """A list that grows by what `read` gives, whenever the page has changed and that is new."""
    seen: list[T] = []

    def look(_change: object) -> None:
        now = read()
        if not seen or seen[-1] != now:
            seen.append(now)

    for one in every(card):
        if isinstance(one, widgets.HTML):
            one.observe(look, names="value")
    return seen


async def until_it_rests(card: TurnCard) -> None:
    """Wait until the card has nothing more to do; it may take seconds on a machine that is busy."""
    async with asyncio.timeout(20):
        while card.playing:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("speed", [0.25, 1, 2, 60, 7.5])
def test_playing_takes_the_time_of_the_turn_divided_by_the_speed(speed: float) -> None:
    """From the first event to the last, neither more nor less."""
    pace = VirtualClock()
    card = TurnCard(SPREAD, speed=speed, pace=pace)
    assert in_a_loop(card.played()) == "Right."
    assert pace.now() == pytest.approx(8 / speed, abs=1e-9)
    assert (card.state, card.playing, card.events) == ("completed", False, tuple(SPREAD))


@pytest.mark.slow
@given(
    st.lists(st.tuples(st.floats(0.001, 4), st.sampled_from(SPREAD)), min_size=1, max_size=9),
    st.floats(1, 200),
)
@settings(max_examples=30)
def test_any_log_is_played_to_its_end_in_its_own_time(
    gaps: list[tuple[float, TimedEvent]], speed: float
) -> None:
    """Whatever the events, and however far apart."""
    log, at = list[TimedEvent](), 1_700_000_000.0
    for gap_s, (_, event) in gaps:
        at += gap_s
        log.append((at, event))
    pace = VirtualClock()
    card = TurnCard(log, speed=speed, pace=pace)
    in_a_loop(card.played())
    assert pace.now() == pytest.approx((at - log[0][0]) / speed, rel=1e-6, abs=1e-5)
    stepped = TurnCard(log)
    for _ in log:
        stepped.step()
    assert (stepped.state, stepped.text, stepped.attempts) == (card.state, card.text, card.attempts)


def test_the_countdown_is_seen_from_the_announced_wait_down_to_the_next_attempt() -> None:
    """In steps of a frame, at any speed: four seconds of wait are four seconds of the turn."""
    pace = VirtualClock()
    card = TurnCard(SPREAD, speed=2, pace=pace)
    seen = changes(card, lambda: (card.countdown_s, round(pace.now(), 3)))
    in_a_loop(card.played())
    falling = [(left, now) for left, now in seen if left is not None]
    assert falling[0] == (4.0, 1.0)
    assert [left for left, _ in falling] == sorted((left for left, _ in falling), reverse=True)
    assert all(left == pytest.approx(4 - (now - 1) * 2, abs=0.01) for left, now in falling)
    assert len(falling) == pytest.approx(4 / 2 / FRAME_S, abs=1)


def test_what_an_attempt_showed_is_seen_dropped_and_then_gone() -> None:
    """Struck out during the wait; the next attempt begins with no text."""
    card = TurnCard(SPREAD, pace=VirtualClock())
    seen = changes(card, lambda: (str(card.state), card.text, page(card).count(">Wrong</del>")))
    in_a_loop(card.played())
    shown = [one for n, one in enumerate(seen) if one not in seen[:n]]
    assert ("streaming", "Wrong", 0) in shown
    assert ("retrying", "", 2) in shown
    assert ("starting", "", 1) in shown
    assert shown[-1] == ("completed", "Right.", 1)


def test_a_log_of_a_virtual_clock_is_played_piece_by_piece() -> None:
    """Events at one instant follow a frame apart; the waits between keep their length."""
    log = log_of(*OVERLOADED_THEN_LIMITED)
    pace = VirtualClock()
    card = TurnCard(log, pace=pace)
    seen = changes(card, lambda: card.text)
    in_a_loop(card.played())
    assert [*dict.fromkeys(seen)] == [
        *("", "The", "The answer", "The answer is", "The answer is 42."),
    ]
    instants = {at for at, _ in log}
    assert instants == {0, 1, 35}
    extra_s = pace.now() - 35
    assert 0 < extra_s <= (len(log) - len(instants)) * FRAME_S + 1e-9
    seconds_of = [at for at in pace.slept_s if at > 0]
    assert max(seconds_of) == pytest.approx(FRAME_S)


def test_a_wait_of_a_virtual_clock_takes_exactly_as_long_as_announced() -> None:
    """The status that comes with the retry does not hold it up."""
    pace = VirtualClock()
    log: list[TimedEvent] = [
        (7.0, retry(1, 4)),
        (7.0, status("retrying")),
        (11.0, status("starting", 2)),
    ]
    in_a_loop(TurnCard(log, pace=pace).played())
    assert pace.now() == pytest.approx(4, abs=1e-9)


def test_pausing_stops_the_time_and_playing_goes_on_from_there() -> None:
    """Together the two stretches take as long as one."""

    async def main() -> None:
        pace = VirtualClock()
        card = TurnCard(SPREAD, pace=pace)
        card.play()
        card.play()
        await pace.asleep(4.05)
        card.pause()
        left_s, shown = card.countdown_s, page(card)
        assert left_s == pytest.approx(1.95, abs=FRAME_S)
        assert not card.playing
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == 1
        await pace.asleep(60)
        assert (card.countdown_s, page(card)) == (left_s, shown)
        await card.played()
        assert pace.now() == pytest.approx(4.05 + 60 + 4, abs=FRAME_S)

    in_a_loop(main())


def test_the_speed_can_change_while_it_plays() -> None:
    """Four seconds at the first speed, the other four at ten times that."""

    async def main() -> None:
        pace = VirtualClock()
        card = TurnCard(SPREAD, pace=pace)
        playing = asyncio.ensure_future(card.played())
        await pace.asleep(4)
        card.speed = 10
        await playing
        assert pace.now() == pytest.approx(4.4, abs=FRAME_S)
        assert card.controls["speed"].value == card.speed == 10

    in_a_loop(main())


def test_at_the_end_play_begins_again() -> None:
    """The card goes back to before the first event."""
    pace = VirtualClock()
    card = TurnCard(SPREAD, pace=pace)

    async def twice() -> None:
        await card.played()
        card.play()
        assert (card.state, card.text, card.attempts) == ("idle", "", ())
        assert card.playing
        await card.played()

    in_a_loop(twice())
    assert card.text == "Right."
    assert pace.now() == pytest.approx(16)


def test_a_step_goes_to_the_next_event() -> None:
    """Without a loop, and without any time passing; at the end it stays there."""
    card = TurnCard(SPREAD)
    seen = []
    for _ in range(len(SPREAD) + 1):
        card.step()
        seen.append((str(card.state), card.text, card.countdown_s))
    assert seen == [
        ("starting", "", None),
        ("streaming", "", None),
        ("streaming", "Wrong", None),
        ("retrying", "", 4.0),
        ("starting", "", None),
        ("streaming", "Right", None),
        *[("completed", "Right.", None)] * 2,
    ]
    assert card.controls["step"].disabled


def test_a_step_stops_a_card_that_plays() -> None:
    """Nothing moves after it."""

    async def main() -> None:
        pace = VirtualClock()
        card = TurnCard(SPREAD, pace=pace)
        card.play()
        await pace.asleep(2.5)
        card.step()
        assert (card.state, card.playing) == ("starting", False)
        await pace.asleep(10)
        assert card.state == "starting"

    in_a_loop(main())


def test_cancelling_who_waits_for_the_end_stops_the_card() -> None:
    """The stop button of a notebook cancels the cell; the card shows how far it came."""

    async def main() -> None:
        pace = VirtualClock()
        card = TurnCard(SPREAD, pace=pace)
        waiting = asyncio.ensure_future(card.played())
        await pace.asleep(3)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (card.playing, card.state) == (False, "retrying")

    in_a_loop(main())


def test_a_closed_card_runs_no_more() -> None:
    """Neither does it play again, and none of its widgets is left."""

    async def main() -> None:
        card = TurnCard(SPREAD, pace=VirtualClock())
        parts = list(every(card))
        card.play()
        card.close()
        assert not card.playing
        assert [one for one in parts if one.comm is not None] == []
        with pytest.raises(RuntimeError, match="this card is closed; make another of its events"):
            card.play()

    in_a_loop(main())


def test_a_closed_card_of_a_live_turn_records_it_and_runs_no_more() -> None:
    """The turn that calls it goes on undisturbed."""

    async def main() -> None:
        card = TurnCard()
        card(status("starting"))
        card.close()
        card(retry(1, 60))
        assert (card.playing, card.state, len(card.events)) == (False, "retrying", 2)

    in_a_loop(main())


def test_a_kernel_that_is_busy_elsewhere_holds_the_replay_up() -> None:
    """A minute in which nothing could be drawn does not skip what was to be seen."""

    async def main() -> None:
        pace = VirtualClock()
        card = TurnCard(SPREAD, pace=pace)
        card.play()
        await pace.asleep(2.95)
        pace.sleep(60)
        before_s = card.countdown_s
        await pace.asleep(0.2)
        assert before_s is not None
        assert card.countdown_s == pytest.approx(before_s - 0.2 - LONGEST_LAG_S, abs=0.11)
        await card.played()

    in_a_loop(main())


def test_pieces_that_come_fast_are_drawn_together() -> None:
    """A thousand in a second change the page some ten times; the data has them all at once."""
    log: list[TimedEvent] = [(n / 1000, text(1, "a")) for n in range(1001)]
    card = TurnCard(log, pace=VirtualClock())
    drawn = changes(card, lambda: card.text)
    in_a_loop(card.played())
    assert len(drawn) <= 13
    assert drawn[-1] == card.text == "a" * 1001


@pytest.mark.parametrize("protocol", ["messages", "responses"])
def test_a_live_turn_is_shown_and_recorded_and_can_then_be_played(protocol: str) -> None:
    """From a real turn: the same events as any viewer has, the same text as the answer."""
    clock = VirtualClock()
    card = TurnCard(clock=clock, provider="anthropic")
    assert (card.state, card.events, card.controls["play"].disabled) == ("idle", (), True)
    with (
        FakeProvider(list(OVERLOADED_THEN_LIMITED)) as provider,
        client_for(protocol, provider) as client,
    ):
        answer = Turn(ASKED[protocol], client=client, clock=clock, on_event=card).run()
    assert card.text == answer.text == "The answer is 42."
    assert "The answer is 42." in page(card)
    assert [at for at, _ in card.events] == [
        at for at, _ in log_of(*OVERLOADED_THEN_LIMITED, protocol=protocol)
    ]
    assert repr(timeline_chart(card.events)).startswith("3 attempts in 35 s")
    live = (card.state, card.attempts)
    card.speed = 1000
    in_a_loop(card.played())
    assert (card.state, card.attempts) == live
    with pytest.raises(RuntimeError, match=r"its turn has ended; make a TurnCard\(\) for each"):
        card(status("starting"))


def test_a_live_wait_runs_down_on_the_page_and_then_nothing_runs() -> None:
    """In real time, in the same loop as an asynchronous turn."""

    async def main() -> None:
        card = TurnCard()
        seen = changes(card, lambda: card.countdown_s)
        card(status("starting"))
        assert card.playing
        card(retry(1, 0.5))
        await until_it_rests(card)
        falling = [left for left in seen if left is not None]
        assert len(falling) >= 3
        assert falling == sorted(falling, reverse=True)
        assert 0.4 < falling[0] <= 0.5
        assert falling[-1] == 0
        card(status("starting", 2))
        assert card.playing
        card(status("cancelled", 2))
        assert not card.playing

    in_a_loop(main())


def test_the_last_of_many_pieces_is_drawn_though_nothing_follows() -> None:
    """What was put off for a frame comes with the next one."""

    async def main() -> None:
        card = TurnCard()
        drawn = changes(card, lambda: card.text)
        for n in range(500):
            card(text(1, f"{n} "))
        assert card.text.endswith(" 499 ")
        assert len(drawn) < 100
        await until_it_rests(card)
        assert "498 499 " in page(card)

    in_a_loop(main())


def test_a_turn_in_another_thread_is_shown_in_the_loop_of_the_card() -> None:
    """Every change of the page happens in the card's thread, and all of them have when it ends."""

    async def main() -> None:
        card = TurnCard(clock=VirtualClock())
        threads = changes(card, threading.get_ident)
        with (
            FakeProvider(list(OVERLOADED_THEN_LIMITED)) as provider,
            client_for("messages", provider) as client,
        ):
            turn = Turn(ASKED["messages"], client=client, clock=VirtualClock(), on_event=card)
            answer = await asyncio.to_thread(turn.run)
        assert threads == [threading.get_ident()]
        assert (card.state, card.text) == ("completed", answer.text)
        assert len(card.events) == len(log_of(*OVERLOADED_THEN_LIMITED))

    in_a_loop(main())


def test_an_asynchronous_turn_is_shown_while_it_runs() -> None:
    """Each of its states is on the page, in the order in which they came."""

    async def main() -> None:
        card = TurnCard()
        seen = changes(card, lambda: str(card.state))
        with FakeProvider(["in-band-error:overloaded", "success"]) as provider:
            async with anthropic.AsyncAnthropic(
                base_url=provider.anthropic_base_url, api_key="none", max_retries=0
            ) as client:
                await Turn(ASKED["messages"], client=client, on_event=card).arun()
        assert [*dict.fromkeys(seen)] == ["starting", "streaming", "retrying", "completed"]
        assert not card.playing

    in_a_loop(main())


def test_a_click_in_another_thread_reaches_the_loop_of_the_card() -> None:
    """JupyterLab runs the callbacks of buttons in a thread of its own."""

    async def main() -> None:
        card = TurnCard(SPREAD, pace=VirtualClock())
        threads = changes(card, threading.get_ident)
        await asyncio.to_thread(card.controls["step"].click)
        assert card.state == "starting"
        await asyncio.to_thread(card.controls["play"].click)
        assert card.playing
        await asyncio.to_thread(card.controls["pause"].click)
        assert not card.playing
        assert threads == [threading.get_ident()]

    in_a_loop(main())


def test_the_buttons_can_be_pressed_when_they_do_something() -> None:
    """Play, pause and step, before, while and after it plays."""

    def enabled(card: TurnCard) -> set[str]:
        return {name for name in ("play", "pause", "step") if not card.controls[name].disabled}

    async def main() -> None:
        card = TurnCard(SPREAD, pace=VirtualClock())
        assert enabled(card) == {"play", "step"}
        card.controls["play"].click()
        assert enabled(card) == {"pause", "step"}
        card.controls["pause"].click()
        assert enabled(card) == {"play", "step"}
        await card.played()
        assert enabled(card) == {"play"}
        assert enabled(TurnCard()) == set()

    in_a_loop(main())


def test_the_speed_slider_offers_own_speeds_too() -> None:
    """Moved as a person does, it changes the speed."""
    card = TurnCard(SPREAD, speed=3)
    slider = card.controls["speed"]
    assert [value for _, value in slider.options] == sorted([*SPEEDS, 3])
    slider.value = 60
    assert card.speed == 60
    card.speed = 0.125
    assert (slider.value, card.speed) == (0.125, 0.125)


@pytest.mark.parametrize("speed", [0, -1, math.inf, math.nan])
def test_a_speed_that_is_none_is_refused(speed: float) -> None:
    """When it is made, and later."""
    with pytest.raises(ValueError, match=r"speed is .*; pass a finite factor above 0, such as 10"):
        TurnCard(SPREAD, speed=speed)
    card = TurnCard(SPREAD)
    with pytest.raises(ValueError, match="pass a finite factor above 0"):
        card.speed = speed
    assert card.speed == 1


def test_events_without_times_are_refused() -> None:
    """The error says how they are recorded."""
    with pytest.raises(
        TypeError, match=r"events\[0\] is Status.*; give pairs of seconds and event"
    ):
        TurnCard([status("starting")])  # type: ignore[list-item]


def test_a_recorded_card_takes_no_live_events_and_a_live_one_is_not_played() -> None:
    """Each error says what to do instead."""
    with pytest.raises(RuntimeError, match=r"make a TurnCard\(\) for each live turn"):
        TurnCard(SPREAD)(status("starting"))
    for act in (TurnCard().play, TurnCard().step):
        with pytest.raises(RuntimeError, match="the card is live; its turn can be played once"):
            act()


def test_without_a_running_loop_there_is_no_playing() -> None:
    """The error says what is possible."""
    card = TurnCard(SPREAD)
    with pytest.raises(RuntimeError, match=r"no event loop is running.*go on with step\(\)"):
        card.play()
    assert not card.playing


def test_an_empty_log_is_played_at_once() -> None:
    """There is nothing to see, and nothing goes wrong."""
    card = TurnCard([])
    assert in_a_loop(card.played()) == ""
    card.step()
    assert repr(card) == "TurnCard: idle, event 0 of 0"


def test_the_card_is_made_of_html_and_controls_alone() -> None:
    """No Output widget: nbval could not compare it. Every control has a name."""
    kinds = {type(one) for one in every(TurnCard(SPREAD))}
    assert kinds == {TurnCard, widgets.HBox, widgets.HTML, widgets.Button, widgets.SelectionSlider}
    assert all(control.description for control in TurnCard().controls.values())


def test_the_repr_is_the_same_every_time_and_short_enough_for_a_notebook() -> None:
    """It tells the announced wait, not the moving one."""
    reprs, log = [], log_of(*OVERLOADED_THEN_LIMITED)
    for pace in (VirtualClock(), SystemClock()):
        card = TurnCard(log, pace=pace)
        reprs.append([repr(card)])
        for _ in card.events:
            card.step()
            reprs[-1].append(repr(card))
    assert reprs[0] == reprs[1]
    assert max(map(len, reprs[0])) <= 110
    assert reprs[0][0] == f"TurnCard: idle, event 0 of {len(log)}"
    assert reprs[0][-1] == f"TurnCard: completed, attempt 3, event {len(log)} of {len(log)}"
    waiting = next(one for one in reprs[0] if "Rate limit" in one)
    assert waiting.startswith("TurnCard: retrying, Rate limit, next attempt after 34 s, attempt 2")


def test_a_hostile_log_is_shown_as_text() -> None:
    """In the widgets' own values, played from the first event to the last."""
    evil = "<img src=x onerror=alert(1)>"
    card = TurnCard(seconds(text(1, evil), retry(1, 1), text(2, evil)), provider=evil)
    for _ in range(3):
        card.step()
        assert "<img" not in page(card)
        assert "&lt;img src=x onerror=alert(1)&gt;" in page(card)
