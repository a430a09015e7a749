"""``chatlab classify``: files, texts and a stream of JSON Lines."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import chatlab
from chatlab.cli import classify_command, main
from chatlab.errors import classify

COMMAND = [sys.executable, "-m", "chatlab", "classify"]
FAILURES = {
    "a.log": ("HTTP 529", "overloaded", "retry"),
    "b.log": ("HTTP 401 invalid x-api-key", "auth", "stop"),
}


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """A file for each failure."""
    for name, (text, _, _) in FAILURES.items():
        (tmp_path / name).write_text(text)
    return [str(tmp_path / name) for name in FAILURES]


def answered(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    """The JSON objects that were printed."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_is_answered_before_the_next_is_given() -> None:
    """The stream may last for ever: each verdict is flushed."""
    with subprocess.Popen(
        [*COMMAND, "--jsonl"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        for number, status in enumerate((429, 529, 401)):
            run.stdin.write(json.dumps({"id": number, "status": status}).encode() + b"\n")
            run.stdin.flush()
            answer = json.loads(run.stdout.readline())
            assert (answer["id"], answer["status_code"]) == (number, status)
        run.stdin.close()
        assert run.wait() == 0


def test_errors_name_the_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Empty lines count."""
    file = tmp_path / "in.jsonl"
    file.write_text('{"status": 529}\n\n{\n[1]\n')
    assert main(["classify", "--jsonl", str(file)]) == 1
    good, *bad = answered(capsys)
    assert good["kind"] == "overloaded"
    assert [one["line"] for one in bad] == [3, 4]
    assert str(bad[1]["error"]) == (
        f"{file}: line 4: no JSON object: the line holds list, not an object"
    )


def test_a_line_that_is_too_long_is_an_error_and_the_next_is_answered(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is skipped piece by piece, so that memory stays constant."""
    monkeypatch.setattr(classify_command, "LONGEST_LINE", 40)
    file = tmp_path / "in.jsonl"
    lines = [json.dumps({"text": "x" * size}) for size in (200, 29, 28)]
    assert [len(line) for line in lines[1:]] == [41, 40]
    file.write_text("\n".join([*lines, '{"status": 529}']))
    assert main(["classify", "--jsonl", str(file)]) == 1
    found = answered(capsys)
    assert [one.get("line") for one in found] == [1, 2, None, None]
    assert found[3]["kind"] == "overloaded"


@pytest.mark.parametrize(
    "payload",
    [
        {"error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}},
        {"code": 429, "message": "Too Many Requests"},
        {"status": 400, "error": {"code": "context_length_exceeded", "message": "too long"}},
        [{"error": {"code": 503, "status": "UNAVAILABLE"}}][0],
    ],
)
def test_a_line_with_a_body_alone_is_read_like_a_dict(
    payload: dict[str, object], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What a provider sent may be logged as it was."""
    file = tmp_path / "in.jsonl"
    file.write_text(json.dumps(payload))
    assert main(["classify", "--jsonl", str(file)]) == 0
    (answer,) = answered(capsys)
    expected = classify(payload)
    assert expected.kind != "generic"
    assert answer == {"id": None, **expected.as_dict()}


def test_a_text_that_is_no_file_is_judged_and_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Quotes are all that a pasted line needs."""
    text = "Error code: 429 - {'error': {'code': 'insufficient_quota'}}"
    assert main(["classify", text, "--json"]) == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"id": text, **classify(text).as_dict()}
    assert said.err == (
        "chatlab: no file has this name; the argument itself is judged as the text of a failure\n"
    )


@pytest.mark.parametrize("text", ["x\0 y", "HTTP 529 " + "x" * 5000])
def test_a_text_that_can_not_be_a_name_is_judged(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Too long, or with a NUL."""
    assert main(["classify", text, "--quiet"]) == 0
    assert capsys.readouterr().out.count("\n") == 1


def test_several_files(files: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In order, each under its name."""
    assert main(["classify", *files]) == 0
    parts = capsys.readouterr().out.split("== ")[1:]
    assert [part.split("\n")[0] for part in parts] == files
    assert main(["classify", "--json", *files]) == 0
    assert [one["id"] for one in answered(capsys)] == files
    assert main(["classify", "--quiet", *files]) == 0
    rows = [line.split("\t") for line in capsys.readouterr().out.splitlines()]
    assert rows == [[f, *FAILURES[Path(f).name][1:]] for f in files]
    assert main(["classify", "--quiet", files[0]]) == 0
    assert capsys.readouterr().out == "overloaded\tretry\n"


@pytest.mark.parametrize(
    ("provider", "hint"),
    [
        ("opnai", "did you mean 'openai'?"),
        ("Antropic", "did you mean 'anthropic'?"),
        ("openai", ""),
        ("Azure OpenAI", ""),
        ("zzz", ""),
        ("openai-compatible", ""),
    ],
)
def test_a_misspelled_provider_is_named(
    provider: str, hint: str, capsys: pytest.CaptureFixture[str], files: list[str]
) -> None:
    """An unknown one is an OpenAI-compatible server; a near miss says so."""
    assert main(["classify", "--provider", provider, files[0]]) == 0
    said = capsys.readouterr().err
    assert hint in said
    assert bool(said) == bool(hint)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """As the package says."""
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"chatlab {chatlab.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["clasify"], "COMMAND: 'clasify' is not known; did you mean 'classify'?"),
        (["qqq"], "'qqq' is not known; choose one of classify, corpus, replay, providers, lab"),
        (["classify", "--jsn", "--jsonl"], "unrecognized arguments: --jsn"),
        (["classify", "--json", "--quiet"], "not allowed with argument"),
        (
            ["corpus", "add", "--kind", "ratelimit"],
            "'ratelimit' is not known; did you mean 'rate_limit'?",
        ),
        (["replay", "--protocol", "mesages", "x"], "did you mean 'messages'?"),
        (["corpus", "chek"], "'chek' is not known; did you mean 'check'?"),
        (["\x1b[2J"], "'\\x1b[2J' is not known"),
    ],
)
def test_wrong_arguments_are_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 2, no usage text that hides the error, no control characters."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    err = capsys.readouterr().err
    assert said in err
    assert "--help` shows what there is\n" in err
    assert err.count("\n") == 1
    assert "\x1b" not in err


@pytest.mark.parametrize(
    "arguments", [["--help"], ["classify", "--quiet", "HTTP 529 x"]], ids=lambda part: part[0]
)
def test_a_command_loads_only_its_own_room(arguments: list[str]) -> None:
    """No other subcommand's module, and neither the corpus nor anything of a conversation."""
    program = (
        "import sys\nfrom chatlab.cli import main\n"
        f"try: main({arguments!r})\nexcept SystemExit: pass\n"
        "print(*(name for name in sys.modules if name.startswith('chatlab')), file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    rooms = {name.split(".")[1] for name in run.stderr.decode().split() if name.count(".")}
    assert rooms <= {"cli", "exceptions", "text", *(["errors"] if len(arguments) > 1 else [])}
    assert "corpus_commands" not in run.stderr.decode()
