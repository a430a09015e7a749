"""One scan for all phrases of a table, and which of them count where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chatlab.errors.reading.text.assertion import is_denied, is_setting, is_supposed, stands_alone
from chatlab.errors.reading.text.phrases import in_order, same_run
from chatlab.errors.rules.scopes import Scope
from chatlab.text.matcher import compile_matcher

_MANY: Final = 256
"""From how many matches on it pays to leave out those that cannot matter."""


class PhraseScan:
    """The pieces of all phrases in one matcher.

    Parameters
    ----------
    index
        The number of each piece.
    parts_of_gapped
        The numbers of the pieces of phrases that have several.
    own
        The bits of the rows' own evidence.
    """

    __slots__ = ("_edges", "_matcher", "_own", "_parts", "_single")

    def __init__(self, index: Mapping[str, int], parts_of_gapped: frozenset[int], own: int) -> None:
        self._own: Final = own
        self._parts: Final = parts_of_gapped
        self._single: Final = frozenset(
            number for piece, number in index.items() if piece.isalpha() and piece.isascii()
        )
        self._edges: Final = [(same_run(piece[0]), same_run(piece[-1])) for piece in index]
        self._matcher: Final = compile_matcher(list(index))

    def read(
        self,
        words: str,
        scope: Scope,
        *,
        prose: bool,
        heard: dict[tuple[int, ...], int] | None = None,
    ) -> int:
        """The bits of the phrases in `words`, which begin and end with a blank.

        prose: whether the words are nobody's error sentence, so that only an assertion counts.
        heard: filled with the bits of each phrase, by the numbers of its pieces.
        """
        bits = 0
        single = self._single
        parts, whole, edges = self._parts, scope.whole, self._edges
        hits: dict[int, list[tuple[int, int]]] = {}
        done: set[int] = set()
        matches = self._matcher.find_matches_as_indexes(words, overlapping=True)
        if len(matches) > _MANY:
            matches = _that_matter(matches, scope)
        for number, start, end in matches:
            if number in done:
                continue
            before, after = edges[number]
            if words[start - 1] in before or words[end] in after:
                continue
            gained = whole[number]
            if gained:
                if (
                    (
                        number in single
                        and (
                            is_setting(words, end)
                            or (prose and not stands_alone(words, start, end))
                        )
                    )
                    or is_denied(words, start)
                    or (prose and is_supposed(words, start, end))
                ):
                    gained &= ~self._own  # it still tells what another piece needs, or forbids
                bits |= gained
                if heard is not None and gained:
                    heard[(number,)] = heard.get((number,), 0) | gained
            if number in parts:
                hits.setdefault(number, []).append((start, end))
            elif gained == whole[number]:
                done.add(number)
        for last in hits.keys() & scope.gapped.keys() if hits else ():
            for gapped in scope.gapped[last]:
                places = [hits.get(part, []) for part in gapped.parts]
                if all(places) and in_order(places, words):
                    bits |= gapped.bits
                    if heard is not None:
                        heard[gapped.parts] = gapped.bits
        return bits


def _that_matter(matches: list[tuple[int, int, int]], scope: Scope) -> list[tuple[int, int, int]]:
    """`matches` without the pieces of phrases of which another piece is nowhere."""
    present = {number for number, _, _ in matches}
    wanted = {number for number in present if scope.whole[number]}
    for last in present & scope.gapped.keys():
        for gapped in scope.gapped[last]:
            if present.issuperset(gapped.parts):
                wanted.update(gapped.parts)
    return [match for match in matches if match[0] in wanted]
