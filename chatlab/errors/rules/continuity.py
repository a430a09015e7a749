"""Rows about a turn that was stopped, cut, or cannot be continued as it was sent."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rules.rule import Evidence, Rule

INTERRUPTED: Final = (
    Rule(
        id="person-interrupted",
        kind=Kind.GENERIC,
        retryable=False,
        actor="caller",
        because="A person stopped the call; repeating it is theirs to decide.",
    ),
)

CONTINUITY: Final = (
    Rule(
        id="continuity-tool-output-missing",
        kind=Kind.GENERIC,
        retryable=False,
        because="The history holds a tool call without its output; the same input fails again.",
    ),
    Rule(
        id="continuity-reasoning-missing",
        kind=Kind.GENERIC,
        retryable=False,
        because="The history holds an item without its reasoning; the same input fails again.",
    ),
    Rule(
        id="stream-cut",
        kind=Kind.TIMEOUT,
        retryable=True,
        actor="transport",
        signs=("stream-cut",),
        because="The event stream stopped before its final event.",
    ),
    Rule(
        id="chain-lost",
        kind=Kind.GENERIC,
        retryable=True,
        chain_broken=True,
        phrases=("previous response cannot be used",),
        because="The provider cannot use the previous response; a full replay can pass.",
    ),
)

CANCELLED: Final = (
    Rule(
        id="cancelled",
        kind=Kind.GENERIC,
        retryable=False,
        actor="caller",
        because="The caller gave the call up.",
    ),
)

OWN_DEADLINE: Final = (
    Rule(
        id="own-deadline",
        kind=Kind.TIMEOUT,
        retryable=False,
        actor="caller",
        signs=("bare-timeout",),
        phrases=("time budget", "context deadline exceeded"),
        unless=Evidence(phrases=("client.timeout",)),
        because="The caller's own total deadline ran out; there is no time for another attempt.",
    ),
)
