"""Tests of what a request gets before any socket is involved."""

from __future__ import annotations

import json

import pytest
from support.lab_calls import HELLO, KEY, PATHS

from chatlab.lab import Script
from chatlab.lab.protocols.exchange import ReceivedRequest
from chatlab.lab.provider.responder import Responder

CHAT = PATHS[1]
CONTENT = json.dumps({**HELLO, "stream": True}).encode()


def request(
    path: str = CHAT,
    method: str = "POST",
    host: str = "127.0.0.1:8000",
    content: bytes = CONTENT,
    headers: dict[str, str] | None = None,
) -> ReceivedRequest:
    """Return a request as a wire records it."""
    pairs = [("Host", host), *(headers or {}).items()]
    return ReceivedRequest.received(method, path, pairs, content, "1.1")


def answering(*steps: str) -> Responder:
    """Return an answering for a script of these steps."""
    return Responder(Script.parse(list(steps)), None, requests_kept=3)


@pytest.mark.parametrize(
    ("wrong", "status", "expected"),
    [
        (request(path="/v1/response"), 404, 'did you mean "/v1/responses"?'),
        (request(path="/v1/messages/count_tokens"), 404, 'did you mean "/v1/messages"?'),
        (request(path="/qqq"), 404, "there are /v1/responses, /v1/chat/completions"),
        (request(method="GET"), 405, "/v1/chat/completions takes POST, not GET"),
        (request(content=b"[1]"), 400, "takes a JSON object as its body"),
        (request(content=b"{"), 400, "takes a JSON object as its body"),
        (request(content=b"[" * 100_000), 400, "takes a JSON object as its body"),
        (request(content=b'"\xff"'), 400, "takes a JSON object as its body"),
        (request(host="api.openai.com"), 421, "answers on 127.0.0.1 and localhost only"),
        (request(host="127.0.0.1.evil.example:80"), 421, "not on '127.0.0.1.evil.example'"),
        (request(host=""), 421, "only"),
    ],
    ids=lambda value: "" if isinstance(value, ReceivedRequest) else None,
)
def test_a_request_that_is_no_good_is_told_so_and_uses_no_step(
    wrong: ReceivedRequest, status: int, expected: str
) -> None:
    """The reply names what is wrong, no client retries it, and the script stays where it was."""
    answers = answering("html-page")
    reply = answers.answer(wrong)
    assert reply.status == status
    assert ("x-should-retry", "false") in reply.headers
    body = json.loads(reply.body[0].data)
    assert expected in body["error"]["message"]
    assert body["type"] == "error"
    assert answers.player.attempts == 0
    assert [(r.attempt, r.met) for r in answers.requests] == [(None, f"status {status}")]


def test_localhost_is_the_same_host() -> None:
    """A base URL with ``localhost`` in it works, with and without a port."""
    for host in ("localhost:8000", "localhost", "127.0.0.1"):
        assert answering("success").answer(request(host=host)).status == 200


def test_secrets_are_not_kept() -> None:
    """Keys and cookies are replaced in the record; nothing of them is left in its repr."""
    answers = answering("success")
    answers.answer(
        request(
            f"{CHAT}?key={KEY}",
            headers={
                "Authorization": f"Bearer {KEY}",
                "X-API-Key": KEY,
                "api-key": KEY,
                "x-goog-api-key": KEY,
                "Cookie": f"session={KEY}",
                "Proxy-Authorization": KEY,
                "X-Trace": "kept",
            },
        )
    )
    (kept,) = answers.requests
    assert KEY not in repr(kept)
    assert kept.headers["authorization"] == kept.headers["x-api-key"] == "REDACTED"
    assert (kept.headers["x-trace"], kept.path) == ("kept", CHAT)


def test_a_request_is_recorded_with_what_it_met() -> None:
    """Method, path, headers, body, size, version, attempt and step are all there."""
    answers = answering("html-page:520", "success:Hi")
    for _ in range(3):
        answers.answer(request())
    met = [(r.attempt, r.met) for r in answers.requests]
    assert met == [(0, "html-page:520"), (1, "success"), (2, "script ended")]
    first = answers.requests[0]
    assert (first.method, first.path, first.http_version) == ("POST", CHAT, "1.1")
    assert first.body == {**HELLO, "stream": True}
    assert (first.size, first.stream) == (len(CONTENT), True)


def test_a_script_that_ended_says_so() -> None:
    """The reply counts steps and attempts, and names the way out; no client retries it."""
    answers = answering("success")
    answers.answer(request())
    reply = answers.answer(request())
    assert reply.status == 400
    assert ("x-should-retry", "false") in reply.headers
    error = json.loads(reply.body[0].data)["error"]
    assert error["code"] == "chatlab_script_ended"
    assert "the script has 1 step and this is attempt 2" in error["message"]


def test_only_the_last_requests_are_kept() -> None:
    """A long run does not fill the memory."""
    answers = Responder(Script(after="success"), None, requests_kept=3)
    for _ in range(10):
        answers.answer(request())
    assert [r.attempt for r in answers.requests] == [7, 8, 9]


def test_the_reply_before_a_refused_connection_is_the_last_of_its_connection() -> None:
    """Only so does the next attempt have to connect again."""
    answers = answering("success", "success", "refuse-connection")
    assert [answers.answer(request()).final for _ in range(2)] == [False, True]
