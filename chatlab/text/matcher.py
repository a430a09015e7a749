"""Find many phrases in a text at once: with `ahocorasick_rs` where it is installed, else without.

Both ways give the same matches in the same order. The extra ``fast`` installs the library, which
scans some ten times faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Protocol

try:
    import ahocorasick_rs
except ImportError:
    IS_FAST = False
else:
    IS_FAST = True

_HEAD: Final = 4
"""How many characters of a phrase are looked up; a shorter phrase is searched for by itself."""

Match = tuple[int, int, int]
"""The number of a phrase, where it starts, and where it ends."""


class Matcher(Protocol):
    """Phrases that are searched for together."""

    def find_matches_as_indexes(self, text: str, /, overlapping: bool = ...) -> list[Match]:
        """Every match, in the order of the ends, of one end the longest first."""
        ...


def compile_matcher(phrases: Sequence[str]) -> Matcher:
    """The fastest matcher that is installed.

    Parameters
    ----------
    phrases
        Different from each other, none of them empty.

    Examples
    --------
    >>> matcher = compile_matcher(["rate", "rate limit", "limit"])
    >>> matcher.find_matches_as_indexes("a rate limit", overlapping=True)
    [(0, 2, 6), (1, 2, 12), (2, 7, 12)]
    """
    if not IS_FAST:
        return PythonMatcher(phrases)
    # A DFA scans hardly faster and takes eight times as long to build.
    contiguous = ahocorasick_rs.Implementation.ContiguousNFA
    return ahocorasick_rs.AhoCorasick(list(phrases), implementation=contiguous)


class PythonMatcher:
    """The matcher of the plain install, in pure Python.

    Looks up each run of four characters of the text in a dictionary, then compares the phrases
    that begin with it. Its time is linear in the length of the text.

    Parameters
    ----------
    phrases
        Different from each other, none of them empty.
    """

    __slots__ = ("_by_head", "_short")

    def __init__(self, phrases: Sequence[str]) -> None:
        self._short: Final[list[tuple[str, int]]] = []
        self._by_head: Final[dict[str, list[tuple[str, int]]]] = {}
        for number, phrase in enumerate(phrases):
            if len(phrase) < _HEAD:
                self._short.append((phrase, number))
            else:
                self._by_head.setdefault(phrase[:_HEAD], []).append((phrase, number))

    def find_matches_as_indexes(self, text: str, /, overlapping: bool = True) -> list[Match]:
        """Every match, in the order of the ends, of one end the longest first."""
        found = [*self._short_matches(text), *self._long_matches(text)]
        found.sort(key=lambda match: (match[2], match[1]))
        return found

    def _short_matches(self, text: str) -> Iterator[Match]:
        for phrase, number in self._short:
            start = text.find(phrase)
            while start >= 0:
                yield number, start, start + len(phrase)
                start = text.find(phrase, start + 1)

    def _long_matches(self, text: str) -> Iterator[Match]:
        heads = self._by_head
        for start in range(len(text) - _HEAD + 1):
            if (head := text[start : start + _HEAD]) in heads:
                for phrase, number in heads[head]:
                    if text.startswith(phrase, start):
                        yield number, start, start + len(phrase)
