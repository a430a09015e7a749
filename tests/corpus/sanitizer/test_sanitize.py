"""What leaves a machine with a sample: no secret, and everything that a verdict is made from."""

from __future__ import annotations

import copy
import json
import random
import re
import string
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.planted_secrets import (
    CARRIERS,
    ESCAPING,
    KEYS,
    NAMED_CARRIERS,
    Draw,
    Record,
    Secret,
    planted,
)
from support.secret_formats import FORMATS, SENTENCES

from chatlab.corpus import Corpus, SampleError
from chatlab.corpus.sanitizer import detector
from chatlab.corpus.sanitizer.headers import ALLOWED_FAMILIES, ALLOWED_HEADERS
from chatlab.corpus.sanitizer.placeholders import is_own
from chatlab.corpus.sanitizer.sanitizing import Sanitized, sanitize, sanitize_text
from chatlab.errors import Failure, classify
from chatlab.errors.reading.who_answered import DISPLAY_NAMES, provider_in

SEED = 20260105
PLANTED = list(planted(SEED))
HARMLESS = (Path(__file__).parent / "harmless_lookalikes.txt").read_text("utf-8").splitlines()
CORPUS = Corpus.load()
LONG = 16
WINDOW = 8


def verdict(record: Mapping[str, object]) -> tuple[object, ...]:
    said = classify(Failure.from_record(record))
    return (
        *(said.kind, said.retryable, said.provider, said.status_code, said.retry_after_s),
        *(said.chain_broken, said.rule),
    )


def dumped(result: Sanitized) -> str:
    return json.dumps(result.record, ensure_ascii=False)


@cache
def cleaned() -> list[Sanitized]:
    """Every planted payload, sanitized."""
    return [sanitize(record) for _, _, record in PLANTED]


def survivors(secret: Secret, text: str) -> list[str]:
    """The parts of `secret` in `text`; of a long part, no eight characters in a row may be left."""
    found = [core for core in secret.cores if core in text or json.dumps(core)[1:-1] in text]
    for core in secret.cores:
        if len(core) >= LONG and " " not in core and "/" not in core:
            windows = (core[at : at + WINDOW] for at in range(len(core) - WINDOW + 1))
            found += [window for window in windows if window in text and window.isalnum()]
    return found


@pytest.mark.slow
@pytest.mark.parametrize("carrier", [*CARRIERS, *NAMED_CARRIERS])
def test_every_planted_secret_is_removed_whatever_carries_it(carrier: str) -> None:
    """Neither a planted secret nor eight characters of its drawn part survive in any payload."""
    leaks = [
        (secret.kind, left)
        for (secret, found_in, _), result in zip(PLANTED, cleaned(), strict=True)
        if found_in == carrier and (left := survivors(secret, dumped(result)))
    ]
    assert leaks == []


def test_the_planted_set_is_as_large_as_promised() -> None:
    """At least 150 different secrets of at least 40 kinds are planted, each present before."""
    assert len({secret.kind for secret, _, _ in PLANTED}) >= 140
    assert len({core for secret, _, _ in PLANTED for core in secret.cores}) >= 1000
    absent = [
        (secret.kind, carrier)
        for secret, carrier, record in PLANTED
        if carrier not in ESCAPING
        and not survivors(secret, json.dumps(record, ensure_ascii=False).replace("\\\\", "\\"))
    ]
    assert absent == []


def test_what_looks_like_a_secret_but_is_none_stays() -> None:
    """Of some 320 model names, numbers, public addresses and identifiers at most 1 % is touched."""
    touched = [line for line in HARMLESS if sanitize_text(line).text != line]
    assert len(HARMLESS) == len(set(HARMLESS)) >= 200
    assert len(touched) <= len(HARMLESS) / 100, touched


@pytest.mark.slow
@pytest.mark.parametrize("carrier", CARRIERS)
def test_look_alikes_stay_whatever_carries_them(carrier: str) -> None:
    """A harmless line is left alone in bodies, reprs, tracebacks and dumps too."""
    records = [CARRIERS[carrier](line) for line in HARMLESS]
    touched = [record for record in records if sanitize(record).record != record]
    assert len(touched) <= len(HARMLESS) / 100, touched


