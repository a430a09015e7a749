"""Both matchers find the same, and a verdict does not depend on which one is installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from ahocorasick_rs import AhoCorasick
from hypothesis import given
from hypothesis import strategies as st

from chatlab.corpus import Corpus
from chatlab.errors.rules import RULES
from chatlab.text.matcher import IS_FAST, PythonMatcher, compile_matcher

CORPUS = Path(__file__).parents[2] / "corpus"
VERDICTS = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[2:]))
from chatlab import classify
from chatlab.corpus import Corpus
from chatlab.text.matcher import IS_FAST
print(IS_FAST)
for id, sample in Corpus.load(sys.argv[1]).items():
    verdict = classify(sample.failure)
    print(id, verdict.as_dict())
"""


def both(phrases: list[str], text: str) -> tuple[list[tuple[int, int, int]], ...]:
    fast = AhoCorasick(phrases).find_matches_as_indexes(text, overlapping=True)
    return fast, PythonMatcher(phrases).find_matches_as_indexes(text, overlapping=True)


@given(
    st.lists(st.text("aé日 ", min_size=1, max_size=7), unique=True, max_size=12),
    st.text("aé日 ", max_size=40),
)
def test_both_matchers_give_the_same_matches_in_the_same_order(
    phrases: list[str], text: str
) -> None:
    fast, plain = both(phrases, text)
    assert plain == fast


@pytest.mark.parametrize(
    ("phrases", "text", "expected"),
    [
        (["aaaa", "aa"], "aaaaa", [(1, 0, 2), (1, 1, 3), (0, 0, 4), (1, 2, 4), (0, 1, 5), (1, 3, 5)]),
        (["rate limit", "limit", "rate"], "rate limit", [(2, 0, 4), (0, 0, 10), (1, 5, 10)]),
        (["limit"], "limi", []),
        (["x"], "", []),
        ([], "text", []),
    ],
)  # fmt: skip
def test_matches_overlap(
    phrases: list[str], text: str, expected: list[tuple[int, int, int]]
) -> None:
    assert both(phrases, text) == (expected, expected)


def test_the_library_is_used_where_it_is_installed() -> None:
    assert IS_FAST
    assert isinstance(compile_matcher(["rate limit"]), AhoCorasick)


def test_both_matchers_find_the_same_phrases_in_the_whole_corpus() -> None:
    phrases = sorted({phrase for rule in RULES for phrase in rule.phrases if "…" not in phrase})
    fast, plain = AhoCorasick(phrases), PythonMatcher(phrases)
    found = 0
    for sample in Corpus.load(CORPUS).values():
        words = sample.failure.signals.words
        expected = fast.find_matches_as_indexes(words, overlapping=True)
        assert plain.find_matches_as_indexes(words) == expected
        found += len(expected)
    assert found > len(phrases)


@pytest.mark.slow
def test_every_verdict_of_the_corpus_is_the_same_without_the_library() -> None:
    with_library, without = (
        subprocess.run(
            [sys.executable, "-c", VERDICTS, str(CORPUS), *hidden],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for hidden in ([], ["ahocorasick_rs"])
    )
    assert (with_library[0], without[0]) == ("True", "False")
    assert len(without) > 1000
    assert without[1:] == with_library[1:]
