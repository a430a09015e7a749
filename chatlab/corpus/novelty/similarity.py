"""How similar two failures are: words, pairs of words and codes, the rare ones weighted most."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise
from typing import Final, NamedTuple

from chatlab.errors import Failure
from chatlab.errors.reading.signals import ends_of

READ_CHARS: Final = 6_000
"""Of a longer text, this many characters at each end are compared."""

_ADDRESS: Final = re.compile(r"https?://\S+")
_WORD: Final = re.compile(r"[a-z]{2,}|[\u4e00-\u9fff]")
_NUMBERED: Final = re.compile(r"(?<![a-z])[a-z]*+[0-9][a-z0-9]*+")


@dataclass(frozen=True, slots=True)
class Near:
    """A known failure that is similar to another. similarity: from 0 to 1 (the same features)."""

    id: str
    similarity: float

    def __str__(self) -> str:
        return f"{self.id} ({self.similarity:.0%})"


def without_numbers(words: str) -> str:
    """`words`, in lower case, with a space in place of each word that has a digit; linear time."""
    return _NUMBERED.sub(" ", words)


def features(failure: Failure) -> frozenset[str]:
    """The words, pairs of words, codes and the status of `failure`; numbers and addresses left out.

    A code is marked by ``=`` before it.
    """
    signals = failure.signals
    names = {
        f"={term}"
        for term in signals.terms
        if term == "sign:stream-cut"
        or (not term.startswith(("provider:", "sign:")) and not term.endswith("xx"))
    }
    text = ends_of(signals.words, READ_CHARS)
    words = _WORD.findall(without_numbers(_ADDRESS.sub(" ", text)))
    names.update(words, map(" ".join, pairwise(words)))
    return frozenset(names)


class DedupKey(NamedTuple):
    """Equal for two failures that differ in numbers and addresses only.

    If there is a response, only the response is compared: a client that raises adds its own words.
    """

    features: frozenset[str]
    label: tuple[object, ...]


def dedup_key(failure: Failure, expected: Mapping[str, object]) -> DedupKey:
    """The `DedupKey` of `failure`, labelled `expected`."""
    label = (expected.get(name) for name in ("kind", "retryable", "provider", "chain_broken"))
    answered = failure.status is not None and failure.body
    answer = Failure(status=failure.status, body=failure.body) if answered else failure
    return DedupKey(features(answer), tuple(map(repr, label)))


class SimilarityIndex:
    """Known failures, by id, that others can be compared with.

    The similarity is the cosine between two sets of features. A feature weighs more the fewer
    known failures have it; a feature of none of them weighs most.
    """

    def __init__(self, known: Mapping[str, frozenset[str]]) -> None:
        self._ids: Final = sorted(known)
        self._having: Final[dict[str, list[int]]] = {}
        for number, one in enumerate(self._ids):
            for name in known[one]:
                self._having.setdefault(name, []).append(number)
        count = len(known)
        self._weight: Final = {
            name: math.log(1 + count / len(having)) ** 2 for name, having in self._having.items()
        }
        self._unknown: Final = math.log(1 + count) ** 2
        self._length: Final = [self._size(known[one]) for one in self._ids]

    @classmethod
    def of(cls, failures: Mapping[str, Failure]) -> SimilarityIndex:
        """An index of `failures`."""
        return cls({name: features(failure) for name, failure in failures.items()})

    def nearest(
        self, names: Iterable[str], count: int = 3, *, without: Container[str] = ()
    ) -> tuple[Near, ...]:
        """The `count` most similar known failures, without the ids in `without`."""
        wanted = frozenset(names)
        shared = [0.0] * len(self._ids)
        for name in sorted(wanted & self._having.keys()):
            weight = self._weight[name]
            for number in self._having[name]:
                shared[number] += weight
        size = self._size(wanted)
        found = (
            (-min(1.0, both / (size * self._length[number])), number)
            for number, both in enumerate(shared)
            if both and self._ids[number] not in without
        )
        return tuple(Near(self._ids[number], -minus) for minus, number in nsmallest(count, found))

    def _size(self, names: frozenset[str]) -> float:
        total = math.fsum(self._weight.get(name, self._unknown) for name in names)
        return math.sqrt(total) or 1.0
