"""The timeline of a turn: what became of its attempts, read from events alone, and its picture."""

from __future__ import annotations

import io
import math
import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.image import imread
from matplotlib.patches import Rectangle
from support.turn_logs import LOG, OVERLOADED_THEN_LIMITED, log_of, retry, seconds, status, text

from chatlab.chat import BlockPart, Piece, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.messages.events import Answer, MessagePart, TurnEvent, TurnStatus
from chatlab.chat.stream.contracts import Outcome
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError
from chatlab.retry import Backoff, Decorrelated, Full
from chatlab.text.palette import RETRY, STOP, SUCCEEDED, WAITING
from chatlab.views.figures.figure import Chart
from chatlab.views.figures.timeline import Result, TimedEvent, Timeline
from chatlab.views.figures.timeline_figure import timeline_chart


@pytest.mark.parametrize("protocol", ["messages", "responses", "chat"])
def test_a_real_turn_is_read_back_attempt_by_attempt(protocol: str) -> None:
    """Each protocol's turn, through its SDK: what failed how, what it showed, how long it waited."""
    timeline = Timeline.of(log_of(*OVERLOADED_THEN_LIMITED, protocol=protocol))
    first, second, third = timeline.attempts
    assert [one.number for one in timeline.attempts] == [1, 2, 3]
    assert (first.result, first.kind, first.text) == (Result.RETRIED, Kind.OVERLOADED, "The")
    assert (first.wait_s, first.dropped) == (1.0, True)
    assert (second.result, second.kind, second.text) == (Result.RETRIED, Kind.RATE_LIMIT, "")
    assert (second.began_at, second.wait_s, second.first_content_at) == (1.0, 34.0, None)
    assert (third.result, third.kind, third.text) == (Result.COMMITTED, None, "The answer is 42.")
    assert (third.began_at, third.first_content_at, third.dropped) == (35.0, 35.0, False)
    assert third.characters == len("The answer is 42.")
    assert timeline.status is TurnStatus.COMPLETED


def test_a_turn_that_stops_keeps_its_error_and_drops_what_it_showed() -> None:
    """After the last attempt there is nothing that stands."""
    timeline = Timeline.of(log_of("in-band-error:overloaded", attempts=1))
    (only,) = timeline.attempts
    assert (only.result, only.text, only.dropped) == (Result.FAILED, "The", True)
    assert only.error is not None
    assert only.kind is Kind.OVERLOADED
    assert timeline.status is TurnStatus.FAILED


def test_the_message_stands_instead_of_the_pieces() -> None:
    """Parts of every sort, as the answer has them, with the times at which they were shown."""
    answer = Answer(
        Outcome.COMPLETE,
        (
            ReasoningPart("hm"),
            TextPart("No.", refusal=True),
            ToolCallPart("id", "look", '{"a": 1}'),
            BlockPart("web_search", {}),
            TextPart("Other", choice=1),
        ),
    )
    pieces = [MessagePart(1, Piece(0, "reasoning", "h")), text(1, "Nein", 1)]
    timeline = Timeline.of([*seconds(status("starting"), *pieces), (9, answer)])
    (only,) = timeline.attempts
    assert [(p.part, p.name, p.text) for p in only.parts] == [
        ("reasoning", None, "hm"),
        ("refusal", None, "No."),
        ("tool_call", "look", '{"a": 1}'),
        ("block", "web_search", ""),
        ("text", None, "Other"),
    ]
    assert [p.began_at for p in only.parts] == [1, 2, 9, 9, 9]
    assert only.text == answer.text == "No."
    assert only.characters == len('hmNo.{"a": 1}Other')


def test_pieces_grow_their_part_and_name_it_once() -> None:
    """The arguments of a tool call come in pieces; its name comes with the first."""
    pieces = [Piece(0, "tool_call", "", "id", "look"), Piece(0, "tool_call", "{"), Piece(1, "text")]
    events = seconds(status("starting"), *(MessagePart(1, piece) for piece in pieces))
    call, words = Timeline.of(events).attempts[0].parts
    assert (call.name, call.text, call.began_at, call.ended_at) == ("look", "{", 1, 2)
    assert (words.index, words.text) == (1, "")


