"""The state of a turn's card, and its HTML: what stands, what was dropped, when it tries again."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.turn_logs import LOG, OVERLOADED_THEN_LIMITED, log_of, retry, seconds, status, text

from chatlab.chat import Piece, TextPart
from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.stream.contracts import Outcome
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.errors.reading.who_answered import DISPLAY_NAMES
from chatlab.views.cards.page import (
    SHOWN_CHARS,
    answer_html,
    attempts_html,
    countdown,
    countdown_html,
    status_html,
)
from chatlab.views.cards.state import STATUS_PAGES, TITLES, CardState
from chatlab.views.figures.timeline import Result, TimedEvent

PAGES: Final = (status_html, countdown_html, answer_html, attempts_html)


def state_of(
    *events: TimedEvent, now: float | None = None, provider: str | None = None
) -> CardState:
    """The state after `events`, at `now`."""
    state = CardState(provider)
    for at, event in events:
        state.feed(at, event)
    if now is not None:
        state.tick(now)
    return state


def page(state: CardState) -> str:
    return "".join(draw(state) for draw in PAGES)


@dataclass(frozen=True)
class Step:
    """An event of a turn that keeps to its contract, and what a card must show after it."""

    at: float
    event: TurnEvent
    status: str
    text: str
    countdown_s: float | None = None


GAP = st.integers(0, 320).map(lambda eighths: eighths / 8)
PIECES = st.lists(st.tuples(GAP, st.text("abc ", min_size=1, max_size=4)), max_size=4)
END = st.sampled_from(["completed", "failed", "cancelled", "cancelled in a wait"])


@st.composite
def turns(draw: st.DrawFn) -> list[Step]:
    """A whole turn: attempts that fail and are tried again, and then an end of any sort."""
    steps: list[Step] = []
    now, number = 0.0, 1
    end = draw(END)
    for number in range(1, draw(st.integers(1, 4)) + 1):
        if steps:
            delay_s = draw(GAP)
            event = retry(number - 1, delay_s, draw(st.sampled_from(Kind)))
            steps.append(Step(now, event, "retrying", "", event.delay_s))
            steps.append(Step(now, status("retrying", number - 1), "retrying", "", event.delay_s))
            now += event.delay_s
        steps.append(Step(now, status("starting", number), "starting", ""))
        began_at, said = now, ""
        for gap_s, words in draw(PIECES):
            if not said and gap_s >= 15:
                late = status("delayed_start", number)
                steps.append(Step(began_at + 15, late, "delayed_start", ""))
            now += gap_s
            if not said:
                steps.append(Step(now, status("streaming", number), "streaming", ""))
            said += words
            steps.append(Step(now, text(number, words), "streaming", said))
    if end == "completed":
        answer = Answer(Outcome.COMPLETE, (TextPart(said),) if said else ())
        steps += [Step(now, one, "completed", said) for one in (answer, status(end, number))]
    elif end == "failed":
        error = ChatError("It failed.", Kind.AUTH, False)
        steps += [Step(now, one, "failed", "") for one in (error, status(end, number))]
    elif end == "cancelled":
        steps.append(Step(now, status(end, number), "cancelled", ""))
    else:
        steps.append(Step(now, retry(number, 60), "retrying", "", 60.0))
        steps.append(Step(now + 1, status("cancelled", number), "cancelled", ""))
    return steps


@given(turns())
def test_a_card_shows_every_turn_as_its_events_tell_it(turn: list[Step]) -> None:
    """After each event: the state, the text that stands, and the announced wait."""
    state = CardState()
    for step in turn:
        state.feed(step.at, step.event)
        shown = str(state.status), state.text, state.countdown_s
        assert shown == (step.status, step.text, step.countdown_s)
    dropped = [one.text for one in state.attempts if one.dropped]
    stands = [one.text for one in state.attempts if not one.dropped]
    assert stands in ([], [turn[-1].text])
    assert len(dropped) + len(stands) == len(
        {step.event.attempt for step in turn if isinstance(step.event, Status)}
    )


@given(turns(), st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_between_events_only_the_countdown_and_a_late_start_move(
    turn: list[Step], fractions: list[float]
) -> None:
    """The time alone drops no text, ends no attempt, and makes no other state."""
    state = CardState()
    for step, next_ in zip(turn, [*turn[1:], None], strict=True):
        state.feed(step.at, step.event)
        before = state.attempts
        gap_s = 30.0 if next_ is None else next_.at - step.at
        for fraction in sorted(fractions):
            now = step.at + fraction * gap_s
            state.tick(now)
            late = step.status == "starting" and now - step.at >= 15
            assert state.status == ("delayed_start" if late else step.status)
            assert (state.text, state.attempts) == (step.text, before)
            if step.countdown_s is not None and state.countdown_s is not None:
                ended_at = before[-1].ended_at or 0.0
                assert state.countdown_s == max(step.countdown_s - (now - ended_at), 0.0)


@given(turns())
def test_a_late_start_shows_whether_or_not_it_was_told(turn: list[Step]) -> None:
    """The turn's own event and the card's own clock come to the same."""
    told, untold = CardState(), CardState()
    for step in turn:
        told.feed(step.at, step.event)
        if step.status != "delayed_start":
            untold.feed(step.at, step.event)
        untold.tick(step.at)
        assert told.status == untold.status


@given(LOG, st.lists(st.floats(-9, 60), max_size=3))
def test_whatever_comes_in_whatever_order_the_card_stays_sound(
    log: list[TimedEvent], ticks: list[float]
) -> None:
    """What is committed stands, nothing dropped does, no wait is longer than announced."""
    state = CardState("openai")
    moments: list[tuple[float, TurnEvent | None]] = [*log, *((now, None) for now in ticks)]
    for now, event in moments:
        over, before = state.over, (state.status, state.text, state.attempts, state.answer)
        if event is None:
            state.tick(now)
        else:
            state.feed(now, event)
        if over and state.over:
            assert before == (state.status, state.text, state.attempts, state.answer)
        if over and not state.over:
            assert isinstance(event, Status)
            assert event.status is TurnStatus.STARTING
            assert before[3] is not None
            assert state.text == before[1]
        committed = "".join(one.text for one in state.attempts if one.answer)
        assert state.text.startswith(committed)
        if state.attempts and state.attempts[-1].dropped:
            assert state.text == committed
        assert (state.countdown_s is None) == (state.announced_s is None)
        if state.countdown_s is not None and state.announced_s is not None:
            assert state.status is TurnStatus.RETRYING
            assert 0 <= state.countdown_s <= state.announced_s
        assert state.moving <= (state.status in (TurnStatus.RETRYING, TurnStatus.STARTING))
        assert state.title
        assert page(state) == page(state)
    last_text = state.text
    if not state.over and state.attempts:
        state.feed(99.0, retry(state.attempts[-1].number, 1))
        assert state.text == "".join(one.text for one in state.attempts if one.answer)
        assert last_text in state.text + state.attempts[-1].text


@given(LOG)
def test_the_time_never_goes_back(log: list[TimedEvent]) -> None:
    """An earlier moment counts as the latest: a countdown only falls."""
    state = state_of((0.0, retry(1, 5)), now=2)
    state.tick(-100)
    assert state.countdown_s == 3
    for at, event in log:
        state.feed(at, event)
        ends = [one.ended_at for one in state.attempts if one.ended_at is not None]
        assert ends == sorted(ends)


@pytest.mark.parametrize("now", [math.nan, math.inf])
def test_a_time_that_is_none_is_refused(now: float) -> None:
    """Nothing has changed then."""
    state = state_of((0.0, status("starting")))
    with pytest.raises(ValueError, match="is no time; give finite seconds"):
        state.tick(now)
    with pytest.raises(ValueError, match="is no time; give finite seconds"):
        state.feed(now, text(1, "x"))
    assert (state.status, state.text) == (TurnStatus.STARTING, "")


def test_a_real_turn_passes_through_the_states_that_people_see() -> None:
    """Three letters are shown, taken back, and the whole answer stands in the end."""
    state, seen = CardState(), list[tuple[str, str]]()
    for at, event in log_of(*OVERLOADED_THEN_LIMITED):
        state.feed(at, event)
        if not seen or seen[-1] != (state.status, state.text):
            seen.append((state.status, state.text))
    assert seen == [
        ("starting", ""),
        ("streaming", ""),
        ("streaming", "The"),
        ("retrying", ""),
        ("starting", ""),
        ("retrying", ""),
        ("starting", ""),
        ("streaming", ""),
        ("streaming", "The"),
        ("streaming", "The answer"),
        ("streaming", "The answer is"),
        ("streaming", "The answer is 42."),
        ("completed", "The answer is 42."),
    ]


def test_the_countdown_runs_from_the_announced_wait_to_nothing() -> None:
    """From when the retry was seen, whatever the clocks of others say."""
    waiting = state_of((100.0, retry(1, 34.4)))
    seen = []
    for now in (100.0, 110.0, 134.4, 200.0):
        waiting.tick(now)
        seen.append((waiting.countdown_s, waiting.moving))
    assert seen == [(34.4, True), (pytest.approx(24.4), True), (0.0, False), (0.0, False)]


@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        *[(4.0, "4.0 s"), (3.99, "4.0 s"), (3.01, "3.1 s"), (0.04, "0.1 s"), (0.0, "0.0 s")],
        *[(59.95, "1 min"), (60.0, "1 min"), (61.23, "1 min 1 s"), (299.0, "4 min 59 s")],
        (1.00000005, "1.0 s"),
    ],
)
def test_a_countdown_says_nought_only_at_its_end(left_s: float, said: str) -> None:
    """Tenths, rounded up; the noise of a clock's fractions does not show."""
    assert countdown(left_s) == said


