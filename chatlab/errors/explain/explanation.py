"""Why a verdict is what it is: what matched and where, what was tried, what would change it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from chatlab.errors.explain.evidence import Counterfactual, Finding, RuleTrace
from chatlab.errors.explain.html import explanation_html
from chatlab.errors.failure import Failure
from chatlab.errors.judgement import Judgement
from chatlab.errors.kinds import Kind
from chatlab.errors.reading import error_codes as identifiers
from chatlab.errors.reading.collected import all_places, sources
from chatlab.errors.reading.fields import Place
from chatlab.errors.reading.http_status import structured
from chatlab.errors.reading.text.phrases import GAP, GAP_WIDTH, normalise
from chatlab.errors.redact import redacted
from chatlab.errors.rules.table import RuleTable, lowest
from chatlab.text.markup import shortened, visible

_NO_RULE_KNOWS: Final = "No rule knows this failure."
_NOTHING_FAILED: Final = "Nothing in here says that a call failed."
_EXCERPT_CHARS: Final = 40
_REDACTED_CHARS: Final = 4_000
_BLANKS: Final = r"""(?:\\[nrt]|[\s_\-"'`\\“”‘’´\x00])+"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that led to a verdict. because: the deciding rule's reason, for people."""

    verdict: Judgement
    because: str
    evidence: tuple[Finding, ...]
    tried: tuple[RuleTrace, ...]
    without_evidence: int
    counterfactual: Counterfactual | None

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
        if self.counterfactual is not None:
            yield str(self.counterfactual)
        yield f"{self.without_evidence} rules before it saw no evidence"

    def _repr_html_(self) -> str:
        return explanation_html(
            self.verdict,
            because=self.because,
            evidence=self.evidence,
            tried=self.tried,
            without_evidence=self.without_evidence,
            counterfactual=self.counterfactual,
        )


def explain(verdict: Judgement) -> Explanation:
    """The explanation of `verdict`; one made on purpose explains itself in a sentence."""
    failure, table = verdict.failure, verdict.rules
    if failure is None or table is None:
        reason = "This verdict was attached on purpose."
        return Explanation(verdict, reason, (), (), 0, None)
    signals = failure.signals_among(table.providers)
    matches = table.matches(signals)
    row = next((n for n, rule in enumerate(table) if rule.id == verdict.rule), len(table))
    unknown = (
        "No rule knows this failure." if verdict.failed else "Nothing says that a call failed."
    )
    because = table[row].because if row < len(table) else unknown
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
        _counterfactual(verdict, table, matches, locate),
    )


def _header_evidence(verdict: Judgement, failure: Failure) -> list[Finding]:
    word = failure.signals.should_retry
    if word is None or word != verdict.retryable:
        return []
    return [Finding("header", f"x-should-retry: {str(word).lower()}", "headers.x-should-retry")]


def _tried(table: RuleTable, matches: dict[str, int], row: int) -> Iterator[RuleTrace]:
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
        yield RuleTrace(rule.id, outcome, names)


def _counterfactual(
    verdict: Judgement, table: RuleTable, matches: dict[str, int], locate: _Locator
) -> Counterfactual | None:
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
    return Counterfactual(kind, retryable, name, tuple(next(iter(locate(term))) for term in shown))


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
        self._sources = sources(failure)

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
                source = self._sources.get(place.where, place.value)
                start = source.find(match[0])
                span = (start, start + len(match[0])) if start >= 0 else (0, 0)
                excerpt = _excerpt(source, *span) if start >= 0 else redacted(match[0])
                yield Finding(what, value, place.where, excerpt, span)


def _excerpt(text: str, start: int, end: int) -> str:
    """The words from `start` to `end` with a little around, redacted before they are cut."""
    wanted = text[start:end]
    clean = redacted(text[max(0, start - _REDACTED_CHARS) : end + _REDACTED_CHARS])
    at = clean.find(wanted)
    around = clean[max(0, at - _EXCERPT_CHARS) : at + len(wanted) + _EXCERPT_CHARS]
    said = around if at >= 0 else redacted(wanted)
    return shortened(visible(" ".join(said.split())), 5 * _EXCERPT_CHARS)


def _holds(place: Place, code: str) -> bool:
    return code in identifiers.in_values([place])
