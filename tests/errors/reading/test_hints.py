"""How long a provider asks to wait, in every dialect."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.errors import Failure, classify

HEADERS = [
    ({"Retry-After": "30"}, 30.0, "headers.retry-after"),
    ({"retry-after": "0.5"}, 0.5, "headers.retry-after"),
    ({"retry-after": "0"}, 0.0, "headers.retry-after"),
    ({"retry-after-ms": "1500", "retry-after": "30"}, 1.5, "headers.retry-after-ms"),
    ({"retry-after-ms": "1500.5"}, 1.5005, "headers.retry-after-ms"),
    ({"retry-after-ms": "soon", "retry-after": "30"}, 30.0, "headers.retry-after"),
    ({"retry-after": "-5"}, None, None),
    ({"retry-after": "1.5, 2"}, None, None),
    ({"retry-after": "nan"}, None, None),
    ({"retry-after": "inf"}, None, None),
    ({"retry-after": "1e400"}, None, None),
    ({"retry-after": "9" * 400}, None, None),
    ({"retry-after": ""}, None, None),
    ({"retry-after": None}, None, None),
    ({"retry-after": ["7"]}, 7.0, "headers.retry-after"),
    ({"retry-after": b"7"}, 7.0, "headers.retry-after"),
    ({"retry-after": 7}, 7.0, "headers.retry-after"),
    (
        {"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"},
        30.0,
        "headers.retry-after",
    ),
    (
        {"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"},
        None,
        None,
    ),
    ({"retry-after": "Fri, 20 Nov 2099 09:00:00 GMT"}, None, None),
    (
        {"retry-after": "Fri, 20 Nov 2099 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"},
        None,
        None,
    ),
]
TEXTS = [
    ("Please try again in 1.2s.", 1.2),
    ("try again in 6m0s", 360.0),
    ("Try again in 174ms", 0.174),
    ("retry after 9 seconds", 9.0),
    ("Please retry in 34.4s.", 34.4),
    ("quota will reset after 8h44m7s", 31_447.0),
    ("try again in 5 days 22 hours 11 minutes", 511_860.0),
    ("Please wait 30 seconds", 30.0),
    ("请在 9 秒后重试", 9.0),
    ('{"retryDelay": "34.4s"}', 34.4),
    ("{'retry_after': 20}", 20.0),
    ('{\\"retryDelay\\": \\"7s\\"}', 7.0),
    ('headers: %{"retry-after" => ["4"], "server" => ["cloudflare"]}', 4.0),
    ("[(b'date', b'Mon'), (b'retry-after', b'9'), (b'server', b'x')]", 9.0),
    ('"retry-after", then 4 more headers', None),
    ("Retrying in 4 seconds", None),
    ("retrying 5/5 in 3.32s", None),
    ("_chat_with_retry in 2.0 seconds", None),
    ("Request timed out after 600 seconds", None),
    ("it took 30 seconds", None),
    ("try again in -5 seconds", None),
]


@pytest.mark.parametrize(("headers", "delay_s", "source"), HEADERS)
def test_headers(headers: dict[str, object], delay_s: float | None, source: str | None) -> None:
    """Milliseconds first, then seconds or a date against the response's own; nonsense is none."""
    verdict = classify(Failure(status=429, headers=headers))
    assert (verdict.retry_after_s, verdict.retry_after_source) == (delay_s, source)


def test_a_date_counts_from_when_the_response_was_seen() -> None:
    """Where it has no date of its own; its own comes first."""
    later = {"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}
    seen = datetime(2026, 11, 20, 10, tzinfo=UTC)
    assert classify(Failure(status=429, headers=later), now=seen).retry_after_s == 30.0
    assert classify(Failure(status=429, headers=later)).retry_after_s is None
    own = {**later, "date": "Fri, 20 Nov 2026 10:00:10 GMT"}
    assert classify(Failure(status=429, headers=own), now=seen).retry_after_s == 20.0


@pytest.mark.parametrize(("text", "delay_s"), TEXTS)
def test_sentences(text: str, delay_s: float | None) -> None:
    """The provider's sentence is a hint; a client's own back-off line is none."""
    assert classify(f"Error: {text}").retry_after_s == delay_s
    assert classify(Failure(exception_text=text)).retry_after_s == delay_s


def test_a_header_beats_the_body_and_the_body_beats_the_sentence() -> None:
    """Each source in turn, strongest first."""
    detail = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "38s"}
    body = {"error": {"message": "Please retry in 38.9s.", "details": [detail]}}
    with_header = classify(Failure(status=429, headers={"retry-after": "5"}, body=body))
    assert with_header.retry_after_s == 5
    machine = classify(Failure(status=429, body=body))
    assert (machine.retry_after_s, machine.retry_after_source) == (
        38.0,
        "body.error.details[0].retryDelay",
    )
    detail.clear()
    assert classify(Failure(status=429, body=body)).retry_after_s == 38.9


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_input_gives_a_negative_or_endless_wait(header: str, text: str) -> None:
    """Whatever stands in header and text, a hint is finite, bounded and not negative."""
    seen = Failure(headers={"retry-after": header}, text=f"try again in {text} seconds")
    delay_s = classify(seen).retry_after_s
    assert delay_s is None or (math.isfinite(delay_s) and 0 <= delay_s <= 366 * 86_400)
