"""Rows about what a provider has too little of: capacity, rate, money."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Evidence, Rule

OVERLOADED_BY_CODE: Final = (
    Rule(
        id="overloaded-code",
        kind=Kind.OVERLOADED,
        retryable=True,
        statuses=(529,),
        because="The provider's own code says that it is saturated.",
    ),
)

MONEY_BY_CODE: Final = (
    Rule(
        id="own-application-usage-limit",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        actor="caller",
        own_application=True,
        statuses=(409,),
        given=Evidence(codes=("usage_limit", "usage_limit_exceeded")),
        because="409 with a usage-limit body is the application's own admission control.",
    ),
    Rule(
        id="insufficient-quota",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        definite=True,
        codes=("insufficient_quota",),
        because="The code for spent quota; some servers put it on a throttle, and then say so.",
    ),
    Rule(
        id="spent-code",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        definite=True,
        statuses=(402,),
        because="402, or a code that says that money, credit or a plan's allowance is used up.",
    ),
    Rule(
        id="quota-zero",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        signs=("limit-zero",),
        because="The quota is 0: no wait makes it more, whatever the hint says.",
    ),
    Rule(
        id="request-over-limit",
        kind=Kind.RATE_LIMIT,
        retryable=False,
        signs=("request-over-limit",),
        because="This one request is larger than the whole limit and can never pass.",
    ),
)

MONEY_BY_WORDS: Final = (
    Rule(
        id="spent-words",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        phrases=(
            "credit balance is too low",
            "billing hard limit",
            "insufficient balance",
            "requires more credits",
            "credits are depleted",
            "budget has been exceeded",
            "crossed budget",
            "credit card",
            "monthly included credits",
            "key limit exceeded",
        ),
        because="The words say that money or credit is used up.",
    ),
    Rule(
        id="plan-words",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        phrases=(
            "hour limit reached",
            "weekly usage limit",
            "hourly usage limit",
        ),
        because="The words say that a plan's allowance is used up.",
    ),
    Rule(
        id="current-quota-words",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        phrases=("exceeded your current quota",),
        unless=Evidence(codes=("RESOURCE_EXHAUSTED",), providers=("google",)),
        because="OpenAI's words for spent quota; Google says the same of every refilling one.",
    ),
)

OVERLOADED_BY_WORDS: Final = (
    Rule(
        id="overloaded-words",
        kind=Kind.OVERLOADED,
        retryable=True,
        phrases=(
            "overloaded",
            "high demand",
            "high traffic",
            "server busy",
            "too many connections",
        ),
        unless=Evidence(statuses=(520, 521, 522, 523, 524, 525, 526, 527, 530), signs=("html",)),
        because="The words say that the provider is saturated.",
    ),
)

RATE_LIMIT_BY_CODE: Final = (
    Rule(
        id="rate-limit-code",
        kind=Kind.RATE_LIMIT,
        retryable=True,
        unless=Evidence(phrases=("message larger than max",), signs=("wait-over-a-day",)),
        because="The provider's own code says that a rate limit which refills was reached.",
    ),
)

RATE_LIMIT: Final = (
    Rule(
        id="upstream-saturated",
        kind=Kind.OVERLOADED,
        retryable=True,
        phrases=("负载已饱和",),
        because="A relay's words for a saturated upstream, put over whatever code it kept.",
    ),
    Rule(
        id="rate-limit-words",
        kind=Kind.RATE_LIMIT,
        retryable=True,
        phrases=(
            "rate limit reached",
            "rate limit is exceeded",
            "quota will reset after",
            "no deployments available",
            "limiting requests",
        ),
        unless=Evidence(statuses=(400, 401, 403, 404, 413, 422), signs=("wait-over-a-day",)),
        because="The words say that a rate limit which refills was reached.",
    ),
    Rule(
        id="rate-limit-status",
        kind=Kind.RATE_LIMIT,
        retryable=True,
        statuses=(429,),
        unless=Evidence(signs=("wait-over-a-day",)),
        because="429 Too Many Requests, and nothing says that it is about money.",
    ),
)

WAIT: Final = (
    Rule(
        id="wait-over-a-day",
        kind=Kind.USAGE_LIMIT,
        retryable=False,
        signs=("wait-over-a-day",),
        because="Whatever limit it is called, it opens only after more than a day.",
    ),
)
