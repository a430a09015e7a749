"""From anything observed to a sample: what is proposed, what is refused, what is written."""

from __future__ import annotations

import json
import os
import string
import threading
from pathlib import Path

import pytest
from support.planted_secrets import KEYS, Draw

from chatlab.corpus import Corpus, Proposal, SampleError, check_sample, sanitize
from chatlab.corpus.adding.propose import Intake
from chatlab.corpus.adding.validation import MAX_CHARS
from chatlab.corpus.atomic_files import write_atomically, write_new_files
from chatlab.corpus.sample_files import read_sample
from chatlab.errors import NO_RULE, Kind, classify

DUMP = (
    "HTTP/2 429\r\nretry-after: 20\r\nset-cookie: session=1\r\n\r\n"
    '{"error": {"code": "rate_limit_exceeded", "message": "Slow down, please."}}'
)
KEY = KEYS["openai project key"](Draw(21))[0]


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus.load(tmp_path / "mine", create=True)


def files(folder: Path) -> list[str]:
    """Every file below `folder`, hidden ones too."""
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*") if f.is_file())


def test_a_dump_becomes_a_sample_that_passes(corpus: Corpus, tmp_path: Path) -> None:
    """Label, evidence, what was taken out, the nearest, the name; written, it passes the check."""
    proposal = corpus.propose(DUMP, provider="openai")
    assert proposal.id == "openai/429-rate-limit-exceeded"
    assert proposal.expected == {
        "kind": "rate_limit",
        "retryable": True,
        "provider": "openai",
        "status_code": 429,
        "retry_after_s": 20.0,
        "chain_broken": False,
    }
    assert ("code", "body.error.code") in [(one.what, one.where) for one in proposal.evidence]
    assert [one.where for one in proposal.removed] == ["headers.set-cookie"]
    assert len(proposal.nearest) == 3
    assert not any(one.ours for one in proposal.nearest)
    assert proposal.problems == proposal.doubts == ()
    assert files(tmp_path) == []
    added = proposal.write()
    assert added.ok
    assert files(tmp_path) == ["mine/openai/429-rate-limit-exceeded.json"]
    again = Corpus.load(tmp_path / "mine")
    assert check_sample(again[proposal.id]).ok
    assert not again.check().unexpected
    record = again[proposal.id].record
    assert record["provenance"] == "contributed"
    assert record["redactions"] == ["header"]


@pytest.mark.parametrize(
    ("given", "surface", "kind"),
    [
        (DUMP, "http_error", Kind.RATE_LIMIT),
        ('{"error": {"type": "overloaded_error"}}', "http_error", Kind.OVERLOADED),
        ("2026-01-05 ERROR upstream status 503", "log_line", Kind.TIMEOUT),
        (
            'Traceback (most recent call last):\n  File "/home/alice/a.py", line 3, in f\n'
            "    g()\nopenai.AuthenticationError: Error code: 401 - invalid_api_key\n",
            "log_line",
            Kind.AUTH,
        ),
        ({"status": 529, "text": "busy"}, "log_line", Kind.OVERLOADED),
        (ConnectionResetError(104, "Connection reset by peer"), "transport", Kind.TIMEOUT),
        ("event: message_start\ndata: {}\n\n", "truncated_stream", Kind.TIMEOUT),
        ("event: error\ndata: {\"error\": {\"type\": \"overloaded_error\"}}\n\n", "stream_event", Kind.OVERLOADED),
        (b"<html><h1>502 Bad Gateway</h1></html>", "log_line", Kind.TIMEOUT),
    ],
)  # fmt: skip
def test_the_form_is_told_from_the_content(
    corpus: Corpus, given: object, surface: str, kind: Kind
) -> None:
    """Whatever `classify` takes becomes a sample with the same verdict."""
    proposal = corpus.propose(given)
    assert (proposal.record["surface"], proposal.expected["kind"]) == (surface, kind)
    assert "alice" not in json.dumps(dict(proposal.record))
    assert proposal.write().ok


