"""Viewers in other processes, through the store."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from support.turn_events import (
    ANSWER,
    ERROR,
    FAILED,
    RETRY,
    RETRYING,
    STARTING,
    STREAMING,
    said,
    words,
)

from chatlab.chat.hub import event_log as journal
from chatlab.chat.hub import relay
from chatlab.chat.hub.channel import Stream
from chatlab.chat.hub.hub_api import Hub
from chatlab.chat.hub.relay import TurnLost
from chatlab.chat.hub.subscription import Subscription
from chatlab.chat.hub.view import Item, LiveEvent, Snapshot, View
from chatlab.chat.messages.events import Status, TurnEvent, TurnStatus, encode
from chatlab.chat.storage.store_file import Store

pytestmark = pytest.mark.slow

TURN: list[TurnEvent] = [
    STARTING,
    STREAMING,
    said("half an ans"),
    RETRY,
    RETRYING,
    Status(TurnStatus.STARTING, 2),
    Status(TurnStatus.STREAMING, 2),
    said("half", attempt=2),
    ERROR,
    FAILED,
]
"""A turn that is retried once and then fails."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store in a file of its own."""
    with Store(tmp_path / "chats.db") as store:
        yield store


@pytest.fixture
def hubs(store: Store) -> Iterator[tuple[Hub, Hub]]:
    """Two hubs that share nothing but the file: one runs turns, the other has viewers."""
    with Hub(store, buffer=8, poll_s=0.01) as here, Hub(store, buffer=100, poll_s=0.01) as there:
        yield here, there


def program(text: str, store: Store) -> subprocess.Popen[str]:
    """Another process, which runs `text` with `store` as the path and speaks by lines."""
    head = f"""
        import json, sys
        sys.path[:0] = [{str(Path(__file__).parents[2])!r}]
        from support.turn_events import *
        from chatlab.chat.messages.events import encode
        from chatlab.chat.hub.hub_api import Hub
        from chatlab.chat.storage.store_file import Store
        from chatlab.chat.hub.view import Snapshot
        store = Store({store.path!r})
    """
    source = textwrap.dedent(head) + textwrap.dedent(text)
    return subprocess.Popen(
        [sys.executable, "-c", source], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def until(condition: Callable[[], bool], within_s: float = 10) -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.002)


def seen(viewer: Subscription, upto: int) -> View:
    """What a viewer sees who reads up to event number `upto`."""
    view = View()
    while view.sequence < upto:
        view.take(next(viewer))
    return view


def holds(store: Store, number: int) -> bool:
    """Whether the file holds the event of that number."""
    return any(row[0] >= number for row in rows(store))


def rows(store: Store) -> list[tuple[int, str]]:
    """What the file holds of all turns."""
    with closing(sqlite3.connect(store.path)) as connection:
        return connection.execute("SELECT number, body FROM turn_events").fetchall()


WATCH = """
    hub = Hub(store)
    viewer = hub.subscribe("t")
    print("ready", flush=True)
    for item in viewer:
        events = item.events if isinstance(item, Snapshot) else [item.event]
        told = [type(item).__name__, item.sequence, [encode(event) for event in events]]
        print(json.dumps(told), flush=True)
    hub.close()
"""


def test_a_viewer_in_another_process_gets_every_event_with_its_number(store: Store) -> None:
    """Retry and error events among them, as they come, and the end of the turn."""
    with program(WATCH, store) as other, Hub(store) as hub:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with hub.open("t") as stream:
            assert json.loads(other.stdout.readline()) == ["Snapshot", 0, []]
            for number, event in enumerate(TURN, start=1):
                stream.publish(event)
                line = other.stdout.readline()
                assert json.loads(line) == ["LiveEvent", number, [encode(event)]]
        assert other.stdout.read() == ""
        assert other.wait(10) == 0


def test_a_turn_of_another_process_that_is_killed_is_lost(store: Store) -> None:
    """Viewers have seen all that it has told, and are not left waiting for more."""
    run = """
        from chatlab.chat.hub import relay
        relay.BEAT_S = 0.2
        hub = Hub(store)
        stream = hub.open("t")
        for event in (STARTING, STREAMING, said("half")):
            stream.publish(event)
        print("ready", flush=True)
        sys.stdin.read()
    """
    with program(run, store) as other, Hub(store, poll_s=0.01, lost_after_s=1.5) as hub:
        assert other.stdout is not None
        assert other.stdout.readline() == "ready\n"
        with hub.subscribe("t") as viewer:
            view = seen(viewer, 3)
            time.sleep(2)
            assert viewer.take(0) == ()
            assert not viewer.over
            other.send_signal(signal.SIGKILL)
            with pytest.raises(
                TurnLost, match=r"turn 't': nothing was heard of it for 1.5 s; load"
            ):
                next(viewer)
            assert viewer.over
            assert (view.text, view.status) == ("half", STREAMING)
        with hub.subscribe("t") as again:
            assert next(again) == Snapshot(3, (STREAMING, said("half")))


