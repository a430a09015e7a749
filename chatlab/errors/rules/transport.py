"""Rows about answers that did not come, or stopped on the way."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Rule

STARTUP: Final = (
    Rule(
        id="no-first-event",
        kind=Kind.STARTUP_TIMEOUT,
        retryable=True,
        actor="transport",
        phrases=("waiting for the first event",),
        because="A watchdog saw no first event in time.",
    ),
)

TIMEOUT_BEFORE_STATUS: Final = (
    Rule(
        id="unavailable-code",
        kind=Kind.TIMEOUT,
        retryable=True,
        codes=("backendError", "request_timeout"),
        because="The provider's own code says that no answer came from behind it.",
    ),
    Rule(
        id="server-exception",
        kind=Kind.GENERIC,
        retryable=True,
        codes=("InternalServerException", "StatusCode.INTERNAL"),
        because="The provider's own exception says that it failed on its side.",
    ),
)

TRANSPORT: Final = (
    Rule(
        id="reset-unsafe",
        kind=Kind.GENERIC,
        retryable=False,
        actor="transport",
        signs=("reset-local",),
        codes=("NGHTTP2_PROTOCOL_ERROR",),
        phrases=(
            "not closed cleanly: protocol error",
            "rst stream with error code 1",
            "rst stream: protocol error",
            "unspecific protocol error",
        ),
        because="This side reset the stream, or the peer says that this side broke the protocol.",
    ),
    Rule(
        id="reset-by-peer",
        kind=Kind.TIMEOUT,
        retryable=True,
        actor="transport",
        signs=("reset-by-peer",),
        because="The peer reset the stream in a way that a new connection may cure.",
    ),
    Rule(
        id="transport-code",
        kind=Kind.TIMEOUT,
        retryable=True,
        actor="transport",
        transport=("ECONNRESET", "ECONNREFUSED", "curl_35", "curl_92"),
        exceptions=("ReadTimeout", "RemoteProtocolError"),
        because="The transport's own code says that the connection failed or stopped.",
    ),
    Rule(
        id="transport-words",
        kind=Kind.TIMEOUT,
        retryable=True,
        actor="transport",
        phrases=(
            "connection error",
            "goaway",
            "timeout",
            "fetch failed",
            "load failed",
            "premature close",
            "terminated",
            "eof",
            "finish reason",
            "incomplete json",
            "unterminated string",
            "bad record mac",
            "body closed before",
            "connection refused",
            "decoding chunks",
            "enable crypto",
            "end of file reached",
            "error sending request",
            "no data received",
            "prematurely closed connection",
            "reading status line",
            "rst stream",
            "service unavailable",
            "stream has been aborted",
            "timed out",
        ),
        because="The words say that the connection failed, or that the answer stopped on the way.",
    ),
    Rule(
        id="timeout-status",
        kind=Kind.TIMEOUT,
        retryable=True,
        statuses=(408, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530),
        because="A status that says no answer came from behind the edge, or not in time.",
    ),
)
