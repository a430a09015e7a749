"""The fields of a verdict, below everything that puts them into words."""

from __future__ import annotations

from dataclasses import dataclass, field

from chatlab.errors.failure import Failure
from chatlab.errors.kinds import Kind
from chatlab.errors.rules.table import RuleTable


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
        return self.rule != "nothing-failed"
