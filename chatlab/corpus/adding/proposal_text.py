"""A proposal as lines of text, and as a block of a notebook page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

from chatlab.corpus.checking import Result
from chatlab.corpus.record_schema import formatted
from chatlab.corpus.sample import Sample
from chatlab.corpus.sanitizer.placeholders import Removed
from chatlab.errors import Verdict
from chatlab.text.markup import BOXED, MONOSPACE, MUTED, Html, shortened, table, tag, visible
from chatlab.text.palette import STOP

_MAX_SHOWN: Final = 20
_MAX_RECORD_CHARS: Final = 20_000


class Neighbour(Protocol):
    """A similar sample."""

    @property
    def sample(self) -> Sample:
        """The sample."""

    @property
    def similarity(self) -> float:
        """From 0 to 1."""


class Shown(Protocol):
    """The parts of a proposal that are shown to people."""

    @property
    def sample(self) -> Sample:
        """The draft, with its label."""

    @property
    def removed(self) -> Sequence[Removed]:
        """What was removed."""

    @property
    def verdict(self) -> Verdict:
        """The verdict on the draft, with its evidence."""

    @property
    def nearest(self) -> Sequence[Neighbour]:
        """The most similar samples."""

    @property
    def result(self) -> Result:
        """The result that the check will have."""

    @property
    def doubts(self) -> Sequence[str]:
        """Reasons not to add it."""

    @property
    def problems(self) -> Sequence[str]:
        """Why it cannot be written."""


_STOP: Final = f"color:{STOP}"


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


def proposal_lines(proposal: Shown) -> Iterator[str]:
    """The proposal, line by line; control characters are spelled out."""
    yield f"sample    {proposal.sample.id}"
    yield f"label     {visible(label_text(proposal.sample.expected))}"
    yield f"because   {visible(str(proposal.sample.record.get('why')))}"
    for finding in proposal.verdict.evidence[:_MAX_SHOWN]:
        place = f" in {visible(finding.where)}" if finding.where else ""
        excerpt = f": {finding.excerpt}" if finding.excerpt else ""
        yield f"          {finding}{place}{excerpt}"
    for line in disagreement(proposal):
        yield f"check     {visible(line)}"
    for number, removed in enumerate(removed_lines(proposal)):
        yield f"{'' if number else 'removed':<9} {visible(removed)}"
    for number, one in enumerate(proposal.nearest):
        yield f"{'' if number else 'nearest':<9} {one}"
    for line in proposal.doubts:
        yield f"doubt     {visible(line)}"
    for line in proposal.problems:
        yield f"problem   {visible(line)}"


def removed_lines(proposal: Shown) -> list[str]:
    """What was removed, a line each; a long list is cut, and says so."""
    lines = [str(one) for one in proposal.removed[:_MAX_SHOWN]] or ["nothing"]
    more = len(proposal.removed) - _MAX_SHOWN
    return [*lines, f"and {more} more"] if more > 0 else lines


def disagreement(proposal: Shown) -> list[str]:
    """Where the label differs from the verdict, and the consequence."""
    lines = [
        f"{one.field}: {one.expected} in the label, {one.got} by the rules"
        for one in proposal.result.differences
    ]
    if lines and not proposal.sample.known_miss:
        lines.append(
            "the check will fail until the rules are changed; with a reason as known_miss "
            "(--known-miss) it passes as a known miss"
        )
    return lines


def proposal_html(proposal: Shown) -> Html:
    """The proposal as one block: label, problems, what was removed, nearest samples, the draft."""
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
        tag("div", tag("b", proposal.sample.id), " ", label_text(proposal.sample.expected)),
        tag("div", str(proposal.sample.record.get("why")), style=MUTED),
        *(tag("div", line, style=_STOP) for line in warnings),
        tag("div", tag("b", "Removed")),
        table(["where", "what", "placeholder", "times"], removed)
        if removed
        else tag("div", "nothing"),
        tag("div", f"and {more} more" if more > 0 else ""),
        tag("div", tag("b", "Nearest samples")),
        table(["sample", "similarity", "label"], nearest) if nearest else tag("div", "none"),
        _folded("Evidence", Html(proposal.verdict._repr_html_())),
        _folded("What would be written", _draft(proposal)),
    ]
    return tag("div", *parts, style=BOXED)


def _draft(proposal: Shown) -> Html:
    text = shortened(formatted(proposal.sample.record), _MAX_RECORD_CHARS)
    return tag("pre", text, style=f"{MONOSPACE};white-space:pre-wrap")


def _folded(title: str, content: Html) -> Html:
    return tag("details", tag("summary", title), content)
