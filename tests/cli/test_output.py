"""What reaches the terminal: no control character of a provider's or a file's."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from chatlab.cli import main
from chatlab.cli.output import shown
from chatlab.corpus import Corpus

CLI = Path(__file__).parents[2] / "chatlab" / "cli"
HOSTILE = "\x1b]0;title\x07 \x9b2J \r gone \u202e \u200b overloaded"
CONTROLS = {"\x1b", "\x07", "\x9b", "\r", "\u202e", "\u200b"}


@pytest.fixture
def corpus_folder(tmp_path: Path) -> Path:
    """A corpus whose one sample is hostile in each field that is shown."""
    record = dict(Corpus.load()["anthropic/overloaded-529"].record)
    record |= {"text": HOSTILE, "why": HOSTILE, "vendor": HOSTILE}
    file = tmp_path / "corpus" / "anthropic" / "hostile.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(record))
    return tmp_path / "corpus"


@pytest.mark.parametrize(
    "words",
    ["list", "show anthropic/hostile", "check", "export", "novelty -", "fmt", "show \x1b[2J\x9b"],
)
def test_corpus_commands_spell_control_characters_out(
    words: str,
    corpus_folder: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On standard output and on standard error."""
    name, *rest = words.split()
    rest = [
        str(corpus_folder / "anthropic" / "hostile.json") if one == "-" else one for one in rest
    ]
    main(["corpus", name, "--corpus", str(corpus_folder), *rest])
    said = capsys.readouterr()
    assert said.out + said.err or name == "fmt"
    assert not CONTROLS & set(said.out + said.err)


@pytest.mark.parametrize("form", [[], ["--json"], ["--quiet"]])
def test_classify_spells_control_characters_out(
    form: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Of the text, and of the name of the file."""
    file = tmp_path / "a\x1b[2J.log"
    file.write_text(HOSTILE)
    main(["classify", *form, str(file), str(file), f"{HOSTILE} x", "no\x1bfile"])
    said = capsys.readouterr()
    assert "overloaded" in said.out
    assert "no\\u001bfile: no such file" in said.err
    assert not CONTROLS & set(said.out + said.err)


def test_json_that_is_shown_is_the_same_json() -> None:
    """Control characters become JSON's own escapes."""
    assert json.loads(shown(json.dumps([HOSTILE], ensure_ascii=False))) == [HOSTILE]


def test_only_one_module_writes_to_the_terminal() -> None:
    """``print`` in another module of the room takes what `shown` gives."""
    for file in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "print":
                printed = ast.unparse(node.args[0])
                literal = isinstance(node.args[0], ast.Constant)
                assert file.name == "output.py" or literal or printed.startswith("shown("), (
                    f"{file.name}:{node.lineno}: {printed}"
                )
