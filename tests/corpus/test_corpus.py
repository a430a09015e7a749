"""The corpus as files: what is refused, what is told, what is kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from chatlab.cli import main
from chatlab.corpus import Corpus, SampleError, check, check_sample
from chatlab.corpus.library import shipped_folder
from chatlab.corpus.record_schema import FIELDS, formatted, schema
from chatlab.errors import RULES

EXPECTED = {
    "kind": "auth",
    "retryable": False,
    "provider": "openai",
    "status_code": 401,
    "retry_after_s": None,
    "chain_broken": False,
}


def record(**changes: object) -> dict[str, object]:
    """A sound record with some fields changed."""
    sound: dict[str, object] = {
        "provider": "openai",
        "vendor": None,
        "api": "responses",
        "surface": "http_error",
        "status": 401,
        "headers": {},
        "body": {"error": {"code": "invalid_api_key"}},
        "exception": None,
        "text": None,
        "expected": EXPECTED,
        "accept": None,
        "why": "wrong key",
        "confidence": "high",
        "provenance": "contributed",
        "source": {"url": "https://example.com"},
        "redactions": [],
    }
    return {**sound, **changes}


def written(folder: Path, name: str, content: object) -> Path:
    """A file of the corpus `folder` with `content` as JSON or as text."""
    path = folder / "openai" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_the_shipped_corpus_is_sound_and_formatted() -> None:
    """Every file loads, is in the one format, and no two are the same failure."""
    corpus = Corpus.load()
    assert len(corpus) >= 460
    for sample in corpus.values():
        assert sample.path is not None
        on_disk = json.loads(sample.path.read_text(encoding="utf-8"))
        assert sample.path.read_text(encoding="utf-8") == formatted(on_disk)
    prints = [sample.fingerprint for sample in corpus.values()]
    assert len(prints) == len(set(prints))


def test_known_misses_are_few_and_give_a_reason() -> None:
    """At most 2 % of the samples, each with a sentence."""
    corpus = Corpus.load()
    misses = [sample.known_miss for sample in corpus.values() if sample.known_miss]
    assert len(misses) <= 0.02 * len(corpus)
    assert all(len(reason) > 20 for reason in misses)


def test_the_schema_file_is_the_code_s_schema() -> None:
    """`corpus/schema.json` says what the linter checks."""
    on_disk = json.loads((shipped_folder() / "schema.json").read_text(encoding="utf-8"))
    assert on_disk == schema()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"surface": "http-error"}, "surface: 'http-error' is not an allowed value; did you mean 'http_error'?"),
        ({"status": "401"}, "status: '401' must be integer or null"),
        ({"expected": {**EXPECTED, "kind": "ratelimit"}}, "expected.kind: 'ratelimit' is not an allowed value; did you mean 'rate_limit'?"),
        ({"expected": {**EXPECTED, "retryable": "no"}}, "expected.retryable: 'no' must be boolean"),
        ({"expected": {"kind": "auth"}}, "expected.retryable: the field is missing; add it"),
        ({"accept": {"knd": ["auth"]}}, "accept.knd: no such field; did you mean 'kind'?"),
        ({"accept": {"kind": []}}, "accept.kind: the list is empty; remove it or say what else is right"),
        ({"provder": "x"}, "provder: no such field; did you mean 'provider'?"),
        ({"exception": {"type": "x"}}, "exception.text: the field is missing; add it"),
        ({"redactions": [1]}, "redactions[0]: 1 must be string"),
        ({"body_file": "a.body.html"}, "body_file: the record has a body too; keep one of them"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_one_line_that_says_what_to_do(
    tmp_path: Path, change: dict[str, object], line: str
) -> None:
    """Path, field, what is wrong, and the near name; the other files are still loaded."""
    written(tmp_path, "good.json", record())
    bad = written(tmp_path, "bad.json", record(**change))
    corpus, problems = Corpus.load_leniently(tmp_path)
    assert list(corpus) == ["openai/good"]
    assert f"{bad}: {line}" in problems


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "line 1: not valid JSON"),
        ("[]", "the file must hold one JSON object"),
        ("[" * 100_000, "not valid JSON"),
    ],
)
def test_a_file_that_is_no_record_is_one_line(tmp_path: Path, content: str, said: str) -> None:
    """Broken JSON of any depth is a message, not a crash."""
    written(tmp_path, "bad.json", content)
    _, problems = Corpus.load_leniently(tmp_path)
    assert len(problems) == 1
    assert said in problems[0] or "nested too deeply" in problems[0]


def test_a_file_that_is_no_text_is_one_line(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are named as such."""
    (tmp_path / "x.json").write_bytes(b"\xff\xfe{")
    _, problems = Corpus.load_leniently(tmp_path)
    assert "not UTF-8 text" in problems[0]