def test_every_shipped_sample_survives_the_way_in(tmp_path: Path) -> None:
    """Judged as before, and nothing more to take out, for each failure that the corpus knows."""
    shipped = Corpus.load()
    intake = Intake(Corpus({}, tmp_path))
    other = []
    for sample in list(shipped.values())[::9]:
        proposal = intake.propose(sample.failure)
        if [one for one in proposal.doubts if "verdict" in one]:
            other.append(sample.id)
        assert sanitize(proposal.record).removed == (), sample.id
        assert proposal.nearest[0].similarity > 0.6, sample.id
    assert other == []


def test_no_secret_is_shown_or_written(corpus: Corpus, tmp_path: Path) -> None:
    """Neither text, page nor file holds a key that the failure, its cause or a decision held."""
    try:
        try:
            raise ConnectionError(f"refused for {KEY}")
        except ConnectionError as cause:
            raise RuntimeError(f"status 503 with Bearer {KEY} <script>alert(1)</script>") from cause
    except RuntimeError as error:
        proposal = corpus.propose(error)
    added = proposal.write(why=f"seen with {KEY}")
    written = (tmp_path / "mine" / f"{added.sample.id}.json").read_text()
    for shown in (str(proposal), repr(proposal), proposal._repr_html_(), written, repr(added)):
        assert KEY[10:] not in shown
    assert "<script" not in proposal._repr_html_()
    assert "sk-proj-REDACTED" in written
    assert "ConnectionError" in written


def test_control_characters_are_spelled_out(corpus: Corpus) -> None:
    """A hostile failure cannot drive the terminal that shows its proposal."""
    proposal = corpus.propose("status 503 \x1b[2J\u202e over")
    for shown in (str(proposal), proposal._repr_html_()):
        assert "\x1b" not in shown
        assert "\u202e" not in shown


def test_what_is_already_there_is_named_and_not_written(corpus: Corpus, tmp_path: Path) -> None:
    """The same failure is refused; one that differs in numbers only, unless it is wanted."""
    first = corpus.propose(DUMP, provider="openai").write().sample
    before = files(tmp_path)
    with pytest.raises(SampleError, match=f"the same failure is already here as {first.id}"):
        corpus.propose(DUMP, provider="openai").write(anyway=True)
    later = corpus.propose(DUMP.replace("20", "31"), provider="openai")
    assert later.same_as == first.id
    with pytest.raises(SampleError, match="at most numbers differ; give anyway=True"):
        later.write()
    assert files(tmp_path) == before
    assert later.write(anyway=True).sample.id == f"{first.id}-2"
    assert corpus.propose(DUMP.replace("20", "32"), provider="openai").id == f"{first.id}-3"


def test_the_shipped_corpus_names_its_own(tmp_path: Path) -> None:
    """A failure of the corpus is found again, under its id, with full likeness."""
    shipped = Corpus.load()
    sample = shipped["anthropic/overloaded-529"]
    proposal = shipped.propose(sample.failure)
    assert proposal.nearest[0].sample.id == sample.id
    assert proposal.nearest[0].similarity == pytest.approx(1)
    assert proposal.same_as == sample.id
    assert f"{sample.id} (100%): overloaded, retry" in str(proposal)


def test_an_answer_is_the_same_whoever_raises_it(corpus: Corpus) -> None:
    """What a client raised is held against the bare answer, and against another client's words."""
    first = corpus.propose(DUMP, provider="openai").write().sample
    body = {"error": {"code": "rate_limit_exceeded", "message": "Slow down, please."}}
    raised = {"type": "openai.RateLimitError", "text": f"Error code: 429 - {body}"}
    record = {"status": 429, "body": body, "exception": raised, "provider": "openai"}
    assert corpus.propose(record).same_as == first.id
    other = {**record, "body": {"error": {"code": "rate_limit_exceeded", "message": "Wait."}}}
    assert corpus.propose(other).same_as is None


