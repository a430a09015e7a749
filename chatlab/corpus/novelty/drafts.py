"""Strange failures, like with like, and the sample that each group would make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chatlab.corpus.adding.record import record_of
from chatlab.corpus.novelty.novel import Unseen
from chatlab.corpus.novelty.similarity import Likeness, features
from chatlab.corpus.sample import Sample
from chatlab.corpus.sanitizer.json_walk import changed
from chatlab.corpus.sanitizer.sanitizing import sanitize
from chatlab.errors import UNMATCHED, Failure
from chatlab.errors.reading.fields import all_places
from chatlab.errors.redact import redacted
from chatlab.text.markup import shortened, visible

ALIKE: Final = 0.5
"""The likeness from which on two strange failures are one story."""

LABELLED: Final = 0.3
"""The likeness from which on a sample labels what no rule knows."""

_MAX_SAID: Final = 100
_ONLY_REDACTED: Final = "only keys were taken out: install chatlab[lab] and sanitize it"


@dataclass(frozen=True)
class Cluster:
    """Strange failures that are alike. members: in the order given, the first stands for all."""

    members: tuple[Unseen, ...]
    proposed: Mapping[str, object]
    why: str

    @cached_property
    def draft(self) -> dict[str, object]:
        """A corpus record of the first member, without secrets, with the proposed label.

        Without the secret detector of the extra ``lab`` only keys are taken out; ``why`` says so.
        """
        record = record_of(self.members[0].failure)
        record |= {"expected": dict(self.proposed), "accept": None, "why": self.why}
        record |= {"confidence": "low", "provenance": "contributed"}
        record |= {"source": {}, "redactions": []}
        try:
            return sanitize(record).record
        except ModuleNotFoundError:
            copy = changed(record, lambda _where, _key, text, _bare: redacted(text), "")
            return {**record, **_mapping(copy), "why": f"{self.why}; {_ONLY_REDACTED}"}

    def row(self) -> list[str]:
        """How many, the first of them, what it says, the proposed label and why, as texts."""
        first = self.members[0]
        said = shortened(redacted(" ".join(_told(first.failure).split())), _MAX_SAID)
        label = f"{self.proposed['kind']}, {'retry' if self.proposed['retryable'] else 'stop'}"
        return [str(len(self.members)), visible(first.name), visible(said), label, self.why]

    def __str__(self) -> str:
        count, name, said, label, why = self.row()
        near = self.members[0].nearest
        size = f"{count} failure{'' if count == '1' else 's'}"
        return (
            f"strange: {size} such as {name}: {said}\n"
            f"  proposed {label}: {why}; nearest {near[0] if near else 'none'}"
        )


def clusters(strange: Iterable[Unseen], corpus: Mapping[str, Sample]) -> tuple[Cluster, ...]:
    """`strange` failures grouped with the first one that they are like, the largest group first."""
    groups: dict[frozenset[str], list[Unseen]] = {}
    for one in strange:
        groups.setdefault(features(one.failure), []).append(one)
    kinds = {str(number): names for number, names in enumerate(groups)}
    likeness, followers = Likeness(kinds), set(kinds)
    led: dict[str, list[Unseen]] = {}
    for number, names in kinds.items():
        near = likeness.nearest(names, 1, but=followers)
        leader = near[0].id if near and near[0].similarity >= ALIKE else number
        followers.discard(leader)
        led.setdefault(leader, []).extend(groups[names])
    largest_first = sorted(led.values(), key=len, reverse=True)
    return tuple(_cluster(tuple(members), corpus) for members in largest_first)


def _cluster(members: tuple[Unseen, ...], corpus: Mapping[str, Sample]) -> Cluster:
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
    if verdict.rule != UNMATCHED:
        return Cluster(members, proposed, f"the rule {verdict.rule} says so; {first.because}")
    if near is None or near.similarity < LABELLED:
        return Cluster(members, proposed, "no rule knows it and no sample is like it: label it")
    expected = corpus[near.id].expected
    proposed |= {name: expected[name] for name in ("kind", "retryable", "chain_broken")}
    return Cluster(members, proposed, f"no rule knows it; {near.id} is most like it")


def _told(failure: Failure) -> str:
    said = " ".join(place.value for place in all_places(failure))
    return said.strip() or str(failure.status or "nothing said")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
