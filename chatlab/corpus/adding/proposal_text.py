"""A proposal for people: as lines of text, and as a block of a notebook page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from chatlab.corpus.sample import formatted
from chatlab.text.markup import BOXED, MONOSPACE, MUTED, Html, shortened, table, tag, visible

if TYPE_CHECKING:
    from chatlab.corpus.adding.proposal import Proposal

_MAX_SHOWN: Final = 20
_MAX_RECORD_CHARS: Final = 20_000
_STOP: Final = "color:#D55E00"


def label_text(expected: Mapping[str, object]) -> str:
    """A label in words, such as ``rate_limit, retry; openai, HTTP 429, wait 20 s``."""
    facts = [str(expected.get("provider") or "unknown provider")]
    if expected.get("status_code") is not None:
        facts.append(f"HTTP {expected['status_code']}")
    if expected.get("retry_after_s") is not None:
        facts.append(f"wait {expected['retry_after_s']} s")
    if expected.get("chain_broken"):
        facts.append("chain broken")
    todo = "retry" if expected.get("retryable") else "stop"
    return f"{expected.get('kind')}, {todo}; {', '.join(facts)}"


def proposal_lines(proposal: Proposal) -> Iterator[str]:
    """The proposal, a line for each thing to look at; control characters are spelled out."""
    yield f"sample    {proposal.id}"
    yield f"label     {visible(label_text(proposal.expected))}"
    yield f"because   {visible(str(proposal.record.get('why')))}"
    for finding in proposal.evidence[:_MAX_SHOWN]:
        place = f" in {visible(finding.where)}" if finding.where else ""
        excerpt = f": {finding.excerpt}" if finding.excerpt else ""
        yield f"          {finding}{place}{excerpt}"
    for line in disagreement(proposal):
        yield f"check     {visible(line)}"
    for number, removed in enumerate(removed_lines(proposal)):
        yield f"{'' if number else 'taken out':<9} {visible(removed)}"
    for number, one in enumerate(proposal.nearest):
        yield f"{'' if number else 'nearest':<9} {one}"
    for line in proposal.doubts:
        yield f"doubt     {visible(line)}"
    for line in proposal.problems:
        yield f"problem   {visible(line)}"


def removed_lines(proposal: Proposal) -> list[str]:
    """What was taken out, a line each; a long list is cut, and says so."""
    lines = [str(one) for one in proposal.removed[:_MAX_SHOWN]] or ["nothing"]
    more = len(proposal.removed) - _MAX_SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def disagreement(proposal: Proposal) -> list[str]:
    """Where the label is not what the rules say, and what that leads to."""
    lines = [
        f"{one.field}: the label says {one.expected}, the rules say {one.got}"
        for one in proposal.result.differences
    ]
    if lines and not proposal.sample.known_miss:
        lines.append(
            "the check will fail until a rule knows better; with a reason as known_miss "
            "(--known-miss) it passes as a known miss"
        )
    return lines


def proposal_html(proposal: Proposal) -> Html:
    """The proposal as one block: label, problems, what was taken out, nearest, the whole draft."""
    warnings = [*disagreement(proposal), *proposal.doubts, *proposal.problems]
    nearest: list[list[str]] = [
        [tag("code", one.sample.id), f"{one.similarity:.0%}", str(one).rpartition("): ")[2]]
        for one in proposal.nearest
    ]
    removed = [
        [tag("code", one.where), one.kind, one.placeholder or "left out", str(one.count)]
        for one in proposal.removed[:_MAX_SHOWN]
    ]
    more = len(proposal.removed) - _MAX_SHOWN
    parts = [
        tag("div", tag("b", proposal.id), " ", label_text(proposal.expected)),
        tag("div", str(proposal.record.get("why")), style=MUTED),
        *(tag("div", line, style=_STOP) for line in warnings),
        tag("div", tag("b", "Taken out")),
        table(["where", "what", "now", "times"], removed) if removed else tag("div", "nothing"),
        tag("div", f"and {more} more" if more > 0 else ""),
        tag("div", tag("b", "Nearest samples")),
        table(["sample", "likeness", "label"], nearest) if nearest else tag("div", "none"),
        _folded("Evidence", Html(proposal.verdict._repr_html_())),
        _folded("What would be written", _draft(proposal)),
    ]
    return tag("div", *parts, style=BOXED)


def _draft(proposal: Proposal) -> Html:
    text = shortened(formatted(proposal.record), _MAX_RECORD_CHARS)
    return tag("pre", text, style=f"{MONOSPACE};white-space:pre-wrap")


def _folded(title: str, content: Html) -> Html:
    return tag("details", tag("summary", title), content)
