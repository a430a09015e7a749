"""HAR files: only what failed, nothing that was sent, and memory that does not grow with them."""

from __future__ import annotations

import base64
import io
import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from support.har_files import (
    CHUNK,
    COOKIE,
    ENDED,
    KEY,
    PROMPT,
    entry,
    har,
    har_pieces,
    limited,
)

from chatlab.cli import main
from chatlab.corpus import Corpus, SampleError
from chatlab.corpus.adding.har import Har, is_har, public_host
from chatlab.exceptions import MissingExtra


def failed(*entries: object) -> list[Any]:
    """The failed calls among `entries`."""
    return list(Har(io.BytesIO(har(entries)), "x.har"))


def add(folder: Path, file: Path, *more: str) -> int:
    return main(["corpus", "add", "--corpus", str(folder), str(file), *more])


def test_a_har_is_known_by_its_content() -> None:
    """Also behind a byte order mark; a body that happens to have a log is none."""
    assert is_har(har([]))
    assert is_har(b"\xef\xbb\xbf" + har([]))
    assert not is_har(b'{"log": {"level": "error"}}')
    assert not is_har(b'{"error": {"log": {"entries": []}}}')
    assert list(Har(io.BytesIO(b"\xef\xbb\xbf" + har([entry(429, {})])), "x"))


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (entry(429, limited(1)), "rate_limit"),
        (entry(502, "<html><h1>502 Bad Gateway</h1></html>"), "timeout"),
        (entry(200, {"error": {"type": "overloaded_error"}}), "overloaded"),
        (entry(200, {"type": "error", "error": {"type": "api_error"}}), "generic"),
        (entry(200, [{"error": {"code": 503, "status": "UNAVAILABLE"}}]), "timeout"),
        (entry(200, CHUNK), "timeout"),
        (entry(200, f'{CHUNK}data: {{"error": {{"code": "server_error"}}}}\n\n'), "generic"),
        (entry(0, "", _error="net::ERR_CONNECTION_RESET"), "timeout"),
        (entry(0, "", _error="net::ERR_TIMED_OUT"), "timeout"),
    ],
)
def test_every_way_to_fail_is_found(one: dict[str, Any], kind: str, tmp_path: Path) -> None:
    """A status from 400 on, an error in a 200, a model's stream that is cut, and no answer."""
    (call,) = failed(entry(200, {"ok": True}), one)
    proposal = Corpus({}, tmp_path).propose(call.failure)
    assert (call.number, proposal.expected["kind"]) == (2, kind)


@pytest.mark.parametrize(
    "one",
    [
        entry(200, {"choices": [], "error": None}),
        entry(200, CHUNK + ENDED),
        entry(200, "data: {\"price\": 3}\n\n"),
        entry(204, ""),
        entry(302, ""),
        entry(101, ""),
        {"request": None, "response": []},
        "no entry",
    ],
)  # fmt: skip
def test_what_did_not_fail_is_left_alone(one: object) -> None:
    """Answers, whole streams, streams of other services, redirects, and rubbish."""
    assert failed(one) == []


def test_an_entry_that_says_nothing_is_counted() -> None:
    """No status and no reason: there is nothing to learn, and that is said."""
    read = Har(io.BytesIO(har([entry(0), entry(500, "x")])), "x.har")
    assert len(list(read)) == 1
    assert (read.entries, read.silent) == (2, 1)


def test_a_status_that_is_none_is_skipped_and_counted() -> None:
    """One odd entry, even with a number that no machine word holds, does not cost the others."""
    entries = [entry(429, limited(1)), entry(10**30, "x"), entry(1000, "x"), entry(500, "y")]
    read = Har(io.BytesIO(har(entries)), "x.har")
    assert [call.number for call in read] == [1, 4]
    assert (read.entries, read.odd, read.silent) == (4, 2, 0)
    broken = har(entries)[:-20]
    with pytest.raises(SampleError, match="broken after entry 3"):
        list(Har(io.BytesIO(broken), "x.har"))


