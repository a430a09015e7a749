"""Two versions of the rules, sample by sample."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import pytest

import chatlab
from chatlab.cli import main
from chatlab.corpus import Corpus, SampleError, revision
from chatlab.corpus.comparison import answers_in, answers_of, diff, read_answers
from chatlab.corpus.revision import answers_at
from chatlab.errors import RULES, Kind

PACKAGE = Path(chatlab.__file__).parent
CUT = "openai-compat/newapi-anthropic-sse-truncated-1"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.load()


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with three revisions of chatlab: none, one rule less, and today's."""
    root = tmp_path_factory.mktemp("repository")
    git(root, "init", "--quiet")
    (root / "chatlab").mkdir()
    (root / "chatlab" / "__init__.py").write_text('"""Nothing yet."""\n')
    commit(root, "empty")
    shutil.rmtree(root / "chatlab")
    shutil.copytree(PACKAGE, root / "chatlab", ignore=shutil.ignore_patterns("__pycache__"))
    rules = root / "chatlab" / "errors" / "rules" / "continuity.py"
    today = rules.read_text()
    changed = today.replace('signs=("stream-cut",)', 'phrases=("no such words",)')
    assert changed != today
    rules.write_text(changed)
    commit(root, "changed")
    rules.write_text(today)
    commit(root, "today")
    return root


def git(root: Path, *arguments: str) -> None:
    """Run git there, as somebody."""
    who = [
        "-c",
        "user.name=Test",
        "-c",
        "user.email=test@example.com",
        "-c",
        "commit.gpgsign=false",
    ]
    command = ["git", *who, "-C", str(root), *arguments]
    subprocess.run(command, check=True, capture_output=True)


def commit(root: Path, name: str) -> None:
    """Commit everything under a tag."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", name)
    git(root, "tag", name)


def test_the_same_rules_differ_in_nothing(corpus: Corpus) -> None:
    """An empty diff is false and says how many samples were compared."""
    same = diff(corpus.values(), RULES)
    assert not same
    assert same.rows() == []
    assert same.summary().startswith(f"{len(corpus)} samples compared, 0 verdicts differ")


def test_a_rule_switched_off_shows_what_flips(corpus: Corpus) -> None:
    """Sample, field, before, after, expected; and that it turned wrong."""
    found = diff(corpus.values(), RULES, RULES.without("stream-cut"))
    assert found
    assert [change.sample.id for change in found.changes] == [CUT]
    assert found.changes[0].fields == ("kind", "retryable")
    assert found.changes[0].turned() == "wrong"
    assert found.rows() == [
        [CUT, "kind", "timeout", "generic", "timeout"],
        [CUT, "retryable", "True", "False", "True"],
        [CUT, "rule", "stream-cut", "unmatched", ""],
    ]
    assert "kind: timeout -> generic (expected timeout)" in repr(found)
    assert found._repr_html_().count("<tr>") == 5


def test_the_other_way_round_it_turns_right(corpus: Corpus) -> None:
    """A mended rule is told from a broken one."""
    found = diff(corpus.values(), RULES.without("stream-cut"), RULES)
    assert [change.turned() for change in found.changes] == ["right"]


def test_another_rule_with_the_same_verdict_is_no_difference(corpus: Corpus) -> None:
    """It is counted, because a message may change, but the diff stays false."""
    found = diff(corpus.values(), RULES, RULES.without("insufficient-quota", "overloaded-code"))
    assert found.moved
    moved = {change.before["rule"] for change in found.moved}
    assert moved <= {"insufficient-quota", "overloaded-code"}
    assert f"{len(found.moved)} come from another rule" in found.summary()


def test_a_changed_rule_names_every_sample_it_decides(corpus: Corpus) -> None:
    """Another kind for one row shows exactly the samples that the row decides."""
    changed = RULES.replaced(replace(RULES.named("plan-words"), kind=Kind.AUTH))
    found = diff(corpus.values(), RULES, changed)
    decided = [
        name
        for name, said in answers_of(RULES, corpus.values()).items()
        if said["rule"] == "plan-words"
    ]
    assert [change.sample.id for change in found.changes] == decided
    assert all(change.fields == ("kind",) for change in found.changes)


def test_the_whole_corpus_is_compared_in_under_two_seconds(corpus: Corpus) -> None:
    """A changed rule, its table compiled and both versions judged."""
    started = time.process_time()
    found = diff(corpus.values(), RULES, RULES.without("timeout-status"))
    assert time.process_time() - started < 2
    assert found.compared == len(corpus)


def test_a_file_of_answers_is_compared(
    corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What ``classify --jsonl`` wrote; a changed and a missing line are found, with status 1."""
    exported = tmp_path / "corpus.jsonl"
    assert main(["corpus", "export", "-o", str(exported)]) == 0
    assert main(["classify", "--jsonl", str(exported)]) == 0
    answers = tmp_path / "answers.jsonl"
    answers.write_text(capsys.readouterr().out)
    assert main(["corpus", "diff", str(answers)]) == 0
    assert "0 verdicts differ" in capsys.readouterr().out

    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    lines[0]["retry_after_s"] = 77.5
    answers.write_text("\n".join(json.dumps(line) for line in lines[:-1]))
    assert main(["corpus", "diff", str(answers)]) == 1
    said = capsys.readouterr().out
    assert "retry_after_s: 77.5 -> " in said
    assert f"{lines[-1]['id']}: unanswered by one of the two" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the file is empty"),
        ('{"id": "a", "kind": "auth"}\n\n[1]\n', "line 3: '[1]' is not an answer"),
        ('{"kind": "auth"}', "line 1"),
        ('{"id": "a", "error": "x"}', "line 1"),
        ("\x00\ufffd", "line 1"),
    ],
)
def test_a_file_that_holds_no_answers_is_refused(text: str, said: str, tmp_path: Path) -> None:
    """File, line, what is wrong and which command writes such a file."""
    file = tmp_path / "answers"
    file.write_text(text)
    with pytest.raises(SampleError) as refused:
        read_answers(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)


