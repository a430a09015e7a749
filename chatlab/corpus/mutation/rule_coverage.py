"""Which samples need which rule and which piece of its evidence.

A piece or a rule is needed by a sample whose verdict turns from right to wrong without it. Samples
that need one single word are fragile: the next wording of the same failure is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from chatlab.corpus.mutation.probes import Probe, first_of, probes
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Evidence, Rule, RuleTable
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import shortened, table, visible

PARTS: Final = ("", "given.", "unless.")
"""What the part of a piece is called: a rule's own evidence, what it needs, what forbids it."""

NAMED: Final = ("codes", "exceptions", "innermost", "transport", "phrases")
"""The columns with names and words; HTTP and chatlab define the values of the others."""

_SHOWN_IDS: Final = 3
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


@dataclass(frozen=True, slots=True, repr=False)
class Coverage:
    """The ids of the samples that need a rule as a whole, and each piece of its evidence."""

    HEAD: ClassVar = ["rule", "pieces", "documented", "dead", "needed by", "fragile"]

    rules: Mapping[str, tuple[str, ...]]
    pieces: Mapping[Piece, tuple[str, ...]]

    def unneeded(self) -> list[Piece]:
        """Names and phrases that no sample needs, though no documentation is named for them.

        Statuses, signs and providers are no names: HTTP and chatlab define them.
        """
        return [
            piece
            for piece, ids in self.pieces.items()
            if not ids
            and not piece.documented
            and piece.column in NAMED
            and (not piece.part or piece.column == "phrases")
        ]

    def dead_rules(self) -> list[str]:
        """Rules without which every sample stays right; documentation may still need them."""
        return [name for name, ids in self.rules.items() if not ids]

    def fragile(self) -> dict[str, Piece]:
        """The samples that rest on one single word or phrase, with that piece."""
        return {
            sample_id: piece
            for piece, ids in self.pieces.items()
            if piece.column == "phrases" and not piece.part
            for sample_id in ids
        }

    def of(self, rule_id: str) -> Coverage:
        """What is known of one rule; `KeyError` when there is none of this id."""
        pieces = {piece: ids for piece, ids in self.pieces.items() if piece.rule == rule_id}
        return Coverage({rule_id: self.rules[rule_id]}, pieces)

    def rows(self) -> list[list[str]]:
        """A row for each rule: id, pieces in the row, documented ones, dead ones, samples."""
        fragile = self.fragile().values()
        dead = self.unneeded()
        return [
            [
                name,
                str(sum(one.rule == name and not one.documented for one in self.pieces)),
                str(sum(one.rule == name and one.documented for one in self.pieces)),
                str(sum(one.rule == name for one in dead)),
                str(len(ids)),
                str(sum(one.rule == name for one in fragile)),
            ]
            for name, ids in self.rules.items()
        ]

    def piece_rows(self) -> list[list[str]]:
        """A row for each piece: what it is, how many samples need it, the first of them."""
        return [
            [
                f"{piece.part}{piece.column}",
                visible(piece.value),
                str(len(ids)) if ids else "documented" if piece.documented else "none",
                ", ".join(ids[:_SHOWN_IDS]) + (", …" if len(ids) > _SHOWN_IDS else ""),
            ]
            for piece, ids in self.pieces.items()
        ]

    def __repr__(self) -> str:
        dead, fragile = self.dead_rules(), self.fragile()
        return (
            f"Coverage of {len(self.rules)} rules and {len(self.pieces)} pieces of evidence: "
            f"{len(dead)} rules that no sample needs, {len(self.unneeded())} dead pieces, "
            f"{len(fragile)} samples that rest on one word"
        )

    def _repr_html_(self) -> str:
        if len(self.rules) == 1:
            head = ["evidence", "value", "samples that need it", "such as"]
            return table(
                head, [[shortened(cell, 200) for cell in row] for row in self.piece_rows()]
            )
        return table(self.HEAD, self.rows())


def coverage(samples: Iterable[Sample], rules: Iterable[Rule] = RULES) -> Coverage:
    """The rules and pieces of evidence that the `samples` which are right today need.

    >>> from chatlab import Corpus
    >>> coverage(Corpus.load().values()).unneeded()
    []

    Parameters
    ----------
    samples : iterable of Sample
        Samples with a wrong verdict are left out.
    rules : iterable of Rule, optional
        The rules that are examined.

    Returns
    -------
    Coverage
        The ids of the samples that need each rule and each piece.
    """
    table = as_table(rules)
    of_rule: dict[str, list[str]] = {rule.id: [] for rule in table}
    of_piece: dict[Piece, list[str]] = {piece: [] for piece in pieces_of(table)}
    by_term: dict[str, list[tuple[Piece, int]]] = {}
    rows = {rule.id: row for row, rule in enumerate(table)}
    for piece in of_piece:
        bit = bit_of(piece, rows)
        by_term.setdefault(term_of(piece), []).append((piece, bit))
    for probe in probes(samples, table):
        decided = probe.decided(table)
        if decided is not None:
            after = probe.decided_without(table, 1 << rows[decided.id])
            if not probe.right(after):
                of_rule[decided.id].append(probe.id)
        for term in probe.matches:
            for piece, bit in by_term[term]:
                if not probe.right(decided_without(probe, table, term, bit)):
                    of_piece[piece].append(probe.id)
    return Coverage(_frozen(of_rule), _frozen(of_piece))


def pieces_of(table: RuleTable) -> Iterator[Piece]:
    """Every piece of evidence of `table`, row by row."""
    for rule in table:
        written = (rule, rule.given or Evidence(), rule.unless or Evidence())
        for part, own, whole in zip(PARTS, written, rule.parts(), strict=True):
            for column in Evidence.__dataclass_fields__:
                in_row = len(getattr(own, column))
                for number, value in enumerate(getattr(whole, column)):
                    yield Piece(rule.id, part, column, str(value), number >= in_row)


def term_of(piece: Piece) -> str:
    """The evidence of `piece` as `RuleTable.matches` keys it."""
    if piece.column == "phrases":
        return f"phrase:{piece.value}"
    return next(iter(Evidence(**{piece.column: (piece.value,)}).terms()))


def bit_of(piece: Piece, rows: Mapping[str, int]) -> int:
    """The bit of the piece; `rows` has the row of each rule."""
    return 1 << (rows[piece.rule] + PARTS.index(piece.part) * len(rows))


def decided_without(probe: Probe, table: RuleTable, term: str, bit: int) -> Rule | None:
    """The rule that decides on `probe` when `term` no longer speaks for `bit`."""
    left = (bits & ~bit if one == term else bits for one, bits in probe.matches.items())
    return first_of(table, table.combined(left).holding & probe.scope)


def _frozen(found: Mapping[_Key, list[str]]) -> dict[_Key, tuple[str, ...]]:
    return {key: tuple(ids) for key, ids in found.items()}
