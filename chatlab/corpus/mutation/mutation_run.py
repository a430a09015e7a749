"""Runs mutants of the rules on the samples and on the documents: which are detected, and by which.

A mutant is detected when a verdict turns from right to wrong: on a sample, or on a documented fact
or a line of the written contract. The two scores are reported apart. Documents are made from the
rules' own facts, so that deleting a fact is always detected by them; only samples are independent.
Facts cannot detect another kind or decision of a rule: they name the rule, and expect its verdict,
whatever it is. Nothing is compiled for a mutant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from chatlab.corpus.mutation.documented_facts import outcome
from chatlab.corpus.mutation.mutants import (
    CHANGE_KIND,
    DELETE_FACT,
    DELETE_RULE,
    DROP_GIVEN,
    DROP_UNLESS,
    FLIP,
    OPERATORS,
    SWAP,
    Mutant,
    mutants,
)
from chatlab.corpus.mutation.probes import Probe, documented_probes, first_of, probes
from chatlab.corpus.mutation.rule_coverage import bit_of, decided_without, term_of
from chatlab.corpus.sample import Sample
from chatlab.errors import RULES, Rule, RuleTable
from chatlab.errors.rules.table import as_table
from chatlab.text.markup import joined, table, tag, visible
from chatlab.text.plain_table import aligned

_Change = tuple[Probe, Rule | None, Rule | None]
_HEAD: Final = [
    "operator",
    "mutants",
    "by samples",
    "by documents",
    "equivalent",
    "survived",
    "score by samples",
    "score by documents",
]


@dataclass(frozen=True, slots=True)
class Trial:
    """The result of one mutant.

    samples, documents: the ids of those that turn wrong. equivalent: why no failure can detect it,
    or empty. reason: why it survived, or empty.
    """

    mutant: Mutant
    samples: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    equivalent: str = ""
    reason: str = ""

    @property
    def detected(self) -> bool:
        """Whether a sample or something documented turns wrong."""
        return bool(self.samples or self.documents)

    @property
    def survived(self) -> bool:
        """Whether nothing detects it, although a failure could."""
        return not self.detected and not self.equivalent


class Mutation:
    """All trials, counted. Equivalent mutants are counted apart and in no score.

    Each score is a share from 0 to 1 of the mutants that are not equivalent.
    """

    def __init__(self, trials: Iterable[Trial]) -> None:
        self.trials: Final = tuple(trials)

    @property
    def score_by_samples(self) -> float:
        """The share that samples detect."""
        return _share(self.trials, lambda one: bool(one.samples))

    @property
    def score_by_samples_of_rows(self) -> float:
        """The share that samples detect of the mutants that do not delete a documented piece."""
        rows = [one for one in self.trials if one.mutant.operator != DELETE_FACT]
        return _share(rows, lambda one: bool(one.samples))

    @property
    def score_by_documents(self) -> float:
        """The share that documents detect."""
        return _share(self.trials, lambda one: bool(one.documents))

    @property
    def survivors(self) -> tuple[Trial, ...]:
        """The trials of mutants that nothing detects."""
        return tuple(one for one in self.trials if one.survived)

    @property
    def equivalents(self) -> tuple[Trial, ...]:
        """The trials of mutants that behave like the rules on every failure."""
        return tuple(one for one in self.trials if one.equivalent)

    def rows(self) -> list[list[str]]:
        """A row for each operator, and one for all: see the head of the table."""
        groups: dict[str, Sequence[Trial]] = {
            operator: [one for one in self.trials if one.mutant.operator == operator]
            for operator in OPERATORS
        }
        return [_row(name, found) for name, found in [*groups.items(), ("all", self.trials)]]

    def summary(self) -> str:
        """Two sentences in numbers."""
        count = len(self.trials) - len(self.equivalents)
        return (
            f"Samples detect {self.score_by_samples:.1%} of {count} mutants, and "
            f"{self.score_by_samples_of_rows:.1%} of those that do not delete a documented piece. "
            f"Documents, which are made from the rules, detect {self.score_by_documents:.1%}; "
            f"{len(self.survivors)} mutants survive, {len(self.equivalents)} more are equivalent."
        )

    def __repr__(self) -> str:
        lines = [*aligned([_HEAD, *self.rows()]), "", self.summary()]
        for title, found in (("survived", self.survivors), ("equivalent", self.equivalents)):
            lines += ["", *(f"{title}: {visible(str(one.mutant))}: {_why(one)}" for one in found)]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        found = [
            [title, str(one.mutant), _why(one)]
            for title, some in (("survived", self.survivors), ("equivalent", self.equivalents))
            for one in some
        ]
        listed = tag("details", tag("summary", "survivors"), table(["", "mutant", "why"], found))
        return joined([table(_HEAD, self.rows()), tag("p", self.summary()), listed])


def mutate(samples: Iterable[Sample], rules: Iterable[Rule] = RULES) -> Mutation:
    """Every mutant of `rules`, run on the `samples` that are right today and on the documents.

    Parameters
    ----------
    samples : iterable of Sample
        Known misses are left out.
    rules : iterable of Rule, optional
        The rules that are mutated.
    """
    table = as_table(rules)
    bench = _MutantRunner(table, (*probes(samples, table), *documented_probes(table)))
    return Mutation(bench.tried(mutant) for mutant in mutants(table))


class _MutantRunner:
    """Rules and their probes, indexed by the row that decides and by evidence."""

    def __init__(self, rules: RuleTable, tried_on: Iterable[Probe]) -> None:
        self._rules = rules
        self._rows = {rule.id: row for row, rule in enumerate(rules)}
        self._seen: dict[str, list[Probe]] = {name: [] for name in self._rows}
        self._decided: dict[str, list[Probe]] = {name: [] for name in self._rows}
        self._by_term: dict[str, list[Probe]] = {}
        for probe in tried_on:
            for name, row in self._rows.items():
                if probe.seen.own & probe.scope & 1 << row:
                    self._seen[name].append(probe)
            decided = probe.decided(rules)
            if decided is not None:
                self._decided[decided.id].append(probe)
            for term in probe.matches:
                self._by_term.setdefault(term, []).append(probe)

    def tried(self, mutant: Mutant) -> Trial:
        """The result of `mutant`."""
        changes = [change for change in self._changes(mutant) if change[1] is not change[2]]
        wrong = [probe for probe, _, after in changes if not probe.right(after)]
        samples = tuple(probe.id for probe in wrong if probe.is_sample)
        documents = tuple(dict.fromkeys(probe.id for probe in wrong if not probe.is_sample))
        if wrong:
            return Trial(mutant, samples, documents)
        equivalent = mutant.equivalence(self._rules)
        if equivalent:
            return Trial(mutant, equivalent=equivalent)
        return Trial(mutant, reason=self._reason(mutant, changes))

    def _changes(self, mutant: Mutant) -> Iterator[_Change]:
        """The probes that the change affects, each with the rule that decided and decides now."""
        rules, row = self._rules, self._rows[mutant.rule]
        bit = 1 << row
        if mutant.piece is not None:
            term, bit = term_of(mutant.piece), bit_of(mutant.piece, self._rows)
            for probe in self._by_term.get(term, ()):
                if probe.matches[term] & bit:
                    yield probe, probe.decided(rules), decided_without(probe, rules, term, bit)
        elif mutant.operator in (DROP_GIVEN, DROP_UNLESS):
            for probe in self._seen[mutant.rule]:
                other = probe.seen.given if mutant.operator == DROP_UNLESS else ~probe.seen.unless
                now = probe.holding | (bit & other)
                yield probe, probe.decided(rules), first_of(rules, now)
        else:
            for probe in self._decided[mutant.rule]:
                if mutant.operator == DELETE_RULE:
                    yield probe, rules[row], probe.decided_without(rules, bit)
                elif mutant.operator == SWAP and probe.holding & bit << 1:
                    yield probe, rules[row], rules[row + 1]
                elif mutant.operator in (FLIP, CHANGE_KIND) and not probe.names_rule:
                    yield probe, rules[row], mutant.changed(rules[row])

    def _shown(self, mutant: Mutant) -> bool:
        if mutant.piece is None:
            return bool(self._seen[mutant.rule])
        return term_of(mutant.piece) in self._by_term

    def _reason(self, mutant: Mutant, changes: Sequence[_Change]) -> str:
        if mutant.operator == SWAP and not changes:
            following = self._rules[self._rows[mutant.rule] + 1].id
            return f"no sample shows evidence of both it and {following}"
        if mutant.operator in (FLIP, CHANGE_KIND):
            if not changes:
                return "no sample is decided by it"
            return f"its samples accept both answers: {changes[0][0].id}"
        if not changes:
            beside = mutant.operator == DROP_UNLESS or (
                mutant.piece is not None and mutant.piece.part == "unless."
            )
            if beside or not self._shown(mutant):
                return f"no sample shows {'it beside the evidence of its rule' if beside else 'it'}"
            return "wherever it shows, another piece of the row or an earlier rule decides"
        names = {"no rule" if after is None else after.id for _, _, after in changes}
        same = all(outcome(before) == outcome(after) for _, before, after in changes)
        says = (
            "same kind and decision as" if same else "where it shows, samples also accept that of"
        )
        return f"{says} what takes over: {', '.join(sorted(names))}"


def _why(trial: Trial) -> str:
    return trial.equivalent or trial.reason


def _share(trials: Iterable[Trial], detects: Callable[[Trial], bool]) -> float:
    counted = [one for one in trials if not one.equivalent]
    return sum(map(detects, counted)) / len(counted) if counted else 1.0


def _row(name: str, trials: Sequence[Trial]) -> list[str]:
    counts = (
        len(trials),
        sum(bool(one.samples) for one in trials),
        sum(bool(one.documents) for one in trials),
        sum(bool(one.equivalent) for one in trials),
        sum(one.survived for one in trials),
    )
    by_samples = _share(trials, lambda one: bool(one.samples))
    by_documents = _share(trials, lambda one: bool(one.documents))
    return [name, *map(str, counts), f"{by_samples:.1%}", f"{by_documents:.1%}"]
