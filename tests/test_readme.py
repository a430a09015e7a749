"""What the README shows is true: its sessions, its snippets, its commands and its pictures."""

from __future__ import annotations

import doctest
import re
from pathlib import Path
from typing import Any

import openai
import pytest

from chatlab import Corpus
from chatlab.cli import main
from chatlab.lab import FakeProvider, ResponseMemory, Script

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = re.findall(r"`(chatlab [a-z][^`\n]*)`", README)


def snippet(about: str) -> str:
    """The only snippet that names this."""
    (found,) = [block for block in PYTHON if about in block]
    return str(found)


def test_the_session_gives_what_it_shows() -> None:
    """Line by line."""
    session = doctest.DocTestParser().get_doctest(snippet(">>>"), {}, "README", "README.md", 0)
    assert session.examples
    assert doctest.DocTestRunner().run(session).failed == 0


def test_the_chat_chains(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Run twice, the second turn continues the first."""
    memory = ResponseMemory()
    with FakeProvider(Script(after="success"), memory=memory) as provider:
        monkeypatch.setenv("OPENAI_BASE_URL", provider.openai_base_url)
        monkeypatch.setenv("OPENAI_API_KEY", "k")
        monkeypatch.chdir(tmp_path)
        for _ in range(2):
            exec(compile(snippet("Chat("), "README.md", "exec"), {})
    assert [bool(one.previous_response_id) for one in memory.exchanges] == [False, True]
    assert capsys.readouterr().out == "The answer is 42.\n" * 2


def test_a_failing_call_becomes_a_sample(tmp_path: Path) -> None:
    """With the three lines that the README shows."""
    own = Corpus.load(tmp_path / "own", create=True)
    names: dict[str, Any] = {"Corpus": type("Corpus", (), {"load": staticmethod(lambda: own)})}
    with (
        FakeProvider(["http-error:429"]) as provider,
        openai.OpenAI(base_url=provider.openai_base_url, api_key="k", max_retries=0) as client,
    ):
        names["client"] = client
        exec(compile(snippet("capture()"), "README.md", "exec"), names)
    (sample,) = Corpus.load(tmp_path / "own").values()
    assert (sample.status, sample.expected["kind"]) == (429, "rate_limit")


@pytest.mark.parametrize("command", sorted(set(COMMANDS)))
def test_every_command_exists(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each has a help text."""
    words = [word for word in command.split()[1:] if re.fullmatch(r"[a-z]+", word)][:2]
    known = words if words[0] == "corpus" else words[:1]
    with pytest.raises(SystemExit) as ended:
        main([*known, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith("usage: chatlab")


def test_every_picture_and_page_is_there() -> None:
    """Relative links lead to files."""
    links = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    assert links
    assert not [link for link in links if not (ROOT / link).exists()]


def test_every_room_and_notebook_is_named() -> None:
    """The table of the rooms is whole."""
    rooms = {path.name for path in (ROOT / "chatlab").iterdir() if (path / "__init__.py").exists()}
    table = set(re.findall(r"^\| `(\w+)` \|", README, re.MULTILINE))
    assert table == rooms
