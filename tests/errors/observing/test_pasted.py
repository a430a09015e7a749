"""What people paste: dumps of curl, tracebacks, reprs, quoted JSON; and one failure in every shape."""

from __future__ import annotations

import json
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import httpx2
import openai
import pytest
from IPython.core.ultratb import VerboseTB
from support.sockets import answer, response

from chatlab.corpus import Corpus, Sample
from chatlab.errors import Verdict, classify
from chatlab.errors.observing.pasted import from_text

if TYPE_CHECKING:
    from support.sockets import Serve

LIMITED: Final = {
    "error": {
        "message": "Rate limit reached for gpt-5. Please try again in 2s.",
        "type": "tokens",
        "param": None,
        "code": "rate_limit_exceeded",
    }
}
SPENT: Final = {
    "error": {"message": 'It\'s spent: "all" of it.', "code": "insufficient_quota", "param": None}
}
OVERLOADED: Final = {
    "type": "error",
    "error": {"type": "overloaded_error", "message": "Overloaded"},
}
UNKNOWN_MODEL: Final = {
    "error": {
        "code": 404,
        "message": "models/x is not found for API version v1",
        "status": "NOT_FOUND",
    }
}
BAD_KEY: Final = {"message": "invalid x-api-key", "error": {"type": "authentication_error"}}
SHAPED: Final = [
    (429, LIMITED, ("rate_limit", True)),
    (429, SPENT, ("usage_limit", False)),
    (529, OVERLOADED, ("overloaded", True)),
    (404, UNKNOWN_MODEL, ("config", False)),
    (401, BAD_KEY, ("auth", False)),
]

CURL_V: Final = """\
$ curl -v https://api.openai.com/v1/chat/completions -H "Authorization: Bearer sk-abcdefghijklmnop" \\
  -d '{{"messages": [{{"role": "user", "content": "why is my api key invalid? 401 unauthorized"}}]}}'
  % Total    % Received % Xferd  Average Speed   Time    Time     Time  Current
                                 Dload  Upload   Total   Spent    Left  Speed
  0     0    0     0    0     0      0      0 --:--:-- --:--:-- --:--:--     0*   Trying 127.0.0.1:443...
* connect to ::1 port 443 failed: Connection refused
* Connected to api.openai.com (127.0.0.1) port 443 (#0)
> POST /v1/chat/completions HTTP/2
> Host: api.openai.com
> Authorization: Bearer sk-abcdefghijklmnop
>
}} [15 bytes data]
< HTTP/2 {status}
< content-type: application/json
* Mark bundle as not supporting multiuse
< Retry-After: 7
<
{{ [95 bytes data]
100   503  100    95  100    15   9387   1482 --:--:-- --:--:-- --:--:-- 11000
* Connection #0 to host api.openai.com left intact
{body}* Closing connection 0
"""


def seen(verdict: Verdict) -> tuple[str, bool]:
    return str(verdict.kind), verdict.retryable


def quoted(body: object, times: int) -> str:
    text = json.dumps(body)
    for _ in range(times):
        text = json.dumps(text)
    return text


def shapes(status: int, body: Mapping[str, Any]) -> dict[str, tuple[object, int | None]]:
    """One failure in many shapes, each with the status that can be seen in it."""
    text = json.dumps(body)
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\nRetry-After: 7\r\n\r\n"
    crowd = f"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n{head}{text}"
    code = body["error"].get("code")
    inside = code if isinstance(code, int) else None
    return {
        "payload": (body, inside),
        "bytes": (text.encode(), inside),
        "byte order mark": (f"\ufeff{text}", inside),
        "indented": (json.dumps(body, indent=4), inside),
        "array": ([body], inside),
        "event": (f"event: error\ndata: {text}\n\n", inside),
        "event object": ({"event": "error", "data": text, "id": None}, inside),
        "JSON in JSON": (quoted(body, 1), inside),
        "JSON in JSON in JSON": (quoted(body, 2), inside),
        "JSON in messages": ({"error": {"message": json.dumps({"message": text})}}, inside),
        "repr": (repr(body), inside),
        "repr of bytes": (repr(text.encode()), inside),
        "repr of text of repr": (repr(repr(body)), inside),
        "exception text": (f"Error code: {status} - {body!r}", status),
        "log line": (f"2026-11-20 10:00:00,503 ERROR [llm] HTTP {status}: {text}", status),
        "curl -i": (head + text, status),
        "curl -i, newlines": (head.replace("\r", "") + text, status),
        "curl -i, several answers": (crowd, status),
        "curl -v": (CURL_V.format(status=status, body=text), status),
        "page": (
            f"<!DOCTYPE html>\n<html><body><h1>HTTP {status}</h1><pre>{text}</pre></body></html>",
            status,
        ),
    }


