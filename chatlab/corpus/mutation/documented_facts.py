"""What documentation says of failures that no sample shows yet, as failures that can be judged.

A fact names a piece of evidence and where it is written down. Shown alone it must give its rule's
verdict; a fact of a rule that says no more than an unknown failure gets is shown inside the
envelope that it has to beat. A bare number is shown with its provider's name. A code is shown
once more where no words are read, in the header that some servers put it into. A fact about what a
rule further needs, or what forbids it, is tried on that rule alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chatlab.errors import Evidence, Failure, Kind, Raised, Rule
from chatlab.errors.providers import Fact
from chatlab.errors.reading.text.phrases import GAP

UNKNOWN: Final = (Kind.GENERIC, False, False)
"""Kind, retryable and chain_broken of a failure that no rule knows."""

_ENVELOPE: Final[Mapping[str, object]] = {"status": 500}
_ENVELOPES: Final[Mapping[str, Mapping[str, object]]] = {
    "cancelled": {"causes": (Raised("openai.APIConnectionError"),)},
    "rate-limit-words": {"status": 500},
}
_CODE_HEADER: Final = "x-ms-error-code"
_CODE_IN_HEADER: Final = re.compile(r"[A-Za-z0-9][\w.-]{0,80}")


@dataclass(frozen=True, slots=True)
class Showing:
    """A failure that shows one fact.

    alone: whether it is tried on the fact's rule only, not on the whole table. holds: whether the
    rule must hold there; on the whole table its verdict must come out.
    """

    rule: Rule
    fact: Fact
    failure: Failure
    alone: bool = False
    holds: bool = True

    def __str__(self) -> str:
        return f"documented/{self.rule.id}: {self.fact.column} {self.fact.value!r}"


def facts_of(rules: Iterable[Rule]) -> Iterator[tuple[Rule, Fact]]:
    """Every documented fact, with its rule."""
    return ((rule, fact) for rule in rules for fact in rule.documented)


def showings(rule: Rule, fact: Fact) -> Iterator[Showing]:
    """The failures by which `fact` of `rule` is checked."""
    part, _, column = fact.column.rpartition(".")
    seen = shown(column, fact.value)
    if fact.is_number:
        seen["provider"] = fact.provider
    if part:
        own = shown(*next(own_pieces(rule)))
        needed = part == "given"
        yield Showing(rule, fact, _failure(_together(own, seen)), alone=True, holds=needed)
        yield Showing(rule, fact, _failure(own), alone=True, holds=not needed)
        return
    if rule.given is not None and "answered" in rule.given.signs:
        seen.setdefault("status", 500)
    if column != "innermost" and (outcome(rule) == UNKNOWN or rule.id in _ENVELOPES):
        seen = {**_ENVELOPES.get(rule.id, _ENVELOPE), **seen}
    yield Showing(rule, fact, _failure(seen))
    if column == "codes" and _CODE_IN_HEADER.fullmatch(str(fact.value)):
        seen = {**seen, "body": {"error": {}}, "headers": {_CODE_HEADER: str(fact.value)}}
        yield Showing(rule, fact, _failure(seen))


def outcome(rule: Rule | None) -> tuple[Kind, bool, bool]:
    """Kind, retryable and chain_broken of `rule`, or of no rule."""
    return UNKNOWN if rule is None else (rule.kind, rule.retryable, rule.chain_broken)


def own_pieces(rule: Rule) -> Iterator[tuple[str, str | int]]:
    """The columns and values of a rule's own evidence."""
    own = rule.parts()[0]
    for column in Evidence.__dataclass_fields__:
        yield from ((column, value) for value in getattr(own, column))


def shown(column: str, value: str | int) -> dict[str, object]:
    """The observation, as fields of a `Failure`, that shows one piece of evidence."""
    if column == "statuses":
        return {"status": value}
    if column == "phrases":
        return {"text": f"Error: {str(value).replace(GAP, ' something ')}."}
    if column == "exceptions":
        return {"exception_type": f"some.library.{value}"}
    if column == "innermost":
        around = "openai.APIConnectionError"
        return {"exception_type": around, "causes": (Raised(str(value)),)}
    if column == "providers":
        return {"provider": value}
    return {"body": {"error": {"code": value, "message": "-"}}}


def _together(own: Mapping[str, object], other: Mapping[str, object]) -> dict[str, object]:
    """One observation that shows both: in an envelope, a phrase is its message."""
    both = {**own, **other}
    text = f"{own.get('text', '')} {other.get('text', '')}".strip()
    body = both.get("body")
    if text and isinstance(body, Mapping):
        return {**both, "text": None, "body": {"error": {**body["error"], "message": text}}}
    return {**both, "text": text or None}


def _failure(seen: Mapping[str, object]) -> Failure:
    return Failure(**seen)  # type: ignore[arg-type]
