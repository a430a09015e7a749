"""Rows about answers that did not come, or stopped on the way."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rule import Evidence, Rule

STARTUP: Final = (
    Rule(
        id="no-first-event",
        kind=Kind.STARTUP_TIMEOUT,
        retryable=True,
        phrases=("no chunks received", "still no chunks", "waiting for the first event"),
        because="A watchdog saw no first event in time.",
    ),
)

TIMEOUT_BEFORE_STATUS: Final = (
    Rule(
        id="backend-cancelled",
        kind=Kind.TIMEOUT,
        retryable=True,
        statuses=(499,),
        given=Evidence(codes=("backendError",)),
        because="A 499 that names the server's own backend is not a person's cancel.",
    ),
    Rule(
        id="unavailable-code",
        kind=Kind.TIMEOUT,
        retryable=True,
        codes=(
            "ServiceUnavailableException",
            "FUNCTION_INVOCATION_TIMEOUT",
            "provider_unavailable",
        ),
        because="The provider's own code says that no answer came from behind it.",
    ),
    Rule(
        id="server-exception",
        kind=Kind.GENERIC,
        retryable=True,
        codes=("InternalServerException",),
        because="The provider's own exception says that it failed on its side.",
    ),
)

TRANSPORT: Final = (
    Rule(
        id="reset-unsafe",
        kind=Kind.GENERIC,
        retryable=False,
        signs=("reset-local",),
        because="This side reset the stream, or the peer says that this side broke the protocol.",
    ),
    Rule(
        id="reset-by-peer",
        kind=Kind.TIMEOUT,
        retryable=True,
        signs=("reset-by-peer",),
        because="The peer reset the stream in a way that a new connection may cure.",
    ),
    Rule(
        id="transport-code",
        kind=Kind.TIMEOUT,
        retryable=True,
        transport=(
            *("ECONNRESET", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "EPIPE"),
            *("UND_ERR_HEADERS_TIMEOUT", "UND_ERR_BODY_TIMEOUT", "UND_ERR_SOCKET"),
            *("UND_ERR_CONNECT_TIMEOUT",),
        ),
        because="The transport's own code says that the connection failed or stopped.",
    ),
    Rule(
        id="transport-words",
        kind=Kind.TIMEOUT,
        retryable=True,
        phrases=(
            *("connection reset", "connection refused", "connection closed", "connection error"),
            *("incomplete chunked read", "response payload is not completed", "unexpected eof"),
            *("eof occurred", "upstream connect error", "name resolution", "error sending request"),
            *("error decoding response body", "error decoding the response body", "timed out"),
            *("i/o timeout", "tls handshake timeout", "tls handshake eof", "goaway", "timeout"),
            *("broken pipe", "fetch failed", "load failed", "premature close", "terminated"),
            *(
                "stream was reset",
                "not closed cleanly",
                "connectionterminated",
                "ended prematurely",
            ),
            *("remote end closed", "actively refused", "network connection lost", "eof"),
            *("finish reason", "without sending", "incomplete json", "unterminated string"),
            *("unexpected end of json", "stream disconnected", "bad record mac"),
            *("bad gateway", "service unavailable", "gateway timeout", "currently loading"),
            *("loading model", "no result", "idle timeout", "unable to connect", "client.timeout"),
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
