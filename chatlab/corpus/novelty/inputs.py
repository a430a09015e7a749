"""Reads failures from folders, files and logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatlab.corpus.record_schema import FIELDS
from chatlab.corpus.sample import SampleError
from chatlab.errors import Failure, observe

LINES: Final = (".log", ".jsonl", ".ndjson")
"""The endings of files with one failure a line; any other file is one failure."""

_OBSERVED: Final = frozenset({"status", "headers", "body", "exception", "text"}) & FIELDS.keys()
_CONTINUED: Final = (
    " ",
    "\t",
    "Traceback (most recent",
    "During handling of",
    "The above exception",
)


def read_failures(path: str | Path) -> Iterator[tuple[str, Failure]]:
    """The failures in a file or, in order of name, in the files of a folder, each with its place.

    A log holds one a line, where an indented line belongs to the one before; a line, or a file,
    that is a JSON object with a corpus record's fields is read as one. Raises `SampleError` for
    what is missing, empty, or not text.
    """
    place = Path(path)
    if not place.is_dir():
        yield from failures_in(_read(place), str(place), by_line=place.suffix in LINES)
        return
    files = sorted(file for file in place.rglob("*") if file.is_file())
    if not files:
        raise SampleError(f"{place}: the folder has no files; name one with failures in it")
    for file in files:
        name = file.relative_to(place).as_posix()
        yield from failures_in(_read(file), name, by_line=file.suffix in LINES)


def failures_in(raw: bytes, name: str, *, by_line: bool) -> Iterator[tuple[str, Failure]]:
    """The failures in `raw`, which was found under `name`."""
    if b"\0" in raw:
        raise SampleError(f"{name}: not a text file; give a log, a JSON record or a dump")
    text = raw.decode("utf-8", "replace")
    if not text.strip():
        raise SampleError(f"{name}: empty; give the text of the failing call")
    if not by_line:
        yield name, _failure(text)
        return
    entry: list[str] = []
    start = 0
    for number, line in enumerate(text.split("\n"), start=1):
        if entry and line.startswith(_CONTINUED):
            entry.append(line)
            continue
        if entry:
            yield f"{name}:{start}", _failure("\n".join(entry))
        entry, start = ([line] if line.strip() else []), number
    if entry:
        yield f"{name}:{start}", _failure("\n".join(entry))


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise SampleError(f"{file}: cannot be read ({error.strerror}); check the name") from None


def _failure(text: str) -> Failure:
    record: object = None
    if text.lstrip().startswith("{"):
        try:
            record = json.loads(text)
        except (ValueError, RecursionError):
            record = None
    if isinstance(record, dict):
        return Failure.from_record(record) if _OBSERVED & record.keys() else observe(record, None)
    return observe(text, None)
