"""Why a verdict is what it is: what matched and where, what was tried, what would change it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from chatlab.errors.reading import error_codes as identifiers
from chatlab.errors.reading.collected import all_places
from chatlab.errors.reading.derived import SIGNS
from chatlab.errors.reading.fields import Place
from chatlab.errors.reading.http_status import structured
from chatlab.errors.reading.text.phrases import GAP, GAP_WIDTH, normalise
from chatlab.errors.redact import redacted
from chatlab.errors.rules.table import lowest
from chatlab.text.markup import shortened, visible

if TYPE_CHECKING:
    from chatlab.errors.failure import Failure
    from chatlab.errors.kinds import Kind
    from chatlab.errors.rules.table import RuleTable
    from chatlab.errors.verdict import Verdict

_EXCERPT_CHARS: Final = 40
_REDACTED_CHARS: Final = 4_000
_BLANKS: Final = r"""(?:\\[nrt]|[\s_\-"'`\\“”‘’´\x00])+"""


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
class Tried:
    """A rule that had evidence, in table order. outcome: ``decided``, ``vetoed``, ``not given``
    (something else it needs was not seen) or ``later`` (a rule before it had decided)."""

    rule: str
    outcome: str
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Otherwise:
    """The nearest other verdict, and the smallest evidence whose absence would give it."""

    kind: Kind
    retryable: bool
    rule: str
    without: tuple[Finding, ...]

    def __str__(self) -> str:
        what = " and ".join(map(str, self.without))
        todo = "retryable" if self.retryable else "not retryable"
        return f"would be `{self.kind}`, {todo}, were it not for {what}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that led to a verdict. because: the deciding rule's reason, for people."""

    verdict: Verdict
    because: str
    evidence: tuple[Finding, ...]
    tried: tuple[Tried, ...]
    without_evidence: int
    otherwise: Otherwise | None

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
        if self.otherwise is not None:
            yield str(self.otherwise)
        yield f"{self.without_evidence} rules before it saw no evidence"

    def _repr_html_(self) -> str:
        from chatlab.errors.explain.html import explanation_html

        return explanation_html(self)


def explain(verdict: Verdict) -> Explanation:
    """The explanation of `verdict`; one made on purpose explains itself in a sentence."""
    failure, table = verdict.failure, verdict.rules
    if failure is None or table is None:
        reason = "This verdict was attached on purpose."
        return Explanation(verdict, reason, (), (), 0, None)
    signals = failure.signals_among(table.providers)
    matches = table.matches(signals)
    row = next((n for n, rule in enumerate(table) if rule.id == verdict.rule), len(table))
    because = table[row].because if row < len(table) else "No rule knows this failure."
    own = [term for term, bits in matches.items() if bits >> row & 1] if row < len(table) else []
    locate = _Locator(failure)
    evidence = [finding for term in own for finding in locate(term)]
    evidence += _header_evidence(verdict, failure)
    return Explanation(
        verdict,
        because,
        tuple(evidence),
        tuple(_tried(table, matches, row)),
        sum(not any(bits >> n & 1 for bits in matches.values()) for n in range(row)),
        _otherwise(verdict, table, matches, locate),
    )


def _header_evidence(verdict: Verdict, failure: Failure) -> list[Finding]:
    word = failure.signals.should_retry
    if word is None or word != verdict.retryable:
        return []
    return [Finding("header", f"x-should-retry: {str(word).lower()}", "headers.x-should-retry")]


def _tried(table: RuleTable, matches: dict[str, int], row: int) -> Iterator[Tried]:
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
        yield Tried(rule.id, outcome, names)


def _otherwise(
    verdict: Verdict, table: RuleTable, matches: dict[str, int], locate: _Locator
) -> Otherwise | None:
    decided = (verdict.kind, verdict.retryable)
    removed: list[str] = []
    while _outcome(table, matches, removed)[:2] == decided:
        row = lowest(table.combined(_left(matches, removed)).holding)
        if row < 0:
            return None
        removed += [
            term for term, bits in matches.items() if bits >> row & 1 and term not in removed
        ]
    for term in list(removed):
        fewer = [other for other in removed if other != term]
        if fewer and _outcome(table, matches, fewer)[:2] != decided:
            removed = fewer
    kind, retryable, name = _outcome(table, matches, removed)
    codes = [normalise(term) for term in removed]
    shown = [
        term
        for term in removed
        if not any(_parts(term)[1] in code for code in codes if code != normalise(term))
    ]
    return Otherwise(kind, retryable, name, tuple(next(iter(locate(term))) for term in shown))


def _left(matches: dict[str, int], removed: list[str]) -> list[int]:
    """The bits of what remains; a status goes together with its class."""
    status = any(term.startswith("status:") for term in removed)
    return [
        bits
        for term, bits in matches.items()
        if term not in removed and not (status and term.startswith("status:"))
    ]


def _outcome(
    table: RuleTable, matches: dict[str, int], removed: list[str]
) -> tuple[Kind, bool, str]:
    return table.outcome(lowest(table.combined(_left(matches, removed)).holding))


def _spelled(term: str) -> str:
    what, value = _parts(term)
    return f"{what} `{value}`"


def _parts(term: str) -> tuple[str, str]:
    head, colon, rest = term.partition(":")
    if colon and head in ("status", "provider", "sign", "phrase"):
        return head, rest
    return "code", rest if colon and head == "innermost" else term


@lru_cache(maxsize=512)
def _phrase_pattern(phrase: str) -> re.Pattern[str]:
    gap = rf"[\s\S]{{0,{GAP_WIDTH}}}?"
    spelled = []
    for piece in phrase.split(GAP):
        words = re.split(r"[\s_\-\"'`\\“”‘’´]+", piece.strip())
        spelled.append(_BLANKS.join(re.escape(word) for word in words if word))
    return re.compile(gap.join(spelled), re.IGNORECASE)


class _Locator:
    """Finds where a piece of evidence stands in one failure."""

    def __init__(self, failure: Failure) -> None:
        self._failure = failure
        self._places = all_places(failure)

    def __call__(self, term: str) -> Iterable[Finding]:
        what, value = _parts(term)
        found = list(self._found(what, value))
        return found[:3] or [Finding(what, value, "")]

    def _found(self, what: str, value: str) -> Iterator[Finding]:
        if what == "status":
            number = structured(self._failure.status)
            wanted = str(self._failure.signals.status)
            if number is not None and str(number) == wanted:
                yield Finding(what, value, "status", wanted)
                return
            yield from self._matching(what, value, re.compile(rf"(?<!\d){wanted}(?!\d)"))
        elif what == "phrase":
            yield from self._matching(what, value, _phrase_pattern(value))
        elif what == "code":
            shape = re.escape(value).replace("_", "[-_]")
            pattern = re.compile(rf"(?<![A-Za-z0-9_]){shape}(?![A-Za-z0-9_])", re.IGNORECASE)
            keyed = [place for place in self._places if _holds(place, value)]
            yield from self._matching(what, value, pattern, keyed or self._places)

    def _matching(
        self, what: str, value: str, pattern: re.Pattern[str], places: list[Place] | None = None
    ) -> Iterator[Finding]:
        for place in self._places if places is None else places:
            match = pattern.search(place.value)
            if match is not None:
                yield Finding(what, value, place.where, _excerpt(place.value, match), match.span())


def _excerpt(text: str, match: re.Match[str]) -> str:
    """The match with a little around it, redacted before it is cut."""
    clean = redacted(text[max(0, match.start() - _REDACTED_CHARS) : match.end() + _REDACTED_CHARS])
    at = clean.find(match[0])
    around = clean[max(0, at - _EXCERPT_CHARS) : at + len(match[0]) + _EXCERPT_CHARS]
    said = around if at >= 0 else redacted(match[0])
    return shortened(visible(" ".join(said.split())), 5 * _EXCERPT_CHARS)


def _holds(place: Place, code: str) -> bool:
    return code in identifiers.in_values([place])