@pytest.mark.parametrize(("status", "body", "expected"), SHAPED)
def test_one_failure_gives_one_verdict_in_every_shape(
    status: int, body: Mapping[str, Any], expected: tuple[str, bool]
) -> None:
    """However it was quoted, wrapped or dumped; and a status is found wherever one is shown."""
    for shape, (thing, shown) in shapes(status, body).items():
        verdict = classify(thing)
        assert seen(verdict) == expected, f"{shape}: {thing!r}\n{verdict.explain()}"
        assert verdict.status_code == shown, shape


@pytest.mark.parametrize(("status", "body", "expected"), SHAPED)
def test_an_exception_and_its_traceback_agree(
    serve: Serve, status: int, body: Mapping[str, Any], expected: tuple[str, bool]
) -> None:
    """As raised, as a plain traceback and as a notebook shows it, in colours."""
    url = serve(answer(response(status, body))).url
    with httpx2.Client() as client, pytest.raises(openai.APIStatusError) as raised:
        openai.OpenAI(base_url=url, api_key="k", max_retries=0, http_client=client).models.list()
    error = raised.value
    plain = "".join(traceback.format_exception(error))
    coloured = VerboseTB(theme_name="linux").text(type(error), error, error.__traceback__)
    assert "\x1b[" in coloured
    assert seen(classify(error)) == expected
    if body is not BAD_KEY:  # the SDK prints the message only, and this one has no code in it
        error_code = body["error"].get("code") or body["error"]["type"]
        for text in (plain, coloured):
            verdict = classify(f"{text}\n{{'code': '{error_code}'}}")
            assert seen(verdict) == expected, verdict.explain()
            assert verdict.status_code == status
    for text in (plain, coloured):
        assert classify(text).status_code == status


def test_source_lines_of_a_traceback_are_no_evidence() -> None:
    """What the code says beside a frame, and its line numbers, say nothing about the failure."""
    python = """\
Traceback (most recent call last):
  File "/srv/app.py", line 429, in <module>
    answer = call(timeout=60, retry_on="rate limit exceeded")
             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/app.py", line 401, in call
    raise ValueError("overloaded")
ValueError: nothing known
"""
    notebook = """\
---------------------------------------------------------------------------
ValueError                                Traceback (most recent call last)
Cell In[3], line 1
----> 1 answer = call(timeout=60, retry_on="rate limit exceeded")

File /srv/app.py:429, in call(timeout, retry_on)
    427     if late:
    429 # the model is overloaded
--> 430     raise ValueError("invalid api key")

ValueError: nothing known
"""
    group = """\
  + Exception Group Traceback (most recent call last):
  |   File "/srv/app.py", line 3, in <module>
  |     raise ExceptionGroup("rate limit exceeded", errors)
  | ExceptionGroup: several (1 sub-exception)
  +-+---------------- 1 ----------------
    | Traceback (most recent call last):
    |   File "/srv/app.py", line 503, in call
    |     timeout = 1
    | ValueError: nothing known
    +------------------------------------
"""
    for text in (python, notebook, group):
        verdict = classify(text)
        assert verdict.rule == "unmatched", verdict.explain()
        assert verdict.status_code is None
    last = classify(python.replace("nothing known", "status code: 529"))
    assert seen(last) == ("overloaded", True)
    last = classify(group.replace("nothing known", "status code: 529"))
    assert seen(last) == ("overloaded", True)


def test_a_dump_keeps_the_answer_and_drops_the_question() -> None:
    """Of ``curl -v`` the request, its key and curl's own remarks are no part of the failure."""
    failure = from_text(CURL_V.format(status=503, body='{"error": "no"}'))
    assert failure.status == 503
    assert failure.headers == {"content-type": "application/json", "Retry-After": "7"}
    assert failure.body == '{"error": "no"}'
    assert failure.provider == "openai"
    assert "sk-abcdefghijklmnop" not in repr(failure)
    assert "unauthorized" not in repr(failure)