@pytest.mark.slow
def test_what_cannot_be_read_is_told_and_the_others_are_checked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder called like a sample, a link to itself: a line each, for check and fmt."""
    written(tmp_path, "good.json", json.dumps(record()))
    (tmp_path / "openai" / "folder.json").mkdir()
    (tmp_path / "openai" / "loop.json").symlink_to("loop.json")
    assert main(["corpus", "check", "--corpus", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert "1 samples, 0 unexpected" in said.out
    assert said.err.count("cannot be read") == said.err.count("\n") == 2
    assert main(["corpus", "fmt", "--corpus", str(tmp_path)]) == 1
    assert "formatted" in capsys.readouterr().out
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--chatlab-corpus", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "2 failed, 1 passed" in run.stdout
    assert "folder.json: cannot be read (it is a folder)" in run.stdout


def test_adding_refuses_what_is_already_there_and_says_which(tmp_path: Path) -> None:
    """A taken id and a twin are refused without a write; a page goes into a sidecar."""
    corpus = Corpus({}, tmp_path)
    first = corpus.add(record(), "wrong-key")
    with pytest.raises(SampleError, match="a sample with this name"):
        corpus.add(record(status=403), "wrong-key")
    with pytest.raises(SampleError, match="already here as openai/wrong-key"):
        corpus.add(record(why="said otherwise"), "wrong-key-2")
    page = corpus.add(record(body="<html>401</html>"), "page")
    files = sorted(file.name for file in tmp_path.rglob("*") if file.is_file())
    assert files == ["page.body.html", "page.json", "wrong-key.json"]
    again = Corpus.load(tmp_path)
    assert again["openai/page"].body == "<html>401</html>"
    assert again[first.id].record == first.record
    assert page.id in again


def test_a_sidecar_cannot_reach_outside(tmp_path: Path) -> None:
    """A body_file is a plain name beside the record."""
    changed = record(body_file="../secret.body.html")
    del changed["body"]
    bad = written(tmp_path, "bad.json", changed)
    _, problems = Corpus.load_leniently(tmp_path)
    assert problems[0].startswith(
        f"{bad}: body_file: '../secret.body.html' must be a file beside it"
    )


def test_short_names_and_completion() -> None:
    """A sample answers to its id and to its unambiguous short name; both are completed."""
    corpus = Corpus.load()
    assert corpus["anthropic/overloaded-529"] is corpus["anthropic/anthropic-overloaded-529-1"]
    assert {"anthropic/overloaded-529", "anthropic/anthropic-overloaded-529-1"} <= set(
        corpus._ipython_key_completions_()
    )
    with pytest.raises(KeyError, match="did you mean 'anthropic/overloaded-529'"):
        corpus["anthropic/overloadd-529"]


def test_a_difference_reports_path_rule_evidence_and_the_way_to_accept_it(tmp_path: Path) -> None:
    """What a failing sample prints."""
    corpus = Corpus({}, tmp_path)
    sample = corpus.add(record(expected={**EXPECTED, "kind": "config"}), "wrong")
    report = check_sample(sample).report()
    assert str(sample.path) in report
    assert "kind: expected config, got auth" in report
    assert "decided by auth-refused" in report
    assert "the code `invalid_api_key` in body.error.code" in report
    assert "chatlab corpus accept openai/wrong" in report


def test_accepted_alternatives_are_right(tmp_path: Path) -> None:
    """A listed alternative counts as agreement; another field's does not."""
    corpus = Corpus({}, tmp_path)
    config = {**EXPECTED, "kind": "config"}
    right = corpus.add(record(expected=config, accept={"kind": ["auth"]}), "a")
    wrong = corpus.add(record(expected=config, accept={"provider": [None]}, status=403), "b")
    assert check_sample(right).ok
    assert not check_sample(wrong).agrees("kind")


def test_the_frame_has_a_row_a_sample() -> None:
    """Ids as index, the expected verdict as columns."""
    corpus = Corpus.load()
    frame = corpus.to_frame()
    assert list(frame.index) == list(corpus)
    assert {"kind", "retryable", "surface", "why"} <= set(frame.columns)


def test_a_switched_off_rule_shows_in_the_report() -> None:
    """Without its rule, the samples that need it are unexpected, and the confusion says as what."""
    report = check(Corpus.load().values(), RULES.without("request-over-limit"))
    assert len(report.unexpected) >= 5
    assert "unexpected" not in repr(report)
    assert report.agreement("retryable") < 1


@pytest.mark.slow
def test_the_plugin_makes_each_file_an_item(tmp_path: Path) -> None:
    """A user's own folder runs the same way: pass, fail with a report, strict xfail, bad file."""
    written(tmp_path, "good.json", record())
    written(tmp_path, "wrong.json", record(expected={**EXPECTED, "kind": "config"}))
    written(
        tmp_path,
        "miss.json",
        record(expected={**EXPECTED, "kind": "config"}, known_miss="It is known."),
    )
    written(tmp_path, "fixed.json", record(known_miss="No longer true."))
    written(tmp_path, "bad.json", record(surface="log-line"))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--chatlab-corpus",
        str(tmp_path),
    ]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "3 failed, 1 passed, 1 xfailed" in run.stdout
    assert "kind: expected config, got auth" in run.stdout
    assert "did you mean 'log_line'?" in run.stdout
    assert "[XPASS(strict)] No longer true." in run.stdout


def test_fields_are_in_the_order_of_the_design() -> None:
    """The order in which a file is written."""
    assert list(FIELDS)[:8] == [
        *("provider", "vendor", "api", "surface", "status", "headers", "body", "body_file"),
    ]
