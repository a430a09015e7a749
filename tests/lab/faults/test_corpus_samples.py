"""Tests of corpus samples as replies: what was recorded is what the client gets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import anthropic
import httpx2
import openai
import pytest
from support.lab_calls import CALLERS, HELLO, PATHS, Caller

from chatlab.lab import FakeProvider, Script, ScriptError


@dataclass(frozen=True)
class Recorded:
    """A sample as the corpus has it."""

    id: str
    surface: str = "http_error"
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    exception: object = None
    text: str | None = None


TPM = Recorded(
    "openai/429-tpm",
    status=429,
    headers={"Retry-After-Ms": "1200", "x-request-id": "req_1", "Content-Length": "7"},
    body={"error": {"message": "Rate limit reached", "type": "tokens", "code": "é€"}},
)
PAGE = Recorded("anthropic/520-page", status=520, body="<html>\n<title>520</title>\n")
GZIP = Recorded(
    "google/429-gzip",
    status=429,
    headers={"content-encoding": "gzip", "transfer-encoding": "chunked", "connection": "close"},
    text="error 429: Status code (no body)",
)
LIST = Recorded("google/404-list", status=404, body=[{"error": {"code": 404}}])
EXCEPTION = Recorded(
    "openai/quota",
    surface="sdk_exception",
    status=429,
    exception={"type": "RateLimitError", "text": "You exceeded your current quota"},
)
EVENT = Recorded(
    "anthropic/overloaded-event",
    surface="stream_event",
    body={"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
)
BARE = Recorded("openrouter/502", surface="stream_event", status=200, body={"code": 502})
RAW = Recorded("groq/raw", surface="stream_event", body='event: error\ndata: {"error":"no"}')
SAID = Recorded("openai/said", surface="stream_event", text="Rate limit reached: Limit 3, Used 3")
TEXT_JSON = Recorded(
    "azure/said",
    surface="stream_event",
    text='Failed: {"type":"error","error":{"message":"quota"}} {',
)
FAILED = Recorded(
    "openai/failed",
    surface="stream_event",
    body={"type": "response.failed", "response": {"status": "failed", "error": {"code": "x"}}},
)
PRINTED = Recorded(
    "zai/printed", status=429, text='API Error: 429 {"error": {"code": "1113"}} · Run /login'
)
LOG = Recorded("vertex/log", surface="log_line", text="ECONNRESET")
ODD = Recorded("x/odd", status=101)
SPLIT = Recorded("x/split", status=500, headers={"x-bad": "a\r\nb: c"})
SAMPLES = {
    sample.id: sample
    for sample in (
        *(TPM, PAGE, GZIP, LIST, EXCEPTION, EVENT, BARE, RAW, SAID, TEXT_JSON, FAILED),
        *(PRINTED, LOG, ODD, SPLIT),
    )
}


def served(sample: Recorded, *, path: str = PATHS[1], stream: bool = False) -> httpx2.Response:
    """Return the reply that a plain HTTP client gets."""
    with FakeProvider([f"sample:{sample.id}"], samples=SAMPLES) as fake:
        body = {**HELLO, "input": "Hi", "model": "m", "stream": stream}
        return httpx2.post(fake.base_url + path, json=body, trust_env=False)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("stream", [True, False])
def test_an_http_error_is_served_with_its_status_headers_and_body(path: str, stream: bool) -> None:
    """The endpoint and the kind of call change nothing; only the framing headers are the wire's."""
    answer = served(TPM, path=path, stream=stream)
    content = '{"error":{"message":"Rate limit reached","type":"tokens","code":"é€"}}'.encode()
    assert (answer.status_code, answer.content) == (429, content)
    assert answer.headers.raw == [
        (b"content-type", b"application/json"),
        (b"Retry-After-Ms", b"1200"),
        (b"x-request-id", b"req_1"),
        (b"content-length", str(len(content)).encode()),
    ]


