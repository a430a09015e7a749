"""From anything that was observed to a verdict."""

from __future__ import annotations

from collections.abc import Iterable

from chatlab.errors.failure import Failure
from chatlab.errors.observing.objects import look_at
from chatlab.errors.rules import RULES
from chatlab.errors.rules.rule import Rule
from chatlab.errors.rules.table import RuleTable, as_table
from chatlab.errors.verdict import Verdict


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
        return Verdict.of(anything, table)
    seen = look_at(anything, provider)
    return Verdict.of(seen, table) if isinstance(seen, Failure) else seen
