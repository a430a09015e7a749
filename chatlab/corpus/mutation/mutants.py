"""Rule tables with one error.

A mutant deletes a rule or a piece of its evidence, swaps a rule with the next one, drops what it
needs or what forbids it, turns its decision round, or changes its kind. It is equivalent when no
failure at all has another verdict under it; a change that no sample shows yet is not equivalent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, Final

from chatlab.corpus.mutation.rule_coverage import PARTS, Piece, pieces_of
from chatlab.errors import Evidence, Kind, Rule, RuleTable
from chatlab.errors.providers import Fact
from chatlab.errors.reading.error_codes import fold, in_text
from chatlab.errors.reading.text.phrases import GAP, contains, normalise

DELETE_RULE: Final = "delete rule"
SWAP: Final = "swap with next"
DROP_GIVEN: Final = "drop given"
DROP_UNLESS: Final = "drop unless"
FLIP: Final = "flip retryable"
CHANGE_KIND: Final = "change kind"
DELETE_PIECE: Final = "delete piece"
DELETE_FACT: Final = "delete documented piece"
OPERATORS: Final = (
    *(DELETE_RULE, SWAP, DROP_GIVEN, DROP_UNLESS, FLIP, CHANGE_KIND, DELETE_PIECE, DELETE_FACT),
)
"""What is done to the rules, in the order of a report."""

_KINDS: Final = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. operator: of `OPERATORS`. rule: the id of the rule that it is done to.

    piece: what is deleted, for the operators that delete a piece.
    """

    operator: str
    rule: str
    piece: Piece | None = field(default=None)

    def __str__(self) -> str:
        return f"{self.operator}: {self.piece or self.rule}"

    def applied(self, rules: RuleTable) -> RuleTable:
        """`rules` with the change; a table that is compiled anew, for looking into."""
        row = [rule.id for rule in rules].index(self.rule)
        rule = rules[row]
        if self.operator == DELETE_RULE:
            return rules.without(self.rule)
        if self.operator == SWAP:
            return RuleTable([*rules[:row], rules[row + 1], rule, *rules[row + 2 :]])
        if self.piece is not None:
            return rules.replaced(without_piece(rule, self.piece))
        return rules.replaced(self.changed(rule))

    def changed(self, rule: Rule) -> Rule:
        """`rule` after the change, where the change is one to the row as a whole."""
        if self.operator == DROP_GIVEN:
            return replace(rule, given=None, documented=_facts_but(rule, "given."))
        if self.operator == DROP_UNLESS:
            return replace(rule, unless=None, documented=_facts_but(rule, "unless."))
        if self.operator == FLIP:
            return replace(rule, retryable=not rule.retryable)
        following = _KINDS[(_KINDS.index(rule.kind) + 1) % len(_KINDS)]
        return replace(rule, kind=following)

    def equivalence(self, rules: RuleTable) -> str:
        """Why no failure can tell the mutant from `rules`; empty where one could."""
        if self.operator == SWAP:
            row = [rule.id for rule in rules].index(self.rule)
            return _why_order_is_free(rules[row], rules[row + 1])
        if self.piece is not None:
            other = _implied_by(self.piece, rules)
            return f"{other!r} holds wherever it does, for the same answer" if other else ""
        return ""


def mutants(rules: RuleTable) -> Iterator[Mutant]:
    """Every mutant of `rules`, operator by operator.

    A part with a single piece is only dropped as a whole, which is the same.
    """
    for rule in rules:
        yield Mutant(DELETE_RULE, rule.id)
    for rule in rules[:-1]:
        yield Mutant(SWAP, rule.id)
    for part, operator in ((1, DROP_GIVEN), (2, DROP_UNLESS)):
        for rule in rules:
            if rule.parts()[part]:
                yield Mutant(operator, rule.id)
    for operator in (FLIP, CHANGE_KIND):
        for rule in rules:
            yield Mutant(operator, rule.id)
    pieces = list(pieces_of(rules))
    sizes = Counter((piece.rule, piece.part) for piece in pieces)
    for piece in pieces:
        if sizes[piece.rule, piece.part] > 1:
            yield Mutant(DELETE_FACT if piece.documented else DELETE_PIECE, piece.rule, piece)


def without_piece(rule: Rule, piece: Piece) -> Rule:
    """`rule` without one piece of its evidence."""
    column = f"{piece.part}{piece.column}"
    if piece.documented:
        facts = rule.documented
        kept = (one for one in facts if (one.column, str(one.value)) != (column, piece.value))
        return replace(rule, documented=tuple(kept))
    holder: Evidence = rule
    if piece.part:
        holder = (rule.given if piece.part == PARTS[1] else rule.unless) or Evidence()
    values = [value for value in getattr(holder, piece.column) if str(value) != piece.value]
    less: dict[str, Any] = {piece.column: tuple(values)}
    if piece.part:
        less = {piece.part.rstrip("."): replace(holder, **less)}
    return replace(rule, **less)


def _facts_but(rule: Rule, prefix: str) -> tuple[Fact, ...]:
    return tuple(fact for fact in rule.documented if not fact.column.startswith(prefix))


def _why_order_is_free(first: Rule, second: Rule) -> str:
    if _same_answer(first, second):
        return f"{first.id} and {second.id} give the same answer"
    if _only_statuses(first) and _only_statuses(second):
        shared = [a for a in first.statuses for b in second.statuses if _meet(a, b)]
        if not shared:
            return "a failure has one status, and the two rows share none"
    return ""


def _same_answer(first: Rule, second: Rule) -> bool:
    names = ("kind", "retryable", "chain_broken", "settled", "own_application")
    return all(getattr(first, name) == getattr(second, name) for name in names)


def _only_statuses(rule: Rule) -> bool:
    own = rule.parts()[0]
    names = (name for name in Evidence.__dataclass_fields__ if name != "statuses")
    return not any(getattr(own, name) for name in names)


def _meet(one: int | str, other: int | str) -> bool:
    first, second = str(one), str(other)
    return first == second or (first[0] == second[0] and "xx" in (first[1:], second[1:]))


def _implied_by(piece: Piece, rules: RuleTable) -> str:
    """Another value that is seen wherever `piece` is and gives the same answer, or nothing.

    It is in the same part, or, for a rule's own words and class names, among the words of the
    rules behind it, as long as all of them give the same answer. A code proves nothing of words:
    headers hold codes, and no words are read there.
    """
    row = [rule.id for rule in rules].index(piece.rule)
    evidence = rules[row].parts()[PARTS.index(piece.part)]
    if piece.column == "statuses":
        whole = f"{piece.value[0]}xx"
        return whole if piece.value != whole and whole in evidence.statuses else ""
    if piece.column == "codes":
        known = {fold(code): code for code in evidence.codes if code != piece.value}
        return next((known[code] for code in in_text(piece.value) if code in known), "")
    if piece.column not in ("phrases", "exceptions", "transport"):
        return ""
    words = f" {normalise(piece.value).replace(GAP, ' … ')} "
    others = [*evidence.phrases]
    if not piece.part:
        for first, second in pairwise(rules[row:]):
            if second.unless or second.given or not _same_answer(first, second):
                break
            others += second.parts()[0].phrases
    for other in others:
        if other == piece.value or (GAP in other and GAP in piece.value):
            continue
        if contains(words, other):
            return other
    return ""
