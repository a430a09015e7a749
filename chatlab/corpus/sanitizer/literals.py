"""Finds many given texts in another text, in one pass."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from chatlab.text.secrets import longest_of

_HEAD_CHARS: Final = 8


class Literals:
    """Texts to look for, none of them empty."""

    def __init__(self, values: Iterable[str]) -> None:
        self._values: Final = frozenset(values)
        shortest = min(map(len, self._values), default=1)
        self._head_chars: Final = min(_HEAD_CHARS, shortest)
        lengths: dict[str, set[int]] = {}
        for value in self._values:
            lengths.setdefault(value[: self._head_chars], set()).add(len(value))
        self._lengths: Final = {
            head: sorted(found, reverse=True) for head, found in lengths.items()
        }
        self._heads: Final = re.compile(f"(?={longest_of(sorted(lengths))})")

    def find(self, text: str) -> Iterator[tuple[str, int, int]]:
        """Each value in `text` with its begin and end: leftmost, longest, without overlaps."""
        done = 0
        for place in self._heads.finditer(text) if self._values else ():
            begin = place.start()
            if begin < done:
                continue
            head = text[begin : begin + self._head_chars]
            for length in self._lengths[head]:
                value = text[begin : begin + length]
                if value in self._values:
                    done = begin + length
                    yield value, begin, done
                    break
