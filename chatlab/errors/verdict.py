"""What a failure means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from chatlab.errors.explain import messages
from chatlab.errors.judgement import Judgement

if TYPE_CHECKING:
    from chatlab.errors.explain.evidence import Finding
    from chatlab.errors.explain.explanation import Explanation


class _Printer(Protocol):
    """What IPython hands to a pretty repr."""

    def text(self, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Verdict(Judgement):
    """The answer of `classify`.

    Parameters
    ----------
    kind
        What went wrong.
    retryable
        Whether the same call may pass later.
    provider
        Who answered; None when that is not known.
    status_code
        The HTTP status.
    retry_after_s, retry_after_source
        The seconds that the provider asks to wait, and where it says so.
    chain_broken
        Whether the previous response id is lost.
    rule
        The id of the row that decided; ``"attached"`` for a verdict made on purpose.
    failure, rules
        What it was made from, if anything: words and evidence are worked out from them, once,
        when they are asked for.

    Examples
    --------
    >>> from chatlab import classify
    >>> verdict = classify("Error code: 429 - {'error': {'code': 'insufficient_quota'}}")
    >>> print(verdict.explain().counterfactual)
    without the code `insufficient_quota` it would be `rate_limit`, retryable
    """

    _explanation: Explanation | None = field(default=None, init=False, repr=False, compare=False)
    _detail: str | None = field(default=None, init=False, repr=False, compare=False)

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
        if self._detail is None:
            from chatlab.errors.reading.provider_message import detail

            said = "" if self.failure is None else detail(self.failure, self.kind)
            object.__setattr__(self, "_detail", said)
        return self._detail or ""

    @property
    def evidence(self) -> tuple[Finding, ...]:
        """What made the deciding rule hold, and where in the failure it stands."""
        return self.explain().evidence

    def explain(self) -> Explanation:
        """The rules that were tried, what matched where, and the nearest other verdict."""
        if self._explanation is None:
            from chatlab.errors.explain.explanation import explain

            object.__setattr__(self, "_explanation", explain(self))
        assert self._explanation is not None
        return self._explanation

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
        return self.explain()._repr_html_()
