"""What ends a stream, for each wire protocol, and what single providers do differently.

Two rules for this file. A fact about a protocol, a provider or a reason is a row of a table, never
a branch: `Contract`, which reads the tables, knows none of them by name. And an answer is complete
only by an event that says so, completely decoded: silence or a closed socket prove nothing.

    WAITING --CONTENT--> STREAMING --STOP--> STOPPED --END--> ENDED     (END: from any of the three)
       +------ ERROR -------+----- ERROR -------+----------> BROKEN
       +---- EOF, LOST -----+--- EOF, LOST -----+----------> CUT

Events become signs (`SIGNS`, and `is_content` for the rest), signs move the state (`STEPS`, with
the rows of `DIFFERENCES` laid over it), and the last state with the reasons that the provider
told (`REASONS`) make the `Ending`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from chatlab.chat.stream.guards import DONE
from chatlab.errors import Kind, Verdict

ANTHROPIC: Final = "anthropic_messages"
RESPONSES: Final = "openai_responses"
CHAT: Final = "chat_completions"

PROTOCOLS: Final = {
    ANTHROPIC: "message_stop",
    RESPONSES: "response.completed, response.incomplete or response.failed",
    CHAT: "a finish_reason on every choice, or [DONE]",
}
"""The protocols, each with its end in words."""


class Outcome(StrEnum):
    """The result of a stream. Only `FAILED` is an error; to retry any of the others is useless.

    Examples
    --------
    >>> Outcome("incomplete")
    <Outcome.INCOMPLETE: 'incomplete'>
    """

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class State(StrEnum):
    """The state of a stream; the last four are final. `UNTOLD`: the outcome is unknown."""

    WAITING = "waiting"
    STREAMING = "streaming"
    STOPPED = "stopped"
    ENDED = "ended"
    BROKEN = "broken"
    CUT = "cut"
    UNTOLD = "untold"


class Sign(StrEnum):
    """What an event says of the answer; `EOF` and `LOST`: a clean and an abrupt end of bytes."""

    OPEN = "open"
    CONTENT = "content"
    STOP = "stop"
    END = "end"
    ERROR = "error"
    EOF = "eof"
    LOST = "lost"


_ENDS: Final = {
    Sign.END: State.ENDED,
    Sign.ERROR: State.BROKEN,
    Sign.EOF: State.CUT,
    Sign.LOST: State.CUT,
}
STEPS: Final[Mapping[State, Mapping[Sign, State]]] = {
    State.WAITING: {Sign.CONTENT: State.STREAMING, Sign.STOP: State.STOPPED, **_ENDS},
    State.STREAMING: {Sign.STOP: State.STOPPED, **_ENDS},
    State.STOPPED: _ENDS,
}
"""Where each sign leads; a sign without an entry changes nothing."""


class Difference(NamedTuple):
    """One step that a protocol, or one provider of it (None: every one), takes in another way."""

    protocol: str
    provider: str | None
    state: State
    sign: Sign
    to: State
    because: str


_OVER: Final = "every choice has its finish_reason: that is the end, usage and [DONE] may follow"
_REOPENED: Final = "a choice has begun that was not seen before"
_GOOGLE: Final = "its compatible endpoint has left finish_reason out of complete answers"
_COMPAT: Final = (
    "Ollama has sent finish_reason null on complete answers, other servers never send it"
)

DIFFERENCES: Final = (
    Difference(CHAT, None, State.WAITING, Sign.END, State.CUT, "[DONE] without any answer"),
    Difference(CHAT, None, State.STOPPED, Sign.EOF, State.ENDED, _OVER),
    Difference(CHAT, None, State.STOPPED, Sign.LOST, State.ENDED, _OVER),
    Difference(CHAT, None, State.STOPPED, Sign.ERROR, State.ENDED, _OVER),
    Difference(CHAT, None, State.STOPPED, Sign.OPEN, State.STREAMING, _REOPENED),
    Difference(CHAT, None, State.STOPPED, Sign.CONTENT, State.STREAMING, _REOPENED),
    Difference(CHAT, "google", State.STREAMING, Sign.EOF, State.UNTOLD, _GOOGLE),
    Difference(CHAT, "openai-compat", State.STREAMING, Sign.EOF, State.UNTOLD, _COMPAT),
)


class Reading(NamedTuple):
    """The sign of an event type, where its reason (or error) is, the outcome if it tells none."""

    sign: Sign
    path: str = ""
    outcome: Outcome = Outcome.COMPLETE


_WHY: Final = "response.incomplete_details.reason"
SIGNS: Final[Mapping[str, Mapping[str, Reading]]] = {
    ANTHROPIC: {
        "message_delta": Reading(Sign.STOP, "delta.stop_reason"),
        "message_stop": Reading(Sign.END),
    },
    RESPONSES: {
        "response.completed": Reading(Sign.END, "response.status"),
        "response.incomplete": Reading(Sign.END, _WHY, Outcome.INCOMPLETE),
        "response.failed": Reading(Sign.ERROR, "response.error"),
    },
    CHAT: {DONE: Reading(Sign.END)},
}
"""Besides these, in every protocol: an event of type ``error``, or an untyped one with an error."""

CHOICE_REASON: Final = {CHAT: "finish_reason"}


class Meaning(NamedTuple):
    """The outcome behind a reason; for a failure also its kind, and whether to try again."""

    outcome: Outcome
    kind: Kind = Kind.GENERIC
    retryable: bool = True


_WORDS: Final = {
    Outcome.COMPLETE: "end_turn stop_sequence tool_use stop tool_calls function_call completed",
    Outcome.INCOMPLETE: "max_tokens model_context_window_exceeded pause_turn compaction length"
    " model_length max_output_tokens max_messages steered incomplete",
    Outcome.REFUSED: "refusal content_filter sensitive safety prohibited_content recitation",
    Outcome.FAILED: "error failed abort",
}
REASONS: Final[Mapping[str, Meaning]] = {
    **{word: Meaning(outcome) for outcome, words in _WORDS.items() for word in words.split()},
    "network_error": Meaning(Outcome.FAILED, Kind.TIMEOUT),
    "insufficient_system_resource": Meaning(Outcome.FAILED, Kind.OVERLOADED),
    "cancelled": Meaning(Outcome.FAILED, retryable=False),
}
"""Stop and finish reasons, lower case; one that is not listed ends an answer all the same."""

NO_REASON: Final = frozenset({"", "null", "none"})
WORST: Final = (Outcome.FAILED, Outcome.REFUSED, Outcome.INCOMPLETE, Outcome.COMPLETE)


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stream ended.

    because: one clause for people. reason: the provider's own word, as sent. Of a `FAILED` stream
    exactly one is set: error, the payload that came in band, for `classify`; or verdict, where
    the provider said nothing that could be classified (the stream was cut, or a bare word).
    """

    outcome: Outcome
    because: str
    reason: str | None = None
    error: Mapping[str, object] | None = None
    verdict: Verdict | None = None
