"""Rows about what was asked: the model, its settings, the content."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Evidence, Rule

CONFIG: Final = (
    Rule(
        id="config-code",
        kind=Kind.CONFIG,
        retryable=False,
        definite=True,
        codes=("UNIMPLEMENTED",),
        because="The provider's own code refuses the model or its settings.",
    ),
    Rule(
        id="context-window",
        kind=Kind.CONFIG,
        retryable=False,
        phrases=(
            "prompt is too long",
            "input is too long",
            "context size",
            "prompt token count",
            "n ctx",
            "max new tokens",
            "maxlength",
            "maximum allowed number",
        ),
        unless=Evidence(statuses=(429,)),
        because="The request does not fit into what the model can read or write.",
    ),
    Rule(
        id="model-unknown",
        kind=Kind.CONFIG,
        retryable=False,
        phrases=(
            "model … not found",
            "publisher model",
            "无可用渠道",
            "on demand throughput",
            "invalid model",
        ),
        because="The model or its endpoint is unknown, retired or not offered.",
    ),
    Rule(
        id="model-no-access",
        kind=Kind.CONFIG,
        retryable=False,
        phrases=("access to the model",),
        because="This account may use other models, not this one.",
    ),
    Rule(
        id="settings-refused",
        kind=Kind.CONFIG,
        retryable=False,
        phrases=(
            "is not supported for this model",
            "not supported when thinking",
            "cannot both be specified",
            "budget tokens",
            "enabled only with api version",
            "enable auto tool choice",
            "must be created with",
        ),
        unless=Evidence(statuses=(429,)),
        because="The model does not take a setting or a value that was sent.",
    ),
)

CONTENT_BY_CODE: Final = (
    Rule(
        id="content-code",
        kind=Kind.GENERIC,
        retryable=False,
        definite=True,
        because="The provider's own code refuses the content of this request.",
    ),
)

CONTENT_BY_WORDS: Final = (
    Rule(
        id="content-words",
        kind=Kind.GENERIC,
        retryable=False,
        phrases=("tool call arguments", "streaming is required", "message larger than max"),
        because="The words refuse the content or the form of this request.",
    ),
)

PASSING_OR_NOT: Final = (
    Rule(
        id="tls-certificate",
        kind=Kind.GENERIC,
        retryable=False,
        actor="transport",
        phrases=("pkix path", "wrong version number"),
        because="The TLS certificate is not trusted here; waiting does not change that.",
    ),
    Rule(
        id="function-degraded",
        kind=Kind.GENERIC,
        retryable=True,
        phrases=("degraded function",),
        because="The hosted function is passing through a fault on the provider's side.",
    ),
)
