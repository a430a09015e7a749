"""Full replay: valid input for three APIs, out of any history."""

from __future__ import annotations

import base64
import json
import re
import socket
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

import anthropic
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.provider_rules import (
    anthropic_complaints,
    chat_complaints,
    fits,
    responses_complaints,
    shape_complaints,
)
from support.sockets import Serve, read_request, response

from chatlab.chat.messages.content import (
    Content,
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    ToolResultPart,
)
from chatlab.chat.messages.events import Answer
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import Message, encode
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.render.anthropic_messages import OPENING
from chatlab.chat.render.call_pairing import LOST_RESULT
from chatlab.chat.render.full_history import ReplayInput, replay_input
from chatlab.chat.render.openai_responses import tool_outputs
from chatlab.chat.stream.accumulator import Accumulator
from chatlab.chat.stream.contracts import ANTHROPIC, CHAT, PROTOCOLS, RESPONSES, Outcome

PNG: Final = FilePart("image/png", data="aGk=")
SEARCH: Final = BlockPart(
    "web_search_call",
    {"id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
)
THOUGHT: Final = ReasoningPart("hm", ("hm",), id="rs_1", encrypted="opaque")
CALL: Final = ToolCallPart("call_1", "look", '{"at": 1}', item_id="fc_1")
RESULT: Final = ToolResultPart("call_1", "seen")
HI: Final = Message("user", "Hi")
MORE: Final = Message("user", "More")

TEXTS = st.sampled_from(["Hi", " ", "", "two words ", "\ud83d half"])
CALL_IDS = st.sampled_from(["call_1", "call_2", "", "functions.f:0", "x" * 70, "a b"])
ITEM_IDS = st.sampled_from([None, "fc_1", "fc_2"])
RUN_IDS = st.sampled_from(["srvtoolu_1", "srvtoolu_2", "other"])
CALLS = st.builds(
    ToolCallPart,
    CALL_IDS,
    st.sampled_from(["look", "functions.look", "", "n" * 200]),
    st.sampled_from(["", "{}", '{"a": [1]}', "[1]", "{cut", "free text"]),
    item_id=ITEM_IDS,
    custom=st.booleans(),
)
RUNS = st.builds(
    ToolCallPart, RUN_IDS, st.sampled_from(["web_search", "odd"]), by_provider=st.just(True)
)
RUN_RESULTS = st.builds(
    BlockPart,
    st.sampled_from(["web_search_tool_result", "web_fetch_tool_result"]),
    RUN_IDS.map(lambda run_id: {"tool_use_id": run_id, "content": []}),
)
REASONING = st.builds(
    ReasoningPart,
    TEXTS,
    st.just(("s",)),
    st.sampled_from([None, "", "rs_1", "rs_2", "rs_3"]),
    st.sampled_from([None, "signed"]),
    st.sampled_from([None, "opaque"]),
)
SEARCHES = st.builds(
    BlockPart,
    st.sampled_from(["web_search_call", "web_search_call", "mystery_call"]),
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(["ws_1", "ws_2", "", None]),
            "status": st.sampled_from(["completed", "searching", "failed"]),
        },
        optional={"action": st.just({"type": "search", "query": "q"})},
    ),
)
FILES = (
    st.builds(
        FilePart,
        st.sampled_from(["image/png", "image/svg+xml", "application/pdf", "text/plain", "x/y"]),
        data=st.just(base64.b64encode("täxt".encode()).decode()),
        name=st.sampled_from([None, "a name"]),
    )
    | st.builds(
        FilePart,
        st.sampled_from(["image/png", "image/heic", "application/pdf", "text/plain", "x/y"]),
        url=st.just("https://x.test/f"),
    )
    | st.builds(
        FilePart,
        st.sampled_from(["image/png", "application/pdf", "x/y"]),
        file_id=st.just("file-1"),
    )
)
RESULTS = st.builds(
    ToolResultPart,
    CALL_IDS,
    TEXTS | st.just("data:image/png;base64,aGk="),
    st.lists(FILES.filter(lambda file: file.is_image), max_size=1).map(tuple),
    st.booleans(),
    st.just(False),
)
TEXT_PARTS = st.builds(TextPart, TEXTS)
CONTEXTS = st.builds(ContextPart, st.just("rules"), TEXTS)
REFERENCES = st.builds(
    FileReferencePart, st.just("a.py"), st.none() | st.just(3), st.just(None), TEXTS
)
MARKERS = st.just(MarkerPart("skill"))
PARTS_OF = {
    "system": TEXT_PARTS | CONTEXTS,
    "user": TEXT_PARTS | REASONING | FILES | REFERENCES | CONTEXTS | MARKERS,
    "assistant": st.one_of(
        *(TEXT_PARTS, REASONING, CALLS, CALLS, RESULTS, RUNS, RUN_RESULTS, SEARCHES, MARKERS),
    ),
    "tool": RESULTS | RESULTS | MARKERS,
}


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Histories as broken as a store can hold them, with something from the person at the end."""
    roles = st.sampled_from(["system", "user", "assistant", "assistant", "tool", "tool"])
    history = []
    for role in draw(st.lists(roles, max_size=7)):
        parts = draw(st.lists(PARTS_OF[role], max_size=4))
        kept: dict[str, Any] = {
            "model": draw(st.sampled_from([None, "m", "n"])),
            "stored": draw(st.booleans()),
        }
        history.append(Message(role, parts, **kept))
    return history + ([HI] if draw(st.booleans()) or not any(map(speaks, history)) else [])


def speaks(message: Message) -> bool:
    """Whether any API is sent something for this message alone."""
    texts = [part.text for part in message.parts if isinstance(part, TextPart)]
    return message.role in ("user", "assistant") and any(text.strip() for text in texts)


def held_by_provider(
    history: Iterable[Message],
) -> tuple[dict[str, frozenset[str]], frozenset[str]]:
    """Before which items the reasoning stood when the provider gave them, and what it can look up."""
    held: dict[str, frozenset[str]] = {}
    known: set[str] = set()
    for message in history:
        parts = [part for part in message.parts if not isinstance(part, MarkerPart)]
        for before, part in zip([None, *parts], parts, strict=False):
            item_id = part.data.get("id") if isinstance(part, BlockPart) else None
            item_id = part.item_id if isinstance(part, ToolCallPart) else item_id
            if (
                isinstance(item_id, str)
                and isinstance(before, ReasoningPart)
                and item_id
                and before.id
            ):
                held[item_id] = held.get(item_id, frozenset()) | {before.id}
            if isinstance(part, ReasoningPart) and part.id and message.stored:
                known.add(part.id)
    return held, frozenset(known)


def complaints(protocol: str, history: Sequence[Message], replay: ReplayInput) -> list[str]:
    """What the API and its SDK would say to a replay."""
    request = replay.request
    json.dumps(request, ensure_ascii=False).encode()
    if protocol == RESPONSES:
        found = responses_complaints(request["input"], *held_by_provider(history))
    elif protocol == CHAT:
        found = chat_complaints(request["messages"])
    else:
        found = anthropic_complaints(request)
    return [*found, *shape_complaints(request)]


def kinds(items: Iterable[dict[str, Any]]) -> list[str]:
    return [item["type"] for item in items]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None)
@given(data=st.data())
def test_a_replay_is_valid_whatever_the_history_holds(protocol: str, data: st.DataObject) -> None:
    """No API finds anything to refuse, and every object is of the SDK's own types."""
    history = data.draw(histories())
    model = data.draw(st.sampled_from([None, "m"]))
    references = data.draw(st.booleans())
    replay = replay_input(protocol, history, model=model, references=references)
    assert complaints(protocol, history, replay) == []
    if protocol == RESPONSES and not references:
        assert "item_reference" not in kinds(replay.request["input"])


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None)
@given(history=histories())
def test_what_people_wrote_and_tools_gave_is_never_lost(
    protocol: str, history: list[Message]
) -> None:
    """Each visible text goes over, and each result that is paired with a call."""
    numbered = [
        Message(m.role, [mark(part, f"#{n}.{i}#") for i, part in enumerate(m.parts)])
        for n, m in enumerate(history)
    ]
    replay = replay_input(protocol, numbered)
    sent = json.dumps(replay.request)
    for n, message in enumerate(numbered):
        for i, part in enumerate(message.parts):
            if isinstance(part, TextPart | ContextPart | FileReferencePart):
                assert f"#{n}.{i}#" in sent
            dropped = any(one.startswith(f"messages[{n}]: the result") for one in replay.repairs)
            if isinstance(part, ToolResultPart) and not dropped:
                assert f"#{n}.{i}#" in sent


