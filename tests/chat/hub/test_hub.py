"""One turn, many viewers, in one process."""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from itertools import takewhile

import openai
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule
from support.turn_events import (
    ERROR,
    FAILED,
    RETRY,
    RETRYING,
    STARTING,
    STREAMING,
    said,
    turn_events,
    words,
)

from chatlab.chat.hub.hub_api import Hub
from chatlab.chat.hub.subscription import Subscription
from chatlab.chat.hub.view import Item, LiveEvent, Snapshot, View
from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import Piece
from chatlab.chat.turn import Turn
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.lab import FakeProvider
from chatlab.retry import Backoff


def numbers(items: tuple[Item, ...]) -> list[int]:
    """The sequence numbers."""
    return [item.sequence for item in items]


@pytest.fixture
def hub() -> Iterator[Hub]:
    """A hub with a buffer of four events."""
    with Hub(buffer=4) as hub:
        yield hub


def test_a_viewer_gets_a_snapshot_and_then_every_event_in_order(hub: Hub) -> None:
    """One that comes later gets what is current then, its text in one piece."""
    with hub.open("t") as stream:
        early = hub.subscribe("t")
        assert early.take() == (Snapshot(0),)
        events: list[TurnEvent] = [STARTING, said("The "), said("answer")]
        assert [stream.publish(event) for event in events] == [1, 2, 3]
        late = hub.subscribe("t")
        assert early.take() == tuple(map(LiveEvent, (1, 2, 3), events))
        assert late.take() == (Snapshot(3, (STARTING, said("The answer"))),)
        stream.publish(said("."))
        assert early.take() == late.take() == (LiveEvent(4, said(".")),)
    assert list(early) == list(late) == []
    assert early.over
    assert late.over


def test_a_snapshot_after_a_retry_has_nothing_of_the_failed_attempt(hub: Hub) -> None:
    """It has the countdown, and when the next attempt starts, that attempt alone."""
    stream = hub.open("t")
    for event in (STREAMING, said("half an ans"), RETRY, RETRYING):
        stream.publish(event)
    assert hub.subscribe("t").take() == (Snapshot(4, (RETRYING, RETRY)),)
    stream.publish(Status(TurnStatus.STARTING, 2))
    stream.publish(said("whole", attempt=2))
    now = (Status(TurnStatus.STARTING, 2), said("whole", attempt=2))
    assert hub.subscribe("t").take() == (Snapshot(6, now),)


def test_a_viewer_that_is_too_slow_gets_a_snapshot_and_its_losses_are_counted(
    hub: Hub, caplog: pytest.LogCaptureFixture
) -> None:
    """Four events wait for it; with the fifth all five are lost, also while it does not read."""
    stream = hub.open("t")
    slow, quick = hub.subscribe("t"), hub.subscribe("t")
    assert slow.take() == quick.take() == (Snapshot(0),)
    for number, piece in enumerate(words(6), start=1):
        stream.publish(piece)
        assert quick.take() == (LiveEvent(number, piece),)
        assert hub.load.stream_buffer_dropped_total == (number if number > 4 else 0)
    assert (slow.dropped, caplog.records) == (0, [])
    assert slow.take() == (Snapshot(6, (said("1 2 3 4 5 6 "),), dropped=6),)
    assert (slow.dropped, quick.dropped, hub.load.stream_buffer_dropped_total) == (6, 0, 6)
    stream.publish(said("7 "))
    assert slow.take() == quick.take() == (LiveEvent(7, said("7 ")),)
    for piece in words(5):
        stream.publish(piece)
    slow.take()
    assert (slow.dropped, hub.load.stream_buffer_dropped_total) == (11, 16)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


def test_the_losses_of_a_viewer_that_leaves_stay_counted(hub: Hub) -> None:
    """They were lost before it left; what comes after that is not lost to it."""
    stream = hub.open("t")
    viewer = hub.subscribe("t")
    viewer.take()
    for piece in words(6):
        stream.publish(piece)
    viewer.close()
    viewer.close()
    stream.publish(said("more"))
    assert hub.load.stream_buffer_dropped_total == 6
    assert viewer.take() == ()


