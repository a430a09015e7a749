"""Why a verdict is what it is: what matched and where, what was tried, what would change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chatlab.errors.explain.evidence import Counterfactual, Finding, RuleTrace
from chatlab.errors.explain.html import explanation_html
from chatlab.errors.explain.locating import Locator, what_and_value
from chatlab.errors.explain.removal import nearest
from chatlab.errors.failure import Failure
from chatlab.errors.judgement import Judgement
from chatlab.errors.rules.table import RuleTable
from chatlab.text.markup import visible

_NO_RULE_KNOWS: Final = "No rule knows this failure."
_NOTHING_FAILED: Final = "Nothing in here says that a call failed."


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that led to a verdict. because: the deciding rule's reason, for people."""

    verdict: Judgement
    because: str
    evidence: tuple[Finding, ...]
    tried: tuple[RuleTrace, ...]
    without_evidence: int
    counterfactual: Counterfactual | None

    def __str__(self) -> str:
        return "\n".join(self._lines())

    __repr__ = __str__

    def _lines(self) -> Iterator[str]:
        verdict = self.verdict
        facts = [str(verdict.kind), "retry" if verdict.retryable else "do not retry"]
        facts += [verdict.provider] if verdict.provider else []
        facts += [f"HTTP {verdict.status_code}"] if verdict.status_code else []
        if verdict.retry_after_s is not None:
            facts.append(f"wait {verdict.retry_after_s:g} s ({verdict.retry_after_source})")
        facts += ["chain broken"] if verdict.chain_broken else []
        yield " · ".join(facts)
        yield f"decided by {verdict.rule}: {self.because}"
        for finding in self.evidence:
            place = f" in {visible(finding.where)}" if finding.where else ""
            excerpt = f": {finding.excerpt}" if finding.excerpt else ""
            yield f"  {finding}{place}{excerpt}"
        for tried in self.tried:
            if tried.outcome != "decided":
                yield f"{tried.outcome}: {tried.rule} ({', '.join(tried.findings)})"
        if self.counterfactual is not None:
            yield str(self.counterfactual)
        yield f"{self.without_evidence} rules before it saw no evidence"

    def _repr_html_(self) -> str:
        return explanation_html(
            self.verdict,
            because=self.because,
            evidence=self.evidence,
            tried=self.tried,
            without_evidence=self.without_evidence,
            counterfactual=self.counterfactual,
        )


def explain(verdict: Judgement) -> Explanation:
    """The explanation of `verdict`; one made on purpose explains itself in a sentence."""
    failure, table = verdict.failure, verdict.rules
    if failure is None or table is None:
        reason = "This verdict was attached on purpose."
        return Explanation(verdict, reason, (), (), 0, None)
    signals = failure.signals_among(table.providers)
    matches = table.matches(signals)
    row = next((n for n, rule in enumerate(table) if rule.id == verdict.rule), len(table))
    unknown = _NO_RULE_KNOWS if verdict.failed else _NOTHING_FAILED
    because = table[row].because if row < len(table) else unknown
    own = [term for term, bits in matches.items() if bits >> row & 1] if row < len(table) else []
    locate = Locator(failure)
    evidence = [finding for term in own for finding in locate(term)]
    evidence += _header_evidence(verdict, failure)
    return Explanation(
        verdict,
        because,
        tuple(evidence),
        tuple(_tried(table, matches, row)),
        sum(not any(bits >> n & 1 for bits in matches.values()) for n in range(row)),
        nearest(verdict, failure, table, matches, locate),
    )


def _header_evidence(verdict: Judgement, failure: Failure) -> list[Finding]:
    word = failure.signals.should_retry
    if word is None or word != verdict.retryable:
        return []
    return [Finding("header", f"x-should-retry: {str(word).lower()}", "headers.x-should-retry")]


def _tried(table: RuleTable, matches: dict[str, int], row: int) -> Iterator[RuleTrace]:
    seen = table.combined(matches.values())
    for number, rule in enumerate(table):
        if not seen.own >> number & 1:
            continue
        names = tuple(_spelled(term) for term, bits in matches.items() if bits >> number & 1)
        if number == row:
            outcome = "decided"
        elif not seen.given >> number & 1:
            outcome = "not given"
        elif seen.unless >> number & 1:
            outcome = "vetoed"
        else:
            outcome = "later"
        yield RuleTrace(rule.id, outcome, names)


def _spelled(term: str) -> str:
    what, value = what_and_value(term)
    return f"{what} `{value}`"
