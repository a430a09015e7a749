"""From anything that was observed to a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from chatlab.errors.failure import Failure
from chatlab.errors.kinds import Kind
from chatlab.errors.observing.objects import look_at
from chatlab.errors.rules import RULES
from chatlab.errors.rules.rule import Rule
from chatlab.errors.rules.table import RuleTable, as_table
from chatlab.errors.verdict import Verdict

UNMATCHED: Final = "unmatched"
"""The `Verdict.rule` of a failure that no rule knows."""

NOTHING_FAILED: Final = "nothing-failed"
"""The `Verdict.rule` of a whole answer, or of a text in which nothing says that a call failed."""

NO_RULE: Final = frozenset({UNMATCHED, NOTHING_FAILED})
"""The values of `Verdict.rule` that say that no rule decided."""


def classify(
    anything: object, provider: str | None = None, rules: RuleTable | Iterable[Rule] = RULES
) -> Verdict:
    """The verdict on `anything`: an exception, response, payload, SSE event, text or `Failure`.

    provider: who the caller says answered; it beats what the text says. rules: the table to
    judge by. Never raises: unknown input is ``generic``, not retryable, with the rule
    ``"unmatched"``. Time is linear in the length of the input.
    """
    table = rules if isinstance(rules, RuleTable) else as_table(rules)
    if type(anything) is Failure and provider is None:
        return judge(anything, table)
    seen = look_at(anything, provider)
    return judge(seen, table) if isinstance(seen, Failure) else seen


def judge(failure: Failure, table: RuleTable) -> Verdict:
    """The verdict of `table` on `failure`: the first row that holds decides."""
    signals = failure.signals_among(table.providers)
    row = table.decide(signals)
    hint = signals.hint
    delay_s, source = (None, None) if hint is None else (hint.delay_s, hint.source)
    if row < 0:
        failed = signals.failed
        return Verdict(
            Kind.GENERIC,
            failed and signals.should_retry is True,
            signals.provider,
            signals.status,
            delay_s if failed else None,
            source if failed else None,
            False,
            UNMATCHED if failed else NOTHING_FAILED,
            failure,
            table,
        )
    rule = table[row]
    retryable = rule.retryable
    if signals.should_retry is not None and (not signals.should_retry or not rule.settled):
        retryable = signals.should_retry
    return Verdict(
        rule.kind,
        retryable,
        None if rule.own_application else signals.provider,
        signals.status,
        delay_s,
        source,
        rule.chain_broken,
        rule.id,
        failure,
        table,
    )
