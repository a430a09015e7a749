"""Tests of a provider that remembers: what it stores, what it refuses, and what it counts."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, get_args, get_type_hints

import httpx2
import openai
import pytest
from openai.types.responses import ResponseStreamEvent, response_input_item_param
from pydantic import TypeAdapter
from support.lab_calls import KEY, Answer

from chatlab import Kind, Message, classify
from chatlab.chat.messages.content import ToolResultPart
from chatlab.chat.messages.events import Answer as Committed
from chatlab.chat.render.full_history import replay_input
from chatlab.chat.stream.accumulator import Accumulator
from chatlab.chat.stream.contracts import RESPONSES, Outcome
from chatlab.lab import (
    FakeProvider,
    GoodAnswer,
    Refusal,
    ResponseMemory,
    Script,
    ScriptError,
    TokenUsage,
    ToolCall,
)
from chatlab.lab.faults.script import Player, ScriptLike
from chatlab.lab.memory.input_items import TYPES, tokens

ON = Script(after="success")
CALLS = GoodAnswer(tool_calls=(ToolCall("look_up", {"city": "Ulm"}, "call_1"),))
SEARCHES = GoodAnswer("Ulm Minster.", web_search="tallest church")
THINKS = GoodAnswer("Ulm.", reasoning="Which town was it?")
HI = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "look_up", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
CUSTOM = {"type": "custom_tool_call", "call_id": "call_1", "name": "run", "input": "ls"}
REASONING = {"type": "reasoning", "id": "rs_x", "summary": [], "encrypted_content": "gAAA"}


class Client:
    """The official client without its retries, calling one provider."""

    def __init__(self, provider: FakeProvider, http: httpx2.Client) -> None:
        url = provider.openai_base_url
        self._sdk: Any = openai.OpenAI(base_url=url, api_key=KEY, max_retries=0, http_client=http)

    def ask(self, given: object = "Hi", **more: object) -> Answer:
        """Return the whole response."""
        return self._sdk.responses.create(model="gpt-5", input=given, **more)

    def stream(self, given: object = "Hi", **more: object) -> list[Any]:
        """Return the events up to where the stream ends, however it does."""
        seen: list[Any] = []
        with suppress(openai.APIError, httpx2.TransportError, ValueError):
            for event in self.ask(given, stream=True, **more):
                seen.append(event)
        return seen

    def refused(self, given: object = "Hi", **more: object) -> openai.APIStatusError:
        """Return the error that the call raises."""
        with pytest.raises(openai.APIStatusError) as caught:
            self.ask(given, **more)
        return caught.value


@contextmanager
def serving(script: ScriptLike, memory: ResponseMemory) -> Iterator[tuple[FakeProvider, Client]]:
    """Yield a provider with a memory and a client for it."""
    with (
        FakeProvider(script, memory=memory) as provider,
        httpx2.Client(trust_env=False, timeout=10) as http,
    ):
        yield provider, Client(provider, http)


def envelope(error: openai.APIStatusError) -> tuple[int, object, object, object, str]:
    """Return status, type, code, param and message of an error as it was received."""
    body = error.response.json()["error"]
    assert set(body) == {"message", "type", "param", "code"}
    return error.status_code, body["type"], body["code"], body["param"], body["message"]


def dumped(response: Answer) -> list[dict[str, Any]]:
    """Return the output items as a client sends them back."""
    return [item.model_dump(exclude_none=True) for item in response.output]


def kinds(items: Sequence[Any] | None) -> list[str]:
    """Return the types of items, the role for a message."""
    return [item.get("role") or item["type"] for item in items or ()]


def test_a_chain_holds_the_context_of_all_its_turns() -> None:
    """A follow-up sends its own input only, and the model sees the inputs and outputs before."""
    memory = ResponseMemory()
    with serving(["success:One.", "success:Two.", "success:Three."], memory) as (_, client):
        first = client.ask("a")
        second = client.ask([HI], previous_response_id=first.id)
        third = client.stream("c", previous_response_id=second.id)[-1].response
    assert [third.output_text, third.previous_response_id] == ["Three.", second.id]
    assert list(memory.responses) == [first.id, second.id, third.id]
    last = memory.responses[third.id]
    assert (last.id, last.status, last.model) == (third.id, "completed", "gpt-5")
    assert last.previous_response_id == second.id
    texts = [item["content"][0]["text"] for item in last.context]
    assert texts == ["a", "One.", "Hi", "Two.", "c", "Three."]
    assert kinds(last.context) == ["user", "assistant"] * 3
    assert memory.exchanges[2].context == last.context[:-1]
    assert [len(exchange.sent) for exchange in memory.exchanges] == [1, 1, 1]


def test_two_answers_may_continue_the_same_response() -> None:
    """A conversation that is edited branches off; neither branch sees the other."""
    memory = ResponseMemory()
    with serving(ON, memory) as (_, client):
        root = client.ask("root")
        left = client.ask("left", previous_response_id=root.id)
        right = client.ask("right", previous_response_id=root.id)
    assert "left" not in json.dumps(memory.responses[right.id].context)
    assert memory.responses[left.id].context[:2] == memory.responses[right.id].context[:2]


@pytest.mark.parametrize("status", [400, 404])
def test_an_unknown_previous_response_is_refused_and_leaves_its_step(status: int) -> None:
    """In both forms of the envelope that are seen; the healed retry gets the scripted answer."""
    memory = ResponseMemory(not_found=status)
    with serving(["success:First.", "success:Healed."], memory) as (provider, client):
        first = client.ask()
        memory.forget()
        error = client.refused(previous_response_id=first.id)
        healed = client.ask([HI, {"role": "assistant", "content": "First."}, HI])
        assert provider.attempts == 3
        met = [(request.attempt, request.met) for request in provider.requests]
    text = f"Previous response with id '{first.id}' not found."
    kind, code = "invalid_request_error", "previous_response_not_found"
    assert envelope(error) == (status, kind, code, "previous_response_id", text)
    assert met == [(0, "success"), (1, f"status {status}"), (2, "success")]
    assert healed.output_text == "Healed."
    assert list(memory.responses) == [healed.id]
    refused = memory.exchanges[1]
    assert refused.refused == Refusal(status, code, text, "previous_response_id")
    assert (refused.attempt, refused.previous_response_id) == (1, first.id)
    assert (refused.response_id, refused.context, refused.outcome) == (None, None, None)
    assert (kinds(refused.sent), refused.tokens_sent, refused.context_tokens) == (["user"], 1, 0)
    verdict = classify(error)
    assert (verdict.kind, verdict.retryable, verdict.chain_broken) == (Kind.GENERIC, True, True)
    assert (verdict.rule, verdict.status_code) == ("chain-lost", status)


def test_only_the_forgotten_responses_expire() -> None:
    """A response holds its whole chain, so it outlives those before it; its own id is gone."""
    memory = ResponseMemory()
    with serving(ON, memory) as (_, client):
        first = client.ask("a")
        second = client.ask("b", previous_response_id=first.id)
        memory.forget(first.id, "resp_never_seen")
        client.refused(previous_response_id=first.id)
        third = client.ask("c", previous_response_id=second.id)
    assert list(memory.responses) == [second.id, third.id]
    assert len(memory.responses[third.id].context) == 6


def test_what_is_not_stored_cannot_be_continued() -> None:
    """``store=false`` keeps nothing, though it may itself continue what is stored."""
    memory = ResponseMemory()
    with serving(ON, memory) as (_, client):
        kept = client.ask()
        passing = client.ask(store=False, previous_response_id=kept.id)
        error = client.refused(previous_response_id=passing.id)
    assert classify(error).chain_broken
    assert list(memory.responses) == [kept.id]
    assert [exchange.outcome for exchange in memory.exchanges] == ["completed"] * 2 + [None]


def test_zero_data_retention_takes_store_but_keeps_nothing() -> None:
    """Every chained request is refused, with the words for it; full replay goes on."""
    memory = ResponseMemory()
    with serving(Script(after="success", success=THINKS), memory) as (_, client):
        before = client.ask()
        memory.zero_retention = True
        client.ask(store=True)
        error = client.refused(previous_response_id=before.id)
        gone = client.refused([HI, *dumped(before)])
        client.ask([HI, {"role": "assistant", "content": before.output_text}, HI])
    assert envelope(error) == (
        400,
        "invalid_request_error",
        "unsupported_parameter",
        "previous_response_id",
        "Previous response cannot be used for this organization due to Zero Data Retention.",
    )
    verdict = classify(error)
    assert (verdict.kind, verdict.retryable, verdict.chain_broken) == (Kind.GENERIC, True, True)
    assert gone.message.count("Items are not persisted for Zero Data Retention organizations.")
    assert list(memory.responses) == [before.id]


def test_an_incomplete_answer_is_kept_as_such() -> None:
    """An answer at its token limit is stored, and the conversation goes on from it."""
    memory = ResponseMemory()
    long = GoodAnswer("Once upon", finish="length")
    with serving([long, "success:a time."], memory) as (_, client):
        first = client.stream()[-1].response
        assert memory.responses[first.id].status == first.status == "incomplete"
        client.ask("Go on", previous_response_id=first.id)
    assert [exchange.outcome for exchange in memory.exchanges] == ["incomplete", "completed"]
    assert "Once upon" in json.dumps(memory.exchanges[1].context)


@pytest.mark.parametrize(
    ("step", "outcome", "is_begun"),
    [
        ("clean-end-after-event:5", "cut", True),
        ("close-at-byte:900", "cut", True),
        ("reset-at-byte:2000", "cut", True),
        ("response-failed", "failed", True),
        ("in-band-error", "failed", True),
        ("sample:in-stream", "failed", True),
        ("http-error:503", None, False),
        ("ok-with-error-body", None, False),
        ("html-page:200", None, False),
        ("close-before-headers", None, False),
        ("clean-end-after-event:0", None, False),
        ("in-band-error:after_event=0", None, False),
        ("goaway:after_event=3", None, False),
    ],
)
def test_a_cut_or_failed_answer_is_never_kept(
    step: str, outcome: str | None, is_begun: bool
) -> None:
    """Its id may have been seen, but nothing can be continued from it."""
    memory = ResponseMemory()
    samples = {"in-stream": InStream()}
    with (
        FakeProvider([step, "success"], memory=memory, samples=samples) as provider,
        httpx2.Client(trust_env=False, timeout=10) as http,
    ):
        client = Client(provider, http)
        seen = client.stream()
        (exchange,) = memory.exchanges
        assert not memory.responses
        assert (exchange.outcome, exchange.refused) == (outcome, None)
        assert (exchange.context is not None, exchange.context_tokens > 0) == (is_begun, is_begun)
        if is_begun:
            assert exchange.response_id == seen[0].response.id
            assert classify(client.refused(previous_response_id=exchange.response_id)).chain_broken
        else:
            assert exchange.response_id is None
        assert client.ask().output_text


@dataclass(frozen=True)
class InStream:
    """A corpus sample of an error within a stream."""

    id: str = "in-stream"
    surface: str = "stream_event"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    exception: None = None
    text: str = "server_error: Oh."
    body: None = None


@pytest.mark.parametrize(
    "step",
    [
        "slow-drip:bytes=4000,every_s=0.001",
        "malformed-sse:joined-events",
        "malformed-json",
        "wrong-content-type",
    ],
)
def test_an_answer_that_is_spoilt_on_its_way_was_finished(step: str) -> None:
    """The provider has done its part; what a gateway or the network makes of it is not its."""
    memory = ResponseMemory()
    with serving([step, "success"], memory) as (_, client):
        client.stream()
        (exchange,) = memory.exchanges
        assert exchange.outcome == "completed"
        assert exchange.response_id in memory.responses
        client.ask(previous_response_id=exchange.response_id)


def test_an_outage_comes_before_the_memory_and_a_begun_stream_after_it() -> None:
    """A 503 does not look at the request; a stream that will be cut is refused first."""
    memory = ResponseMemory()
    with serving(["http-error:503", "close-at-byte:900", "success"], memory) as (provider, client):
        outage = client.refused(previous_response_id="resp_gone", stream=True)
        unknown = client.refused(previous_response_id="resp_gone", stream=True)
        assert len(client.stream()) > 0
        assert client.ask().output_text
        assert [request.met for request in provider.requests] == [
            "http-error:503",
            "status 400",
            "close-at-byte:900",
            "success",
        ]
    assert (outage.status_code, unknown.status_code) == (503, 400)
    assert [exchange.outcome for exchange in memory.exchanges] == [None, None, "cut", "completed"]
    assert [exchange.refused is None for exchange in memory.exchanges] == [True, False, True, True]


def test_a_script_that_has_ended_is_an_exchange_without_an_outcome() -> None:
    """Also a step that does not fit the request; neither is a refusal by the memory."""
    memory = ResponseMemory()
    with serving(["in-band-error"], memory) as (_, client):
        assert client.refused().body["code"] == "chatlab_step_does_not_fit"  # type: ignore[index]
        assert client.refused().body["code"] == "chatlab_script_ended"  # type: ignore[index]
    assert [exchange.attempt for exchange in memory.exchanges] == [0, 1]
    assert not any(exchange.outcome or exchange.refused for exchange in memory.exchanges)


def test_a_tool_loop_continues_with_the_output_alone() -> None:
    """The call is remembered, its output is sent."""
    memory = ResponseMemory()
    with serving([CALLS, "success:Rain."], memory) as (_, client):
        called = client.ask()
        client.ask([OUTPUT], previous_response_id=called.id)
    assert kinds(memory.exchanges[1].context) == ["user", "function_call", "function_call_output"]


def test_a_remembered_call_wants_its_output() -> None:
    """The next input must answer it, once, and nothing else."""
    memory = ResponseMemory()
    with serving([CALLS, "success"], memory) as (_, client):
        called = client.ask()
        missing = client.refused("Well?", previous_response_id=called.id)
        twice = client.refused([OUTPUT, OUTPUT], previous_response_id=called.id)
        again = client.refused([*dumped(called), OUTPUT], previous_response_id=called.id)
        client.ask([OUTPUT, HI], previous_response_id=called.id)
    assert envelope(missing) == (
        400,
        "invalid_request_error",
        None,
        "input",
        "No tool output found for function call call_1.",
    )
    verdict = classify(missing)
    assert (verdict.kind, verdict.retryable, verdict.chain_broken) == (Kind.GENERIC, False, False)
    assert "match=function_call_output_missing" in verdict.message
    assert "call_1" not in verdict.message
    assert "Duplicate function_call_output for call_id 'call_1'." in twice.message
    assert f"Duplicate item found with id {called.output[0].id}." in again.message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([HI, CALL], "No tool output found for function call call_1."),
        ([OUTPUT, CALL], "No tool call found for function call output with call_id call_1."),
        ([HI, OUTPUT], "No tool call found for function call output with call_id call_1."),
        (
            [CUSTOM, OUTPUT],
            "No tool call found for function call output with call_id call_1.",
        ),
        ([CUSTOM], "No tool output found for custom tool call call_1."),
        ([CALL, CALL, OUTPUT], "Duplicate 'call_id': call_1"),
        (
            [CALL, OUTPUT, CALL, OUTPUT],
            "Duplicate function_call_output for call_id 'call_1'. Each function_call must have"
            " exactly one matching function_call_output",
        ),
        (
            [{**CALL, "id": "fc_1"}, OUTPUT, {**CALL, "id": "fc_1", "call_id": "call_2"}],
            "Duplicate item found with id fc_1. Remove duplicate items from your input and try"
            " again.",
        ),
        (
            [HI, REASONING],
            "Item 'rs_x' of type 'reasoning' was provided without its required following item.",
        ),
        (
            [REASONING, HI],
            "Item 'rs_x' of type 'reasoning' was provided without its required following item.",
        ),
    ],
)
def test_items_that_do_not_belong_together_are_refused(
    given: list[dict[str, Any]], message: str
) -> None:
    """In the API's words, with param ``input``; no such input passes when it is sent again."""
    with serving(ON, ResponseMemory()) as (_, client):
        error = client.refused(given)
    assert envelope(error) == (400, "invalid_request_error", None, "input", message)
    verdict = classify(error)
    assert (verdict.kind, verdict.retryable, verdict.chain_broken) == (Kind.GENERIC, False, False)


