"""One call by each of Python's LLM SDKs, without their own retries."""

from __future__ import annotations

import asyncio
import logging
import sys
from io import StringIO
from typing import Any
from urllib.parse import urlsplit

from chatlab.lab.capture.drivers.driver_output import Knobs, Logged, Untyped, module, tell

MESSAGES: Any = [{"role": "user", "content": "Weather?"}]
LONG_S = 15.0


def _base(url: str) -> str:
    return url.removesuffix("/chat/completions")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _timeout(library: Untyped, knobs: Knobs) -> Untyped:
    return library.Timeout(
        LONG_S,
        connect=knobs.get("connect_timeout_s", LONG_S),
        read=knobs.get("read_timeout_s", LONG_S),
    )


def _openai(url: str, knobs: Knobs) -> None:
    sdk = module("openai")
    client = sdk.OpenAI(
        api_key="sk-none", base_url=_base(url), max_retries=0, timeout=_timeout(sdk, knobs)
    )
    if knobs.get("responses"):
        answer = client.responses.create(model="gpt-5-mini", input="Weather?", stream=True)
    else:
        stream = bool(knobs.get("stream"))
        answer = client.chat.completions.create(
            model="gpt-5-mini", messages=MESSAGES, stream=stream
        )
    _read(answer)


def _openai_logged(url: str, knobs: Knobs) -> None:
    """An application that logs no more of a failure than the name of its class."""
    written = StringIO()
    log = logging.getLogger("app")
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter(logging.BASIC_FORMAT))
    log.addHandler(handler)
    try:
        _openai(url, knobs)
    except Exception as error:
        log.error("chat failed: %s", type(error).__name__)
        raise Logged(written.getvalue().rstrip()) from None


async def _openai_async(url: str, knobs: Knobs) -> None:
    sdk = module("openai")
    client = sdk.AsyncOpenAI(
        api_key="sk-none", base_url=_base(url), max_retries=0, timeout=_timeout(sdk, knobs)
    )
    async with client:
        await _read_async(
            await client.chat.completions.create(
                model="gpt-5-mini", messages=MESSAGES, stream=bool(knobs.get("stream"))
            )
        )


def _anthropic(url: str, knobs: Knobs) -> None:
    sdk = module("anthropic")
    client = sdk.Anthropic(
        api_key="none", base_url=_origin(url), max_retries=0, timeout=_timeout(sdk, knobs)
    )
    _read(
        client.messages.create(
            model="claude-sonnet-4-5",
            max_tokens=64,
            messages=MESSAGES,
            stream=bool(knobs.get("stream")),
        )
    )


async def _anthropic_async(url: str, knobs: Knobs) -> None:
    sdk = module("anthropic")
    client = sdk.AsyncAnthropic(
        api_key="none", base_url=_origin(url), max_retries=0, timeout=_timeout(sdk, knobs)
    )
    async with client:
        await _read_async(
            await client.messages.create(
                model="claude-sonnet-4-5",
                max_tokens=64,
                messages=MESSAGES,
                stream=bool(knobs.get("stream")),
            )
        )


def _read(answer: Untyped) -> None:
    if hasattr(answer, "__iter__") and not hasattr(answer, "model_dump"):
        for _ in answer:
            pass
    elif isinstance(answer, str):
        raise AttributeError(f"{type(answer).__name__!r} object has no attribute 'choices'")


async def _read_async(answer: Untyped) -> None:
    if hasattr(answer, "__aiter__"):
        async for _ in answer:
            pass


def _google(url: str, knobs: Knobs) -> None:
    genai = module("google.genai")
    options = {
        "base_url": _origin(url),
        "timeout": int(knobs.get("read_timeout_s", LONG_S) * 1000),
        "retry_options": {"attempts": 1},
    }
    client = genai.Client(api_key="none", http_options=options)
    given = {"model": "gemini-2.5-flash", "contents": "Weather?"}
    if knobs.get("stream"):
        _read(client.models.generate_content_stream(**given))
    else:
        client.models.generate_content(**given)


def _botocore(url: str, knobs: Knobs) -> None:
    session = module("botocore.session").Session()
    if not knobs.get("no_credentials"):
        session.set_credentials("none", "none")
    else:
        session.get_component("credential_provider").providers.clear()
    config = module("botocore.config").Config(
        connect_timeout=knobs.get("connect_timeout_s", LONG_S),
        read_timeout=knobs.get("read_timeout_s", LONG_S),
        retries={"total_max_attempts": knobs.get("attempts", 1), "mode": "standard"},
        proxies={"http": url} if knobs.get("proxy") else {},
    )
    endpoint = "http://bedrock.example.com" if knobs.get("proxy") else _origin(url)
    client = session.create_client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=endpoint, config=config
    )
    given: dict[str, Any] = {
        "modelId": "example.model-v1",
        "messages": [{"role": "user", "content": [{"text": "Weather?"}]}],
    }
    if knobs.get("stream"):
        _read(client.converse_stream(**given)["stream"])
    else:
        client.converse(**given)


CALLS = {
    "openai": ("openai", _openai),
    "openai-logged": ("openai", _openai_logged),
    "openai-async": ("openai", lambda url, knobs: asyncio.run(_openai_async(url, knobs))),
    "anthropic": ("anthropic", _anthropic),
    "anthropic-async": (
        "anthropic",
        lambda url, knobs: asyncio.run(_anthropic_async(url, knobs)),
    ),
    "google-genai": ("google-genai", _google),
    "botocore": ("botocore", _botocore),
}

if __name__ == "__main__":
    tell(CALLS, sys.argv[1:])
