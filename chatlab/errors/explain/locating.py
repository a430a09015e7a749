"""Where a piece of evidence stands in a failure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from chatlab.errors.explain.evidence import Finding
from chatlab.errors.failure import Failure
from chatlab.errors.reading import error_codes as identifiers
from chatlab.errors.reading.collected import all_places, sources
from chatlab.errors.reading.fields import Place
from chatlab.errors.reading.http_status import structured
from chatlab.errors.reading.text.phrases import GAP, GAP_WIDTH
from chatlab.errors.redact import redacted
from chatlab.text.markup import shortened, visible

_EXCERPT_CHARS: Final = 40
_REDACTED_CHARS: Final = 4_000
_BLANKS: Final = r"""(?:\\[nrt]|[\s_\-"'`\\“”‘’´\x00])+"""


def what_and_value(term: str) -> tuple[str, str]:
    """A term of `Signals.terms` as `Finding.what` and `Finding.value`."""
    head, colon, rest = term.partition(":")
    if colon and head in ("status", "provider", "sign", "phrase"):
        return head, rest
    return "code", rest if colon and head == "innermost" else term


@lru_cache(maxsize=2048)
def pattern_of(what: str, value: str) -> re.Pattern[str] | None:
    """What a code, phrase or status looks like in a raw text; None for what is no text.

    The pieces of a phrase are groups.
    """
    if what == "phrase":
        spelled = []
        for piece in value.split(GAP):
            words = re.split(r"[\s_\-\"'`\\“”‘’´]+", piece.strip())
            spelled.append(f"({_BLANKS.join(re.escape(word) for word in words if word)})")
        return re.compile(rf"[\s\S]{{0,{GAP_WIDTH}}}?".join(spelled), re.IGNORECASE)
    if what == "code":
        shape = re.escape(value).replace("_", "[-_]")
        return re.compile(rf"(?<![A-Za-z0-9_])({shape})(?![A-Za-z0-9_])", re.IGNORECASE)
    if what == "status" and value.isdigit():
        return re.compile(rf"(?<!\d)({value})(?!\d)")
    return None


class Locator:
    """Finds where pieces of evidence stand in one failure, whose places are read once."""

    __slots__ = ("_codes", "_failure", "_known", "_places", "_sources")

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._places = all_places(failure)
        self._sources = sources(failure)
        self._codes = [frozenset(identifiers.in_values([place])) for place in self._places]
        self._known: dict[str, list[Finding]] = {}

    def __call__(self, term: str) -> list[Finding]:
        """The places of `term`, at most three; one finding without a place if there is none."""
        known = self._known.get(term)
        if known is None:
            what, value = what_and_value(term)
            known = list(self._found(what, value))[:3] or [Finding(what, value, "")]
            self._known[term] = known
        return known

    def _found(self, what: str, value: str) -> Iterator[Finding]:
        if what == "status":
            number = structured(self._failure.status)
            wanted = str(self._failure.signals.status)
            if number is not None and str(number) == wanted:
                yield Finding(what, value, "status", wanted)
                return
            pattern = pattern_of(what, wanted)
        else:
            pattern = pattern_of(what, value)
        if pattern is None:
            return
        keyed = [
            place
            for place, codes in zip(self._places, self._codes, strict=True)
            if what == "code" and value in codes
        ]
        for place in keyed or self._places:
            match = pattern.search(place.value)
            if match is not None:
                yield self._finding(what, value, place, match[0])

    def _finding(self, what: str, value: str, place: Place, words: str) -> Finding:
        source = self._sources.get(place.where, place.value)
        start = source.find(words)
        if start < 0:
            return Finding(what, value, place.where, redacted(words))
        end = start + len(words)
        return Finding(what, value, place.where, _excerpt(source, start, end), (start, end))


def _excerpt(text: str, start: int, end: int) -> str:
    """The words from `start` to `end` with a little around, redacted before they are cut."""
    wanted = text[start:end]
    before = max(0, start - _REDACTED_CHARS)
    clean = redacted(text[before : end + _REDACTED_CHARS])
    at = clean.find(wanted)
    around = clean[max(0, at - _EXCERPT_CHARS) : at + len(wanted) + _EXCERPT_CHARS]
    said = around if at >= 0 else redacted(wanted)
    return shortened(visible(" ".join(said.split())), 5 * _EXCERPT_CHARS)