def test_items_that_belong_together_are_taken() -> None:
    """Calls side by side, outputs later, reasoning of another provider before what it led to."""
    other = {**CALL, "call_id": "call_2"}
    given = [HI, REASONING, CALL, other, HI, {**OUTPUT, "call_id": "call_2"}, OUTPUT]
    with serving(ON, ResponseMemory()) as (_, client):
        client.ask(given)
        client.ask([CUSTOM, {**OUTPUT, "type": "custom_tool_call_output"}])


def test_a_web_search_goes_back_behind_its_reasoning_only() -> None:
    """By value or by reference, both or neither; alone, out of order or with half they fail."""
    memory = ResponseMemory()
    with serving([SEARCHES, *["success"] * 4], memory) as (_, client):
        first = client.ask()
        reasoning, search, message = dumped(first)
        names = [{"type": "item_reference", "id": item["id"]} for item in (reasoning, search)]
        assert (search["type"], search["action"]["query"]) == ("web_search_call", "tallest church")
        lost = client.refused([HI, search, HI])
        away = client.refused([reasoning, HI, search])
        half = client.refused([reasoning, message])
        client.ask([HI, reasoning, search, message])
        client.ask([HI, *names])
        client.ask([HI, names[0], search])
        client.ask(HI["content"], previous_response_id=first.id)
    text = (
        f"Item '{search['id']}' of type 'web_search_call' was provided without its required"
        f" 'reasoning' item: '{reasoning['id']}'."
    )
    assert envelope(lost) == (400, "invalid_request_error", None, "input", text)
    verdict = classify(lost)
    assert (verdict.kind, verdict.retryable, verdict.chain_broken) == (Kind.GENERIC, False, False)
    assert "match=web_search_reasoning_missing" in verdict.message
    assert search["id"] not in verdict.message
    for error in (away, half):
        assert f"'{reasoning['id']}' of type 'reasoning'" in error.message
    resolved = memory.exchanges[5].context
    assert kinds(resolved) == ["user", "reasoning", "web_search_call"]
    assert resolved is not None
    assert resolved[2]["action"] == {"type": "search", "query": "tallest church"}
    assert kinds(memory.exchanges[5].sent) == ["user", "item_reference", "item_reference"]