WRAPPED = {
    "UTF-16": lambda one: har([one]).decode().encode("utf-16"),
    "with a schema": lambda one: b'{"$schema": "x", "n": 1, ' + har([one]).lstrip()[1:],
    "in a list": lambda one: b"[" + har([one]) + b"]",
    "an entry": lambda one: json.dumps(one, indent=2).encode(),
    "entries": lambda one: json.dumps([one, one]).encode(),
    "JSON Lines of entries": lambda one: b"\n".join([json.dumps(one).encode()] * 2),
}


@pytest.mark.parametrize("how", WRAPPED)
def test_a_har_is_known_in_any_wrapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    """Nothing that was sent is ever written, whatever the tool made of the HAR."""
    file, folder = tmp_path / "x.json", tmp_path / "c"
    file.write_bytes(WRAPPED[how](entry(500, {"error": {"message": "the server had an error"}})))
    status = add(folder, file)
    said = capsys.readouterr()
    for shown in (said.out, said.err, *(one.read_text() for one in folder.rglob("*.json"))):
        for secret in (KEY[10:], COOKIE, PROMPT):
            assert secret not in shown
    if "Lines" in how:
        assert (status, "HAR entry" in said.err) == (1, True)
    else:
        assert (status, said.out.count("wrote ")) == (0, 1)


def test_a_piece_of_a_har_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An entry that was cut while it was copied tells what was sent as well."""
    file = tmp_path / "x.json"
    file.write_text(json.dumps(entry(500, "oops"))[:-30])
    assert add(tmp_path / "c", file) == 2
    assert "this is a piece of a HAR; give the response alone" in capsys.readouterr().err
    assert not (tmp_path / "c").exists()


LETTERS = "abcdefghijklmnopqrstuvwxyz"


@pytest.mark.slow
def test_many_new_samples_need_a_yes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Above fifty nothing is written without --yes, and the line says how many there are."""
    words = [f"{a}{b}{a}{b}moose" for a in LETTERS for b in LETTERS][:60]
    file, folder = tmp_path / "x.har", tmp_path / "c"
    file.write_bytes(har(entry(503, {"error": {"message": f"no {word}"}}) for word in words))
    assert add(folder, file) == 2
    said = capsys.readouterr().err
    assert "60 different failures, more than 50 of them new" in said
    assert "--yes" in said
    assert not folder.exists()
    assert add(folder, file, "--dry-run") == 0
    assert add(folder, file, "--yes") == 0
    assert len(Corpus.load(folder)) == 60
    assert add(folder, file) == 0
    assert "60 the same as one that is there" in capsys.readouterr().out


def test_a_body_in_base64_is_read() -> None:
    """As browsers store what they take for binary."""
    one = entry(429, "")
    text = base64.b64encode(json.dumps(limited(1)).encode()).decode()
    one["response"]["content"] = {"encoding": "base64", "text": text}
    assert failed(one)[0].failure.body == limited(1)


