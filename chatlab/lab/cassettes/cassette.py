"""Cassettes: recorded exchanges with every chunk, its time, and how the stream ended.

In memory a cassette holds what was received. `Cassette.save` writes it without secrets: headers are
kept by an allow-list, and everything else is searched, also across the borders of chunks.
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
from chatlab.lab.faults.cassette_file import FORMAT, VERSION, read_exchanges
from chatlab.lab.faults.recorded_exchange import Chunk, RecordedExchange, RecordedRequest
from chatlab.lab.protocols.exchange import utf8
from chatlab.lab.protocols.notation import ScriptError, to_json


class Cassette:
    """Recorded exchanges in the order of their requests; threads may record into one.

    >>> Cassette()
    an empty cassette

    Parameters
    ----------
    exchanges : iterable of RecordedExchange
        What it holds at the beginning.
    """

    def __init__(self, exchanges: Iterable[RecordedExchange] = ()) -> None:
        """Begin with these exchanges."""
        self._ended = dict(enumerate(exchanges))
        self._numbers = count(len(self._ended))
        self._secrets: set[str] = set()

    @property
    def exchanges(self) -> tuple[RecordedExchange, ...]:
        """The exchanges that have ended, by the time of the request."""
        return tuple(exchange for _, exchange in sorted(self._ended.copy().items()))

    def begin(self, secrets: Iterable[str] = ()) -> int:
        """Return the number of an exchange that begins; ``secrets`` must not be written."""
        self._secrets.update(secrets)
        return next(self._numbers)

    def end(self, number: int, exchange: RecordedExchange) -> None:
        """Keep the exchange that began as ``number``."""
        self._ended[number] = exchange

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Return the cassette in a file.

        Raises `ScriptError`, which begins with the file's name, for a missing file (with the
        near name), for a file that is not a cassette, and for one of a newer version.
        """
        return cls(read_exchanges(path))

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


def _sanitized(exchange: RecordedExchange, secrets: Iterable[str]) -> RecordedExchange:
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