def test_the_last_answer_of_a_dump_counts() -> None:
    """Not the proxy's, not a redirect's; and a status line quoted in a body is no answer."""
    proxied = "HTTP/1.1 407 Proxy Authentication Required\nVia: x\n\nHTTP/1.1 503 No\nA: b\n\n"
    assert classify(proxied).status_code == 503
    assert seen(classify(proxied)) == ("timeout", True)
    quoting = "HTTP/1.1 400 Bad Request\nA: b\n\nthe upstream said:\nHTTP/1.1 200 OK\n"
    assert classify(quoting).status_code == 400
    bare = "the server answered\nHTTP/1.1 429 Too Many Requests\n"
    assert seen(classify(bare)) == ("rate_limit", True)
    assert classify(bare).status_code == 429


def test_words_around_a_dump_still_count() -> None:
    """A log that quotes an answer names the provider, and may say more."""
    text = "while calling openrouter:\nHTTP/1.1 500 Internal Server Error\nA: b\n\noops"
    verdict = classify(text)
    assert (verdict.provider, verdict.status_code) == ("openrouter", 500)


def test_repeated_headers_count_once() -> None:
    """The first of several values, as a client reads it."""
    text = "HTTP/1.1 429 No\r\nRetry-After: 3\r\nretry-after: 9\r\nRetry-After: 12\r\n\r\n"
    assert classify(text).retry_after_s == 3.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{'a': None, 'b': [True, False], 'c': 1.5}", {"a": None, "b": [True, False], "c": 1.5}),
        (r"""{'it\'s': "a \"b\"", 'c': 'x"y'}""", {"it's": 'a "b"', "c": 'x"y'}),
        (r"{'n': 'a\nb\tc\\d', 'x': '\xe9\u20ac'}", {"n": "a\nb\tc\\d", "x": "é€"}),
        ("{'regex': '\\d+'}", {"regex": "\\d+"}),
        ("[{'b': b'bytes'}]", [{"b": "bytes"}]),
        ("{\"json\": \"\\u00e9 \\/ {'not': 'this'}\"}", {"json": "é / {'not': 'this'}"}),
    ],
)
def test_reprs_are_read_as_what_they_were(text: str, expected: object) -> None:
    """A Python dict that was printed is decoded, without being evaluated."""
    assert from_text(text).body == expected


@pytest.mark.parametrize(
    "text",
    [
        "{'a': __import__('os')}",
        "{'a': 1 + 1}",
        "{not a dict}",
        "[2026-11-20] failed",
        "'",
        '"',
        "{'a",
    ],
)
def test_what_is_no_repr_stays_text(text: str) -> None:
    """Nothing is guessed and nothing is run."""
    assert from_text(text).body is None
    assert from_text(text).text == text


def test_words_in_quotation_marks_lose_them() -> None:
    """A quoted sentence is the sentence."""
    assert from_text('"HTTP 503: try \\"later\\""').text == 'HTTP 503: try "later"'
    assert from_text('"one" and "two"').text == '"one" and "two"'


def as_dump(sample: Sample) -> str:
    body = sample.body if isinstance(sample.body, str) else json.dumps(sample.body)
    head = "".join(f"{name}: {value}\r\n" for name, value in sample.headers.items())
    return f"HTTP/1.1 {sample.status} No\r\n{head or 'A: b'}\r\n\r\n{'' if sample.body is None else body}"


def test_every_answer_of_the_corpus_reads_the_same_from_its_dump() -> None:
    """Records with an HTTP answer, written out as ``curl -i`` would, keep their verdict."""
    compared = 0
    for sample in Corpus.load().values():
        if sample.status is None or sample.exception or sample.text:
            continue
        recorded, pasted = classify(sample), classify(as_dump(sample), provider=sample.provider)
        assert pasted == recorded, f"{sample.id}\n{recorded.explain()}\n{pasted.explain()}"
        compared += 1
    assert compared > 50


def test_every_pasted_text_of_the_corpus_reads_the_same() -> None:
    """A log line given as it is, and one more time quoted, keeps the verdict of its record."""
    compared = 0
    for sample in Corpus.load().values():
        if sample.text is None or sample.status or sample.body is not None or sample.exception:
            continue
        recorded = classify(sample)
        for text in (sample.text, json.dumps(sample.text)):
            pasted = classify(text, provider=sample.provider)
            assert pasted.as_dict() | {"detail": ""} == recorded.as_dict() | {"detail": ""}, (
                sample.id
            )
        compared += 1
    assert compared > 50
