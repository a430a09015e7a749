"""The order of evidence: which signal wins when several speak."""

from __future__ import annotations

import json

import pytest

from chatlab import RULES, Failure, Kind, Verdict, classify, with_verdict
from chatlab.errors.rules.rule import Rule

CASES = [
    # what, seen, kind, retryable
    ("interruption beats a status", {"status": 503, "text": "chat interrupted"}, "generic", False),
    ("request interrupted", {"text": "request interrupted"}, "generic", False),
    ("operation interrupted", {"text": "Operation interrupted by the user"}, "generic", False),
    (
        "a truncated stream is a timeout",
        {"body": 'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'},
        "timeout",
        True,
    ),
    ("529 stays ahead of config", {"status": 529, "text": "invalid model"}, "overloaded", True),
    (
        "overload words stay ahead of config",
        {"text": "model gpt-x is overloaded, or the model does not exist"},
        "overloaded",
        True,
    ),
    ("spent code at 429", {"status": 429, "body": {"code": "insufficient_quota"}}, "usage_limit", False),
    ("spent code at 200", {"status": 200, "body": {"code": "insufficient_quota"}}, "usage_limit", False),
    (
        "plain quota words at 429 are a rate limit",
        {"status": 429, "text": "quota exceeded, see your plan and billing", "provider": "google"},
        "rate_limit",
        True,
    ),
    ("402", {"status": 402}, "usage_limit", False),
    ("401 beats GOAWAY", {"text": "http2: server sent GOAWAY: status 401"}, "auth", False),
    ("401", {"status": 401}, "auth", False),
    ("403 is auth", {"status": 403, "text": "forbidden"}, "auth", False),
    (
        "403 with a config signal is config",
        {"status": 403, "text": "you do not have access to the model gpt-5"},
        "config",
        False,
    ),
    ("429", {"status": 429}, "rate_limit", True),
    ("429 with a config signal", {"status": 429, "body": {"code": "model_not_found"}}, "config", False),
    (
        "provider disabled before timeout",
        {"status": 503, "body": {"code": "provider_disabled"}},
        "provider_disabled",
        False,
    ),
    ("408", {"status": 408}, "timeout", True),
    ("502", {"status": 502}, "timeout", True),
    ("503", {"status": 503}, "timeout", True),
    ("504", {"status": 504}, "timeout", True),
    ("524", {"status": 524}, "timeout", True),
    ("503 invalid model fails fast", {"text": "503: invalid model"}, "config", False),
    ("a caller's own deadline", {"exception": {"type": "TimeoutError", "text": ""}}, "timeout", False),
    ("context deadline", {"text": "context deadline exceeded"}, "timeout", False),
    ("500", {"status": 500}, "generic", True),
    ("server error words", {"text": "server error"}, "generic", True),
    ("cancelled", {"text": "context canceled"}, "generic", False),
    ("nothing known", {"text": "the quick brown fox"}, "generic", False),
    ("words of a 400 do not make it a rate limit", {"status": 400, "text": "rate limit"}, "generic", False),
    ("409 without a mark", {"status": 409}, "generic", False),
    (
        "409 that the provider marks as passing",
        {"status": 409, "headers": {"x-should-retry": "true"}},
        "generic",
        True,
    ),
    (
        "x-should-retry: false keeps the kind",
        {"status": 503, "headers": {"X-Should-Retry": "false"}},
        "timeout",
        False,
    ),
    (
        "x-should-retry: true does not bring money back",
        {"status": 402, "headers": {"x-should-retry": "true"}},
        "usage_limit",
        False,
    ),
    (
        "x-should-retry: true does not mend a key",
        {"status": 401, "headers": {"x-should-retry": "true"}},
        "auth",
        False,
    ),
    ("RST_STREAM by the peer", {"text": "stream error: stream ID 401; INTERNAL_ERROR; received from peer"}, "timeout", True),
    ("RST_STREAM refused by the peer", {"text": "stream error: stream ID 7; REFUSED_STREAM; received from peer"}, "timeout", True),
    ("PROTOCOL_ERROR by the peer", {"text": "stream error: stream ID 7; PROTOCOL_ERROR; received from peer"}, "generic", False),
    ("a reset made here", {"text": "stream error: stream ID 7; CANCEL"}, "generic", False),
    ("GOAWAY", {"text": "http2: server sent GOAWAY and closed the connection"}, "timeout", True),
    ("closed connection", {"text": "write tcp: use of closed network connection"}, "timeout", True),
    ("http2 stream closed", {"text": "http2: stream closed"}, "timeout", True),
    ("client conn", {"text": "http2: client conn could not be established"}, "timeout", True),
]  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "kind", "retryable"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_the_strongest_evidence_decides(
    seen: dict[str, object], kind: str, retryable: bool
) -> None:
    """Each line of the order of evidence, by a small failure."""
    verdict = classify(Failure.from_record(seen))
    assert (verdict.kind, verdict.retryable) == (kind, retryable), verdict.explain()