def test_a_message_with_its_id_is_bound_to_its_reasoning_and_without_is_not() -> None:
    """The id alone makes the bond; the same text without it is new to the provider."""
    with serving(Script(after="success", success=THINKS), ResponseMemory()) as (_, client):
        reasoning, message = dumped(client.ask())
        bare = {key: value for key, value in message.items() if key != "id"}
        assert "of type 'message' was provided" in client.refused([HI, message]).message
        assert "required following item" in client.refused([reasoning, bare]).message
        client.ask([HI, bare])


@pytest.mark.parametrize(
    ("more", "ending"),
    [
        ({}, ""),
        ({"store": True}, ""),
        (
            {"store": False},
            " Items are not persisted when `store` is set to false. Try again with `store` set to"
            " true, or remove this item from your input.",
        ),
    ],
)
def test_what_is_referred_to_must_be_stored(more: dict[str, Any], ending: str) -> None:
    """A reference and bare reasoning are looked up; a message by value is not."""
    memory = ResponseMemory()
    with serving([SEARCHES, *["success"] * 3], memory) as (_, client):
        reasoning, search, message = dumped(client.ask())
        memory.forget()
        name = {"type": "item_reference", "id": reasoning["id"]}
        errors = [client.refused([one, search], **more) for one in (name, reasoning)]
        errors.append(client.refused([{"id": reasoning["id"]}, search], **more))
        client.ask([HI, message], **more)
        client.ask([HI, {**reasoning, "encrypted_content": "gAAA"}, search], **more)
    text = f"Item with id '{reasoning['id']}' not found.{ending}"
    for error in errors:
        assert envelope(error) == (404, "invalid_request_error", None, "input", text)
        assert not classify(error).chain_broken


