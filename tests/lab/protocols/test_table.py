"""Tests of good answers: the official SDKs read them, streamed and whole, like real ones."""

from __future__ import annotations

import json
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from anthropic.types import Message, RawMessageStreamEvent
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter
from support.lab_calls import CALLERS, HELLO, KEY, TERMINAL, Caller

from chatlab.lab import FakeProvider, GoodAnswer, Script, TokenUsage, ToolCall
from chatlab.lab.protocols.exchange import ReceivedRequest
from chatlab.lab.protocols.good_answer import Ids
from chatlab.lab.protocols.table import PROTOCOLS

RICH = GoodAnswer(
    text="It is  sunny,\n12 °C.",
    reasoning="The tool knows.",
    tool_calls=(ToolCall("look_up", {"city": "Zürich", "days": 3}), ToolCall("stop", id="my_id")),
    usage=TokenUsage(21, 34),
)
MESSAGES: list[Any] = [{"role": "user", "content": "Weather?"}]


def provider(success: GoodAnswer) -> FakeProvider:
    """Return a provider that gives one good answer for ever."""
    return FakeProvider(Script(after="success", success=success))


def request(path: str, stream: bool, **body: object) -> ReceivedRequest:
    """Return a request as the provider records it."""
    content = json.dumps({"model": "m", "stream": stream, **body}).encode()
    return ReceivedRequest.received("POST", path, [("host", "127.0.0.1:1")], content, "1.1")


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_each_sdk_reads_the_good_answer(caller: Caller, stream: bool) -> None:
    """Text arrives whole and in order, and a stream ends with its terminal event."""
    with provider(GoodAnswer(text="One,  two\nthree €")) as fake:
        seen = caller.call(fake, stream=stream)
    assert seen.error is None
    assert seen.text == "One,  two\nthree €"
    assert not stream or seen.events[-1] == TERMINAL[caller.path]


@pytest.mark.parametrize("finish", ["stop", "length", "refusal"])
@pytest.mark.parametrize(
    ("path", "whole", "event"),
    [
        ("/v1/responses", Response, ResponseStreamEvent),
        ("/v1/chat/completions", ChatCompletion, ChatCompletionChunk),
        ("/v1/messages", Message, RawMessageStreamEvent),
    ],
)
def test_answers_and_events_fit_the_types_of_the_sdks(
    path: str, whole: type, event: type, finish: str
) -> None:
    """Every required field is there with the right type; pings are known to the SDK only."""
    success = GoodAnswer(RICH.text, (), RICH.reasoning, RICH.tool_calls, RICH.usage, finish)
    protocol = PROTOCOLS[path]
    TypeAdapter(whole).validate_python(protocol.body(success, request(path, False), Ids(0, 0)))
    checker: TypeAdapter[object] = TypeAdapter(event)
    checked = 0
    for piece in protocol.events(success, request(path, True), Ids(0, 0)):
        data = piece.data.decode().partition("data: ")[2]
        if data != "[DONE]\n\n" and '"type":"ping"' not in data:
            checker.validate_json(data)
            checked += 1
    assert checked > 10


def test_the_stream_helper_of_responses_ends_with_what_the_whole_answer_says() -> None:
    """Reasoning, text, calls and usage gathered from events equal those of one JSON object."""
    with provider(RICH) as fake, openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk:
        whole = sdk.responses.create(model="gpt-5", input="Weather?")
        with sdk.responses.stream(model="gpt-5", input="Weather?") as stream:
            numbers = [event.sequence_number for event in stream]
            final = stream.get_final_response()
    assert numbers == sorted(set(numbers))
    for answer in (whole, final):
        assert answer.status == "completed"
        assert answer.output_text == RICH.text
        assert answer.usage is not None
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (21, 34)
        reasoning, _, first, second = answer.output
        assert reasoning.type == "reasoning"
        assert reasoning.summary[0].text == RICH.reasoning
        assert first.type == second.type == "function_call"
        assert json.loads(first.arguments) == {"city": "Zürich", "days": 3}
        assert (first.name, second.name, second.call_id) == ("look_up", "stop", "my_id")


def test_the_stream_helper_of_chat_ends_with_what_the_whole_answer_says() -> None:
    """Text, calls, finish reason and usage gathered from chunks equal those of one object."""
    with provider(RICH) as fake, openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk:
        whole = sdk.chat.completions.create(model="gpt-5", messages=MESSAGES)
        with sdk.chat.completions.stream(
            model="gpt-5", messages=MESSAGES, stream_options={"include_usage": True}
        ) as stream:
            final = stream.get_final_completion()
        plain = list(sdk.chat.completions.create(model="gpt-5", messages=MESSAGES, stream=True))
    for answer in (whole, final):
        choice = answer.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == RICH.text
        assert choice.message.model_dump()["reasoning_content"] == RICH.reasoning
        assert answer.usage is not None
        assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (21, 34)
        calls = choice.message.tool_calls or []
        assert [call.type for call in calls] == ["function", "function"]
        first, second = calls
        assert first.type == second.type == "function"
        assert json.loads(first.function.arguments) == {"city": "Zürich", "days": 3}
        assert (second.id, second.function.name) == ("my_id", "stop")
    assert all(chunk.usage is None and chunk.choices for chunk in plain)