@pytest.mark.parametrize(
    "code",
    [
        *(
            "0xC0000005",
            "0A00010B",
            "E40301A1",
            "ERR_1A2B3C4D",
            "0x00007ff7bfeff5a0",
            "AADSTS50034",
        ),
        *(
            "error:0A00010B:SSL routines:ssl3_get_record:wrong version number",
            "42S02",
            "b6720-0a1b2c",
        ),
    ],
)
def test_an_error_code_stays_where_a_code_is_expected(code: str) -> None:
    """What a body calls its code is an error's, unless it is drawn and long, or in a query."""
    body = {"error": {"code": code, "message": "x"}}
    assert sanitize({"status": 400, "body": body}).removed == ()
    assert sanitize_text(f"failed with code={code}").removed == ()
    login = "/back?code=x7Yz9Qw3Kd2&state=1"
    assert sanitize_text(login).text == "/back?code=REDACTED&state=1"


@pytest.mark.parametrize("fold", ["\n", "\r\n", "\\\n", "\\n", '"\n    "', "'\n  '"])
@pytest.mark.parametrize("kind", ["openai project key", "vault token", "json web token", "xai key"])
def test_a_key_that_is_folded_over_lines_goes_to_its_end(kind: str, fold: str) -> None:
    """What a mail program, a shell or a formatter breaks at 76 columns is one key still."""
    value, _ = KEYS[kind](Draw(11))
    folded = fold.join(value[at : at + 60] for at in range(0, len(value), 60))
    left = sanitize_text(f"refused {folded}\n401 Unauthorized").text
    parts = [value[at : at + WINDOW] for at in range(12, len(value) - WINDOW)]
    assert [part for part in parts if part.isalnum() and part in left] == []
    assert left.endswith("\n401 Unauthorized")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("%2F1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed%2Fx", "%2FREDACTED%2Fx"),
        ("key sk\\u002dproj\\u002d{token}.", "key sk\\u002dproj\\u002dREDACTED."),
        ("a%40b.c and bob%40acme.io", "a%40b.c and REDACTED@example.com"),
        ("by \x1b[33mbob@\x1b[1macme.io\x1b[0m", "by \x1b[33mREDACTED@example.com\x1b[0m"),
        (r"\u002Fhome\u002Fbo7\u002Fx by bo7", r"\u002Fhome\u002FREDACTED\u002Fx by bo7"),
    ],
)
def test_an_escape_hides_nothing_and_stays_where_nothing_is_hidden(
    text: str, expected: str
) -> None:
    """Secrets are found behind escapes; what is left of the text is spelled as it was."""
    token = Draw(3).of(string.ascii_letters + string.digits, 40)
    assert sanitize_text(text.format(token=token)).text == expected


@pytest.mark.slow
def test_sanitizing_changes_no_verdict_of_the_corpus() -> None:
    """Every sample gets the same verdict by the same rule after sanitizing as before."""
    changed = [
        (sample.id, verdict(sample.record), verdict(sanitize(sample.record).record))
        for sample in CORPUS.values()
        if verdict(sample.record) != verdict(sanitize(sample.record).record)
    ]
    assert changed == []


@pytest.mark.slow
def test_sanitizing_changes_no_verdict_of_a_planted_payload() -> None:
    """A payload full of secrets gets the same verdict with and without them."""
    changed = [
        (secret.kind, carrier, verdict(record), verdict(result.record))
        for (secret, carrier, record), result in zip(PLANTED, cleaned(), strict=True)
        if verdict(record) != verdict(result.record)
    ]
    assert changed == []


def with_secret(record: Mapping[str, object], text: str) -> Record:
    """`record` with `text` after its own words."""
    planted_in = copy.deepcopy(dict(record))
    exception, body = planted_in.get("exception"), planted_in.get("body")
    if isinstance(planted_in.get("text"), str):
        planted_in["text"] = f"{planted_in['text']}\n{text}"
    elif isinstance(exception, dict) and isinstance(exception.get("text"), str):
        exception["text"] += f" ({text})"
    elif isinstance(body, dict):
        planted_in["body"] = {**body, "seen": {"in": {"the": {"end": text}}}}
    else:
        planted_in["text"] = text
    return planted_in


@pytest.mark.slow
def test_a_secret_in_a_real_failure_goes_and_the_verdict_stays() -> None:
    """Each sample of the corpus with a secret in its words: the secret goes, the verdict stays."""
    secrets = [secret for secret, carrier, _ in PLANTED if carrier == "log line"]
    wrong = []
    for index, sample in enumerate(CORPUS.values()):
        secret = secrets[index % len(secrets)]
        record = with_secret(sample.record, secret.text)
        result = sanitize(record)
        if survivors(secret, dumped(result)) or verdict(record) != verdict(result.record):
            wrong.append((sample.id, secret.kind, verdict(record), verdict(result.record)))
    assert wrong == []


