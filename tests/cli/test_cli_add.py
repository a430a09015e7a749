"""``chatlab corpus add`` as a process: every way in, every refusal, nothing written halfway."""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import pty
import select
import shutil
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.har_files import entry, har, limited
from support.planted_secrets import KEYS, Draw

from chatlab.cli import main
from chatlab.corpus import Corpus

ROOT = Path(__file__).parents[2]
KEY = KEYS["openai legacy key"](Draw(51))[0]
NAMES = st.sampled_from(["status", "body", "headers", "exception", "text", "expected", "slug"]) | (
    st.sampled_from(["request", "response", "content", "url", "_error", "error", "provider"])
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 600) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)
LINES = st.lists(st.dictionaries(NAMES, JSON, max_size=4), min_size=1, max_size=4).map(
    lambda rows: "\n".join(map(json.dumps, rows)).encode()
)
LINE = f"2026-01-05 10:20:30 ERROR api.openai.com answered status 429 to {KEY}\n"


def add(
    folder: Path, *arguments: str, given: bytes = b"", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command as a process, adding to `folder`."""
    command = [sys.executable, "-m", "chatlab.cli", "corpus", "add", "--corpus", str(folder)]
    run = subprocess.run(
        [*command, *arguments],
        input=given,
        capture_output=True,
        check=False,
        env={**os.environ, **environment},
    )
    return subprocess.CompletedProcess(
        run.args, run.returncode, run.stdout.decode(), run.stderr.decode()
    )


@pytest.mark.slow
def test_a_log_line_from_standard_input(tmp_path: Path) -> None:
    """Label, evidence, what was taken out, the nearest, the file; nothing on standard error."""
    run = add(tmp_path / "c", given=LINE.encode())
    assert (run.returncode, run.stderr) == (0, "")
    assert "sample    openai/429-rate-limit" in run.stdout
    assert "label     rate_limit, retry; openai, HTTP 429" in run.stdout
    assert "removed   text: OpenAI key, now sk-REDACTED" in run.stdout
    assert "nearest   " in run.stdout
    assert "wrote " in run.stdout
    assert "the check passes" in run.stdout
    assert KEY not in run.stdout
    (sample,) = Corpus.load(tmp_path / "c").values()
    assert "sk-REDACTED" in str(sample.text)


@pytest.mark.slow
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_a_file_in_any_marked_encoding(tmp_path: Path, encoding: str) -> None:
    """As PowerShell and editors write them."""
    file = tmp_path / "failure.txt"
    file.write_bytes("Überlastung: status 529".encode(encoding))
    assert add(tmp_path / "c", str(file)).returncode == 0
    assert Corpus.load(tmp_path / "c")["unknown/529-overloaded"].text == "Überlastung: status 529"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("latin-1", "Überlastung für die Städte: status 529"),
        ("cp1252", "the provider’s “limit”: status 529"),
        ("gbk", "请求过于频繁，请稍后重试：status 529"),
        ("gb18030", "模型服务繁忙 status 529 請稍後再試"),
    ],
)
def test_a_file_in_an_old_encoding(tmp_path: Path, encoding: str, text: str) -> None:
    """Western and Chinese files without a mark are told from their bytes."""
    run = add(tmp_path / "c", given=text.encode(encoding))
    assert (run.returncode, run.stderr) == (0, "")
    (sample,) = Corpus.load(tmp_path / "c").values()
    assert sample.text == text


@pytest.mark.slow
def test_a_text_that_cannot_be_read_whole_is_a_doubt(tmp_path: Path) -> None:
    """Signs that are lost are told, and written with --yes only."""
    given = ("模型服务繁忙，请求过于频繁" * 5).encode() + b" status 529 \xff\xfe"
    run = add(tmp_path / "c", given=given)
    assert run.returncode == 1
    assert "2 characters could not be read as UTF-8; save it as UTF-8" in run.stderr
    assert not (tmp_path / "c").exists()
    assert add(tmp_path / "c", "--yes", given=given).returncode == 0


@pytest.mark.slow
def test_equal_lines_are_one_sample(tmp_path: Path) -> None:
    """The second is told as the same, with status 0, a labelled one too."""
    line = json.dumps({"status": 529, "text": "busy"})
    known = Corpus.load()["anthropic/overloaded-529"]
    labelled = json.dumps({"slug": "kept", **known.record})
    run = add(tmp_path, given="\n".join([line, labelled, line, labelled]).encode())
    assert (run.returncode, run.stderr) == (0, "")
    assert "same as unknown/529-overloaded: standard input: line 3" in run.stdout
    assert "same as anthropic/kept: standard input: line 4" in run.stdout
    assert run.stdout.endswith("2 written, 2 the same as one that is there\n")


@pytest.mark.slow
def test_many_lines_need_a_yes(tmp_path: Path) -> None:
    """As many failures in a HAR do."""
    words = [f"{a}{b}{a}" for a in "abcdefgh" for b in "ijklmnop"][:55]
    given = "\n".join(json.dumps({"text": f"status 503 {word}"}) for word in words).encode()
    run = add(tmp_path / "c", given=given)
    assert run.returncode == 2
    assert "55 different failures, more than 50 of them new" in run.stderr
    assert not (tmp_path / "c").exists()
    assert add(tmp_path / "c", "--yes", given=given).returncode == 0


@pytest.mark.slow
def test_processes_that_add_one_failure_write_one(tmp_path: Path) -> None:
    """Six at once: one file; the others say which sample it is."""
    command = [sys.executable, "-m", "chatlab.cli", "corpus", "add", "--corpus", str(tmp_path)]
    runs = [
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(6)
    ]
    for run in runs:
        assert run.stdin is not None
        run.stdin.write(b"status 503 no healthy upstream")
        run.stdin.close()
    statuses = [run.wait(60) for run in runs]
    said = [run.stderr.read().decode() for run in runs if run.stderr is not None]
    for run in runs:
        for stream in (run.stdout, run.stderr):
            assert stream is not None
            stream.close()
    assert sorted(statuses) == [0, 1, 1, 1, 1, 1]
    assert sum("the same failure" in one for one in said) == 5
    assert len(list(tmp_path.rglob("*.json"))) == 1


def test_an_interrupt_is_one_line(tmp_path: Path) -> None:
    """Ctrl-C ends it with status 130, no traceback and no file."""
    command = [
        sys.executable,
        "-m",
        "chatlab.cli",
        "corpus",
        "add",
        "--corpus",
        str(tmp_path / "c"),
    ]
    script = (
        "import signal, sys, threading, os\n"
        "from chatlab.cli import main\n"
        "threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        f"sys.exit(main({command[3:]!r}))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    ) as run:
        assert run.stderr is not None
        said = run.stderr.read().decode()
        assert run.wait(30) == 130
    assert said == "chatlab: interrupted; what was written before stays\n"
    assert not (tmp_path / "c").exists()


def test_what_the_system_refuses_is_one_line_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file or folder, what is wrong, what to do; never a hidden file's name."""
    file = tmp_path / "failure.txt"
    file.write_text("status 503")
    arguments = ["corpus", "add", "--corpus", str(tmp_path / "c"), str(file)]
    for number, remedy in ((errno.ENOSPC, "make room"), (errno.EROFS, "choose a place")):

        def refuse(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, os.strerror(number), str(tmp_path / "c" / ".hidden.tmp"))

        monkeypatch.setattr("chatlab.corpus.atomic_files.tempfile.mkstemp", refuse)
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert said.startswith(f"chatlab: {tmp_path / 'c' / 'unknown'}: ")
        assert remedy in said
        assert said.count("\n") == 1


@pytest.mark.slow
def test_options_are_decisions(tmp_path: Path) -> None:
    """Provider, label, reason and name are taken; a label that the rules deny fails the check."""
    decided = ["--kind", "auth", "--no-retryable", "--id", "mine", "--why", "it says so"]
    run = add(tmp_path, "--provider", "azure openai", *decided, given=b"status 429")
    assert run.returncode == 1
    assert "the check fails: kind: expected auth, got rate_limit" in run.stdout
    assert "chatlab corpus accept azure/mine --corpus" in run.stdout
    record = Corpus.load(tmp_path)["azure/mine"].record
    assert (record["why"], record["confidence"]) == ("it says so", "high")
    miss = ["--kind", "auth", "--known-miss", "The gateway means the key.", "--id", "miss"]
    run = add(tmp_path, *miss, given=b"gateway: status 429 again")
    assert run.returncode == 0
    assert "a known miss" in run.stdout


@pytest.mark.slow
def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    """It shows what would be written; 1 when that would be refused or fail its check."""
    assert add(tmp_path / "c", "--dry-run", given=LINE.encode()).returncode == 0
    assert add(tmp_path / "c", "--dry-run", "--kind", "auth", given=b"status 429").returncode == 1
    assert not (tmp_path / "c").exists()


@pytest.mark.slow
def test_json_lines_are_added_one_by_one(tmp_path: Path) -> None:
    """Fields of ``classify --jsonl`` and bodies; a bad line is named, the others are added."""
    lines = [
        json.dumps({"id": 7, "provider": "openai", "status": 529, "unknown": 1}),
        "{",
        json.dumps({"error": {"code": "invalid_api_key"}}),
        json.dumps({"status": 401, "text": KEY}),
    ]
    run = add(tmp_path, given="\n".join(lines).encode())
    assert run.returncode == 1
    assert run.stdout.count("wrote ") == 3
    assert run.stderr == "chatlab: standard input: line 2: not a JSON object; correct the line\n"
    assert run.stdout.endswith("3 written, 1 refused\n")
    assert len(Corpus.load(tmp_path)) == 3
    again = add(tmp_path, given="\n".join(lines[:1] + lines[2:]).encode())
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.endswith("0 written, 3 the same as one that is there\n")


def test_what_classify_exports_comes_back(tmp_path: Path) -> None:
    """A line of ``corpus export`` keeps id and label in another folder."""
    sample = Corpus.load()["anthropic/overloaded-529"]
    line = json.dumps({"slug": "kept", **sample.record})
    run = add(tmp_path, given=f"{line}\n{json.dumps({'status': 418})}\n".encode())
    assert run.returncode == 0, run.stderr
    assert Corpus.load(tmp_path)["anthropic/kept"].expected == sample.expected


BAD = {
    "empty": (b"", 2, "empty; give the text of the failing call"),
    "blank": (b" \n\t\r\n", 2, "empty; give"),
    "a program": (Path(sys.executable).read_bytes()[:5000], 2, "not text; give a HAR"),
    "packed": (gzip.compress(os.urandom(3000)), 2, "not text"),
    "too large": (b"status 503 " * 200_000, 2, "give the part that shows the failure"),
    "rather large": (b"status 503 " * 50_000, 2, "too many for a sample"),
    "all secret": (KEY.encode(), 1, "everything in it was secret"),
    "deep": (
        b'{"body":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        1,
        "no rule and no sample matches it",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_line_and_no_file(tmp_path: Path, name: str) -> None:
    """Where, what is wrong, what to do; no traceback; nothing is left behind."""
    given, status, said = BAD[name]
    run = add(tmp_path / "c", given=given)
    assert run.returncode == status, run.stderr
    assert said in run.stderr
    assert run.stderr.count("\n") == (1 if status else 0)
    assert (tmp_path / "c").exists() == (status == 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no-such-file"], "no-such-file: no such file or directory; check the name"),
        (["tests"], "this is a folder; name a file in it"),
        (["--clipboard", "README.md"], "--clipboard: a file was given too"),
    ],
)
def test_wrong_use_is_one_line(tmp_path: Path, arguments: list[str], said: str) -> None:
    """Status 2, where and what."""
    run = add(tmp_path / "c", *arguments)
    assert run.returncode == 2
    assert said in run.stderr
    assert run.stderr.count("\n") == 1


def test_one_name_is_for_one_failure(tmp_path: Path) -> None:
    """An id with a HAR is refused before anything is read."""
    file = tmp_path / "x.har"
    file.write_bytes(har([entry(429, limited(1))]))
    run = add(tmp_path / "c", str(file), "--id", "x")
    assert run.returncode == 2
    assert "can hold several failures; leave it out" in run.stderr


def test_a_har_from_standard_input(tmp_path: Path) -> None:
    """It is read twice, so a pipe is copied first."""
    run = add(tmp_path / "c", "-", given=har([entry(429, limited(1)), entry(500, "oops")]))
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("standard input: 2 entries, 2 failed\n")
    assert len(Corpus.load(tmp_path / "c")) == 2


def test_without_a_folder_of_one_s_own_an_installed_chatlab_refuses(tmp_path: Path) -> None:
    """The corpus inside a wheel is not written to; the line says what to give."""
    site = tmp_path / "site"
    package = site / "chatlab"
    shutil.copytree(ROOT / "chatlab", package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "corpus" / "openai", package / "corpus" / "data" / "openai")
    before = sorted(package.rglob("*.json"))
    command = [sys.executable, "-m", "chatlab.cli", "corpus", "add"]
    options = {"cwd": site, "env": {**os.environ, "PYTHONPATH": str(site)}, "check": False}
    run = subprocess.run(command, input=b"status 503", capture_output=True, **options)
    assert run.returncode == 2
    assert run.stdout == b""
    assert run.stderr.decode() == (
        "chatlab: the corpus that was installed with chatlab is read-only; use a folder of "
        "your own: --corpus DIR, or Corpus.load('DIR', create=True)\n"
    )
    assert sorted(package.rglob("*.json")) == before
    own = subprocess.run(
        [*command, "--corpus", "mine"], input=b"status 503", capture_output=True, **options
    )
    assert own.returncode == 0
    assert (site / "mine" / "unknown" / "503-timeout.json").is_file()


def program(folder: Path, name: str, script: str) -> None:
    """A program called `name` in `folder`."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.mark.slow
def test_the_clipboard_is_read_by_the_platform_s_command(tmp_path: Path) -> None:
    """The first command that is there; an empty clipboard and a failing command are told."""
    path = tmp_path / "bin"
    path.mkdir()
    environment = {"PATH": str(path), "WAYLAND_DISPLAY": ""}
    run = add(tmp_path / "c", "--clipboard", **environment)
    assert run.returncode == 2
    assert "install wl-clipboard (Wayland) or xclip (X11)" in run.stderr
    program(path, "xclip", 'test "$3" = "-out" && echo "status 503 from the clipboard"')
    run = add(tmp_path / "c", "--clipboard", **environment)
    assert run.returncode == 0, run.stderr
    assert "503 from the clipboard" in str(Corpus.load(tmp_path / "c")["unknown/503-timeout"].text)
    program(path, "wl-paste", 'echo "Nothing is copied" >&2; exit 1')
    run = add(tmp_path / "c", "--clipboard", **{**environment, "WAYLAND_DISPLAY": "wayland-0"})
    assert run.returncode == 2
    assert "it holds no text (wl-paste: Nothing is copied); copy the failure first" in run.stderr


def at_a_terminal(folder: Path, file: Path, typed: str) -> tuple[int, str]:
    """Run the command with a terminal for all streams, type `typed`; status and what it showed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "chatlab.cli", "corpus", "add", "--corpus", str(folder)]
    process = subprocess.Popen([*command, str(file)], stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    os.write(master, typed.encode())
    shown = b""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        if select.select([master], [], [], 0.1)[0]:
            try:
                shown += os.read(master, 65536)
            except OSError:  # the last writer has closed the terminal
                break
    status = process.wait(10)
    os.close(master)
    return status, shown.decode()


@pytest.mark.slow
def test_a_person_at_a_terminal_is_asked(tmp_path: Path) -> None:
    """Nothing is written without a yes."""
    file = tmp_path / "failure.txt"
    file.write_text("status 503")
    status, shown = at_a_terminal(tmp_path / "c", file, "n\n")
    assert (status, "write it? [y/N]" in shown) == (1, True)
    assert not (tmp_path / "c").exists()
    status, shown = at_a_terminal(tmp_path / "c", file, "y\n")
    assert (status, "the check passes" in shown) == (0, True)


@pytest.mark.slow
def test_progress_shows_on_a_terminal_only(tmp_path: Path) -> None:
    """A bar for a HAR on a terminal; a pipe stays clean."""
    file = tmp_path / "x.har"
    file.write_bytes(har(entry(429, limited(number)) for number in range(300)))
    status, shown = at_a_terminal(tmp_path / "c", file, "y\n")
    assert status == 0
    assert "looking:" in shown
    assert "%|" in shown
    assert "write those that are new? [y/N]" in shown
    assert add(tmp_path / "d", str(file)).stderr == ""


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.one_of(st.binary(max_size=200), st.builds(har, st.lists(JSON, max_size=3)), LINES))
def test_no_input_breaks_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], raw: bytes
) -> None:
    """Any bytes, any entries of a HAR, any lines of JSON end with a status and no traceback."""
    file = tmp_path / "raw"
    file.write_bytes(raw)
    arguments = ["corpus", "add", "--corpus", str(tmp_path / "c"), "--dry-run", str(file)]
    assert main(arguments) in (0, 1, 2)
    assert "Traceback (most" not in capsys.readouterr().err
    assert not (tmp_path / "c").exists()
