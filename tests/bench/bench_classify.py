"""How fast a verdict is, as ratios in one run: ``python tests/bench/bench_classify.py``.

The rules' matcher is compared with two plain ways to look for the same phrases in the same texts:
a loop of ``phrase in text``, and one alternation regex.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Final

from chatlab.corpus import Corpus
from chatlab.errors import RULES, Failure, classify
from chatlab.errors.reading.text.phrases import pieces

_ROUNDS: Final = 7
_LARGE_CHARS: Final = 1_000_000


def _best_s(work: Callable[[], object]) -> float:
    """The shortest of several runs, in seconds: what the work takes when nothing disturbs it."""
    times = []
    for _ in range(_ROUNDS):
        start = perf_counter()
        work()
        times.append(perf_counter() - start)
    return min(times)


def _phrases() -> list[str]:
    found = {
        piece
        for rule in RULES
        for evidence in rule.parts()
        for phrase in evidence.phrases
        for piece in pieces(phrase)
    }
    return sorted(found)


def rows() -> list[tuple[str, float]]:
    """What was measured: a name and microseconds a verdict (milliseconds where it says so)."""
    samples = list(Corpus.load().values())
    records = [sample.record for sample in samples]
    failures = [sample.failure for sample in samples]
    texts = [failure.signals.words for failure in failures]
    phrases = _phrases()
    alternation = re.compile("|".join(map(re.escape, phrases)))
    per = 1e6 / len(samples)
    large = "no error here, just a long answer about models and limits. " * 20_000
    large = large[:_LARGE_CHARS]
    return [
        ("classify a built Failure", per * _best_s(lambda: [classify(one) for one in failures])),
        (
            "classify, and read every field and message",
            per * _best_s(lambda: [classify(one).as_dict() for one in failures]),
        ),
        ("build the Failure", per * _best_s(lambda: [Failure.from_record(one) for one in records])),
        (
            f"plain loop over the same {len(phrases)} phrases",
            per * _best_s(lambda: [[one for one in phrases if one in text] for text in texts]),
        ),
        (
            "one alternation regex over them",
            per * _best_s(lambda: [alternation.findall(text) for text in texts]),
        ),
        ("1 MB of text, from text to verdict (ms)", 1e3 * _best_s(lambda: classify(large))),
        ("2 MB of text, from text to verdict (ms)", 1e3 * _best_s(lambda: classify(large * 2))),
    ]


def main() -> int:
    """Print the rows, each with its ratio to the first."""
    measured = rows()
    unit = measured[0][1]
    print(f"{'':50} {'us':>10} {'ratio':>8}")
    for name, value in measured:
        ratio = "" if name.endswith("(ms)") else f"{value / unit:8.2f}"
        print(f"{name:50} {value:10.2f} {ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
