"""How unlike the corpus one failure is.

A failure is familiar when a rule matches it and the most similar sample has the label that the
rules give. The threshold was chosen on the corpus, with one provider left out at a time: at a
similarity of 30 % and above such a verdict is wrong in less than 1 % of the cases, below it in
about 10 %.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from chatlab.corpus.novelty.similarity import Near, SimilarityIndex, features
from chatlab.corpus.sample import Sample
from chatlab.errors import NO_RULE, RULES, Failure, Rule, Verdict, classify
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import visible

THRESHOLD: Final = 0.7
"""A failure with a higher score is novel."""

DISCOUNT: Final = 0.25
"""The factor on a similarity when no rule matches the failure, or the sample's label differs."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A failure compared with the corpus.

    name: where it was found. score: 0 for a failure equal to a sample with the label that the
    rules give, 1 for a failure unlike every sample. nearest: the most similar samples, the best
    first. because: the reason for the score.
    """

    name: str
    failure: Failure = field(repr=False)
    verdict: Verdict
    score: float
    nearest: tuple[Near, ...]
    because: str

    @property
    def novel(self) -> bool:
        """Whether the failure is unlike every sample."""
        return self.score > THRESHOLD

    def row(self) -> list[str]:
        """Name, score, verdict, nearest sample and reason, as texts."""
        near = str(self.nearest[0]) if self.nearest else "none"
        verdict = f"{self.verdict.kind}, {action(self.verdict.retryable)} ({self.verdict.rule})"
        return [visible(self.name), f"{self.score:.2f}", verdict, near, self.because]


class Reference:
    """A corpus and rules that failures are compared with.

    failures: those of the samples, by id, where they have been read already.
    """

    def __init__(
        self,
        corpus: Mapping[str, Sample],
        rules: Iterable[Rule] = RULES,
        failures: Mapping[str, Failure] | None = None,
    ) -> None:
        self._corpus: Final = corpus
        self._rules: Final = as_table(rules)
        known = {name: corpus[name].failure for name in corpus} if failures is None else failures
        self._index: Final = SimilarityIndex.of({name: known[name] for name in corpus})
        self._nearest: Final[dict[frozenset[str], tuple[Near, ...]]] = {}

    def score(
        self, name: str, failure: Failure, *, without: frozenset[str] = frozenset()
    ) -> Scored:
        """`failure`, called `name`, compared with all samples but those with an id in `without`."""
        verdict = classify(failure, rules=self._rules)
        names = features(failure)
        nearest = None if without else self._nearest.get(names)
        if nearest is None:
            nearest = self._index.nearest(names, without=without)
            if not without:
                self._nearest[names] = nearest
        score, because = self._judged(verdict, nearest)
        return Scored(name, failure, verdict, score, nearest, because)

    def _judged(self, verdict: Verdict, nearest: tuple[Near, ...]) -> tuple[float, str]:
        if verdict.rule in NO_RULE:
            nearness = nearest[0].similarity if nearest else 0.0
            return 1 - DISCOUNT * nearness, "no rule matches it"
        if not nearest:
            return 1.0, "it shares no word and no code with any sample"
        first = nearest[0]
        sample = self._corpus[first.id]
        if not agrees(sample, verdict):
            label = f"{sample.expected['kind']}, {action(sample.expected['retryable'])}"
            return 1 - DISCOUNT * first.similarity, f"the nearest sample, {first.id}, is {label}"
        little = "little " if 1 - first.similarity > THRESHOLD else ""
        return 1 - first.similarity, f"{little}like {first.id}"


def agrees(sample: Sample, verdict: Verdict) -> bool:
    """Whether `sample` expects, or accepts, the verdict's kind and retry decision."""
    return all(
        value == sample.expected.get(name) or value in sample.accept.get(name, ())
        for name, value in (("kind", verdict.kind), ("retryable", verdict.retryable))
    )


def action(retryable: object) -> str:
    """``"retry"`` or ``"stop"``."""
    return "retry" if retryable else "stop"
