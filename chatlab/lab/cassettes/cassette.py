"""Cassettes: recorded exchanges with every chunk, its time, and how the stream ended.

In memory a cassette holds what was received. What `Cassette.save` writes is without secrets: the
headers go by an allow-list, everything else is searched, also across the borders of chunks.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Self

from chatlab.corpus.atomic_files import write_atomically
from chatlab.lab.cassettes.chunked_sanitize import sanitized
from chatlab.lab.cassettes.recording import Chunk, Exchange, RecordedRequest
from chatlab.lab.faults.notation import ScriptError, build, near, to_json
from chatlab.lab.provider.exchange import utf8

FORMAT = "chatlab cassette"
VERSION = 1


class Cassette:
    """Exchanges in the order of their requests; threads may record into one.

    ``exchanges`` holds those that have ended.
    """

    def __init__(self, exchanges: Iterable[Exchange] = ()) -> None:
        """Begin with these exchanges."""
        self._ended = dict(enumerate(exchanges))
        self._numbers = count(len(self._ended))
        self._secrets: set[str] = set()

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges that have ended, by the time of the request."""
        return tuple(exchange for _, exchange in sorted(self._ended.copy().items()))

    def begin(self, secrets: Iterable[str] = ()) -> int:
        """Return the number of an exchange that begins; ``secrets`` must not be written."""
        self._secrets.update(secrets)
        return next(self._numbers)

    def end(self, number: int, exchange: Exchange) -> None:
        """Keep the exchange that began as ``number``."""
        self._ended[number] = exchange

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the cassette in a file.

        Raises `ScriptError`, which begins with the file's name, for a missing file (with the
        near name) and for one that is no cassette or newer than this chatlab.
        """
        file = Path(path)
        try:
            return cls(_read(file))
        except (ScriptError, UnicodeDecodeError, RecursionError) as problem:
            raise ScriptError(f"{path}: {problem}") from None

    def save(self, path: str | Path) -> None:
        """Write the cassette without secrets; a reader sees the old file or the new one.

        Raises `ScriptError` when an exchange cannot be searched for secrets, and
        `ModuleNotFoundError`, which says what to install, when the secret detector is missing.
        """
        shown = []
        for number, exchange in enumerate(self.exchanges):
            try:
                shown.append(to_json(_sanitized(exchange, self._secrets)))
            except ScriptError as problem:
                raise ScriptError(f"{path}: exchanges[{number}]: {problem}") from None
        record = {"format": FORMAT, "version": VERSION, "exchanges": shown}
        text = utf8(json.dumps(record, ensure_ascii=False, indent=2)).decode() + "\n"
        file = Path(path)
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, text)

    def __repr__(self) -> str:
        """Return a line for each exchange."""
        return "\n".join(map(repr, self.exchanges)) or "an empty cassette"


def _sanitized(exchange: Exchange, secrets: Iterable[str]) -> Exchange:
    """Return ``exchange`` as it may be written, with its chunks cut where they were cut."""
    response = exchange.response
    chunks = () if response is None else response.chunks
    record, pieces = sanitized(
        {
            "request": to_json(exchange.request),
            "headers": {} if response is None else response.headers,
            "redactions": list(exchange.redactions),
        },
        [chunk.data for chunk in chunks],
        secrets,
    )
    if response is not None:
        cut = zip(pieces, (chunk.at_s for chunk in chunks), strict=True)
        kept = tuple(Chunk.of(data, at_s) for data, at_s in cut if data)
        grown = sum(map(len, pieces)) - len(response.content)
        length = None if response.length is None else response.length + grown
        response = replace(response, headers=record["headers"], length=length, chunks=kept)
    return replace(
        exchange,
        request=RecordedRequest(**record["request"]),
        response=response,
        redactions=tuple(record["redactions"]),
    )


def _read(file: Path) -> list[Exchange]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = (other.name for other in file.parent.glob("*.json"))
        raise ScriptError(f"no such file{near(file.name, names)}") from None
    except json.JSONDecodeError as problem:
        raise ScriptError(f"no JSON ({problem}); take the file as it was saved") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise ScriptError(f'no cassette: "format" is not "{FORMAT}"; RecordingTransport makes one')
    version, items = record.get("version"), record.get("exchanges")
    if version != VERSION:
        is_newer = isinstance(version, int) and version > VERSION
        told = "update chatlab" if is_newer else "record the cassette again"
        raise ScriptError(f"version is {version!r}, and this chatlab reads {VERSION}; {told}")
    if not isinstance(items, list):
        raise ScriptError("exchanges must be a list; record the cassette again")
    return [_exchange(item, f"exchanges[{number}]") for number, item in enumerate(items)]


def _exchange(item: object, where: str) -> Exchange:
    if not isinstance(item, dict):
        raise ScriptError(f"{where} is no object; record the cassette again")
    try:
        return build(Exchange, item, where)
    except ScriptError as problem:
        text = str(problem)
        raise ScriptError(text if text.startswith(where) else f"{where}: {text}") from None