@pytest.mark.parametrize(("after", "missed"), [(2, [3, 4, 5, 6]), (4, [5, 6]), (6, [])])
def test_a_viewer_reconnects_without_gap_and_without_duplicate(
    hub: Hub, after: int, missed: list[int]
) -> None:
    """It gets what it has missed, event by event, and then what comes."""
    stream = hub.open("t")
    for piece in words(6):
        stream.publish(piece)
    viewer = hub.subscribe("t", after)
    assert viewer.position == after
    assert numbers(viewer.take(0)) == missed
    stream.publish(said("7"))
    assert viewer.take() == (LiveEvent(7, said("7")),)
    assert (viewer.position, hub.load.stream_buffer_dropped_total) == (7, 0)


@pytest.mark.parametrize("after", [0, 1, 7, 10**9, -5])
def test_a_viewer_whose_place_is_not_known_gets_a_snapshot(hub: Hub, after: int) -> None:
    """What it has missed is gone, or its number is of another turn; nothing is counted as lost."""
    stream = hub.open("t")
    for piece in words(6):
        stream.publish(piece)
    assert hub.subscribe("t", after).take() == (Snapshot(6, (said("1 2 3 4 5 6 "),)),)
    assert hub.load.stream_buffer_dropped_total == 0


def test_a_viewer_that_comes_after_the_end_gets_the_end(hub: Hub) -> None:
    """As long as the hub keeps the turn: the end of the iteration is no error."""
    with hub.open("t") as stream:
        stream.publish(ERROR)
        stream.publish(FAILED)
    end = (FAILED, ERROR)
    assert list(hub.subscribe("t")) == [Snapshot(2, end)]
    assert numbers(tuple(hub.subscribe("t", after=1))) == [2]
    assert list(hub.subscribe("t", after=2)) == []
    with pytest.raises(RuntimeError, match=r"turn 't' has ended and takes no event; open another"):
        stream.publish(ERROR)


def test_the_load_is_what_the_hub_holds() -> None:
    """Ended turns are kept, up to a number, but are not active; losses are never forgotten."""
    with Hub(buffer=4, keep=2) as hub:
        streams = [hub.open(str(number)) for number in range(4)]
        viewers = [hub.subscribe("0") for _ in range(3)]
        viewers[0].take()
        for stream, count in zip(streams, (9, 3, 1, 0), strict=True):
            for piece in words(count):
                stream.publish(piece)
        load = hub.load
        assert (load.streams_active, load.stream_subscribers) == (4, 3)
        assert (load.stream_buffer_size_max, load.stream_buffer_events) == (4, 8)
        assert load.stream_buffer_dropped_total == 9
        viewers[1].close()
        for stream in streams:
            stream.close()
        assert (hub.load.streams_active, hub.load.stream_subscribers) == (0, 2)
        assert hub.load.stream_buffer_events == 8
        hub.open("4")
        assert (hub.load.stream_subscribers, hub.load.stream_buffer_events) == (0, 1)
        with pytest.raises(LookupError, match=r"there is no turn '0'; "):
            hub.subscribe("0")
        assert numbers(viewers[0].take()) == [9]
        assert hub.load.stream_buffer_dropped_total == 9


def test_an_iteration_can_be_left_and_gone_on_with(hub: Hub) -> None:
    """`position` is that of the last item that was handed out, so nothing is lost by leaving."""
    stream = hub.open("t")
    viewer = hub.subscribe("t")
    for piece in words(3):
        stream.publish(piece)
    assert next(viewer) == Snapshot(3, (said("1 2 3 "),))
    for piece in words(3):
        stream.publish(piece)
    assert (next(viewer).sequence, viewer.position) == (4, 4)
    assert (numbers(viewer.take()), viewer.position) == ([5, 6], 6)
    again = hub.subscribe("t", 4)
    assert next(again).sequence == 5
    again.close()
    assert list(again) == []
    stream.close()
    assert list(viewer) == []


