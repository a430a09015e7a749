"""Every corpus sample that an official SDK can meet: served, raised, and judged as expected again."""

from __future__ import annotations

import pytest
from support.lab_calls import Caller

from chatlab import Corpus, classify
from chatlab.corpus import Sample
from chatlab.corpus.checking import CHECKED
from chatlab.lab import FakeProvider, ScriptError

pytestmark = pytest.mark.slow

PATHS = {"messages": "/v1/messages", "responses": "/v1/responses"}
SERVED = [
    sample for sample in Corpus.load().values() if sample.surface in ("http_error", "stream_event")
]


def can_be_met(sample: Sample) -> bool:
    """Whether a server can send the sample: an http_error that shows no status cannot be."""
    try:
        FakeProvider([f"sample:{sample.id}"], samples={sample.id: sample})
    except ScriptError:
        return False
    return True


MET = [sample for sample in SERVED if can_be_met(sample)]


def test_most_samples_can_be_met() -> None:
    """How many there are, so that a corpus which shrinks is seen."""
    print(f"{len(MET)} of {len(SERVED)} samples are served, through a sync and an async SDK each")
    assert len(MET) >= 130


@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
@pytest.mark.parametrize("sample", MET, ids=lambda sample: sample.id)
def test_the_exception_of_a_served_sample_gets_its_expected_verdict(
    sample: Sample, is_async: bool
) -> None:
    """Sample to socket to SDK to exception to verdict, and nothing is lost on the way."""
    anthropic = sample.provider == "anthropic"
    path = "/v1/messages" if anthropic else PATHS.get(sample.api or "", "/v1/chat/completions")
    in_stream = sample.surface == "stream_event"
    with FakeProvider([f"sample:{sample.id}"], samples={sample.id: sample}) as provider:
        seen = Caller(path, is_async).call(provider, stream=in_stream)
    assert seen.error is not None
    verdict = classify(seen.error, provider=sample.provider)
    for name in CHECKED:
        right = [sample.expected[name], *sample.accept.get(name, ())]
        if name == "provider" and sample.provider is None:
            right += ["anthropic", "openai"]  # the SDK's own exception names whose SDK it is
        if name == "status_code" and in_stream:
            right.append(None)  # the SDKs drop a status that stands beside the error of an event
        assert getattr(verdict, name) in right, (name, verdict.explain())