def test_the_same_value_has_one_placeholder_and_another_value_another() -> None:
    """Placeholders are stable across all fields, and those that stood there before are not reused."""
    one, two = "req_011CSHoEeqs5C35K2UUqR7Fy", "req_0242acd1f5b34c8e9a7d6e5f4c3b2a10"
    record = {
        "status": 529,
        "headers": {"server": f"edge {one}"},
        "body": {"request_id": one, "earlier": [f"req_REDACTED, then {two}"]},
        "text": f"{two} after {one}",
    }
    result = sanitize(record)
    assert result.record["headers"] == {"server": "edge req_REDACTED_2"}
    assert result.record["body"] == {
        "request_id": "req_REDACTED_2",
        "earlier": ["req_REDACTED, then req_REDACTED_3"],
    }
    assert result.record["text"] == "req_REDACTED_3 after req_REDACTED_2"
    assert {(one.kind, one.where, one.placeholder, one.count) for one in result.removed} == {
        ("request id", "headers.server", "req_REDACTED_2", 1),
        ("request id", "body.request_id", "req_REDACTED_2", 1),
        ("request id", "body.earlier[0]", "req_REDACTED_3", 1),
        ("request id", "text", "req_REDACTED_3", 1),
        ("request id", "text", "req_REDACTED_2", 1),
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sk-proj-{token}", "sk-proj-REDACTED"),
        ("sk-ant-api03-{token}", "sk-ant-api03-REDACTED"),
        ("in organization org-{token}", "in organization org-REDACTED"),
        ("from 17.4.33.250:443", "from 203.0.113.7:443"),
        ("from [2a02:6b8:0:1::feed:ff]:443", "from [2001:db8::7]:443"),
        ("https://acme-ai.openai.azure.com/openai", "https://REDACTED.openai.azure.com/openai"),
        ("http://gpu7.acme.internal:8000/v1", "http://REDACTED.internal:8000/v1"),
        ("/home/alice/app.py", "/home/REDACTED/app.py"),
        (r"\/home\/alice\/app.py", r"\/home\/REDACTED\/app.py"),
        ("/mnt/c/Users/alice/app.py", "/mnt/c/Users/REDACTED/app.py"),
        ("~李雷/app.py", "~REDACTED/app.py"),
        (r"C:\Users\Alice Smith\app.py", r"C:\Users\REDACTED\app.py"),
        ("arn:aws:iam::811122223333:role/AcmeRole", "arn:aws:iam::REDACTED:role/REDACTED_2"),
        ("bob@acme.io and eve@acme.io", "REDACTED@example.com and REDACTED_2@example.com"),
        ("call +49 30 9018200", "call +1-555-0100"),
        ("Bearer {token}", "Bearer REDACTED"),
        ("mysql://bob:pa55word@db/x", "mysql://user_REDACTED:REDACTED@db/x"),
        ("?key=AIza{token}&alt=sse", "?key=AIzaREDACTED&alt=sse"),
        ("Set-Cookie: a=b1; HttpOnly", "Set-Cookie: REDACTED"),
    ],
)
def test_placeholders_keep_the_shape(text: str, expected: str) -> None:
    """What is left has the prefix, the port, the suffix and the words that it had."""
    token = Draw(3).of(string.ascii_letters + string.digits, 40)
    assert sanitize_text(text.format(token=token)).text == expected


def test_numbers_stay_numbers_so_that_json_stays_json() -> None:
    """An account number is replaced by a number, in a body and in JSON that is only text."""
    members = {"account_id": 811122223333, "user_id": 99887766, "code": 429, "n": 811122223333}
    result = sanitize({"body": members, "text": f"seen {json.dumps(members)}"})
    assert result.record["body"] == {"account_id": 0, "user_id": 1, "code": 429, "n": 811122223333}
    left = json.loads(str(result.record["text"]).removeprefix("seen "))
    assert left == {"account_id": 0, "user_id": 1, "code": 429, "n": 811122223333}


def test_json_in_text_is_still_json() -> None:
    """Every planted payload that was JSON in a text can still be read as JSON."""
    for (_, carrier, _), result in zip(PLANTED, cleaned(), strict=True):
        if carrier in ("body as text", "json in json"):
            left = result.record
            raw = left.get("body", left.get("text"))
            inner = raw["error"]["message"] if isinstance(raw, dict) else raw
            assert isinstance(json.loads(str(inner)), dict)


