"""Strange failures, like with like, and the sample that each group would make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from chatlab.corpus.likeness import Likeness, features
from chatlab.corpus.novelty import Unseen
from chatlab.corpus.sample import Sample
from chatlab.corpus.sanitize import sanitize
from chatlab.corpus.sanitize_walk import changed
from chatlab.errors import UNMATCHED, Failure
from chatlab.errors.places import all_places, decoded
from chatlab.errors.redact import redacted
from chatlab.errors.signals import lower_headers
from chatlab.markup import shortened, visible

ALIKE: Final = 0.5
"""The likeness from which on two strange failures are one story."""

LABELLED: Final = 0.3
"""The likeness from which on a sample labels what no rule knows."""

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
        record = _record(self.members[0].failure)
        record |= {"expected": dict(self.proposed), "accept": None, "why": self.why}
        record |= {"confidence": "low", "provenance": "contributed"}
        record |= {"source": {}, "redactions": []}
        try:
            return sanitize(record).record
        except ModuleNotFoundError:
            copy = changed(record, lambda _where, _key, text, _bare: redacted(text), "")
            return {**record, **_mapping(copy), "why": f"{self.why}; {_ONLY_REDACTED}"}

    def __str__(self) -> str:
        first = self.members[0]
        near = f"nearest {first.nearest[0]}" if first.nearest else "nearest none"
        todo = "retry" if self.proposed["retryable"] else "stop"
        size = f"{len(self.members)} failures" if len(self.members) > 1 else "1 failure"
        said = shortened(redacted(" ".join(_told(first.failure).split())), 100)
        return (
            f"strange: {size} such as {visible(first.name)}: {visible(said)}\n"
            f"  proposed {self.proposed['kind']}, {todo}: {self.why}; {near}"
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


def _record(failure: Failure) -> dict[str, object]:
    provider = failure.signals.provider
    exception = None
    if failure.exception_type or failure.exception_text:
        said = [
            failure.exception_text or "",
            *(f"{one.type}: {one.text}" for one in failure.causes),
        ]
        text = "\n".join(part for part in said if part)
        exception = {"type": failure.exception_type, "text": text}
    status = failure.status
    return {
        "provider": provider,
        "vendor": None,
        "api": None,
        "surface": _surface(failure),
        "status": status if isinstance(status, int) and not isinstance(status, bool) else None,
        "headers": dict(lower_headers(failure.headers)),
        "body": decoded(failure.body) or failure.body,
        "exception": exception,
        "text": decoded(failure.text),
    }


def _surface(failure: Failure) -> str:
    if "sign:stream-cut" in failure.signals.terms:
        return "truncated_stream"
    if failure.exception_type or failure.exception_text:
        return "sdk_exception"
    return "log_line" if failure.text is not None else "http_error"


def _told(failure: Failure) -> str:
    said = " ".join(place.value for place in all_places(failure))
    return said.strip() or str(failure.status or "nothing said")


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}
