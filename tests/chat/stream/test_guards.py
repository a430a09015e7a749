"""What counts as content, and the first-content and silence guards."""

from __future__ import annotations

import math
import typing
from typing import Any

import pytest
from anthropic.types import RawContentBlockDelta, RawContentBlockStartEvent
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent, ResponseTextDeltaEvent

from chatlab.chat.stream.guards import (
    CONTENT,
    DONE,
    OPENINGS,
    StreamGuard,
    event_dict,
    is_content,
    is_refusal,
)
from chatlab.errors import Kind

TEXT = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "a"}}
PING = {"type": "ping"}


def _delta(**delta: object) -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": None}]}


def _block(**block: object) -> dict[str, object]:
    return {"type": "content_block_start", "index": 0, "content_block": block}


@pytest.mark.parametrize(
    "event",
    [
        TEXT,
        {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": "a"}},
        {"type": "content_block_delta", "delta": {"type": "signature_delta", "signature": "a"}},
        {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": "{"}},
        _block(type="tool_use", id="toolu_1", name="f", input={}),
        _block(type="thinking", thinking="", signature=""),
        _block(type="text", text="already"),
        {"type": "response.output_text.delta", "delta": "a"},
        {"type": "response.reasoning_summary_text.delta", "delta": "a"},
        {"type": "response.reasoning_text.delta", "delta": "a"},
        {"type": "response.function_call_arguments.delta", "delta": "{"},
        {"type": "response.refusal.done", "refusal": "no"},
        {"type": "response.output_item.added", "item": {"type": "reasoning", "summary": []}},
        {"type": "response.output_item.added", "item": {"type": "function_call", "name": "f"}},
        {"type": "response.web_search_call.searching", "item_id": "ws_1"},
        _delta(content="a"),
        _delta(content=" "),
        _delta(reasoning_content="a"),
        _delta(reasoning="a"),
        _delta(refusal="no"),
        _delta(tool_calls=[{"index": 0, "function": {"arguments": ""}}]),
    ],
)
def test_what_the_model_has_made_is_content(event: object) -> None:
    """Text, reasoning, refusals, tool calls with their arguments, and a provider's tools."""
    assert is_content(event)


@pytest.mark.parametrize(
    "event",
    [
        PING,
        {"type": "message_start", "message": {"content": [], "usage": {"input_tokens": 9}}},
        _block(type="text", text=""),
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": ""}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        {"type": "message_stop"},
        {"type": "error", "error": {"message": "text"}},
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.queued", "response": {"id": "resp_1"}},
        {"type": "response.in_progress", "response": {"id": "resp_1"}},
        {"type": "response.output_item.added", "item": {"type": "message", "content": []}},
        {"type": "response.output_text.delta", "delta": ""},
        {"type": "response.completed", "response": {"output": [{"type": "message"}]}},
        {"type": "keepalive", "delta": "a"},
        _delta(role="assistant", content=""),
        _delta(role="assistant", content=None, tool_calls=None),
        _delta(),
        {"choices": [], "usage": {"prompt_tokens": 9}},
        {"choices": [], "prompt_filter_results": [{}]},
        DONE,
        None,
        {},
        7,
    ],
)
def test_what_only_surrounds_the_answer_is_no_content(event: object) -> None:
    """Pings, roles, created, queued and in-progress events, empty deltas, ends, and non-events."""
    assert not is_content(event)


def _types(union: object) -> set[str]:
    return {
        typing.get_args(one.model_fields["type"].annotation)[0]
        for one in typing.get_args(typing.get_args(union)[0])
    }


def test_every_event_of_the_openai_sdk_is_content_or_known_to_be_none() -> None:
    """An SDK that brings a new event type fails here until somebody decides what it is."""
    no_content = {
        *("error", "response.created", "response.queued", "response.in_progress"),
        *("response.completed", "response.incomplete", "response.failed"),
        *("response.content_part.added", "response.content_part.done"),
        *("response.reasoning_summary_part.added", "response.reasoning_summary_part.done"),
        *("response.audio.done", "response.audio.transcript.done"),
        *("response.mcp_list_tools.in_progress", "response.mcp_list_tools.completed"),
        *("response.mcp_list_tools.failed", "response.compaction.compacting"),
        *("response.shell_call_command.added", "response.shell_call_output_content.done"),
    }
    content = CONTENT.keys() | OPENINGS.keys()
    assert _types(ResponseStreamEvent) - content == no_content


def test_every_delta_and_block_of_the_anthropic_sdk_is_content() -> None:
    """Each kind of delta has its field in the table; each block but text opens with content."""
    filled: dict[Any, Any] = {str: "a"}
    for one in typing.get_args(typing.get_args(RawContentBlockDelta)[0]):
        delta = {
            name: filled.get(field.annotation, {"type": "x"})
            for name, field in one.model_fields.items()
            if name != "type"
        }
        kind = typing.get_args(one.model_fields["type"].annotation)[0]
        assert is_content({"type": "content_block_delta", "delta": {"type": kind, **delta}}), kind
    blocks = RawContentBlockStartEvent.model_fields["content_block"].annotation
    kinds = [
        typing.get_args(one.model_fields["type"].annotation)[0] for one in typing.get_args(blocks)
    ]
    assert {kind for kind in kinds if not is_content(_block(type=kind))} == {"text"}
    assert len(kinds) > 5


def test_objects_of_the_sdks_are_read_like_dicts() -> None:
    """An SDK's object becomes the mapping it was made from; what is no event becomes nothing."""
    fields: dict[str, Any] = {
        "type": "response.output_text.delta",
        "delta": "a",
        "item_id": "m",
        "logprobs": [],
        "content_index": 0,
        "output_index": 0,
        "sequence_number": 3,
    }
    assert event_dict(ResponseTextDeltaEvent.model_validate(fields)) == fields
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    filled: dict[str, Any] = {**chunk, **_delta(content="a"), "mine": [1]}
    parsed = ChatCompletionChunk.construct(**filled)
    assert event_dict(parsed)["choices"] == _delta(content="a")["choices"]
    assert is_content(parsed)
    assert event_dict(" [DONE]\n") == {"type": DONE}
    for nothing in (None, 7, "text", b"", [], object(), ResponseTextDeltaEvent):
        assert event_dict(nothing) == {}


def test_refusals_are_found_in_each_protocol_that_streams_them() -> None:
    """Words of refusal, or a finished item that holds them; never an empty or other field."""
    part = {"type": "refusal", "refusal": "no"}
    done = {"type": "response.completed", "response": {"output": [{"content": [part]}]}}
    assert is_refusal(done)
    assert is_refusal(_delta(refusal="no"))
    assert is_refusal({"type": "response.refusal.delta", "delta": "no"})
    assert not is_refusal(_delta(refusal=None))
    assert not is_refusal(TEXT)


def test_no_first_content_in_time_is_a_startup_timeout() -> None:
    """The guard is armed when the request is sent, and only content disarms it."""
    guard = StreamGuard(100.0, provider="openai")
    assert guard.deadline == 160.0
    assert guard.feed(110.0, PING) is None
    assert guard.feed(150.0, _delta(role="assistant")) is None
    assert guard.deadline == 160.0
    assert guard.check(159.999) is None
    verdict = guard.check(160.0)
    assert verdict is not None
    assert verdict is guard.fired
    assert (verdict.kind, verdict.retryable) == (Kind.STARTUP_TIMEOUT, True)
    assert (verdict.provider, verdict.rule) == ("openai", "own-startup-guard")
    assert guard.deadline is None


def test_a_stream_without_content_for_too_long_is_silent() -> None:
    """Pings do not break the silence; each content moves the deadline."""
    guard = StreamGuard(0.0)
    guard.feed(59.0, TEXT)
    assert guard.deadline == 659.0
    guard.feed(300.0, TEXT)
    assert guard.deadline == 900.0
    assert guard.feed(899.0, PING) is None
    verdict = guard.feed(900.0, PING)
    assert verdict is not None
    assert verdict.rule == "own-silence-guard"
    assert (verdict.kind, verdict.retryable) == (Kind.STREAM_SILENCE_TIMEOUT, True)


def test_content_in_hand_never_fires_the_guard() -> None:
    """A viewer that was slow to take an event does not kill a healthy stream."""
    guard = StreamGuard(0.0)
    assert guard.feed(1000.0, TEXT) is None
    assert guard.deadline == 1600.0
    assert guard.feed(5.0, TEXT) is None
    assert guard.deadline == 1600.0


def test_a_guard_that_has_fired_stays_so() -> None:
    """Content that comes after the verdict belongs to an attempt that is over."""
    guard = StreamGuard(0.0)
    first = guard.check(60.0)
    assert guard.feed(61.0, TEXT) is first is guard.check(0.0)
    assert guard.deadline is None


def test_each_guard_can_be_set_or_switched_off() -> None:
    """None switches one off; without the first, silence counts from the request on."""
    assert StreamGuard(0.0, startup_s=5, silence_s=None).deadline == 5
    assert StreamGuard(0.0, startup_s=None, silence_s=7).deadline == 7
    off = StreamGuard(0.0, startup_s=None, silence_s=None)
    assert off.deadline is None
    assert off.check(1e12) is None
    short = StreamGuard(0.0, startup_s=60, silence_s=7).check(7)
    assert short is not None
    assert short.kind is Kind.STREAM_SILENCE_TIMEOUT


@pytest.mark.parametrize("limit", [0, -1, math.nan, math.inf])
@pytest.mark.parametrize("name", ["startup_s", "silence_s"])
def test_a_limit_that_is_none_is_refused(name: str, limit: float) -> None:
    """The error names the field and the value, and how to switch the guard off."""
    limits: dict[str, Any] = {name: limit}
    with pytest.raises(ValueError, match=rf"{name} is {limit}; .* None to"):
        StreamGuard(0.0, **limits)


STEPS = st.lists(st.tuples(st.floats(0, 400), st.sampled_from([TEXT, PING, None])), max_size=20)


@given(STEPS)
def test_the_guard_fires_at_its_deadline_and_not_before(
    steps: list[tuple[float, dict[str, object] | None]],
) -> None:
    """Whoever looks exactly when told to never misses a verdict and never gets one early."""
    guard, now = StreamGuard(0.0), 0.0
    for gap, event in steps:
        due = guard.deadline
        assert due is not None
        assert due > now
        if now + gap >= due:
            assert guard.check(math.nextafter(due, 0)) is None
            assert guard.check(due) is not None
            return
        now += gap
        assert guard.feed(now, event) is None
    assert guard.fired is None


@given(st.dictionaries(st.text(max_size=6), st.integers() | st.text(max_size=6), max_size=4))
def test_no_event_raises(event: dict[str, object]) -> None:
    """A guard takes any mapping for what it is: no content."""
    assert StreamGuard(0.0).feed(1.0, event) is None
