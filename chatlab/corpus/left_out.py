"""What comes of a provider that is left out of the corpus: strange, or confidently wrong.

The provider's samples are taken from the corpus, and from the rules everything that only its
samples needed. Documented evidence stays: no sample taught it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from chatlab.corpus.mutants import without_piece
from chatlab.corpus.mutate import NAMED, Coverage, coverage
from chatlab.corpus.novelty import Known, agrees
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Rule, RuleTable, classify
from chatlab.errors.rule_table import as_table
from chatlab.markup import table

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
            *(f"{share:.0%}" for share in (*shares, self.right_if_familiar)),
            str(len(self.confidently_wrong)),
        ]


class LeftOutReport(tuple[LeftOut, ...]):
    """One row a provider, and all together last."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "\n".join("\t".join(row) for row in [_HEAD, *(one.row() for one in self)])

    def _repr_html_(self) -> str:
        return table(_HEAD, [one.row() for one in self])


def leave_one_provider_out(
    corpus: Mapping[str, Sample], rules: Iterable[Rule] = RULES
) -> LeftOutReport:
    """Each provider of `corpus` left out in turn: how much of it is strange, how much is right."""
    whole = as_table(rules)
    needed = coverage(corpus.values(), whole)
    known = Known(corpus, whole)
    providers: dict[str, list[Sample]] = {}
    for sample in corpus.values():
        providers.setdefault(_provider(sample), []).append(sample)
    rows = [
        _left_out(name, providers[name], corpus, whole, needed, known) for name in sorted(providers)
    ]
    return LeftOutReport([*rows, _together(rows)])


def _left_out(
    provider: str,
    own: list[Sample],
    corpus: Mapping[str, Sample],
    rules: RuleTable,
    needed: Coverage,
    known: Known,
) -> LeftOut:
    ids = {sample.id for sample in own}
    less, taught = _untaught(rules, needed, ids)
    others = Known({name: corpus[name] for name in corpus if name not in ids}, less)
    found = [(sample, others.held_against(sample.id, sample.failure)) for sample in own]
    again = [known.held_against(one.id, one.failure, frozenset({one.id})) for one in own]
    verdicts = [(sample, classify(sample.failure, rules=rules)) for sample in own]
    return LeftOut(
        provider,
        len(own),
        taught,
        _share(one.strange for _, one in found),
        _share(one.strange for one in again),
        _share(agrees(sample, verdict) for sample, verdict in verdicts),
        _share(agrees(sample, one.verdict) for sample, one in found),
        tuple(
            sample.id
            for sample, one in found
            if not one.strange and not agrees(sample, one.verdict)
        ),
    )


def _untaught(rules: RuleTable, needed: Coverage, ids: set[str]) -> tuple[RuleTable, int]:
    """`rules` without the names and phrases that only the samples `ids` need, and how many."""
    changed: dict[str, Rule] = {}
    taught = [
        piece
        for piece, needing in needed.pieces.items()
        if needing and not piece.documented and piece.column in NAMED and ids.issuperset(needing)
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