def test_a_single_item_can_expire() -> None:
    """Its response stays, and what is chained to it still sees the item."""
    memory = ResponseMemory()
    with serving(ON, memory) as (_, client):
        first = client.ask()
        name = {"type": "item_reference", "id": first.output[0].id}
        client.ask([HI, name])
        memory.forget(first.output[0].id)
        assert client.refused([HI, name]).status_code == 404
        client.ask(previous_response_id=first.id)


def test_what_the_chain_knows_may_not_be_sent_again() -> None:
    """A reference to an item of the chain is the item twice."""
    with serving(ON, ResponseMemory()) as (_, client):
        first = client.ask()
        name = {"type": "item_reference", "id": first.output[0].id}
        error = client.refused([name, HI], previous_response_id=first.id)
    assert f"Duplicate item found with id {first.output[0].id}." in error.message


@pytest.mark.parametrize(
    ("given", "code", "param", "message"),
    [
        (7, "invalid_type", "input", "but got an integer instead"),
        ({"a": 1}, "invalid_type", "input", "expected one of a string or an array of objects"),
        (["Hi"], "invalid_type", "input[0]", "expected an object, but got a string instead"),
        ([], "missing_required_parameter", "input", 'One of "input" or "previous_response_id"'),
        ([{"content": "Hi"}], "missing_required_parameter", "input[0].type", "'input[0].type'"),
        ([HI, {"role": "user"}], "missing_required_parameter", "input[1].content", "'input[1]."),
        (
            [{"type": "message", "content": "Hi"}],
            "missing_required_parameter",
            "input[0].role",
            "Missing required parameter: 'input[0].role'.",
        ),
        ([{"role": "tool", "content": ""}], "invalid_value", "input[0].role", "Invalid value"),
        ([{"type": "massage"}], "invalid_value", "input[0].type", "Invalid value: 'massage'."),
        ([{**HI, "content": None}], "invalid_type", "input[0].content", "but got null instead"),
        (
            [{"role": "assistant", "content": [{"type": "input_text", "text": "Hi"}]}],
            "invalid_value",
            "input[0].content[0]",
            "Invalid value: 'input_text'. Supported values are: 'output_text' and 'refusal'.",
        ),
        (
            [{"role": "user", "content": [{"type": "output_text", "text": "Hi"}]}],
            "invalid_value",
            "input[0].content[0]",
            "Supported values are: 'input_text', 'input_image', and 'input_file'.",
        ),
        (
            [{"role": "user", "content": [{"type": "input_text"}]}],
            "missing_required_parameter",
            "input[0].content[0].text",
            "Missing required parameter",
        ),
        (
            [CALL, {"type": "function_call_output", "call_id": "call_1"}],
            "missing_required_parameter",
            "input[1].output",
            "Missing required parameter: 'input[1].output'.",
        ),
        ([{**CALL, "call_id": ""}], "empty_string", "input[0].call_id", "empty string"),
        (
            [{**CALL, "id": "call_1"}, OUTPUT],
            "invalid_value",
            "input[0].id",
            "Invalid 'input[0].id': 'call_1'. Expected an ID that begins with 'fc'.",
        ),
        ([{"type": "reasoning"}], "missing_required_parameter", "input[0].summary", "summary"),
        ([{"type": "item_reference"}], "missing_required_parameter", "input[0].id", "'input[0]"),
    ],
)
def test_what_is_no_input_is_refused_with_its_path(
    given: object, code: str, param: str, message: str
) -> None:
    """The error names the field, and no answer is used up."""
    memory = ResponseMemory()
    with serving(["success"], memory) as (_, client):
        error = client.refused(given)
        assert client.ask().output_text
    assert envelope(error)[:4] == (400, "invalid_request_error", code, param)
    assert message in envelope(error)[4]
    assert not classify(error).retryable
    assert memory.exchanges[0].sent == ()