def mark(part: Content, sign: str) -> Content:
    """`part` with a text that can be found again."""
    if isinstance(part, TextPart | ToolResultPart):
        return replace(part, text=sign)
    return (
        replace(part, content=sign) if isinstance(part, ContextPart | FileReferencePart) else part
    )


@pytest.mark.parametrize("protocol", PROTOCOLS)
@settings(deadline=None)
@given(history=histories())
def test_a_replay_is_the_same_from_json_and_every_time(
    protocol: str, history: list[Message]
) -> None:
    """Ids that are made up are made up the same way, so that a prompt cache can hit."""
    again = replay_input(protocol, json.loads(json.dumps(encode(history))))
    assert replay_input(protocol, history) == again


def test_the_checks_refuse_what_the_apis_refuse() -> None:
    """The validators that these tests lean on do find the faults that were seen in the wild."""
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c", "output": ""}
    search = {"type": "web_search_call", "id": "ws_1", **SEARCH.data}
    thought = {"type": "reasoning", "id": "rs_1", "summary": []}
    held = {"ws_1": frozenset({"rs_1"})}
    refused: list[tuple[list[dict[str, Any]], str]] = [
        ([call], "No tool output found"),
        ([output], "No tool call found"),
        ([output, call], "No tool call found"),
        ([call, output, output], "duplicate output"),
        ([call, call, output], "duplicate call"),
        ([thought, search, thought, search], "Duplicate item"),
        ([search], "without its required 'reasoning' item"),
        ([thought, call, output], "without its required following item"),
        ([{"type": "item_reference", "id": "rs_1"}, search], "not found"),
    ]
    for items, complaint in refused:
        found = list(responses_complaints(items, held, frozenset()))
        assert any(complaint in one for one in found), (items, found)
    assert not list(responses_complaints([thought, search, call, output], held, frozenset()))
    assert shape_complaints({"input": [{**thought, "mystery": 1}]})
    assert shape_complaints({"input": [{"type": "reasoning", "id": "rs_1"}]})
    assert not fits(list[str], [1])


