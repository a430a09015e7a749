"""Which of the many numbers in a failure is its HTTP status."""

from __future__ import annotations

import pytest

from chatlab.errors import Failure, classify
from chatlab.errors.reading.http_status import status_in_text, structured

IN_TEXT = [
    ("status 503", 503),
    ("status code: 429", 429),
    ("HTTP 502", 502),
    ("HTTP/1.1 503 Service Unavailable", 503),
    ("Error code: 429 - {'error': 1}", 429),
    ("Request failed with status code 407", 407),
    ("status code 429That call is going to exceed", 429),
    ("[503 ] The model is overloaded", 503),
    ("api.openai.com | 520: Web server is returning an unknown error", 520),
    ("<title>502 Bad Gateway</title>", 502),
    ("Forbidden (403): revoked", 403),
    ("429 Too Many Requests", 429),
    ("error 529", 529),
    ("500: AzureException - Error code: 404 - {'error': 1}", 404),
    ("401", 401),
    ('{"statusCode": 400}', 400),
    ("TransferEncodingError: 400, message='Not enough data'", None),
    ("stream ID 401; CANCEL", None),
    ("connect 127.0.0.1:503", None),
    ("port 502", None),
    ("limit 500, used 429, requested 503", None),
    ("504 tokens", None),
    ("used 504\ntokens", None),
    ("Status Code: 403\n\n**Error Output**", 403),
    ("status: 429\nTokens per minute were used up", 429),
    ("status 500 items", None),
    ("after 500 ms", None),
    ("took 503s", None),
    ("exit code 500", None),
    ("gpt-503 is a model", None),
    ("model-429", None),
    ("Number of tokens (755) exceeded maximum context length (512).", None),
    ("x429y", None),
    ("1429 requests", None),
    ("429.5", None),
    ("17:07:39,503:INFO", None),
    ("4 DEADLINE_EXCEEDED", None),
    ("status 200", None),
    ("$500", None),
    ("Qt 399", None),
    ("", None),
]
STRUCTURED = [
    (429, 429),
    ("429", 429),
    ("429 Too Many", 429),
    (429.0, 429),
    (0, None),
    (-1, None),
    (99999, None),
    ("Too Many 429", None),
    (True, None),
    (None, None),
    (float("nan"), None),
    (10**400, None),
    ([429], None),
]


@pytest.mark.parametrize(("text", "status"), IN_TEXT)
def test_a_number_is_a_status_where_it_is_introduced_as_one(text: str, status: int | None) -> None:
    """Introduced or well known and alone; never a port, count, duration, id or exit code."""
    assert status_in_text(text) == status


@pytest.mark.parametrize(("given", "status"), STRUCTURED)
def test_any_value_may_be_given_as_a_status(given: object, status: int | None) -> None:
    """What can be no HTTP status is none."""
    assert structured(given) == status
    expected = status if status is None or status >= 400 else None
    assert classify(Failure(status=given)).status_code == expected


def test_a_structured_status_beats_one_in_the_text_and_200_counts_for_nothing() -> None:
    """The response's own status wins, the body's comes next, then the words'."""
    body = {"error": {"code": 503}}
    assert classify(Failure(status=429, body=body, text="HTTP 500")).status_code == 429
    assert classify(Failure(status=200, body=body, text="HTTP 500")).status_code == 503
    assert classify(Failure(status=200, text="HTTP 500")).status_code == 500