def test_what_a_person_decides_wins(corpus: Corpus) -> None:
    """A kind brings its retry decision; the check then fails, and says how to go on."""
    proposal = corpus.propose("the flux capacitor is empty", provider="openai")
    assert proposal.verdict.rule in NO_RULE
    decided = proposal.changed(kind="overloaded", id="flux", why="it says so")
    assert decided.id == "openai/flux"
    assert decided.expected["retryable"] is True
    assert decided.record["confidence"] == "high"
    assert "kind: overloaded in the label, generic by the rules" in str(decided)
    added = decided.write()
    assert not added.ok
    assert "chatlab corpus accept openai/flux --corpus" in str(added)
    assert '"known_miss"' in str(added)


def test_a_known_miss_passes_only_while_it_is_one(corpus: Corpus) -> None:
    """With a reason the sample is an expected failure; where the rules agree it is refused."""
    proposal = corpus.propose("the flux capacitor is empty")
    added = proposal.write(kind="overloaded", known_miss="No rule knows this machine yet.")
    assert added.ok
    assert "a known miss" in str(added)
    with pytest.raises(SampleError, match="the rules agree with the label"):
        corpus.propose("status 503").write(known_miss="It is none at all.")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"knd": "auth"}, "knd: no such field; did you mean 'kind'?"),
        ({"kind": "ratelimit"}, "did you mean 'rate_limit'?"),
        ({"retryable": "yes"}, "expected.retryable: 'yes' must be boolean"),
        ({"id": "anthropic/x"}, "must begin with unknown/"),
        ({"id": "../../x"}, "must begin with unknown/"),
        ({"id": "Über"}, "must be lower-case letters"),
        ({"id": KEY.lower()}, "id: the name holds a secret (OpenAI key); choose another"),
        ({"id": f"unknown/{KEY}"}, "the name holds a secret"),
        ({"surface": "log-line"}, "'log-line' is not an allowed value; did you mean 'log_line'?"),
    ],
)
def test_a_wrong_decision_is_one_line(
    corpus: Corpus, tmp_path: Path, fields: dict[str, object], said: str
) -> None:
    """Field, what is wrong, the near name; nothing is written."""
    with pytest.raises(SampleError) as refused:
        corpus.propose("status 503").write(**fields)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert KEY[10:].lower() not in str(refused.value).lower()
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("", "nothing was observed"),
        (None, "nothing was observed"),
        ("status 503 " + "x" * MAX_CHARS, "too many for a sample"),
        ("true", "it has no words"),
        ("null", "it has no words"),
        ("42", "it has no words"),
        ("[" * 100_000, "it has no words"),
        ("HTTP/1.1 200 OK", "a call that succeeded"),
        ("HTTP/1.1 201 Created\r\na: b\r\n\r\nall went well", "a call that succeeded"),
        ({"id": "x", "choices": [{"message": {"content": "Hi."}}]}, "a call that succeeded"),
        ('{"id": "x", "output": [], "error": null}', "a call that succeeded"),
        ({"status": 200, "body": {"id": "x", "object": "list"}}, "a call that succeeded"),
        (json.dumps({"request": {"url": "https://x"}, "response": {"status": 500}}), "HAR entry"),
        ({"log": {"entries": [{"request": {}, "response": {"status": 500}}]}}, "HAR entry"),
        ({"status": 500, "text": '[{"request": {"a": 1}, "response": {}}]'}, "HAR entry"),
        ({"slug": KEY.lower(), "status": 503}, "slug: the name holds a secret"),
    ],
)
def test_what_cannot_become_a_sample_says_why(corpus: Corpus, given: object, said: str) -> None:
    """Nothing at all, too much, no word, a success, what was sent, a name that is a secret."""
    with pytest.raises(SampleError, match=said):
        corpus.propose(given)


def test_a_payload_of_secrets_only_is_not_written(corpus: Corpus, tmp_path: Path) -> None:
    """It can be looked at, with what was taken out; writing it is refused in clear words."""
    proposal = corpus.propose({"text": KEY})
    with pytest.raises(SampleError, match="everything in it was secret"):
        proposal.write(anyway=True)
    assert files(tmp_path) == []