@pytest.mark.parametrize(
    ("sample", "content", "content_type"),
    [
        (PAGE, "<html>\n<title>520</title>\n", "text/html; charset=utf-8"),
        (GZIP, "error 429: Status code (no body)", "text/plain; charset=utf-8"),
        (LIST, '[{"error":{"code":404}}]', "application/json"),
        (EXCEPTION, "You exceeded your current quota", "text/plain; charset=utf-8"),
        (PRINTED, '{"error": {"code": "1113"}}', "application/json"),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_any_recorded_body_is_served_to_the_byte(
    sample: Recorded, content: str, content_type: str
) -> None:
    """Text, lists and seen words are sent as they are, under the type that fits them.

    Of a line that some client printed around a JSON body, only the body is sent.
    """
    answer = served(sample)
    assert answer.status_code == sample.status
    assert (answer.text, answer.headers["content-type"]) == (content, content_type)
    assert not {"content-encoding", "transfer-encoding"} & set(answer.headers)


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_an_sdk_raises_its_own_exception_for_a_sample(caller: Caller) -> None:
    """The recorded status, hint and body are in the exception."""
    with FakeProvider(["sample:openai/429-tpm"], samples=SAMPLES) as fake:
        seen = caller.call(fake)
    assert isinstance(seen.error, openai.RateLimitError | anthropic.RateLimitError)
    assert seen.error.response.headers["retry-after-ms"] == "1200"
    assert "Rate limit reached" in str(seen.error)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sample", "responses", "chat", "messages"),
    [
        (EVENT, EVENT.body, EVENT.body, EVENT.body),
        (
            BARE,
            {"type": "error", "error": {"code": 502}},
            {"error": {"code": 502}},
            {"type": "error", "error": {"code": 502}},
        ),
        (RAW, {"error": "no"}, {"error": "no"}, {"error": "no"}),
        (
            SAID,
            {"type": "error", "error": {"message": SAID.text}},
            {"error": {"message": SAID.text}},
            {"type": "error", "error": {"message": SAID.text}},
        ),
        (TEXT_JSON, *[{"type": "error", "error": {"message": "quota"}}] * 3),
        (FAILED, FAILED.body, {"error": FAILED.body}, {"type": "error", "error": FAILED.body}),
    ],
    ids=lambda value: getattr(value, "id", ""),
)
def test_a_stream_event_is_the_last_event_of_a_good_beginning(
    sample: Recorded, responses: object, chat: object, messages: object
) -> None:
    """It comes inside a 200 stream, after the first content, in the framing of the endpoint."""
    for path, expected in zip(PATHS, (responses, chat, messages), strict=True):
        answer = served(sample, path=path, stream=True)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        *before, last, rest = answer.text.split("\n\n")
        assert rest == ""
        assert "The" in before[-1]
        name, _, data = last.rpartition("data: ")
        assert json.loads(data) == expected
        if sample is not RAW:
            kind = expected["type"] if isinstance(expected, dict) and path == PATHS[0] else "error"
            assert name == ("" if path == PATHS[1] else f"event: {kind}\n")


@pytest.mark.parametrize("caller", CALLERS, ids=str)
def test_an_sdk_meets_the_stream_event_after_the_first_text(caller: Caller) -> None:
    """Text is shown, then the SDK raises what it raises for such an event."""
    with FakeProvider(["sample:anthropic/overloaded-event"], samples=SAMPLES) as fake:
        seen = caller.call(fake)
    assert seen.text == "The"
    assert isinstance(seen.error, openai.APIError | anthropic.APIStatusError)
    assert "Overloaded" in str(seen.error)


def test_the_place_of_a_stream_event_can_be_chosen() -> None:
    """``after_event=0`` makes it the first event, and a place beyond the stream is told."""
    script = Script.parse(
        ["sample:anthropic/overloaded-event,after_event=0", {"step": "sample", "id": EVENT.id}]
    )
    with FakeProvider(script, samples=SAMPLES) as fake:
        assert CALLERS[0].call(fake).text == ""
        assert CALLERS[0].call(fake).text == "The"
    far = "sample:anthropic/overloaded-event,after_event=99"
    with FakeProvider([far], samples=SAMPLES) as fake:
        assert "count up to" in str(CALLERS[0].call(fake).error)


def test_a_stream_event_needs_a_stream() -> None:
    """A call without a stream is told so, and no SDK retries it."""
    answer = served(EVENT)
    assert answer.status_code == 400
    assert "happens inside a stream; call with stream=True" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("openai/429-tmp", 'unknown sample "openai/429-tmp"; did you mean "openai/429-tpm"?'),
        ("zzz", 'unknown sample "zzz"; there are 15 samples'),
        ("vertex/log", "has surface log_line and no status, so no server can send it"),
        ("x/odd", "has the status 101, not 200 to 599"),
    ],
)
def test_a_sample_that_cannot_be_served_is_refused_before_the_start(
    name: str, expected: str
) -> None:
    """Making the provider fails, with the near id or the reason."""
    with pytest.raises(ScriptError) as problem:
        FakeProvider([f"sample:{name}"], samples=SAMPLES)
    assert expected in str(problem.value)


def test_samples_are_needed_only_by_scripts_that_name_them() -> None:
    """Without samples a script of faults plays; one with a sample says what to pass."""
    FakeProvider(["html-page"])
    with pytest.raises(ScriptError, match=r"no samples were given; pass samples=Corpus\.load\(\)"):
        FakeProvider(["sample:openai/429-tpm"])


def test_a_corpus_that_yields_samples_instead_of_ids_is_taken_as_well() -> None:
    """The near name is found among the samples' own ids."""

    class Shelf(dict[str, Recorded]):
        def __iter__(self) -> object:  # type: ignore[override]
            return iter(self.values())

    with pytest.raises(ScriptError, match='did you mean "anthropic/520-page"'):
        FakeProvider(["sample:anthropic/520"], samples=Shelf(SAMPLES))  # type: ignore[arg-type]


def test_a_header_that_would_split_the_reply_is_not_sent() -> None:
    """A recorded line break cannot inject a header."""
    answer = served(SPLIT)
    assert answer.status_code == 400
    assert "cannot be sent over HTTP" in answer.json()["error"]["message"]
