"""Failures by which a changed rule table is judged, with all they show of the table found once.

What decides on a failure follows from the pieces of evidence in it and the rows they speak for. So
a table with something taken away need not be compiled: the same pieces are put together again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from chatlab.corpus.checking import check_sample
from chatlab.corpus.mutation.documented_facts import facts_of, outcome, showings
from chatlab.corpus.mutation.precedence import Precedence, contract
from chatlab.corpus.sample import Sample
from chatlab.errors import Rule, RuleTable
from chatlab.errors.reading.signals import Signals
from chatlab.errors.rules.table import Seen, lowest


@dataclass(frozen=True, slots=True)
class Probe:
    """A failure and which verdicts on it are right.

    id: of the sample, or the documented fact. matches: each piece of evidence in it with the bits
    of the rows it speaks for. scope: the bits of the rows that may decide. right: whether the
    verdict of a rule, or of none, is right. is_sample: a sample, not a documented fact.
    names_rule: right means the verdict of its rule, whatever that is.
    """

    id: str
    matches: Mapping[str, int]
    seen: Seen
    scope: int
    right: Callable[[Rule | None], bool] = field(repr=False, compare=False)
    is_sample: bool
    names_rule: bool = False

    @property
    def holding(self) -> int:
        """The bits of the rows that hold."""
        return self.seen.holding & self.scope

    def decided(self, rules: RuleTable) -> Rule | None:
        """The rule that decides, None when no rule holds."""
        return first_of(rules, self.holding)

    def decided_without(self, rules: RuleTable, row_bit: int) -> Rule | None:
        """The rule that decides when that row is deleted."""
        return first_of(rules, self.seen.without(row_bit).holding & self.scope)


def first_of(rules: RuleTable, bits: int) -> Rule | None:
    """The first rule among `bits`, None when there is none."""
    return rules[lowest(bits)] if bits else None


def probes(samples: Iterable[Sample], rules: RuleTable) -> Iterator[Probe]:
    """A probe of each sample that is right today; of known misses none."""
    everywhere = (1 << len(rules)) - 1
    for sample in samples:
        if check_sample(sample, rules).ok:
            signals = sample.failure.signals
            right = _right_of_sample(sample, signals)
            yield _probe(sample.id, signals, rules, everywhere, right, is_sample=True)


def documented_probes(rules: RuleTable) -> Iterator[Probe]:
    """A probe of each documented fact and each clause of the contract that hold today."""
    everywhere = (1 << len(rules)) - 1
    rows = {rule.id: 1 << row for row, rule in enumerate(rules)}
    for rule, fact in facts_of(rules):
        for showing in showings(rule, fact):
            right = _right_by_name(rule, showing.holds if showing.alone else None)
            scope = rows[rule.id] if showing.alone else everywhere
            signals = showing.failure.signals
            probe = _probe(str(showing), signals, rules, scope, right, names_rule=True)
            if probe.right(probe.decided(rules)):
                yield probe
    for clause in contract():
        signals = clause.failure.signals
        right = _right_by_contract(clause)
        probe = _probe(str(clause), signals, rules, everywhere, right)
        if probe.right(probe.decided(rules)):
            yield probe


def _probe(
    name: str,
    signals: Signals,
    rules: RuleTable,
    scope: int,
    right: Callable[[Rule | None], bool],
    *,
    is_sample: bool = False,
    names_rule: bool = False,
) -> Probe:
    matches = rules.matches(signals)
    seen = rules.combined(matches.values())
    return Probe(name, matches, seen, scope, right, is_sample, names_rule)


def _right_of_sample(sample: Sample, signals: Signals) -> Callable[[Rule | None], bool]:
    def right(rule: Rule | None) -> bool:
        kind, retryable, chain_broken = outcome(rule)
        word = signals.should_retry
        if word is not None and (not word or rule is None or not rule.settled):
            retryable = word
        got = {
            "kind": kind,
            "retryable": retryable,
            "chain_broken": chain_broken,
            "provider": None if rule is not None and rule.own_application else signals.provider,
        }
        return all(
            value == sample.expected.get(name) or value in sample.accept.get(name, ())
            for name, value in got.items()
        )

    return right


def _right_by_contract(clause: Precedence) -> Callable[[Rule | None], bool]:
    def right(rule: Rule | None) -> bool:
        names_provider = rule is None or not rule.own_application
        same = outcome(rule)[:2] == (clause.kind, clause.retryable)
        return same and names_provider == clause.names_provider

    return right


def _right_by_name(named: Rule, holds: bool | None) -> Callable[[Rule | None], bool]:
    """Of a fact: the verdict of `named`; with `holds`, whether the rule itself decides."""
    if holds is None:
        return lambda rule: outcome(rule) == outcome(named)
    return lambda rule: (rule is not None and rule.id == named.id) == holds