@pytest.mark.parametrize(
    "given",
    [
        {"status": 418},
        {"status": 200, "body": {"error": {"type": "overloaded_error"}}},
        {"choices": [{"error": {"code": 502}}], "error": {"message": "it broke"}},
        "HTTP/1.1 200 OK\r\na: b\r\n\r\n" + '{"error": {"message": "the moose broke"}}',
        "HTTP/1.1 200 OK, then the connection was reset",
    ],
)
def test_a_failure_inside_a_success_is_a_failure(corpus: Corpus, given: object) -> None:
    """An error in an answer with status 200, or beside choices, is no success."""
    assert corpus.propose(given).record


def test_what_nothing_knows_needs_a_kind_or_a_yes(corpus: Corpus, tmp_path: Path) -> None:
    """No rule, no sample: a doubt, which a person settles by saying what it is."""
    proposal = corpus.propose("the flux capacitor is empty")
    assert proposal.doubts == (
        "no rule and no sample matches it; say what it is: kind=... (--kind)",
    )
    with pytest.raises(SampleError, match="give anyway=True"):
        proposal.write()
    assert files(tmp_path) == []
    assert proposal.changed(retryable=True).doubts == proposal.doubts
    assert proposal.changed(kind="overloaded").doubts == ()
    assert proposal.write(anyway=True).sample.id == "unknown/generic"


def test_a_verdict_that_the_secrets_made_is_a_doubt(corpus: Corpus, tmp_path: Path) -> None:
    """When taking secrets out changes the verdict it is said which, and needs a yes."""
    proposal = corpus.propose("Error: it broke at https://overloaded-error:pw123456@x.corp/ once")
    assert "the verdict changes (kind: overloaded, then generic" in proposal.doubts[0]
    with pytest.raises(SampleError, match="give anyway=True"):
        proposal.write()
    assert files(tmp_path) == []
    assert proposal.write(anyway=True).ok


def test_a_full_record_keeps_its_label_and_a_wrong_field_is_refused(corpus: Corpus) -> None:
    """Provenance, source and label of a corpus record stay; an unknown field is named."""
    sample = Corpus.load()["anthropic/overloaded-529"]
    kept = corpus.propose({"slug": "mine", **sample.record})
    assert kept.id == "anthropic/mine"
    assert {**kept.record} == {**sample.record, "redactions": kept.record["redactions"]}
    with pytest.raises(SampleError, match="provenence: no such field; did you mean 'provenance'"):
        corpus.propose({"slug": "mine", **sample.record, "provenence": "x"}).write()
    with pytest.raises(SampleError, match="body_file: the text that it names was not given"):
        corpus.propose({**sample.record, "body_file": "x.body.html"}).write()


def test_texts_that_no_file_can_hold_are_made_encodable(corpus: Corpus) -> None:
    """Lone surrogates, bytes and tuples in a payload become what JSON has."""
    body = {"error": {"message": "status 503 \ud83d", "raw": b"\xff", "pair": (1, 2)}}
    added = corpus.propose({"headers": {}, "body": body, "status": 503}).write()
    assert added.ok
    assert read_sample(added.sample.path, added.sample.id).record == added.sample.record  # type: ignore[arg-type]


def test_a_page_goes_beside_its_record(corpus: Corpus, tmp_path: Path) -> None:
    """The body first, the record last; an orphaned page keeps its name from being taken."""
    page = "HTTP/1.1 502 Bad Gateway\r\nserver: nginx\r\n\r\n<html><h1>502</h1></html>"
    added = corpus.propose(page).write(id="page")
    assert files(tmp_path) == ["mine/unknown/page.body.html", "mine/unknown/page.json"]
    assert added.sample.body == "<html><h1>502</h1></html>"
    (tmp_path / "mine/unknown/orphan.body.html").write_text("kept")
    with pytest.raises(SampleError, match="a sample with this name"):
        corpus.propose("status 504").write(id="orphan")
    assert (tmp_path / "mine/unknown/orphan.body.html").read_text() == "kept"


