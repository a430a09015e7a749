"""Calls of real SDKs that fail, and a look at the verdict on what they raise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypedDict, Unpack

import anthropic
import httpx2
import openai
import pytest

from chatlab.errors import classify

KEY: Final = "sk-a-secret-that-must-not-stay"


TIMEOUT: Final = ("timeout", True)


FINAL: Final = ("generic", False)


AGAIN: Final = ("generic", True)


def caught(call: Callable[[], object]) -> BaseException:
    """What `call` raises."""
    with pytest.raises(BaseException) as raised:  # noqa: PT011
        call()
    return raised.value


def caught_async(call: Callable[[], Awaitable[object]]) -> BaseException:
    """What awaiting `call` raises, in a loop of its own."""

    async def run() -> object:
        return await call()

    return caught(lambda: asyncio.run(run()))


def verdict_of(thing: object, provider: str | None = None) -> tuple[str, bool]:
    """The kind and whether to retry, after a look at everything a verdict can be asked."""
    verdict = classify(thing, provider)
    assert KEY not in f"{verdict!r}{verdict}{verdict.explain()}{verdict.as_dict()}"
    return str(verdict.kind), verdict.retryable


class Settings(TypedDict, total=False):
    """What the constructors of both SDKs take."""

    timeout: float
    http_client: httpx2.Client


def openai_call(
    url: str, is_async: bool, stream: bool = False, **named: Unpack[Settings]
) -> BaseException:
    """What a chat completion at `url` raises, without the SDK's own retries."""
    settings: dict[str, Any] = {"base_url": f"{url}/v1", "api_key": KEY, "max_retries": 0, **named}
    call: dict[str, Any] = {"model": "gpt-5", "messages": [], "stream": stream}

    def sync() -> None:
        with openai.OpenAI(**settings) as client:
            list(client.chat.completions.create(**call))

    async def awaited() -> None:
        async with openai.AsyncOpenAI(**settings) as client:
            async for _ in await client.chat.completions.create(**call):
                pass

    return caught_async(awaited) if is_async else caught(sync)


def anthropic_call(
    url: str, is_async: bool, stream: bool = False, **named: Unpack[Settings]
) -> BaseException:
    """What a message at `url` raises, without the SDK's own retries."""
    settings: dict[str, Any] = {"base_url": url, "api_key": KEY, "max_retries": 0, **named}
    call: dict[str, Any] = {"model": "claude", "max_tokens": 9, "messages": [], "stream": stream}

    def sync() -> None:
        with anthropic.Anthropic(**settings) as client:
            list(client.messages.create(**call))

    async def awaited() -> None:
        async with anthropic.AsyncAnthropic(**settings) as client:
            async for _ in await client.messages.create(**call):
                pass

    return caught_async(awaited) if is_async else caught(sync)


def openai_error(message: str, code: str | None = None, kind: str | None = None) -> object:
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def anthropic_error(kind: str, message: str, **details: str) -> object:
    error = {"type": kind, "message": message, **({"details": details} if details else {})}
    return {"type": "error", "error": error, "request_id": "req_1"}


TPM: Final = openai_error(
    "Rate limit reached for gpt-5 on tokens per min (TPM): Limit 30000, Used 29000, Requested"
    " 2000. Please try again in 2s.",
    "rate_limit_exceeded",
    "tokens",
)


CHUNK: Final = (
    b'data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-5",'
    b'"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'
)


MESSAGE_START: Final = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","type":"message",'
    b'"role":"assistant","content":[],"model":"claude","stop_reason":null,"stop_sequence":null,'
    b'"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
)