def test_responses_get_items_in_order_and_reasoning_by_value() -> None:
    """Reasoning goes with its encrypted content, in front of the item that it led to."""
    history = [
        Message("system", "Be kind."),
        HI,
        Message("assistant", [TextPart("Let me look."), THOUGHT, CALL]),
        Message("tool", RESULT),
        Message("assistant", "There it is."),
        MORE,
    ]
    assert replay_input(RESPONSES, history).request["input"] == [
        {"type": "message", "role": "system", "content": [text("Be kind.")]},
        {"type": "message", "role": "user", "content": [text("Hi")]},
        {"type": "message", "role": "assistant", "content": "Let me look."},
        {
            "type": "reasoning",
            "id": "rs_1",
            "summary": [{"type": "summary_text", "text": "hm"}],
            "encrypted_content": "opaque",
        },
        {
            "type": "function_call",
            "call_id": "call_1",
            "name": "look",
            "arguments": '{"at": 1}',
            "id": "fc_1",
        },
        {"type": "function_call_output", "call_id": "call_1", "output": "seen"},
        {"type": "message", "role": "assistant", "content": "There it is."},
        {"type": "message", "role": "user", "content": [text("More")]},
    ]


def test_chat_completions_get_messages_in_order() -> None:
    """An answer that only calls has no content; its results stand directly behind it."""
    history = [HI, Message("assistant", CALL), MORE, Message("tool", RESULT)]
    assert replay_input(CHAT, history).request["messages"] == [
        {"role": "user", "content": "Hi"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "look", "arguments": '{"at": 1}'},
                }
            ],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "seen"},
        {"role": "user", "content": "More"},
    ]


def text(words: str) -> dict[str, str]:
    return {"type": "input_text", "text": words}


def test_a_streamed_answer_goes_back_as_it_came() -> None:
    """From the provider's items through a stored message to the same items; texts lose their id."""
    said = {"type": "output_text", "text": "There.", "annotations": []}
    search = {"type": "web_search_call", "id": "ws_1", **SEARCH.data}
    call = {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1"}
    output: list[dict[str, Any]] = [
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "one"},
        search,
        {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "two"},
        {**call, "name": "look", "arguments": "{}"},
        {"type": "message", "id": "msg_1", "role": "assistant", "content": [said]},
    ]
    collected = Accumulator()
    collected.feed({"type": "response.completed", "response": {"id": "resp_1", "output": output}})
    answer = Answer(Outcome.COMPLETE, collected.parts, response_id=collected.response_id)
    written = json.dumps(encode([Message.answered(answer, model="m", store=True)]))
    stored = History.read(json.loads(written)).whole()
    items = replay_input(RESPONSES, [HI, *stored, Message("tool", RESULT)]).request["input"][1:]
    assert items[:3] == output[:3]
    assert items[3] == {k: v for k, v in output[3].items() if k != "status"}
    assert items[4] == {"type": "message", "role": "assistant", "content": "There."}
    assert kinds(items[5:]) == ["function_call_output"]