def test_waiting_ends_in_time_or_when_the_subscription_is_closed(hub: Hub) -> None:
    """`take` tells neither from the other by what it returns, but by `over`."""
    hub.open("t")
    viewer = hub.subscribe("t", after=0)
    began = time.monotonic()
    assert viewer.take(0.05) == ()
    assert 0.05 <= time.monotonic() - began < 5
    assert not viewer.over
    thread = threading.Timer(0.05, viewer.close)
    thread.start()
    assert list(viewer) == []
    thread.join()
    assert viewer.over


def test_wrong_use_is_told_with_a_way_out(hub: Hub) -> None:
    """A name twice, a turn that is not there, a limit of nothing, a closed hub."""
    hub.open("chat-7/3")
    with pytest.raises(ValueError, match=r"turn 'chat-7/3' was opened before; give it a new name"):
        hub.open("chat-7/3")
    with pytest.raises(LookupError, match=r"no turn 'chat-7/4'; did you mean 'chat-7/3'\?"):
        hub.subscribe("chat-7/4")
    with pytest.raises(LookupError, match="no turn 'x'; open it before viewers come"):
        hub.subscribe("x")
    with pytest.raises(ValueError, match="Hub: buffer is 0; give more than 0"):
        Hub(buffer=0)
    assert hub.open().turn != hub.open().turn
    hub.close()
    hub.close()
    for use in (hub.open, lambda: hub.subscribe("chat-7/3")):
        with pytest.raises(RuntimeError, match="this hub is closed; make a new one"):
            use()


def test_closing_the_hub_ends_its_viewers_and_leaves_nothing_running() -> None:
    """Those that wait get their end at once, and those that are behind what they have not read."""
    before = set(threading.enumerate())
    hub = Hub()
    stream = hub.open("t")
    seen: list[list[Item]] = [[], []]
    threads = [
        threading.Thread(target=lambda n=n: seen[n].extend(hub.subscribe("t"))) for n in (0, 1)
    ]
    for thread in threads:
        thread.start()
    behind = hub.subscribe("t")
    behind.take()
    while hub.load.stream_subscribers < 3:
        time.sleep(0.001)
    stream.publish(ERROR)
    hub.close()
    for thread in threads:
        thread.join(10)
    assert [items[-1].sequence for items in seen] == [1, 1]
    assert list(behind) == [LiveEvent(1, ERROR)]
    assert set(threading.enumerate()) == before


class Crowd:
    """So many viewers, each in a thread of its own, that check what they get."""

    def __init__(self, hub: Hub, turn: str, size: int) -> None:
        self.received = [0] * size
        self.views = [View() for _ in range(size)]
        self.viewers = [hub.subscribe(turn) for _ in range(size)]
        self.wrong: list[str] = []
        self.threads = [threading.Thread(target=self._watch, args=(n,)) for n in range(size)]
        for thread in self.threads:
            thread.start()

    def _watch(self, number: int) -> None:
        view, viewer = self.views[number], self.viewers[number]
        for item in viewer:
            new = item.sequence - view.sequence
            if isinstance(item, Snapshot):
                if item.sequence and item.dropped != new:
                    self.wrong.append(f"{new} are gone, {item.dropped} dropped")
            elif new != 1:
                self.wrong.append(f"{item.sequence} after {view.sequence}")
            else:
                self.received[number] += 1
            view.take(item)

    def wait_for_all(self) -> None:
        """Until each has its first item."""
        while any(viewer.position is None for viewer in self.viewers):
            time.sleep(0.001)

    def join(self) -> None:
        for thread in self.threads:
            thread.join(60)


