"""The payloads in which failures reach viewers and the store."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatlab.chat.messages.events import encode
from chatlab.errors import Failure, Kind, Verdict, classify
from chatlab.errors.payloads import ChatError, ChatStreamRetry, chat_error, last_error

QUOTA = classify(
    Failure(
        status=429,
        body={"error": {"code": "insufficient_quota", "message": "You are out of credits."}},
        provider="openai",
    )
)


def test_a_chat_error_says_all_that_is_known() -> None:
    """Message, kind, provider, retryable, status and detail, as the verdict has them."""
    assert chat_error(QUOTA) == {
        "message": QUOTA.message,
        "kind": "usage_limit",
        "provider": "openai",
        "retryable": False,
        "status_code": 429,
        "detail": "You are out of credits.",
    }


def test_a_chat_error_leaves_out_what_is_not_known() -> None:
    """Whether a retry can help is always said, also when it cannot."""
    payload = chat_error(Verdict(Kind.GENERIC, retryable=False))
    assert list(payload) == ["message", "kind", "retryable"]
    assert payload["retryable"] is False


@pytest.mark.parametrize("verdict", [QUOTA, Verdict(Kind.TIMEOUT, retryable=True)])
def test_the_event_and_the_payload_are_the_same_json(verdict: Verdict) -> None:
    """A viewer of the stream and a reader of the store get one and the same object."""
    event = encode(ChatError.of(verdict))
    assert event == {"type": "error", "error": chat_error(verdict)}
    assert json.loads(json.dumps(chat_error(verdict))) == chat_error(verdict)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_makes_a_payload_that_reads_back(kind: Kind) -> None:
    """Stored and loaded again, an error is still itself."""
    payload = chat_error(Verdict(kind, retryable=kind is Kind.TIMEOUT, provider="azure"))
    assert payload["kind"] == kind.value
    assert last_error(json.loads(json.dumps(payload))) == payload


def test_an_old_plain_text_becomes_an_error_of_no_special_kind() -> None:
    """Nothing but the two fields that can be told."""
    assert last_error("It broke.") == {"message": "It broke.", "kind": "generic"}


def test_null_stays_null() -> None:
    """A conversation without a last error has none."""
    assert last_error(None) is None


def test_what_does_not_belong_is_left_out_and_no_error_is_lost() -> None:
    """A kind of a newer version, empty fields and wrong types leave the message standing."""
    stored = {
        "message": "It broke.",
        "kind": "solar_flare",
        "provider": "",
        "retryable": True,
        "status_code": "503",
        "detail": None,
        "trace": [1, 2],
    }
    assert last_error(stored) == {"message": "It broke.", "kind": "generic", "retryable": True}
    assert last_error({"message": "x", "kind": ["timeout"], "status_code": True}) == {
        "message": "x",
        "kind": "generic",
    }


@pytest.mark.parametrize(
    "stored", [7, ["It broke."], True, {}, {"message": None}, {"kind": "auth"}]
)
def test_what_is_no_error_is_refused(stored: object) -> None:
    """The error repeats what was stored and says what can be."""
    with pytest.raises(ValueError, match=r"last error: .* is no error; store an object with a mes"):
        last_error(stored)


_JSON = st.none() | st.booleans() | st.integers() | st.text() | st.lists(st.text(), max_size=2)
_FIELDS = st.sampled_from(["kind", "provider", "retryable", "status_code", "detail", "other"])


@given(
    st.none()
    | st.text()
    | st.builds(
        lambda message, rest: {**rest, "message": message},
        st.text(),
        st.dictionaries(_FIELDS, _JSON | st.sampled_from([str(kind) for kind in Kind])),
    )
)
def test_decoding_twice_is_decoding_once(stored: object) -> None:
    """A migration that rewrites rows can run again, and never loses the message."""
    once = last_error(stored)
    assert last_error(once) == once
    if stored is not None:
        assert once is not None
        assert once["message"] == (stored if isinstance(stored, str) else stored["message"])  # type: ignore[index]
        assert once["kind"] in set(Kind)


def test_a_retry_is_announced_in_whole_milliseconds() -> None:
    """The wait to sleep is the announced one, and the time of the retry is its end."""
    now_s = datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp()
    event = ChatStreamRetry.announce(QUOTA, attempt=2, delay_s=1.2345, now_s=now_s)
    assert (event.attempt, event.delay_ms, event.delay_s) == (2, 1235, 1.235)
    assert event.retrying_at == "2026-03-01T12:00:01.235Z"
    assert (event.error, event.kind) == (QUOTA.retry_message, Kind.USAGE_LIMIT)
    assert (event.provider, event.status_code) == ("openai", 429)
