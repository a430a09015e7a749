"""How fast `Corpus.propose` is beside another revision: ``python tests/bench/bench_propose.py REV``.

The other revision is taken from git into a temporary folder. Both propose the same failures with
one corpus each, in turns, each in a process of its own, so that both meet the same load.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).parents[2]
ROUNDS: Final = 5
_WORK: Final = """
import json, sys, time
from chatlab import Corpus
corpus = Corpus.load()
corpus.propose("status 500")
for line in sys.stdin:
    begin = time.perf_counter()
    corpus.propose(json.loads(line))
    print(time.perf_counter() - begin, flush=True)
"""
_FAILURES: Final = (
    "status 503 upstream connect error",
    'HTTP/1.1 429\\r\\nretry-after: 20\\r\\n\\r\\n{"error": {"code": "rate_limit_exceeded"}}',
    "openai.APITimeoutError: Request timed out.",
    "the frobnicator of tenant 12 has no more marbles",
)


@contextmanager
def _proposing(code: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that proposes what it is sent, with the code and the corpus in `code`."""
    environment = {**os.environ, "PYTHONPATH": str(code)}
    command = [sys.executable, "-P", "-c", _WORK]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment) as run:
        yield run


def _seconds(run: subprocess.Popen[str], failure: str) -> float:
    assert run.stdin is not None
    assert run.stdout is not None
    run.stdin.write(json.dumps(failure) + "\n")
    run.stdin.flush()
    return float(run.stdout.readline())


def medians(revision: str) -> tuple[float, float]:
    """The median seconds of a proposal: of `revision`, and of this checkout."""
    archive = ["git", "-C", str(ROOT), "archive", revision, "chatlab", "corpus"]
    packed = subprocess.run(archive, capture_output=True, check=True).stdout
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
            tar.extractall(folder, filter="data")
        with (
            _proposing(folder) as before,
            _proposing(ROOT) as after,
        ):
            pairs = [
                (_seconds(before, one), _seconds(after, one))
                for _ in range(ROUNDS)
                for one in _FAILURES
            ]
    return median(one for one, _ in pairs), median(other for _, other in pairs)


if __name__ == "__main__":
    was, now = medians(sys.argv[1] if len(sys.argv) > 1 else "HEAD")
    print(f"before {was * 1e3:.1f} ms, now {now * 1e3:.2f} ms: {was / now:.0f} times faster")