@pytest.mark.parametrize(
    ("previous", "code", "message"),
    [
        (5, "invalid_type", "expected a string, but got an integer instead"),
        ("msg_1", "invalid_id_prefix", "Expected an ID that begins with 'resp'."),
    ],
)
def test_what_is_no_response_id_is_refused(previous: object, code: str, message: str) -> None:
    """Such as an id that another provider gave out; it is not worded as a lost response."""
    with serving(ON, ResponseMemory()) as (_, client):
        error = client.refused(previous_response_id=previous)
    assert envelope(error)[2:4] == (code, "previous_response_id")
    assert message in error.message


def test_odd_values_in_other_items_are_no_trouble() -> None:
    """What the memory does not check, it does not stumble over either."""
    deep: Any = "x"
    for _ in range(400):
        deep = [deep]
    odd = {
        "type": "image_generation_call",
        "id": "ig_1",
        "action": {"a": deep, "b": 1.5, "c": None},
    }
    memory = ResponseMemory()
    with serving(ON, memory) as (_, client):
        client.ask([HI, odd, {"role": "user", "content": [], "id": None}])
        client.refused([{"type": [], "role": {}}])
    assert memory.exchanges[0].context_tokens == 1


def test_every_type_that_the_sdk_can_send_is_known() -> None:
    """The list of types is that of the SDK's own input items."""
    known = set()
    for shape in get_args(response_input_item_param.ResponseInputItemParam):
        hint = str(get_type_hints(shape)["type"])
        known.add(hint.partition("Literal['")[2].partition("'")[0])
    assert set(TYPES) == known


