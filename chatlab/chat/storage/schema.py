"""The tables of a store, version by version, and how an older store becomes one of today.

1    chats and messages; the last error of a chat is a plain text
2    the last error is a `ChatError` as JSON
3    running turns and their events, for viewers in other processes
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Final

from chatlab.errors.payloads import last_error

Step = Callable[[sqlite3.Connection], object]

_CHATS: Final = (
    """CREATE TABLE IF NOT EXISTS chats (
        id TEXT PRIMARY KEY,
        title TEXT NOT NULL DEFAULT '',
        last_error TEXT
    )""",
    """CREATE TABLE IF NOT EXISTS messages (
        chat TEXT NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        body TEXT NOT NULL,
        response_id TEXT,
        PRIMARY KEY (chat, number)
    ) WITHOUT ROWID""",
    """CREATE INDEX IF NOT EXISTS messages_by_response ON messages (response_id)
        WHERE response_id IS NOT NULL""",
)
_TURNS: Final = (
    """CREATE TABLE IF NOT EXISTS turns (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        ended INTEGER NOT NULL DEFAULT 0,
        beat REAL NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS turn_events (
        turn INTEGER NOT NULL REFERENCES turns (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (turn, number)
    ) WITHOUT ROWID""",
)


def read_error(stored: str) -> dict[str, object] | None:
    """A stored last error as a `ChatError` in JSON; None for a JSON null.

    What is no such JSON is taken for a message that an older version has stored.
    """
    try:
        return last_error(json.loads(stored))
    except (ValueError, RecursionError):
        return last_error(stored)


def structure_errors(connection: sqlite3.Connection) -> int:
    """Rewrite every last error that is a plain text; how many were. Again: none."""
    found = connection.execute(
        "SELECT id, CAST(last_error AS TEXT) FROM chats WHERE last_error IS NOT NULL"
    )
    read = [(read_error(stored), stored, chat) for chat, stored in found.fetchall()]
    texts = [(error and json.dumps(error), stored, chat) for error, stored, chat in read]
    changed = [(text, chat) for text, stored, chat in texts if text != stored]
    connection.executemany("UPDATE chats SET last_error = ? WHERE id = ?", changed)
    return len(changed)


def _make(statements: tuple[str, ...], connection: sqlite3.Connection) -> None:
    for statement in statements:
        connection.execute(statement)


MIGRATIONS: Final[tuple[Step, ...]] = (
    partial(_make, _CHATS),
    structure_errors,
    partial(_make, _TURNS),
)
"""What leads from each version to the next, the first from an empty file to version 1."""
