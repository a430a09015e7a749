"""How long a verdict takes, from the raw thing on: ``python -m tests.bench.bench_classify [PATH]``.

With the path of another checkout, each row is measured there too, the two taking turns in one run,
and shown as a ratio. Times are CPU times of processes of their own; a row is the median of its
rounds. Every round has texts of its own, so that no cache can help.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from typing import Final

_ROUNDS: Final = 7
_HERE: Final = Path(__file__).resolve().parents[2]
_FIRST: Final = "first verdict of a process, with the interpreter's start (ms)"
_START: Final = "the interpreter's start alone (ms)"
_WORKER: Final = r"""
import json, re, sys
from time import process_time
from chatlab import Corpus, Failure, classify

samples = list(Corpus.load().values())
failures = [sample.failure for sample in samples]

def text_of(failure):
    shown = [str(one) for one in (failure.exception_text, failure.text) if one]
    if failure.body is not None:
        body = failure.body
        shown.append(body if isinstance(body, str) else json.dumps(body, default=str))
    return "\n".join(shown)

def raised(failure, text):
    made = type("APIStatusError", (Exception,), {})(text)
    made.status_code, made.body = failure.status, failure.body
    return made

texts = [text_of(one) for one in failures]
phrases = sorted({phrase for rule in __import__("chatlab").RULES for part in rule.parts()
                  for phrase in part.phrases if "\u2026" not in phrase})
alternation = re.compile("|".join(map(re.escape, phrases)))

def spent(work, inputs, unit):
    start = process_time()
    for one in inputs:
        work(one)
    return (process_time() - start) / len(inputs) * unit

for line in sys.stdin:
    turn = int(line)
    own = [f"{text}\nrequest number {turn}-{n}" for n, text in enumerate(texts)]
    found = {}
    found["text to verdict (us)"] = spent(classify, own, 1e6)
    records = [dict(sample.record) for sample in samples]
    found["record to verdict (us)"] = spent(
        lambda record: classify(Failure.from_record(record)), records, 1e6)
    errors = [raised(failure, text) for failure, text in zip(failures, own)]
    found["exception to verdict (us)"] = spent(classify, errors, 1e6)
    found["verdict to detail (us)"] = spent(lambda one: one.detail, [classify(t) for t in own], 1e6)
    verdicts = [classify(text) for text in own]
    found["verdict to explain() (us)"] = spent(lambda one: one.explain(), verdicts, 1e6)
    verdicts = [classify(text) for text in own]
    found["verdict to HTML (us)"] = spent(lambda one: one._repr_html_(), verdicts, 1e6)
    found[f"plain loop over {len(phrases)} phrases (us)"] = spent(
        lambda text: [one for one in phrases if one in text], own, 1e6)
    found["one alternation regex over them (us)"] = spent(alternation.findall, own, 1e6)
    for size in (1_000, 10_000, 100_000, 1_000_000):
        long = f"{turn}: " + "a long answer about models and their limits. " * (size // 44 + 1)
        found[f"{size:,} characters of text to verdict (ms)"] = spent(classify, [long[:size]], 1e3)
    print(json.dumps(found), flush=True)
"""


class _Checkout:
    """A process that measures with the package of one folder."""

    def __init__(self, folder: Path) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(folder)}
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", _WORKER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=self._environment,
        )
        self.rounds: list[dict[str, float]] = []

    def measure(self, turn: int) -> None:
        """Measure every row once."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(turn, file=self._process.stdin, flush=True)
        row: dict[str, float] = json.loads(self._process.stdout.readline())
        row[_FIRST] = self._started("from chatlab import classify; classify('Error code: 429')")
        row[_START] = self._started("pass")
        self.rounds.append(row)

    def close(self) -> None:
        """End the process."""
        self._process.communicate()

    def _started(self, code: str) -> float:
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", code], check=True, cwd=self._folder, env=self._environment
        )
        after = os.times()
        user = after.children_user - before.children_user
        return 1e3 * (user + after.children_system - before.children_system)

    def medians(self) -> list[tuple[str, float]]:
        """Each row and the median of its rounds."""
        return [(name, median(one[name] for one in self.rounds)) for name in self.rounds[0]]


def main(arguments: list[str]) -> int:
    """Print the rows; beside those of another checkout, with its times over ours."""
    checkouts = [_Checkout(folder) for folder in (_HERE, *map(Path, arguments[:1]))]
    for turn in range(_ROUNDS):
        for checkout in checkouts:
            checkout.measure(turn)
    for checkout in checkouts:
        checkout.close()
    others = [value for _, value in checkouts[-1].medians()] if arguments else []
    for number, (name, value) in enumerate(checkouts[0].medians()):
        beside = f" {others[number]:10.2f} {others[number] / value:8.2f}" if others else ""
        print(f"{name:64} {value:10.2f}{beside}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
