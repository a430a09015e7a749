"""Which failures are unlike anything known."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from chatlab.cli import main
from chatlab.corpus import Corpus, SampleError
from chatlab.corpus.mutation.rule_coverage import coverage
from chatlab.corpus.novelty.inputs import failures_in, read_failures
from chatlab.corpus.novelty.leave_one_out import LeftOut, LeftOutReport, leave_one_provider_out
from chatlab.corpus.novelty.report import score_novelty
from chatlab.corpus.novelty.scoring import THRESHOLD, Reference
from chatlab.corpus.novelty.similarity import SimilarityIndex, features, without_numbers
from chatlab.corpus.record_schema import problems_of
from chatlab.errors import Failure

OVERLOADED = (
    "Error code: 529 - {'type': 'error', 'error': {'type': 'overloaded_error', "
    "'message': 'Overloaded'}}"
)
STRANGE = "the frobnicator of tenant 12 has no more marbles"
KEY = "sk-ant-api03-Zk3vQ9wLx7TqB2nRf8YhJc5uKd1Gm6Ps4Xe0Va-WbNoHiEtUyCz"


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    return Corpus.load()


@pytest.fixture(scope="module")
def left_out(corpus: Corpus) -> LeftOutReport:
    return leave_one_provider_out(corpus)


def test_features_leave_out_what_differs_from_call_to_call() -> None:
    """Numbers and addresses make no difference; words, codes and the status do."""
    one = Failure(status=429, text="limit 30000, see https://example.com/a?b=1")
    two = Failure(status=429, text="limit 500, see https://example.org/")
    assert features(one) == features(two)
    assert "=status:429" in features(one)
    assert features(Failure(status=503, text="limit 500")) != features(two)


def test_long_runs_of_letters_are_read_in_linear_time() -> None:
    """A hundred times the letters do not take thousands of times as long."""
    assert without_numbers("ab 12 c3d ef4 x") == "ab       x"
    begin = time.process_time()
    assert without_numbers("x" * 2_000_000) == "x" * 2_000_000
    features(Failure(status=400, body="y" * 200_000))
    assert time.process_time() - begin < 2


def test_likeness_weighs_rare_words_most() -> None:
    """Of two known failures the one that shares the rare word is nearer."""
    words = {"a": "the same old error", "b": "the marble error", "c": "the same error"}
    likeness = SimilarityIndex.of({name: Failure(text=text) for name, text in words.items()})
    near = likeness.nearest(features(Failure(text="a marble")))
    assert [one.id for one in near] == ["b"]
    assert likeness.nearest(features(Failure(text="the same old error")))[0].similarity == 1.0
    assert likeness.nearest(frozenset({"unheard"})) == ()


def test_equally_near_failures_come_in_the_order_of_their_names() -> None:
    """As many as asked for, never one that is to be left out, whatever the order they came in."""
    words = {name: frozenset({"marble", "=status:503"}) for name in ("c", "a", "d", "b")}
    likeness = SimilarityIndex({**words, "e": frozenset({"marble"}), "f": frozenset({"unlike"})})
    near = likeness.nearest({"marble", "=status:503"}, 4, without={"b"})
    assert [one.id for one in near] == ["a", "c", "d", "e"]
    assert [one.similarity for one in near[:3]] == [pytest.approx(1.0)] * 3
    assert 0 < near[3].similarity < 1
    assert len(likeness.nearest({"marble"}, 2)) == 2


def test_a_failure_of_the_corpus_is_not_novel(corpus: Corpus) -> None:
    """Every sample is the nearest sampleself or its twin, and familiar where the rules agree."""
    known = Reference(corpus)
    for sample in list(corpus.values())[::25]:
        found = known.score(sample.id, sample.failure)
        assert found.nearest[0].similarity == pytest.approx(1.0)
        if found.because.startswith("like "):
            assert found.score == pytest.approx(0.0)


def test_known_and_novel_failures_are_separated(corpus: Corpus) -> None:
    """A common failure names its sample; nonsense is strange; nothing at all is strange too."""
    report = score_novelty({"log:1": OVERLOADED, "log:2": STRANGE, "log:3": ""}, corpus)
    assert [one.novel for one in report.found] == [False, True, True]
    assert corpus[report.found[0].nearest[0].id].expected["kind"] == "overloaded"
    assert "known: log:1: like anthropic/" in repr(report)
    assert repr(report).startswith("2 of 3 failures are unlike anything known")
    assert report._repr_html_().count("<tr>") == 4 + 3
    hostile = score_novelty({"<i>": "<b>frobnicated</b> marbles"}, corpus)._repr_html_()
    assert "&lt;b&gt;frobnicated" in hostile
    assert not {"<b>", "<i>"} & set(re.findall("<.*?>", hostile))


def test_familiar_wording_with_another_verdict_is_novel(corpus: Corpus) -> None:
    """When the nearest sample says otherwise than the rules, the failure needs a look."""
    body = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    twisted = Failure(status=401, body=body, text="invalid_api_key")
    report = score_novelty([twisted], corpus)
    verdict, near = report.found[0].verdict, report.found[0].nearest[0]
    assert verdict.kind != corpus[near.id].expected["kind"] or not report.found[0].novel
    known = Reference({"x/one": corpus["anthropic/overloaded-529"]})
    other = known.score("x", Failure(status=401, body=body, text="overloaded_error"))
    assert other.novel == (other.verdict.kind != "overloaded")


def test_the_same_kind_with_another_decision_names_its_sample(corpus: Corpus) -> None:
    """A limit that refills, held against one that this request can never meet: why is said."""
    sample = corpus["openai-compat/groq-429-request-larger-than-tpm-2"]
    known = Reference({sample.id: sample})
    found = known.score("a", Failure(status=429, body={"code": "rate_limit_exceeded"}))
    assert (found.verdict.kind, found.verdict.retryable) == ("rate_limit", True)
    assert found.because == f"the nearest sample, {sample.id}, is rate_limit, stop"
    assert found.novel


def test_a_failure_that_no_rule_matches_is_never_familiar(corpus: Corpus) -> None:
    """However like a sample it is: without the rule, the cut stream is strange."""
    from chatlab.errors import RULES

    sample = corpus["openai-compat/newapi-anthropic-sse-truncated-1"]
    less = Reference(corpus, RULES.without("stream-cut"))
    found = less.score("cut", sample.failure)
    assert found.novel
    assert found.because == "no rule matches it"
    assert not Reference(corpus).score("cut", sample.failure).novel


def test_the_same_input_gives_the_same_report(corpus: Corpus) -> None:
    """No set order, no clock, no chance."""
    failures = [OVERLOADED, STRANGE, f"{STRANGE}, says tenant 13", "quux is out of cheese"]
    assert repr(score_novelty(failures, corpus)) == repr(score_novelty(failures, Corpus.load()))


def test_clusters_of_novel_failures_have_valid_drafts(
    corpus: Corpus,
) -> None:
    """One story told three times is one cluster; its draft is a valid record without the key."""
    failures = {
        "a": f"{STRANGE} (key {KEY})",
        "b": "quux is out of cheese at the third pole",
        "c": STRANGE.replace("12", "99"),
        "d": f"{STRANGE} (key {KEY})",
    }
    clusters = score_novelty(failures, corpus).clusters
    assert [[one.name for one in cluster.members] for cluster in clusters] == [
        ["a", "d", "c"],
        ["b"],
    ]
    draft = clusters[0].draft
    assert list(problems_of(draft)) == []
    assert KEY not in json.dumps(draft)
    assert KEY not in str(clusters[0])
    assert "frobnicator" in str(draft["text"])
    assert draft["confidence"] == "low"
    assert clusters[0].proposed["kind"] == "generic"
    assert "label it" in clusters[0].why


def test_a_draft_keeps_status_headers_body_and_exception(corpus: Corpus) -> None:
    """What was observed, field by field, ready to be added."""
    failure = Failure(
        status=418,
        headers={"Retry-After": "7", "Cookie": f"session={KEY}"},
        body={"error": {"message": "the teapot is short and stout", "key": KEY}},
        exception_type="teapot.StoutError",
        exception_text="short",
    )
    draft = score_novelty([failure], corpus).clusters[0].draft
    assert list(problems_of(draft)) == []
    assert (draft["status"], draft["surface"]) == (418, "sdk_exception")
    assert draft["headers"] == {"retry-after": "7"}
    assert draft["exception"] == {"type": "teapot.StoutError", "text": "short"}
    assert KEY not in json.dumps(draft)
    assert draft["expected"]["status_code"] == 418  # type: ignore[index]


def test_an_unknown_provider_is_novel_rather_than_confidently_wrong(
    left_out: LeftOutReport,
) -> None:
    """For each provider: most of it is strange, and of what is familiar almost all is right."""
    everything = left_out[-1]
    assert everything.provider == "all"
    assert everything.samples == sum(one.samples for one in left_out[:-1])
    assert everything.accuracy > 0.99
    assert everything.accuracy_without < everything.accuracy - 0.05
    assert len(everything.confidently_wrong) <= 0.005 * everything.samples
    assert everything.accuracy_if_familiar >= 0.98
    for one in left_out[:-1]:
        assert one.novel >= 0.55, one
        assert one.novel >= one.novel_when_known or one.samples < 10, one
        assert len(one.confidently_wrong) <= max(1, 0.02 * one.samples), one


def test_the_threshold_is_where_familiar_means_right(
    corpus: Corpus, left_out: LeftOutReport
) -> None:
    """What the rules without a provider get wrong is far above the threshold or not counted."""
    assert THRESHOLD == 0.7
    wrong = left_out[-1].samples * (1 - left_out[-1].accuracy_without)
    assert wrong > 100
    assert len(left_out[-1].confidently_wrong) < 0.03 * wrong


def test_a_left_out_provider_has_a_line_and_a_row(corpus: Corpus, left_out: LeftOutReport) -> None:
    """Complete as text, a table on a page; nothing short of all is called 100%."""
    lines = repr(left_out).splitlines()
    assert len(lines) == len(left_out)
    assert left_out._repr_html_().count("<tr>") == len(left_out) + 1
    almost = LeftOut("<b>", 531, 2, 0.7, 0.5, 530 / 531, 0.29, ())
    assert str(almost).startswith("<b>: 70% of 531 samples are novel; 29% are right without")
    assert almost.row()[5:7] == ["99%", "29%"]
    assert "<b>" not in LeftOutReport([almost])._repr_html_()


def test_coverage_that_is_known_is_not_made_again(corpus: Corpus, left_out: LeftOutReport) -> None:
    """Given the coverage, the report is the same, and quickly made."""
    covered = coverage(corpus.values())
    started = time.process_time()
    again = leave_one_provider_out(corpus, covered=covered)
    assert time.process_time() - started < 4
    assert again == left_out


def test_a_log_is_read_line_by_line_and_a_traceback_stays_whole() -> None:
    """Each failure has its line; indented lines belong to the one before."""
    log = b"first\nTraceback (most recent call last):\n  File x\nValueError: y\n\nlast\n"
    found = dict(failures_in(log, "app.log", by_line=True))
    assert list(found) == ["app.log:1", "app.log:4", "app.log:6"]


def test_a_folder_is_read_file_by_file(tmp_path: Path) -> None:
    """Records, dumps and logs, in order of name."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "dump.txt").write_text("HTTP/1.1 503 Service Unavailable\r\n\r\nbusy\nlines")
    (tmp_path / "a.json").write_text(json.dumps({"status": 429, "provider": "openai"}))
    (tmp_path / "c.jsonl").write_text('{"status": 500}\n{"error": {"code": "x"}}\n')
    found = dict(read_failures(tmp_path))
    assert list(found) == ["a.json", "b/dump.txt", "c.jsonl:1", "c.jsonl:2"]
    assert found["a.json"].signals.status == 429
    assert found["a.json"].signals.provider == "openai"
    assert found["b/dump.txt"].signals.status == 503


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "empty"), (b" \n", "empty"), (b"\x00\x01PNG", "not a text file")],
)
def test_an_input_that_is_not_a_log_is_refused(raw: bytes, said: str, tmp_path: Path) -> None:
    """Empty and binary files, missing files, empty folders: where and what to give."""
    file = tmp_path / "in.log"
    file.write_bytes(raw)
    with pytest.raises(SampleError, match=said):
        list(read_failures(file))
    with pytest.raises(SampleError, match="cannot be read"):
        list(read_failures(tmp_path / "missing"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(SampleError, match="has no files"):
        list(read_failures(tmp_path / "empty"))


def test_the_command_finds_the_novel_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Status 1 and a cluster when there is one, else 0."""
    log = tmp_path / "app.log"
    log.write_text(f"{OVERLOADED}\n{STRANGE}\n")
    assert main(["corpus", "novelty", str(log)]) == 1
    said = capsys.readouterr().out
    assert "1 of 2 failures are unlike anything known" in said
    assert f"novel: 1 failure such as {log}:2: {STRANGE}" in said
    log.write_text(OVERLOADED)
    assert main(["corpus", "novelty", str(log)]) == 0
    assert main(["corpus", "novelty", str(tmp_path / "missing")]) == 2
