"""The events of a turn and their JSON."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.chat import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart, Usage
from chatlab.chat.messages.events import (
    EVENTS,
    PARTS,
    Answer,
    MessagePart,
    Status,
    TurnEvent,
    TurnStatus,
    decode,
    encode,
)
from chatlab.chat.stream.contracts import Outcome
from chatlab.errors import ChatError, ChatStreamRetry, Kind, Verdict

OVERLOADED = Verdict(Kind.OVERLOADED, True, provider="anthropic", status_code=529)


def test_a_retry_has_the_payload_that_viewers_know() -> None:
    """Attempts from 1, the wait in milliseconds, the words of the verdict, RFC 3339 in UTC."""
    event = ChatStreamRetry.announce(OVERLOADED, attempt=1, delay_s=1.0, now_s=1_700_000_000.25)
    assert encode(event) == {
        "type": "retry",
        "retry": {
            "attempt": 1,
            "delay_ms": 1000,
            "error": OVERLOADED.retry_message,
            "kind": "overloaded",
            "retrying_at": "2023-11-14T22:13:21.250Z",
            "provider": "anthropic",
            "status_code": 529,
        },
    }


def test_an_error_has_the_payload_that_viewers_know() -> None:
    """What is empty is left out; retryable is always said."""
    event = ChatError("It broke.", Kind.GENERIC, retryable=False)
    assert encode(event) == {
        "type": "error",
        "error": {"message": "It broke.", "kind": "generic", "retryable": False},
    }
    told = ChatError("It broke.", Kind.GENERIC, True, "openai", 500, "boom")
    assert encode(told)["error"] == {
        "message": "It broke.",
        "kind": "generic",
        "retryable": True,
        "provider": "openai",
        "status_code": 500,
        "detail": "boom",
    }


def test_a_committed_answer_has_tagged_parts() -> None:
    """Each part says its type, so that it can be read back without guessing."""
    answer = Answer(
        Outcome.COMPLETE, (TextPart("Hi"), ToolCallPart("c", "f", "{}")), "stop", usage=Usage(1, 2)
    )
    assert encode(answer) == {
        "type": "message",
        "message": {
            "outcome": "complete",
            "parts": [
                {"type": "text", "text": "Hi"},
                {"type": "tool_call", "id": "c", "name": "f", "arguments": "{}"},
            ],
            "stop_reason": "stop",
            "usage": {"input_tokens": 1, "output_tokens": 2},
        },
    }


def test_a_status_and_a_piece_are_short() -> None:
    """The events that come most often carry only what is not usual."""
    assert encode(Status(TurnStatus.DELAYED_START)) == {
        "type": "status",
        "status": {"status": "delayed_start"},
    }
    assert encode(MessagePart(2, Piece(0, "text", "Hi"))) == {
        "type": "message_part",
        "message_part": {"attempt": 2, "piece": {"index": 0, "part": "text", "text": "Hi"}},
    }


@pytest.mark.parametrize(
    ("delay_s", "delay_ms"),
    [(0, 0), (1.1, 1100), (34.4, 34400), (0.174, 174), (0.0001, 1), (1.2345678, 1235), (60, 60000)],
)
def test_the_announced_wait_is_never_shorter_and_is_the_one_to_sleep(
    delay_s: float, delay_ms: int
) -> None:
    """Whole milliseconds, rounded up, without the noise of binary fractions."""
    event = ChatStreamRetry.announce(OVERLOADED, attempt=3, delay_s=delay_s, now_s=0)
    assert (event.delay_ms, event.delay_s) == (delay_ms, delay_ms / 1000)


@given(st.floats(0, 1e6), st.floats(0, 4e9))
def test_retrying_at_is_now_and_the_announced_wait(delay_s: float, now_s: float) -> None:
    """A countdown made from either field ends at the same time."""
    event = ChatStreamRetry.announce(OVERLOADED, attempt=1, delay_s=delay_s, now_s=now_s)
    assert 0 <= event.delay_s - delay_s + 1e-8 < 0.0011
    at = datetime.fromisoformat(event.retrying_at)
    assert at.utcoffset() == timedelta(0)
    assert abs(at.timestamp() - (round(now_s * 1000) + event.delay_ms) / 1000) < 1e-4


@pytest.mark.parametrize(("attempt", "delay_s"), [(0, 1), (1, -1), (1, math.nan), (1, math.inf)])
def test_a_wait_that_cannot_be_announced_is_refused(attempt: int, delay_s: float) -> None:
    """The error repeats both numbers and says what is allowed."""
    with pytest.raises(ValueError, match=rf"attempt {attempt}, delay_s {delay_s}; give an attempt"):
        ChatStreamRetry.announce(OVERLOADED, attempt=attempt, delay_s=delay_s, now_s=0)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (None, r"turn event: None is not an object"),
        ([], r"turn event: \[\] is not an object"),
        ({}, r"turn event: type: None is not known; known are retry, error, status, message_part"),
        ({"type": "retyr"}, r"type: 'retyr' is not known; did you mean 'retry'\?"),
        ({"type": ["retry"]}, r"type: \['retry'\] is not known"),
        ({"type": "retry"}, r"turn event: retry: None is not an object"),
        ({"type": "status", "status": {}}, r"status: the field 'status' is missing$"),
        (
            {"type": "status", "status": {"statis": "idle"}},
            r"the field 'status' is missing; did you mean it by 'statis'\?",
        ),
        (
            {"type": "status", "status": {"status": "retyring"}},
            r"status\.status: 'retyring' is not known; did you mean 'retrying'\?",
        ),
        (
            {"type": "error", "error": {"message": "m", "kind": "rate-limit", "retryable": True}},
            r"error\.kind: 'rate-limit' is not known; did you mean 'rate_limit'\?",
        ),
        (
            {"type": "error", "error": {"message": "m", "kind": "auth", "retryable": 1}},
            r"error\.retryable: 1 is not true or false",
        ),
        (
            {"type": "status", "status": {"status": "idle", "attempt": True}},
            r"status\.attempt: True is not a whole number",
        ),
        (
            {"type": "message", "message": {"outcome": "complete", "parts": {}}},
            r"message\.parts: {} is no list",
        ),
        (
            {"type": "message", "message": {"outcome": "complete", "parts": [{"type": "txt"}]}},
            r"message\.parts\[0\]\.type: 'txt' is not known; did you mean 'text'\?",
        ),
        (
            {"type": "message", "message": {"outcome": "complete", "parts": [{"type": "text"}]}},
            r"message\.parts\[0\]: the field 'text' is missing",
        ),
    ],
)
def test_what_cannot_be_decoded_says_where_and_what_is_near(data: object, error: str) -> None:
    """One line names the place, the value, and the name that was probably meant."""
    with pytest.raises(ValueError, match=error) as caught:
        decode(data)
    assert "\n" not in str(caught.value)


def test_unknown_fields_are_passed_over() -> None:
    """An event written by a later version can still be read."""
    data = {"type": "status", "status": {"status": "idle", "mood": "calm"}, "seq": 4}
    assert decode(data) == Status(TurnStatus.IDLE)


TEXT = st.text(max_size=6)
SOME = st.none() | st.text(min_size=1, max_size=6)
COUNT = st.integers(0, 9)
DATA = st.dictionaries(TEXT, TEXT | st.integers() | st.lists(TEXT, max_size=2), max_size=2)
PART: st.SearchStrategy[Part] = st.one_of(
    st.builds(TextPart, TEXT, st.booleans(), st.lists(DATA, max_size=2).map(tuple), COUNT),
    st.builds(ReasoningPart, TEXT, st.lists(TEXT).map(tuple), SOME, SOME, SOME, COUNT),
    st.builds(ToolCallPart, TEXT, TEXT, TEXT, COUNT, SOME, st.booleans(), st.booleans(), COUNT),
    st.builds(BlockPart, TEXT, DATA, COUNT),
)
KIND, STATUS_CODE = st.sampled_from(Kind), st.none() | st.integers(100, 599)
EVENT: st.SearchStrategy[TurnEvent] = st.one_of(
    st.builds(ChatStreamRetry, COUNT, COUNT, TEXT, KIND, TEXT, SOME, STATUS_CODE),
    st.builds(ChatError, TEXT, KIND, st.booleans(), SOME, STATUS_CODE, SOME),
    st.builds(Status, st.sampled_from(TurnStatus), COUNT),
    st.builds(MessagePart, COUNT, st.builds(Piece, COUNT, TEXT, TEXT, SOME, SOME, COUNT)),
    st.builds(
        Answer,
        st.sampled_from(Outcome),
        st.lists(PART, max_size=3).map(tuple),
        SOME,
        SOME,
        SOME,
        st.none() | st.builds(Usage, COUNT, COUNT, COUNT, COUNT, COUNT),
    ),
)


@given(EVENT)
def test_every_event_survives_json(event: TurnEvent) -> None:
    """Through text and back, each event is equal to itself and of its own type."""
    data = json.loads(json.dumps(encode(event)))
    again = decode(data)
    assert again == event
    assert type(again) is type(event)
    assert json.dumps(encode(again)) == json.dumps(encode(event))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)


@given(EVENT, st.data())
def test_decoding_raises_nothing_but_value_errors(event: TurnEvent, data: st.DataObject) -> None:
    """Any field of an event may be replaced by any JSON: it is decoded, or refused in words."""
    encoded = encode(event)
    name = str(encoded["type"])
    payload = encoded[name]
    assert isinstance(payload, dict)
    field = data.draw(st.sampled_from([*payload, "parts", "usage"]))
    refused, decoded = "", event
    try:
        decoded = decode({"type": name, name: {**payload, field: data.draw(JSON)}})
    except ValueError as error:
        refused = str(error)
    assert not refused or refused.startswith(f"turn event: {name}")
    assert type(decoded) is type(event)


def test_the_event_types_are_the_five_known_ones() -> None:
    """Names of events and parts are part of the wire format."""
    assert list(EVENTS) == ["retry", "error", "status", "message_part", "message"]
    assert list(PARTS) == ["text", "reasoning", "tool_call", "block"]
