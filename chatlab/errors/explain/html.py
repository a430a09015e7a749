"""Verdicts and explanations for a notebook page: the payload with its evidence marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from chatlab.errors.explain.evidence import Counterfactual, Finding, RuleTrace
from chatlab.errors.explain.messages import message
from chatlab.errors.judgement import Judgement
from chatlab.errors.reading.collected import all_places, sources
from chatlab.errors.redact import redacted
from chatlab.text.markup import BOXED, MONOSPACE, MUTED, Html, highlighted, shortened, table, tag
from chatlab.text.palette import CHAIN_BROKEN, RETRY, STOP

_MAX_PLACES: Final = 40
_MAX_PLACE_CHARS: Final = 2_000
_REDACTED_CHARS: Final = 20_000
_COLOURS: Final = {"retry": RETRY, "stop": STOP, "chain": CHAIN_BROKEN}


def explanation_html(
    verdict: Judgement,
    *,
    because: str,
    evidence: Sequence[Finding],
    tried: Sequence[RuleTrace],
    without_evidence: int,
    counterfactual: Counterfactual | None,
) -> str:
    """The explanation as one block: what to do, why, the payload, the nearest other verdict."""
    todo = "chain" if verdict.chain_broken else "retry" if verdict.retryable else "stop"
    words = {"retry": "retry after waiting", "stop": "stop", "chain": "replay the full history"}
    badge = tag("b", f"{verdict.kind.label}: {words[todo]}", style=f"color:{_COLOURS[todo]}")
    facts = [verdict.provider or "unknown provider"]
    facts += [f"HTTP {verdict.status_code}"] if verdict.status_code else []
    if verdict.retry_after_s is not None:
        facts.append(f"wait {verdict.retry_after_s:g} s ({verdict.retry_after_source})")
    parts = [
        tag("div", badge, " ", tag("span", " · ".join(facts), style=MUTED)),
        tag("div", message(verdict)),
        tag("div", "Rule ", tag("code", verdict.rule), ": ", because),
        _payload(verdict, evidence),
    ]
    if counterfactual is not None:
        parts.append(tag("div", f"Nearest other verdict: {counterfactual}."))
    parts.append(_trace(tried, without_evidence))
    return tag("div", *parts, style=BOXED)


def _payload(verdict: Judgement, evidence: Sequence[Finding]) -> Html:
    failure = verdict.failure
    if failure is None:
        return Html("")
    marked: dict[str, list[Finding]] = {}
    for finding in evidence:
        marked.setdefault(finding.where, []).append(finding)
    values = {place.where: place.value for place in all_places(failure)} | sources(failure)
    shown = [where for where in values if where in marked]
    shown += [where for where in values if where not in marked]
    rows: list[list[str]] = []
    if "status" in marked:
        status = str(failure.signals.status)
        rows.append([tag("code", "status"), highlighted(status, [(0, len(status))])])
    for finding in marked.get("headers.x-should-retry", ()):
        rows.append([tag("code", "headers"), highlighted(finding.value, [(0, len(finding.value))])])
    for where in shown[:_MAX_PLACES]:
        spans = [finding.span for finding in marked.get(where, ())]
        rows.append([tag("code", shortened(where, 120)), _marked_value(values[where], spans)])
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


def _trace(tried: Sequence[RuleTrace], without_evidence: int) -> Html:
    rows: list[list[str]] = [
        [one.outcome, tag("code", one.rule), ", ".join(one.findings)] for one in tried
    ]
    summary = tag(
        "summary",
        f"{len(rows)} rules had evidence; {without_evidence} before the deciding one had none",
        style=MUTED,
    )
    return tag("details", summary, table(["outcome", "rule", "evidence"], rows))