def test_the_page_says_what_is_dropped_and_what_stands() -> None:
    """Struck out while the turn waits; in a table of attempts after that."""
    log = log_of(*OVERLOADED_THEN_LIMITED)
    at_retry = next(n for n, (_, event) in enumerate(log) if isinstance(event, ChatStreamRetry))
    shown = answer_html(state_of(*log[:at_retry]))
    assert "Provisional, attempt 1" in shown
    assert "<del" not in shown
    dropped = page(state_of(*log[: at_retry + 1], now=0.25))
    assert "Next attempt in 0.8 s of 1 s" in dropped
    assert "width:25.0%" in dropped
    assert dropped.count(">The</del>") == 2
    assert "Provisional" not in dropped
    again = state_of(*log[: at_retry + 3])
    assert "No text" in answer_html(again)
    assert attempts_html(again).count(">The</del>") == 1
    done = state_of(*log)
    assert "Committed" in answer_html(done)
    assert "The answer is 42." in answer_html(done)
    assert "<del" not in answer_html(done)
    assert countdown_html(done) == ""


@pytest.mark.parametrize("kind", list(Kind))
def test_a_kind_is_shown_by_its_label_never_by_its_value(kind: Kind) -> None:
    """While the turn tries again, and when it has failed."""
    waiting = status_html(state_of((0.0, retry(1, 1, kind))))
    failed = status_html(state_of((0.0, ChatError("It broke.", kind, False))))
    for shown in (waiting, failed):
        assert f"<span>{kind.label}</span>" in shown
    assert kind.retrying_title in waiting
    assert kind.failed_title in failed
    for shown in (waiting, failed):
        assert "_" not in Tags(shown).words


