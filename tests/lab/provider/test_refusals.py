"""The fake provider refuses by default what the providers refuse."""

from __future__ import annotations

from typing import Any

import anthropic
import openai
import pytest
from support.lab_calls import KEY

from chatlab import classify
from chatlab.lab import FakeProvider, GoodAnswer, Script, ScriptError

HI = {"role": "user", "content": "Hi"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "call_1", "output": "rain"}
SEARCH = {
    "id": "ws_68",
    "type": "web_search_call",
    "status": "completed",
    "action": {"type": "search", "query": "Ulm"},
}
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "gAAA"}

CHAT_CALL = {
    "role": "assistant",
    "tool_calls": [
        {"id": name, "type": "function", "function": {"name": "look", "arguments": "{}"}}
        for name in ("call_1", "call_2")
    ],
}
RESULTS = [{"role": "tool", "tool_call_id": f"call_{n}", "content": "rain"} for n in (1, 2)]
USE = {
    "role": "assistant",
    "content": [{"type": "tool_use", "id": "tu_1", "name": "x", "input": {}}],
}
RESULT = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "tu_1"}]}


def refused(path: str, given: list[Any], validate: bool = True) -> dict[str, Any] | None:
    """Return the error with which a request is refused; None: it is accepted."""
    with FakeProvider(Script(after="success"), validate=validate) as fake:
        try:
            if path == "messages":
                sdk = anthropic.Anthropic(base_url=fake.anthropic_base_url, api_key=KEY)
                sdk.messages.create(model="m", max_tokens=9, messages=given)
            else:
                client = openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY)
                if path == "responses":
                    client.responses.create(model="m", input=given)
                else:
                    client.chat.completions.create(model="m", messages=given)
        except (openai.BadRequestError, anthropic.BadRequestError) as error:
            verdict = classify(error)
            assert (verdict.status_code, verdict.retryable) == (400, False)
            found: dict[str, Any] = error.response.json()["error"]
            return found
    return None


@pytest.mark.parametrize(
    ("path", "given", "message"),
    [
        ("responses", [HI, CALL], "No tool output found for function call call_1."),
        ("responses", [HI, OUTPUT], "No tool call found for function call output with call_id"),
        ("responses", [HI, SEARCH], "Item 'ws_68' of type 'web_search_call' was provided without"),
        ("responses", [REASONING, HI, SEARCH], "'reasoning' was provided without its required"),
        ("responses", [{"type": "function_call", "name": "x"}], "Missing required parameter"),
        ("responses", [{"role": "user", "content": [{"type": "output_text"}]}], "Invalid value"),
        ("responses", [], "must be provided"),
        ("chat", [HI, CHAT_CALL, RESULTS[0]], "did not have response messages: call_2"),
        ("chat", [HI, CHAT_CALL, HI, *RESULTS], "did not have response messages: call_1, call_2"),
        ("chat", [HI, RESULTS[0]], "must be a response to a preceeding message with 'tool_calls'"),
        ("chat", [HI, CHAT_CALL, *RESULTS, RESULTS[1]], "must be a response to a preceeding"),
        ("chat", [], "Expected an array with minimum length 1"),
        ("messages", [HI, USE], "messages.1: `tool_use` ids were found without `tool_result`"),
        ("messages", [HI, USE, HI, RESULT], "messages.1: `tool_use` ids were found without"),
        ("messages", [HI, RESULT], "unexpected `tool_use_id` found in `tool_result` blocks: tu_1"),
        ("messages", [], "at least one message is required"),
    ],
)
def test_broken_input_is_refused(path: str, given: list[Any], message: str) -> None:
    """In the API's own words; without validation the same input is answered."""
    error = refused(path, given)
    assert error is not None
    assert message in error["message"]
    assert error["type"] == "invalid_request_error"
    assert refused(path, given, validate=False) is None


@pytest.mark.parametrize(
    ("path", "given"),
    [
        ("responses", [HI, CALL, OUTPUT]),
        ("responses", [HI, REASONING, SEARCH, HI]),
        ("chat", [HI, CHAT_CALL, *RESULTS, HI]),
        ("chat", [HI, CHAT_CALL, *RESULTS[::-1]]),
        ("messages", [HI, USE, RESULT]),
    ],
)
def test_good_input_is_answered(path: str, given: list[Any]) -> None:
    """Calls with their results, and a search behind its reasoning."""
    assert refused(path, given) is None


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([HI, CALL], "function_call_output_missing"),
        ([HI, SEARCH], "web_search_reasoning_missing"),
    ],
)
def test_both_production_refusals_have_their_diagnostic(given: list[Any], match: str) -> None:
    """`classify` knows the fake's words as it knows the API's."""
    with (
        FakeProvider("success") as fake,
        openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk,
        pytest.raises(openai.BadRequestError) as caught,
    ):
        sdk.responses.create(model="m", input=given)
    verdict = classify(caught.value)
    assert match in f"{verdict.message} {verdict.detail}"


def test_a_refused_request_leaves_its_step_and_a_503_comes_first() -> None:
    """The refusal is no step of the script."""
    with FakeProvider(["http-error:503", "success:Good."]) as fake:
        sdk = openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY, max_retries=0)
        with pytest.raises(openai.InternalServerError):
            sdk.responses.create(model="m", input=[HI, CALL])  # type: ignore[list-item]
        with pytest.raises(openai.BadRequestError):
            sdk.responses.create(model="m", input=[HI, CALL])  # type: ignore[list-item]
        assert sdk.responses.create(model="m", input="Hi").output_text == "Good."
    assert [one.met for one in fake.requests] == ["http-error:503", "status 400", "success"]


def test_the_default_memory_keeps_the_answers_usage() -> None:
    """Only a memory that a test gives replaces the scripted token counts by estimates."""
    with FakeProvider(GoodAnswer("Hi")) as fake:
        sdk = openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY)
        usage = sdk.responses.create(model="m", input="x" * 4000).usage
    assert usage is not None
    assert usage.input_tokens == 12


def test_a_memory_needs_validation() -> None:
    """Both at once would say two things."""
    from chatlab.lab import ResponseMemory

    with pytest.raises(ScriptError, match="memory and validate=False exclude each other"):
        FakeProvider("success", memory=ResponseMemory(), validate=False)