def test_headers_go_by_the_allow_list() -> None:
    """Only the listed headers stay, cf-ray without its value; what is dropped is listed by name."""
    kept = {
        "Retry-After": "20",
        "retry-after-ms": "20000",
        "x-should-retry": "true",
        "X-RateLimit-Reset-Tokens": "6m0s",
        "ratelimit-policy": "60;w=60",
        "anthropic-ratelimit-tokens-remaining": "0",
        "Content-Type": "application/json",
        "server": "cloudflare",
        "via": "1.1 varnish",
    }
    dropped = {
        "openai-organization": "acme",
        "date": "Mon, 05 Jan 2026 10:20:30 GMT",
        "x-request-id": "req_1",
        "Set-Cookie": "__cf_bm=1",
        "x-ratelimits": "1",
        "x-acme-8f3a": "1",
    }
    result = sanitize({"headers": {**kept, **dropped, "CF-RAY": "8f3a2b1c0d9e8f7a-FRA"}})
    assert result.record["headers"] == {**kept, "CF-RAY": "REDACTED"}
    assert {one.where for one in result.removed} == {
        *("headers.openai-organization", "headers.date", "headers.x-request-id"),
        *("headers.set-cookie", "headers.x-ratelimits", "headers.(another)", "headers.cf-ray"),
    }
    for name in kept:
        low = name.lower()
        assert low in ALLOWED_HEADERS or low.startswith(ALLOWED_FAMILIES)


def test_a_header_that_the_verdict_needs_stays() -> None:
    """Error codes in headers, and the date that an HTTP date is measured from, are kept."""
    dated = {
        "retry-after": "Mon, 05 Jan 2026 10:21:30 GMT",
        "date": "Mon, 05 Jan 2026 10:20:30 GMT",
    }
    for headers in (dated, {"x-amzn-errortype": "ThrottlingException:http://internal.amazon.com/"}):
        record: Record = {"status": 429, "headers": headers}
        assert sanitize(record).record["headers"] == headers
        assert verdict(sanitize(record).record) == verdict(record)
    assert verdict({"status": 429, "headers": dated})[4] == 60.0


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("content-type", "text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("content-type", "multipart/mixed; boundary=acme-7f3a; charset=utf-8", None),
        (
            "via",
            "1.1 varnish, HTTP/2 google (Varnish/7.1)",
            "1.1 varnish, HTTP/2 google (Varnish/7.1)",
        ),
        ("via", "1.1 gw7.acme.example, 2 bob-laptop (squid/5.7)", None),
        ("via", "1.1 varnish, who knows what of acme", "1.1 varnish"),
    ],
)
def test_an_allowed_header_says_no_more_than_it_must(
    name: str, value: str, expected: str | None
) -> None:
    """A content type keeps its charset only, ``via`` its protocols and the products."""
    result = sanitize({"headers": {name: value}})
    shortened = {
        "content-type": "multipart/mixed; charset=utf-8",
        "via": "1.1 REDACTED, 2 REDACTED_2 (squid/5.7)",
    }
    assert result.record["headers"] == {name: expected or shortened[name]}
    assert bool(result.removed) == (result.record["headers"] != {name: value})
    assert sanitize(result.record).removed == ()


@pytest.mark.parametrize("provider", DISPLAY_NAMES)
def test_a_private_name_that_tells_the_provider_still_tells_it(provider: str) -> None:
    """The host name of somebody's proxy goes, the provider that it shows does not."""
    marks = {
        "azure": "azure-openai",
        "vercel": "ai-gateway.vercel",
        "openai-compat": "ollama",
        "openai": "gpt-4",
    }
    host = f"{marks.get(provider, provider)}-gpu7.lab.corp"
    before = f"503 from http://{host}:8080/v1"
    after = sanitize_text(before).text
    assert "gpu7" not in after
    assert provider_in(after) == provider == provider_in(before)


def test_secrets_in_keys_go_and_the_report_does_not_repeat_them() -> None:
    """A mapping by key, mail address or user is cleaned in its keys, and `where` shows them clean."""
    key = "sk-" + Draw(5).of(string.ascii_letters + string.digits, 48)
    result = sanitize({"body": {"by_key": {key: {"owner_mail": "bob@acme.io"}}}})
    assert result.record["body"] == {
        "by_key": {"sk-REDACTED": {"owner_mail": "REDACTED@example.com"}}
    }
    assert key not in str(result)
    assert "body.by_key.sk-REDACTED.owner_mail" in str(result)


