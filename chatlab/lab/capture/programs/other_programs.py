"""The programs in other languages that are run, and which faults each is made to meet."""

from __future__ import annotations

from typing import Final

from chatlab.lab.capture.faults.fault import Label
from chatlab.lab.capture.programs.program import (
    ANSWERS,
    CONNECT,
    CUT,
    GARBLE,
    H2,
    JSON,
    MESSAGE_STREAM,
    SDK,
    TLS,
    WIRE,
    Program,
    but,
)

_SAYS_CAPACITY: Final = Label(
    "timeout",
    True,
    "HTTP/2 stream reset by the peer with ENHANCE_YOUR_CALM, told as exceeded capacity",
    accept={"kind": ["overloaded"]},
)

OTHER_PROGRAMS: Final = (
    Program(
        "node-fetch-builtin",
        "fetch (node)",
        "node",
        (
            "connection-refused",
            "dns-failure",
            *but(CUT, "chunked-body-cut"),
            *TLS,
            *GARBLE,
            *JSON,
            "caller-deadline",
            "cancelled",
        ),
    ),
    Program(
        "node-undici",
        "undici (node)",
        "node",
        ("connect-timeout", "read-timeout", "body-timeout", *GARBLE, "proxy-407", *H2),
    ),
    Program(
        "node-http",
        "http (node)",
        "node",
        (
            "connection-refused",
            "dns-failure",
            *but(CUT, "chunked-body-cut"),
            *TLS,
            *GARBLE,
            "cancelled",
        ),
    ),
    Program(
        "node-axios",
        "axios (node)",
        "node",
        (*but(WIRE, "chunked-body-cut", "connect-timeout"), *JSON, *ANSWERS, "cancelled"),
    ),
    Program(
        "node-node-fetch",
        "node-fetch (node)",
        "node",
        ("connection-refused", "dns-failure", *CUT, *TLS, "no-http", "cancelled"),
    ),
    Program(
        "node-got",
        "got (node)",
        "node",
        (*but(WIRE, "chunked-body-cut"), *JSON, "status-503", *but(H2, "h2-goaway-no-error")),
    ),
    Program(
        "node-openai",
        "openai (node)",
        "node",
        (
            *but(SDK, "body-shorter-than-length", "json-cut"),
            "sse-server-error",
            "sse-bad-json",
            "cancelled",
        ),
    ),
    Program(
        "node-anthropic",
        "@anthropic-ai/sdk (node)",
        "node",
        (
            "connection-refused",
            "dns-failure",
            "reset-before-headers",
            "closed-before-headers",
            "tls-self-signed",
            "status-401",
            "status-429",
            "status-503",
            *MESSAGE_STREAM,
        ),
        maker="anthropic",
        api="messages",
    ),
    Program(
        "node-ai",
        "ai (node)",
        "node",
        (*but(SDK, "read-timeout"), "sse-server-error", "sse-bad-json", "retried-503"),
    ),
    Program(
        "node-ai-anthropic",
        "ai with @ai-sdk/anthropic (node)",
        "node",
        ("sse-overloaded",),
        api="messages",
    ),
    Program(
        "node-google-genai",
        "@google/genai (node)",
        "node",
        ("status-503",),
        maker="google",
        api="generate_content",
    ),
    Program(
        "java-http",
        "java.net.http.HttpClient (java)",
        "java",
        (*WIRE, *ANSWERS, "caller-deadline", *but(H2, "h2-goaway-calm")),
        labels={"h2-rst-enhance-your-calm": _SAYS_CAPACITY},
    ),
    Program(
        "go-http",
        "net/http (go)",
        "go",
        (
            *but(WIRE, "chunked-body-cut"),
            *JSON,
            *ANSWERS,
            "body-timeout",
            "caller-deadline",
            "cancelled",
            *but(H2, "h2-goaway-calm"),
        ),
    ),
    Program(
        "rust-reqwest",
        "reqwest (rust)",
        "rust",
        (*WIRE, *JSON, *ANSWERS, *H2),
        cleartext_http2=True,
    ),
    Program(
        "rust-ureq",
        "ureq (rust)",
        "rust",
        (*CONNECT, *CUT, "read-timeout", "no-http", "status-429"),
    ),
    Program(
        "ruby-net-http",
        "net/http (ruby)",
        "ruby",
        (
            *but(WIRE, "chunked-body-cut", "body-shorter-than-length"),
            *JSON,
            "status-429",
            "proxy-407",
        ),
    ),
    Program("php-curl", "curl extension (php)", "php", WIRE),
    Program(
        "php-streams",
        "HTTP stream wrapper (php)",
        "php",
        (*CONNECT, *TLS, "proxy-407", "status-429", "status-503"),
    ),
    Program(
        "perl-http-tiny",
        "HTTP::Tiny (perl)",
        "perl",
        (*CONNECT, *but(CUT, "chunked-body-cut"), "read-timeout", *GARBLE, "proxy-407"),
    ),
    Program(
        "curl",
        "curl",
        "shell",
        (*WIRE, *ANSWERS, *but(H2, "h2-goaway-calm"), "h2-rst-no-error"),
    ),
    Program(
        "wget",
        "wget",
        "shell",
        (
            *CONNECT,
            "reset-before-headers",
            "closed-before-headers",
            *TLS,
            *ANSWERS,
            "status-401",
        ),
    ),
)
"""Every other program."""