@pytest.mark.parametrize(
    ("events", "results", "reached"),
    [
        ([], [], "idle"),
        ([status("idle")], [], "idle"),
        ([status("starting")], ["running"], "starting"),
        ([status("delayed_start")], ["running"], "delayed_start"),
        ([status("delayed_start"), status("streaming")], ["running"], "streaming"),
        ([text(1, "a"), status("starting")], ["running"], "streaming"),
        ([retry(1, 1)], ["retried"], "retrying"),
        ([status("retrying", 3)], ["retried"], "retrying"),
        ([text(1, "a"), text(2, "b")], ["retried", "running"], "streaming"),
        ([status("starting"), status("cancelled")], ["cancelled"], "cancelled"),
        ([retry(1, 1), status("cancelled")], ["retried"], "cancelled"),
        ([status("starting"), status("failed")], ["failed"], "failed"),
        ([text(1, "a"), status("completed")], ["committed"], "completed"),
        ([Answer(Outcome.COMPLETE)], ["committed"], "completed"),
        ([retry(4, 1), Answer(Outcome.COMPLETE)], ["retried", "committed"], "completed"),
        ([ChatError("No.", Kind.AUTH, False)], ["failed"], "failed"),
        ([Answer(Outcome.COMPLETE), status("starting", 2)], ["committed", "running"], "starting"),
        ([Answer(Outcome.COMPLETE), status("starting", 1)], ["committed"], "completed"),
        (
            [Answer(Outcome.COMPLETE), status("completed"), status("starting", 2)],
            ["committed"],
            "completed",
        ),
    ],
)
def test_what_was_missed_is_made_good_and_what_is_late_is_passed_over(
    events: list[TurnEvent], results: list[str], reached: str
) -> None:
    """A viewer may join at any event; nothing brings an attempt back that is over."""
    timeline = Timeline.of(seconds(*events))
    assert [one.result for one in timeline.attempts] == results
    assert timeline.status == reached


def test_pieces_of_an_attempt_that_is_over_are_not_shown() -> None:
    """What comes late, of an older attempt or of the one that was just taken back."""
    late = seconds(
        *(status("starting"), text(1, "old"), retry(1, 1), text(1, "late"), status("starting")),
        *(text(2, "new"), text(1, "later"), retry(1, 9)),
    )
    timeline = Timeline.of(late)
    assert [(one.text, one.wait_s) for one in timeline.attempts] == [("old", 1.0), ("new", 0.0)]


