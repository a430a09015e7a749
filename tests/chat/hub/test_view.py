"""What is current in a turn."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.turn_events import (
    ANSWER,
    ERROR,
    FAILED,
    RETRY,
    RETRYING,
    STARTING,
    STREAMING,
    said,
    turn_events,
)

from chatlab.chat.hub.view import LiveEvent, Snapshot, View
from chatlab.chat.messages.events import MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import Piece


def shown(*events: TurnEvent) -> View:
    """A view that was shown these events."""
    view = View()
    for event in events:
        view.show(event)
    return view


def test_the_pieces_of_a_part_are_one_text() -> None:
    """In the order in which the parts began, with the ids and names that any piece has told."""
    view = shown(
        MessagePart(1, Piece(0, "reasoning", "Hm\r\n")),
        said("The ", index=1),
        MessagePart(1, Piece(2, "tool_call", "", "call_1", "search")),
        MessagePart(1, Piece(0, "reasoning", "m.")),
        MessagePart(1, Piece(2, "tool_call", "{}")),
        said("answer", index=1),
        MessagePart(1, Piece(3, "text", "another choice", choice=1)),
    )
    assert [part.piece for part in view.pieces] == [
        Piece(0, "reasoning", "Hm\r\nm."),
        Piece(1, "text", "The answer"),
        Piece(2, "tool_call", "{}", "call_1", "search"),
        Piece(3, "text", "another choice", choice=1),
    ]
    assert view.text == "The answer"


def test_a_retry_takes_back_what_its_attempt_has_shown() -> None:
    """The countdown stays until the next attempt starts, which shows its own parts only."""
    view = shown(STREAMING, said("half an ans"), RETRY, RETRYING)
    assert (view.pieces, view.text, view.retry) == ((), "", RETRY)
    assert view.status == RETRYING
    view.show(Status(TurnStatus.STARTING, 2))
    assert view.retry is None
    view.show(said("whole", attempt=2))
    assert (view.text, view.pieces[0].attempt) == ("whole", 2)


def test_the_answer_stands_instead_of_its_pieces() -> None:
    """And what a later step of the turn shows stands behind it."""
    view = shown(said("The wh"), said("ole ans"), ANSWER, said(" And more"))
    assert (view.answers, view.text) == ((ANSWER,), "The whole answer. And more")


def test_an_error_leaves_what_was_shown() -> None:
    """No retry has taken it back: the person may read what there is."""
    view = shown(said("half"), ERROR, FAILED)
    assert (view.text, view.error) == ("half", ERROR)


@settings(deadline=None)
@given(st.lists(turn_events), turn_events)
@example([STARTING, RETRY], RETRYING)
@example([RETRY, RETRYING], Status(TurnStatus.STARTING, 2))
@example([ANSWER, RETRY], ERROR)
def test_a_snapshot_of_any_turn_shows_the_same_and_goes_on_the_same(
    events: list[TurnEvent], following: TurnEvent
) -> None:
    """An empty view that takes it cannot be told from one that has seen everything."""
    view, late = shown(*events), View()
    late.take(Snapshot(len(events), view.events))
    assert (late.events, late.text, late.sequence) == (view.events, view.text, len(events))
    for one in (view, late):
        one.take(LiveEvent(len(events) + 1, following))
    assert (late.events, late.text) == (view.events, view.text)


def test_a_snapshot_stands_instead_of_what_was_shown_before() -> None:
    """Nothing of it is left."""
    view = shown(said("old"), RETRY, ERROR)
    view.take(Snapshot(7, (said("new"),)))
    assert (view.events, view.sequence) == ((said("new"),), 7)


def test_what_is_no_event_is_refused() -> None:
    """The text says where the events are described."""
    with pytest.raises(
        TypeError, match=r"'hello' is no event of a turn; see chatlab.chat.messages.events"
    ):
        View().show("hello")  # type: ignore[arg-type]
