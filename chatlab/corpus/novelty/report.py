"""Which failures are unlike anything known: scores, clusters and drafts in one report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Final

from chatlab.corpus.novelty.clusters import Cluster, clusters
from chatlab.corpus.novelty.scoring import Reference, Scored
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Rule, observe
from chatlab.text.markup import joined, shortened, table, tag, visible

_MAX_ROWS: Final = 60
_HEAD: Final = ["failure", "novelty", "verdict", "nearest", "because"]
_DRAFTS_HEAD: Final = ["novel", "such as", "text", "proposed", "because"]


class NoveltyReport:
    """Failures compared with a corpus, in the order given. found: one `Scored` a failure."""

    def __init__(self, found: Iterable[Scored], corpus: Mapping[str, Sample]) -> None:
        self.found: Final = tuple(found)
        self._corpus: Final = corpus

    @property
    def novel(self) -> tuple[Scored, ...]:
        """The failures that are unlike every sample."""
        return tuple(one for one in self.found if one.novel)

    @cached_property
    def clusters(self) -> tuple[Cluster, ...]:
        """The novel failures, grouped by similarity, the largest group first; each has a draft."""
        return clusters(self.novel, self._corpus)

    def rows(self) -> list[list[str]]:
        """A row for each failure: see `Scored.row`."""
        return [one.row() for one in self.found]

    def __repr__(self) -> str:
        lines = [f"{len(self.novel)} of {len(self.found)} failures are unlike anything known"]
        lines += [str(one) for one in self.clusters]
        known = [one for one in self.found if not one.novel]
        lines += [f"known: {visible(one.name)}: like {one.nearest[0]}" for one in known[:_MAX_ROWS]]
        if len(known) > _MAX_ROWS:
            lines.append(f"known: {len(known) - _MAX_ROWS} more")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        rows = [[shortened(cell, 120) for cell in row] for row in self.rows()[:_MAX_ROWS]]
        parts: list[str] = [tag("div", repr(self).partition("\n")[0]), table(_HEAD, rows)]
        drafts = [one.row() for one in self.clusters[:_MAX_ROWS]]
        return joined([*parts, table(_DRAFTS_HEAD, drafts)] if drafts else parts)


def score_novelty(
    failures: Mapping[str, object] | Iterable[object],
    corpus: Mapping[str, Sample],
    *,
    rules: Iterable[Rule] = RULES,
) -> NoveltyReport:
    """How unlike every sample of `corpus` each of `failures` is.

    >>> from chatlab import Corpus
    >>> report = score_novelty(["HTTP 529: Overloaded"], Corpus.load())
    >>> report.found[0].novel
    False

    Parameters
    ----------
    failures : mapping or iterable
        Anything that `classify` takes, by name; without names they are numbered from 1.
    corpus : mapping
        Samples by id.
    rules : iterable of Rule, optional
        The rules that give the verdicts.

    Returns
    -------
    NoveltyReport
        For each failure a score from 0 to 1 and the nearest samples; clusters of the novel ones,
        each with a draft sample.
    """
    named = failures.items() if isinstance(failures, Mapping) else _numbered(failures)
    reference = Reference(corpus, rules)
    found = (reference.score(name, observe(one, None)) for name, one in named)
    return NoveltyReport(found, corpus)


def _numbered(failures: Iterable[object]) -> Iterable[tuple[str, object]]:
    return ((f"failure {number}", one) for number, one in enumerate(failures, start=1))
