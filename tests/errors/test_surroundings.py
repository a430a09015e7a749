"""What stands around a failure changes nothing: metamorphic tests over the corpus."""

from __future__ import annotations

import json

import pytest
from support.surroundings import AROUND, REQUEST, as_pasted, paragraphs_of_packages

from chatlab.corpus import Corpus
from chatlab.errors import Verdict, classify

pytestmark = pytest.mark.slow

PASTED = {one.id: text for one in Corpus.load().values() if (text := as_pasted(one))}
DEFINITE = {
    "invalid_api_key": "auth",
    "insufficient_quota": "usage_limit",
    "model_not_found": "config",
    "context_length_exceeded": "config",
    "content_filter": "generic",
}
QUOTED = (
    "tools[3].function.name 'is_overloaded'",
    "Got: 'extra usage'",
    "Input should be 'rate_limit_exceeded', 'timeout' or 'overloaded'",
    "unexpected value `rate_limit_exceeded`",
    "received 'try again in 30 seconds'",
)
WHOLE = {
    "chat completions": 'data: {"choices":[{"delta":{"content":"rate limit exceeded"},'
    '"finish_reason":null}]}\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\n'
    "data: [DONE]\n\n",
    "messages": 'event: content_block_delta\ndata: {"type":"content_block_delta","delta":'
    '{"text":"overloaded"}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    "responses": 'event: response.completed\ndata: {"type":"response.completed","response":'
    '{"status":"completed","error":null}}\n\n',
    "gemini": 'data: {"candidates":[{"content":{"parts":[{"text":"HTTP 429"}]},'
    '"finishReason":"STOP"}]}\n\n',
    "an answer": json.dumps(
        {"choices": [{"message": {"content": "timeout"}, "finish_reason": "stop"}]}
    ),
    "a message": json.dumps(
        {"type": "message", "role": "assistant", "content": [{"text": "quota exceeded"}]}
    ),
    "ollama": json.dumps({"model": "m", "message": {"content": "error 503"}, "done": True}),
}


def seen(verdict: Verdict) -> tuple[object, ...]:
    return (verdict.kind, verdict.retryable, verdict.retry_after_s)


@pytest.mark.parametrize("name", AROUND)
def test_surroundings_change_at_most_one_verdict_in_a_hundred(name: str) -> None:
    """Kind, decision and hint stay; no hint is made of what a person did."""
    changed = {
        one: (seen(before), seen(after))
        for one, text in PASTED.items()
        if seen(before := classify(text)) != seen(after := classify(AROUND[name](text)))
    }
    assert len(changed) <= len(PASTED) / 100, changed


@pytest.mark.parametrize("code", DEFINITE)
@pytest.mark.parametrize("quoted", QUOTED)
def test_what_a_provider_quotes_does_not_outvote_its_code(code: str, quoted: str) -> None:
    """A tail with other failures' words, behind a definite code."""
    error = {"message": f"The request was refused: {quoted}", "code": code}
    for thing in ({"error": error}, f"Error code: 400 - {{'error': {error!r}}}"):
        verdict = classify(thing)
        assert (verdict.kind, verdict.retryable) == (DEFINITE[code], False), verdict.explain()
        assert verdict.retry_after_s is None


def test_the_callers_own_request_is_never_read() -> None:
    """Beside an error in a body, under each name that clients give it."""
    plain = classify({"error": {"message": "Internal server error", "type": "server_error"}})
    for name in ("messages", "input", "prompt", "request", "kwargs", "requestBodyValues"):
        body = {
            "error": {"message": "Internal server error", "type": "server_error"},
            name: json.loads(REQUEST)["messages" if name == "messages" else "tools"],
        }
        assert seen(classify(body)) == seen(plain), name


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_answer_is_no_failure(name: str) -> None:
    """Whatever the model said in it."""
    verdict = classify(WHOLE[name])
    assert not verdict.failed, verdict.explain()
    assert not verdict.retryable


def test_what_packages_say_of_themselves_is_no_failure() -> None:
    """At most one paragraph in fifty is called a failure, and almost none one that can be retried.

    Some paragraphs do quote an error and nothing else.
    """
    verdicts = [classify(paragraph) for paragraph in paragraphs_of_packages()]
    assert len(verdicts) > 500
    failed = [verdict for verdict in verdicts if verdict.failed]
    assert len(failed) <= len(verdicts) / 50
    again = [one for one in failed if one.retryable and one.status_code is not None]
    assert len(again) <= len(verdicts) / 500
