"""Tests of every fault, on every endpoint, as the official SDKs meet it."""

from __future__ import annotations

import asyncio
import collections
import json
from dataclasses import dataclass

import anthropic
import h2.exceptions
import httpx2
import openai
import pytest
from support.lab_calls import CALLERS, HELLO, PATHS, TERMINAL, Caller, Seen

from chatlab.lab import FAULTS, FakeProvider, parse_fault

SAYS = "The answer is 42."
RESPONSES, CHAT, MESSAGES = PATHS
SDK_CONNECTION = (openai.APIConnectionError, anthropic.APIConnectionError)
SDK_TIMEOUT = (openai.APITimeoutError, anthropic.APITimeoutError)


@dataclass(frozen=True)
class Meeting:
    """A fault, and what a stream shows of it: the text first, then the exception, if any.

    ``text`` and ``raises`` are for Responses, Chat Completions and Messages in this order, or
    one for all.
    """

    fault: str
    text: str | tuple[str, str, str]
    raises: type[BaseException] | tuple[type[BaseException] | None, ...] | None
    timeout_s: float = 10.0
    http2: bool = False

    def __str__(self) -> str:
        return self.fault


QUIET_S = 0.12
MEETINGS = [
    Meeting("refuse-connection", "", ConnectionRefusedError),
    Meeting("reset-before-headers", "", ConnectionResetError),
    Meeting("close-before-headers", "", httpx2.RemoteProtocolError),
    Meeting("stall-before-headers", "", httpx2.ReadTimeout, QUIET_S),
    Meeting("stall-before-content", "", httpx2.ReadTimeout, QUIET_S),
    Meeting(
        "silence-after-event:5",
        ("The", "The answer is 42.", "The answer"),
        httpx2.ReadTimeout,
        0.3,
    ),
    Meeting("clean-end-after-event:5", ("The", "The answer is 42.", "The answer"), None),
    Meeting("clean-end-at-byte:800", ("", "The", "The answer"), None),
    Meeting("close-at-byte:800", ("", "The", "The answer"), httpx2.RemoteProtocolError),
    Meeting("reset-at-byte:800", ("", "The", "The answer"), ConnectionResetError),
    Meeting(
        "http-error:429",
        "",
        (openai.RateLimitError, openai.RateLimitError, anthropic.RateLimitError),
    ),
    Meeting(
        "html-page:502",
        "",
        (openai.InternalServerError, openai.InternalServerError, anthropic.InternalServerError),
    ),
    Meeting("html-page:200", "", None),
    Meeting("wrong-content-type", SAYS, None),
    Meeting("ok-with-error-body", "", None),
    Meeting("in-band-error", "The", (None, openai.APIError, anthropic.APIStatusError)),
    Meeting("malformed-json", "The", json.JSONDecodeError),
    Meeting("malformed-sse", "The", json.JSONDecodeError),
    Meeting(
        "malformed-sse:bare-json",
        ("The", "The is 42.", "The is 42."),
        (json.JSONDecodeError, None, None),
    ),
    Meeting("malformed-sse:bad-utf8", "The", UnicodeDecodeError),
    Meeting("slow-drip:bytes=64,every_s=0.0001", SAYS, None),
    Meeting("reset-unframed:20", "", ConnectionResetError),
    Meeting("short-body:20", "", h2.exceptions.InvalidBodyLengthError, http2=True),
    Meeting("in-band-error:after_event=0", "", (None, openai.APIError, anthropic.APIStatusError)),
    Meeting("clean-end-at-byte:20", "", None, http2=True),
    Meeting("rst-stream:NO_ERROR", "", httpx2.RemoteProtocolError, http2=True),
    Meeting("rst-stream:REFUSED_STREAM", "", httpx2.RemoteProtocolError, http2=True),
    Meeting("rst-stream", "", httpx2.RemoteProtocolError, http2=True),
    Meeting(
        "rst-stream:CANCEL,after_event=5",
        ("The", "The answer is 42.", "The answer"),
        httpx2.RemoteProtocolError,
        http2=True,
    ),
    Meeting("goaway", "", httpx2.RemoteProtocolError, http2=True),
    Meeting(
        "goaway:ENHANCE_YOUR_CALM,after_event=5",
        ("The", "The answer is 42.", "The answer"),
        httpx2.RemoteProtocolError,
        http2=True,
    ),
]


def test_every_fault_is_met() -> None:
    """The table below leaves no fault out; `response-failed` has a test of its own."""
    met = {type(parse_fault(meeting.fault)) for meeting in MEETINGS}
    assert met | {FAULTS["response-failed"]} == set(FAULTS.values())


