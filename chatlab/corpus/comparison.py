"""The verdicts of two versions of the rules, sample by sample."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatlab.corpus.checking import CHECKED
from chatlab.corpus.sample import Sample, SampleError
from chatlab.errors import RULES, Failure, Rule, RuleTable, classify
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import table, visible

Answers = Mapping[str, Mapping[str, object]]
"""By the id of the sample, what was said of it, in the fields of ``classify --jsonl``."""

_COMPARED: Final = (*CHECKED, "rule")
_TOLERANCE_S: Final = 1e-6
_HEAD: Final = ["sample", "field", "before", "after", "the sample expects"]


@dataclass(frozen=True, slots=True)
class Change:
    """A sample of which two versions do not say the same.

    before, after: the compared fields: kind, retryable, provider, status_code, retry_after_s,
    chain_broken and rule.
    """

    sample: Sample
    before: Mapping[str, object]
    after: Mapping[str, object]

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields in which the verdicts differ, without the rule; empty if only that does."""
        return tuple(name for name in self._different() if name != "rule")

    def turned(self) -> str:
        """``"right"`` or ``"wrong"`` where the sample says that the change made it so."""
        was, now = (self._right(said) for said in (self.before, self.after))
        return "" if was == now else "right" if now else "wrong"

    def rows(self) -> Iterator[list[str]]:
        """A row for each field that differs; the rule last."""
        for name in self._different():
            expected = "" if name == "rule" else _shown(self.sample.expected.get(name))
            was, now = _shown(self.before.get(name)), _shown(self.after.get(name))
            yield [self.sample.id, name, was, now, expected]

    def _different(self) -> Iterator[str]:
        for name in _COMPARED:
            if name in self.before and name in self.after:
                was, now = self.before[name], self.after[name]
                both = isinstance(was, int | float) and isinstance(now, int | float)
                if abs(was - now) > _TOLERANCE_S if both else was != now:  # type: ignore[operator]
                    yield name

    def _right(self, said: Mapping[str, object]) -> bool:
        expected, accept = self.sample.expected, self.sample.accept
        return all(
            said[name] == expected.get(name) or said[name] in accept.get(name, ())
            for name in CHECKED
            if name in said
        )


class Diff:
    """What differs between two versions: as a table, and true when anything does.

    changes: of verdicts. moved: the same verdict, made by another rule. unanswered: ids of which
    one version says nothing. compared: how many samples both spoke of.
    """

    def __init__(self, samples: Iterable[Sample], before: Answers, after: Answers) -> None:
        self.changes: tuple[Change, ...] = ()
        self.moved: tuple[Change, ...] = ()
        self.unanswered: tuple[str, ...] = ()
        self.compared = 0
        for sample in samples:
            was, now = before.get(sample.id), after.get(sample.id)
            if was is None or now is None:
                self.unanswered += (sample.id,)
                continue
            self.compared += 1
            change = Change(sample, was, now)
            if change.fields:
                self.changes += (change,)
            elif was.get("rule") != now.get("rule"):
                self.moved += (change,)

    def __bool__(self) -> bool:
        return bool(self.changes or self.unanswered)

    def rows(self) -> list[list[str]]:
        """A row for each field of each changed verdict: sample, field, before, after, expected."""
        return [row for change in self.changes for row in change.rows()]

    def summary(self) -> str:
        """One sentence in numbers."""
        turned = [change.turned() for change in self.changes]
        said = (
            f"{self.compared} samples compared, {len(self.changes)} verdicts differ "
            f"({turned.count('wrong')} turned wrong, {turned.count('right')} turned right), "
            f"{len(self.moved)} come from another rule with the same verdict"
        )
        return f"{said}, {len(self.unanswered)} unanswered" if self.unanswered else said

    def __repr__(self) -> str:
        lines = []
        for change in self.changes:
            turned = change.turned()
            lines.append(f"{change.sample.id}{f': turned {turned}' if turned else ''}")
            lines += [
                f"  {name}: {was} -> {now}{f' (expected {wanted})' if wanted else ''}"
                for _, name, was, now, wanted in change.rows()
            ]
        lines += [f"{name}: unanswered by one of the two" for name in self.unanswered]
        return "\n".join([*lines, self.summary()])

    def _repr_html_(self) -> str:
        return f"{table(_HEAD, self.rows())}{table([self.summary()], [])}"


def diff(
    samples: Iterable[Sample],
    before: Answers | RuleTable | Iterable[Rule],
    after: Answers | RuleTable | Iterable[Rule] = RULES,
) -> Diff:
    """The verdicts on `samples` that differ between two versions of the rules.

    >>> from chatlab import Corpus
    >>> bool(diff(Corpus.load().values(), RULES, RULES))
    False

    Parameters
    ----------
    samples : iterable of Sample
        The samples to judge.
    before, after : rules, or mapping
        Each version as rules, or as answers by id: see `read_answers`.

    Returns
    -------
    Diff
        True when a verdict differs, or a version has no answer for a sample.
    """
    known = list(samples)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return Diff(known, before, after)
    failures = {sample.id: sample.failure for sample in known}
    was, now = (
        version if isinstance(version, Mapping) else _judged(version, failures)
        for version in (before, after)
    )
    return Diff(known, was, now)


def answers_of(rules: Iterable[Rule], samples: Iterable[Sample]) -> Answers:
    """What `rules` say of each of `samples`."""
    return _judged(rules, {sample.id: sample.failure for sample in samples})


def read_answers(path: Path) -> Answers:
    """The answers in a file of ``classify --jsonl``; `SampleError` names the line that is wrong."""
    return answers_in(path.read_text(encoding="utf-8", errors="replace"), str(path))


def answers_in(text: str, where: str) -> Answers:
    """The answers in JSON Lines; `where` names them in a `SampleError`."""
    answers: dict[str, dict[str, object]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            said = json.loads(line)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict) or not isinstance(said.get("id"), str) or "kind" not in said:
            raise SampleError(
                f"{where}: line {number}: {visible(line[:60])!r} is not an answer; give what "
                "`chatlab corpus export | chatlab classify --jsonl` wrote"
            )
        answers[said["id"]] = {name: said[name] for name in _COMPARED if name in said}
    if not answers:
        raise SampleError(f"{where}: the file is empty; give one that `classify --jsonl` wrote")
    return answers


def _judged(rules: Iterable[Rule], failures: Mapping[str, Failure]) -> Answers:
    judged = as_table(rules)
    answers: dict[str, dict[str, object]] = {}
    for name, failure in failures.items():
        verdict = classify(failure, rules=judged)
        said = {field: getattr(verdict, field) for field in _COMPARED}
        answers[name] = {**said, "kind": str(verdict.kind)}
    return answers


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value)
