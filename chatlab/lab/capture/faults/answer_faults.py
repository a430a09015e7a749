"""Faults that are whole answers: an error status, a stream that breaks or says that it failed."""

from __future__ import annotations

from typing import Final

from chatlab.lab.capture.faults import plans
from chatlab.lab.capture.faults.fault import ClientFault, Label, broken_off
from chatlab.lab.capture.faults.plans import CHAT_EVENT, MESSAGE_EVENT, STREAM_TYPE, Act

_STREAM: Final = {"stream": True}

_ANSWERS: Final = (
    ClientFault(
        "proxy-407",
        Label("auth", False, "the proxy wants credentials", 407),
        plans.answer(407, "", content_type="text/plain", proxy_authenticate='Basic realm="proxy"'),
        knobs={"proxy": True},
    ),
    ClientFault(
        "status-401",
        Label("auth", False, "401: the key was not accepted", 401),
        plans.answer(401, '{"error":{"message":"Incorrect API key provided."}}'),
    ),
    ClientFault(
        "status-429",
        Label("rate_limit", True, "429 with a retry-after header", 429, 7.0),
        plans.answer(429, '{"error":{"message":"Slow down."}}', retry_after="7"),
    ),
    ClientFault(
        "status-503",
        Label("timeout", True, "503 without a word", 503),
        plans.answer(503, "", content_type="text/plain"),
    ),
    ClientFault(
        "retried-503",
        Label("timeout", True, "503 without a word, after the SDK's own retries", 503),
        plans.answer(503, "", content_type="text/plain"),
        knobs={"retries": 1},
    ),
    ClientFault(
        "status-502-page",
        Label("timeout", True, "502 with a gateway's page", 502),
        plans.answer(
            502,
            "<html><head><title>502 Bad Gateway</title></head></html>",
            content_type="text/html",
        ),
    ),
)

_STREAMS: Final = (
    ClientFault(
        "sse-cut",
        broken_off("the event stream ended before its final event"),
        (plans.chunked(STREAM_TYPE) + plans.chunk(CHAT_EVENT), Act.CLOSE),
        knobs=_STREAM,
    ),
    ClientFault(
        "sse-reset",
        broken_off("the connection was reset in the middle of the event stream"),
        (plans.chunked(STREAM_TYPE) + plans.chunk(CHAT_EVENT), Act.RESET),
        knobs=_STREAM,
    ),
    ClientFault(
        "sse-stall",
        broken_off("the event stream went silent, noticed by the client's own timer"),
        (plans.chunked(STREAM_TYPE) + plans.chunk(CHAT_EVENT), Act.STALL),
        knobs={**_STREAM, "read_timeout_s": 0.5},
    ),
    ClientFault(
        "sse-server-error",
        Label("generic", True, "an error event of type server_error inside a 200 stream"),
        plans.answer(
            200,
            CHAT_EVENT
            + plans.event(
                {
                    "error": {
                        "message": "The server had an error processing your request.",
                        "type": "server_error",
                        "param": None,
                        "code": None,
                    }
                }
            ),
            content_type=STREAM_TYPE,
        ),
        knobs=_STREAM,
    ),
    ClientFault(
        "sse-bad-json",
        Label(
            "timeout",
            True,
            "an event of the stream is cut in its JSON",
            accept={"kind": ["generic"]},
        ),
        plans.answer(200, plans.event('{"id": "1", "choices": [{"ind'), content_type=STREAM_TYPE),
        knobs=_STREAM,
    ),
    ClientFault(
        "sse-messages-cut",
        broken_off("the event stream ended before message_stop"),
        (plans.chunked(STREAM_TYPE) + plans.chunk(MESSAGE_EVENT), Act.CLOSE),
        knobs=_STREAM,
    ),
    ClientFault(
        "sse-overloaded",
        Label("overloaded", True, "an error event of type overloaded_error inside a 200 stream"),
        plans.answer(
            200,
            MESSAGE_EVENT
            + plans.event(
                {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
                "error",
            ),
            content_type=STREAM_TYPE,
        ),
        knobs=_STREAM,
    ),
)

ANSWER_FAULTS: Final = (*_ANSWERS, *_STREAMS)
"""Every fault of this module."""
