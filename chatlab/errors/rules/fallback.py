"""Rows that decide when nothing more exact did: bare statuses, class names, broad words."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Evidence, Rule

REQUEST_BY_CODE: Final = (
    Rule(
        id="request-code",
        kind=Kind.GENERIC,
        retryable=False,
        settled=False,
        because="The provider's own code blames the request, whatever wraps it.",
    ),
)

CLIENT_STATUS: Final = (
    Rule(
        id="not-found",
        kind=Kind.CONFIG,
        retryable=False,
        settled=False,
        statuses=(404,),
        because="404: the endpoint, deployment or model is not there.",
    ),
    Rule(
        id="client-status",
        kind=Kind.GENERIC,
        retryable=False,
        settled=False,
        statuses=("4xx",),
        unless=Evidence(statuses=(408,)),
        because="The provider blames the request, and says nothing more exact.",
    ),
)

SERVER_SAID: Final = (
    Rule(
        id="server-said",
        kind=Kind.GENERIC,
        retryable=True,
        phrases=(
            "server had an error",
            "error occurred while processing",
            "chunk head",
            "chunk length",
            "in chunk size",
            "wrong chunk size line",
        ),
        because="The provider's own sentence says that it failed on its side.",
    ),
)

SERVER: Final = (
    Rule(
        id="server-error-code",
        kind=Kind.GENERIC,
        retryable=True,
        statuses=("5xx",),
        because="The provider failed on its own side.",
    ),
    Rule(
        id="server-error-words",
        kind=Kind.GENERIC,
        retryable=True,
        phrases=("is not valid json", "unexpected token at"),
        because="The words say that the provider failed on its own side.",
    ),
)

CLASS_NAMES: Final = (
    Rule(
        id="class-rate-limit",
        kind=Kind.RATE_LIMIT,
        retryable=True,
        because="Nothing but a class name or a mention speaks: a rate limit.",
    ),
    Rule(
        id="class-auth",
        kind=Kind.AUTH,
        retryable=False,
        because="Only the client's class name speaks: refused credentials.",
    ),
    Rule(
        id="class-config",
        kind=Kind.CONFIG,
        retryable=False,
        because="Only the client's class name speaks: the model or endpoint is not there.",
    ),
    Rule(
        id="class-server",
        kind=Kind.GENERIC,
        retryable=True,
        because="Only the client's class name speaks: the provider failed.",
    ),
    Rule(
        id="class-connection",
        kind=Kind.TIMEOUT,
        retryable=True,
        actor="transport",
        because="Only the client's class name speaks: no connection.",
    ),
)