def test_fields_that_a_file_leaves_out_are_not_compared(corpus: Corpus) -> None:
    """An older version that knew fewer fields is compared in those it has."""
    lines = "\n".join(
        json.dumps({"id": name, "kind": str(said["kind"])})
        for name, said in answers_of(RULES, corpus.values()).items()
    )
    found = diff(corpus.values(), answers_in(lines, "old"), RULES)
    assert not found
    assert found.compared == len(corpus)


@pytest.mark.slow
def test_a_revision_is_compared_by_its_own_code(
    corpus: Corpus,
    repository: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The rules of the revision judge today's corpus; nothing is left in the checkout."""
    monkeypatch.setattr(revision, "_PACKAGE", repository / "chatlab")
    before = sorted(repository.rglob("*.py"))
    assert main(["corpus", "diff", "changed"]) == 1
    said = capsys.readouterr().out
    assert f"{CUT}: turned right" in said
    assert "kind: generic -> timeout (expected timeout)" in said
    assert main(["corpus", "diff", "today"]) == 0
    assert sorted(repository.rglob("*.py")) == before


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no-such-revision", "neither a file nor a git revision"),
        ("--output=stolen", "neither a file nor a git revision"),
        ("empty", "its rules cannot be asked"),
    ],
)
def test_a_revision_that_cannot_be_asked_is_told(
    name: str, said: str, corpus: Corpus, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unknown one, one that is an option to git, one from before the command."""
    monkeypatch.setattr(revision, "_PACKAGE", repository / "chatlab")
    with pytest.raises(SampleError) as refused:
        answers_at(name, [corpus[CUT]])
    assert said in str(refused.value)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)


def test_no_revision_without_a_checkout(
    corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An installed wheel has no history."""
    (tmp_path / "chatlab").mkdir()
    monkeypatch.setattr(revision, "_PACKAGE", tmp_path / "chatlab")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    with pytest.raises(SampleError, match="neither a file nor a git revision"):
        answers_at("HEAD", [corpus[CUT]])
