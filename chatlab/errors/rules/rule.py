"""A rule as a row of data.

A row holds when any piece of its own evidence was seen, and, where it says so, also any piece of
`given` and none of `unless`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from chatlab.errors.kinds import Kind
from chatlab.errors.providers import Fact
from chatlab.errors.reading.derived import SIGNS
from chatlab.errors.reading.error_codes import fold

_PREFIXES: Final = {
    "statuses": "status:",
    "innermost": "innermost:",
    "providers": "provider:",
    "signs": "sign:",
}


def term(column: str, value: str | int) -> str:
    """A piece of evidence other than a phrase, as `Signals.terms` spells it."""
    if column == "signs" and value not in SIGNS:
        raise ValueError(f"no sign is called {value!r}; the signs are {', '.join(SIGNS)}")
    folded = value if column in ("statuses", "providers", "signs") else fold(str(value))
    return f"{_PREFIXES.get(column, '')}{folded}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What may be seen of a failure; any one piece is enough.

    statuses: HTTP, or a class such as ``"4xx"``. codes: a provider's codes, types and reasons.
    exceptions: class names without their module. innermost: class names, dotted or not, of
    the exception that no other caused. transport: errno and library codes. phrases: words, where
    ``…`` stands for up to 160 characters of anything. providers: who answered. signs: names from
    `SIGNS`.
    """

    statuses: tuple[int | str, ...] = ()
    codes: tuple[str, ...] = ()
    exceptions: tuple[str, ...] = ()
    innermost: tuple[str, ...] = ()
    transport: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()

    def terms(self) -> Iterator[str]:
        """The evidence other than phrases, as `Signals.terms` spells it."""
        for column in Evidence.__dataclass_fields__:
            if column != "phrases":
                yield from (term(column, value) for value in getattr(self, column))

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in Evidence.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Evidence):
    """One row: this evidence means this kind.

    Parameters
    ----------
    id
        ``area-what``, permanent.
    kind, retryable
        What the row says.
    because
        Why, for people.
    given
        Evidence that is also needed.
    unless
        Evidence that forbids the row.
    settled
        False where the row only falls back on the status, so that a provider's
        ``x-should-retry: true`` may still make it retryable.
    chain_broken
        The previous response id is lost.
    own_application
        The failure is the application's, and names no provider.
    actor
        Whose act it was: ``provider``, ``transport``, ``caller`` or ``reader``.
    definite
        A code of this row, in a field for codes, decides before any words.
    documented
        Further evidence that no sample has shown yet.
    """

    id: str
    kind: Kind
    retryable: bool
    because: str
    given: Evidence | None = None
    unless: Evidence | None = None
    settled: bool = True
    chain_broken: bool = False
    own_application: bool = False
    actor: str = "provider"
    definite: bool = False
    documented: tuple[Fact, ...] = ()

    def parts(self) -> tuple[Evidence, Evidence, Evidence]:
        """Its own evidence, `given` and `unless`, each with what is documented added."""
        return tuple(
            _extended(evidence or Evidence(), prefix, self.documented)
            for evidence, prefix in ((self, ""), (self.given, "given."), (self.unless, "unless."))
        )  # type: ignore[return-value]


def _extended(evidence: Evidence, prefix: str, facts: tuple[Fact, ...]) -> Evidence:
    columns: dict[str, list[str | int]] = {}
    for fact in facts:
        head, dot, column = fact.column.rpartition(".")
        if f"{head}{dot}" == prefix:
            columns.setdefault(column, []).append(fact.value)
    names = Evidence.__dataclass_fields__
    return Evidence(**{name: (*getattr(evidence, name), *columns.get(name, ())) for name in names})
