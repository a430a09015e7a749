"""What an explanation is made of: pieces of evidence, rules with evidence, another verdict."""

from __future__ import annotations

from dataclasses import dataclass

from chatlab.errors.kinds import Kind
from chatlab.errors.reading.derived import SIGNS


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of evidence and where it stands.

    what: ``code``, ``phrase``, ``status``, ``sign``, ``provider`` or ``header``. value: as the
    rule has it. where: for example ``body.error.code``; ``""`` when it stands in no one place.
    excerpt: the text around it, without secrets. span: its characters in the text of that place.
    """

    what: str
    value: str
    where: str
    excerpt: str = ""
    span: tuple[int, int] = (0, 0)

    def __str__(self) -> str:
        if self.what == "sign":
            return f"the sign `{self.value}` ({SIGNS[self.value]})"
        return f"the {self.what} `{self.value}`"


@dataclass(frozen=True, slots=True)
class RuleTrace:
    """A rule that had evidence, in table order. outcome: ``decided``, ``vetoed``, ``not given``
    (something else it needs was not seen) or ``later`` (a rule before it had decided)."""

    rule: str
    outcome: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The nearest other verdict, and the smallest evidence whose absence would give it."""

    kind: Kind
    retryable: bool
    rule: str
    removed: tuple[Finding, ...]

    def __str__(self) -> str:
        what = " and ".join(map(str, self.removed))
        todo = "retryable" if self.retryable else "not retryable"
        return f"without {what} it would be `{self.kind}`, {todo}"