def test_a_value_found_once_is_found_everywhere() -> None:
    """A drawn value that one place names is removed where nothing names it."""
    value = Draw(6).of(string.ascii_letters + string.digits, 20)
    result = sanitize({"body": {"client_secret": value}, "text": f"sent {value} to the server"})
    assert value not in dumped(result)
    assert result.record["text"] == "sent REDACTED to the server"


def test_only_the_detector_knows_some_secrets() -> None:
    """Tokens of services that our own tables do not name are removed by the detector's rules."""
    d = Draw(7)
    alnum = string.ascii_letters + string.digits
    for token in (
        f"dvc_server_{d.of(alnum, 16)}",
        f"sm_pat_{d.of(alnum, 16)}",
        f"GR1348941{d.of(alnum, 20)}",
        f"AstraCS:{d.of(alnum, 20)}",
    ):
        result = sanitize({"body": {"error": {"message": f"used {token} for it"}}})
        assert token not in dumped(result)
        assert detector.detected(f"used {token} for it")


@pytest.fixture
def no_detector(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment without the secret detector."""
    monkeypatch.setitem(sys.modules, "kingfisher_sdk", None)
    detector._scanner.cache_clear()
    yield
    monkeypatch.undo()
    detector._scanner.cache_clear()


@pytest.mark.usefixtures("no_detector")
def test_without_the_detector_no_planted_secret_is_left() -> None:
    """Our own patterns find every planted secret by themselves."""
    assert detector.detected(KEYS["openai legacy key"](Draw(5))[0]) == []
    leaks = [
        (secret.kind, carrier, left)
        for secret, carrier, record in PLANTED[::7]
        if (left := survivors(secret, dumped(sanitize(record))))
    ]
    assert leaks == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_no_format_of_a_key_leaks_in_any_sentence(kind: str) -> None:
    """What `chatlab.errors.redact` finds, the sanitizer finds too."""
    d = Draw(sum(map(ord, kind)))
    for sentence in SENTENCES:
        value, core = FORMATS[kind](d)
        text = sanitize_text(sentence.format(value)).text
        windows = (core[at : at + WINDOW] for at in range(len(core) - WINDOW + 1))
        assert [one for one in windows if one in text] == [], sentence


def test_the_record_given_is_not_changed() -> None:
    """`sanitize` works on a copy, and says the same on every run."""
    for _, _, record in PLANTED[::40]:
        before = copy.deepcopy(record)
        assert sanitize(record) == sanitize(record)
        assert record == before


def test_redactions_name_the_kinds_once() -> None:
    """What was listed stays listed; new kinds are added, and none twice."""
    record = {"text": "bob@acme.io, eve@acme.io", "redactions": ["request id"]}
    assert sanitize(record).record["redactions"] == ["request id", "e-mail address"]
    assert "redactions" not in sanitize({"text": "status 503"}).record


@pytest.mark.parametrize(
    "record",
    [
        {"text": "sk-" + "a1B2c3D4e5F6" * 4},
        {"text": "API_KEY=a1B2c3D4e5F6g7H8\nDB_PASSWORD=hunter22\nADMIN_EMAIL=bob@acme.io\n"},
        {"body": {"access_token": "a1B2c3D4e5F6g7H8", "email": "bob@acme.io"}, "status": None},
        {"headers": {"authorization": "Bearer a1B2c3D4e5F6g7H8"}},
    ],
)
def test_a_payload_of_nothing_but_secrets_is_refused_in_clear_words(record: Record) -> None:
    """When no word of a failure is left, the result says so and what to give instead."""
    problem = sanitize(record).problem
    assert problem is not None
    assert "everything in it was secret" in problem
    assert "give the status or the error message" in problem


def test_a_payload_with_a_failure_in_it_is_no_problem() -> None:
    """A status, a class name or a word of the error is enough."""
    assert [result.problem for result in cleaned() if result.problem] == []
    assert sanitize({"text": "nothing secret"}).problem is None


def test_a_record_nested_too_deeply_says_so() -> None:
    """Depth that Python cannot walk is an error with a way out, not a crash."""
    deep: object = "sk-secret"
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(SampleError, match=r"nested too deeply.*give it as text"):
        sanitize({"body": deep})


def test_odd_values_are_kept_or_made_text() -> None:
    """Bytes become text, tuples lists, and numbers of any length stay."""
    huge = 10**5000
    body = {"raw": b"status 503 \xff", "pair": (1, 2.5, None, True), "huge": huge, 7: "x"}
    result = sanitize({"body": body})
    expected = {"raw": "status 503 �", "pair": [1, 2.5, None, True], "huge": huge, "7": "x"}
    assert result.record["body"] == expected


SNIPPETS = [
    *(secret.text for secret, carrier, _ in PLANTED if carrier == "json body"),
    *(secret.text for secret, carrier, _ in PLANTED if carrier == "environment"),
    *HARMLESS,
]
JOINTS = [
    "",
    " ",
    "\n",
    "\\n",
    '"',
    '\\"',
    "\\\\",
    ": ",
    "=",
    ", ",
    "/",
    "@",
    "_",
    "-",
    ".",
    "://",
    "%22",
]
MIXED = st.lists(
    st.one_of(st.sampled_from(SNIPPETS), st.sampled_from(JOINTS), st.text(max_size=12)), max_size=8
).map("".join)
BODIES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | MIXED,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["api_key", "request_id", "user", "message", "headers"]) | MIXED, inner
        )
    ),
    max_leaves=6,
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(MIXED)
def test_a_sanitized_text_stays_as_it_is(text: str) -> None:
    """Sanitizing twice is sanitizing once, however secrets and rubbish are joined."""
    once = sanitize_text(text)
    twice = sanitize_text(once.text)
    assert twice.text == once.text
    assert twice.removed == ()


@settings(max_examples=100, deadline=None)
@given(BODIES, MIXED)
def test_a_sanitized_record_stays_as_it_is(body: object, text: str) -> None:
    """The same holds for records of any shape."""
    once = sanitize({"status": 503, "body": body, "text": text, "headers": {"via": text}})
    twice = sanitize(once.record)
    assert twice.record == once.record
    assert twice.removed == ()


def test_what_stands_for_a_secret_is_known_again() -> None:
    """Every placeholder that a planted payload got is recognised as one."""
    for result in cleaned():
        for one in result.removed:
            first = one.placeholder.partition(".")[0]
            assert is_own(one.placeholder) or re.search(r"REDACTED(_\d+)?$", first), one


MEGABYTE = 1_000_000


def _filled(piece: str) -> str:
    return (piece * (MEGABYTE // len(piece) + 1))[:MEGABYTE]


def _drawn(alphabet: str) -> str:
    return "".join(random.Random(8).choices(alphabet, k=MEGABYTE))


HOSTILE: dict[str, Callable[[], str]] = {
    "a log": lambda: _filled("2026-01-05 10:20:30 ERROR upstream status 503, retrying in 4 s\n"),
    "json": lambda: _filled('{"error":{"message":"Rate limit","code":"x","request_id":"req_1"}},'),
    "one word": lambda: _filled("a"),
    "prefixes": lambda: _filled("sk-"),
    "names": lambda: _filled("key="),
    "quotes": lambda: _filled('"api_key": "\\"'),
    "backslashes": lambda: _filled('\\"\\\\'),
    "private keys": lambda: _filled("-----BEGIN PRIVATE KEY-----"),
    "addresses": lambda: _filled("http://"),
    "dots": lambda: _filled("a."),
    "digits": lambda: _filled("1."),
    "base64": lambda: _drawn(string.ascii_letters + string.digits + "+/"),
    "noise": lambda: _drawn(string.printable),
    "masks": lambda: _filled("a***"),
    "folders": lambda: _filled("/home/a/"),
}
DENSE: dict[str, Callable[[], str]] = {
    "keys": lambda: " ".join(KEYS["openai legacy key"](Draw(n))[0] for n in range(19_000)),
    "logins": lambda: _filled("https://bob:pa55word@db7.acme.corp/x "),
    "mail": lambda: _filled("bob@acme.io, "),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE | DENSE)
def test_time_grows_with_the_length_alone(name: str) -> None:
    """A megabyte takes ten times as long as a tenth of it, not a hundred times."""
    text = (HOSTILE | DENSE)[name]()
    sanitize_text("load the detector")
    tenth = max(min(_cpu_s(text[: MEGABYTE // 10]) for _ in range(2)), 0.005)
    assert _cpu_s(text) < 30 * tenth


@pytest.mark.slow
@pytest.mark.parametrize("name", DENSE)
def test_a_megabyte_of_nothing_but_secrets_loses_them_all(name: str) -> None:
    """Tens of thousands of them, each counted."""
    assert sum(one.count for one in sanitize_text(DENSE[name]()).removed) >= 19_000


def _cpu_s(text: str) -> float:
    start = time.process_time()
    sanitize_text(text)
    return time.process_time() - start
