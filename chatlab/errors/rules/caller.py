"""Rows about the caller's own gates, processes, time limits and bugs: nobody else failed.

All of them look at the innermost exception only: what a provider's failure caused is not theirs.
"""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Evidence, Rule

_ANSWERED: Final = Evidence(signs=("answered",))

OWN_LIMITS: Final = (
    Rule(
        id="own-gate",
        kind=Kind.GENERIC,
        retryable=False,
        actor="caller",
        own_application=True,
        innermost=("pybreaker.CircuitBreakerError",),
        unless=_ANSWERED,
        because="The caller's own circuit breaker or rate limiter let the call not through.",
    ),
    Rule(
        id="own-process",
        kind=Kind.GENERIC,
        retryable=False,
        actor="caller",
        own_application=True,
        innermost=("concurrent.futures.process.BrokenProcessPool",),
        unless=_ANSWERED,
        because="A process of the caller's own died while it worked on the call.",
    ),
    Rule(
        id="own-time-limit",
        kind=Kind.TIMEOUT,
        retryable=False,
        actor="caller",
        own_application=True,
        innermost=("celery.exceptions.TimeoutError",),
        unless=_ANSWERED,
        because="A time limit that the caller set for the whole task ran out.",
    ),
)

READER: Final = (
    Rule(
        id="reader-left",
        kind=Kind.GENERIC,
        retryable=False,
        actor="reader",
        own_application=True,
        signs=("reader-left",),
        because="The one who was to read the answer went away; nobody waits for another.",
    ),
)

OWN_CODE: Final = (
    Rule(
        id="lost-between-processes",
        kind=Kind.GENERIC,
        retryable=False,
        actor="caller",
        own_application=True,
        signs=("lost-between-processes",),
        unless=_ANSWERED,
        because="The error could not be carried from one process to another; what it was is lost.",
    ),
    Rule(
        id="programming-error",
        kind=Kind.GENERIC,
        retryable=False,
        actor="caller",
        own_application=True,
        signs=("programming-error",),
        unless=_ANSWERED,
        because="Python's own exception tells of a bug in the program; the same code fails again.",
    ),
)
