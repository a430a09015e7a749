"""The Python programs that are run, and which faults each is made to meet."""

from __future__ import annotations

from typing import Final

from chatlab.lab.capture.faults import plans
from chatlab.lab.capture.faults.fault import ClientFault, Label
from chatlab.lab.capture.faults.provider_faults import AWS, GOOGLE, GRPC
from chatlab.lab.capture.programs.program import (
    ANSWERS,
    CHAT_STREAM,
    H2,
    JSON,
    SDK,
    TLS,
    WIRE,
    Program,
    but,
)

_PYTHON: Final = "python:http_clients"
_SDKS: Final = "python:llm_sdks"

_GRPC_CALM: Final = Label(
    "timeout",
    True,
    "HTTP/2 stream reset by the peer with ENHANCE_YOUR_CALM, which gRPC calls RESOURCE_EXHAUSTED",
    accept={"kind": ["rate_limit"]},
)

_ONLY: Final = "; of which the log shows the class name alone"
_CLASS_NAMES: Final = {
    "connection-refused": Label("timeout", True, "nobody listens on the port" + _ONLY),
    "status-401": Label("auth", False, "401: the key was not accepted" + _ONLY),
    "status-429": Label("rate_limit", True, "429 with a retry-after header" + _ONLY),
}
_MISSING: Final = ClientFault(
    "status-404",
    Label("config", False, "404: the model or endpoint is not there" + _ONLY),
    plans.answer(404, '{"error":{"message":"Not here."}}'),
)

PYTHON_PROGRAMS: Final = (
    Program("httpx2", "httpx2 (python)", _PYTHON, (*WIRE, *JSON, *ANSWERS, *H2, "pool-timeout")),
    Program("httpx", "httpx (python)", _PYTHON, (*WIRE, *ANSWERS, *H2, "pool-timeout")),
    Program("requests", "requests (python)", _PYTHON, (*WIRE, *JSON, *ANSWERS)),
    Program("urllib3", "urllib3 (python)", _PYTHON, WIRE),
    Program(
        "aiohttp",
        "aiohttp (python)",
        _PYTHON,
        (*WIRE, "reset-mid-body", "html-page", *ANSWERS, "caller-deadline"),
    ),
    Program("urllib", "urllib.request (python)", _PYTHON, (*WIRE, *ANSWERS)),
    Program(
        "http-client",
        "http.client (python)",
        _PYTHON,
        ("connection-refused", "dns-failure", *TLS),
    ),
    Program(
        "openai",
        "openai (python)",
        _SDKS,
        (*but(SDK, "json-cut"), *CHAT_STREAM),
    ),
    Program(
        "openai-logged",
        "openai, logged by its class name (python)",
        _SDKS,
        ("connection-refused", "status-401", "status-429"),
        own=(_MISSING,),
        labels=_CLASS_NAMES,
    ),
    Program(
        "openai-async",
        "openai, async client (python)",
        _SDKS,
        ("connection-refused", "reset-before-headers", "sse-reset", "sse-stall"),
    ),
    Program(
        "anthropic",
        "anthropic (python)",
        _SDKS,
        (*but(SDK, "json-cut"), "sse-overloaded"),
        maker="anthropic",
        api="messages",
    ),
    Program(
        "anthropic-async",
        "anthropic, async client (python)",
        _SDKS,
        ("connection-refused", "reset-before-headers"),
        maker="anthropic",
        api="messages",
    ),
    Program(
        "google-genai",
        "google-genai (python)",
        _SDKS,
        ("status-503",),
        own=GOOGLE,
        maker="google",
        api="generate_content",
    ),
    Program(
        "botocore",
        "botocore (python)",
        _SDKS,
        (
            *("connection-refused", "connect-timeout", "reset-before-headers"),
            *("closed-before-headers", "chunked-body-cut", "read-timeout", "proxy-407"),
            "status-503",
        ),
        own=AWS,
        maker="bedrock",
        api="converse",
    ),
    Program(
        "grpc",
        "grpcio (python)",
        "python:grpc_client",
        (
            *("connection-refused", "dns-failure", "closed-before-headers"),
            *("reset-before-headers", "cancelled", "status-503", *H2),
        ),
        own=GRPC,
        labels={"h2-rst-enhance-your-calm": _GRPC_CALM},
        api="other",
        cleartext_http2=True,
    ),
)
"""Every Python program."""