def test_the_stream_helper_of_messages_ends_with_what_the_whole_answer_says() -> None:
    """Thinking, text, calls, stop reason and usage gathered from events equal one object's."""
    with (
        provider(RICH) as fake,
        anthropic.Anthropic(base_url=fake.anthropic_base_url, api_key=KEY) as sdk,
    ):
        whole = sdk.messages.create(model="claude", max_tokens=9, messages=MESSAGES)
        with sdk.messages.stream(model="claude", max_tokens=9, messages=MESSAGES) as stream:
            final = stream.get_final_message()
    for answer in (whole, final):
        assert answer.stop_reason == "tool_use"
        assert (answer.usage.input_tokens, answer.usage.output_tokens) == (21, 34)
        thinking, text, first, second = answer.content
        assert thinking.type == "thinking"
        assert (thinking.thinking, bool(thinking.signature)) == (RICH.reasoning, True)
        assert text.type == "text"
        assert text.text == RICH.text
        assert first.type == second.type == "tool_use"
        assert first.input == {"city": "Zürich", "days": 3}
        assert (second.id, second.name, second.input) == ("my_id", "stop", {})


@pytest.mark.parametrize(
    ("finish", "responses", "chat", "messages"),
    [
        ("length", ("incomplete", "max_output_tokens"), "length", "max_tokens"),
        ("refusal", ("completed", None), "stop", "refusal"),
    ],
)
def test_an_answer_may_be_cut_by_the_limit_or_refuse(
    finish: str, responses: tuple[str, str | None], chat: str, messages: str
) -> None:
    """Each protocol says it in its own way, streamed and whole."""
    with provider(GoodAnswer("No.", finish=finish)) as fake:
        with openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk:
            for stream in (False, True):
                answer: Any = sdk.responses.create(model="m", input="x", stream=stream)
                answer = list(answer)[-1].response if stream else answer
                reason = answer.incomplete_details and answer.incomplete_details.reason
                assert (answer.status, reason) == responses
                part = answer.output[0].content[0]
                assert part.type == ("refusal" if finish == "refusal" else "output_text")
            whole = sdk.chat.completions.create(model="m", messages=MESSAGES).choices[0]
            assert whole.finish_reason == chat
            assert (whole.message.refusal == "No.") is (finish == "refusal")
            chunks = list(sdk.chat.completions.create(model="m", messages=MESSAGES, stream=True))
            assert chunks[-1].choices[0].finish_reason == chat
        with anthropic.Anthropic(base_url=fake.anthropic_base_url, api_key=KEY) as claude:
            answer = claude.messages.create(model="m", max_tokens=1, messages=MESSAGES)
            with claude.messages.stream(model="m", max_tokens=1, messages=MESSAGES) as events:
                assert events.get_final_message().stop_reason == answer.stop_reason == messages


def test_raw_responses_show_status_headers_and_the_request_id() -> None:
    """`with_raw_response` and the SDKs' own request ids work as against the real providers."""
    with provider(RICH) as fake:
        with openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk:
            raw = sdk.responses.with_raw_response.create(model="gpt-5", input="x")
            assert (raw.status_code, raw.headers["content-type"]) == (200, "application/json")
            assert raw.parse()._request_id == raw.request_id == raw.headers["x-request-id"]
            with sdk.chat.completions.with_streaming_response.create(
                model="gpt-5", messages=MESSAGES, stream=True
            ) as streamed:
                assert streamed.headers["content-type"].startswith("text/event-stream")
                assert list(streamed.iter_lines())[-2:] == ["data: [DONE]", ""]
        with anthropic.Anthropic(base_url=fake.anthropic_base_url, api_key=KEY) as claude:
            message = claude.messages.with_raw_response.create(
                model="claude", max_tokens=9, messages=MESSAGES
            )
            assert message.headers["request-id"].startswith("req_")
            assert message.parse()._request_id == message.headers["request-id"]


def test_what_the_caller_asked_for_is_repeated_in_the_response() -> None:
    """A response names the model, the previous response and the settings of its request."""
    with provider(RICH) as fake, openai.OpenAI(base_url=fake.openai_base_url, api_key=KEY) as sdk:
        first = sdk.responses.create(model="gpt-5", input="x", tools=[])
        output = [
            {"type": "function_call_output", "call_id": item.call_id, "output": "y"}
            for item in first.output
            if item.type == "function_call"
        ]
        answer = sdk.responses.create(
            model="gpt-5-mini",
            input=output,  # type: ignore[arg-type]
            previous_response_id=first.id,
            store=False,
        )
    assert (answer.model, answer.previous_response_id) == ("gpt-5-mini", first.id)
    assert answer.to_dict()["store"] is False


def test_two_runs_of_one_script_are_equal_to_the_byte() -> None:
    """Bodies and headers depend on the seed, and change with it."""

    def run(seed: int) -> list[Any]:
        heard: list[Any] = []
        with (
            FakeProvider(Script(after="success", success=RICH, seed=seed)) as fake,
            httpx2.Client(trust_env=False) as http,
        ):
            for path in PROTOCOLS:
                for stream in (True, False):
                    body = {**HELLO, "input": "Hi", "model": "m", "stream": stream}
                    answer = http.post(fake.base_url + path, json=body)
                    heard.append((answer.headers.raw, answer.content))
        return heard

    first = run(5)
    assert run(5) == first
    assert all(one[1] != other[1] for one, other in zip(run(6), first, strict=True))


def test_delays_go_before_headers_first_content_and_each_further_piece() -> None:
    """All delays go through ``sleep``, so a script can be played without waiting."""
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)

    success = GoodAnswer(
        chunks=("a", "b", "c"), headers_after_s=5, content_after_s=60, chunk_every_s=0.25
    )
    script = Script(after="success", success=success)
    with FakeProvider(script, sleep=note) as fake:
        for caller in CALLERS:
            if not caller.is_async:
                assert caller.call(fake).text == "abc"
                assert caller.call(fake, stream=False).text == "abc"
    assert waited == [5, 60, 0.25, 0.25, 5, 60] * 3
