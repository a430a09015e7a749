"""Gemini, Ollama, Cohere and Mistral: good answers, streams and errors in each protocol's form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest
from google import genai
from google.genai import errors

from chatlab import Kind, classify
from chatlab.lab import FakeProvider, GoodAnswer, ToolCall

MESSAGES: Final = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
CALLING: Final = GoodAnswer("Looking.", tool_calls=(ToolCall("look_up", {"city": "Ulm"}, "c1"),))
THINKING: Final = GoodAnswer("One, two.", reasoning="Let me count.")
PATHS: Final = {
    "ollama": "/api/chat",
    "cohere": "/v2/chat",
    "mistral": "/mistral/v1/chat/completions",
}


def post(fake: FakeProvider, name: str, stream: bool) -> httpx2.Response:
    """Return the answer to one request."""
    body = {**MESSAGES, "stream": stream}
    return httpx2.post(fake.base_url + PATHS[name], json=body, trust_env=False)


def data_of(answer: httpx2.Response) -> list[dict[str, Any]]:
    """Return what the lines or events of a stream hold."""
    lines = answer.text.splitlines()
    if answer.headers["content-type"].startswith("text/event-stream"):
        lines = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
    return [json.loads(line) for line in lines]


def texts(name: str, stream: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the pieces of text in a stream."""
    for one in stream:
        if name == "ollama":
            yield one["message"]["content"]
        elif name == "mistral":
            yield one["choices"][0]["delta"].get("content", "")
        elif one["type"] == "content-delta":
            yield one["delta"]["message"]["content"].get("text", "")


@pytest.fixture
def gemini() -> Iterator[tuple[FakeProvider, genai.Client]]:
    """A provider and the official client for it, without the client's retries."""
    with FakeProvider(
        [THINKING, THINKING, CALLING, CALLING, "http-error:503", "in-band-error"]
    ) as fake:
        options = {"base_url": fake.gemini_base_url, "retry_options": {"attempts": 1}}
        with genai.Client(api_key="none", http_options=options) as client:  # type: ignore[arg-type]
            yield fake, client


def test_the_gemini_client_reads_answers_streams_and_errors(
    gemini: tuple[FakeProvider, genai.Client],
) -> None:
    """Texts, thoughts, calls, counts and errors, whole and streamed."""
    fake, client = gemini
    asked: Any = {"model": "gemini-2.5-flash", "contents": "Hi"}
    whole = client.models.generate_content(**asked)
    assert (whole.text, whole.model_version) == ("One, two.", "gemini-2.5-flash")
    assert whole.usage_metadata is not None
    assert whole.usage_metadata.total_token_count == 20
    streamed = list(client.models.generate_content_stream(**asked))
    assert "".join(one.text or "" for one in streamed) == "One, two."
    assert streamed[0].candidates[0].content.parts[0].thought  # type: ignore[index,union-attr]
    assert streamed[-1].candidates[0].finish_reason == "STOP"  # type: ignore[index]
    assert len({one.response_id for one in streamed}) == 1
    calls = client.models.generate_content(**asked).function_calls
    assert calls is not None
    assert [(one.name, one.args, one.id) for one in calls] == [("look_up", {"city": "Ulm"}, "c1")]
    last = list(client.models.generate_content_stream(**asked))[-1]
    assert last.function_calls is not None
    assert last.function_calls[0].args == {"city": "Ulm"}
    with pytest.raises(errors.ServerError) as refused:
        client.models.generate_content(**asked)
    with pytest.raises(errors.ServerError) as failed:
        list(client.models.generate_content_stream(**asked))
    assert [classify(one.value).kind for one in (refused, failed)] == [Kind.OVERLOADED] * 2
    assert [one.stream for one in fake.requests] == [False, True, False, True, False, True]


@pytest.mark.parametrize("name", PATHS)
def test_a_stream_says_what_the_whole_answer_says(name: str) -> None:
    """And ends with its own end."""
    with FakeProvider(["success", "success"]) as fake:
        whole = post(fake, name, stream=False).json()
        streamed = data_of(post(fake, name, stream=True))
    said = {
        "ollama": lambda: whole["message"]["content"],
        "cohere": lambda: whole["message"]["content"][0]["text"],
        "mistral": lambda: whole["choices"][0]["message"]["content"],
    }[name]()
    assert said == "".join(texts(name, streamed)) == "The answer is 42."
    end = {
        "ollama": lambda: streamed[-1]["done_reason"],
        "cohere": lambda: streamed[-1]["delta"]["finish_reason"],
        "mistral": lambda: streamed[-1]["choices"][0]["finish_reason"],
    }[name]()
    assert end.lower() in {"stop", "complete"}


def test_tool_calls_have_the_form_of_each_protocol() -> None:
    """Ollama gives arguments as an object, Mistral whole calls, Cohere pieces of a text."""
    found = {}
    for name in PATHS:
        with FakeProvider([CALLING]) as fake:
            found[name] = data_of(post(fake, name, stream=True))
    (ollama,) = [one["message"] for one in found["ollama"] if "tool_calls" in one["message"]]
    assert ollama["tool_calls"][0]["function"] == {"name": "look_up", "arguments": {"city": "Ulm"}}
    (mistral,) = found["mistral"][-1]["choices"][0]["delta"]["tool_calls"]
    assert mistral["id"] == "c1"
    assert json.loads(mistral["function"]["arguments"]) == {"city": "Ulm"}
    pieces = [
        one["delta"]["message"]["tool_calls"]["function"]["arguments"]
        for one in found["cohere"]
        if one["type"] in ("tool-call-start", "tool-call-delta")
    ]
    assert len(pieces) > 2
    assert json.loads("".join(pieces)) == {"city": "Ulm"}
    assert found["cohere"][-1]["delta"]["finish_reason"] == "TOOL_CALL"


def test_ollama_streams_unless_it_is_told_not_to() -> None:
    """As its own server does."""
    with FakeProvider(["success"]) as fake:
        answer = httpx2.post(fake.base_url + "/api/chat", json=MESSAGES, trust_env=False)
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert len(data_of(answer)) > 1
    assert fake.requests[0].stream


@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("ollama", {"error": "unauthorized"}, "server busy"),
        ("cohere", {"message": "invalid api token"}, "service unavailable"),
        ("mistral", {"detail": "Unauthorized"}, "Service tier capacity exceeded"),
    ],
)
def test_errors_have_the_form_of_each_protocol(
    name: str, error: dict[str, str], sentence: str
) -> None:
    """By status, and inside a stream."""
    with FakeProvider(["http-error:401", "in-band-error", "clean-end-after-event:2"]) as fake:
        refused = post(fake, name, stream=False)
        failed = data_of(post(fake, name, stream=True))
        cut = data_of(post(fake, name, stream=True))
    assert (refused.status_code, refused.json()) == (401, error)
    assert sentence in json.dumps(failed[-1])
    assert len(cut) == 2