@pytest.mark.parametrize(
    ("encrypted", "stored", "references", "sent"),
    [
        ("opaque", True, True, "reasoning"),
        ("opaque", False, True, "reasoning"),
        (None, True, True, "item_reference"),
        (None, False, True, None),
        (None, True, False, None),
    ],
)
def test_reasoning_goes_by_reference_only_when_stored(
    encrypted: str | None, stored: bool, references: bool, sent: str | None
) -> None:
    """Without its content and without a store it is left out, and so is the search behind it."""
    thought = replace(THOUGHT, encrypted=encrypted)
    message = Message("assistant", [thought, SEARCH, TextPart("Found.")], stored=stored)
    replay = replay_input(RESPONSES, [HI, message, MORE], references=references)
    expected = [sent, "web_search_call"] if sent else []
    assert kinds(replay.request["input"][1:-1]) == [*expected, "message"]
    assert len(replay.left_out) == (0 if sent else 2)
    assert replay.repairs == ()


@pytest.mark.parametrize(
    "parts",
    [
        [SEARCH],
        [TextPart("x"), SEARCH],
        [THOUGHT, TextPart("x"), SEARCH],
        [THOUGHT, BlockPart("web_search_call", {**SEARCH.data, "status": "searching"})],
        [THOUGHT, BlockPart("web_search_call", {"id": "ws_1", "status": "completed"})],
        [THOUGHT, BlockPart("web_search_call", {**SEARCH.data, "id": None})],
        [THOUGHT, BlockPart("mystery_call", SEARCH.data)],
    ],
)
def test_a_search_is_replayed_only_directly_after_its_reasoning(parts: list[Content]) -> None:
    """Nor is one that never ended, that lacks a field, or that nobody knows."""
    replay = replay_input(RESPONSES, [HI, Message("assistant", parts, stored=True)])
    assert set(kinds(replay.request["input"])) == {"message"}
    assert any("_call, is left out" in one for one in replay.left_out)


def test_a_marker_does_not_part_a_search_from_its_reasoning() -> None:
    """What no model sees does not stand between two items."""
    parts: list[Content] = [THOUGHT, MarkerPart("chip"), SEARCH]
    replay = replay_input(RESPONSES, [HI, Message("assistant", parts)])
    assert kinds(replay.request["input"]) == ["message", "reasoning", "web_search_call"]


def test_what_was_taken_out_still_parts_reasoning_from_a_later_call() -> None:
    """The reasoning led to the item that is gone, and the provider remembers which."""
    gone = ToolCallPart("srvtoolu_1", "web_search", by_provider=True)
    moved, blank = ToolResultPart("call_9", "moved away"), TextPart(" ")
    between: Content
    for between in (gone, moved, blank):
        answer = Message("assistant", [THOUGHT, between, CALL], stored=True)
        items = replay_input(RESPONSES, [HI, answer, Message("tool", RESULT)]).request["input"]
        assert kinds(items) == ["message", "function_call", "function_call_output"]
        assert "id" not in items[1]


def test_an_item_is_never_sent_twice() -> None:
    """A second row of the same answer loses its ids, and its call."""
    answer = Message("assistant", [THOUGHT, SEARCH, replace(THOUGHT, id="rs_2"), CALL])
    replay = replay_input(RESPONSES, [HI, answer, Message("tool", RESULT), answer, MORE])
    ids = [item["id"] for item in replay.request["input"] if "id" in item]
    assert ids == ["rs_1", "ws_1", "rs_2", "fc_1"]
    assert replay.repairs == (
        "messages[3]: the call 'call_1' is there twice; the second is left out",
    )


def test_reasoning_that_is_there_twice_leads_one_item_only() -> None:
    """The second item that claims it goes without an id, so that nobody asks for its reasoning."""
    other = ToolCallPart("call_2", "look", item_id="fc_2")
    answers = [Message("assistant", [THOUGHT, CALL]), Message("assistant", [THOUGHT, other])]
    items = replay_input(RESPONSES, [HI, *answers]).request["input"]
    sent = [item.get("id") for item in items if item["type"] in ("reasoning", "function_call")]
    assert sent == ["rs_1", "fc_1", None]


def test_the_reasoning_of_another_model_is_left_out() -> None:
    """Only its maker can read it; the call that it led to stays, without its id."""
    history = [HI, Message("assistant", [THOUGHT, CALL], model="other"), Message("tool", RESULT)]
    items = replay_input(RESPONSES, history, model="gpt-5").request["input"]
    assert kinds(items) == ["message", "function_call", "function_call_output"]
    assert "id" not in items[1]
    signed = Message(
        "assistant", [ReasoningPart("hm", signature="s"), TextPart("x")], model="other"
    )
    messages = replay_input(ANTHROPIC, [HI, signed], model="claude").request["messages"]
    assert kinds(messages[1]["content"]) == ["text"]


