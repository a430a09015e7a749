"""Whether the rules still give the expected verdicts: by sample, and as tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Rule, Verdict, classify
from chatlab.text.markup import table
from chatlab.text.plain_table import aligned

CHECKED: Final = (
    *("kind", "retryable", "provider", "status_code", "retry_after_s", "chain_broken"),
)
_TOLERANCE_S: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which a verdict differs from what its sample expects."""

    field: str
    expected: object
    got: object

    def __str__(self) -> str:
        return f"{self.field}: expected {_shown(self.expected)}, got {_shown(self.got)}"


@dataclass(frozen=True, slots=True)
class Result:
    """One sample, the verdict on it, and where they differ."""

    sample: Sample
    verdict: Verdict
    differences: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether the verdict is one that the sample accepts."""
        return not self.differences

    def agrees(self, name: str) -> bool:
        """Whether the verdict is right in the field `name`."""
        return all(difference.field != name for difference in self.differences)

    def report(self) -> str:
        """The report of a failing sample: path, expected, got, the rule, how to accept it."""
        where = self.sample.path or self.sample.id
        lines = [f"{where}", *(f"  {difference}" for difference in self.differences)]
        lines += [f"  {line}" for line in str(self.verdict.explain()).splitlines()]
        lines += [f"  to accept this verdict: chatlab corpus accept {self.sample.id}"]
        return "\n".join(lines)


def check_sample(sample: Sample, rules: Iterable[Rule] = RULES) -> Result:
    """The verdict of `rules` on `sample`, compared with what it expects or accepts.

    >>> from chatlab import Corpus
    >>> check_sample(Corpus.load()["anthropic/overloaded-529"]).ok
    True
    """
    verdict = classify(sample.failure, rules=rules)
    differences = []
    for name in CHECKED:
        got, expected = getattr(verdict, name), sample.expected.get(name)
        right = [expected, *sample.accept.get(name, ())]
        if not any(_same(got, one) for one in right):
            differences.append(Difference(name, expected, got))
    return Result(sample, verdict, tuple(differences))


def _same(got: object, right: object) -> bool:
    if isinstance(got, float) and isinstance(right, int | float):
        return abs(got - right) <= _TOLERANCE_S
    return got == right


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)


class Report:
    """The results of a corpus, counted."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.results = tuple(results)

    @property
    def unexpected(self) -> tuple[Result, ...]:
        """Wrong results that are not known misses, and known misses that are right."""
        return tuple(one for one in self.results if one.ok == (one.sample.known_miss is not None))

    def agreement(self, name: str, among: Iterable[Result] | None = None) -> float:
        """The share, from 0 to 1, of results that are right in the field `name`."""
        chosen = list(self.results if among is None else among)
        return sum(one.agrees(name) for one in chosen) / len(chosen) if chosen else 1.0

    def by(self, key: Callable[[Sample], str]) -> dict[str, list[Result]]:
        """The results grouped by a property of their samples, sorted by its value."""
        groups: dict[str, list[Result]] = {}
        for one in self.results:
            groups.setdefault(key(one.sample), []).append(one)
        return dict(sorted(groups.items()))

    def confusion(self) -> Mapping[tuple[str, str], int]:
        """How many samples of each expected kind got each kind."""
        return Counter(
            (str(one.sample.expected["kind"]), str(one.verdict.kind))
            if not one.agrees("kind")
            else (str(one.verdict.kind), str(one.verdict.kind))
            for one in self.results
        )

    def rows(self) -> list[list[str]]:
        """Agreement by kind, provider and surface: group, samples, kind, retry decision, all."""
        groups: dict[str, list[Result]] = {"all": list(self.results)}
        for title, key in _GROUPS.items():
            groups |= {f"{title} {value}": found for value, found in self.by(key).items()}
        return [
            [
                name,
                str(len(found)),
                f"{self.agreement('kind', found):.1%}",
                f"{self.agreement('retryable', found):.1%}",
                f"{sum(one.ok for one in found) / len(found):.1%}" if found else "",
            ]
            for name, found in groups.items()
        ]

    def confusion_rows(self) -> list[list[str]]:
        """The confusion table: a row an expected kind, a column a kind that was given."""
        counts = self.confusion()
        kinds = sorted({kind for pair in counts for kind in pair})
        rows = [["expected \\ got", *kinds]]
        rows += [
            [wanted, *(str(counts.get((wanted, got), 0) or ".") for got in kinds)]
            for wanted in kinds
        ]
        return rows

    def __repr__(self) -> str:
        lines = [*aligned([_HEAD, *self.rows()]), "", *aligned(self.confusion_rows())]
        misses = [one for one in self.results if one.sample.known_miss]
        lines += [f"known miss: {one.sample.id}: {one.sample.known_miss}" for one in misses]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        confusion = self.confusion_rows()
        return f"{table(_HEAD, self.rows())}{table(confusion[0], confusion[1:])}"


_HEAD: Final = ["group", "samples", "kind", "retry decision", "whole verdict"]
_GROUPS: Final[dict[str, Callable[[Sample], str]]] = {
    "kind": lambda sample: str(sample.expected.get("kind")),
    "provider": lambda sample: sample.provider or "unknown",
    "surface": lambda sample: sample.surface,
}


def check(samples: Iterable[Sample], rules: Iterable[Rule] = RULES) -> Report:
    """The report of `rules` on `samples`.

    >>> from chatlab import Corpus
    >>> round(check(Corpus.load().values()).agreement("kind"), 2)
    1.0

    Parameters
    ----------
    samples : iterable of Sample
        The samples to judge.
    rules : iterable of Rule, optional
        The rules that judge them.

    Returns
    -------
    Report
        One result a sample; counts and tables of them.
    """
    return Report(check_sample(sample, rules) for sample in samples)