def test_every_state_has_a_name_and_a_title() -> None:
    """Written out for people."""
    events: dict[str, list[TimedEvent]] = {
        "Idle": [],
        "Starting": seconds(status("starting")),
        "Delayed start": seconds(status("starting"), status("delayed_start")),
        "Streaming": seconds(text(1, "x")),
        "Retrying": seconds(status("retrying")),
        "Failed": seconds(status("starting"), status("failed")),
        "Completed": seconds(Answer(Outcome.COMPLETE)),
        "Cancelled": seconds(status("cancelled")),
    }
    for (name, log), (reached, title) in zip(events.items(), TITLES.items(), strict=True):
        state = state_of(*log)
        assert state.status is reached
        assert f"<strong>{name}</strong> · " in status_html(state)
        assert title in status_html(state)


def test_a_wait_that_the_person_ends_leaves_no_failure() -> None:
    """The card says that it was stopped; what went wrong before stays in the table of attempts."""
    state = state_of((0.0, retry(1, 60)), (1.0, status("cancelled")), provider="openai")
    assert (state.kind, state.message, state.status_page) == (None, "", None)
    assert state.title == "Stopped by the person"
    assert "Overloaded, tried again" in attempts_html(state)


def test_an_answer_that_is_not_simply_whole_says_so() -> None:
    """Cut by a limit, refused, or unknown."""
    notes = {
        outcome: state_of((0.0, Answer(outcome, (TextPart("x"),)))).message
        for outcome in Outcome
        if outcome is not Outcome.FAILED
    }
    assert notes.pop(Outcome.COMPLETE) == ""
    assert len({*notes.values(), ""}) == 4


def test_the_status_page_is_linked_while_something_is_amiss() -> None:
    """The provider of the event, else the one that was named; only from the table."""
    assert set(STATUS_PAGES) == set(DISPLAY_NAMES) - {"openai-compat"}
    assert all(link.startswith("https://") for link in STATUS_PAGES.values())
    late = state_of((0.0, status("starting")), now=15, provider="Azure OpenAI")
    assert f'href="{STATUS_PAGES["azure"]}"' in status_html(late)
    assert "Status page of Azure OpenAI" in status_html(late)
    assert state_of((0.0, status("starting")), now=14, provider="azure").status_page is None
    told = ChatError("No.", Kind.TIMEOUT, False, provider="google")
    assert state_of((0.0, told), provider="azure").status_page == STATUS_PAGES["google"]
    strange = ChatError("No.", Kind.TIMEOUT, False, provider="javascript:alert(1)")
    assert "<a" not in status_html(state_of((0.0, strange)))
    done = state_of((0.0, retry(1, 1)), (1.0, Answer(Outcome.COMPLETE)), provider="openai")
    assert done.status_page is None


