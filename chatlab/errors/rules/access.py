"""Rows about who may call: keys, permissions, countries, switched-off providers."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Evidence, Rule

GATEWAY: Final = (
    Rule(
        id="missing-key",
        kind=Kind.MISSING_KEY,
        retryable=False,
        phrases=("api key is not set",),
        given=Evidence(signs=("answered",)),
        because="The gateway answered, and has no key for the provider behind it.",
    ),
    Rule(
        id="provider-disabled",
        kind=Kind.PROVIDER_DISABLED,
        retryable=False,
        definite=True,
        phrases=("gateway is currently disabled",),
        because="An administrator switched the provider off at the gateway.",
    ),
)

AUTH_STRONG: Final = (
    Rule(
        id="auth-refused",
        kind=Kind.AUTH,
        retryable=False,
        definite=True,
        phrases=(
            "incorrect api key",
            "location is not supported",
            "organization has been disabled",
            "only authorized for use with",
            "could not load credentials",
            "unauthenticated",
            "authentication failed",
            "client denied by server",
            "proxy authentication required",
        ),
        because="A code or words of the provider refuse the credentials or the caller.",
    ),
)

AUTH_BY_STATUS: Final = (
    Rule(
        id="auth-status",
        kind=Kind.AUTH,
        retryable=False,
        statuses=(401, 403, 407),
        because="401, 403 or 407, and nothing says that only this model is refused.",
    ),
    Rule(
        id="forbidden-words",
        kind=Kind.AUTH,
        retryable=False,
        phrases=("zscloud", "forbidden"),
        unless=Evidence(statuses=(404, "5xx"), phrases=("upstream connect error",)),
        because="The words say that the caller may not.",
    ),
)