def test_the_report_counts_what_was_sent_and_what_was_read() -> None:
    """The remembered context is billed as input; a chained request carries its own items only."""
    memory = ResponseMemory()
    tiny = {"input_tokens": 1, "output_tokens": 5}
    steps = [
        GoodAnswer("y" * 400, usage=TokenUsage(**tiny)),
        GoodAnswer("z", usage=TokenUsage(**tiny)),
    ]
    with serving(steps, memory) as (provider, client):
        first = client.ask("ä" * 200)
        second = client.stream("k", previous_response_id=first.id)[-1].response
        sizes = [request.size for request in provider.requests]
    one, two = memory.exchanges
    assert (one.tokens_sent, one.context_tokens, first.usage.input_tokens) == (100, 100, 100)
    assert (two.tokens_sent, two.context_tokens, second.usage.input_tokens) == (1, 201, 201)
    assert (second.usage.output_tokens, second.usage.total_tokens) == (5, 206)
    assert [one.bytes_sent, two.bytes_sent] == sizes
    assert sizes[0] > 400 > sizes[1]


def test_tokens_are_estimated_from_texts_alone() -> None:
    """Not from ids, types or media, so a turn costs the same remembered and replayed."""
    long = "x" * 4000
    said = {"type": "input_text", "text": "abcde"}
    picture = {"type": "input_image", "detail": "auto", "image_url": long}
    message = {"type": "message", "role": "user", "content": [said]}
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "four"}]}
    search = {"type": "web_search_call", "action": {"type": "search", "query": "euro €"}}
    assert tokens([]) == 0
    assert tokens([message]) == 2
    assert tokens([{**message, "id": long, "content": [said, picture]}]) == 2
    assert tokens([{**thought, "encrypted_content": long}]) == 1
    assert tokens([{**CALL, "name": "four", "arguments": "[123]"}]) == 3
    assert tokens([search]) == 2
    assert tokens([message, search]) == 4


def test_another_script_can_take_over() -> None:
    """What is left is dropped, attempts and ids go on, and the memory stays."""
    memory = ResponseMemory()
    with serving(["success:One.", "html-page", "html-page"], memory) as (provider, client):
        first = client.ask()
        provider.play(["success:Two.", "http-error:503"])
        second = client.ask(previous_response_id=first.id)
        assert client.refused().status_code == 503
        assert client.refused().body["code"] == "chatlab_script_ended"  # type: ignore[index]
        provider.play(ON)
        assert client.ask().output_text
        assert provider.script is ON
        assert [request.attempt for request in provider.requests] == [0, 1, 2, 3, 4]
    assert [first.output_text, second.output_text] == ["One.", "Two."]
    assert len({first.id, second.id}) == 2