def test_a_viewer_elsewhere_gets_what_is_current_and_then_what_comes(
    hubs: tuple[Hub, Hub],
) -> None:
    """A late one in one snapshot, without the attempt that the retry has taken back."""
    here, there = hubs
    with here.open("t") as stream:
        for event in (STREAMING, said("half"), RETRY, RETRYING):
            stream.publish(event)
        early = there.subscribe("t")
        seen(early, 4)
        late = there.subscribe("t")
        assert late.take() == (Snapshot(4, (RETRYING, RETRY)),)
        stream.publish(ANSWER)
        assert early.take() == late.take() == (LiveEvent(5, ANSWER),)
    assert list(early) == list(late) == []


@pytest.mark.parametrize("after", range(6))
def test_a_viewer_reconnects_in_another_process(hubs: tuple[Hub, Hub], after: int) -> None:
    """The numbers are the same everywhere: it gets the events that it has not had, once."""
    here, there = hubs
    with here.open("t") as stream:
        for piece in words(5):
            stream.publish(piece)
        viewer = there.subscribe("t", after)
        stream.publish(ANSWER)
        items: list[Item] = []
        while not items or items[-1].sequence < 6:
            items += viewer.take()
    events: list[TurnEvent] = [*words(5), ANSWER]
    assert items == [LiveEvent(n, event) for n, event in enumerate(events, start=1)][after:]


