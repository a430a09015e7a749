"""How alike two failures are: by their words in pairs and by their codes, the rare ones most."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

from chatlab.errors import Failure
from chatlab.errors.signals import ends_of

READ_CHARS: Final = 6_000
"""Of a longer text, so many characters at each end are compared."""

_ADDRESS: Final = re.compile(r"https?://\S+")
_WORD: Final = re.compile(r"[a-z]{2,}|[\u4e00-\u9fff]")
_DIGITS: Final = re.compile(r"[a-z]*\d[a-z0-9]*")


@dataclass(frozen=True, slots=True)
class Near:
    """Something known that is like a failure. similarity: from 0 to 1, the same words and codes."""

    id: str
    similarity: float

    def __str__(self) -> str:
        return f"{self.id} ({self.similarity:.0%})"


def features(failure: Failure) -> frozenset[str]:
    """The words, pairs of words, codes and the status of `failure`; numbers and addresses left out.

    A code is marked by ``=`` before it.
    """
    signals = failure.signals
    codes = frozenset(
        f"={term}"
        for term in signals.terms
        if not term.startswith(("provider:", "sign:")) and not term.endswith("xx")
    )
    return codes | _word_features(ends_of(signals.words, READ_CHARS))


@lru_cache(maxsize=4096)
def _word_features(text: str) -> frozenset[str]:
    words = _WORD.findall(_DIGITS.sub(" ", _ADDRESS.sub(" ", text)))
    return frozenset(words) | {f"{one} {two}" for one, two in pairwise(words)}


class Likeness:
    """Known failures, by id, that others can be compared with.

    The similarity is the cosine between two sets of features, each feature weighted by how few
    of the known failures have it; a feature that none has weighs most.
    """

    def __init__(self, known: Mapping[str, frozenset[str]]) -> None:
        count = len(known)
        having = Counter(name for names in known.values() for name in names)
        self._weight: Final = {name: math.log(1 + count / n) ** 2 for name, n in having.items()}
        self._unknown: Final = math.log(1 + count) ** 2
        self._length: Final = {one: self._size(names) for one, names in known.items()}
        self._having: Final[dict[str, list[str]]] = {}
        for one, names in known.items():
            for name in names:
                self._having.setdefault(name, []).append(one)

    @classmethod
    def of(cls, failures: Mapping[str, Failure]) -> Likeness:
        """The likeness to each of `failures`."""
        return cls({name: features(failure) for name, failure in failures.items()})

    def nearest(
        self, names: Iterable[str], count: int = 3, but: Container[str] = ()
    ) -> tuple[Near, ...]:
        """The `count` known failures, the ids in `but` left out, most like these features."""
        wanted = frozenset(names)
        shared: dict[str, float] = {}
        for name in sorted(wanted & self._having.keys()):
            weight = self._weight[name]
            for one in self._having[name]:
                shared[one] = shared.get(one, 0.0) + weight
        size = self._size(wanted)
        near = (
            Near(one, min(1.0, both / (size * self._length[one])))
            for one, both in shared.items()
            if one not in but
        )
        return tuple(sorted(near, key=lambda one: (-one.similarity, one.id))[:count])

    def _size(self, names: frozenset[str]) -> float:
        total = math.fsum(self._weight.get(name, self._unknown) for name in names)
        return math.sqrt(total) or 1.0