def test_a_step_that_is_given_back_comes_first_again() -> None:
    """However often it is refused; what follows stays in its order."""
    with serving(["success:A", "success:B", "success:C"], ResponseMemory()) as (_, client):
        said = []
        for _ in range(3):
            client.refused(previous_response_id="resp_gone")
            client.refused([OUTPUT])
            said.append(client.ask().output_text)
    assert said == ["A", "B", "C"]


def test_a_step_of_an_earlier_script_is_not_given_back() -> None:
    """The request that took it was still being judged when the script changed."""
    player = Player(Script.parse(["html-page", "success:Old."]))
    attempt, step = player.take()
    assert step is not None
    player.play(Script.parse(["success:New."]))
    player.give_back(attempt, step)
    assert player.take() == (1, GoodAnswer("New."))
    assert player.take() == (2, None)


def test_a_script_that_closes_the_port_cannot_take_over() -> None:
    """Nor can any script while the port is closed; an unknown sample changes nothing."""
    with serving(["success:Still here."], ResponseMemory()) as (provider, client):
        with pytest.raises(ScriptError, match="only in the script that a provider starts with"):
            provider.play(["refuse-connection"])
        with pytest.raises(ScriptError, match="sample"):
            provider.play(["sample:openai/nothing"])
        assert client.ask().output_text == "Still here."
    with (
        FakeProvider(["refuse-connection:0.2", "success"]) as closed,
        pytest.raises(ScriptError, match="refuse-connection is due"),
    ):
        closed.play("success")


def test_two_clients_at_once_keep_their_own_chains() -> None:
    """Steps go to requests as they come; every chain is whole, and no exchange is lost."""
    memory = ResponseMemory()
    turns = 12

    def talk(provider: FakeProvider, name: str) -> str:
        previous: dict[str, str] = {}
        with httpx2.Client(trust_env=False, timeout=10) as http:
            client = Client(provider, http)
            for turn in range(turns):
                client.refused(f"{name} lost", previous_response_id="resp_gone")
                answered = client.ask(f"{name} {turn}", **previous)
                previous = {"previous_response_id": answered.id}
        return previous["previous_response_id"]

    with (
        FakeProvider([f"success:{n}" for n in range(2 * turns)], memory=memory) as provider,
        ThreadPoolExecutor(2) as pool,
    ):
        ends = list(pool.map(lambda name: talk(provider, name), ("left", "right")))
    assert len(memory.exchanges) == 4 * turns
    assert [exchange.attempt for exchange in memory.exchanges] == list(range(4 * turns))
    said = set()
    for name, end in zip(("left", "right"), ends, strict=True):
        texts = [item["content"][0]["text"] for item in memory.responses[end].context]
        assert texts[::2] == [f"{name} {turn}" for turn in range(turns)]
        said |= set(texts[1::2])
    assert said == {str(n) for n in range(2 * turns)}


def test_a_memory_can_be_changed_while_it_is_used() -> None:
    """Another thread forgets and plays scripts, and every request still gets an answer."""
    memory = ResponseMemory()
    over = threading.Event()
    with serving(ON, memory) as (provider, client):

        def disturb() -> None:
            while not over.wait(0.001):
                memory.forget()
                provider.play(ON)

        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            for _ in range(40):
                with suppress(openai.BadRequestError):
                    client.ask(previous_response_id=client.ask().id)
        finally:
            over.set()
            thread.join()
    assert [exchange.attempt for exchange in memory.exchanges] == list(range(80))
    for exchange in memory.exchanges:
        lost = exchange.refused is not None and exchange.refused.code
        assert lost == "previous_response_not_found" or exchange.outcome == "completed"


def test_the_async_client_chains_too() -> None:
    """Streams and refusals are the same to it."""
    memory = ResponseMemory()

    async def talk(provider: FakeProvider) -> tuple[str, openai.APIStatusError]:
        async with httpx2.AsyncClient(trust_env=False, timeout=10) as http:
            url = provider.openai_base_url
            sdk: Any = openai.AsyncOpenAI(
                base_url=url, api_key=KEY, max_retries=0, http_client=http
            )
            create = sdk.responses.create
            stream = await create(model="gpt-5", input="a", stream=True)
            first = [event async for event in stream][-1].response
            second = await create(model="gpt-5", input="b", previous_response_id=first.id)
            memory.forget(second.id)
            with pytest.raises(openai.APIStatusError) as caught:
                await create(model="gpt-5", input="c", previous_response_id=second.id)
            return second.id, caught.value

    with FakeProvider(ON, memory=memory) as provider:
        name, error = asyncio.run(talk(provider))
    assert name in error.message
    assert classify(error).chain_broken
    assert len(memory.exchanges[1].context or ()) == 3


