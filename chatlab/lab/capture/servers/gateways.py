"""The LLM gateways, and what each is asked."""

from __future__ import annotations

import json
from typing import Final

from chatlab.lab.capture.faults import plans
from chatlab.lab.capture.faults.fault import Label
from chatlab.lab.capture.faults.plans import Act, Plan, answer
from chatlab.lab.capture.servers.server import Case, Server


def _passed_on(why: str, status: int) -> Label:
    return Label("timeout", True, why, status)


def _ask(model: str, words: str = "Weather?", **more: str) -> str:
    extra = "".join(f', "{name}": {value}' for name, value in more.items())
    return f'{{"model": "{model}", "messages": [{{"role": "user", "content": "{words}"}}]{extra}}}'


_KEY: Final = {"authorization": "Bearer sk-none"}


def _steady(name: str, label: Label, plan: Plan, **more: str) -> Case:
    return Case(name, label, plan, body=_ask("steady", **more), headers=_KEY)


def _refusal(status: int, message: str, code: str) -> Plan:
    error = {"message": message, "type": "invalid_request_error", "code": code}
    return answer(status, json.dumps({"error": error}))


_LITELLM: Final = (
    Case(
        "key-unknown",
        Label(
            "auth",
            False,
            "the key is not the master key, and no database is there to look for it in; the text "
            "names only the database",
            400,
            accept={"kind": ["generic"]},
            confidence="medium",
        ),
        body=_ask("steady"),
        headers={"authorization": "Bearer sk-other"},
    ),
    Case(
        "model-unknown",
        Label("config", False, "the gateway has no such model", 400),
        body=_ask("nosuch"),
        headers=_KEY,
    ),
    Case(
        "budget-exceeded",
        Label("usage_limit", False, "the budget of the only deployment is spent", 429),
        answer(200, plans.COMPLETION),
        body=_ask("thrifty"),
        headers=_KEY,
        asked=3,
    ),
    Case(
        "rate-limited",
        Label("rate_limit", True, "the gateway's own requests per minute", 429),
        answer(200, plans.COMPLETION),
        body=_ask("limited"),
        headers=_KEY,
        asked=2,
    ),
    Case(
        "upstream-down",
        Label(
            "timeout",
            True,
            "the upstream refuses connections: the cause inside the 500 is a connection error",
            500,
            accept={"kind": ["generic"]},
        ),
        body=_ask("down"),
        headers=_KEY,
    ),
    _steady("upstream-slow", Label("timeout", True, "the upstream timed out", 408), (Act.STALL,)),
    _steady(
        "upstream-401",
        Label("auth", False, "the upstream refused the gateway's key", 401),
        _refusal(401, "Incorrect API key provided: none.", "invalid_api_key"),
    ),
    _steady(
        "upstream-429",
        Label("rate_limit", True, "the upstream's rate limit", 429),
        _refusal(429, "Rate limit reached for gpt-5-mini.", "rate_limit_exceeded"),
    ),
    _steady("upstream-503", _passed_on("503 of the upstream without a word", 503), answer(503)),
    _steady(
        "context-exceeded",
        Label("config", False, "the prompt is longer than the context window", 400),
        _refusal(400, "Maximum context length is 8192 tokens.", "context_length_exceeded"),
    ),
    _steady(
        "upstream-page",
        Label(
            "generic",
            True,
            "the upstream gave a page where JSON was due, passed on as 500",
            500,
        ),
        answer(200, plans.PAGE, content_type="text/html"),
    ),
    _steady(
        "stream-cut",
        Label(
            "timeout",
            True,
            "the upstream's stream was cut; the 400 in the text is its parser's, not a status",
            500,
            accept={"status_code": [None], "kind": ["generic"]},
        ),
        (plans.chunked(plans.STREAM_TYPE) + plans.chunk(plans.CHAT_EVENT), Act.CLOSE),
        stream="true",
    ),
    Case(
        "claude-429",
        Label(
            "rate_limit", True, "the upstream's rate limit, by way of its Anthropic adapter", 429
        ),
        _refusal(429, "Slow down.", "rate_limit_error"),
        body=_ask("claude"),
        headers=_KEY,
    ),
    Case(
        "claude-503",
        _passed_on("503 of the upstream without a word, by way of its Anthropic adapter", 503),
        answer(503),
        body=_ask("claude"),
        headers=_KEY,
    ),
)
_LLAMA: Final = (
    Case(
        "context-exceeded",
        Label("config", False, "the prompt is longer than the context window", 400),
        body=_ask("tiny", "word " * 50),
        headers=_KEY,
    ),
    Case(
        "prompt-too-long",
        Label("config", False, "the prompt is longer than the context window", 400),
        path="/v1/completions",
        body='{"model": "tiny", "prompt": "' + "word " * 60 + '"}',
        headers=_KEY,
    ),
    Case(
        "no-embeddings",
        Label(
            "config",
            False,
            "the model was loaded without embeddings: the endpoint is wrong for it, said as 500",
            500,
            accept={"kind": ["generic"]},
        ),
        path="/v1/embeddings",
        body='{"model": "tiny", "input": "Weather?"}',
        headers=_KEY,
    ),
    Case(
        "key-unknown",
        Label("auth", False, "the key is not the server's", 401),
        body=_ask("tiny"),
        headers={"authorization": "Bearer sk-other"},
    ),
    Case(
        "missing",
        Label(
            "generic", False, "404: there is nothing at this path", 404, accept={"kind": ["config"]}
        ),
        path="/v1/nosuch",
        headers=_KEY,
    ),
    Case(
        "body-no-json",
        Label("generic", True, "500 in two words", 500),
        body="{",
        headers=_KEY,
    ),
)

GATEWAYS: Final = (
    Server(
        "litellm-proxy",
        "LiteLLM proxy",
        "litellm.yaml",
        (
            *("{tools}/litellm/bin/litellm", "--config", "{config}", "--host", "127.0.0.1"),
            *("--port", "{port}", "--telemetry", "False"),
        ),
        ("{tools}/litellm/bin/litellm", "--version"),
        "python -m venv {tools}/litellm && {tools}/litellm/bin/pip install 'litellm[proxy]'",
        _LITELLM,
        ready="/health/liveliness",
        provider="openai-compat",
    ),
    Server(
        "llama-cpp-python",
        "llama.cpp server (llama-cpp-python)",
        None,
        (
            *("{tools}/llama/bin/python", "-m", "llama_cpp.server", "--model"),
            *("{folder}/tiny.gguf", "--host", "127.0.0.1", "--port", "{port}"),
            *("--n_ctx", "64", "--n_threads", "1", "--api_key", "sk-none"),
        ),
        ("{tools}/llama/bin/pip", "show", "llama-cpp-python"),
        "python -m venv {tools}/llama && {tools}/llama/bin/pip install gguf "
        "'llama-cpp-python[server]'",
        _LLAMA,
        ready="/v1/models",
        provider="openai-compat",
        prepare=("{tools}/llama/bin/python", "{drivers}/make_gguf.py", "{folder}/tiny.gguf"),
    ),
)
"""Every one of them."""
