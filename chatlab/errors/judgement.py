"""The fields of a verdict, below everything that puts them into words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Self

from chatlab.errors.failure import Failure
from chatlab.errors.kinds import Kind
from chatlab.errors.rules.table import RuleTable

UNMATCHED: Final = "unmatched"
"""The `Verdict.rule` of a failure that no rule knows."""

NOTHING_FAILED: Final = "nothing-failed"
"""The `Verdict.rule` of a whole answer, or of a text in which nothing says that a call failed."""

NO_RULE: Final = frozenset({UNMATCHED, NOTHING_FAILED})
"""The values of `Verdict.rule` that say that no rule decided."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What was decided, and what it was decided from; `chatlab.Verdict` documents the fields."""

    kind: Kind
    retryable: bool
    provider: str | None = None
    status_code: int | None = None
    retry_after_s: float | None = None
    retry_after_source: str | None = None
    chain_broken: bool = False
    rule: str = "attached"
    failure: Failure | None = field(default=None, repr=False, compare=False)
    rules: RuleTable | None = field(default=None, repr=False, compare=False)

    @property
    def failed(self) -> bool:
        """Whether anything failed: False for a whole answer and for a text that tells of none."""
        return self.rule != NOTHING_FAILED

    @property
    def origin(self) -> str | None:
        """Whose act it was: ``"provider"``, ``"transport"``, ``"caller"`` or ``"reader"``.

        None where no rule decided, or the verdict was made on purpose.
        """
        if self.rules is None or self.rule in NO_RULE:
            return None
        return self.rules.named(self.rule).actor

    @classmethod
    def of(cls, failure: Failure, table: RuleTable) -> Self:
        """What `table` decides on `failure`: the first row that holds."""
        signals = failure.signals_among(table.providers)
        row = table.decide(signals)
        hint = signals.hint
        delay_s, source = (None, None) if hint is None else (hint.delay_s, hint.source)
        if row < 0:
            failed = signals.failed
            return cls(
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
        return cls(
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
