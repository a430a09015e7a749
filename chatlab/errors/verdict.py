"""What a failure means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatlab.errors.explain import messages
from chatlab.errors.kinds import Kind

if TYPE_CHECKING:
    from chatlab.errors.explain.explanation import Explanation, Finding
    from chatlab.errors.failure import Failure
    from chatlab.errors.rules.table import RuleTable


class _Printer(Protocol):
    """What IPython hands to a pretty repr."""

    def text(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of `classify`.

    kind: what went wrong. retryable: whether the same call may pass later. provider: who
    answered, None when unknown. status_code: HTTP. retry_after_s: seconds that the provider asks
    to wait; retry_after_source says where. chain_broken: the previous response id is lost.
    rule: the id of the row that decided; ``"attached"`` for a verdict made on purpose.
    failure and rules, when there are any, are what it was made from: the words and the evidence
    are worked out from them on demand.
    """

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

    @property
    def message(self) -> str:
        """What failed and what the person can do; one or two sentences."""
        return messages.message(self)

    @property
    def retry_message(self) -> str:
        """The bare fact, fit for a countdown."""
        return messages.retry_message(self)

    @property
    def detail(self) -> str:
        """What the provider said, cleaned, at most 500 characters; ``""`` when it said nothing."""
        if self.failure is None:
            return ""
        from chatlab.errors.reading.provider_message import detail

        return detail(self.failure, self.kind)

    @property
    def evidence(self) -> tuple[Finding, ...]:
        """What made the deciding rule hold, and where in the failure it stands."""
        return self.explain().evidence

    def explain(self) -> Explanation:
        """The rules that were tried, what matched where, and the nearest other verdict."""
        from chatlab.errors.explain.explanation import explain

        return explain(self)

    def as_dict(self) -> dict[str, object]:
        """The verdict as JSON types, in the field order of ``classify --jsonl``."""
        return {
            "kind": str(self.kind),
            "retryable": self.retryable,
            "provider": self.provider,
            "status_code": self.status_code,
            "retry_after_s": self.retry_after_s,
            "chain_broken": self.chain_broken,
            "message": self.message,
            "retry_message": self.retry_message,
            "detail": self.detail,
            "rule": self.rule,
        }

    def __str__(self) -> str:
        todo = "retry" if self.retryable else "stop"
        return f"{self.kind.label}: {todo}. {self.message}"

    def _repr_pretty_(self, printer: _Printer, cycle: bool) -> None:
        printer.text(f"{self.message}\n{self.explain()}")

    def _repr_html_(self) -> str:
        from chatlab.errors.explain.html import verdict_html

        return verdict_html(self)