def test_a_lost_previous_response_breaks_the_chain() -> None:
    """Generic, retryable, chain broken, in both statuses seen in the wild."""
    for status in (400, 404):
        body = {
            "error": {
                "message": "Previous response with id 'resp_1' not found.",
                "code": "previous_response_not_found",
            }
        }
        verdict = classify(Failure(status=status, body=body))
        assert (verdict.kind, verdict.retryable, verdict.chain_broken) == ("generic", True, True)


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("No tool output found for function call call_1.", "function_call_output_missing"),
        (
            "Item 'ws_1' of type 'web_search_call' was provided without its required 'reasoning' item",
            "web_search_reasoning_missing",
        ),
    ],
)
def test_continuity_failures_have_a_searchable_diagnostic(text: str, mark: str) -> None:
    """The message carries the match, no item id, and says what it is not."""
    verdict = classify(Failure(status=400, text=text))
    assert (verdict.kind, verdict.retryable) == ("generic", False)
    assert f"match={mark}" in verdict.message
    assert "neither a configuration nor a billing problem" in verdict.message
    assert "call_1" not in verdict.message
    assert "ws_1" not in verdict.message


def test_an_attached_verdict_beats_everything_and_survives_wrapping() -> None:
    """What was attached on purpose comes back through causes, contexts and groups."""
    purpose = Verdict(Kind.STARTUP_TIMEOUT, retryable=True, provider="openai")
    inner = with_verdict(ValueError("status code: 401"), purpose)
    outer = RuntimeError("HTTP 500")
    outer.__cause__ = inner
    assert classify(ExceptionGroup("many", [KeyError("x"), outer])) is purpose


def test_the_application_s_own_limit_names_no_provider() -> None:
    """A structured usage-limit body at 409 comes from one's own server."""
    body = {"error": {"code": "usage_limit_exceeded", "message": "usage limit exceeded"}}
    verdict = classify(Failure(status=409, body=body, provider="openai"))
    assert (verdict.kind, verdict.retryable, verdict.provider) == ("usage_limit", False, None)


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("azure openai", "azure"),
        ("azure-openai", "azure"),
        ("Azure_OpenAI", "azure"),
        ("openai_compat", "openai-compat"),
        ("openai compatible", "openai-compat"),
        ("Anthropic", "anthropic"),
        ("aws bedrock", "bedrock"),
        ("Vertex AI", "google"),
        ("gemini", "google"),
        ("OpenRouter", "openrouter"),
        ("Vercel AI Gateway", "vercel"),
        ("some new gateway", "openai-compat"),
        ("unknown", None),
    ],
)
def test_the_caller_s_provider_is_spelt_one_way(name: str, provider: str | None) -> None:
    """Variants are normalised, and beat what the text says."""
    assert classify("502 from somewhere", provider=name).provider == provider
    assert classify("502 from api.groq.com", provider="openai").provider == "openai"