@pytest.mark.slow
@pytest.mark.parametrize("caller", CALLERS, ids=str)
@pytest.mark.parametrize("meeting", MEETINGS, ids=str)
def test_a_stream_meets_the_fault_once_and_the_next_attempt_is_good(
    meeting: Meeting, caller: Caller
) -> None:
    """Each SDK shows what came before the fault, then the fault, and works again after it."""
    place = PATHS.index(caller.path)
    text = meeting.text if isinstance(meeting.text, str) else meeting.text[place]
    raises = meeting.raises[place] if isinstance(meeting.raises, tuple) else meeting.raises
    with FakeProvider([meeting.fault, "success"]) as fake:
        seen = caller.call(fake, http2=meeting.http2, timeout_s=meeting.timeout_s)
        again = caller.call(fake, http2=meeting.http2)
    assert seen.text == text
    if raises is None:
        assert seen.error is None
    else:
        assert seen.caused_by(raises), repr(seen.error)
    assert (again.text, again.error) == (SAYS, None)
    assert fake.attempts == 2
    met = [request.met for request in fake.requests]
    assert met == (
        ["success"]
        if meeting.fault == "refuse-connection"
        else [str(parse_fault(meeting.fault)), "success"]
    )


WHOLE = [
    Meeting("refuse-connection", "", SDK_CONNECTION * 2),
    Meeting("reset-before-headers", "", SDK_CONNECTION * 2),
    Meeting("close-before-headers", "", SDK_CONNECTION * 2),
    Meeting("stall-before-headers", "", SDK_TIMEOUT * 2, QUIET_S),
    Meeting("stall-before-content", "", SDK_TIMEOUT * 2, QUIET_S),
    Meeting("close-at-byte:200", "", SDK_CONNECTION * 2),
    Meeting("reset-at-byte:200", "", SDK_CONNECTION * 2),
    Meeting("clean-end-at-byte:200", "", (json.JSONDecodeError,)),
    Meeting("malformed-json", "", (json.JSONDecodeError,)),
    Meeting("http-error:401", "", (openai.AuthenticationError, anthropic.AuthenticationError)),
    Meeting("html-page:503", "", (openai.InternalServerError, anthropic.InternalServerError)),
    Meeting("slow-drip:bytes=64,every_s=0.0001", SAYS, ()),
    Meeting("rst-stream:after_event=1", "", SDK_CONNECTION, http2=True),
    Meeting("goaway", "", SDK_CONNECTION, http2=True),
]


@pytest.mark.slow
@pytest.mark.parametrize("caller", CALLERS, ids=str)
@pytest.mark.parametrize("meeting", WHOLE, ids=str)
def test_a_call_without_a_stream_meets_the_fault_too(meeting: Meeting, caller: Caller) -> None:
    """Faults of the connection and the body happen to whole answers as well."""
    with FakeProvider([meeting.fault]) as fake:
        seen = caller.call(fake, stream=False, http2=meeting.http2, timeout_s=meeting.timeout_s)
    assert seen.text == meeting.text
    assert isinstance(meeting.raises, tuple)
    if meeting.raises:
        assert any(kind and isinstance(seen.error, kind) for kind in meeting.raises), seen.error
    else:
        assert seen.error is None


def test_silence_shows_what_came_and_the_connection_stays_open() -> None:
    """After the terminal event a stream can still go silent instead of ending."""
    caller = CALLERS[4]
    count = len(_good(caller).events) + 1  # the SDK swallows the ping
    with FakeProvider([f"silence-after-event:{count}"]) as fake:
        seen = caller.call(fake, timeout_s=0.3)
    assert seen.events[-1] == TERMINAL[caller.path]
    assert seen.caused_by(httpx2.ReadTimeout)


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_a_stream_cut_after_any_event_shows_exactly_the_events_before(caller: Caller) -> None:
    """However many events are asked for, the SDK gets a prefix of the good stream."""
    good = _good(caller).events
    texts: list[str] = []
    for count in range(0, len(good), 3):
        with FakeProvider([f"clean-end-after-event:{count}"]) as fake:
            seen = caller.call(fake)
        assert seen.error is None
        assert seen.events == good[: len(seen.events)]
        assert TERMINAL[caller.path] not in seen.events
        assert len(seen.events) in (count, count - 1)  # one less where a ping is among them
        texts.append(seen.text)
    assert texts == sorted(texts)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["clean-end", "close", "reset"])
def test_a_body_cut_at_any_byte_ends_with_that_byte(how: str) -> None:
    """The bytes before the cut arrive unchanged; then it ends as the fault says."""
    body = {**HELLO, "model": "m", "stream": True}
    with FakeProvider("success") as fake:
        good = httpx2.post(fake.openai_base_url + "/chat/completions", json=body).content
    for count in (0, 1, 7, 300, len(good) - 1):
        got = bytearray()
        with (
            FakeProvider([f"{how}-at-byte:{count}"]) as fake,
            httpx2.Client(trust_env=False) as http,
            http.stream("POST", fake.openai_base_url + "/chat/completions", json=body) as answer,
        ):
            if how == "clean-end":
                got += answer.read()
            else:
                kind = httpx2.ReadError if how == "reset" else httpx2.RemoteProtocolError
                with pytest.raises(kind):
                    collections.deque(map(got.extend, answer.iter_raw()), maxlen=0)
        assert bytes(got) == good[:count]


