"""What each piece of evidence speaks for, depending on who answered.

What a row itself holds always counts, and so do the facts that are nobody's own. A provider's fact
counts when that provider may have said it, or when nobody is surely named; its bare numbers count
only when it is named itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from chatlab.errors.providers import GENERIC, Providers
from chatlab.errors.reading.text.phrases import pieces
from chatlab.errors.reading.who_answered import Answered
from chatlab.errors.rules.rule import Rule, term

_Owner = tuple[str, bool]
"""Whose a piece is, and whether it is a bare number."""

_EVERYBODYS: Final = (GENERIC, False)


class _Piece(NamedTuple):
    phrase: bool
    key: str
    bit: int
    owner: _Owner


@dataclass(frozen=True, slots=True)
class Gapped:
    """A phrase of several pieces, by their numbers, and the bits of its rows."""

    parts: tuple[int, ...]
    bits: int


@dataclass(frozen=True, slots=True)
class Scope:
    """The evidence that counts, each with the bits of the rows it speaks for.

    Parameters
    ----------
    terms
        By the spelling of `Signals.terms`.
    whole
        By the number of a piece: of the phrases that are this one piece.
    gapped
        Phrases of several pieces, by the number of the last.
    spelled
        Phrases as the rules write them, with their bits, by the numbers of their pieces.
    """

    terms: dict[str, int]
    whole: list[int]
    gapped: dict[int, list[Gapped]]
    spelled: dict[tuple[int, ...], list[tuple[str, int]]]


class Scopes:
    """The scopes of a table, each made when it is first asked for.

    Parameters
    ----------
    rules
        In order; the bit of a row's own evidence is its number, its `given` and `unless` follow
        one and two tables' lengths behind.
    providers
        Whose facts there are.
    """

    __slots__ = (
        "_by_content",
        "_by_name",
        "_owners",
        "_pieces",
        "_providers",
        "index",
        "parts_of_gapped",
    )

    def __init__(self, rules: tuple[Rule, ...], providers: Providers) -> None:
        self._providers: Final = providers
        self._pieces: Final = list(_pieces(rules))
        self._owners: Final = {one.owner for one in self._pieces}
        self._by_name: Final[dict[tuple[str | None, bool], Scope]] = {}
        self._by_content: Final[dict[frozenset[_Owner], Scope]] = {}
        phrases = [one.key for one in self._pieces if one.phrase]
        self.index: Final[dict[str, int]] = {}
        """The number of each piece of a phrase."""
        for phrase in phrases:
            for piece in pieces(phrase):
                self.index.setdefault(piece, len(self.index))
        self.parts_of_gapped: Final[frozenset[int]] = frozenset(
            self.index[piece]
            for phrase in phrases
            if len(pieces(phrase)) > 1
            for piece in pieces(phrase)
        )
        """Of those, the pieces of phrases that have several."""
        if "" in self.index:
            raise ValueError("rules: a phrase has an empty piece; say words on both sides of '…'")

    def of(self, answered: Answered) -> Scope:
        """What counts when `answered` answered."""
        key = (answered.vendor, answered.is_sure)
        known = self._by_name.get(key)
        if known is None:
            known = self._by_name[key] = self._made(*key)
        return known

    def _made(self, vendor: str | None, sure: bool) -> Scope:
        counts = self._providers.counts
        counted = frozenset(
            (name, number)
            for name, number in self._owners
            if (name == vendor if number else counts(name, vendor if sure else None))
        )
        known = self._by_content.get(counted)
        if known is None:
            known = self._by_content[counted] = self._compiled(counted)
        return known

    def _compiled(self, counted: frozenset[_Owner]) -> Scope:
        terms: dict[str, int] = {}
        phrases: dict[str, int] = {}
        for phrase, key, bit, owner in self._pieces:
            if owner in counted:
                into = phrases if phrase else terms
                into[key] = into.get(key, 0) | bit
        whole = [0] * len(self.index)
        gapped: dict[int, list[Gapped]] = {}
        spelled: dict[tuple[int, ...], list[tuple[str, int]]] = {}
        for phrase_text, bits in phrases.items():
            parts = tuple(self.index[piece] for piece in pieces(phrase_text))
            spelled.setdefault(parts, []).append((phrase_text, bits))
            if len(parts) == 1:
                whole[parts[0]] |= bits
            else:
                gapped.setdefault(parts[-1], []).append(Gapped(parts, bits))
        return Scope(terms, whole, gapped, spelled)


def _pieces(rules: tuple[Rule, ...]) -> Iterator[_Piece]:
    size = len(rules)
    for row, rule in enumerate(rules):
        bits = {"": 1 << row, "given": 1 << row + size, "unless": 1 << row + 2 * size}
        for part, evidence in (("", rule), ("given", rule.given), ("unless", rule.unless)):
            if evidence is not None:
                bit = bits[part]
                yield from (_Piece(False, one, bit, _EVERYBODYS) for one in evidence.terms())
                yield from (_Piece(True, one, bit, _EVERYBODYS) for one in evidence.phrases)
        for fact in rule.documented:
            part, _, column = fact.column.rpartition(".")
            phrase = column == "phrases"
            key = str(fact.value) if phrase else term(column, fact.value)
            yield _Piece(phrase, key, bits[part], (fact.provider, fact.is_number))
