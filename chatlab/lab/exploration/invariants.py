"""What must hold in every simulated chat, and the trace that shows where it did not."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chatlab.exceptions import ChatlabError

INVARIANTS: Final[Mapping[str, str]] = {
    "chain-off": "no request continues a response when storing or chaining is off",
    "completed-anchor": "no request continues a response that did not complete",
    "same-model": "no request continues the answer of another model",
    "new-content": "no request continues a response without new content that a model can see",
    "readable-history": "no request continues a response when a message cannot be read",
    "whole-context": "the model sees the whole conversation, every message once and in order",
    "system-sent": "the first request of a turn, and every replay, sends every system message",
    "chain-kept": "a question after a completed, stored answer of the same model continues it",
    "valid-input": "the provider never refuses the input for a call, a result or an item of it",
    "healed-once": "a lost chain is healed by one retry, and fails no turn",
    "one-execution": "no tool call is executed twice",
}
"""What must hold for every policy and resolver, by name."""

ACTORS: Final = ("person", "client", "provider", "tool")
MODELS: Final = ("gpt-5", "gpt-5-mini")
LOST: Final = frozenset({"previous_response_not_found", "unsupported_parameter"})
"""Codes with which the provider says that it does not have a response."""

_WORD: Final = re.compile(r"\bword\d+\b")
_INSTRUCTING: Final = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of a trace.

    Parameters
    ----------
    actor : str
        Who acts, one of `ACTORS`.
    what : str
        What the actor does.
    to : str or None
        The other actor, if there is one.
    """

    actor: str
    what: str
    to: str | None = None


@dataclass(slots=True)
class Counts:
    """Requests of a simulation: all, those that continued a response, those refused as lost."""

    requests: int = 0
    chained: int = 0
    lost: int = 0


class Violation(ChatlabError, AssertionError):
    """An invariant does not hold. name: its key in `INVARIANTS`. found: what was seen."""

    def __init__(self, name: str, found: str) -> None:
        super().__init__(f"{name}: {INVARIANTS[name]}; {found}")
        self.name = name
        self.found = found


@dataclass(frozen=True, slots=True)
class Several:
    """An option that is a list: up to `most` of the values `of`; plainest when it is empty."""

    of: tuple[object, ...]
    most: int


Operations = Mapping[str, tuple[int, Mapping[str, tuple[object, ...] | Several]]]
"""What can happen in a simulation: for each method its weight and the values of each option."""


def words(value: object) -> list[str]:
    """Return the marked words in JSON data, in order: every text of a simulation has its own."""
    return _WORD.findall(json.dumps(value))


def check_context(context: Iterable[Mapping[str, Any]], said: Iterable[Mapping[str, Any]]) -> None:
    """Raise `Violation` unless a model that sees `context` sees all that was `said`, in order.

    System messages are left out: a chain sends them again with each question.
    """
    seen, wanted = words(_without_system(context)), words(_without_system(said))
    if seen != wanted:
        found = f"said was {' '.join(wanted)}, the model saw {' '.join(seen) or 'nothing'}"
        raise Violation("whole-context", found)


def check_system(sent: Iterable[Mapping[str, Any]], said: Iterable[Mapping[str, Any]]) -> None:
    """Raise `Violation` unless a request with the items `sent` has every system message."""
    given = set(words(list(sent)))
    missing = [word for word in words(_only_system(said)) if word not in given]
    if missing:
        raise Violation("system-sent", f"{' '.join(missing)} was not sent")


def _without_system(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in items if item.get("role") not in _INSTRUCTING]


def _only_system(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for item in items if item.get("role") in _INSTRUCTING]
