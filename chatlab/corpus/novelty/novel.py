"""Which failures are unlike anything known.

A failure is familiar when the rules know it, and the sample most like it says what the rules say.
How much like it must be was chosen from the corpus, one provider left out at a time: at 30 % and
above, such a verdict is wrong in less than one case of a hundred; below, in about one of ten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final

from chatlab.corpus.novelty.similarity import Likeness, Near, features
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, UNMATCHED, Failure, Rule, Verdict, classify, observe
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import joined, shortened, table, tag, visible

if TYPE_CHECKING:
    from chatlab.corpus.novelty.drafts import Cluster

THRESHOLD: Final = 0.7
"""The novelty from which on a failure counts as strange."""

DOUBT: Final = 0.25
"""What is left of a likeness when no rule knows the failure, or the sample says otherwise."""

_SHOWN: Final = 60
_HEAD: Final = ["failure", "novelty", "verdict", "nearest", "because"]
_DRAFTS_HEAD: Final = ["strange", "such as", "it says", "proposed", "because"]


@dataclass(frozen=True, slots=True)
class Unseen:
    """A failure held against the corpus.

    name: where it was found. score: from 0, the same as a sample that says what the rules say, to
    1, like nothing known. nearest: the samples most like it. because: what makes the score.
    """

    name: str
    failure: Failure = field(repr=False)
    verdict: Verdict
    score: float
    nearest: tuple[Near, ...]
    because: str

    @property
    def strange(self) -> bool:
        """Whether the failure is unlike anything known."""
        return self.score > THRESHOLD

    def row(self) -> list[str]:
        """Name, novelty, verdict, nearest sample and reason, as texts."""
        near = str(self.nearest[0]) if self.nearest else "none"
        said = f"{self.verdict.kind}, {_todo(self.verdict.retryable)} ({self.verdict.rule})"
        return [visible(self.name), f"{self.score:.2f}", said, near, self.because]


class Novelty:
    """Failures held against the corpus, in the order given."""

    def __init__(self, found: Iterable[Unseen], corpus: Mapping[str, Sample]) -> None:
        self.found: Final = tuple(found)
        self._corpus: Final = corpus

    @property
    def strange(self) -> tuple[Unseen, ...]:
        """Those that are unlike anything known."""
        return tuple(one for one in self.found if one.strange)

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """The strange ones, like with like, the largest first; each has a draft sample."""
        from chatlab.corpus.novelty.drafts import clusters

        return clusters(self.strange, self._corpus)

    def rows(self) -> list[list[str]]:
        """A row for each failure: see `Unseen.row`."""
        return [one.row() for one in self.found]

    def __repr__(self) -> str:
        lines = [f"{len(self.strange)} of {len(self.found)} failures are unlike anything known"]
        lines += [str(one) for one in self.clusters]
        known = [one for one in self.found if not one.strange]
        lines += [f"known: {visible(one.name)}: like {one.nearest[0]}" for one in known[:_SHOWN]]
        if len(known) > _SHOWN:
            lines.append(f"known: {len(known) - _SHOWN} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[shortened(cell, 120) for cell in row] for row in self.rows()[:_SHOWN]]
        parts: list[str] = [tag("div", repr(self).partition("\n")[0]), table(_HEAD, rows)]
        drafts = [one.row() for one in self.clusters[:_SHOWN]]
        return joined([*parts, table(_DRAFTS_HEAD, drafts)] if drafts else parts)


def novelty(
    failures: Mapping[str, object] | Iterable[object],
    corpus: Mapping[str, Sample],
    rules: Iterable[Rule] = RULES,
) -> Novelty:
    """How unlike anything in `corpus` each of `failures` is.

    failures: anything that `classify` takes, by name or numbered from 1. The result has a score
    and the nearest samples for each, and clusters of the strange ones with draft samples.
    """
    named = failures.items() if isinstance(failures, Mapping) else _numbered(failures)
    known = Known(corpus, rules)
    return Novelty((known.held_against(name, observe(one, None)) for name, one in named), corpus)


def _numbered(failures: Iterable[object]) -> Iterable[tuple[str, object]]:
    return ((f"failure {number}", one) for number, one in enumerate(failures, start=1))


class Known:
    """A corpus and rules that failures are held against."""

    def __init__(
        self,
        corpus: Mapping[str, Sample],
        rules: Iterable[Rule] = RULES,
        failures: Mapping[str, Failure] | None = None,
    ) -> None:
        """`failures` are those of the samples, by id, when they have been read already."""
        self._corpus: Final = corpus
        self._rules: Final = as_table(rules)
        seen = {one: corpus[one].failure for one in corpus} if failures is None else failures
        self._likeness: Final = Likeness.of({one: seen[one] for one in corpus})
        self._nearest: Final[dict[frozenset[str], tuple[Near, ...]]] = {}

    def held_against(
        self, name: str, failure: Failure, but: frozenset[str] = frozenset()
    ) -> Unseen:
        """`failure` held against the corpus without the samples whose ids are in `but`."""
        verdict = classify(failure, rules=self._rules)
        names = features(failure)
        nearest = None if but else self._nearest.get(names)
        if nearest is None:
            nearest = self._likeness.nearest(names, but=but)
            if not but:
                self._nearest[names] = nearest
        score, because = self._judged(verdict, nearest)
        return Unseen(name, failure, verdict, score, nearest, because)

    def _judged(self, verdict: Verdict, nearest: tuple[Near, ...]) -> tuple[float, str]:
        if not nearest:
            return 1.0, "it shares no word and no code with any sample"
        first = nearest[0]
        if verdict.rule == UNMATCHED:
            return 1 - DOUBT * first.similarity, "no rule knows it"
        sample = self._corpus[first.id]
        if not agrees(sample, verdict):
            label = f"{sample.expected['kind']}, {_todo(sample.expected['retryable'])}"
            return 1 - DOUBT * first.similarity, f"{first.id}, the most like it, is {label}"
        little = "little " if 1 - first.similarity > THRESHOLD else ""
        return 1 - first.similarity, f"{little}like {first.id}"


def agrees(sample: Sample, verdict: Verdict) -> bool:
    """Whether `sample` expects, or accepts, the verdict's kind and retry decision."""
    return all(
        value == sample.expected.get(name) or value in sample.accept.get(name, ())
        for name, value in (("kind", verdict.kind), ("retryable", verdict.retryable))
    )


def _todo(retryable: object) -> str:
    return "retry" if retryable else "stop"
