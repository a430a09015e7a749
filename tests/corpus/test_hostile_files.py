"""Hostile files in a corpus: one clear line each, and the other files are still used."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from chatlab.corpus import Corpus, SampleError
from chatlab.corpus.sample_files import MAX_FILE_BYTES, problem_of_name, sample_files

RECORD: dict[str, object] = {
    "provider": "openai",
    "vendor": None,
    "api": None,
    "surface": "http_error",
    "status": 401,
    "headers": {},
    "body": {"error": {"code": "invalid_api_key"}},
    "exception": None,
    "text": None,
    "expected": {
        "kind": "auth",
        "retryable": False,
        "provider": "openai",
        "status_code": 401,
        "retry_after_s": None,
        "chain_broken": False,
    },
    "accept": None,
    "why": "The key is wrong.",
    "confidence": "high",
    "provenance": "contributed",
    "source": {},
    "redactions": [],
}
TEXT = json.dumps(RECORD)
OLD_S = 10_000.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one good sample."""
    (tmp_path / "openai").mkdir()
    (tmp_path / "openai" / "good.json").write_text(TEXT)
    return tmp_path


def problems(folder: Path) -> list[str]:
    """The lines about the other files; the good sample is there."""
    corpus, lines = Corpus.load_leniently(folder)
    assert "openai/good" in corpus
    assert corpus["openai/good"].failure.status == 401
    return lines


def _body(value: str) -> str:
    return TEXT.replace('{"error": {"code": "invalid_api_key"}}', value)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (_body("9" * 5_000), "an integer has 5,000 digits; write it as a text"),
        (_body("1e999"), "the number 1e999 is too large; write it as a text"),
        (_body("NaN"), "NaN is not a JSON number; write null or a text"),
        (_body("-Infinity"), "-Infinity is not a JSON number"),
        (_body('{"a": 1, "a": 2}'), "the key 'a' is there twice; keep one of them"),
        (_body('["x\\u0000y"]'), "body[0]: the text holds a NUL character; remove it"),
        (_body('{"x\\u0000": 1}'), "a key: the text holds a NUL character; remove it"),
        (_body('{"a": "\\ud800"}'), "body.a: the text holds half of a surrogate pair; remove it"),
        (" " * MAX_FILE_BYTES + TEXT, "larger than 4,194,304 bytes; shorten its body"),
        (_body('"' + "[" * 10 + '"')[:-1], "not valid JSON"),
        (_body("[" * 100_000), "the JSON is nested too deeply"),
    ],
)
def test_hostile_content_is_one_line(folder: Path, content: str, said: str) -> None:
    """Numbers, characters and sizes that break readers are named; nothing is raised."""
    bad = folder / "openai" / "bad.json"
    bad.write_text(content)
    (line,) = problems(folder)
    assert line.startswith(f"{bad}: ")
    assert said in line
    assert line.isprintable()


def test_links_pipes_and_sockets_are_refused_before_they_are_opened(folder: Path) -> None:
    """Reading a pipe would wait for ever; a link could name any file of the machine."""
    place = folder / "openai"
    (place / "link.json").symlink_to("good.json")
    os.mkfifo(place / "pipe.json")
    (folder / "elsewhere").symlink_to("/")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(place / "socket.json"))
        lines = problems(folder)
    assert [line.partition(": ")[2] for line in lines] == [
        "cannot be read (it is a link); put a file there or remove it",
        "cannot be read (it is a link); put a file there or remove it",
        "cannot be read (it is a pipe); put a file there or remove it",
        "cannot be read (it is a device or a socket); put a file there or remove it",
    ]


