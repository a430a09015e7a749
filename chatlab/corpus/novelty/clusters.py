"""Novel failures, grouped by similarity, and the sample that each group would make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chatlab.corpus.novelty.scoring import Scored, action
from chatlab.corpus.novelty.similarity import SimilarityIndex, features
from chatlab.corpus.record import record_of
from chatlab.corpus.sample import Sample
from chatlab.corpus.sanitizer.sanitizing import sanitize
from chatlab.errors import NO_RULE, Failure
from chatlab.errors.reading.collected import all_places
from chatlab.errors.redact import redacted
from chatlab.text.markup import shortened, visible

ALIKE: Final = 0.5
"""The least similarity of two failures in one cluster."""

LABELLED: Final = 0.3
"""The least similarity at which a sample gives its label to a failure that no rule matches."""

_MAX_SHOWN_CHARS: Final = 100


@dataclass(frozen=True)
class Cluster:
    """Similar novel failures. members: in the order given; the first represents the others."""

    members: tuple[Scored, ...]
    proposed: Mapping[str, object]
    why: str

    @cached_property
    def draft(self) -> dict[str, object]:
        """A corpus record of the first member, sanitized, with the proposed label."""
        record = record_of(self.members[0].failure)
        record |= {"expected": dict(self.proposed), "accept": None, "why": self.why}
        record |= {"confidence": "low", "provenance": "contributed"}
        record |= {"source": {}, "redactions": []}
        return sanitize(record).record

    def row(self) -> list[str]:
        """Size, first member, its text, the proposed label and the reason, as texts."""
        first = self.members[0]
        text = shortened(redacted(" ".join(_text_of(first.failure).split())), _MAX_SHOWN_CHARS)
        label = f"{self.proposed['kind']}, {action(self.proposed['retryable'])}"
        return [str(len(self.members)), visible(first.name), visible(text), label, self.why]

    def __str__(self) -> str:
        count, name, text, label, why = self.row()
        near = self.members[0].nearest
        size = f"{count} failure{'' if count == '1' else 's'}"
        return (
            f"novel: {size} such as {name}: {text}\n"
            f"  proposed {label}: {why}; nearest {near[0] if near else 'none'}"
        )


def clusters(novel: Iterable[Scored], corpus: Mapping[str, Sample]) -> tuple[Cluster, ...]:
    """`novel` failures, each grouped with the first similar one; the largest group first."""
    groups: dict[frozenset[str], list[Scored]] = {}
    for one in novel:
        groups.setdefault(features(one.failure), []).append(one)
    kinds = {str(number): names for number, names in enumerate(groups)}
    index, followers = SimilarityIndex(kinds), set(kinds)
    led: dict[str, list[Scored]] = {}
    for number, names in kinds.items():
        near = index.nearest(names, 1, without=followers)
        leader = near[0].id if near and near[0].similarity >= ALIKE else number
        followers.discard(leader)
        led.setdefault(leader, []).extend(groups[names])
    largest_first = sorted(led.values(), key=len, reverse=True)
    return tuple(_cluster(tuple(members), corpus) for members in largest_first)


def _cluster(members: tuple[Scored, ...], corpus: Mapping[str, Sample]) -> Cluster:
    first = members[0]
    verdict = first.verdict
    proposed: dict[str, object] = {
        "kind": str(verdict.kind),
        "retryable": verdict.retryable,
        "provider": verdict.provider,
        "status_code": verdict.status_code,
        "retry_after_s": verdict.retry_after_s,
        "chain_broken": verdict.chain_broken,
    }
    near = first.nearest[0] if first.nearest else None
    if verdict.rule not in NO_RULE:
        return Cluster(members, proposed, f"the rule {verdict.rule} matches; {first.because}")
    if near is None or near.similarity < LABELLED:
        return Cluster(members, proposed, "no rule matches it and no sample is like it: label it")
    expected = corpus[near.id].expected
    proposed |= {name: expected[name] for name in ("kind", "retryable", "chain_broken")}
    return Cluster(members, proposed, f"no rule matches it; {near.id} is the nearest sample")


def _text_of(failure: Failure) -> str:
    text = " ".join(place.value for place in all_places(failure))
    return text.strip() or str(failure.status or "no text")
