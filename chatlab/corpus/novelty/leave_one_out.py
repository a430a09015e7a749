"""What comes of a provider that is left out of the corpus: strange, or confidently wrong.

The provider's samples are taken from the corpus, and from the rules everything that only its
samples needed. Documented evidence stays: no sample taught it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from chatlab.corpus.mutation.mutants import without_piece
from chatlab.corpus.mutation.rule_coverage import NAMED, Coverage, coverage
from chatlab.corpus.novelty.novel import Known, Unseen, agrees
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Failure, Rule, RuleTable
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import table

_HEAD: Final = [
    *("provider", "samples", "pieces only it taught", "strange", "strange when known"),
    *("rules right", "rules right without it", "right if familiar", "confidently wrong"),
]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """One provider left out; shares are from 0 to 1.

    taught: pieces of evidence that only its samples needed. strange: its share of novel failures;
    strange_when_known: the same with only the judged sample itself left out. right: the rules'
    accuracy in kind and retry decision; right_untaught: without the pieces that it taught.
    confidently_wrong: the ids of samples that are wrong then and yet counted as familiar.
    """

    provider: str
    samples: int
    taught: int
    strange: float
    strange_when_known: float
    right: float
    right_untaught: float
    confidently_wrong: tuple[str, ...]

    @property
    def right_if_familiar(self) -> float:
        """The accuracy, without what it taught, on those that are not strange."""
        familiar = round(self.samples * (1 - self.strange))
        return 1 - len(self.confidently_wrong) / familiar if familiar else 1.0

    def row(self) -> list[str]:
        """The numbers as texts, in the order of the table."""
        shares = (self.strange, self.strange_when_known, self.right, self.right_untaught)
        return [
            *(self.provider, str(self.samples), str(self.taught)),
            *map(_percent, (*shares, self.right_if_familiar)),
            str(len(self.confidently_wrong)),
        ]

    def __str__(self) -> str:
        pieces = f"{self.taught} piece{'' if self.taught == 1 else 's'}"
        return (
            f"{self.provider}: {_percent(self.strange)} of {self.samples} samples are strange; "
            f"{_percent(self.right_untaught)} are right without what only it taught ({pieces}), "
            f"{_percent(self.right_if_familiar)} of the familiar ones"
        )


class LeftOutReport(tuple[LeftOut, ...]):
    """One row a provider, and all together last; percentages are rounded down."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join(map(str, self))

    def _repr_html_(self) -> str:
        return table(_HEAD, [one.row() for one in self])


def leave_one_provider_out(
    corpus: Mapping[str, Sample],
    rules: Iterable[Rule] = RULES,
    *,
    covered: Coverage | None = None,
) -> LeftOutReport:
    """Each provider of `corpus` left out in turn: how much of it is strange, how much is right.

    covered: the `coverage` of the same samples and rules, when it is known already.
    """
    whole = as_table(rules)
    needed = coverage(corpus.values(), whole) if covered is None else covered
    failures = {name: corpus[name].failure for name in corpus}
    known = Known(corpus, whole, failures)
    providers: dict[str, dict[str, Failure]] = {}
    for name, failure in failures.items():
        providers.setdefault(_provider(corpus[name]), {})[name] = failure
    rows = []
    for provider, own in sorted(providers.items()):
        less, taught = _untaught(whole, needed, own.keys())
        others = Known({name: corpus[name] for name in corpus if name not in own}, less, failures)
        found = {name: others.held_against(name, own[name]) for name in own}
        again = {name: known.held_against(name, own[name], frozenset({name})) for name in own}
        rows.append(_row(provider, corpus, taught, found, again))
    return LeftOutReport([*rows, _together(rows)])


def _row(
    provider: str,
    corpus: Mapping[str, Sample],
    taught: int,
    found: Mapping[str, Unseen],
    again: Mapping[str, Unseen],
) -> LeftOut:
    """The numbers of a provider's samples without the provider, and without the sample alone."""
    right = {name: agrees(corpus[name], one.verdict) for name, one in found.items()}
    return LeftOut(
        provider,
        len(found),
        taught,
        _share(one.strange for one in found.values()),
        _share(one.strange for one in again.values()),
        _share(agrees(corpus[name], one.verdict) for name, one in again.items()),
        _share(right.values()),
        tuple(name for name, one in found.items() if not one.strange and not right[name]),
    )


def _untaught(rules: RuleTable, needed: Coverage, ids: AbstractSet[str]) -> tuple[RuleTable, int]:
    """`rules` without the names and phrases that only the samples `ids` need, and how many."""
    changed: dict[str, Rule] = {}
    taught = [
        piece
        for piece, needing in needed.pieces.items()
        if needing and not piece.documented and piece.column in NAMED and ids >= set(needing)
    ]
    for piece in taught:
        rule = changed.get(piece.rule) or rules.named(piece.rule)
        changed[piece.rule] = without_piece(rule, piece)
    return rules.replaced(*changed.values()), len(taught)


def _together(rows: list[LeftOut]) -> LeftOut:
    count = sum(one.samples for one in rows)

    def mean(shares: Iterator[float]) -> float:
        weighted = (share * one.samples for share, one in zip(shares, rows, strict=True))
        return sum(weighted) / count if count else 0.0

    return LeftOut(
        "all",
        count,
        sum(one.taught for one in rows),
        mean(one.strange for one in rows),
        mean(one.strange_when_known for one in rows),
        mean(one.right for one in rows),
        mean(one.right_untaught for one in rows),
        tuple(name for one in rows for name in one.confidently_wrong),
    )


def _provider(sample: Sample) -> str:
    return str(sample.expected.get("provider") or "unknown")


def _share(held: Iterable[bool]) -> float:
    seen = list(held)
    return sum(seen) / len(seen) if seen else 0.0


def _percent(share: float) -> str:
    return f"{math.floor(100 * share + 1e-9)}%"