@pytest.mark.parametrize("special", ["link", "pipe", "large", "nul"])
def test_a_sidecar_is_read_as_carefully_as_a_record(folder: Path, special: str) -> None:
    """A link, a pipe, a page that is too large, and one with a NUL are refused."""
    record = {**RECORD, "body_file": "page.body.html"}
    record.pop("body")
    (folder / "openai" / "page.json").write_text(json.dumps(record))
    page = folder / "openai" / "page.body.html"
    if special == "link":
        page.symlink_to("/etc/hostname")
    elif special == "pipe":
        os.mkfifo(page)
    else:
        page.write_text("x" * (MAX_FILE_BYTES + 1) if special == "large" else "a\0b")
    (line,) = problems(folder)
    words = {"link": "it is a link", "pipe": "it is a pipe", "large": "larger than", "nul": "NUL"}
    assert words[special] in line
    assert "body_file: page.body.html" in line


@pytest.mark.parametrize("name", ["../x.body.html", "a\0b.body.html", "con.body.html", "x.txt"])
def test_a_sidecar_has_a_plain_name(folder: Path, name: str) -> None:
    """No other folder, no character that cannot be printed, no device."""
    record = {**RECORD, "body_file": name}
    record.pop("body")
    (folder / "openai" / "bad.json").write_text(json.dumps(record))
    (line,) = problems(folder)
    assert "body_file" in line
    assert line.isprintable()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CON", "is reserved on Windows"),
        ("com1.x", "is reserved on Windows"),
        ("a:b", "is not allowed on Windows"),
        ("what?", "is not allowed on Windows"),
        ("tab\there", "cannot be printed"),
        ("\udcff", "cannot be printed"),
        ("GOOD", "differs from openai/GOOD only in case; rename one of them"),
    ],
)
def test_a_name_that_some_system_refuses_is_one_line(folder: Path, name: str, said: str) -> None:
    """Ids are file names on every system: no devices, no signs, no twins in another case."""
    (folder / "openai" / f"{name}.json").write_bytes(TEXT.encode())
    corpus, lines = Corpus.load_leniently(folder)
    assert len(corpus) == len(lines) == 1
    assert said in lines[0]
    assert lines[0].isprintable()


@pytest.mark.parametrize("name", ["openai/aux", "openai/x.", "openai/nul.json"])
def test_names_are_judged_by_their_last_part(name: str) -> None:
    """Endings do not hide a device, and a final dot is dropped by Windows."""
    assert problem_of_name(name) is not None
    assert problem_of_name("openai/429-auxiliary.2") is None


def test_nothing_is_added_under_a_reserved_name_or_through_a_link(folder: Path) -> None:
    """What `load` would refuse is not written either."""
    corpus = Corpus.load(folder)
    with pytest.raises(SampleError, match="is reserved on Windows"):
        corpus.add({**RECORD, "status": 403}, "aux")
    (folder / "anthropic").symlink_to("openai")
    with pytest.raises(SampleError, match="its folder is a link"):
        corpus.add({**RECORD, "provider": "anthropic"}, "x")
    with pytest.raises(SampleError, match="half of a surrogate pair"):
        corpus.add({**RECORD, "text": "\ud800"}, "x")
    assert [file.name for file in (folder / "openai").iterdir()] == ["good.json"]


def test_what_a_killed_writer_left_is_found(folder: Path) -> None:
    """Old temporary files and pages without a record; nothing young, nothing in use."""
    place = folder / "openai"
    page = Corpus.load(folder).add({**RECORD, "body": "<html>401</html>"}, "page")
    left = [place / ".chatlab-x1.tmp", place / "orphan.body.html"]
    for file in left:
        file.write_text("x")
    (place / "broken.json").write_text("{")
    (place / "broken.body.sse").write_text("event: x")
    corpus, _ = Corpus.load_leniently(folder)
    changed_s = max(file.stat().st_mtime for file in left)
    assert corpus.leftovers(now_s=changed_s + OLD_S) == sorted(left)
    assert corpus.leftovers(now_s=changed_s + 1) == []
    assert page.id in corpus


def test_hidden_folders_and_the_schema_are_not_samples(folder: Path) -> None:
    """What an editor or git leaves beside the samples is not read."""
    (folder / ".git").mkdir()
    for name in (".git/x.json", "openai/.hidden.json", "schema.json"):
        (folder / name).write_text("{")
    assert [file.name for file in sample_files(folder)] == ["good.json"]
