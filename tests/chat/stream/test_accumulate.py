"""Folding events into parts, on events from the official SDKs over a real socket."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import anthropic
import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.chat import BlockPart, Part, Piece, ReasoningPart, TextPart, ToolCallPart, Usage
from chatlab.chat.stream.accumulator import Accumulator
from chatlab.chat.stream.contract import contract_for
from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, RESPONSES, Outcome

Event = dict[str, Any]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    body = b""

    def do_POST(self) -> None:
        """Read the request away and send the stream."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


Sdk = Callable[[str, list[Event]], list[object]]


@pytest.fixture(scope="module")
def sdk() -> Iterator[Sdk]:
    """Turns raw events into the objects that the official SDK of the protocol yields for them."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        with (
            anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as messages,
            openai.OpenAI(api_key="k", base_url=f"{url}/v1", max_retries=0) as other,
        ):

            def through(protocol: str, events: list[Event]) -> list[object]:
                frames = (
                    (f"event: {one['type']}\n" if "type" in one else "")
                    + f"data: {json.dumps(one)}\n\n"
                    for one in events
                )
                _Handler.body = "".join(frames).encode()
                ask: list[Any] = [{"role": "user", "content": "?"}]
                if protocol == ANTHROPIC:
                    return list(
                        messages.messages.create(model="m", max_tokens=9, messages=ask, stream=True)
                    )
                if protocol == RESPONSES:
                    return list(other.responses.create(model="m", input="?", stream=True))
                return list(other.chat.completions.create(model="m", messages=ask, stream=True))

            yield through
        server.shutdown()
        thread.join()


def _block(index: int, block: Event, *deltas: Event) -> list[Event]:
    start = {"type": "content_block_start", "index": index, "content_block": block}
    steps = [{"type": "content_block_delta", "index": index, "delta": one} for one in deltas]
    return [start, *steps, {"type": "content_block_stop", "index": index}]


def _text(text: str) -> Event:
    return {"type": "text_delta", "text": text}


MESSAGES: list[Event] = [
    {
        "type": "message_start",
        "message": {
            "id": "msg_7",
            "type": "message",
            "role": "assistant",
            "model": "claude-x",
            "content": [],
            "stop_reason": None,
            "usage": {
                "input_tokens": 10,
                "output_tokens": 1,
                "cache_read_input_tokens": 30,
                "cache_creation_input_tokens": 2,
            },
        },
    },
    *_block(
        0,
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "thinking_delta", "thinking": "Let me "},
        {"type": "thinking_delta", "thinking": "see."},
        {"type": "signature_delta", "signature": "c2ln"},
    ),
    *_block(1, {"type": "redacted_thinking", "data": "b3BhcXVl"}),
    *_block(2, {"type": "text", "text": ""}, _text("It is "), _text("sunny.")),
    *_block(
        3,
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {}},
        {"type": "input_json_delta", "partial_json": ""},
        {"type": "input_json_delta", "partial_json": '{"city":'},
        {"type": "input_json_delta", "partial_json": '"Köln"}'},
    ),
    *_block(
        4, {"type": "server_tool_use", "id": "srv_1", "name": "web_search", "input": {"q": "x"}}
    ),
    *_block(5, {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []}),
    {
        "type": "message_delta",
        "delta": {"stop_reason": "tool_use", "stop_sequence": None},
        "usage": {"output_tokens": 44, "output_tokens_details": {"thinking_tokens": 12}},
    },
    {"type": "message_stop"},
]


def _at(item: str, place: int, **more: object) -> Event:
    return {"item_id": item, "output_index": place, **more}


REASONING: Event = {
    "id": "rs_1",
    "type": "reasoning",
    "encrypted_content": "gAAA",
    "summary": [{"type": "summary_text", "text": t} for t in ("First.", "Second.")],
}
SAID: Event = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "It is sunny.", "annotations": []}],
}
CALL: Event = {
    "id": "fc_1",
    "type": "function_call",
    "call_id": "call_1",
    "name": "weather",
    "arguments": '{"city":"Köln"}',
}
SEARCH: Event = {
    "id": "ws_1",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "x"},
}
OUTPUT = [REASONING, SEARCH, SAID, CALL]


def _response(status: str, **more: object) -> Event:
    head = {"id": "resp_7", "object": "response", "model": "gpt-x", "output": []}
    return {**head, "status": status, **more}


RESPONSE: list[Event] = [
    {"type": "response.created", "response": _response("in_progress")},
    {
        "type": "response.output_item.added",
        "output_index": 0,
        "item": {"id": "rs_1", "type": "reasoning", "summary": [], "encrypted_content": "g"},
    },
    *(
        {
            "type": "response.reasoning_summary_text.delta",
            **_at("rs_1", 0, summary_index=n, delta=t),
        }
        for n, t in ((0, "First"), (0, "."), (1, "Second."))
    ),
    {"type": "response.output_item.done", "output_index": 0, "item": REASONING},
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {**SEARCH, "status": "in_progress"},
    },
    {"type": "response.web_search_call.searching", **_at("ws_1", 1)},
    {"type": "response.output_item.done", "output_index": 1, "item": SEARCH},
    {
        "type": "response.output_item.added",
        "output_index": 2,
        "item": {**SAID, "content": [], "status": "in_progress"},
    },
    {
        "type": "response.content_part.added",
        **_at("msg_1", 2, content_index=0),
        "part": {"type": "output_text", "text": "", "annotations": []},
    },
    *(
        {
            "type": "response.output_text.delta",
            **_at("msg_1", 2, content_index=0, delta=t, logprobs=[]),
        }
        for t in ("It is ", "sunny.")
    ),
    {
        "type": "response.output_text.done",
        **_at("msg_1", 2, content_index=0, text="It is sunny.", logprobs=[]),
    },
    {"type": "response.output_item.done", "output_index": 2, "item": SAID},
    {"type": "response.output_item.added", "output_index": 3, "item": {**CALL, "arguments": ""}},
    *(
        {"type": "response.function_call_arguments.delta", **_at("fc_1", 3, delta=t)}
        for t in ('{"city":', '"Köln"}')
    ),
    {
        "type": "response.function_call_arguments.done",
        **_at("fc_1", 3, name="weather", arguments=CALL["arguments"]),
    },
    {"type": "response.output_item.done", "output_index": 3, "item": CALL},
    {
        "type": "response.completed",
        "response": _response(
            "completed",
            output=OUTPUT,
            usage={
                "input_tokens": 42,
                "output_tokens": 44,
                "total_tokens": 86,
                "input_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 2},
                "output_tokens_details": {"reasoning_tokens": 12},
            },
        ),
    },
]


def _chunk(delta: Event, finish: str | None = None, index: int = 0, **more: object) -> Event:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-7", "object": "chat.completion.chunk", "created": 1, "model": "gpt-x"}
    return {**head, "choices": [choice], **more}


def _call(index: int, arguments: str, **head: object) -> Event:
    name = {"name": head.pop("name")} if "name" in head else {}
    return {"tool_calls": [{"index": index, **head, "function": {**name, "arguments": arguments}}]}


COMPLETION: list[Event] = [
    _chunk({"role": "assistant", "content": ""}),
    _chunk({"reasoning_content": "Let me "}),
    _chunk({"reasoning_content": "see."}),
    _chunk({"content": "It is "}),
    _chunk({"content": "sunny."}),
    _chunk(_call(0, "", id="call_1", name="weather", type="function")),
    _chunk(_call(0, '{"city":')),
    _chunk(_call(0, '"Köln"}')),
    _chunk(_call(1, "{}", id="call_2", name="time", type="function")),
    _chunk({}, "tool_calls"),
    {
        **_chunk({}),
        "choices": [],
        "usage": {
            "prompt_tokens": 42,
            "completion_tokens": 44,
            "total_tokens": 86,
            "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 2},
            "completion_tokens_details": {"reasoning_tokens": 12},
        },
    },
]
RECORDED = {ANTHROPIC: MESSAGES, RESPONSES: RESPONSE, CHAT: COMPLETION}
WEATHER = '{"city":"Köln"}'
EXPECTED: dict[str, tuple[Part, ...]] = {
    ANTHROPIC: (
        ReasoningPart("Let me see.", signature="c2ln"),
        ReasoningPart(encrypted="b3BhcXVl"),
        TextPart("It is sunny."),
        ToolCallPart("toolu_1", "weather", WEATHER),
        ToolCallPart("srv_1", "web_search", '{"q": "x"}', index=1, by_provider=True),
        BlockPart(
            "web_search_tool_result",
            {"type": "web_search_tool_result", "tool_use_id": "srv_1", "content": []},
        ),
    ),
    RESPONSES: (
        ReasoningPart("First.\n\nSecond.", ("First.", "Second."), "rs_1", encrypted="gAAA"),
        BlockPart("web_search_call", SEARCH),
        TextPart("It is sunny."),
        ToolCallPart("call_1", "weather", WEATHER, item_id="fc_1"),
    ),
    CHAT: (
        ReasoningPart("Let me see."),
        TextPart("It is sunny."),
        ToolCallPart("call_1", "weather", WEATHER),
        ToolCallPart("call_2", "time", "{}", index=1),
    ),
}
USAGE = Usage(42, 44, cached_tokens=30, cache_write_tokens=2, reasoning_tokens=12)


def _fold(events: Iterable[object]) -> tuple[Accumulator, list[Piece]]:
    accumulator = Accumulator()
    return accumulator, [piece for event in events for piece in accumulator.feed(event)]


def _shown(pieces: list[Piece]) -> dict[int, str]:
    shown: dict[int, str] = {}
    for piece in pieces:
        shown[piece.index] = shown.get(piece.index, "") + piece.text
    return shown


def _texts(parts: Iterable[Part]) -> dict[int, str]:
    return {
        index: part.arguments if isinstance(part, ToolCallPart) else part.text
        for index, part in enumerate(parts)
        if not isinstance(part, BlockPart)
    }


@pytest.mark.parametrize("protocol", RECORDED)
def test_the_events_of_the_sdk_become_parts(protocol: str, sdk: Sdk) -> None:
    """Text, reasoning, tool calls, blocks, ids and usage come out alike for every protocol."""
    contract, accumulator = contract_for(protocol), Accumulator()
    for event in sdk(protocol, RECORDED[protocol]):
        contract.feed(event)
        accumulator.feed(event)
    answer = accumulator.commit(contract.end())
    assert answer.parts == EXPECTED[protocol]
    assert answer.text == "It is sunny."
    assert answer.usage == USAGE
    assert answer.outcome is Outcome.COMPLETE
    assert answer.stop_reason in ("tool_use", "completed", "tool_calls")
    assert answer.response_id in ("msg_7", "resp_7", "chatcmpl-7")
    assert answer.model in ("claude-x", "gpt-x")


@pytest.mark.parametrize("protocol", RECORDED)
def test_sdk_objects_and_raw_dicts_fold_alike(protocol: str, sdk: Sdk) -> None:
    """What the SDK adds to or hides from the events changes nothing."""
    raw, raw_pieces = _fold(RECORDED[protocol])
    typed, typed_pieces = _fold(sdk(protocol, RECORDED[protocol]))
    assert (raw.parts, raw.usage, raw_pieces) == (typed.parts, typed.usage, typed_pieces)


@pytest.mark.parametrize("protocol", RECORDED)
def test_the_pieces_of_a_part_add_up_to_its_text(protocol: str) -> None:
    """After every event a viewer that joins the pieces sees what the accumulator holds."""
    accumulator, pieces = Accumulator(), list[Piece]()
    for event in RECORDED[protocol]:
        pieces += accumulator.feed(event)
        shown = _shown(pieces)
        texts = _texts(accumulator.parts)
        whole_input = {i for i, part in enumerate(accumulator.parts) if _is_whole(part)}
        for index, text in texts.items():
            assert index in whole_input or shown.get(index, "") == text


def _is_whole(part: Part) -> bool:
    """Whether a tool call came in one block, with nothing to show while it grew."""
    return isinstance(part, ToolCallPart) and part.by_provider


def test_a_piece_says_which_tool_is_called() -> None:
    """Every piece of a tool call carries its id and name, the first one without arguments."""
    _, pieces = _fold(MESSAGES)
    calls = [piece for piece in pieces if piece.part == "tool_call" and piece.id == "toolu_1"]
    assert [piece.text for piece in calls] == ["", '{"city":', '"Köln"}']
    assert {(piece.index, piece.name) for piece in calls} == {(3, "weather")}


@pytest.mark.parametrize("kept", ["first", "last", "all"])
def test_texts_that_only_the_whole_repeats_are_added_once(kept: str) -> None:
    """Without deltas, without items, or with everything: the same parts, and each text once."""
    deltas = [event for event in RESPONSE if ".delta" not in event["type"]]
    events = {"first": deltas, "last": [RESPONSE[0], RESPONSE[-1]], "all": RESPONSE}[kept]
    accumulator, pieces = _fold(events)
    assert accumulator.parts == EXPECTED[RESPONSES]
    texts = _texts(accumulator.parts)
    assert {index: text for index, text in _shown(pieces).items() if index in texts} == texts


def test_an_item_whose_id_changes_under_way_is_still_one() -> None:
    """Gateways that re-encrypt ids are followed by the place of the item."""
    events, ids = json.loads(json.dumps(RESPONSE)), itertools.count()
    for event in events:
        for holder in (event, event.get("item", {}), *event.get("response", {}).get("output", [])):
            for name in {"item_id", "id"} & holder.keys():
                holder[name] = f"opaque-{next(ids)}"
    accumulator, _ = _fold(events)
    assert [type(part) for part in accumulator.parts] == [type(p) for p in EXPECTED[RESPONSES]]
    assert _texts(accumulator.parts) == _texts(EXPECTED[RESPONSES])


def test_items_that_all_stand_at_place_0_are_told_apart() -> None:
    """Servers that never count output_index are followed by the ids of the items."""
    events = json.loads(json.dumps(RESPONSE))
    other = json.dumps(RESPONSE[-7:-1], ensure_ascii=False)
    second = json.loads(other.replace("_1", "_2").replace("Köln", "Bonn"))
    calls = [event for event in second if "fc_2" in json.dumps(event)]
    events[-1]["response"]["output"].append(calls[-1]["item"])
    events = [*events[:-1], *calls, events[-1]]
    for event in events:
        if "output_index" in event:
            event["output_index"] = 0
    accumulator, _ = _fold(events)
    expected = [*EXPECTED[RESPONSES]]
    expected.append(ToolCallPart("call_2", "weather", '{"city":"Bonn"}', 1, item_id="fc_2"))
    assert list(accumulator.parts) == expected


def test_an_item_that_ends_under_another_id_and_place_is_still_one() -> None:
    """A finished response that renumbers its items does not double what was streamed."""
    moved = [{**SEARCH, "id": "ws_9"}, {**REASONING, "id": "rs_9"}, {**SAID, "id": "msg_9"}]
    last = {"type": "response.completed", "response": _response("completed", output=moved)}
    deltas = [event for event in RESPONSE if event.get("item_id") in ("rs_1", "msg_1")]
    accumulator, pieces = _fold([*deltas, last])
    assert _texts(accumulator.parts) == {0: "First.\n\nSecond.", 1: "It is sunny."}
    assert [type(part) for part in accumulator.parts] == [ReasoningPart, TextPart, BlockPart]
    assert "".join(piece.text for piece in pieces).count("sunny") == 1


def test_citations_are_neither_lost_nor_doubled_by_the_finished_item() -> None:
    """A whole with citations replaces the streamed ones; a whole without leaves them."""
    cited = {"type": "url_citation", "url": "https://example.org"}
    noted = {
        "type": "response.output_text.annotation.added",
        **_at("msg_1", 0, content_index=0, annotation=cited),
    }
    for listed in ([], [cited]):
        part = {"type": "output_text", "text": "So.", "annotations": listed}
        done = {"type": "response.output_item.done", "item": {**SAID, "content": [part]}}
        accumulator, _ = _fold([noted, {**done, "output_index": 0}])
        assert accumulator.parts == (TextPart("So.", annotations=(cited,)),)


def test_a_finished_text_shows_what_its_deltas_missed() -> None:
    """Only the missing end is shown."""
    at = _at("m", 0, content_index=0)
    accumulator, pieces = _fold(
        [
            {"type": "response.output_text.delta", **at, "delta": "Ye"},
            {"type": "response.output_text.done", **at, "text": "Yes."},
        ]
    )
    assert accumulator.parts == (TextPart("Yes."),)
    assert [piece.text for piece in pieces] == ["Ye", "s."]


def test_a_finished_text_that_contradicts_its_deltas_wins() -> None:
    """The message tells the truth where a delta was lost; nothing is shown twice meanwhile."""
    accumulator, pieces = _fold(
        [
            {"type": "response.output_text.delta", **_at("m", 0, content_index=0, delta="Ye")},
            {"type": "response.output_text.done", **_at("m", 0, content_index=0, text="No.")},
        ]
    )
    assert accumulator.parts == (TextPart("No."),)
    assert [piece.text for piece in pieces] == ["Ye"]


def test_refusals_custom_tools_and_annotations_are_kept() -> None:
    """Rarer parts of a response keep what a later replay needs."""
    citation = {"type": "url_citation", "url": "https://example.org", "title": "t"}
    custom = {"id": "ctc_1", "type": "custom_tool_call", "call_id": "call_9", "name": "sql"}
    accumulator, _ = _fold(
        [
            {"type": "response.refusal.delta", **_at("m", 0, content_index=0, delta="I can't.")},
            {"type": "response.output_text.delta", **_at("m", 0, content_index=1, delta="But.")},
            {
                "type": "response.output_text.annotation.added",
                **_at("m", 0, content_index=1, annotation_index=0, annotation=citation),
            },
            {"type": "response.output_text.delta", **_at("m", 0, content_index=2, delta="So.")},
            {"type": "response.output_item.added", "output_index": 1, "item": custom},
            {"type": "response.custom_tool_call_input.delta", **_at("ctc_1", 1, delta="select 1")},
        ]
    )
    assert accumulator.parts == (
        TextPart("I can't.", refusal=True),
        TextPart("But.", annotations=(citation,)),
        TextPart("So."),
        ToolCallPart("call_9", "sql", "select 1", item_id="ctc_1", custom=True),
    )


def test_calls_that_all_stand_at_index_0_are_told_apart_by_id() -> None:
    """Some compatible servers number every tool call 0 and send each of them whole."""
    accumulator, _ = _fold(
        [
            _chunk(_call(0, '{"a":1}', id="x", name="one")),
            _chunk(_call(0, '{"b":', id="y", name="two")),
            _chunk(_call(0, "2}")),
            _chunk(
                {"tool_calls": [{"function": {"name": "more", "arguments": {"c": 3}}}]}, index=1
            ),
        ]
    )
    assert accumulator.parts == (
        ToolCallPart("x", "one", '{"a":1}'),
        ToolCallPart("y", "two", '{"b":2}', index=1),
        ToolCallPart("", "more", '{"c": 3}', index=2, choice=1),
    )


def test_choices_are_never_mixed() -> None:
    """With n=2 each choice has its own text, and the answer's text is the first one's."""
    accumulator, pieces = _fold(
        [
            _chunk({"content": "a"}),
            _chunk({"content": "x"}, index=1),
            _chunk({"content": "b"}, "stop"),
            _chunk({"content": "y"}, "stop", index=1),
        ]
    )
    assert accumulator.parts == (TextPart("ab"), TextPart("xy", choice=1))
    assert _shown(pieces) == {0: "ab", 1: "xy"}


def test_dialects_of_compatible_servers_are_read() -> None:
    """Reasoning under other names, content in pieces, whole messages, images, old calls."""
    detail = {"type": "reasoning.encrypted", "data": "ZW5j", "signature": "c2ln"}
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    whole = {"index": 0, "message": {"content": "All at once."}, "finish_reason": "stop"}
    folded = [
        _fold([_chunk({"reasoning": "Hm.", "reasoning_content": "Hm."})]),
        _fold([_chunk({"reasoning_details": [detail, {"text": "Hm."}]})]),
        _fold([_chunk({"reasoning": "Hm.", "reasoning_details": [{"text": "Hm."}]})]),
        _fold([_chunk({"content": [thinking, {"type": "text", "text": "So."}]})]),
        _fold([{"choices": [whole]}]),
        _fold([_chunk({"images": [image]})]),
        _fold([_chunk({"function_call": {"name": "f", "arguments": "{}"}})]),
    ]
    assert [accumulator.parts for accumulator, _ in folded] == [
        (ReasoningPart("Hm."),),
        (ReasoningPart("Hm.", signature="c2ln", encrypted="ZW5j"),),
        (ReasoningPart("Hm."),),
        (ReasoningPart("Hm."), TextPart("So.")),
        (TextPart("All at once."),),
        (BlockPart("image", image),),
        (ToolCallPart("", "f", "{}"),),
    ]


def test_usage_is_told_wherever_providers_put_it() -> None:
    """Running totals are not added up, and what nobody told is None, not zero."""
    assert _fold([_chunk({"content": "a"})])[0].usage is None
    running = [_chunk({}, usage={"prompt_tokens": 9, "completion_tokens": n}) for n in (1, 2, 3)]
    assert _fold(running)[0].usage == Usage(9, 3)
    groq = _chunk({}, x_groq={"usage": {"prompt_tokens": 9, "completion_tokens": 3}})
    assert _fold([groq])[0].usage == Usage(9, 3)
    moonshot = _chunk({})
    moonshot["choices"][0]["usage"] = {"prompt_tokens": 9, "cached_tokens": 4}
    assert _fold([moonshot])[0].usage == Usage(9, cached_tokens=4)
    hit = _chunk({}, usage={"prompt_tokens": 9, "prompt_cache_hit_tokens": 4})
    assert _fold([hit])[0].usage == Usage(9, cached_tokens=4)
    odd = _chunk({}, usage={"prompt_tokens": True, "completion_tokens": -3})
    assert _fold([odd])[0].usage is None


def test_the_tokens_of_a_thrown_away_attempt_can_be_added() -> None:
    """A cut Anthropic stream has told its input already; sums keep the five counts apart."""
    cut, _ = _fold(MESSAGES[:5])
    assert cut.usage == Usage(42, 1, cached_tokens=30, cache_write_tokens=2)
    assert cut.usage + USAGE == Usage(84, 45, 60, 4, 12)


@pytest.mark.parametrize("protocol", RECORDED)
def test_a_cut_attempt_cannot_be_committed(protocol: str) -> None:
    """Parts are provisional: a failed ending makes no answer of them, however far they came."""
    for kept in range(len(RECORDED[protocol]) - 2):
        contract, accumulator = contract_for(protocol), Accumulator()
        for event in RECORDED[protocol][:kept]:
            contract.feed(event)
            accumulator.feed(event)
        with pytest.raises(ValueError, match=r"commit: .*stopped before its end.*drop them"):
            accumulator.commit(contract.end())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KNOWN = [event for events in RECORDED.values() for event in events]
NAMES = sorted(
    {name for event in KNOWN for name in event}
    | {
        name
        for event in KNOWN
        for value in event.values()
        if isinstance(value, dict)
        for name in value
    }
)


def _hurt(event: Event, changes: list[tuple[str, object]]) -> Event:
    hurt: Event = json.loads(json.dumps(event))
    for name, value in changes:
        inner = [one for one in hurt.values() if isinstance(one, dict)]
        (inner[0] if inner and name not in hurt else hurt)[name] = value
    return hurt


@given(
    st.lists(
        st.builds(
            _hurt,
            st.sampled_from(KNOWN),
            st.lists(st.tuples(st.sampled_from(NAMES), JSON), max_size=3),
        )
        | JSON,
        max_size=8,
    )
)
def test_no_event_raises(events: list[object]) -> None:
    """Real events in any order, with any of their fields replaced by anything, are folded."""
    accumulator, pieces = _fold(events)
    assert len(accumulator.parts) >= len({piece.index for piece in pieces})
    assert accumulator.usage is None or min(accumulator.usage.input_tokens, 0) == 0


@given(st.lists(st.text(min_size=1, max_size=5), max_size=30))
def test_any_chunking_of_a_text_gives_the_text(chunks: list[str]) -> None:
    """Nothing is lost or doubled, whatever the texts are."""
    for event in ("choices", "content_block_delta", "response.output_text.delta"):
        events: list[Event] = [
            _chunk({"content": text})
            if event == "choices"
            else {"type": event, "index": 0, "delta": _text(text)}
            if event == "content_block_delta"
            else {"type": event, **_at("m", 0, content_index=0, delta=text)}
            for text in chunks
        ]
        accumulator, pieces = _fold(events)
        whole = "".join(chunks)
        assert accumulator.parts == ((TextPart(whole),) if whole else ())
        assert "".join(piece.text for piece in pieces) == whole