def test_a_search_has_the_events_of_a_search() -> None:
    """Reasoning first, even an empty one, then the call and its three states, as the SDK types."""
    with serving([SEARCHES], ResponseMemory()) as (_, client):
        events = client.stream()
    checker: TypeAdapter[object] = TypeAdapter(ResponseStreamEvent)
    for event in events:
        checker.validate_python(event.model_dump(), strict=False)
    names = [event.type.removeprefix("response.") for event in events]
    assert names[2:9] == [
        "output_item.added",
        "output_item.done",
        "output_item.added",
        "web_search_call.in_progress",
        "web_search_call.searching",
        "web_search_call.completed",
        "output_item.done",
    ]
    assert [item.type for item in events[-1].response.output] == [
        "reasoning",
        "web_search_call",
        "message",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))


def test_a_search_does_not_fit_the_other_protocols() -> None:
    """They say so instead of leaving it out."""
    with FakeProvider([SEARCHES]) as provider, httpx2.Client(trust_env=False) as http:
        url = f"{provider.base_url}/v1/chat/completions"
        answer = http.post(url, json={"model": "m", "messages": []})
    assert answer.status_code == 400
    assert "web_search is for /v1/responses only" in answer.json()["error"]["message"]


def test_chatlabs_own_full_replay_is_taken() -> None:
    """A turn with reasoning, a search and a call, replayed with and without references."""
    memory = ResponseMemory()
    rich = GoodAnswer("So.", reasoning="Hm.", web_search="ulm", tool_calls=CALLS.tool_calls)
    with serving([rich, "success:Rain.", *["success"] * 2], memory) as (_, client):
        collected = Accumulator()
        for event in client.stream("Weather?"):
            collected.feed(event.model_dump())
        answer = Committed(Outcome.COMPLETE, collected.parts, response_id=collected.response_id)
        history = [
            Message("user", "Weather?"),
            Message.answered(answer, model="gpt-5", store=True),
            Message("tool", [ToolResultPart("call_1", "rain")]),
        ]
        client.ask([OUTPUT], previous_response_id=collected.response_id)
        full = replay_input(RESPONSES, history, model="gpt-5")
        client.ask(full.request["input"])
        memory.forget()
        bare = replay_input(RESPONSES, history, model="gpt-5", references=False)
        client.ask(bare.request["input"])
    chained, replayed, alone = memory.exchanges[1:]
    wanted = ["user", "reasoning", "web_search_call", "assistant", "function_call"]
    assert kinds(chained.context) == kinds(replayed.context) == [*wanted, "function_call_output"]
    assert "item_reference" in kinds(replayed.sent)
    assert chained.context_tokens == replayed.context_tokens > alone.context_tokens
    assert chained.tokens_sent < replayed.tokens_sent
    assert kinds(alone.context) == ["user", "assistant", "function_call", "function_call_output"]


def test_without_validation_every_reference_is_taken_for_known() -> None:
    """A provider that does not validate does not look."""
    with (
        FakeProvider(["success"], validate=False) as provider,
        httpx2.Client(trust_env=False) as http,
    ):
        answer = Client(provider, http).ask([OUTPUT], previous_response_id="resp_gone")
    assert answer.usage.input_tokens == TokenUsage().input_tokens


def test_a_memory_shows_its_counts_and_knows_two_statuses() -> None:
    """Its representation is the same every time."""
    memory = ResponseMemory()
    with serving(ON, memory) as (_, client):
        client.ask(store=False)
        client.ask()
    assert repr(memory) == "ResponseMemory(1 responses, 2 exchanges)"
    with pytest.raises(ValueError, match="not_found is 410; give 400 or 404"):
        ResponseMemory(not_found=410)


def test_the_same_requests_give_the_same_memory() -> None:
    """Ids, contexts and counts depend on the script and the requests alone."""

    def run() -> tuple[object, object]:
        memory = ResponseMemory()
        with serving([CALLS, SEARCHES], memory) as (_, client):
            called = client.ask()
            client.stream([OUTPUT], previous_response_id=called.id)
        return memory.exchanges, dict(memory.responses)

    assert run() == run()


def test_a_memory_keeps_only_so_many() -> None:
    """The oldest responses expire with their items, and the exchanges are the latest."""
    memory = ResponseMemory(kept=2)
    with serving(ON, memory) as (_, client):
        first = client.ask("1")
        second = client.ask("2", previous_response_id=first.id)
        third = client.ask("3", previous_response_id=second.id)
        assert list(memory.responses) == [second.id, third.id]
        assert len(memory.exchanges) == 2
        assert client.refused(previous_response_id=first.id).code == "previous_response_not_found"
        assert "1" in json.dumps(memory.responses[third.id].context)
