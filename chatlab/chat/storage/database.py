"""The file of a store: opening it, bringing it up to date, and what to say when that fails."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from chatlab.chat.storage.schema import MIGRATIONS
from chatlab.exceptions import ChatlabError

APPLICATION: Final = 0x63686C62
"""The ``PRAGMA application_id`` of every store, by which a store is told from other databases."""

MEMORY: Final = ":memory:"

_HEAD: Final = b"SQLite format 3\0"

_ADVICE: Final = {
    sqlite3.SQLITE_BUSY: "is locked by another program; wait until it is done, or close it there",
    sqlite3.SQLITE_LOCKED: "is locked by another program; wait until it is done, or close it there",
    sqlite3.SQLITE_READONLY: "is read-only; make the file and its folder writable, or use a copy",
    sqlite3.SQLITE_PERM: "is read-only; make the file and its folder writable, or use a copy",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check that its folder is there and may be written",
    sqlite3.SQLITE_NOTADB: "is no database; give the path of a store, or one where no file is yet",
    sqlite3.SQLITE_CORRUPT: "is damaged; take a backup, or rescue what `sqlite3 FILE .recover` can",
    sqlite3.SQLITE_FULL: "cannot grow, because the disk is full; make room and repeat",
}


class StoreError(ChatlabError):
    """A store that cannot be used: which file, what is wrong, what to do, in one line.

    Examples
    --------
    >>> store = connect(MEMORY, lock_wait_s=1)
    >>> store.close()
    >>> with explained("chats.db"):
    ...     store.execute("SELECT 1")
    Traceback (most recent call last):
        ...
    chatlab.chat.storage.database.StoreError: chats.db: the store is closed; open it again
    """


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn SQLite's errors inside the block into a `StoreError`."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        said = f"cannot be used ({error}); check the file and its disk"
        if code is not None:
            said = _ADVICE.get(code & 0xFF, said)
        elif isinstance(error, sqlite3.ProgrammingError):
            said = "is closed; open it again"
        raise StoreError(f"{path}: the store {said}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that the block writes, or nothing; nobody else writes meanwhile."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def connect(path: str | os.PathLike[str], lock_wait_s: float) -> sqlite3.Connection:
    """A connection to the store at `path`, made or brought up to date if it has to be.

    lock_wait_s: how long other writers are waited for, in seconds. Raises StoreError, and leaves
    the file as it is, if it is no store, one of a newer version, or cannot be written now.
    """
    name = os.fspath(path)
    if _is_foreign(Path(name)):
        raise StoreError(f"{name}: the store {_ADVICE[sqlite3.SQLITE_NOTADB]}")
    with explained(name):
        connection = sqlite3.connect(
            name, timeout=lock_wait_s, isolation_level=None, check_same_thread=False
        )
        try:
            connection.text_factory = _text
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            if _version(connection, name) < len(MIGRATIONS):
                _migrate(connection, name)
            if name != MEMORY:
                _write_ahead(connection, lock_wait_s)
        except BaseException:
            connection.close()
            raise
    return connection


def _is_foreign(path: Path) -> bool:
    """Whether a file is there that is no database. SQLite would write over one of a single byte."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(len(_HEAD)) not in (b"", _HEAD)
    except OSError:
        return False


def _migrate(connection: sqlite3.Connection, name: str) -> None:
    with transaction(connection):
        # Another program may have done it while this one waited.
        for step in MIGRATIONS[_version(connection, name) :]:
            step(connection)
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _write_ahead(connection: sqlite3.Connection, lock_wait_s: float) -> None:
    """Use a write-ahead log. Of two that begin with it at once, SQLite refuses one unwaited."""
    deadline = time.monotonic() + lock_wait_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _version(connection: sqlite3.Connection, name: str) -> int:
    """The version of the store's schema, 0 if it is empty. Raises StoreError if it is not ours."""
    version = _number(connection, "PRAGMA user_version")
    tables = _number(connection, "SELECT count(*) FROM sqlite_master")
    if (tables or version) and _number(connection, "PRAGMA application_id") != APPLICATION:
        raise StoreError(f"{name}: a database of another program; give the path of a store")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{name}: the store has version {version}, and this chatlab knows {len(MIGRATIONS)}; "
            "upgrade chatlab, or use another file"
        )
    return version


def _number(connection: sqlite3.Connection, question: str) -> int:
    with closing(connection.execute(question)) as found:
        answer: int = found.fetchone()[0]
    return answer


def _text(stored: bytes) -> str:
    return stored.decode(errors="replace")