def test_a_late_viewer_gets_one_snapshot_however_much_there_is_to_read(
    hubs: tuple[Hub, Hub], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes in when all has been read, in as many pages as that takes."""
    monkeypatch.setattr(journal, "PAGE", 2)
    here, there = hubs
    with here.open("t") as stream:
        for piece in words(5):
            stream.publish(piece)
        until(partial(holds, store, 5))
        assert there.subscribe("t").take() == (Snapshot(5, (said("1 2 3 4 5 "),)),)


def test_a_process_that_only_watches_writes_nothing(hubs: tuple[Hub, Hub], store: Store) -> None:
    """So it neither locks the file nor is kept waiting by one that does."""
    here, there = hubs
    with here.open("t") as stream:
        stream.publish(ERROR)
        viewer = there.subscribe("t", after=0)
        assert viewer.take() == (LiveEvent(1, ERROR),)
        until(partial(holds, store, 1))
    assert list(viewer) == []
    until(lambda: turns(store) == {"t": 1})
    waiting = there.subscribe("never")
    with closing(sqlite3.connect(store.path)) as connection:
        version = connection.execute("PRAGMA data_version").fetchone()
        assert waiting.take(1.2) == ()
        assert connection.execute("PRAGMA data_version").fetchone() == version


def test_a_viewer_is_not_thrown_back_by_a_process_that_is_behind(
    hubs: tuple[Hub, Hub], store: Store
) -> None:
    """It has seen more than that process knows yet, and goes on when that has caught up."""
    here, there = hubs
    with here.open("t") as stream:
        stream.publish(said("1 "))
        until(partial(holds, store, 1))
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            for piece in words(4):
                stream.publish(piece)
            viewer = there.subscribe("t", after=5)
            assert viewer.take(0.2) == ()
            other.execute("COMMIT")
        stream.publish(ANSWER)
        assert viewer.take() == (LiveEvent(6, ANSWER),)


def test_a_number_that_the_turn_never_had_is_not_waited_for_long(hubs: tuple[Hub, Hub]) -> None:
    """The viewer gets what is current; of a turn that has ended, at once."""
    here, there = hubs
    with here.open("t") as stream:
        stream.publish(ERROR)
        viewer = there.subscribe("t", after=99)
        assert viewer.take(10) == (Snapshot(1, (ERROR,)),)
        late = there.subscribe("t", after=99)
        assert late.take(0.1) == ()
    assert list(late) == list(there.subscribe("t", after=99)) == [Snapshot(1, (ERROR,))]


def test_viewers_that_go_from_process_to_process_end_up_with_the_same(store: Store) -> None:
    """Three hubs with buffers that are too small: no number comes twice, none is passed over."""
    results: list[tuple[View, list[tuple[int, Item]]]] = []

    def watch(hubs: list[Hub], seed: int) -> None:
        choose, view, wrong = random.Random(seed), View(), list[tuple[int, Item]]()
        viewer = choose.choice(hubs).subscribe("t")
        while not viewer.over:
            for item in viewer.take():
                new = item.sequence - view.sequence
                if isinstance(item, LiveEvent) and new != 1:
                    wrong.append((view.sequence, item))
                if isinstance(item, Snapshot) and (new < 0 or item.dropped not in (0, new)):
                    wrong.append((view.sequence, item))
                view.take(item)
            if choose.random() < 0.1:
                viewer.close()
                viewer = choose.choice(hubs).subscribe("t", view.sequence)
        results.append((view, wrong))

    choose, end = random.Random(5), View()
    with Hub(store, buffer=2) as one, Hub(store, buffer=4) as two, Hub(store, buffer=99) as three:
        hubs = [one, two, three]
        threads = [threading.Thread(target=watch, args=(hubs, seed)) for seed in range(4)]
        for thread in threads:
            thread.start()
        with one.open("t") as stream:
            for number in range(600):
                event = RETRY if choose.random() < 0.02 else said(f"{number} ")
                end.show(event)
                stream.publish(event)
                if choose.random() < 0.05:
                    time.sleep(0.005)
        for thread in threads:
            thread.join(30)
    assert [(view.events, wrong) for view, wrong in results] == [(end.events, [])] * 4


def test_a_turn_that_has_ended_can_still_be_seen(store: Store) -> None:
    """In another process, and in the one that ran it, also when it keeps it no more."""
    with Hub(store, keep=1) as here, Hub(store) as there:
        for name in ("t", "u", "v"):
            with here.open(name) as stream:
                for event in TURN:
                    stream.publish(event)
        end = View()
        for event in TURN:
            end.show(event)
        for hub in (here, there):
            view = View()
            for item in hub.subscribe("t"):
                view.take(item)
            assert (view.events, view.sequence) == (end.events, len(TURN))


def test_a_viewer_may_come_before_the_turn(hubs: tuple[Hub, Hub]) -> None:
    """It waits for it, wherever it begins; if it begins nowhere, that is told after a time."""
    here, there = hubs
    early = [here.subscribe("t"), there.subscribe("t", after=0)]
    assert [viewer.take(0.1) for viewer in early] == [(), ()]
    with here.open("t") as stream:
        assert early[0].take() == (Snapshot(0),)
        stream.publish(ERROR)
        assert [viewer.take() for viewer in early] == [(LiveEvent(1, ERROR),)] * 2
    assert [list(viewer) for viewer in early] == [[], []]


def test_a_viewer_of_a_turn_that_never_begins_is_told(store: Store) -> None:
    """After the time that a turn may be silent."""
    with Hub(store, lost_after_s=0.1) as hub, pytest.raises(TurnLost, match=r"turn 'x': nothing"):
        hub.subscribe("x").take()


def test_a_turn_that_runs_elsewhere_is_not_opened_again(
    hubs: tuple[Hub, Hub], store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    """If it is watched here that is an error, else a warning; viewers elsewhere keep the first."""
    here, there = hubs
    with here.open("t") as first:
        first.publish(said("first"))
        viewer = there.subscribe("t")
        assert seen(viewer, 1).text == "first"
        with pytest.raises(ValueError, match="turn 't' was begun elsewhere; give it a new name"):
            there.open("t")
        viewer.close()
        until(lambda: there.load.stream_subscribers == 0)
        time.sleep(0.1)
        with there.open("t") as second:
            second.publish(said("second"))
            until(lambda: bool(caplog.records))
        assert "turn 't': the store has had one of this name" in caplog.text
        first.publish(said(" and only"))
        with Hub(store) as third, third.subscribe("t", after=0) as watching:
            assert next(watching) == LiveEvent(1, said("first"))
            assert next(watching) == LiveEvent(2, said(" and only"))


def test_what_the_file_holds_of_a_turn_is_bounded(hubs: tuple[Hub, Hub], store: Store) -> None:
    """A snapshot stands for the oldest events; a viewer that comes then sees it all the same."""
    here, there = hubs
    with here.open("t") as stream:
        slow = there.subscribe("t", after=0)
        for number, piece in enumerate(words(300), start=1):
            stream.publish(piece)
            if number % 4 == 0:
                until(partial(holds, store, number))
                assert len(rows(store)) <= 2 * 8 + 1
        text = "".join(f"{number} " for number in range(1, 301))
        for viewer in (there.subscribe("t"), there.subscribe("t", after=3), slow):
            assert seen(viewer, 300).text == text
    assert 200 <= slow.dropped == there.load.stream_buffer_dropped_total
    until(lambda: there.load.stream_buffer_events == 0)
    assert there.load.stream_buffer_dropped_total == slow.dropped


def test_a_locked_file_does_not_hold_up_the_turn(
    hubs: tuple[Hub, Hub],
    store: Store,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Viewers elsewhere hear nothing for so long, and then see what is current; it is logged once."""
    monkeypatch.setattr(relay, "LOCK_WAIT_S", 0.1)
    monkeypatch.setattr(relay, "RETRY_S", 0.1)
    here, there = hubs
    with here.open("t") as stream:
        viewer = there.subscribe("t")
        stream.publish(said("0 "))
        seen(viewer, 1)
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            began = time.monotonic()
            for piece in words(100):
                stream.publish(piece)
            assert time.monotonic() - began < 1
            until(lambda: bool(caplog.records))
            time.sleep(0.7)
            other.execute("COMMIT")
        text = "0 " + "".join(f"{number} " for number in range(1, 101))
        assert seen(viewer, 101).text == text
        for number, piece in enumerate(words(40), start=102):
            stream.publish(piece)
            until(partial(holds, store, number))
        text += "".join(f"{number} " for number in range(1, 41))
        with Hub(store) as third:
            assert seen(third.subscribe("t"), 141).text == text
    names = [record.name.rpartition(".")[2] for record in caplog.records]
    assert names.count("relay") == 1
    (told,) = [record.getMessage() for record in caplog.records if record.name.endswith("relay")]
    assert told.startswith("viewers in other processes hear nothing for now: ")
    assert "is locked by another program" in told


def test_a_mirror_that_is_overtaken_goes_on_from_the_snapshot() -> None:
    """What it passes over is lost to its viewers, and counted, whether they had read or not."""
    stream = Stream("t", 4, mirror=True)
    early = stream.join(0)
    assert stream.read(early) is None
    for piece in words(3):
        stream.publish(piece)
    stream.begin(mirror=True)
    behind, ahead = stream.join(2), stream.join(11)
    assert stream.read(early) == tuple(LiveEvent(n, one) for n, one in enumerate(words(3), start=1))
    stream.reset(Snapshot(10, (said("ten"),)))
    assert stream.load.dropped == 7 + 8
    assert stream.read(early) == (Snapshot(10, (said("ten"),), dropped=7),)
    assert stream.read(ahead) is None
    for piece in words(2):
        stream.publish(piece)
    assert stream.read(early) == (LiveEvent(11, said("1 ")), LiveEvent(12, said("2 ")))
    assert stream.read(ahead) == (LiveEvent(12, said("2 ")),)
    assert stream.read(behind) == (Snapshot(12, (said("ten1 2 "),), dropped=10),)
    assert stream.load.dropped == 17
    assert stream.read(stream.join(8)) == (Snapshot(12, (said("ten1 2 "),)),)
    stream.close()
    assert stream.read(stream.join(99)) == (Snapshot(12, (said("ten1 2 "),)),)


def test_closing_passes_everything_on_and_leaves_nothing_running(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was published last is in the file when `close` returns, and the thread is gone."""
    monkeypatch.setattr(relay, "GATHER_S", 1)
    before = set(threading.enumerate())
    hub = Hub(store)
    assert set(threading.enumerate()) == before
    stream = hub.open("t")
    waiting = hub.subscribe("never")
    stream.publish(TURN[0])
    until(partial(holds, store, 1))
    for event in TURN[1:]:
        stream.publish(event)
    assert set(threading.enumerate()) != before
    hub.close()
    assert set(threading.enumerate()) == before
    assert [number for number, _ in rows(store)] == list(range(1, len(TURN) + 1))
    assert turns(store) == {"t": 1}
    assert list(waiting) == []


def test_only_the_newest_ended_turns_are_kept(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that run are kept however old they are."""
    monkeypatch.setattr(journal, "KEPT_TURNS", 3)
    with Hub(store) as hub:
        running = hub.open("running")
        running.publish(ERROR)
        for number in range(8):
            hub.open(str(number)).close()
            until(partial(ended, store, str(number)))
        assert turns(store) == {"running": 0, "4": 1, "5": 1, "6": 1, "7": 1}
        assert len(rows(store)) == 1


def ended(store: Store, turn: str) -> bool:
    """Whether the file says that the turn has ended."""
    return turns(store).get(turn) == 1


def turns(store: Store) -> dict[str, int]:
    """The turns in the file, and whether they have ended."""
    with closing(sqlite3.connect(store.path)) as connection:
        return dict(connection.execute("SELECT name, ended FROM turns").fetchall())


def test_what_is_no_event_in_the_file_ends_the_viewer_with_its_place(
    hubs: tuple[Hub, Hub], store: Store
) -> None:
    """As a version that knows more events could have written it."""
    here, there = hubs
    with here.open("t") as stream:
        stream.publish(ERROR)
        until(lambda: len(rows(store)) == 1)
        with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
            other.execute('UPDATE turn_events SET body = \'{"type": "mesage"}\'')
        with pytest.raises(ValueError, match=r"turn event: type: 'mesage' is not known; did you"):
            there.subscribe("t").take()


def test_a_store_in_memory_is_refused() -> None:
    """No other process can see it."""
    with Store(":memory:") as store, pytest.raises(ValueError, match="no other process sees"):
        Hub(store)
