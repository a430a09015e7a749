"""Event logs: of real turns through an SDK and a fake provider, written by hand, and any at all."""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import Any, Final

import anthropic
import openai
from hypothesis import strategies as st

from chatlab.chat import Piece, ReasoningPart, TextPart
from chatlab.chat.messages.events import Answer, MessagePart, Status, TurnEvent, TurnStatus
from chatlab.chat.stream.contracts import Outcome
from chatlab.chat.turn import Turn
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError, ChatStreamRetry
from chatlab.lab import FakeProvider
from chatlab.retry import Backoff, VirtualClock
from chatlab.views.figures.timeline import TimedEvent

ASKED: Final[dict[str, dict[str, Any]]] = {
    "messages": {
        "model": "claude",
        "max_tokens": 99,
        "messages": [{"role": "user", "content": "Why?"}],
    },
    "responses": {"model": "gpt-5", "input": "Why?"},
    "chat": {"model": "gpt-5", "messages": [{"role": "user", "content": "Why?"}]},
}
"""What is asked, by the protocol in which it is."""

OVERLOADED_THEN_LIMITED: Final = (
    "in-band-error:overloaded",
    "http-error:429,retry_after=34",
    "success",
)
"""Three letters of an answer are taken back; then half a minute's wait is asked for; then it
comes."""


def client_for(protocol: str, provider: FakeProvider) -> anthropic.Anthropic | openai.OpenAI:
    """The official client that speaks `protocol`, to be closed."""
    if protocol == "messages":
        return anthropic.Anthropic(
            base_url=provider.anthropic_base_url, api_key="none", max_retries=0
        )
    return openai.OpenAI(base_url=provider.openai_base_url, api_key="none", max_retries=0)


@cache
def log_of(
    *steps: str, protocol: str = "messages", attempts: int | None = 25
) -> tuple[TimedEvent, ...]:
    """What a viewer records of a turn that meets `steps`, under a virtual clock."""
    clock = VirtualClock()
    log: list[TimedEvent] = []

    def record(event: TurnEvent) -> None:
        log.append((clock.now(), event))

    with FakeProvider(list(steps)) as provider, client_for(protocol, provider) as client:
        policy = Backoff(max_attempts=attempts)
        turn = Turn(
            ASKED[protocol],
            client=client,
            provider="anthropic" if protocol == "messages" else "openai",
            policy=policy,
            clock=clock,
            on_event=record,
        )
        with suppress(Exception):
            turn.run()
    return tuple(log)


def retry(attempt: int, delay_s: float, kind: Kind = Kind.OVERLOADED) -> ChatStreamRetry:
    """The event after which an attempt is tried again."""
    return ChatStreamRetry(attempt, round(delay_s * 1000), "Short.", kind, "1970-01-01T00:00:00Z")


def status(name: str, attempt: int = 1) -> Status:
    """The event that says where the turn stands."""
    return Status(TurnStatus(name), attempt)


def text(attempt: int, words: str, index: int = 0) -> MessagePart:
    """A piece of text that an attempt shows."""
    return MessagePart(attempt, Piece(index, "text", words))


def seconds(*events: TurnEvent) -> list[TimedEvent]:
    """Events a second apart, from 0."""
    return [(float(at), event) for at, event in enumerate(events)]


NUMBER, WORDS = st.integers(0, 4), st.text("ab<&", max_size=3)
PIECE = st.builds(Piece, st.integers(0, 2), st.sampled_from(["text", "reasoning"]), WORDS)
PARTS = st.lists(st.builds(TextPart, WORDS) | st.builds(ReasoningPart, WORDS), max_size=2)
EVENT: st.SearchStrategy[TurnEvent] = st.one_of(
    st.builds(Status, st.sampled_from(TurnStatus), NUMBER),
    st.builds(MessagePart, NUMBER, PIECE),
    st.builds(retry, NUMBER, st.floats(0, 9), st.sampled_from(Kind)),
    st.builds(ChatError, WORDS, st.sampled_from(Kind), st.booleans()),
    st.builds(Answer, st.sampled_from(Outcome), PARTS.map(tuple)),
)
LOG: st.SearchStrategy[list[TimedEvent]] = st.lists(
    st.tuples(st.floats(-9, 9, width=16), EVENT), max_size=12
)
