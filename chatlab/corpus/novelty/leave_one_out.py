"""What the rules and the novelty score do with a provider that they have never seen.

The provider's samples are taken out of the corpus, and from the rules everything that only its
samples needed. Documented evidence stays: no sample is its source.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from chatlab.corpus.mutation.mutants import without_piece
from chatlab.corpus.mutation.rule_coverage import NAMED, Coverage, coverage
from chatlab.corpus.novelty.scoring import Reference, Scored, agrees
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Failure, Rule, RuleTable
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import table

_HEAD: Final = [
    *("provider", "samples", "pieces only it needs", "novel", "novel when known"),
    *("accuracy", "accuracy without it", "accuracy if familiar", "confidently wrong"),
]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One provider left out; shares are from 0 to 1.

    provider_only_pieces: pieces of evidence that only its samples needed. novel: the share of its
    samples that are novel; novel_when_known: the same with only the judged sample left out.
    accuracy: of the rules, in kind and retry decision; accuracy_without: without those pieces.
    confidently_wrong: the ids of samples that are wrong then and yet counted as familiar.
    """

    provider: str
    samples: int
    provider_only_pieces: int
    novel: float
    novel_when_known: float
    accuracy: float
    accuracy_without: float
    confidently_wrong: tuple[str, ...]

    @property
    def accuracy_if_familiar(self) -> float:
        """The accuracy, without those pieces, on the samples that are not novel."""
        familiar = round(self.samples * (1 - self.novel))
        return 1 - len(self.confidently_wrong) / familiar if familiar else 1.0

    def row(self) -> list[str]:
        """The numbers as texts, in the order of the table."""
        shares = (self.novel, self.novel_when_known, self.accuracy, self.accuracy_without)
        return [
            *(self.provider, str(self.samples), str(self.provider_only_pieces)),
            *map(_percent, (*shares, self.accuracy_if_familiar)),
            str(len(self.confidently_wrong)),
        ]

    def __str__(self) -> str:
        pieces = f"{self.provider_only_pieces} piece{'' if self.provider_only_pieces == 1 else 's'}"
        return (
            f"{self.provider}: {_percent(self.novel)} of {self.samples} samples are novel; "
            f"{_percent(self.accuracy_without)} are right without {pieces} that only they need, "
            f"{_percent(self.accuracy_if_familiar)} of the familiar ones"
        )


class LeftOutReport(tuple[LeftOut, ...]):
    """One row a provider, and all of them together last; percentages are rounded down."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        return table(_HEAD, [one.row() for one in self])


def leave_one_provider_out(
    corpus: Mapping[str, Sample],
    *,
    rules: Iterable[Rule] = RULES,
    covered: Coverage | None = None,
) -> LeftOutReport:
    """Each provider of `corpus` left out in turn: the share that is novel, and the accuracy.

    Parameters
    ----------
    corpus : mapping
        Samples by id.
    rules : iterable of Rule, optional
        The rules that are judged.
    covered : Coverage, optional
        The `coverage` of the same samples and rules, where it is known already.

    Returns
    -------
    LeftOutReport
        One row a provider, and one for all of them.
    """
    whole = as_table(rules)
    needed = coverage(corpus.values(), whole) if covered is None else covered
    failures = {name: corpus[name].failure for name in corpus}
    known = Reference(corpus, whole, failures)
    providers: dict[str, dict[str, Failure]] = {}
    for name, failure in failures.items():
        providers.setdefault(_provider(corpus[name]), {})[name] = failure
    rows = []
    for provider, own in sorted(providers.items()):
        less, pieces = _without_pieces(whole, needed, own.keys())
        others = Reference(
            {name: corpus[name] for name in corpus if name not in own}, less, failures
        )
        found = {name: others.score(name, own[name]) for name in own}
        again = {name: known.score(name, own[name], without=frozenset({name})) for name in own}
        rows.append(_row(provider, corpus, pieces, found, again))
    return LeftOutReport([*rows, _together(rows)])


def _row(
    provider: str,
    corpus: Mapping[str, Sample],
    provider_only_pieces: int,
    found: Mapping[str, Scored],
    again: Mapping[str, Scored],
) -> LeftOut:
    """The numbers of a provider's samples without the provider, and without the sample alone."""
    right = {name: agrees(corpus[name], one.verdict) for name, one in found.items()}
    return LeftOut(
        provider,
        len(found),
        provider_only_pieces,
        _share(one.novel for one in found.values()),
        _share(one.novel for one in again.values()),
        _share(agrees(corpus[name], one.verdict) for name, one in again.items()),
        _share(right.values()),
        tuple(name for name, one in found.items() if not one.novel and not right[name]),
    )


def _without_pieces(
    rules: RuleTable, needed: Coverage, ids: AbstractSet[str]
) -> tuple[RuleTable, int]:
    """`rules` without the names and phrases that only the samples `ids` need, and how many."""
    changed: dict[str, Rule] = {}
    pieces = [
        piece
        for piece, needing in needed.pieces.items()
        if needing and not piece.documented and piece.column in NAMED and ids >= set(needing)
    ]
    for piece in pieces:
        rule = changed.get(piece.rule) or rules.named(piece.rule)
        changed[piece.rule] = without_piece(rule, piece)
    return rules.replaced(*changed.values()), len(pieces)


def _together(rows: list[LeftOut]) -> LeftOut:
    count = sum(one.samples for one in rows)

    def mean(shares: Iterator[float]) -> float:
        weighted = (share * one.samples for share, one in zip(shares, rows, strict=True))
        return sum(weighted) / count if count else 0.0

    return LeftOut(
        "all",
        count,
        sum(one.provider_only_pieces for one in rows),
        mean(one.novel for one in rows),
        mean(one.novel_when_known for one in rows),
        mean(one.accuracy for one in rows),
        mean(one.accuracy_without for one in rows),
        tuple(name for one in rows for name in one.confidently_wrong),
    )


def _provider(sample: Sample) -> str:
    return str(sample.expected.get("provider") or "unknown")


def _share(held: Iterable[bool]) -> float:
    seen = list(held)
    return sum(seen) / len(seen) if seen else 0.0


def _percent(share: float) -> str:
    return f"{math.floor(100 * share + 1e-9)}%"
