"""One spelling for every text, so that a phrase is written once and found however it was quoted.

Case, quotation marks, line wraps, underscores, hyphens and escaped line ends differ between a
body, its Python repr, a log line and a terminal; the words do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from string import ascii_lowercase, digits
from typing import Final

from chatlab.text.patterns import lazy

GAP: Final = "…"
"""In a phrase: "up to `GAP_WIDTH` characters of anything in the same text"."""

GAP_WIDTH: Final = 160
"""The widest gap, in characters, between two pieces of one phrase."""

BREAK: Final = "\x1f"
"""Between the texts of one failure: no phrase reaches over it, not even in a gap."""

_ESCAPED_BLANKS: Final = ("\\n", "\\r", "\\t", "\\")
_BLANKS: Final = ("\n", "\r", "\t", "\f", "\v", "\x00", "_", "-", '"', "'", "`")
_WIDE_BLANKS: Final = ("\xa0", "\u3000", "“", "”", "‘", "’", "´")
_ESCAPED_CHARACTER: Final = lazy(r"(?<!\\)\\++u([0-9a-f]{4})")

_NORMALISED: Final = lazy(rf"[a-z0-9.:/]+(?: (?:{GAP} )?[a-z0-9.:/]+)*+")
"""A phrase that is written as texts are normalised, in ASCII and with blanks around its gaps."""


def clean(text: str) -> str:
    """`text` without what no consumer can encode: lone surrogates become ``?``."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def normalise(text: str) -> str:
    """`text` in the spelling that phrases are matched in; time is linear in its length."""
    text = text.lower()
    if "\\u" in text:
        text = clean(_ESCAPED_CHARACTER.sub(lambda match: chr(int(match[1], 16)), text)).lower()
    if "\\" in text:
        for blank in _ESCAPED_BLANKS:
            text = text.replace(blank, " ")
    for blank in _BLANKS:
        text = text.replace(blank, " ")
    if not text.isascii():
        for blank in _WIDE_BLANKS:
            text = text.replace(blank, " ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


@lru_cache(maxsize=8192)
def pieces(phrase: str) -> tuple[str, ...]:
    """The normalised pieces of `phrase` that must stand in order, a gap apart."""
    if _NORMALISED.fullmatch(phrase):
        return tuple(phrase.split(f" {GAP} "))
    return tuple(normalise(piece).strip() for piece in phrase.split(GAP))


def same_run(character: str) -> str:
    """The characters that, beside `character`, make it a part of a longer word or number."""
    if not character.isascii():
        return ""
    return ascii_lowercase if character.isalpha() else digits if character.isdigit() else ""


def contains(words: str, phrase: str) -> bool:
    """Whether normalised `words` hold `phrase`: one phrase looked up on its own.

    As for the rules, `words` begin and end with a blank.
    """
    wanted = pieces(phrase)
    if not all(piece in words for piece in wanted):
        return False
    hits: list[list[tuple[int, int]]] = []
    for piece in wanted:
        hits.append(list(_occurrences(words, piece)))
        if not hits[-1]:
            return False
    return in_order(hits, words)


def _occurrences(words: str, piece: str) -> Iterator[tuple[int, int]]:
    before, after = same_run(piece[0]), same_run(piece[-1])
    start = words.find(piece)
    while start >= 0:
        end = start + len(piece)
        if words[start - 1] not in before and words[end] not in after:
            yield start, end
        start = words.find(piece, start + 1)


def in_order(hits: list[list[tuple[int, int]]], words: str) -> bool:
    """Whether, in one text of `words`, a hit of each piece follows the one before in `GAP_WIDTH`.

    `hits` holds, for each piece, its ``(start, end)`` places in ascending order.
    """
    ends = [end for _, end in hits[0]]
    for places in hits[1:]:
        ends = list(_reachable(ends, places, words))
        if not ends:
            return False
    return True


def _reachable(ends: list[int], places: list[tuple[int, int]], words: str) -> Iterator[int]:
    passed = 0
    for start, end in places:
        while passed < len(ends) and ends[passed] <= start:
            passed += 1
        nearest = ends[passed - 1] if passed else -GAP_WIDTH - 1
        if start - nearest <= GAP_WIDTH and BREAK not in words[nearest:start]:
            yield end
