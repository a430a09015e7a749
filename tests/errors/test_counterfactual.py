"""What a counterfactual says happens when exactly what it names is taken out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from chatlab import Corpus, Failure, classify
from chatlab.errors import Raised
from chatlab.errors.explain.evidence import Finding

pytestmark = pytest.mark.slow

CASES = {
    sample.id: (sample.failure, counterfactual)
    for sample in Corpus.load().values()
    if (counterfactual := classify(sample.failure).explain().counterfactual) is not None
    and all(finding.where for finding in counterfactual.removed)
}
BETWEEN = r"""(?:\\[nrt]|[\s_\-"'`\\“”‘’´\x00])+"""


def spelling(finding: Finding) -> re.Pattern[str]:
    """The words of a finding in any case, whatever stands between them."""
    pieces = finding.value.split("…") if finding.what == "phrase" else [finding.value]
    spelled = [
        BETWEEN.join(map(re.escape, filter(None, re.split(BETWEEN, piece)))) for piece in pieces
    ]
    edge = ("(?<![A-Za-z0-9_])", "(?![A-Za-z0-9_])") if finding.what != "phrase" else ("", "")
    return re.compile(edge[0] + r"[\s\S]{0,160}?".join(spelled) + edge[1], re.IGNORECASE)


def taken_out(failure: Failure, removed: tuple[Finding, ...]) -> Failure:
    """`failure` with letters `q` and digits `0` where the named pieces stood."""
    patterns = [spelling(finding) for finding in removed if finding.what != "status"]
    numbers = set()
    if any(finding.what == "status" for finding in removed):
        numbers = {failure.signals.status}
        patterns.append(re.compile(rf"(?<!\d){failure.signals.status}(?!\d)"))

    def hidden(value: object) -> object:
        if isinstance(value, bytes):
            value = value.decode()
        if isinstance(value, str):
            for pattern in patterns:
                value = pattern.sub(
                    lambda match: re.sub("[A-Za-z]", "q", re.sub(r"\d", "0", match[0])), value
                )
            return value
        if isinstance(value, dict):
            return {key: hidden(one) for key, one in value.items()}
        if isinstance(value, list | tuple):
            return [hidden(one) for one in value]
        if isinstance(value, Raised):
            return Raised(str(hidden(value.type)), str(hidden(value.text)))
        return None if not isinstance(value, bool) and value in numbers else value

    names = ("headers", "body", "exception_type", "exception_text", "text", "attributes")
    changed: dict[str, Any] = {name: hidden(getattr(failure, name)) for name in names}
    causes = tuple(Raised(str(hidden(one.type)), str(hidden(one.text))) for one in failure.causes)
    status = None if numbers else failure.status
    return replace(failure, status=status, causes=causes, **changed)


def test_there_are_cases() -> None:
    """Most samples have another verdict near by, whose evidence can be taken out."""
    assert len(CASES) > len(Corpus.load()) / 2


@pytest.mark.parametrize("name", CASES)
def test_a_counterfactual_holds_when_tried(name: str) -> None:
    """Without exactly what it names, the failure gets exactly what it says."""
    failure, counterfactual = CASES[name]
    found = classify(taken_out(failure, counterfactual.removed))
    assert (found.kind, found.retryable) == (counterfactual.kind, counterfactual.retryable), (
        str(counterfactual),
        found.explain(),
    )
