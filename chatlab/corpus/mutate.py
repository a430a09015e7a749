"""Which samples need which rule and which piece of its evidence.

A mutant is the rule table with one thing taken away. A sample detects it when its verdict turns
from right to wrong. Nothing is compiled anew for a mutant: what each sample shows was found once,
and a mutant only leaves some of it out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeVar

from chatlab.corpus.check import check_sample
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Evidence, Rule, RuleTable
from chatlab.errors.rule_table import as_table

_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece of evidence of one rule. part: ``""``, ``"given."`` or ``"unless."``."""

    rule: str
    part: str
    column: str
    value: str
    documented: bool

    def __str__(self) -> str:
        return f"{self.rule}: {self.part}{self.column} {self.value!r}"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The ids of the samples that need a rule as a whole, and each piece of its evidence."""

    rules: Mapping[str, tuple[str, ...]]
    pieces: Mapping[Piece, tuple[str, ...]]

    def unneeded(self) -> list[Piece]:
        """Names and phrases that no sample needs, though no documentation is named for them.

        Statuses, signs and providers are no names: HTTP and chatlab define them.
        """
        named = ("codes", "exceptions", "transport", "phrases")
        return [
            piece
            for piece, ids in self.pieces.items()
            if not ids
            and not piece.documented
            and piece.column in named
            and (not piece.part or piece.column == "phrases")
        ]


def coverage(samples: Iterable[Sample], rules: Iterable[Rule] = RULES) -> Coverage:
    """What the `samples` that are right today need of `rules`."""
    table = as_table(rules)
    of_rule: dict[str, list[str]] = {rule.id: [] for rule in table}
    of_piece: dict[Piece, list[str]] = {piece: [] for piece in pieces_of(table)}
    by_term: dict[str, list[Piece]] = {}
    for piece in of_piece:
        by_term.setdefault(term_of(piece), []).append(piece)
    for sample in samples:
        if not check_sample(sample, table).ok:
            continue
        matches = table.matches(sample.failure.signals)
        decided = table.first(table.combined(matches.values()))
        if decided >= 0 and _spoils(sample, table, matches, 1 << decided):
            of_rule[table[decided].id].append(sample.id)
        for piece in (piece for term in matches for piece in by_term[term]):
            if _spoils(sample, table, matches, _bit(table, piece), term_of(piece)):
                of_piece[piece].append(sample.id)
    return Coverage(_frozen(of_rule), _frozen(of_piece))


def pieces_of(table: RuleTable) -> Iterator[Piece]:
    """Every piece of evidence of `table`, row by row."""
    for rule in table:
        written = (rule, rule.given or Evidence(), rule.unless or Evidence())
        for part, own, whole in zip(("", "given.", "unless."), written, rule.parts(), strict=True):
            for column in Evidence.__dataclass_fields__:
                in_row = len(getattr(own, column))
                for number, value in enumerate(getattr(whole, column)):
                    yield Piece(rule.id, part, column, str(value), number >= in_row)


def term_of(piece: Piece) -> str:
    """The evidence of `piece` as `RuleTable.matches` keys it."""
    if piece.column == "phrases":
        return f"phrase:{piece.value}"
    return next(iter(Evidence(**{piece.column: (piece.value,)}).terms()))


def _bit(table: RuleTable, piece: Piece) -> int:
    row = next(number for number, rule in enumerate(table) if rule.id == piece.rule)
    return 1 << (row + ("", "given.", "unless.").index(piece.part) * len(table))


def _spoils(
    sample: Sample, table: RuleTable, matches: Mapping[str, int], bit: int, only: str | None = None
) -> bool:
    """Whether the verdict on `sample` turns wrong when `bit` is taken from its evidence."""
    left = (bits & ~bit if only in (None, term) else bits for term, bits in matches.items())
    kind, retryable, rule_id = table.outcome(table.first(table.combined(left)))
    word = sample.failure.signals.should_retry
    if word is not None:
        settled = any(rule.id == rule_id and rule.settled for rule in table)
        retryable = word if not word or not settled else retryable
    chain_broken = any(rule.id == rule_id and rule.chain_broken for rule in table)
    got = {"kind": str(kind), "retryable": retryable, "chain_broken": chain_broken}
    return any(
        value != sample.expected[name] and value not in sample.accept.get(name, ())
        for name, value in got.items()
    )


def _frozen(found: Mapping[_Key, list[str]]) -> dict[_Key, tuple[str, ...]]:
    return {key: tuple(ids) for key, ids in found.items()}
