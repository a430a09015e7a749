"""Chats, their messages, response ids and last errors, in one SQLite file.

A turn is committed whole or not at all. What is committed outlives a crash of the program and of
the machine: each commit is written through to a write-ahead log.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from chatlab.chat.messages import events
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import encode
from chatlab.chat.messages.surrogates import whole_text
from chatlab.chat.storage.database import MEMORY, connect, explained, transaction
from chatlab.chat.storage.recent import RecentHistories
from chatlab.chat.storage.schema import read_error
from chatlab.errors.payloads import ChatError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoredChat:
    """One chat of a store.

    Parameters
    ----------
    id:
        The chat's name in the store.
    title:
        What people call it.
    messages:
        How many it has.
    last_error:
        A `ChatError` as JSON; None if the last turn did not fail.

    Examples
    --------
    >>> StoredChat("chat-7", "The moon", 2).messages
    2
    """

    id: str
    title: str
    messages: int
    last_error: Mapping[str, object] | None = None


class Store:
    """The chats in one SQLite file.

    A chat is there as soon as something of it is stored; before that it is empty. Any thread may
    use a store, and any number of programs the same file. An older store is brought up to date, in
    place. `Chat` loads from it and commits to it.

    Parameters
    ----------
    path:
        The file, which is made if it is not there; ``:memory:`` is none.
    lock_wait_s:
        How long a writer waits for the others, in seconds.

    Raises
    ------
    StoreError
        Here and in each method, with one line that says what to do, if the file is locked,
        read-only, not a store, or a newer version's; then nothing in it has changed.

    Examples
    --------
    >>> with Store(":memory:") as store:
    ...     store.commit("chat-7", [{"role": "user", "parts": "And in Paris?"}])
    ...     [message.text for message in store.history("chat-7").messages]
    ['And in Paris?']
    """

    def __init__(self, path: str | os.PathLike[str], *, lock_wait_s: float = 5.0) -> None:
        self.path = os.fspath(path)
        if self.path != MEMORY:
            self.path = str(Path(self.path).absolute())
        self._lock = threading.Lock()
        self._recent = RecentHistories()
        self._connection = connect(self.path, lock_wait_s)

    def __repr__(self) -> str:
        return f"<Store {self.path}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Again: nothing."""
        with self._lock:
            self._connection.close()

    def commit(
        self,
        chat: str,
        messages: Iterable[object],
        *,
        error: ChatError | None = None,
        seen: int | None = None,
    ) -> None:
        """Add the messages of one turn and set the chat's last error: all of it, or nothing.

        A response id is kept only with a message that is `stored`, so that no chain continues what
        the provider does not have.

        Parameters
        ----------
        chat:
            The name of the chat.
        messages:
            As `History.read` takes them.
        error:
            Why the turn failed; None if it did not.
        seen:
            How many messages the turn went on from. If the chat has another number by now, a second
            turn came in between, of which the provider's copy knows nothing, and no response id is
            kept.

        Raises
        ------
        ValueError
            For a message that cannot be stored; it says which.
        """
        turn = History.read(messages).whole()
        if not isinstance(error, ChatError | None):
            raise TypeError(f"Store: error is {error!r:.80}; give a ChatError, or None")
        said = None if error is None else json.dumps(events.encode(error)["error"])
        with self._writing() as connection:
            self._set(connection, chat, "last_error", said)
            stored = self._count(connection, chat)
            if seen is not None and seen != stored:
                _log.warning(
                    "chat %r has %d messages, and the turn has seen %d: no response id is kept",
                    chat,
                    stored,
                    seen,
                )
                turn = tuple(replace(one, response_id=None, stored=False) for one in turn)
            for row in [_row(body, number) for number, body in enumerate(encode(turn))]:
                connection.execute(
                    "INSERT INTO messages (chat, number, body, response_id) SELECT "
                    "?, coalesce(max(number) + 1, 0), ?, ? FROM messages WHERE chat = ?",
                    (chat, *row, chat),
                )

    def history(self, chat: str) -> History:
        """Return the messages of a chat, oldest first; see there for one that cannot be read."""
        found = self._found(
            "SELECT body, response_id FROM messages WHERE chat = ? ORDER BY number", chat
        )
        with self._lock:
            return self._recent.read(chat, [(str(body), known) for body, known in found])

    def last_error(self, chat: str) -> Mapping[str, object] | None:
        """Why the last turn of a chat failed, a `ChatError` as JSON; None if it did not."""
        found = self._found("SELECT last_error FROM chats WHERE id = ?", chat)
        return _error(found[0][0]) if found else None

    def rename(self, chat: str, title: str) -> None:
        """Give a chat its title. A half of a character, as models make them, becomes U+FFFD."""
        with self._writing() as connection:
            self._set(connection, chat, "title", whole_text(title))

    def forget_response(self, response_id: str) -> bool:
        """The provider has lost this response; whether any message had its id.

        What a chat has from before is as old or older: its ids are dropped with it, and nothing
        of it counts as stored with the provider any more.
        """
        with self._writing() as connection:
            changed = connection.execute(
                """UPDATE messages SET response_id = NULL, body = CASE
                    WHEN json_valid(body) THEN json_remove(body, '$.stored') ELSE body END
                WHERE number <= (SELECT max(number) FROM messages AS lost
                    WHERE lost.chat = messages.chat AND lost.response_id = ?)""",
                (response_id,),
            )
            return changed.rowcount > 0

    def chats(self) -> list[StoredChat]:
        """All chats, the oldest first."""
        found = self._found(
            "SELECT id, title, (SELECT count(*) FROM messages WHERE chat = id), last_error "
            "FROM chats ORDER BY rowid"
        )
        return [StoredChat(id, title, count, _error(error)) for id, title, count, error in found]

    def delete(self, chat: str) -> None:
        """Delete a chat and all its messages."""
        with self._writing() as connection:
            connection.execute("DELETE FROM chats WHERE id = ?", (chat,))

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._lock, explained(self.path), transaction(self._connection):
            yield self._connection

    def _found(self, question: str, *values: str) -> list[tuple[Any, ...]]:
        with self._lock, explained(self.path):
            return self._connection.execute(question, values).fetchall()

    @staticmethod
    def _count(connection: sqlite3.Connection, chat: str) -> int:
        question = "SELECT count(*) FROM messages WHERE chat = ?"
        return int(connection.execute(question, (chat,)).fetchone()[0])

    @staticmethod
    def _set(connection: sqlite3.Connection, chat: str, column: str, value: str | None) -> None:
        connection.execute(
            f"INSERT INTO chats (id, {column}) VALUES (?, ?) "
            f"ON CONFLICT (id) DO UPDATE SET {column} = excluded.{column}",
            (chat, value),
        )


def _row(message: dict[str, Any], number: int) -> tuple[str, str | None]:
    """The columns of a message: its JSON without the response id, and the response id."""
    response_id = message.pop("response_id", None)
    try:
        body = json.dumps(message, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise ValueError(f"messages[{number}]: {error}") from None
    return body, response_id if message.get("stored") else None


def _error(stored: str | None) -> Mapping[str, object] | None:
    return None if stored is None else read_error(stored)
