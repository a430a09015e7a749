"""Rows about a turn that was stopped, cut, or cannot be continued as it was sent."""

from __future__ import annotations

from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.rule import Evidence, Rule

INTERRUPTED: Final = (
    Rule(
        id="person-interrupted",
        kind=Kind.GENERIC,
        retryable=False,
        phrases=(
            *("chat interrupted", "request interrupted", "operation interrupted"),
            *("conversation interrupted", "aborted by user", "cancelled by user"),
            *("canceled by user", "interrupted by user"),
        ),
        exceptions=("KeyboardInterrupt",),
        because="A person stopped the call; repeating it is theirs to decide.",
    ),
)

CONTINUITY: Final = (
    Rule(
        id="continuity-tool-output-missing",
        kind=Kind.GENERIC,
        retryable=False,
        phrases=("no tool output found",),
        because="The history holds a tool call without its output; the same input fails again.",
    ),
    Rule(
        id="continuity-reasoning-missing",
        kind=Kind.GENERIC,
        retryable=False,
        phrases=("without its required reasoning item",),
        because="The history holds an item without its reasoning; the same input fails again.",
    ),
    Rule(
        id="stream-cut",
        kind=Kind.TIMEOUT,
        retryable=True,
        signs=("stream-cut",),
        because="The event stream stopped before its final event.",
    ),
    Rule(
        id="chain-lost",
        kind=Kind.GENERIC,
        retryable=True,
        chain_broken=True,
        codes=("previous_response_not_found",),
        phrases=("previous response … not found", "previous response cannot be used"),
        unless=Evidence(phrases=("expected an id",)),
        because="The provider cannot use the previous response; a full replay can pass.",
    ),
)

CANCELLED: Final = (
    Rule(
        id="cancelled",
        kind=Kind.GENERIC,
        retryable=False,
        exceptions=("CancelledError", "AbortError", "APIUserAbortError"),
        phrases=(
            *("context canceled", "was aborted", "operation was canceled", "client disconnected"),
            *("request cancelled", "request was canceled", "user aborted"),
        ),
        because="The caller gave the call up.",
    ),
)

OWN_DEADLINE: Final = (
    Rule(
        id="own-deadline",
        kind=Kind.TIMEOUT,
        retryable=False,
        signs=("bare-timeout",),
        phrases=("context deadline exceeded", "time budget", "second deadline"),
        unless=Evidence(
            phrases=("client.timeout", "awaiting headers", "dial tcp", "read tcp"),
        ),
        because="The caller's own total deadline ran out; there is no time for another attempt.",
    ),
)
