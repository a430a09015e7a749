"""The command line as people and programs meet it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatlab.cli import main
from chatlab.corpus import Corpus

ROOT = Path(__file__).parents[2]
FIELDS = [
    *("id", "kind", "retryable", "provider", "status_code", "retry_after_s", "chain_broken"),
    *("message", "retry_message", "detail", "rule"),
]


def chatlab(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run the command as a process."""
    command = [sys.executable, "-m", "chatlab.cli", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False)


def test_classify_explains_a_pasted_dump() -> None:
    """Verdict, what the provider said, evidence, and the nearest other verdict."""
    dump = (
        b"HTTP/2 429\r\nretry-after: 20\r\n\r\n"
        b'{"error": {"code": "rate_limit_exceeded", "message": "Slow down, please."}}'
    )
    run = chatlab("classify", "--provider", "openai", given=dump)
    said = run.stdout.decode()
    assert run.returncode == 0
    assert said.startswith("OpenAI limits the rate of requests (HTTP 429).")
    assert "The provider said: Slow down, please." in said
    assert "wait 20 s (headers.retry-after)" in said
    assert "the code `rate_limit_exceeded` in body.error.code" in said


def test_classify_reads_a_file(tmp_path: Path) -> None:
    """A file name instead of standard input."""
    file = tmp_path / "failure.log"
    file.write_text("read ECONNRESET")
    assert b"timeout" in chatlab("classify", str(file)).stdout


def test_a_reader_that_stops_early_is_no_error() -> None:
    """``chatlab corpus export | head -1`` ends quietly."""
    command = f"{sys.executable} -m chatlab.cli corpus export | head -1 | wc -l"
    run = subprocess.run(command, shell=True, capture_output=True, check=False)
    assert run.stdout.strip() == b"1"
    assert run.stderr == b""


def test_jsonl_answers_every_line_in_order() -> None:
    """One verdict a line; a line that is no object yields an error, exit status 1, and no gap."""
    lines = [
        {"id": "a", "status": 529, "unknown": 1},
        {"id": 2, "exception": {"type": "x.RateLimitError", "text": "slow"}},
        {"text": "Connection refused"},
    ]
    raw = "\n".join([json.dumps(lines[0]), "[1]", json.dumps(lines[1]), "{", json.dumps(lines[2])])
    run = chatlab("classify", "--jsonl", given=raw.encode())
    out = [json.loads(line) for line in run.stdout.splitlines()]
    assert run.returncode == 1
    assert [list(line) == FIELDS for line in out] == [True, False, True, False, True]
    assert [line.get("kind") for line in out] == ["overloaded", None, "rate_limit", None, "timeout"]
    assert [line.get("id") for line in out] == ["a", None, 2, None, None]
    assert all("error" in out[number] for number in (1, 3))


def test_jsonl_of_the_corpus_says_what_the_corpus_expects() -> None:
    """Export and classify meet: the command agrees with the library, sample by sample."""
    exported = chatlab("corpus", "export").stdout
    answered = chatlab("classify", "--jsonl", given=exported).stdout.splitlines()
    corpus = Corpus.load()
    assert len(answered) == len(corpus)
    wrong = 0
    for line in map(json.loads, answered):
        sample = corpus[line["id"]]
        right = [sample.expected["kind"], *sample.accept.get("kind", ())]
        wrong += line["kind"] not in right
    assert wrong <= 0.02 * len(corpus)


def test_output_survives_a_narrow_terminal_encoding() -> None:
    """Text that the terminal cannot show is replaced, not a crash."""
    run = subprocess.run(
        [sys.executable, "-m", "chatlab.cli", "classify"],
        input="该模型当前访问量过大 \ud83d".encode("utf-8", "surrogatepass"),
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert b"overloaded" in run.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["classify", "no-such-file"], "no-such-file"),
        (["corpus", "show", "anthropic/overloadd-529"], "did you mean 'anthropic/overloaded-529'?"),
        (["corpus", "show", "nosuch"], "`chatlab corpus list WORD` finds ids"),
        (["corpus", "check", "--corpus", "no-such-folder"], "no such folder"),
    ],
)
def test_wrong_use_is_one_line_and_status_2(arguments: list[str], said: str) -> None:
    """Where, what is wrong, what to do; no traceback."""
    run = chatlab(*arguments)
    assert run.returncode == 2
    assert said in run.stderr.decode()
    assert run.stderr.count(b"\n") == 1


def test_corpus_check_prints_agreement_and_confusion() -> None:
    """By kind, provider and surface, with exit status 0 when all is as expected."""
    run = chatlab("corpus", "check")
    said = run.stdout.decode()
    assert run.returncode == 0, said
    assert "kind rate_limit" in said
    assert "provider anthropic" in said
    assert "surface log_line" in said
    assert "expected \\ got" in said


def test_corpus_commands_on_a_folder_of_one_s_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Add, list, check, accept, format and export, with status 1 where something differs."""
    sample = Corpus.load()["anthropic/overloaded-529"]
    lines = tmp_path / "new.jsonl"
    wrong = {**sample.expected, "kind": "auth"}
    lines.write_text(json.dumps({"slug": "mine", **sample.record, "expected": wrong}) + "\n")
    folder = tmp_path / "corpus"
    folder.mkdir()
    own = ["--corpus", str(folder)]
    assert main(["corpus", "add", *own, str(lines)]) == 1
    assert "the check fails: kind: expected auth, got overloaded" in capsys.readouterr().out
    assert main(["corpus", "add", *own, str(lines)]) == 1
    assert "anthropic/mine: the corpus has a sample with this name" in capsys.readouterr().err
    assert main(["corpus", "check", *own]) == 1
    assert "kind: expected auth, got overloaded" in capsys.readouterr().out
    assert main(["corpus", "accept", *own, "anthropic/mine"]) == 0
    assert main(["corpus", "check", *own]) == 0
    file = folder / "anthropic" / "mine.json"
    tidy = file.read_text()
    file.write_text(json.dumps(json.loads(tidy)))
    assert main(["corpus", "fmt", *own]) == 0
    assert file.read_text() == tidy
    assert main(["corpus", "list", *own, "mine"]) == 0
    assert "anthropic/mine\toverloaded" in capsys.readouterr().out
    assert main(["corpus", "export", *own, "-o", str(tmp_path / "out.jsonl")]) == 0
    assert json.loads((tmp_path / "out.jsonl").read_text())["id"] == "anthropic/mine"


def test_a_rule_file_that_is_no_python_is_one_line(tmp_path: Path) -> None:
    """Where it is broken and what to do, with status 2, whatever the command."""
    package = tmp_path / "chatlab"
    shutil.copytree(ROOT / "chatlab", package, ignore=shutil.ignore_patterns("__pycache__"))
    rules = package / "errors" / "rules" / "access.py"
    rules.write_text(rules.read_text() + "\nRULES = (\n")
    run = subprocess.run(
        [sys.executable, "-m", "chatlab.cli", "corpus", "diff", "answers.jsonl"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 2
    assert run.stderr.startswith(f"chatlab: {rules}: line ")
    assert run.stderr.endswith("; correct it there\n")
    assert run.stderr.count("\n") == 1


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.binary(max_size=300))
def test_no_input_breaks_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], raw: bytes
) -> None:
    """Any bytes are answered, as text and as JSON Lines."""
    file = tmp_path / "raw"
    file.write_bytes(raw)
    assert main(["classify", str(file)]) == 0
    assert main(["classify", "--jsonl", str(file)]) in (0, 1)
    for line in capsys.readouterr().out.splitlines():
        assert line is not None
