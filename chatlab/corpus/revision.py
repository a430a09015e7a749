"""What the rules of another git revision say: its own code, run on today's samples."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from chatlab.corpus.comparison import Answers, answers_in
from chatlab.corpus.sample import Sample, SampleError
from chatlab.text.markup import shortened, visible

_PACKAGE: Final = Path(__file__).parents[1]
_TIMEOUT_S: Final = 120


def answers_at(revision: str, samples: Iterable[Sample]) -> Answers:
    """What the rules of `revision` of chatlab's own repository say of each of `samples`.

    The revision's code is taken from git into a temporary folder and run there by this Python.
    Raises `SampleError` when there is no such revision, when chatlab is not a git checkout, and
    when the revision has no rules or no ``classify --jsonl`` yet.
    """
    lines = "".join(f"{json.dumps({**sample.record, 'id': sample.id})}\n" for sample in samples)
    with tempfile.TemporaryDirectory(prefix="chatlab-revision-") as folder:
        _unpack(_archived(revision), Path(folder), revision)
        command = [sys.executable, "-P", "-m", "chatlab.cli", "classify", "--jsonl"]
        run = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder, "PYTHONDONTWRITEBYTECODE": "1"},
            input=lines.encode(),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    if run.returncode not in (0, 1) or not run.stdout:
        said = visible(run.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2])
        raise SampleError(
            f"{revision}: its rules cannot be asked ({shortened(said, 200)}); "
            "choose a revision that has `chatlab classify --jsonl`"
        )
    return answers_in(run.stdout.decode("utf-8", "replace"), revision)


def _archived(revision: str) -> bytes:
    options = ["--format=tar", "--end-of-options", revision, "chatlab"]
    try:
        run = subprocess.run(
            ["git", "-C", str(_PACKAGE.parent), "archive", *options],
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except FileNotFoundError:
        raise SampleError(f"{revision}: git is not installed; give a file of answers") from None
    if run.returncode:
        said = visible(run.stderr.decode("utf-8", "replace").strip().partition("\n")[0])
        raise SampleError(
            f"{revision}: neither a file nor a git revision with chatlab in it "
            f"({shortened(said, 160)}); `git log` lists the revisions"
        )
    return run.stdout


def _unpack(archive: bytes, folder: Path, revision: str) -> None:
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
    except tarfile.TarError as error:
        raise SampleError(f"{revision}: git gave no archive that can be read ({error})") from None