def test_files_appear_all_or_none_and_never_over_another(tmp_path: Path) -> None:
    """A taken name, or a text that cannot be written, leaves nothing behind."""
    (tmp_path / "b").write_text("mine")
    with pytest.raises(FileExistsError):
        write_new_files([(tmp_path / "a", "1"), (tmp_path / "b", "2")])
    with pytest.raises(UnicodeEncodeError):
        write_new_files([(tmp_path / "c", "1"), (tmp_path / "d", "\ud83d")])
    assert files(tmp_path) == ["b"]
    assert (tmp_path / "b").read_text() == "mine"


def test_a_disk_without_links_is_written_to_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the file system has no hard links, names are still taken by one writer only."""

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    write_new_files([(tmp_path / "a", "1")])
    with pytest.raises(FileExistsError):
        write_new_files([(tmp_path / "a", "2")])
    assert (tmp_path / "a").read_text() == "1"
    assert files(tmp_path) == ["a"]


def test_of_many_writers_each_gets_a_file_of_its_own(tmp_path: Path) -> None:
    """Eight at once with the same suggested name: eight files, whole, none overwritten."""
    start = threading.Barrier(8)
    proposals: list[Proposal] = []
    for number in range(8):
        mine = Corpus.load(tmp_path / "mine", create=True)
        proposals.append(mine.propose(f"status 503 {string.ascii_lowercase[number] * 9}"))

    def write(proposal: Proposal) -> None:
        start.wait()
        proposal.write()

    threads = [threading.Thread(target=write, args=(one,)) for one in proposals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    written = Corpus.load(tmp_path / "mine")
    assert {one.text for one in written.values()} == {one.record["text"] for one in proposals}
    assert len(files(tmp_path)) == 8


def test_of_many_writers_of_one_failure_one_writes(tmp_path: Path) -> None:
    """Eight who saw the same, but for numbers, before any wrote it: one file, seven are told."""
    proposals = [
        Corpus.load(tmp_path / "mine", create=True).propose(f"status 503 after {number} tries")
        for number in range(8)
    ]
    start, said = threading.Barrier(8), []

    def write(proposal: Proposal) -> None:
        start.wait()
        try:
            said.append(proposal.write().sample.id)
        except SampleError as refused:
            said.append(str(refused))

    threads = [threading.Thread(target=write, args=(one,)) for one in proposals]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert files(tmp_path) == ["mine/unknown/503-timeout.json"]
    assert sum("written just now as unknown/503-timeout" in one for one in said) == 7
    proposals[0].write(anyway=True)
    assert len(files(tmp_path)) == 2


def test_a_name_is_numbered_in_few_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Behind a thousand samples of one name the next number is found by asking a few times."""
    corpus = Corpus.load(tmp_path, create=True)
    taken = {"unknown/503-timeout", *(f"unknown/503-timeout-{n}" for n in range(2, 1_001))}
    asked: list[str] = []

    def is_taken(sample_id: str) -> bool:
        asked.append(sample_id)
        return sample_id in taken

    monkeypatch.setattr(corpus, "is_taken", is_taken)
    assert corpus.propose("status 503").slug == "503-timeout-1001"
    assert len(asked) < 30


def test_an_error_of_the_disk_names_the_file_or_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Never the hidden file that was being written, which is gone."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as refused:
        write_new_files([(tmp_path / "a", "1")])
    assert refused.value.filename == str(tmp_path / "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="Not a directory") as refused:
        write_atomically(tmp_path / "file" / "a", "1")
    assert refused.value.filename == str(tmp_path / "file")
    assert files(tmp_path) == ["file"]


def test_the_name_is_made_of_the_rules_words_only(corpus: Corpus) -> None:
    """Nothing that a person wrote gets into a file's name."""
    for text in ("status 429 for Alice Smith", "alice: it broke", "read ECONNRESET alice"):
        assert "alice" not in corpus.propose(text).id
    assert classify("read ECONNRESET").kind == "timeout"
    assert corpus.propose("read ECONNRESET").id == "unknown/timeout-econnreset"