@pytest.mark.parametrize(
    ("text", "provider"),
    [
        ("openrouter.ai said: anthropic/claude-3 overloaded", "openrouter"),
        ("https://x.openai.azure.com/openai/deployments/gpt-4 502", "azure"),
        ("bedrock: anthropic.claude-v2 502", "bedrock"),
        ("vercel ai gateway: gemini 502", "vercel"),
        ("gemini 502", "google"),
        ("claude 502", "anthropic"),
        ("POST https://api.openai.com/v1/responses 502", "openai"),
        ("openai.APIConnectionError: Connection error.", None),
    ],
)
def test_the_more_specific_name_in_a_text_wins(text: str, provider: str | None) -> None:
    """A gateway before the model's maker; a client library is nobody."""
    assert classify(text).provider == provider


def test_a_failure_inside_a_200_stream_has_no_status() -> None:
    """200 neither proves nor excludes anything."""
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    verdict = classify(Failure(status=200, body=body))
    assert (verdict.kind, verdict.status_code) == ("overloaded", None)


def test_rules_may_be_any_iterable_of_rows() -> None:
    """A list of one rule judges as a table does."""
    rule = Rule(id="mine", kind=Kind.AUTH, retryable=False, because="Because.", codes=("my_code",))
    assert classify({"code": "my-code"}, rules=[rule]).rule == "mine"
    assert classify({"code": "other"}, rules=[rule]).rule == "unmatched"
    assert classify({"code": "other"}, rules=iter(RULES)).rule == "unmatched"


@pytest.mark.parametrize(
    ("thing", "origin"),
    [
        ({"status": 529}, "provider"),
        ({"exception_type": "httpx.ReadTimeout"}, "transport"),
        ({"exception_type": "TimeoutError"}, "caller"),
        ({"exception_type": "pybreaker.CircuitBreakerError"}, "caller"),
        ({"exception_type": "KeyError", "exception_text": "'rate_limit'"}, "caller"),
        ({"attributes": {"reader_left": True}}, "reader"),
        ({"exception_type": "Unheard", "exception_text": "of"}, None),
    ],
)
def test_a_verdict_says_whose_act_it_was(thing: dict[str, object], origin: str | None) -> None:
    """A field, so that a message need blame nobody else."""
    assert classify(Failure(**thing)).origin == origin  # type: ignore[arg-type]
    assert Verdict(Kind.AUTH, retryable=False).origin is None


def test_a_verdict_is_json() -> None:
    """`as_dict` holds JSON types in the order of the command line's output."""
    record = classify("Error code: 429 - try again in 1.2s").as_dict()
    assert list(json.loads(json.dumps(record))) == [
        *("kind", "retryable", "provider", "status_code", "retry_after_s", "chain_broken"),
        *("message", "retry_message", "detail", "rule"),
    ]


@pytest.mark.parametrize("kind", list(Kind))
def test_words_for_people_give_no_empty_advice(kind: Kind) -> None:
    """No "please try again"; a retry message has no status; a label is no raw value."""
    verdict = Verdict(kind, retryable=True, provider="anthropic", status_code=529)
    for words in (verdict.message, verdict.retry_message):
        assert "try again" not in words.lower()
        assert "Anthropic" in words
    assert "529" in verdict.message
    assert "529" not in verdict.retry_message
    assert kind.label != str(kind)
    assert "_" not in kind.label + kind.failed_title + kind.retrying_title


def test_a_usage_message_names_billing_and_an_auth_message_does_not() -> None:
    """Who is out of money is told so; who has a wrong key is not."""
    usage = Verdict(Kind.USAGE_LIMIT, retryable=False).message
    assert "billing" in usage
    assert "quota" in usage
    assert "billing" not in Verdict(Kind.AUTH, retryable=False).message


def test_a_token_limit_of_the_model_is_no_rate_limit() -> None:
    """Moonshot's words name a limit and what was requested, as those of a rate limit do."""
    said = "Your request exceeded model token limit: 8192 (requested: 9120)"
    assert str(classify(f"Invalid request: {said}").kind) == "config"
    limited = "Request too large on tokens per min (TPM): Limit 10000, Requested 12000"
    assert (str(classify(limited).kind), classify(limited).retryable) == ("rate_limit", False)