@pytest.mark.parametrize("at", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_none_is_refused(at: float) -> None:
    """The error repeats it."""
    with pytest.raises(ValueError, match=f"{at} is no time; give finite seconds"):
        Timeline().feed(at, status("starting"))


@pytest.mark.parametrize(
    "item", [status("starting"), (status("starting"), 1), (1, "starting"), (1,), None]
)
def test_an_item_that_is_no_timed_event_is_named_with_its_place(item: object) -> None:
    """The error says how such pairs are recorded."""
    with pytest.raises(TypeError, match=r"events\[1\] is .*; give pairs of seconds and event"):
        Timeline.of([(0.0, status("starting")), item])  # type: ignore[list-item]


@given(LOG)
def test_any_order_of_events_has_one_reading(log: list[TimedEvent]) -> None:
    """Numbers rise, times do not go back, only the last attempt runs, only a next step goes on."""
    timeline = Timeline()
    for at, event in log:
        over, before = timeline.over, timeline.attempts
        timeline.feed(at, event)
        after = timeline.attempts
        if timeline.over is not None or after[: len(before)] != before:
            assert over is None or (timeline.over, after) == (over, before)
        for old, new in zip(before, after, strict=False):
            assert old == new or old.result is Result.RUNNING
    for one, next_ in pairwise(timeline.attempts):
        assert one.number < next_.number
        assert one.result is Result.RETRIED or one.answer is not None
        assert one.ended_at is not None
        assert one.began_at <= one.ended_at <= next_.began_at
    for one in timeline.attempts:
        assert (one.ended_at is None) == (one.result is Result.RUNNING)
        assert one.result is not Result.RUNNING or timeline.over is None
        assert not one.parts or one.first_content_at is not None or one.answer is not None
    assert timeline.attempts or timeline.status in (TurnStatus.IDLE, timeline.over)


@settings(max_examples=40)
@given(LOG.filter(lambda log: bool(Timeline.of(log).attempts)))
def test_every_timeline_has_a_sentence(log: list[TimedEvent]) -> None:
    """Drawing raises nothing, whatever was recorded, and counts every attempt."""
    chart = timeline_chart(log)
    count = len(Timeline.of(log).attempts)
    assert repr(chart).startswith(f"{count} attempt{'' if count == 1 else 's'} in ")


def axes_of(chart: Chart) -> Axes:
    (axes,) = chart.figure.axes
    return axes


def rows(chart: Chart) -> list[str]:
    """The label of each row."""
    return [label.get_text() for label in axes_of(chart).texts]


def points(chart: Chart, marker: str) -> list[tuple[float, float, str]]:
    """Where a marker was drawn: time, row and colour; the legend's own are left out."""
    lines = [line for line in axes_of(chart).lines if line.get_marker() == marker]
    return [
        (float(np.ravel(line.get_xdata())[0]), float(np.ravel(line.get_ydata())[0]), colour)
        for line in lines
        if len(np.ravel(line.get_xdata()))
        for colour in [to_hex(line.get_color())]
    ]


def legend(chart: Chart) -> set[str]:
    return {text.get_text() for text in chart.figure.legends[0].get_texts()}


def test_the_sentence_is_computed_from_the_events() -> None:
    """Attempts, waits, what was dropped and what stands, of a real turn."""
    assert repr(timeline_chart(log_of(*OVERLOADED_THEN_LIMITED))) == (
        "3 attempts in 35 s, with waits of 35 s: "
        "attempt 1 met Overloaded (3 characters dropped, then a wait of 1 s); "
        "attempt 2 met Rate limit (nothing shown, then a wait of 34 s, which the provider asked "
        "for); attempt 3 gave the answer (first content after 0 s, 17 characters committed)."
    )


def test_every_attempt_is_drawn_where_it_was_with_its_colour_and_its_words() -> None:
    """The colour says what to do, the row's label says it again, the legend names what is drawn."""
    chart = timeline_chart(log_of(*OVERLOADED_THEN_LIMITED))
    assert points(chart, "o") == [(0, 0, RETRY.lower()), (1, 1, RETRY.lower())]
    assert points(chart, "D") == [(35, 2, SUCCEEDED.lower())]
    assert [(x, y) for x, y, _ in points(chart, "|")] == [(0, 0), (35, 2)]
    assert rows(chart) == [
        "Overloaded, 3 characters dropped, wait 1 s",
        "Rate limit, nothing shown, wait 34 s as asked",
        "17 characters committed",
    ]
    assert legend(chart) == {
        *("first content", "parts that were dropped", "parts that stand"),
        *("failed, tried again", "committed", "wait", "wait that the provider asked for"),
    }


def waits(chart: Chart) -> list[tuple[float, float, bool]]:
    """From where to where each wait was drawn, and whether as one that was asked for."""
    found = []
    for lines in axes_of(chart).collections:
        if not isinstance(lines, LineCollection) or not lines.get_segments():
            continue
        ((x0, _), (x1, _)) = np.asarray(lines.get_segments()[0])
        if to_hex(np.asarray(lines.get_color())[0]) == WAITING.lower():
            dotted = "None" not in str(lines.get_linestyle())
            found.append((float(x0), float(x1), dotted))
    return found


def test_a_hint_shows_where_the_wait_is_longer_than_the_policy_would_wait() -> None:
    """Against the turn's own policy; without one nothing is said about hints."""
    log = log_of(*OVERLOADED_THEN_LIMITED)
    assert waits(timeline_chart(log)) == [(0, 1, False), (1, 35, True)]
    slow = timeline_chart(log, policy=Backoff(initial_s=17))
    assert waits(slow) == [(0, 1, False), (1, 35, False)]
    for quiet in (slow, timeline_chart(log, policy=None)):
        assert "asked" not in repr(quiet) + " ".join(rows(quiet)) + " ".join(legend(quiet))
    jittered: list[TimedEvent] = [(0.0, retry(1, 0.7)), (1.0, retry(2, 2.5))]
    said = rows(timeline_chart(jittered, policy=Backoff(jitter=Full(random.Random(0)))))
    assert said == [
        "Overloaded, nothing shown, wait 0.7 s",
        "Overloaded, nothing shown, wait 2.5 s as asked",
    ]


def test_hints_of_alike_attempts_are_counted() -> None:
    """Of three waits the third is the policy's own."""
    log: list[TimedEvent] = [(n, retry(n, wait_s)) for n, wait_s in ((1, 3), (2, 3), (3, 4))]
    assert repr(timeline_chart(log)) == (
        "3 attempts in 6 s, with waits of 6 s: attempts 1 to 3 met Overloaded (nothing shown, then "
        "waits of 10 s in all, 2 of them asked for by the provider)."
    )


def test_a_wait_that_grew_from_the_one_before_is_no_hint() -> None:
    """Decorrelated jitter draws up to three times the last wait."""
    policy = Backoff(jitter=Decorrelated(random.Random(0)))
    log: list[TimedEvent] = [(0.0, retry(1, 3)), (3.0, retry(2, 9)), (12.0, retry(3, 28))]
    assert [row.endswith("as asked") for row in rows(timeline_chart(log, policy=policy))] == [
        *(False, False, True),
    ]


def test_a_wait_that_was_rounded_up_to_a_millisecond_is_no_hint() -> None:
    """0.1234 s of backoff are announced as 0.124 s."""
    log: list[TimedEvent] = [(0.0, status("starting")), (0.0, retry(1, 0.124))]
    assert "asked" not in repr(timeline_chart(log, policy=Backoff(initial_s=0.1234)))


def test_dropped_parts_are_hatched_and_committed_ones_filled() -> None:
    """A part spans from its first piece to its last."""
    log: list[TimedEvent] = [
        *seconds(status("starting"), text(1, "ab"), text(1, "c"), retry(1, 1)),
        *[(5.0, text(2, "abc")), (8.0, text(2, "d"))],
        (8.0, Answer(Outcome.COMPLETE, (TextPart("abcd"),))),
    ]
    chart = timeline_chart(log)
    bars = [
        (bar.get_x(), bar.get_width(), bar.get_hatch(), to_hex(bar.get_facecolor()))
        for bar in axes_of(chart).patches
        if isinstance(bar, Rectangle)
    ]
    assert bars == [(1, 1, "////", "#ffffff"), (5, 3, "", SUCCEEDED.lower())]


@pytest.mark.parametrize(
    ("log", "sentence", "label", "marker", "colour"),
    [
        (
            [(0, status("starting")), (2.5, ChatError("No.", Kind.AUTH, False))],
            "1 attempt in 2.5 s: attempt 1 met Authentication and the turn stopped (nothing shown).",
            "Authentication, stopped, nothing shown",
            "X",
            STOP,
        ),
        (
            [(0, status("starting")), (1, text(1, "x")), (2, status("cancelled"))],
            "1 attempt in 2 s: attempt 1 was cancelled (1 character dropped).",
            "cancelled, 1 character dropped",
            "s",
            WAITING,
        ),
        (
            [(5, status("starting")), (6, text(1, "xy"))],
            "1 attempt in 1 s: attempt 1 is running (2 characters so far).",
            "running, 2 characters so far",
            ">",
            WAITING,
        ),
        (
            [(0, retry(1, 60)), (10, status("cancelled"))],
            "1 attempt in 10 s, with waits of 10 s: attempt 1 met Overloaded (nothing shown, then"
            " a wait of 1 min, which the provider asked for); the wait was cancelled.",
            "Overloaded, nothing shown, wait 1 min as asked",
            "o",
            RETRY,
        ),
        (
            [(0, status("retrying"))],
            "1 attempt in 0 s: attempt 1 failed (nothing shown).",
            "failed, tried again, nothing shown",
            "o",
            RETRY,
        ),
    ],
)
def test_every_end_has_its_words_marker_and_colour(
    log: list[TimedEvent], sentence: str, label: str, marker: str, colour: str
) -> None:
    """Stopped, cancelled in an attempt or in a wait, still running, or with an end unseen."""
    chart = timeline_chart(log)
    assert (repr(chart), rows(chart)) == (sentence, [label])
    assert [found for _, _, found in points(chart, marker)] == [colour.lower()]


def test_a_wait_is_drawn_as_announced_until_the_turn_ends_it() -> None:
    """While it lasts the axis shows where the next attempt will be."""
    waiting: list[TimedEvent] = [(0.0, status("starting")), (1.0, retry(1, 8))]
    assert waits(timeline_chart(waiting)) == [(1, 9, True)]
    assert waits(timeline_chart([*waiting, (4.0, status("cancelled"))])) == [(1, 4, True)]


def test_alike_attempts_are_told_together_and_a_long_turn_is_drawn_in_part() -> None:
    """Forty attempts: three tens of rows, and a sentence that does not grow with them."""
    log: list[TimedEvent] = []
    for number in range(1, 41):
        log += [(number * 3.0, status("starting", number)), (number * 3.0 + 1, retry(number, 2))]
    chart = timeline_chart(log, policy=None)
    assert repr(chart) == (
        "40 attempts in 2 min, with waits of 1 min 20 s: attempts 1 to 40 met Overloaded "
        "(nothing shown, then waits of 1 min 20 s in all)."
    )
    names = [label.get_text() for label in axes_of(chart).get_yticklabels()]
    assert names == [str(number) for number in (*range(1, 21), *range(31, 41))]
    assert axes_of(chart).get_title(loc="left") == "10 attempts after the 20th are not drawn"
    assert chart.figure.get_size_inches()[1] < 11


def test_nothing_to_draw_is_an_error() -> None:
    """It says what to pass."""
    with pytest.raises(ValueError, match="no attempt has begun; pass the events of a turn"):
        timeline_chart([])
    with pytest.raises(ValueError, match="no attempt has begun"):
        timeline_chart([(0.0, status("idle"))])


def test_the_picture_is_opaque_and_the_same_every_time() -> None:
    """On a dark page it reads as on a white one."""
    log = log_of(*OVERLOADED_THEN_LIMITED)
    first, second = timeline_chart(log), timeline_chart(log)
    assert (repr(first), first.png()) == (repr(second), second.png())
    picture = imread(io.BytesIO(first.png()), format="png")
    assert picture.shape[2] == 3 or float(picture[..., 3].min()) == 1.0