def test_the_in_band_error_is_in_the_words_of_its_protocol() -> None:
    """Responses yields an ``error`` event, the other two raise with the provider's payload."""
    seen = {path: _met("in-band-error:rate_limit", path) for path in PATHS}
    assert seen[RESPONSES].events[-1] == "error"
    chat = seen[CHAT].error
    assert isinstance(chat, openai.APIError)
    assert chat.code == "rate_limit_exceeded"
    claude = seen[MESSAGES].error
    assert isinstance(claude, anthropic.APIStatusError)
    assert claude.status_code == 200
    assert isinstance(claude.body, dict)
    assert claude.body["error"]["type"] == "rate_limit_error"


def test_an_in_band_error_can_be_the_very_first_event() -> None:
    """``after_event=0`` puts it before everything."""
    for path in PATHS:
        seen = _met("in-band-error:after_event=0", path)
        assert (seen.text, [e for e in seen.events if e != "error"]) == ("", [])


def test_response_failed_is_the_terminal_event_with_its_error() -> None:
    """The Responses stream ends with the failure as data, as the real one does."""
    for caller in CALLERS[:2]:
        with FakeProvider(["response-failed:rate_limit"]) as fake:
            seen = caller.call(fake)
        assert (seen.text, seen.error, seen.events[-1]) == ("The", None, "response.failed")
    with (
        FakeProvider(["response-failed:rate_limit"]) as fake,
        openai.OpenAI(base_url=fake.openai_base_url, api_key="none") as sdk,
    ):
        first, *_, last = sdk.responses.create(model="m", input="x", stream=True)
    assert first.type == "response.created"
    assert last.type == "response.failed"
    assert last.response.id == first.response.id
    assert last.response.error is not None
    assert last.response.error.code == "rate_limit_exceeded"


def test_an_error_status_brings_the_body_that_goes_with_it_and_the_hint_unread() -> None:
    """529 is an overload, 401 a wrong key; any Retry-After is sent as it is written."""
    with (
        FakeProvider(
            ["http-error:529,retry_after=1.5, 2", "http-error:401", "http-error:418,error=quota"]
        ) as fake,
        httpx2.Client(trust_env=False) as http,
    ):
        heard = [http.post(fake.base_url + MESSAGES, json=HELLO) for _ in range(3)]
    assert [answer.status_code for answer in heard] == [529, 401, 418]
    kinds = [answer.json()["error"]["type"] for answer in heard]
    assert kinds == ["overloaded_error", "authentication_error", "invalid_request_error"]
    assert heard[0].headers["retry-after"] == "1.5, 2"
    assert "retry-after" not in heard[1].headers


def test_the_whole_answer_of_an_error_body_is_a_success_object_without_content() -> None:
    """A 200 with an error inside does not raise in Chat Completions: the SDK fills in nothing."""
    with FakeProvider(["ok-with-error-body"]) as fake:
        seen = CALLERS[2].call(fake, stream=False)
    assert seen.error is None
    assert seen.answer.choices is None
    assert seen.answer.error["code"] == "server_is_overloaded"


@pytest.mark.parametrize(
    ("fault", "stream", "expected"),
    [
        ("silence-after-event:3", False, "needs an event stream; call with stream=True"),
        ("in-band-error", False, "needs an event stream"),
        ("rst-stream", True, "needs HTTP/2; give the SDK an httpx2 client with http2=True"),
        ("goaway", True, "needs HTTP/2"),
        ("response-failed", True, "happens only on /v1/responses, not on /v1/messages"),
        ("silence-after-event:99", True, "this reply has 10 event(s); count up to 10"),
        ("clean-end-after-event:10", True, "this reply has 10 event(s); count up to 9"),
        ("in-band-error:after_event=99", True, "count up to 10"),
        ("malformed-json:after_event=10", True, "count up to 9"),
        ("close-at-byte:999999", True, "bytes; count up to"),
        ("http-error:429,retry_after=a\nb", True, "cannot be sent over HTTP"),
    ],
)
def test_a_fault_that_does_not_fit_the_call_says_so(
    fault: str, stream: bool, expected: str
) -> None:
    """The client gets a 400 that no SDK retries, with the reason."""
    caller = CALLERS[4]
    with FakeProvider([fault]) as fake:
        seen = caller.call(fake, stream=stream)
    assert isinstance(seen.error, anthropic.BadRequestError)
    assert expected in str(seen.error)
    assert seen.error.response.headers["x-should-retry"] == "false"


def test_a_slow_drip_waits_before_every_piece() -> None:
    """Sixteen bytes every so often, through ``sleep``, and nothing is lost."""
    waited: list[float] = []

    async def note(seconds: float) -> None:
        waited.append(seconds)
        await asyncio.sleep(0)

    with FakeProvider(["slow-drip:bytes=16,every_s=30"], sleep=note) as fake:
        answer = httpx2.post(fake.base_url + CHAT, json=HELLO, trust_env=False)
    assert answer.json()["choices"][0]["message"]["content"] == SAYS
    assert waited == [30.0] * -(-len(answer.content) // 16)


def _good(caller: Caller) -> Seen:
    with FakeProvider("success") as fake:
        return caller.call(fake)


def _met(fault: str, path: str) -> Seen:
    with FakeProvider([fault]) as fake:
        return Caller(path, is_async=False).call(fake)
