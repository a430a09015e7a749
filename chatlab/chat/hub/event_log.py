"""Running turns in the file of a store: what one process writes and the others read.

Of each turn there is at most one snapshot, and each event after it. Its row has the number of the
snapshot and, as body, the JSON list of its events; an event's row has a JSON object.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from chatlab.chat.hub.view import Item, LiveEvent, Snapshot
from chatlab.chat.messages.events import decode, encode
from chatlab.chat.storage.database import connect, explained, transaction

PAGE: Final = 1024
"""How many rows are read at a time."""

KEPT_TURNS: Final = 256
DEAD_AFTER_DAYS: Final = 1
"""The newest ended turns that are kept, and after how long a silent one counts as ended."""


@dataclass(frozen=True, slots=True)
class News:
    """What the journal holds of a turn behind a number.

    beat: changes as long as the turn's process lives. more: there are more items than these.
    ended: the turn has; its last items may be among those.
    """

    items: tuple[Item, ...]
    beat: float
    ended: bool
    more: bool


class Journal:
    """A connection of one thread to the store at `path`. Everything here raises `StoreError`."""

    def __init__(self, path: str, lock_wait_s: float) -> None:
        self._path = path
        self._connection = connect(path, lock_wait_s)
        with explained(path):
            # Consistent after any crash; a power cut may take the last moments of a running turn.
            self._connection.execute("PRAGMA synchronous = NORMAL")
        self._data_version = 0

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All that is written in the block is seen at once."""
        with explained(self._path), transaction(self._connection):
            yield

    def begin(self, turn: str) -> int | None:
        """The number by which the new `turn` is written; None: its name is taken.

        Ended turns that are not among the newest `KEPT_TURNS` are deleted.
        """
        with self.writing():
            self._connection.execute(
                "DELETE FROM turns WHERE beat < julianday('now') - ? OR ended AND id <= "
                "(SELECT id FROM turns WHERE ended ORDER BY id DESC LIMIT 1 OFFSET ?)",
                (DEAD_AFTER_DAYS, KEPT_TURNS),
            )
            made = self._connection.execute(
                "INSERT OR IGNORE INTO turns (name, beat) VALUES (?, julianday('now'))", (turn,)
            )
            return made.lastrowid if made.rowcount else None

    def write(self, number: int, items: Iterable[Item]) -> None:
        """Add `items` to a turn; a snapshot replaces all up to its own number."""
        rows: list[tuple[int, int, str]] = []
        for item in items:
            body: object
            if isinstance(item, Snapshot):
                body = [encode(event) for event in item.events]
                rows.clear()
                self._connection.execute(
                    "DELETE FROM turn_events WHERE turn = ? AND number <= ?",
                    (number, item.sequence),
                )
            else:
                body = encode(item.event)
            rows.append((number, item.sequence, json.dumps(body, default=str)))
        self._connection.executemany("INSERT INTO turn_events VALUES (?, ?, ?)", rows)

    def beat(self, number: int, *, ended: bool) -> None:
        """Say that a turn still runs, or that it has ended."""
        self._connection.execute(
            "UPDATE turns SET beat = julianday('now'), ended = ? WHERE id = ?", (ended, number)
        )

    @property
    def changed(self) -> bool:
        """Whether anybody else has written since this was asked last."""
        with explained(self._path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        before, self._data_version = self._data_version, version
        return bool(version != before)

    def read(self, turn: str, after: int) -> News | None:
        """What is new of `turn` behind number `after`; None: there is no such turn.

        Raises ValueError for what no chatlab of this version has written.
        """
        with explained(self._path):
            found = self._connection.execute(
                "SELECT id, beat, ended FROM turns WHERE name = ?", (turn,)
            ).fetchone()
            if found is None:
                return None
            number, beat, ended = found
            rows = self._connection.execute(
                "SELECT number, body FROM turn_events WHERE turn = ? AND number > ? "
                "ORDER BY number LIMIT ?",
                (number, after, PAGE),
            ).fetchall()
        items = tuple(_item(sequence, json.loads(body)) for sequence, body in rows)
        return News(items, beat, bool(ended), len(rows) == PAGE)


def _item(sequence: int, body: object) -> Item:
    if isinstance(body, list):
        return Snapshot(sequence, tuple(map(decode, body)))
    return LiveEvent(sequence, decode(body))