@pytest.mark.slow
@pytest.mark.parametrize("buffer", [100_000, 64], ids=["roomy", "tight"])
def test_a_hundred_thousand_events_reach_fifty_viewers(buffer: int) -> None:
    """Each in order; what a viewer received and what it lost is all there was, and no other."""
    count, size = 100_000, 50
    with Hub(buffer=buffer) as hub:
        stream = hub.open("t")
        crowd = Crowd(hub, "t", size)
        crowd.wait_for_all()
        for number in range(count):
            stream.publish(said("abcdefghij"[number % 10]))
        stream.close()
        crowd.join()
        assert crowd.wrong == []
        text = "abcdefghij" * (count // 10)
        assert all(view.text == text for view in crowd.views)
        dropped = [viewer.dropped for viewer in crowd.viewers]
        assert [a + b for a, b in zip(crowd.received, dropped, strict=True)] == [count] * size
        assert hub.load.stream_buffer_dropped_total == sum(dropped)
        assert any(dropped) == (buffer == 64)


def test_a_slow_viewer_delays_neither_the_turn_nor_the_others() -> None:
    """One is stuck with its first item until all others have everything, which they get."""
    with Hub(buffer=64) as hub:
        stream = hub.open("t")
        stuck, free = hub.subscribe("t"), threading.Event()
        slow = threading.Thread(target=lambda: [free.wait(60) for _ in stuck])
        slow.start()
        crowd = Crowd(hub, "t", 5)
        for number in range(500):
            stream.publish(said("x"))
            while min(view.sequence for view in crowd.views) < number - 32:
                time.sleep(0.0005)
        stream.close()
        crowd.join()
        assert [view.text for view in crowd.views] == ["x" * 500] * 5
        assert [viewer.dropped for viewer in crowd.viewers] == [0] * 5
        assert slow.is_alive()
        free.set()
        slow.join(10)
        assert stuck.dropped == hub.load.stream_buffer_dropped_total >= 500 - 64


def test_viewers_that_come_and_go_end_up_with_the_same() -> None:
    """Many threads reconnect at any time, from where they are; no event is shown twice."""
    choose = random.Random(7)
    results: list[tuple[View, list[tuple[int, int]]]] = []

    def watch(hub: Hub, seed: int) -> None:
        choose, view, wrong = random.Random(seed), View(), list[tuple[int, int]]()
        viewer = hub.subscribe("t")
        while not viewer.over:
            for item in viewer.take():
                if isinstance(item, LiveEvent) and item.sequence != view.sequence + 1:
                    wrong.append((view.sequence, item.sequence))
                view.take(item)
            if choose.random() < 0.2:
                viewer.close()
                viewer = hub.subscribe("t", view.sequence)
        results.append((view, wrong))

    with Hub(buffer=32) as hub, hub.open("t") as stream:
        threads = [threading.Thread(target=watch, args=(hub, seed)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for number in range(1, 3000):
            stream.publish(said(f"{number} ") if number % 500 else RETRY)
            if choose.random() < 0.02:
                time.sleep(0.001)
        stream.close()
        for thread in threads:
            thread.join(30)
    text = "".join(f"{number} " for number in range(2501, 3000))
    assert [(view.sequence, view.text, wrong) for view, wrong in results] == [(2999, text, [])] * 8


def test_async_viewers_wait_beside_each_other() -> None:
    """Ten tasks of one loop follow a turn of another thread, and other tasks run meanwhile."""

    async def watch(hub: Hub) -> tuple[str, list[int]]:
        view, seen = View(), []
        async with hub.subscribe("t", after=0) as viewer:
            async for item in viewer:
                view.take(item)
                seen.append(item.sequence)
        return view.text, seen

    async def main() -> list[tuple[str, list[int]]]:
        async with Hub() as hub:
            stream = hub.open("t")

            def turn() -> None:
                for piece in words(200):
                    stream.publish(piece)
                    time.sleep(0.0002)
                stream.close()

            async with asyncio.TaskGroup() as tasks:
                watching = [tasks.create_task(watch(hub)) for _ in range(10)]
                tasks.create_task(asyncio.to_thread(turn))
            return [task.result() for task in watching]

    text = "".join(f"{number} " for number in range(1, 201))
    assert asyncio.run(main()) == [(text, list(range(1, 201)))] * 10


def test_an_async_viewer_lets_other_tasks_run() -> None:
    """Though there is always something new for it: every item makes the next."""

    async def main() -> tuple[list[int], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticking = asyncio.create_task(tick())
        with Hub(buffer=8) as hub, hub.open("t") as stream:
            seen = []
            stream.publish(said("x"))
            async for item in hub.subscribe("t", after=0):
                seen.append(item.sequence)
                if item.sequence == 300:
                    break
                stream.publish(said("x"))
        ticking.cancel()
        return seen, ticks

    seen, ticks = asyncio.run(main())
    assert seen == list(range(1, 301))
    assert ticks >= 299


def test_a_cancelled_wait_loses_nothing() -> None:
    """A task that gives up waiting can wait again; the turn does not notice a loop that is gone."""
    hub = Hub()
    stream = hub.open("t")
    viewer = hub.subscribe("t", after=0)

    async def impatient() -> tuple[Item, ...]:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(viewer), 0.01)
        assert await viewer.atake(0.01) == ()
        stream.publish(ERROR)
        first = await anext(viewer)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(viewer.atake(), 0.01)
        return (first,)

    assert asyncio.run(impatient()) == (LiveEvent(1, ERROR),)
    stream.publish(FAILED)
    assert viewer.take() == (LiveEvent(2, FAILED),)
    viewer.close()
    assert asyncio.run(viewer.atake()) == ()


def test_viewers_of_a_turn_that_is_retried_never_see_the_failed_attempt_again() -> None:
    """A real turn: the first stream is cut after a word, then comes the answer."""
    script = ["clean-end-after-event:5", "success"]
    with (
        FakeProvider(script) as provider,
        openai.OpenAI(base_url=provider.openai_base_url, api_key="none", max_retries=0) as client,
        Hub() as hub,
    ):
        request = {"model": "gpt-5", "input": "What is it?"}
        late: list[tuple[TurnEvent, Snapshot]] = []
        with hub.open("t") as stream:
            viewer, view = hub.subscribe("t", after=0), View()
            policy = Backoff(initial_s=0.01)
            turn = Turn(request, client=client, policy=policy, on_event=stream.publish)
            for event in turn.events():
                (now,) = hub.subscribe("t").take()
                assert isinstance(now, Snapshot)
                late.append((event, now))
        events = [item.event for item in viewer if isinstance(item, LiveEvent)]
    assert events == [event for event, _ in late]
    names = [type(event).__name__ for event in events]
    assert names.count("ChatStreamRetry") == names.count("Answer") == 1
    for number, (event, snapshot) in enumerate(late, start=1):
        view.take(LiveEvent(number, event))
        assert snapshot == Snapshot(number, view.events)
    texts = [_text(snapshot) for _, snapshot in late]
    retried = names.index("ChatStreamRetry")
    assert texts[retried - 1 : retried + 4] == ["The", "", "", "", ""]
    assert texts[-1] == "The answer is 42."


def _text(snapshot: Snapshot) -> str:
    view = View()
    view.take(snapshot)
    return view.text


class Modelled:
    """A viewer, and what it must get: `next`, or a snapshot if that is None."""

    def __init__(self, viewer: Subscription, next_: int | None) -> None:
        self.viewer = viewer
        self.next = next_
        self.dropped = 0
        self.view = View()


def current(events: list[TurnEvent]) -> tuple[TurnEvent, ...]:
    """What is current after `events`, read from the list as a whole."""

    def last(which: Callable[[TurnEvent], bool]) -> int:
        return max((n for n, event in enumerate(events) if which(event)), default=-1)

    told: list[TurnEvent] = [event for event in events if isinstance(event, Answer)]
    status = last(lambda event: isinstance(event, Status))
    retry = last(lambda event: isinstance(event, ChatStreamRetry))
    answer = last(lambda event: isinstance(event, Answer))
    start = last(lambda e: isinstance(e, Status) and e.status is TurnStatus.STARTING)
    error = last(lambda event: isinstance(event, ChatError))
    told += [events[status]] if status >= 0 else []
    told += [events[retry]] if retry > max(start, answer) else []
    shown = [e for e in events[max(retry, answer) + 1 :] if isinstance(e, MessagePart)]
    attempt = shown[-1].attempt if shown else 0
    own = list(takewhile(lambda one: one.attempt == attempt, reversed(shown)))[::-1]
    parts: dict[tuple[int, str], list[Piece]] = {}
    for one in own:
        parts.setdefault((one.piece.index, one.piece.part), []).append(one.piece)
    for (index, part), pieces in parts.items():
        text = "".join(piece.text for piece in pieces)
        id_ = next((piece.id for piece in pieces if piece.id), None)
        name = next((piece.name for piece in pieces if piece.name), None)
        told.append(MessagePart(attempt, Piece(index, part, text, id_, name, pieces[0].choice)))
    return (*told, *([events[error]] if error >= 0 else []))


BUFFER = 3


class HubMachine(RuleBasedStateMachine):
    """Any order of publishing, coming, reading, leaving and coming back, against a list."""

    viewers: Bundle[Modelled] = Bundle("viewers")

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(buffer=BUFFER)
        self.stream = self.hub.open("t")
        self.published: list[TurnEvent] = []
        self.here: list[Modelled] = []
        self.dropped_before = 0

    def teardown(self) -> None:
        self.stream.close()
        for one in self.here:
            self.read(one)
            assert one.viewer.take() == ()
            assert one.viewer.over
        self.hub.close()

    @property
    def last(self) -> int:
        return len(self.published)

    def lost(self, one: Modelled) -> int:
        """What the viewer cannot get any more, if the buffer has run over since it read."""
        behind = 0 if one.next is None else self.last + 1 - one.next
        return behind if behind > BUFFER else 0

    @rule(events=st.lists(turn_events, min_size=1, max_size=5))
    def publish(self, events: list[TurnEvent]) -> None:
        for event in events:
            self.published.append(event)
            assert self.stream.publish(event) == self.last

    def subscribed(self, after: int | None) -> Modelled:
        known = after is not None and max(self.last - BUFFER, 0) <= after <= self.last
        viewer = self.hub.subscribe("t", after)
        one = Modelled(viewer, after + 1 if known and after is not None else None)
        if known:
            one.view.take(Snapshot(after or 0, self.current(after or 0)))
        self.here.append(one)
        return one

    @rule(target=viewers, after=st.none() | st.integers(-1, 30))
    def come(self, after: int | None) -> Modelled:
        return self.subscribed(after)

    @rule(one=viewers)
    def read(self, one: Modelled) -> None:
        items = one.viewer.take(0)
        lost = self.lost(one)
        if one.next is None or lost:
            assert items == (Snapshot(self.last, self.current(self.last), lost),)
        else:
            behind = range(one.next, self.last + 1)
            assert items == tuple(LiveEvent(n, self.published[n - 1]) for n in behind)
        one.dropped += lost
        one.next = self.last + 1
        for item in items:
            one.view.take(item)
        assert one.view.events == self.current(self.last)
        assert one.viewer.dropped == one.dropped

    @rule(one=consumes(viewers))
    def leave(self, one: Modelled) -> None:
        self.dropped_before += one.dropped + self.lost(one)
        one.viewer.close()
        self.here.remove(one)

    @rule(target=viewers, one=consumes(viewers))
    def come_back(self, one: Modelled) -> Modelled:
        self.leave(one)
        return self.subscribed(one.viewer.position)

    @invariant()
    def nothing_is_lost_without_being_counted(self) -> None:
        load = self.hub.load
        here = sum(one.dropped + self.lost(one) for one in self.here)
        assert load.stream_buffer_dropped_total == self.dropped_before + here
        assert load.stream_subscribers == len(self.here)
        assert load.stream_buffer_events == min(self.last, BUFFER)

    def current(self, count: int) -> tuple[TurnEvent, ...]:
        return current(self.published[:count])


HubMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestHub = HubMachine.TestCase
