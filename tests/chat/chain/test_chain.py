"""Chain or replay: every condition alone blocks, all together chain."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatlab.chat.chain.resolver import QUESTIONS, Mode, Resolution, resolve_chain
from chatlab.chat.messages.content import (
    Content,
    ContextPart,
    FilePart,
    FileReferencePart,
    MarkerPart,
    ToolResultPart,
)
from chatlab.chat.messages.message import Message, encode
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, TextPart, ToolCallPart
from chatlab.chat.render.full_history import replay_input
from chatlab.chat.stream.contracts import RESPONSES

SYSTEM: Final = Message("system", "Be kind.")
HI: Final = Message("user", "Hi")
MORE: Final = Message("user", "More")
CHIP: Final = Message("user", MarkerPart("skill", {"name": "review"}))
CALL: Final = ToolCallPart("call_1", "look")
OTHER: Final = ToolCallPart("call_2", "look")
SEARCH: Final = ToolCallPart("srvtoolu_1", "web_search", by_provider=True)
RESULT: Final = Message("tool", ToolResultPart("call_1", "seen"))
FOUND: Final = Message("tool", ToolResultPart("srvtoolu_1", "found", by_provider=True))


def answer(*parts: Content | str, **changed: object) -> Message:
    """An assistant message that can be chained to, unless something is `changed`."""
    kept: dict[str, Any] = {"response_id": "resp_1", "model": "gpt-5", "stored": True, **changed}
    return Message("assistant", parts or "Ho", **kept)


GOOD: Final = [SYSTEM, HI, answer(), MORE]

BLOCKED: Final[dict[str, tuple[str, list[Any], dict[str, Any]]]] = {
    "store is off": ("store-on", GOOD, {"store": False}),
    "plan mode": ("no-plan-mode", GOOD, {"plan_mode": True}),
    "another model answers": ("same-model", GOOD, {"model": "gpt-5-mini"}),
    "another model answered": ("same-model", [HI, answer(model="o9"), MORE], {}),
    "nobody says who answered": ("same-model", [HI, answer(model=None), MORE], {}),
    "nobody says who answered or answers": (
        "same-model",
        [HI, answer(model=None), MORE],
        {"model": None},
    ),
    "no id": ("response-id", [HI, answer(response_id=None), MORE], {}),
    "a blank id": ("response-id", [HI, answer(response_id=""), MORE], {}),
    "an id of a turn that was not stored": ("stored-turn", [HI, answer(stored=False), MORE], {}),
    "no assistant message": ("response-id", [SYSTEM, HI], {}),
    "a system message before them": ("response-id", [HI, answer(), SYSTEM, MORE], {}),
    "a later answer without an id": (
        "response-id",
        [HI, answer(), MORE, answer(response_id=None), MORE],
        {},
    ),
    "no user message": ("new-content", [HI, answer()], {}),
    "blank text": ("new-content", [HI, answer(), Message("user", " \n")], {}),
    "blank reasoning": ("new-content", [HI, answer(), Message("user", ReasoningPart(" "))], {}),
    "empty context": ("new-content", [HI, answer(), Message("user", ContextPart("a", ""))], {}),
    "a bare marker": ("new-content", [HI, answer(), CHIP], {}),
    "a call without a result": ("calls-resolved", [HI, answer(CALL), MORE], {}),
    "one of two calls without a result": (
        "calls-resolved",
        [HI, answer(CALL, OTHER), RESULT, MORE],
        {},
    ),
    "a local call beside the provider's": ("calls-resolved", [HI, answer(SEARCH, CALL), MORE], {}),
    "a provider's result does not answer a local call": (
        "calls-resolved",
        [HI, answer(CALL), Message("tool", ToolResultPart("call_1", by_provider=True)), MORE],
        {},
    ),
    "a result that was never sent": ("results-sent", [HI, answer(CALL), RESULT, MORE], {}),
    "a mixed answer with its result": (
        "results-sent",
        [HI, answer(SEARCH, CALL), RESULT, MORE],
        {},
    ),
    "a late result of an earlier answer": (
        "results-sent",
        [HI, answer(CALL), answer("So."), RESULT, MORE],
        {},
    ),
    "a result between the user's messages": (
        "results-sent",
        [HI, answer(CALL), MORE, RESULT, MORE],
        {},
    ),
    "assistant content that is unknown": (
        "readable",
        [HI, {"role": "assistant", "parts": [{"type": "txet"}]}, MORE],
        {},
    ),
    "an old message that cannot be read": (
        "readable",
        [{"role": "assistant", "parts": 7}, *GOOD],
        {},
    ),
    "a tool result that cannot be read": (
        "readable",
        [HI, answer(), {"role": "tool", "parts": [{"type": "tool_result"}]}, MORE],
        {},
    ),
    "a user message that cannot be read": ("readable", [*GOOD, {"role": "usr"}], {}),
}

CHAINED: Final[dict[str, tuple[list[Any], list[Message]]]] = {
    "all conditions hold": (GOOD, [SYSTEM, MORE]),
    "several user messages": ([*GOOD, HI, MORE], [SYSTEM, MORE, HI, MORE]),
    "markers are not counted and break nothing": (
        [SYSTEM, HI, answer(), CHIP, MORE, CHIP, HI, CHIP],
        [SYSTEM, MORE, HI],
    ),
    "a marker beside a text goes along": (
        [HI, answer(), Message("user", [MarkerPart("chip"), TextPart("x")])],
        [Message("user", [MarkerPart("chip"), TextPart("x")])],
    ),
    "reasoning": (
        [HI, answer(), Message("user", ReasoningPart("hm"))],
        [Message("user", ReasoningPart("hm"))],
    ),
    "a file": (
        [HI, answer(), Message("user", FilePart("image/png", data="aGk="))],
        [Message("user", FilePart("image/png", data="aGk="))],
    ),
    "a place in a file": (
        [HI, answer(), Message("user", FileReferencePart("a.py"))],
        [Message("user", FileReferencePart("a.py"))],
    ),
    "context": (
        [HI, answer(), Message("user", ContextPart("a", "b"))],
        [Message("user", ContextPart("a", "b"))],
    ),
    "a call that the provider ran": ([HI, answer(SEARCH, "Found."), MORE], [MORE]),
    "and its result in a message of its own": ([HI, answer(SEARCH, "Found."), FOUND, MORE], [MORE]),
    "and its result between the user's messages": (
        [HI, answer(SEARCH, "Found."), MORE, FOUND, HI],
        [MORE, HI],
    ),
    "a web search item": (
        [HI, answer(BlockPart("web_search_call", {"id": "ws_1"}), "Found."), MORE],
        [MORE],
    ),
    "results that a later answer has seen": (
        [HI, answer(CALL), RESULT, answer("There.", response_id="resp_2"), MORE],
        [MORE],
    ),
    "every system message goes along": ([SYSTEM, HI, SYSTEM, *GOOD[1:]], [SYSTEM, SYSTEM, MORE]),
    "earlier answers do not matter": (
        [HI, answer(model="o9", stored=False, response_id=None), *GOOD[1:]],
        [MORE],
    ),
}


@pytest.mark.parametrize("case", BLOCKED)
def test_each_condition_alone_blocks(case: str) -> None:
    """It is the only one that fails, it is marked as the one that decided, and all is sent."""
    name, history, options = BLOCKED[case]
    resolved = resolve_chain(history, **{"model": "gpt-5", **options})
    assert (resolved.mode, resolved.previous_response_id) == (Mode.REPLAY, None)
    decided = [one.name for one in resolved.conditions if one.decided]
    assert decided == [name]
    assert resolved.messages == tuple(one for one in history if isinstance(one, Message))
    failed = [one for one in resolved.conditions if one.holds is False]
    alone = name not in ("readable", "response-id") and case != "one of two calls without a result"
    assert not alone or [one.name for one in failed] == [name]
    assert failed[0].because in resolved.because


def test_every_condition_has_a_case_that_it_alone_blocks() -> None:
    """The truth table leaves none out."""
    assert {name for name, _, _ in BLOCKED.values()} == set(QUESTIONS)


@pytest.mark.parametrize("case", CHAINED)
@pytest.mark.parametrize("written", [list, encode])
def test_all_conditions_together_chain(case: str, written: Callable[[Any], Any]) -> None:
    """Sent are the system messages and exactly the trailing user messages that hold anything."""
    history, sent = CHAINED[case]
    resolved = resolve_chain(written(history), model="gpt-5")
    last = [one.response_id for one in history if one.role == "assistant"][-1]
    assert (resolved.mode, resolved.previous_response_id) == ("chain", last)
    assert list(resolved.messages) == sent
    assert [one.holds for one in resolved.conditions] == [True] * len(QUESTIONS)
    assert not [one for one in resolved.conditions if one.decided]


def test_a_chain_is_input_that_the_api_takes() -> None:
    """The trimmed conversation needs no repair: it holds no call and no result."""
    for history, _ in CHAINED.values():
        replay = replay_input(
            RESPONSES, resolve_chain(history, model="gpt-5").messages, strict=True
        )
        assert {item["type"] for item in replay.request["input"]} == {"message"}


def test_an_unreadable_history_says_which_message() -> None:
    """The reason names the message, the field and the near name; the others can be replayed."""
    history = [HI, {"role": "assistant", "parts": [{"type": "txt", "text": "x"}]}, MORE]
    resolved = resolve_chain(history, model="gpt-5")
    assert resolved.because == (
        "send the readable 2 of 3 messages, because messages[1].parts[0].type: 'txt' is not known; "
        "did you mean 'text'?"
    )
    assert resolved.messages == (HI, MORE)


@pytest.mark.parametrize("history", [None, 7, "hello", b"hello", {"role": "user"}, HI])
def test_what_is_no_list_is_a_replay_of_nothing(history: object) -> None:
    """Wrong use is answered like a history that cannot be read."""
    resolved = resolve_chain(cast(Any, history), model="gpt-5")
    assert resolved.because.endswith(f"{type(history).__name__} is no list of messages")
    assert resolved.messages == ()


def test_an_empty_history_has_nothing_to_chain_to() -> None:
    """The first turn of a chat is no error."""
    resolved = resolve_chain([], model="gpt-5")
    assert resolved.because == "send all 0 messages, because no user message is at the end"
    unseen = [one.name for one in resolved.conditions if one.outcome == "not looked at"]
    assert unseen == ["stored-turn", "same-model", "calls-resolved", "results-sent"]


def test_the_text_is_a_complete_checklist() -> None:
    """Without any markup it says the mode, the reason, each condition, and which one decided."""
    assert str(resolve_chain([HI, answer(CALL), RESULT, MORE], model="gpt-5")).splitlines() == [
        "replay: send all 4 messages, because no answer came after the result of call_1 in messages[2]",
        "  holds: the request asks the provider to store it (store is on)",
        "  holds: the turn is no plan-mode turn (plan mode is off)",
        "  holds: every message can be read (all can be read)",
        "  holds: a trailing user message holds what a model can see (messages[3])",
        "  holds: the last assistant message before them has a response id (messages[1] has 'resp_1')",
        "  holds: that id is from a completed, stored turn "
        "(the turn of messages[1] is a completed, stored one)",
        "  holds: the same model configuration made it "
        "(messages[1] is made with 'gpt-5', this turn is with 'gpt-5')",
        "  holds: none of its local tool calls is without a result (messages[1] waits for none)",
        "  fails and decides: the provider was sent every local tool result "
        "(no answer came after the result of call_1 in messages[2])",
    ]
    chained = resolve_chain(GOOD, model="gpt-5")
    assert repr(chained).startswith(
        "chain: continue 'resp_1', every condition holds; 2 of 4 are sent\n"
    )


def test_the_page_marks_the_condition_that_decided() -> None:
    """The checklist has a row for each condition, and hostile content stays text."""
    hostile = replace(CALL, id="<script>alert(1)</script>\u202e")
    page = resolve_chain([HI, answer(hostile), MORE], model="gpt-5")._repr_html_()
    assert page.count("<tr>") == 1 + len(QUESTIONS)
    assert page.count("✗ fails and decides") == 1
    assert page.count("✓ holds") == len(QUESTIONS) - 1
    assert "<script>" not in page
    assert "\u202e" not in page + repr(resolve_chain([HI, answer(hostile), MORE], model="gpt-5"))
    assert "– not looked at" in resolve_chain([HI], model="gpt-5")._repr_html_()


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
FIELDS = ["role", "parts", "content", "response_id", "model", "stored", "type"]
ALMOST = st.dictionaries(
    st.sampled_from(FIELDS), JUNK | st.sampled_from(["user", "tool", "assistant", "gpt-5"])
)


@settings(deadline=None)
@given(st.one_of(JUNK, st.lists(JUNK | ALMOST)), st.booleans(), JUNK, st.booleans())
def test_resolving_never_raises(
    history: object, store: bool, model: object, plan_mode: bool
) -> None:
    """Whatever a store gives back, there is an answer, and it can be shown."""
    resolved = resolve_chain(
        cast(Any, history), model=cast(Any, model), store=store, plan_mode=plan_mode
    )
    assert resolved.mode in ("chain", "replay")
    assert repr(resolved)
    assert resolved._repr_html_()


PARTS: Final[list[Content]] = [
    *(TextPart("x"), TextPart(" "), ReasoningPart("r"), MarkerPart("m"), ContextPart("c", "d")),
    *(CALL, OTHER, SEARCH, ToolResultPart("call_1"), ToolResultPart("s", by_provider=True)),
]
HELD = {
    "system": PARTS[:2],
    "user": PARTS[:5],
    "assistant": [*PARTS[:4], *PARTS[5:]],
    "tool": PARTS[8:],
}


@st.composite
def histories(draw: st.DrawFn) -> list[Message]:
    """Histories in which every condition holds often, and fails often."""
    history: list[Message] = []
    for role in draw(st.lists(st.sampled_from([*HELD, "user", "assistant"]), max_size=7)):
        parts = draw(st.lists(st.sampled_from(HELD[role]), max_size=2))
        kept: dict[str, Any] = {"response_id": draw(st.sampled_from(["resp_1", "resp_2", None]))}
        kept |= {"model": draw(st.sampled_from(["gpt-5", "gpt-5", "o9"]))}
        history.append(
            Message(role, parts, stored=draw(st.sampled_from([True, True, False])), **kept)
        )
    return history


@settings(deadline=None)
@given(histories())
def test_a_chain_sends_a_part_of_the_history_in_its_order(history: list[Message]) -> None:
    """Of a chain, what is left out stands before the anchor or holds nothing for a model."""
    resolved = resolve_chain(history, model="gpt-5")
    if resolved.mode == "replay":
        assert resolved.messages == tuple(history)
        return
    rest = iter(history)
    assert all(any(message is one for one in rest) for message in resolved.messages)
    anchor = max(n for n, message in enumerate(history) if message.role == "assistant")
    last = history[anchor]
    assert (last.response_id, last.model, last.stored) == (
        resolved.previous_response_id,
        "gpt-5",
        True,
    )
    seen = [m for m in history[anchor:] if m.role == "user" and any(map(speaks, m.parts))]
    assert [message for message in resolved.messages if message.role == "user"] == seen != []
    assert not last.local_calls
    assert not [message for message in history[anchor:] if message.local_results]


def speaks(part: Content) -> bool:
    return part in (PARTS[0], PARTS[2], PARTS[4])


@settings(deadline=None)
@given(histories(), st.booleans(), st.booleans())
def test_a_chain_is_the_same_from_json_and_every_time(
    history: list[Message], store: bool, plan_mode: bool
) -> None:
    """The decision depends on what is stored, not on the objects."""
    options: dict[str, Any] = {"store": store, "plan_mode": plan_mode}
    from_json = resolve_chain(json.loads(json.dumps(encode(history))), model="gpt-5", **options)
    assert from_json == resolve_chain(history, **{"model": "gpt-5", **options})
    assert (from_json.mode == "replay") is any(not one.holds for one in from_json.conditions)


@settings(deadline=None)
@given(histories())
def test_the_first_condition_that_fails_decides(history: list[Message]) -> None:
    """In the order of the table, one and no other."""
    resolved: Resolution = resolve_chain(history, model="gpt-5")
    assert [one.name for one in resolved.conditions] == list(QUESTIONS)
    failing = [n for n, one in enumerate(resolved.conditions) if not one.holds]
    assert [n for n, one in enumerate(resolved.conditions) if one.decided] == failing[:1]
