"""An attempt takes further pieces of a text by a short way; nothing else may come of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chatlab.chat.messages.events import TurnEvent
from chatlab.chat.stream.attempt import Attempt
from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, RESPONSES
from chatlab.chat.stream.guards import StreamGuard
from chatlab.chat.stream.stream_end import StreamEnd

Event = dict[str, Any]


def _chunk(delta: Event, index: int = 0, reason: str | None = None, **more: object) -> Event:
    choice = {"index": index, "delta": delta, "finish_reason": reason}
    return {"id": "c", "model": "m", "choices": [choice], **more}


def _block(form: str, field: str, text: str, index: int = 0) -> Event:
    return {"type": "content_block_delta", "index": index, "delta": {"type": form, field: text}}


def _item(kind: str, **more: object) -> Event:
    item = {"type": kind, "id": "i1", "call_id": "call", "name": "f"}
    return {"type": "response.output_item.added", "output_index": 0, "item": item, **more}


def _text(kind: str, delta: object, nth: int = 0, item: str = "i1") -> Event:
    index = "summary_index" if "summary" in kind else "content_index"
    return {
        "type": f"response.{kind}",
        "item_id": item,
        "output_index": 0,
        index: nth,
        "delta": delta,
    }


USAGE = {"prompt_tokens": 3, "completion_tokens": 4}
EVENTS: dict[str, list[Event]] = {
    CHAT: [
        _chunk({"role": "assistant", "content": ""}),
        _chunk({"content": "a"}),
        _chunk({"content": "b"}),
        _chunk({"role": "assistant", "content": "c"}),
        _chunk({"content": "d"}, 1),
        _chunk({"content": None}),
        _chunk({"content": "e", "reasoning": "f"}),
        _chunk({"content": "g"}, usage=USAGE),
        {**_chunk({}), "choices": [{"index": 0, "delta": {"content": "k"}, "usage": USAGE}]},
        _chunk({"content": "h"}, reason="stop"),
        _chunk({}, reason="length"),
        _chunk({"refusal": "i"}),
        _chunk({"tool_calls": [{"index": 0, "id": "t", "function": {"arguments": "{}"}}]}),
        {"choices": [], "usage": USAGE},
        {"error": {"message": "no"}, "choices": [{"index": 0, "delta": {"content": "j"}}]},
    ],
    ANTHROPIC: [
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "t"},
        },
        _block("text_delta", "text", "a"),
        _block("text_delta", "text", "b"),
        _block("text_delta", "text", "", 0),
        _block("text_delta", "text", "c", 1),
        _block("thinking_delta", "thinking", "d", 2),
        _block("input_json_delta", "partial_json", "{", 1),
        _block("input_json_delta", "partial_json", "}", 1),
        _block("signature_delta", "signature", "s", 2),
        {"type": "content_block_stop", "index": 0},
        {"type": "ping"},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn"},
            "usage": {"output_tokens": 2},
        },
        {"type": "message_stop"},
    ],
    RESPONSES: [
        {"type": "response.created", "response": {"id": "r", "model": "m"}},
        _item("message"),
        _item("function_call"),
        _text("output_text.delta", "a"),
        _text("output_text.delta", "b"),
        _text("output_text.delta", ""),
        _text("output_text.delta", "c", 1),
        _text("output_text.delta", "d", item="i2"),
        {**_text("output_text.done", None), "text": "ab"},
        {**_text("output_text.done", None), "text": "other"},
        _text("refusal.delta", "e"),
        _text("reasoning_summary_text.delta", "f"),
        _text("reasoning_summary_text.delta", "g", 1),
        _text("function_call_arguments.delta", "{}"),
        {"type": "response.completed", "response": {"id": "r", "status": "completed"}},
        {"type": "response.failed", "response": {"error": {"code": "server_error"}}},
    ],
}


def outcome(
    protocol: str, events: list[Event], short: bool
) -> tuple[list[TurnEvent], object, object]:
    """What an attempt shows of `events`, and how it ends; with or without the short way."""
    calls: list[object] = []
    attempt = Attempt(1, 0.0, StreamGuard(0.0), protocol, on_tool_call=calls.append)
    shown: list[TurnEvent] = []
    for now, item in enumerate([*events, StreamEnd(None, True, False, None)], 1):
        if attempt.over:
            break
        more = attempt.more(float(now), item) if short else None
        shown += attempt.feed(float(now), item) if more is None else [more]
    discarded = attempt.discarded(99.0)
    ended = (attempt.verdict, attempt.deadline, attempt.response_id, discarded)
    return shown, (attempt.answer, calls), ended


@pytest.mark.slow
@pytest.mark.parametrize("protocol", EVENTS)
@given(data=some.data())
def test_the_short_way_gives_the_same_as_the_long_one(protocol: str, data: some.DataObject) -> None:
    """Pieces, answer, tool calls, verdict and deadline, for events in any order."""
    events = data.draw(some.lists(some.sampled_from(EVENTS[protocol]), max_size=25))
    assert outcome(protocol, events, short=True) == outcome(protocol, events, short=False)


@pytest.mark.parametrize(
    ("protocol", "first", "delta"),
    [
        (CHAT, _chunk({"role": "assistant", "content": ""}), _chunk({"content": "a"})),
        (ANTHROPIC, EVENTS[ANTHROPIC][1], _block("text_delta", "text", "a")),
        (RESPONSES, _item("message"), _text("output_text.delta", "a")),
    ],
)
def test_all_but_the_first_piece_of_a_text_take_the_short_way(
    protocol: str, first: Event, delta: Event
) -> None:
    """Otherwise a turn costs several times as much an event."""
    attempt = Attempt(1, 0.0, StreamGuard(0.0), protocol)
    taken = []
    for item in [first, *[delta] * 5]:
        taken.append(attempt.more(1.0, item) is not None)
        if not taken[-1]:
            list(attempt.feed(1.0, item))
    assert taken == [False, False, True, True, True, True]