def test_an_applications_own_usage_limit_links_no_provider() -> None:
    """It is not the provider's failure, so its status page would mislead."""
    own = ChatError("Your usage limit is reached.", Kind.USAGE_LIMIT, False)
    assert state_of((0.0, own), provider="openai").status_page is None


def test_a_very_long_part_is_shown_by_its_end() -> None:
    """What comes in is seen, and the page does not grow without limit."""
    state = state_of((0.0, text(1, "a" * 50_000)), (0.0, text(1, "the end")))
    shown = answer_html(state)
    assert "aaathe end" in shown
    assert "…aaa" in shown
    assert len(shown) < SHOWN_CHARS + 1_000
    assert len(state.text) == 50_007
    assert len(attempts_html(state_of((0.0, text(1, "a" * 50_000)), (0.0, retry(1, 1))))) < 2_000


class Tags(HTMLParser):
    """What a browser would make of a page: its elements, their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.names: set[str] = set()
        self.attributes: dict[str, set[str]] = {}
        self.words = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, set()).add(value or "")

    def handle_data(self, data: str) -> None:
        self.words += data


HOSTILE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "<script>alert(1)</script>",
            '"><img src=x onerror=alert(1)>',
            "</div></td><style>*{display:none}</style>",
            "<!-- ",
            "&lt;b&gt;",
            "javascript:alert(1)",
            "\u202egnp.exe\x00\ud800",
        ]
    ),
)


@given(HOSTILE, HOSTILE, HOSTILE, st.sampled_from(["text", "reasoning", "tool_call", "block", "?"]))
def test_a_hostile_payload_shows_as_text(said: str, name: str, detail: str, part: str) -> None:
    """Whatever a provider says, no element or attribute comes of it, and its words are there."""
    piece = MessagePart(1, Piece(0, part, said, "id", name))
    wait = ChatStreamRetry(1, 1000, said, Kind.GENERIC, name, provider=name)
    stop = ChatError(said, Kind.GENERIC, False, name, 500, detail)
    end = Answer(Outcome.COMPLETE, (TextPart(said),), name, name, name)
    for log in (seconds(piece), seconds(piece, wait), seconds(piece, stop), seconds(piece, end)):
        shown = Tags(page(state_of(*log, provider=name)))
        assert shown.names <= {
            *("div", "span", "strong", "em", "del", "a"),
            *("table", "thead", "tbody", "tr", "th", "td"),
        }
        assert shown.attributes.keys() <= {"style", "role", "href", "target", "rel"}
        assert shown.attributes.get("href", set()) <= set(STATUS_PAGES.values())
        assert not any(
            word in style for style in shown.attributes["style"] for word in ("url", "*")
        )
        if said.isprintable():
            assert said in shown.words


def test_attempts_that_were_cancelled_or_unseen_have_a_row() -> None:
    """Each says what became of it, in words."""
    rows = Tags(
        attempts_html(state_of(*seconds(text(1, "ab"), text(2, "c"), status("cancelled", 2))))
    )
    assert "Tried again" in rows.words
    assert "Cancelled" in rows.words
    assert [one.result for one in state_of(*seconds(text(1, "a"), text(2, "b"))).attempts] == [
        Result.RETRIED,
        Result.RUNNING,
    ]


def test_the_answers_of_a_turn_with_tools_stand_side_by_side() -> None:
    """What a step has committed stays while the next one fails, is retried and goes on."""
    turn = seconds(
        *(status("starting"), text(1, "I look it up.")),
        *(Answer(Outcome.COMPLETE, (TextPart("I look it up."),)), status("starting", 2)),
        *(text(2, "It ra"), retry(2, 1.0), status("starting", 3), text(3, "It rains.")),
        *(Answer(Outcome.COMPLETE, (TextPart("It rains."),)), status("completed", 3)),
    )
    shown = [state_of(*turn[: count + 1]) for count in range(len(turn))]
    assert [state.text for state in shown] == [
        *("", "I look it up.", "I look it up."),
        *("I look it up.", "I look it up.It ra", "I look it up.", "I look it up."),
        *("I look it up.It rains.", "I look it up.It rains.", "I look it up.It rains."),
    ]
    assert not shown[3].over
    assert shown[-1].over
    assert [one.result for one in shown[-1].attempts] == [
        *(Result.COMMITTED, Result.RETRIED, Result.COMMITTED)
    ]
    assert "<del" in page(shown[5])
    assert page(shown[5]).count("I look it up.") >= 1
    late = state_of(*turn, (10.0, status("starting", 4)))
    assert late.status is TurnStatus.COMPLETED
