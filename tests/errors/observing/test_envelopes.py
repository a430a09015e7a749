"""Records of tools: the call that failed gives the verdict, and never what was sent."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from chatlab.errors import classify, observe_all
from chatlab.errors.observing.envelopes import calls_in

ASKED = [{"role": "user", "content": "Why is my credit balance too low, and what is HTTP 401?"}]
SAID = "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error'}}"
LIMITED = {"error": {"message": "Rate limit reached. Try again in 1.4s.", "code": "rate_limit"}}


def har(response: dict[str, object], **entry: object) -> dict[str, object]:
    request = {
        "method": "POST",
        "url": "https://api.openai.com/v1/chat/completions",
        "postData": {"text": json.dumps({"messages": ASKED})},
    }
    return {
        "log": {"version": "1.2", "entries": [{"request": request, "response": response, **entry}]}
    }


def response(status: int, body: object, **more: object) -> dict[str, object]:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = [{"name": "Retry-After", "value": "2"}]
    content = {"mimeType": "application/json", "text": text}
    return {"status": status, "headers": headers, "content": content, **more}


def otlp(attributes: dict[str, object], **span: object) -> dict[str, object]:
    shown = [
        {"key": name, "value": {"stringValue": str(value)}} for name, value in attributes.items()
    ]
    asked = {"key": "gen_ai.input.messages", "value": {"stringValue": json.dumps(ASKED)}}
    one = {"name": "chat", "attributes": [*shown, asked], **span}
    return {"resourceSpans": [{"scopeSpans": [{"spans": [one]}]}]}


FAILED: dict[str, tuple[dict[str, Any], tuple[str, bool, str | None]]] = {
    "har": (har(response(429, LIMITED)), ("rate_limit", True, "openai")),
    "har, base64": (
        har(
            response(
                401,
                base64.b64encode(b'{"error": {"code": "invalid_api_key"}}').decode(),
                content={
                    "text": base64.b64encode(b'{"error": {"code": "invalid_api_key"}}').decode(),
                    "encoding": "base64",
                },
            )
        ),
        ("auth", False, "openai"),
    ),
    "har, cut": (
        har(response(200, "", _failureText="net::ERR_INCOMPLETE_CHUNKED_ENCODING")),
        ("timeout", True, "openai"),
    ),
    "har, the page went away": (
        har(response(200, "", _failureText="net::ERR_ABORTED")),
        ("generic", False, None),
    ),
    "otlp": (
        otlp(
            {"gen_ai.provider.name": "anthropic"},
            status={"code": 2, "message": SAID},
        ),
        ("overloaded", True, "anthropic"),
    ),
    "a span": (
        {
            "name": "chat",
            "context": {"trace_id": "0x1"},
            "status": {"status_code": "ERROR"},
            "attributes": {"gen_ai.system": "openai", "input.value": json.dumps(ASKED)},
            "events": [
                {
                    "name": "exception",
                    "attributes": {
                        "exception.type": "openai.RateLimitError",
                        "exception.message": "Error code: 429 - slow down",
                    },
                }
            ],
        },
        ("rate_limit", True, "openai"),
    ),
    "langfuse": (
        {
            "type": "GENERATION",
            "name": "OpenAI-generation",
            "level": "ERROR",
            "statusMessage": "Request timed out.",
            "input": ASKED,
        },
        ("timeout", True, "openai"),
    ),
    "langsmith": (
        {
            "run_type": "llm",
            "inputs": {"messages": ASKED},
            "error": f"OverloadedError({SAID!r})",
            "extra": {"metadata": {"ls_provider": "anthropic"}},
        },
        ("overloaded", True, "anthropic"),
    ),
    "braintrust": (
        {
            "span_id": "1",
            "span_attributes": {"type": "llm"},
            "input": ASKED,
            "metadata": {"provider": "anthropic"},
            "error": SAID,
        },
        ("overloaded", True, "anthropic"),
    ),
    "opik": (
        {
            "trace_id": "1",
            "project_name": "p",
            "input": {"messages": ASKED},
            "provider": "anthropic",
            "error_info": {"exception_type": "OverloadedError", "message": SAID},
        },
        ("overloaded", True, "anthropic"),
    ),
    "litellm": (
        {
            "custom_llm_provider": "anthropic",
            "status": "failure",
            "messages": ASKED,
            "error_str": SAID,
            "error_information": {"error_code": "529", "error_class": "InternalServerError"},
        },
        ("overloaded", True, "anthropic"),
    ),
    "sentry": (
        {
            "breadcrumbs": {"values": [{"message": "HTTP 401"}]},
            "sdk": {"integrations": ["anthropic"]},
            "exception": {
                "values": [
                    {
                        "type": "RateLimitError",
                        "module": "openai",
                        "value": "Error code: 429 - {'error': {'code': 'insufficient_quota'}}",
                        "stacktrace": {"frames": [{"vars": {"messages": ASKED}}]},
                    }
                ]
            },
        },
        ("usage_limit", False, "openai"),
    ),
    "ai sdk": (
        {
            "name": "AI_APICallError",
            "url": "https://api.openai.com/v1/responses",
            "requestBodyValues": {"input": ASKED},
            "statusCode": 503,
            "responseHeaders": {"retry-after": "30"},
            "responseBody": '{"error": {"message": "overloaded"}}',
        },
        ("overloaded", True, "openai"),
    ),
    "batch": (
        {
            "id": "b",
            "custom_id": "c",
            "response": {"status_code": 401, "body": {"error": {"code": "invalid_api_key"}}},
            "error": None,
        },
        ("auth", False, None),
    ),
    "notebook": (
        {
            "nbformat": 4,
            "cells": [
                {
                    "source": "ask('what is HTTP 401?')",
                    "outputs": [
                        {
                            "output_type": "error",
                            "ename": "APITimeoutError",
                            "evalue": "Request timed out.",
                            "traceback": [],
                        }
                    ],
                }
            ],
        },
        ("timeout", True, None),
    ),
    "pino": (
        {
            "level": 50,
            "time": 1,
            "pid": 429,
            "msg": "call failed",
            "err": {"type": "Error", "message": "read ECONNRESET", "code": "ECONNRESET"},
        },
        ("timeout", True, None),
    ),
    "structlog": (
        {"event": SAID, "level": "error", "timestamp": "2026-11-20", "duration_ms": 401},
        ("overloaded", True, None),
    ),
    "structlog, a list of exceptions": (
        {
            "prompt": ASKED[0]["content"],
            "event": "chat_failed",
            "level": "error",
            "timestamp": "2026-11-20T10:00:00Z",
            "exception": [
                {
                    "exc_type": "APIConnectionError",
                    "exc_value": "Connection error.",
                    "is_cause": False,
                    "frames": [{"locals": {"prompt": ASKED[0]["content"]}}],
                },
                {"exc_type": "ReadError", "exc_value": "HTTP 401", "is_cause": True, "frames": []},
            ],
        },
        ("timeout", True, None),
    ),
    "loguru": (
        {
            "text": f"ERROR chat failed\n  prompt = {ASKED[0]['content']!r}\nOverloadedError: x",
            "record": {
                "exception": {"type": "OverloadedError", "value": SAID, "traceback": True},
                "level": {"name": "ERROR", "no": 40},
                "message": "chat failed",
                "line": 401,
            },
        },
        ("overloaded", True, None),
    ),
    "celery": (
        {
            "status": "FAILURE",
            "result": {
                "exc_type": "RateLimitError",
                "exc_message": ["Error code: 429 - Rate limit reached for gpt-4o."],
                "exc_module": "openai",
            },
            "traceback": f"  prompt = {ASKED[0]['content']!r}",
            "task_id": "1",
        },
        ("rate_limit", True, "openai"),
    ),
    "vcrpy": (
        {
            "version": 1,
            "interactions": [
                {
                    "request": {
                        "uri": "https://api.openai.com/v1/chat/completions",
                        "body": json.dumps({"messages": ASKED}),
                    },
                    "response": {
                        "status": {"code": 429, "message": "Too Many Requests"},
                        "headers": {"retry-after": ["7"]},
                        "body": {"string": json.dumps(LIMITED)},
                    },
                }
            ],
        },
        ("rate_limit", True, "openai"),
    ),
    "pino, the attempts of the AI SDK": (
        {
            "level": 50,
            "time": 1,
            "msg": "chat failed",
            "err": {
                "type": "RetryError",
                "message": "Failed after 2 attempts.",
                "aggregateErrors": [
                    {
                        "name": "AI_APICallError",
                        "url": "https://api.anthropic.com/v1/messages",
                        "requestBodyValues": {"messages": ASKED},
                        "statusCode": 529,
                        "responseHeaders": {},
                        "responseBody": '{"error": {"type": "overloaded_error"}}',
                    }
                ],
            },
        },
        ("overloaded", True, "anthropic"),
    ),
    "cloud logging": (
        {
            "severity": "ERROR",
            "logName": "projects/p/logs/run.googleapis.com",
            "timestamp": "2026-11-20",
            "httpRequest": {"status": 500},
            "jsonPayload": {"message": SAID},
        },
        ("overloaded", True, None),
    ),
}
GOOD: dict[str, dict[str, Any]] = {
    "har": har(response(200, {"choices": []})),
    "otlp": otlp({"gen_ai.provider.name": "openai"}, status={"code": 1}),
    "a span": {
        "context": {"trace_id": "0x1"},
        "status": {"status_code": "UNSET"},
        "attributes": {},
    },
    "langsmith": {"run_type": "llm", "inputs": {"messages": ASKED}, "error": None},
    "langfuse": {"level": "DEFAULT", "statusMessage": None, "input": ASKED, "output": "HTTP 503"},
    "braintrust": {"span_id": "1", "span_attributes": {}, "input": ASKED, "output": "timeout"},
    "batch": {"custom_id": "c", "response": {"status_code": 200, "body": {}}, "error": None},
    "vcrpy": {
        "interactions": [
            {
                "request": {"uri": "https://api.openai.com/v1/x", "body": json.dumps(ASKED)},
                "response": {
                    "status": {"code": 200, "message": "OK"},
                    "headers": {"keep-alive": ["timeout=5"]},
                    "body": {"string": "A request that timed out can be sent again."},
                },
            }
        ]
    },
    "celery": {
        "status": "SUCCESS",
        "result": "HTTP 429 means that the rate limit was exceeded.",
        "traceback": None,
        "task_id": "1",
    },
    "loguru": {
        "text": "INFO chat completed",
        "record": {"exception": None, "level": {"name": "INFO", "no": 20}, "message": "completed"},
    },
    "pino": {"level": 30, "time": 1, "msg": "request took 429 ms"},
}
LINES = {
    'h h/u 0/0/0/15/999 200 273 - - CD-- 5/2/1/1/0 0/0 "POST /v1/x HTTP/1.1"': ("generic", False),
    'h h/u 0/0/1/4/2007 200 273 - - sD-- 3/2/0/0/0 0/0 "POST /v1/x HTTP/1.1"': ("timeout", True),
    'h h/u 0/0/1/-1/2007 504 273 - - sH-- 3/2/0/0/0 0/0 "POST /v1/x HTTP/1.1"': ("timeout", True),
    "2026/12/01 [info] *7 client prematurely closed connection, client: 127.0.0.1": (
        "generic",
        False,
    ),
    "2026/12/01 [error] *7 upstream prematurely closed connection while reading": ("timeout", True),
}


@pytest.mark.parametrize("form", ["decoded", "text"])
@pytest.mark.parametrize("name", FAILED)
def test_the_call_that_failed_gives_the_verdict(name: str, form: str) -> None:
    """Decoded or pasted; the request that the record keeps says nothing."""
    document, (kind, retryable, provider) = FAILED[name]
    verdict = classify(document if form == "decoded" else json.dumps(document))
    assert (verdict.kind, verdict.retryable) == (kind, retryable), verdict.explain()
    assert verdict.provider == provider
    assert "credit balance" not in str(verdict.explain()) + verdict.detail


@pytest.mark.parametrize("name", GOOD)
def test_a_record_of_a_success_is_no_failure(name: str) -> None:
    """Whatever was asked and answered."""
    verdict = classify(GOOD[name])
    assert not verdict.failed, verdict.explain()


@pytest.mark.parametrize("line", LINES)
def test_how_a_proxy_says_that_an_exchange_ended(line: str) -> None:
    """The reader who left blames nobody; a cut answer can be asked for again."""
    verdict = classify(line)
    assert (verdict.kind, verdict.retryable) == LINES[line], verdict.explain()


def test_headers_of_a_har_count() -> None:
    """A wait of two seconds, not the sentence's."""
    verdict = classify(FAILED["har"][0])
    assert (verdict.retry_after_s, verdict.status_code) == (2.0, 429)


def test_a_file_of_several_calls_has_several_failures() -> None:
    """Those that failed, in order."""
    first, second = FAILED["har"][0], FAILED["har, cut"][0]
    first["log"]["entries"] += [GOOD["har"]["log"]["entries"][0], *second["log"]["entries"]]
    kinds = [classify(failure).kind for failure in observe_all(json.dumps(first))]
    assert kinds == ["rate_limit", "timeout"]
    assert len(observe_all("HTTP 529")) == 1


@pytest.mark.parametrize("thing", [None, 7, [], {}, {"log": {"entries": 7}}, {"context": []}])
def test_what_is_no_record_is_none(thing: object) -> None:
    """A body is no envelope of a tool."""
    assert calls_in(thing) is None
    assert calls_in(LIMITED) is None
