"""Verdicts and explanations for a notebook page: the payload with its evidence marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from chatlab.errors.reading.collected import all_places
from chatlab.errors.redact import redacted
from chatlab.text.markup import BOXED, MONOSPACE, MUTED, Html, highlighted, shortened, table, tag

if TYPE_CHECKING:
    from chatlab.errors.explain.explanation import Explanation, Finding
    from chatlab.errors.verdict import Verdict

_MAX_PLACES: Final = 40
_MAX_PLACE_CHARS: Final = 2_000
_REDACTED_CHARS: Final = 20_000
_COLOURS: Final = {"retry": "#0072B2", "stop": "#D55E00", "chain": "#CC79A7"}


def verdict_html(verdict: Verdict) -> str:
    """The verdict with its evidence, and the trace folded away."""
    return explanation_html(verdict.explain())


def explanation_html(explanation: Explanation) -> str:
    """The explanation as one block: what to do, why, the payload, the nearest other verdict."""
    verdict = explanation.verdict
    todo = "chain" if verdict.chain_broken else "retry" if verdict.retryable else "stop"
    words = {"retry": "retry after waiting", "stop": "stop", "chain": "replay the full history"}
    badge = tag("b", f"{verdict.kind.label}: {words[todo]}", style=f"color:{_COLOURS[todo]}")
    facts = [verdict.provider or "unknown provider"]
    facts += [f"HTTP {verdict.status_code}"] if verdict.status_code else []
    if verdict.retry_after_s is not None:
        facts.append(f"wait {verdict.retry_after_s:g} s ({verdict.retry_after_source})")
    parts = [
        tag("div", badge, " ", tag("span", " · ".join(facts), style=MUTED)),
        tag("div", verdict.message),
        tag("div", "Rule ", tag("code", verdict.rule), ": ", explanation.because),
        _payload(explanation),
    ]
    if explanation.otherwise is not None:
        parts.append(tag("div", f"Nearest other verdict: {explanation.otherwise}."))
    parts.append(_trace(explanation))
    return tag("div", *parts, style=BOXED)


def _payload(explanation: Explanation) -> Html:
    failure = explanation.verdict.failure
    if failure is None:
        return Html("")
    marked: dict[str, list[Finding]] = {}
    for finding in explanation.evidence:
        marked.setdefault(finding.where, []).append(finding)
    places = all_places(failure)
    shown = [place for place in places if place.where in marked]
    shown += [place for place in places if place.where not in marked]
    rows: list[list[str]] = []
    if "status" in marked:
        status = str(failure.signals.status)
        rows.append([tag("code", "status"), highlighted(status, [(0, len(status))])])
    for finding in marked.get("headers.x-should-retry", ()):
        rows.append([tag("code", "headers"), highlighted(finding.value, [(0, len(finding.value))])])
    for place in shown[:_MAX_PLACES]:
        spans = [finding.span for finding in marked.get(place.where, ())]
        rows.append([tag("code", shortened(place.where, 120)), _marked_value(place.value, spans)])
    if len(shown) > _MAX_PLACES:
        rows.append(["", f"and {len(shown) - _MAX_PLACES} more values"])
    return table(["where", "what was seen"], rows) if rows else Html("")


def _marked_value(value: str, spans: list[tuple[int, int]]) -> Html:
    """The value around its first mark, redacted before it is cut: no key is halved."""
    first = min((start for start, _ in spans), default=0)
    clean = redacted(value[max(0, first - _REDACTED_CHARS) : first + _REDACTED_CHARS])
    marks = [value[start:end] for start, end in spans if end > start]
    found = [(at, at + len(mark)) for mark in marks if (at := clean.find(mark)) >= 0]
    offset = max(0, min((start for start, _ in found), default=0) - _MAX_PLACE_CHARS // 4)
    cut = clean[offset : offset + _MAX_PLACE_CHARS]
    near = [(start - offset, min(end - offset, len(cut))) for start, end in found]
    near = [(start, end) for start, end in near if 0 <= start < end]
    lead = "…" if offset else ""
    tail = "…" if offset + len(cut) < len(clean) else ""
    content = highlighted(cut, near)
    return tag("span", lead, content, tail, style=f"{MONOSPACE};white-space:pre-wrap")


def _trace(explanation: Explanation) -> Html:
    rows: list[list[str]] = [
        [tried.outcome, tag("code", tried.rule), ", ".join(tried.findings)]
        for tried in explanation.tried
    ]
    summary = tag(
        "summary",
        f"{len(rows)} rules had evidence; {explanation.without_evidence} before the deciding one"
        " had none",
        style=MUTED,
    )
    return tag("details", summary, table(["outcome", "rule", "evidence"], rows))
