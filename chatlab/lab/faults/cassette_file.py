"""The file of a cassette, read: its exchanges, or what is wrong with it."""

from __future__ import annotations

import json
from pathlib import Path

from chatlab.lab.faults.recorded_exchange import RecordedExchange
from chatlab.lab.protocols.notation import ScriptError, build, near

FORMAT = "chatlab cassette"
VERSION = 1


def read_exchanges(path: str | Path) -> list[RecordedExchange]:
    """Return the exchanges in a cassette file, in the order of their requests.

    Raises `ScriptError`, which begins with the file's name, for a missing file (with the near
    name), for a file that is not a cassette, and for one of a newer version.
    """
    try:
        return _read(Path(path))
    except (ScriptError, UnicodeDecodeError, RecursionError) as problem:
        raise ScriptError(f"{path}: {problem}") from None


def _read(file: Path) -> list[RecordedExchange]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = (other.name for other in file.parent.glob("*.json"))
        raise ScriptError(f"no such file{near(file.name, names)}") from None
    except json.JSONDecodeError as problem:
        raise ScriptError(
            f"the file is not valid JSON ({problem}); use the file as it was saved"
        ) from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ScriptError(
            f'this is not a cassette: "format" is not "{FORMAT}"; RecordingTransport makes one'
        )
    version, items = record.get("version"), record.get("exchanges")
    if version != VERSION:
        is_newer = isinstance(version, int) and version > VERSION
        remedy = "update chatlab" if is_newer else "record the cassette again"
        raise ScriptError(f"version is {version!r}, and this chatlab reads {VERSION}; {remedy}")
    if not isinstance(items, list):
        raise ScriptError("exchanges must be a list; record the cassette again")
    return [_exchange(item, f"exchanges[{number}]") for number, item in enumerate(items)]


def _exchange(item: object, where: str) -> RecordedExchange:
    if not isinstance(item, dict):
        raise ScriptError(f"{where} is not an object; record the cassette again")
    try:
        return build(RecordedExchange, item, where)
    except ScriptError as problem:
        text = str(problem)
        raise ScriptError(text if text.startswith(where) else f"{where}: {text}") from None