def test_only_the_answer_survives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Status, listed headers, body and a public host; nothing that was sent, no cookie, no address."""
    file = tmp_path / "x.har"
    file.write_bytes(har([entry(429, limited(7), headers={"retry-after": "9"})]))
    assert add(tmp_path / "c", file) == 0
    said = capsys.readouterr()
    (sample,) = Corpus.load(tmp_path / "c").values()
    assert sample.path is not None
    for text in (sample.path.read_text(), said.out, said.err):
        for secret in (KEY[10:], COOKIE, PROMPT, "17.4.33.250", "Mozilla", "?key"):
            assert secret not in text
    record = sample.record
    assert (record["status"], record["provider"], record["api"]) == (
        429,
        "openai",
        "chat_completions",
    )
    assert record["headers"] == {"content-type": "application/json", "retry-after": "9"}
    assert record["source"] == {"host": "api.openai.com"}


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("api.anthropic.com", "api.anthropic.com"),
        ("us-east5-aiplatform.googleapis.com", "us-east5-aiplatform.googleapis.com"),
        ("bedrock-runtime.eu-west-1.amazonaws.com", "bedrock-runtime.eu-west-1.amazonaws.com"),
        ("acme-prod.openai.azure.com", "REDACTED.openai.azure.com"),
        ("claude-proxy.acme.example", "REDACTED"),
        ("acme.us-east-1.elb.amazonaws.com", "REDACTED"),
        ("api.openai.com.acme.example", "REDACTED"),
        ("10.1.2.3", "REDACTED"),
        ("", "REDACTED"),
    ],
)
def test_a_private_host_is_not_named(host: str, shown: str) -> None:
    """Public services keep their name, tenants the public ending, all others nothing."""
    assert public_host(host) == shown


def test_duplicates_are_told_and_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a hundred failures that differ in numbers one is written, a second run writes none."""
    file, folder = tmp_path / "x.har", tmp_path / "c"
    broken = [entry(503, {"error": {"message": "no healthy upstream"}})]
    file.write_bytes(har([*(entry(429, limited(n)) for n in range(100)), *broken]))
    assert add(folder, file, "--dry-run") == 0
    assert not folder.exists()
    assert add(folder, file) == 0
    said = capsys.readouterr().out
    assert f"{file}: 101 entries, 101 failed" in said
    assert said.count("wrote ") == 2
    assert "same as openai/429-rate-limit-exceeded: entry 2, entry 3, entry 4 and 96 more" in said
    assert said.endswith("2 written, 99 the same as one that is there\n")
    assert len(list(folder.rglob("*.json"))) == 2
    assert add(folder, file) == 0
    assert "0 written, 101 the same" in capsys.readouterr().out
    assert len(list(folder.rglob("*.json"))) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (har([entry(429, limited(1)), entry(500, "x")])[:-40], "the HAR is broken after entry 1"),
        (har([entry(429, limited(1))]) + b"]", "the HAR is broken after entry 1"),
        (har([entry(200, {})]), "1 entries, 0 failed; there is nothing to add"),
        (har([]), "0 entries, 0 failed; there is nothing to add"),
        (har([entry(429, {})])[:-3] + b', ' + b"[" * 100_000, "nested too deeply after entry 1"),
    ],
)  # fmt: skip
def test_a_bad_har_adds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    """Broken, cut short, without a failure, hostile: one line, status 2, and no file."""
    file = tmp_path / "x.har"
    file.write_bytes(content)
    assert add(tmp_path / "c", file) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "c").exists()


def test_the_parser_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the extra it says which to install."""
    monkeypatch.setitem(sys.modules, "ijson", None)
    with pytest.raises(MissingExtra, match=r"ijson.*pip install 'chatlab\[har\]'"):
        failed(entry(429, {}))


def test_a_broken_har_raises_where_it_is_read() -> None:
    """What came before is given out; then the reader hears of it."""
    calls = iter(Har(io.BytesIO(har([entry(429, limited(1)), entry(429, {})])[:-40]), "x.har"))
    assert next(calls).number == 1
    with pytest.raises(SampleError, match="the HAR is broken after entry 1"):
        next(calls)


def written(file: Path, count: int) -> None:
    """A HAR of `count` entries, one of ten failed, an answer of some kilobytes in each other."""
    answer = {"choices": [{"message": {"content": "a word or two " * 150}}]}
    with file.open("wb") as out:
        out.writelines(
            har_pieces(
                entry(429, limited(number)) if number % 10 == 0 else entry(200, answer)
                for number in range(count)
            )
        )


def peak_bytes(folder: Path, file: Path) -> int:
    """How far memory rises above where it was, while the file is added."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        assert add(folder, file) == 0
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.slow
def test_memory_is_flat(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ten thousand entries take what a thousand take; only the corpus they are held against counts."""
    small, large = tmp_path / "small.har", tmp_path / "large.har"
    written(small, 1_000)
    written(large, 10_000)
    add(tmp_path / "warm", small)
    first = peak_bytes(tmp_path / "a", small)
    second = peak_bytes(tmp_path / "b", large)
    assert large.stat().st_size > 30_000_000
    assert second - first < 3_000_000
    assert "10,000 entries, 1,000 failed" in capsys.readouterr().out
