"""Evidence, counterfactuals, and how they are shown."""

from __future__ import annotations

import re

import pytest

from chatlab import RULES, Corpus, Failure, Kind, Verdict, classify
from chatlab.corpus import Sample
from chatlab.errors.reading.collected import all_places, sources
from chatlab.text.markup import highlighted, tag, visible

SAMPLES = list(Corpus.load().values())


def test_evidence_says_what_matched_and_where() -> None:
    """A code in a decoded body has its path."""
    (finding,) = classify({"error": {"code": "insufficient_quota"}}).evidence
    assert (finding.what, finding.value) == ("code", "insufficient_quota")
    assert (finding.where, finding.excerpt) == ("body.error.code", "insufficient_quota")


def test_the_nearest_other_verdict_names_the_smallest_evidence() -> None:
    """A 429 with a spent-money code would be a rate limit without it."""
    verdict = classify(Failure(status=429, body={"error": {"code": "insufficient_quota"}}))
    assert str(verdict.explain().counterfactual) == (
        "without the code `insufficient_quota` it would be `rate_limit`, retryable"
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_every_sample_explains_itself(sample: Sample) -> None:
    """Evidence stands where it says; the trace holds the deciding rule; HTML and text agree."""
    verdict = classify(sample)
    explanation = verdict.explain()
    places = {place.where: place.value for place in all_places(sample.failure)}
    places |= sources(sample.failure)
    for finding in explanation.evidence:
        start, end = finding.span
        if end:
            assert places[finding.where][start:end]
    if verdict.failed and verdict.rule != "unmatched":
        assert explanation.evidence
        assert [one.rule for one in explanation.tried if one.outcome == "decided"] == [verdict.rule]
    assert verdict.rule in str(explanation)
    page = verdict._repr_html_()
    assert verdict.rule in page
    assert page == classify(sample)._repr_html_()


def test_the_payload_is_shown_with_its_evidence_marked_and_escaped() -> None:
    """The mark is around the words that decided; a script in the payload is text."""
    page = classify("HTTP 503 <script>alert(1)</script> provider overloaded")._repr_html_()
    assert re.search(r"<mark[^>]*>overloaded</mark>", page)
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_secrets_are_shown_nowhere() -> None:
    """Neither evidence nor picture nor text repeats a key, also when a mark stands beside it."""
    key = "sk-ant-" + "a1B2c3D4" * 6
    verdict = classify(f"401 invalid x-api-key {key} in x-api-key: {key}", provider="anthropic")
    shown = [str(verdict), repr(verdict), str(verdict.explain()), verdict._repr_html_()]
    assert not [text for text in [*shown, verdict.detail] if "a1B2c3D4" in text]


def test_a_header_that_forbids_a_retry_is_evidence() -> None:
    """`x-should-retry` stands among what decided."""
    verdict = classify(Failure(status=503, headers={"x-should-retry": "false"}))
    assert "headers.x-should-retry" in [finding.where for finding in verdict.evidence]


def test_an_attached_verdict_explains_itself_in_a_sentence() -> None:
    """There is nothing to trace, and that is said."""
    explanation = Verdict(Kind.AUTH, retryable=False).explain()
    assert "attached on purpose" in str(explanation)
    assert "attached on purpose" in explanation._repr_html_()


def test_the_rule_table_shows_itself() -> None:
    """Every rule with its reason, in order, as a table."""
    page = RULES._repr_html_()
    assert page.count("<tr>") == len(RULES) + 1
    assert RULES[0].because in page


def test_markup_escapes_and_marks() -> None:
    """Text is escaped once, overlapping marks merge, hidden characters are spelled out."""
    assert tag("b", "<&>\"'") == "<b>&lt;&amp;&gt;&quot;&#x27;</b>"
    assert tag("a", "x", title='"onload=') == '<a title="&quot;onload=">x</a>'
    assert re.sub(r' style="[^"]*"', "", highlighted("abcdef", [(1, 3), (2, 4)])) == (
        "a<mark>bc</mark><mark>d</mark>ef"
    )
    assert visible("a\u202eb\x00") == "a\\u202eb\\u0000"