REPAIRS: Final = {
    "lost result": (
        [HI, Message("assistant", CALL), MORE],
        ["messages[1]: the call 'call_1' has no result; one that says so is added"],
        [("call_1", LOST_RESULT)],
    ),
    "orphan result": (
        [HI, Message("tool", RESULT), MORE],
        ["messages[1]: the result of 'call_1' has no call before it; it is left out"],
        [],
    ),
    "result before its call": (
        [HI, Message("tool", RESULT), Message("assistant", CALL)],
        [
            "messages[1]: the result of 'call_1' has no call before it; it is left out",
            "messages[2]: the call 'call_1' has no result; one that says so is added",
        ],
        [("call_1", LOST_RESULT)],
    ),
    "second result": (
        [HI, Message("assistant", CALL), Message("tool", [RESULT, replace(RESULT, text="late")])],
        ["messages[2]: the result of 'call_1' is the call's second one; it is left out"],
        [("call_1", "seen")],
    ),
    "second call": (
        [HI, Message("assistant", [CALL, replace(CALL, item_id=None)]), Message("tool", RESULT)],
        ["messages[1]: the call 'call_1' is there twice; the second is left out"],
        [("call_1", "seen")],
    ),
    "another call of the same id": (
        [
            *(HI, Message("assistant", CALL), MORE),
            *(Message("assistant", ToolCallPart("call_1", "other")), Message("tool", RESULT)),
        ],
        ["messages[1]: the call 'call_1' has no result; one that says so is added"],
        [("call_1", LOST_RESULT), ("call_1-2", "seen")],
    ),
    "late result": (
        [HI, Message("assistant", CALL), MORE, Message("tool", RESULT), MORE],
        [],
        [("call_1", "seen")],
    ),
    "text between": (
        [HI, Message("assistant", CALL), Message("assistant", "So."), Message("tool", RESULT)],
        [],
        [("call_1", "seen")],
    ),
    "numbered anew": (
        [
            *(HI, Message("assistant", replace(CALL, item_id=None)), Message("tool", RESULT)),
            Message("assistant", replace(CALL, item_id=None)),
            Message("tool", replace(RESULT, text="seen again")),
        ],
        [],
        [("call_1", "seen"), ("call_1-2", "seen again")],
    ),
    "without ids": (
        [
            Message("assistant", [ToolCallPart("", "a"), ToolCallPart("", "b")]),
            Message("tool", [ToolResultPart("", "first"), ToolResultPart("", "second")]),
        ],
        [],
        [("call", "first"), ("call-2", "second")],
    ),
    "provider's call alone": (
        [HI, Message("assistant", [ToolCallPart("srvtoolu_1", "web_search", by_provider=True)])],
        ["messages[1]: parts[0], a tool that the provider ran, is no pair; left out"],
        [],
    ),
    "provider's result alone": (
        [HI, Message("assistant", BlockPart("web_search_tool_result", {"tool_use_id": "s"}))],
        ["messages[1]: parts[0], a tool that the provider ran, is no pair; left out"],
        [],
    ),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("case", REPAIRS)
def test_broken_pairs_are_repaired_or_refused(protocol: str, case: str) -> None:
    """Each call ends up with one result directly behind its message; strict refuses instead."""
    history, repairs, pairs = REPAIRS[case]
    replay = replay_input(protocol, history)
    assert list(replay.repairs) == repairs
    assert list(results(protocol, replay.request)) == pairs
    assert complaints(protocol, history, replay) == []
    if repairs:
        with pytest.raises(ValueError, match=re.escape(repairs[0])):
            replay_input(protocol, history, strict=True)
    else:
        assert replay_input(protocol, history, strict=True) == replay


def results(protocol: str, request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The results of a request: the call's id, and the text."""
    for item in request.get("input") or request["messages"]:
        if item.get("type") == "function_call_output":
            yield item["call_id"], item["output"]
        elif item.get("role") == "tool":
            yield item["tool_call_id"], item["content"]
        elif protocol == ANTHROPIC:
            for block in item["content"]:
                if block["type"] == "tool_result":
                    yield block["tool_use_id"], block["content"][0]["text"]


@pytest.mark.parametrize("limit", [(RESPONSES, 64), (CHAT, 40), (ANTHROPIC, 64)])
def test_an_id_that_an_api_refuses_is_changed_on_both_sides(limit: tuple[str, int]) -> None:
    """Too long anywhere, and odd characters where the API minds them; a good id stays."""
    protocol, most = limit
    for call_id in ("x" * most, "x" * (most + 1), "functions.f:0", "a b"):
        call, result = replace(CALL, id=call_id), replace(RESULT, call_id=call_id)
        replay = replay_input(protocol, [HI, Message("assistant", call), Message("tool", result)])
        ((sent, _),) = results(protocol, replay.request)
        odd = " " in call_id or ("." in call_id and protocol == ANTHROPIC)
        assert (sent == call_id) is (len(call_id) <= most and not odd)
        assert replay.repairs == ()


def test_a_provider_run_pair_goes_back_to_anthropic() -> None:
    """The call and its result block are replayed whole, and are told to no other API."""
    call = ToolCallPart("srvtoolu_1", "web_search", '{"query": "q"}', by_provider=True)
    block = BlockPart("web_search_tool_result", {"tool_use_id": "srvtoolu_1", "content": []})
    history = [HI, Message("assistant", [call, block, TextPart("Found.")]), MORE]
    replay = replay_input(ANTHROPIC, history)
    assert replay.request["messages"][1]["content"] == [
        {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "q"},
        },
        {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
        {"type": "text", "text": "Found."},
    ]
    assert replay.left_out == replay.repairs == ()
    for protocol in (RESPONSES, CHAT):
        elsewhere = replay_input(protocol, history)
        assert len(elsewhere.left_out) == 2
        assert elsewhere.repairs == ()


@pytest.mark.parametrize(
    ("run_id", "kind", "data"),
    [
        ("srvtoolu_1", "web_search_tool_result", {}),
        ("srvtoolu_1", "web_fetch_tool_result", {"content": []}),
        ("toolu_1", "web_search_tool_result", {"content": []}),
    ],
)
def test_a_provider_run_pair_that_anthropic_would_refuse_is_left_out(
    run_id: str, kind: str, data: dict[str, object]
) -> None:
    """Without content, with the result of another tool, or under an id that is not its own."""
    call = ToolCallPart(run_id, "web_search", by_provider=True)
    block = BlockPart(kind, {"tool_use_id": run_id, **data})
    replay = replay_input(ANTHROPIC, [HI, Message("assistant", [call, block, TextPart("x")])])
    assert kinds(replay.request["messages"][1]["content"]) == ["text"]
    assert len(replay.left_out) == 2


def test_a_provider_run_pair_is_sent_once() -> None:
    """A second row of the same answer loses its pair: the ids have to be unique."""
    call = ToolCallPart("srvtoolu_1", "web_search", by_provider=True)
    block = BlockPart("web_search_tool_result", {"tool_use_id": "srvtoolu_1", "content": []})
    answer = Message("assistant", [call, block, TextPart("x")])
    replay = replay_input(ANTHROPIC, [HI, answer, MORE, answer, MORE])
    assert [kinds(one["content"]) for one in replay.request["messages"][1::2]] == [
        *(["server_tool_use", "web_search_tool_result", "text"], ["text"]),
    ]
    assert len(replay.repairs) == 2


def test_a_providers_result_in_words_is_no_broken_pair() -> None:
    """No API takes it back; both sides are left out, and nothing is called a repair."""
    call = ToolCallPart("s", "web_search", by_provider=True)
    told = ToolResultPart("s", "found", by_provider=True)
    for history in (
        [Message("assistant", [call, told])],
        [Message("assistant", call), Message("tool", told)],
    ):
        for protocol in PROTOCOLS:
            replay = replay_input(protocol, [HI, *history, MORE], strict=True)
            assert len(replay.left_out) == 1
            assert "found" not in json.dumps(replay.request)


PICTURES: Final = {
    "images": ToolResultPart("call_1", "a screen", images=(PNG,)),
    "data url": ToolResultPart("call_1", "data:image/png;base64,aGk="),
    "json": ToolResultPart("call_1", '{"data": "aGk=", "mime_type": "image/png", "text": ""}'),
    "blocks": ToolResultPart(
        "call_1",
        '[{"type": "text", "text": "a screen"},'
        ' {"type": "image", "data": "aGk=", "mimeType": "image/png"}]',
    ),
}


@pytest.mark.parametrize("case", PICTURES)
def test_stored_images_come_back_as_images(case: str) -> None:
    """However they were stored, no API is sent the base64 of a picture as text."""
    history = [HI, Message("assistant", CALL), Message("tool", PICTURES[case]), MORE]
    url = "data:image/png;base64,aGk="
    items = replay_input(RESPONSES, history).request["input"]
    assert items[2]["output"][-1] == {"type": "input_image", "detail": "auto", "image_url": url}
    messages = replay_input(CHAT, history).request["messages"]
    assert messages[3]["content"][1] == {"type": "image_url", "image_url": {"url": url}}
    blocks = replay_input(ANTHROPIC, history).request["messages"]
    source = {"type": "base64", "media_type": "image/png", "data": "aGk="}
    assert blocks[2]["content"][0]["content"][-1] == {"type": "image", "source": source}
    words = [
        items[2]["output"][:-1],
        messages[2]["content"],
        blocks[2]["content"][0]["content"][:-1],
    ]
    assert "aGk=" not in json.dumps(words)
    assert ("a screen" in json.dumps(words)) is (case in ("images", "blocks"))


@pytest.mark.parametrize(
    "said",
    [
        "see data:image/png;base64,aGk= there",
        '{"data": "aGk="}',
        '{"data": "aGk=", "mime_type": "text/plain"}',
        '{"data": "€", "mime_type": "image/png"}',
        '[{"data": "aGk=", "mime_type": "image/png"}, 7]',
        '{"data": ',
    ],
)
def test_a_text_that_only_mentions_data_stays_a_text(said: str) -> None:
    """Nothing is taken for a picture on a guess."""
    history = [HI, Message("assistant", CALL), Message("tool", ToolResultPart("call_1", said))]
    assert replay_input(RESPONSES, history).request["input"][-1]["output"] == said


def test_files_go_in_the_form_that_each_api_has() -> None:
    """A picture as a picture, a PDF as a file, a text as text, another file in a sentence."""
    files: list[Content] = [
        PNG,
        FilePart("application/pdf", data="aGk="),
        FilePart("text/csv", data=base64.b64encode(b"a,b").decode(), name="t.csv"),
        FilePart("x/y", data="aGk=", name="odd.y"),
    ]
    sent = {p: replay_input(p, [Message("user", files)]).request for p in PROTOCOLS}
    assert kinds(sent[RESPONSES]["input"][0]["content"]) == [
        *("input_image", "input_file", "input_text", "input_file"),
    ]
    assert kinds(sent[CHAT]["messages"][0]["content"]) == ["image_url", "file", "text", "text"]
    blocks = sent[ANTHROPIC]["messages"][0]["content"]
    assert kinds(blocks) == ["image", "document", "text", "text"]
    assert blocks[2]["text"] == "[file t.csv]\na,b"
    assert blocks[3]["text"] == "[file odd.y of type x/y, which cannot be shown here]"


def test_a_picture_that_the_provider_holds_needs_an_api_that_can_say_so() -> None:
    """Chat Completions has no form for it, so it is told in words."""
    held = Message("user", FilePart("image/png", file_id="file-1"))
    parts = replay_input(RESPONSES, [held]).request["input"][0]["content"]
    assert parts == [{"type": "input_image", "detail": "auto", "file_id": "file-1"}]
    block = replay_input(ANTHROPIC, [held]).request["messages"][0]["content"][0]
    assert block == {"type": "image", "source": {"type": "file", "file_id": "file-1"}}
    told = replay_input(CHAT, [held]).request["messages"][0]["content"]
    assert told == "[file file-1 of type image/png, which cannot be shown here]"


def test_what_a_person_points_at_is_told_as_text() -> None:
    """Context and places in files are named; a marker is for people only."""
    parts: list[Content] = [
        ContextPart("AGENTS.md", "Be brief."),
        FileReferencePart("a.py", 3, 5, "x = 1"),
        MarkerPart("skill", {"name": "secret"}),
    ]
    replay = replay_input(CHAT, [Message("user", parts)])
    told = "[context AGENTS.md]\nBe brief.\n\n[file a.py line 3 to line 5]\nx = 1"
    assert replay.request == {"messages": [{"role": "user", "content": told}]}


def test_anthropic_messages_alternate_from_the_user() -> None:
    """Neighbours become one message; results open it; system messages have their own place."""
    history = [
        Message("system", "Be kind."),
        Message("assistant", "Welcome."),
        Message("assistant", CALL),
        MORE,
        Message("tool", RESULT),
        Message("system", "Be brief."),
    ]
    replay = replay_input(ANTHROPIC, history)
    assert replay.request["system"] == "Be kind.\n\nBe brief."
    messages = replay.request["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "user"]
    assert messages[0]["content"] == [{"type": "text", "text": OPENING}]
    assert kinds(messages[1]["content"]) == ["text", "tool_use"]
    assert kinds(messages[2]["content"]) == ["tool_result", "text"]


def test_an_answer_at_the_end_has_no_blanks_behind_it() -> None:
    """Anthropic takes the last answer for the beginning of its own, and refuses such an end."""
    messages = replay_input(ANTHROPIC, [HI, Message("assistant", "So \n")]).request["messages"]
    assert messages[-1]["content"] == [{"type": "text", "text": "So"}]


def test_a_failed_tool_that_said_nothing_is_told_in_words() -> None:
    """Anthropic refuses an error without content; a success may be empty."""
    for is_error in (True, False):
        result = ToolResultPart("call_1", " ", is_error=is_error)
        history = [HI, Message("assistant", CALL), Message("tool", result)]
        block = replay_input(ANTHROPIC, history).request["messages"][2]["content"][0]
        assert (block.get("is_error", False), bool(block.get("content"))) == (is_error, is_error)


@pytest.mark.parametrize(
    ("arguments", "custom", "sent"),
    [
        ('{"a": 1}', False, {"a": 1}),
        ("", False, {}),
        ("[1]", False, {"input": "[1]"}),
        ("{cut", False, {"input": "{cut"}),
        ('{"a": 1}', True, {"input": '{"a": 1}'}),
    ],
)
def test_anthropic_arguments_are_an_object(
    arguments: str, custom: bool, sent: dict[str, object]
) -> None:
    """What is no object is wrapped in one, never dropped."""
    call = replace(CALL, arguments=arguments, custom=custom)
    replay = replay_input(ANTHROPIC, [HI, Message("assistant", call), Message("tool", RESULT)])
    assert replay.request["messages"][1]["content"][0]["input"] == sent


def test_thinking_goes_back_signed_and_never_last() -> None:
    """Unsigned thinking would be refused, and so would an answer that ends with it."""
    signed, hidden = ReasoningPart("hm", signature="s"), ReasoningPart(encrypted="data")
    unsigned = [ReasoningPart("no"), THOUGHT]
    answer = Message("assistant", [signed, hidden, *unsigned, TextPart("So."), signed])
    replay = replay_input(ANTHROPIC, [HI, answer, MORE])
    assert replay.request["messages"][1]["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "data"},
        {"type": "text", "text": "So."},
    ]
    assert [one.split(", ")[0] for one in replay.left_out] == [
        *("messages[1]: parts[2]", "messages[1]: parts[3]", "messages[1]: parts[5]"),
    ]


def test_a_custom_call_keeps_its_kind() -> None:
    """Its input is free text, and its output is of its own type."""
    call = replace(CALL, custom=True, arguments="free text", item_id=None)
    history = [HI, Message("assistant", call), Message("tool", RESULT)]
    items = replay_input(RESPONSES, history).request["input"]
    assert items[1:] == [
        {"type": "custom_tool_call", "call_id": "call_1", "name": "look", "input": "free text"},
        {"type": "custom_tool_call_output", "call_id": "call_1", "output": "seen"},
    ]
    call_sent = replay_input(CHAT, history).request["messages"][1]["tool_calls"][0]
    assert call_sent["custom"] == {"name": "look", "input": "free text"}


def test_one_result_can_be_sent_alone_to_a_chain() -> None:
    """A step of a chained turn sends the outputs only, under the ids that the provider knows."""
    long = ToolResultPart("x" * 70, "seen", images=(PNG,))
    calls = [ToolCallPart("x" * 70, "f"), ToolCallPart(RESULT.call_id, "g", custom=True)]
    item, other = tool_outputs(Message("assistant", calls), Message("tool", [long, RESULT]))
    assert item["call_id"] == "x" * 70
    assert kinds(item["output"]) == ["input_text", "input_image"]
    assert shape_complaints({"input": [item, other]}) == []


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "history", [[], [Message("user", MarkerPart("chip"))], [Message("assistant", " ")]]
)
def test_an_empty_replay_is_refused(protocol: str, history: list[Message]) -> None:
    """No API answers nothing."""
    with pytest.raises(ValueError, match="holds nothing to send; add a user message"):
        replay_input(protocol, history)


def test_wrong_use_is_named() -> None:
    """An unknown protocol gets the near one, an unreadable message its index."""
    with pytest.raises(ValueError, match="did you mean 'openai_responses'"):
        replay_input("openai_response", [HI])
    with pytest.raises(ValueError, match=r"^messages\[1\].role: 'usr' is not known"):
        replay_input(CHAT, [HI, {"role": "usr"}])


def test_the_sdks_send_a_replay_as_it_is(serve: Serve) -> None:
    """Through the official clients, the wire carries exactly the request."""
    bodies: list[Any] = []

    def refuse(connection: socket.socket, over: threading.Event) -> None:
        bodies.append(json.loads(read_request(connection).partition(b"\r\n\r\n")[2]))
        connection.sendall(response(400, {"error": {"message": "enough"}}))

    url = serve(refuse).url
    answer = Message("assistant", [THOUGHT, CALL], model="m")
    history = [Message("system", "Be kind."), HI, answer, Message("tool", PICTURES["images"]), MORE]
    sent = [replay_input(protocol, history).request for protocol in (RESPONSES, CHAT, ANTHROPIC)]
    with openai.OpenAI(api_key="k", base_url=url, max_retries=0) as client:
        for create, request in (
            (client.responses.create, sent[0]),
            (client.chat.completions.create, sent[1]),
        ):
            with pytest.raises(openai.BadRequestError):
                create(model="m", **request)
    with (
        anthropic.Anthropic(api_key="k", base_url=url, max_retries=0) as other,
        pytest.raises(anthropic.BadRequestError),
    ):
        other.messages.create(model="m", max_tokens=9, **sent[2])
    assert [{k: body[k] for k in one} for body, one in zip(bodies, sent, strict=True)] == sent
