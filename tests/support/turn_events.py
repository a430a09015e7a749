"""Events of turns for tests: a few by hand, and any at all."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hypothesis import strategies as st

from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.messages.parts import Piece, TextPart
from chatlab.chat.stream.contracts import Outcome
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError, ChatStreamRetry

RETRY: Final = ChatStreamRetry(
    1, 2000, "OpenAI is temporarily unavailable.", Kind.TIMEOUT, "2026-01-01T00:00:02.000Z"
)
ERROR: Final = ChatError("The AI provider failed.", Kind.GENERIC, False)
STARTING: Final = Status(TurnStatus.STARTING)
STREAMING: Final = Status(TurnStatus.STREAMING)
RETRYING: Final = Status(TurnStatus.RETRYING)
FAILED: Final = Status(TurnStatus.FAILED)
ANSWER: Final = Answer(Outcome.COMPLETE, (TextPart("The whole answer."),))


def said(text: str, attempt: int = 1, index: int = 0) -> MessagePart:
    """A piece of text."""
    return MessagePart(attempt, Piece(index, "text", text))


def words(count: int) -> Iterator[MessagePart]:
    """So many pieces of one text: the numbers from 1."""
    return (said(f"{number} ") for number in range(1, count + 1))


_pieces: Final = st.builds(
    Piece,
    st.integers(0, 2),
    st.sampled_from(["text", "reasoning", "tool_call"]),
    st.text("ab\ud800\r\n", max_size=3),
    st.none() | st.just("call_1"),
    st.none() | st.just("search"),
    st.integers(0, 1),
)
turn_events: Final[st.SearchStrategy[TurnEvent]] = st.one_of(
    st.builds(MessagePart, st.just(1), _pieces),
    st.builds(MessagePart, st.integers(1, 3), _pieces),
    st.builds(Status, st.sampled_from(TurnStatus), st.integers(1, 3)),
    st.sampled_from([STARTING, RETRY]),
    st.sampled_from([RETRY, ERROR, ANSWER]),
)
"""Any event, in no order that a turn would have."""
