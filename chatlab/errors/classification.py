"""From anything that was observed to a verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from chatlab.errors.failure import Failure
from chatlab.errors.observing.objects import look_at
from chatlab.errors.rules import RULES
from chatlab.errors.rules.rule import Rule
from chatlab.errors.rules.table import RuleTable, as_table
from chatlab.errors.verdict import Verdict


def classify(
    anything: object,
    provider: str | None = None,
    rules: RuleTable | Iterable[Rule] = RULES,
    *,
    now: datetime | None = None,
) -> Verdict:
    """The verdict on `anything` that a failed call left behind.

    Never raises, and takes time linear in the length of the input.

    Parameters
    ----------
    anything
        An exception, a response, a payload, an SSE event, a text, a record of a tool, a `Failure`.
    provider
        Who answered, where the caller knows; it beats what the text says.
    rules
        The table to judge by.
    now
        When the response was seen: a date in ``retry-after`` counts from then, where the response
        has no ``Date`` of its own.

    Returns
    -------
    Verdict
        Unknown input is ``generic``, not retryable, with the rule ``"unmatched"``. Where nothing
        failed, a whole answer for example, `Verdict.failed` is False.

    Examples
    --------
    >>> verdict = classify("Error code: 429 - {'error': {'code': 'insufficient_quota'}}")
    >>> verdict.kind, verdict.retryable
    (<Kind.USAGE_LIMIT: 'usage_limit'>, False)
    >>> classify({"choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}).failed
    False
    """
    table = rules if isinstance(rules, RuleTable) else as_table(rules)
    if type(anything) is Failure and provider is None and now is None:
        return Verdict.of(anything, table)
    seen = look_at(anything, provider)
    if now is not None and isinstance(seen, Failure):
        seen = replace(seen, seen_at=now)
    return Verdict.of(seen, table) if isinstance(seen, Failure) else seen
