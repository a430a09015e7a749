"""Chats in a file: what is kept, what survives, what is refused."""

from __future__ import annotations

import json
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.turn_events import ERROR

from chatlab.chat.chain.resolver import Mode, resolve_chain
from chatlab.chat.messages.content import ToolResultPart
from chatlab.chat.messages.history import History
from chatlab.chat.messages.message import Message
from chatlab.chat.messages.parts import BlockPart, ReasoningPart, ToolCallPart
from chatlab.chat.storage.database import APPLICATION, StoreError
from chatlab.chat.storage.schema import MIGRATIONS, read_error, structure_errors
from chatlab.chat.storage.store_file import Store, StoredChat
from chatlab.errors import Kind
from chatlab.errors.payloads import ChatError

ASKED: Final = Message("user", "What is it?")
SAID: Final = Message("assistant", "It is 42.", response_id="resp_1", model="gpt-5", stored=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where no file is yet."""
    return tmp_path / "chats.db"


def sql(path: Path, *statements: str) -> list[tuple[Any, ...]]:
    """What another program gets that runs these statements; the rows of the last."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found: list[tuple[Any, ...]] = []
        for statement in statements:
            found = connection.execute(statement).fetchall()
        return found


def test_a_turn_is_there_again_when_the_store_is_opened_again(path: Path) -> None:
    """Every kind of part, in order, and the response id of a stored turn, to be chained to."""
    turn = [
        Message("system", "Be short."),
        ASKED,
        Message(
            "assistant",
            [
                ReasoningPart("Hm \ud800", ("Hm",), "rs_1", encrypted="x"),
                BlockPart("web_search_call", {"id": "ws_1", "n": 1.5}),
                ToolCallPart("call_1", "search", '{"q": "é"}'),
            ],
            model="gpt-5",
        ),
        Message("tool", [ToolResultPart("call_1", "found", is_error=True)]),
        SAID,
    ]
    with Store(path) as store:
        store.commit("a", turn)
        store.commit("a", [ASKED])
    with Store(path) as store:
        assert History.read(store.history("a")).whole() == (*turn, ASKED)
        resolution = resolve_chain(store.history("a"), model="gpt-5")
    assert (resolution.mode, resolution.previous_response_id) == (Mode.CHAIN, "resp_1")


def test_chats_are_listed_with_what_they_have(path: Path) -> None:
    """The oldest first. What was never stored is empty; what was deleted is gone, with all of it."""
    with Store(path) as store:
        assert (store.chats(), list(store.history("a")), store.last_error("a")) == ([], [], None)
        store.commit("b", [ASKED, SAID])
        store.commit("a", [ASKED], error=ERROR)
        store.rename("b", "Of 42")
        store.rename("c", "Empty \ud83d")
        error = {"message": ERROR.message, "kind": "generic", "retryable": False}
        assert store.chats() == [
            StoredChat("b", "Of 42", 2),
            StoredChat("a", "", 1, error),
            StoredChat("c", "Empty \ufffd", 0),
        ]
        store.delete("b")
        store.delete("never there")
        assert [chat.id for chat in store.chats()] == ["a", "c"]
        assert len(store.history("b")) == 0
    assert sql(path, "SELECT chat FROM messages") == [("a",)]


def test_the_last_error_is_that_of_the_last_turn(path: Path) -> None:
    """An object with all that is told of it; a turn that succeeds takes it away."""
    error = ChatError("Too fast.", Kind.RATE_LIMIT, True, "openai", 429, "slow down")
    with Store(path) as store:
        store.commit("a", [ASKED], error=error)
        assert store.last_error("a") == {
            "message": "Too fast.",
            "kind": "rate_limit",
            "retryable": True,
            "provider": "openai",
            "status_code": 429,
            "detail": "slow down",
        }
        store.commit("a", [SAID])
        assert store.last_error("a") is None
    assert sql(path, "SELECT last_error FROM chats") == [(None,)]


def test_a_response_id_is_kept_only_of_a_stored_turn(path: Path) -> None:
    """Not of one that failed or that the provider does not keep; so the next turn replays."""
    lost = Message("assistant", "It is", response_id="resp_2", model="gpt-5")
    with Store(path) as store:
        store.commit("a", [ASKED, lost, ASKED])
        assert History.read(store.history("a")).whole()[1].response_id is None
        assert resolve_chain(store.history("a"), model="gpt-5").mode is Mode.REPLAY
    assert "resp_2" not in str(sql(path, "SELECT * FROM messages"))


def test_a_response_id_that_the_provider_has_lost_is_dropped(path: Path) -> None:
    """In the file too; everything else of its message stays."""
    with Store(path) as store:
        store.commit("a", [ASKED, SAID, ASKED])
        assert store.forget_response("resp_1")
        assert not store.forget_response("resp_1")
        history = store.history("a")
        assert History.read(history).whole()[1].text == "It is 42."
        decided = [c.name for c in resolve_chain(history, model="gpt-5").conditions if c.decided]
        assert decided == ["response-id"]


def test_what_cannot_be_stored_is_refused_whole(path: Path) -> None:
    """With the message's place; nothing of the turn is there."""
    with Store(path) as store:
        with pytest.raises(
            ValueError, match=r"messages\[1\].role: 'usr' is not known; did you mean"
        ):
            store.commit("a", [ASKED, {"role": "usr", "parts": []}])
        block = Message("assistant", BlockPart("x", {"data": object()}))
        with pytest.raises(ValueError, match=r"messages\[1\]: .* not JSON serializable"):
            store.commit("a", [ASKED, block], error=ERROR)
        assert store.chats() == []


def test_a_message_that_cannot_be_parsed_comes_as_its_text(path: Path) -> None:
    """So that the resolver replays, and says which message it is."""
    with Store(path) as store:
        store.commit("a", [ASKED, SAID, ASKED])
        sql(path, 'UPDATE messages SET body = \'{"role": "us\' WHERE number = 0')
        resolution = resolve_chain(store.history("a"), model="gpt-5")
    assert resolution.mode is Mode.REPLAY
    assert 'messages[0]: \'{"role": "us\' is not an object' in resolution.because


def test_any_thread_may_use_a_store(path: Path) -> None:
    """Turns of one chat that are committed at once are each whole, one behind the other."""
    with Store(path) as one, Store(path) as two:

        def commit(number: int) -> None:
            for store in (one, two):
                store.commit("a", [Message("user", f"{number}"), Message("assistant", f"{number}")])

        threads = [threading.Thread(target=commit, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        texts = [message.text for message in History.read(one.history("a")).whole()]
    assert sorted(texts[::2]) == sorted(f"{n}" for n in range(8) for _ in (1, 2))
    assert texts[::2] == texts[1::2]


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True])
def test_many_may_open_a_store_at_once(tmp_path: Path, older: bool) -> None:
    """One of them makes it or brings it up to date, and the others wait for that."""
    for attempt in range(5):
        path, failed, ready = tmp_path / f"{attempt}.db", list[Exception](), threading.Barrier(6)
        if older:
            old_store(path)

        def use(
            number: int,
            path: Path = path,
            failed: list[Exception] = failed,
            ready: threading.Barrier = ready,
        ) -> None:
            ready.wait()
            try:
                with Store(path) as store:
                    store.commit(f"new {number}", [ASKED])
            except StoreError as error:
                failed.append(error)

        threads = [threading.Thread(target=use, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        with Store(path) as store:
            assert sum(chat.id.startswith("new") for chat in store.chats()) == 6


# Older stores


TEXTS: Final = {
    "null": None,
    "plain": "OpenAI is overloaded: try again",
    "empty": "",
    "quoted": '"in quotes"',
    "number": "429",
    "list": "[1]",
    "no message": '{"error": {"code": 1}}',
    "object": '{"message": "m", "kind": "auth", "retryable": false}',
    "kind": '{"message": "m", "kind": "quota"}',
    "json null": "null",
    "deep": "[" * 100_000,
    "broken": '{"message": "m"',
    "foreign": "naïve 過負荷 \x00 end",
}


def old_store(path: Path) -> None:
    """A store of version 1, with last errors as such a version could have written them."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        MIGRATIONS[0](connection)
        rows = [(chat, "title", text) for chat, text in TEXTS.items()]
        connection.executemany("INSERT INTO chats VALUES (?, ?, ?)", rows)
        connection.execute("INSERT INTO chats VALUES ('blob', '', x'ff6162')")
        body = '{"role": "user", "parts": [{"type": "text", "text": "Hi"}]}'
        connection.execute("INSERT INTO messages VALUES ('plain', 0, ?, NULL)", (body,))
        connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("PRAGMA user_version = 1")


def test_opening_an_older_store_structures_its_last_errors(path: Path) -> None:
    """A text becomes the message of a generic error, an object stays, null stays null."""
    old_store(path)
    plain = {chat: {"message": text, "kind": "generic"} for chat, text in TEXTS.items()}
    with Store(path) as store:
        assert {chat.id: chat.last_error for chat in store.chats()} == {
            **plain,
            "null": None,
            "json null": None,
            "quoted": {"message": "in quotes", "kind": "generic"},
            "object": {"message": "m", "kind": "auth", "retryable": False},
            "kind": {"message": "m", "kind": "generic"},
            "blob": {"message": "\ufffdab", "kind": "generic"},
        }
        assert [message.text for message in History.read(store.history("plain")).whole()] == ["Hi"]
        assert {chat.title for chat in store.chats()} == {"title", ""}
    kept = dict(sql(path, "SELECT id, last_error FROM chats"))
    assert kept["null"] is kept["json null"] is None
    assert json.loads(kept["plain"]) == plain["plain"]


def test_an_older_store_can_be_brought_up_to_date_twice(path: Path) -> None:
    """Also if the version was not written the first time: the second changes nothing."""
    old_store(path)
    Store(path).close()
    everything = "SELECT * FROM chats"
    once = sql(path, everything)
    sql(path, "PRAGMA user_version = 1")
    Store(path).close()
    assert sql(path, everything) == once
    with closing(sqlite3.connect(path)) as connection:
        assert structure_errors(connection) == 0
        connection.execute("UPDATE chats SET last_error = 'plain again' WHERE id = 'null'")
        assert structure_errors(connection) == 1
        assert structure_errors(connection) == 0


@settings(deadline=None)
@given(
    st.text()
    | st.builds(
        json.dumps,
        st.recursive(
            st.none() | st.text() | st.integers(),
            lambda x: (
                st.lists(x)
                | st.dictionaries(st.sampled_from(["message", "kind", "detail", "provider"]), x)
            ),
        ),
    )
)
def test_any_stored_text_is_read_as_an_error_and_stays_as_it_is_then(stored: str) -> None:
    """Reading what was rewritten gives the same, so rewriting is done once."""
    error = read_error(stored)
    if error is not None:
        assert isinstance(error["message"], str)
        assert error["kind"] in set(Kind)
        assert read_error(json.dumps(error)) == error


# Crashes


KILLED = """
    import os, signal, sys
    from chatlab.chat.storage.store_file import Store
    from chatlab.chat.messages.message import Message

    store = Store(sys.argv[1])
    statements = 0

    def count(statement):
        global statements
        statements += 1
        if statements == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

    store._connection.set_trace_callback(count)
    turn = [Message("user", "Q"), Message("assistant", "A", response_id="r", stored=True)]
    store.commit("a", turn)
    print("committed", flush=True)
"""


def run(source: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a program in another process."""
    command = [sys.executable, "-c", textwrap.dedent(source), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("statement", range(1, 9))
def test_a_crash_between_two_writes_loses_no_committed_turn(path: Path, statement: int) -> None:
    """Killed before any of its statements, a turn is there whole or not at all; the earlier are."""
    with Store(path) as store:
        store.commit("a", [ASKED], error=ERROR)
        before = (store.chats(), store.history("a"))
    done = run(KILLED, path, statement)
    with Store(path) as store:
        after = (store.chats(), store.history("a"))
        assert len(after[1]) in (1, 3)
        if done.returncode == 0:
            assert done.stdout == "committed\n"
            assert (after[0][0].last_error, len(after[1])) == (None, 3)
        else:
            assert done.returncode == -signal.SIGKILL
            assert after == before
        store.commit("a", [SAID])
        assert len(store.history("a")) == len(after[1]) + 1


def test_a_program_that_is_killed_at_any_time_has_lost_nothing_that_it_told(path: Path) -> None:
    """It is killed in the midst of its commits."""
    source = """
        import sys
        from chatlab.chat.storage.store_file import Store
        from chatlab.chat.messages.message import Message

        store, number = Store(sys.argv[1]), 0
        while True:
            store.commit("a", [Message("user", f"{number}"), Message("assistant", f"{number}")])
            print(number, flush=True)
            number += 1
    """
    command = [sys.executable, "-c", textwrap.dedent(source), str(path)]
    told: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told += [writer.stdout.readline() for _ in range(50)]
        writer.kill()
        told += writer.stdout.readlines()
    with Store(path) as store:
        texts = [int(message.text) for message in History.read(store.history("a")).whole()]
    committed = len(texts) // 2
    assert texts == [number for number in range(committed) for _ in (1, 2)]
    assert committed - len(told) in (0, 1)


@pytest.mark.slow
def test_a_crash_while_an_older_store_is_brought_up_to_date_leaves_the_older_store(
    path: Path, tmp_path: Path
) -> None:
    """Killed before any statement of it; the next time it is done."""
    old_store(path)
    source = """
        import os, signal, sqlite3, sys
        from chatlab.chat.storage import database

        def kill_at(statement, seen=[0]):
            seen[0] += 1
            if seen[0] == int(sys.argv[2]):
                os.kill(os.getpid(), signal.SIGKILL)

        migrate = database._migrate

        def traced(connection, name):
            connection.set_trace_callback(kill_at)
            migrate(connection, name)

        database._migrate = traced
        database.connect(sys.argv[1], 1.0).close()
    """
    versions = []
    for statement in range(1, 37, 6):
        copy = tmp_path / f"{statement}.db"
        shutil.copy(path, copy)
        done = run(source, copy, statement)
        (version,) = sql(copy, "PRAGMA user_version")[0]
        assert (version == len(MIGRATIONS)) == (done.returncode == 0)
        if version == 1:
            assert sql(copy, "SELECT * FROM chats") == sql(path, "SELECT * FROM chats")
        versions.append(version)
        with Store(copy) as store:
            assert len(store.chats()) == len(TEXTS) + 1
    assert versions == sorted(versions)
    assert versions[0] == 1
    assert versions[-1] == len(MIGRATIONS)


# Files that cannot be used


def refused(path: Path, use: Callable[[], object]) -> str:
    """What the error says, which is one line and begins with the file."""
    with pytest.raises(StoreError) as raised:
        use()
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "content", [b"x", b"hello\n" * 500, b"SQLite format 3\0" + b"x" * 2000, b"{}"]
)
def test_a_file_that_is_no_database_is_left_as_it_is(path: Path, content: bytes) -> None:
    """The error says to give another path."""
    path.write_bytes(content)
    assert refused(path, lambda: Store(path)) == (
        "the store is no database; give the path of a store, or one where no file is yet"
    )
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [0, 1, 3, 9])
def test_a_database_of_another_program_is_left_as_it_is(path: Path, version: int) -> None:
    """Even if it has a table of the same name, or a version."""
    sql(path, "CREATE TABLE chats (id)", f"PRAGMA user_version = {version}")
    content = path.read_bytes()
    said = refused(path, lambda: Store(path))
    assert said == "a database of another program; give the path of a store"
    assert path.read_bytes() == content


def test_a_store_of_a_newer_version_is_left_as_it_is(path: Path) -> None:
    """The error says to upgrade."""
    with Store(path) as store:
        store.commit("a", [ASKED])
    sql(path, "PRAGMA user_version = 9", "PRAGMA journal_mode = DELETE")
    content = path.read_bytes()
    assert refused(path, lambda: Store(path)) == (
        "the store has version 9, and this chatlab knows 3; upgrade chatlab, or use another file"
    )
    assert path.read_bytes() == content


LOCKED: Final = "the store is locked by another program; wait until it is done, or close it there"


def test_a_locked_store_says_so_and_can_be_used_later(path: Path) -> None:
    """Reading goes on meanwhile; a turn that could not be committed has left nothing behind."""
    with Store(path, lock_wait_s=0.1) as store:
        store.commit("a", [ASKED])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert refused(path, lambda: store.commit("a", [SAID])) == LOCKED
            assert len(store.history("a")) == 1
            with Store(path, lock_wait_s=0.1) as reader:
                assert len(reader.history("a")) == 1
            other.execute("ROLLBACK")
        store.commit("a", [SAID])
        assert len(store.history("a")) == 2


def test_readers_and_writers_do_not_wait_for_each_other(path: Path) -> None:
    """Another program in the midst of reading sees what was, and does not keep a turn waiting."""
    with Store(path, lock_wait_s=0.1) as store:
        store.commit("a", [ASKED])
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            count = "SELECT count(*) FROM messages"
            assert other.execute(count).fetchone() == (1,)
            store.commit("a", [SAID])
            assert other.execute(count).fetchone() == (1,)
        assert len(store.history("a")) == 2


def test_a_turn_that_breaks_off_leaves_the_store_usable(path: Path) -> None:
    """Here because SQLite will not write the message; the chat it has written is taken back."""
    with Store(path) as store:
        store.commit("a", [ASKED])
        store._connection.set_authorizer(
            lambda action, table, *_: (
                sqlite3.SQLITE_DENY
                if (action, table) == (sqlite3.SQLITE_INSERT, "messages")
                else sqlite3.SQLITE_OK
            )
        )
        refused(path, lambda: store.commit("b", [ASKED], error=ERROR))
        store._connection.set_authorizer(None)
        assert [chat.id for chat in store.chats()] == ["a"]
        store.commit("b", [ASKED])


def test_an_older_store_that_is_locked_is_left_as_it_is(path: Path) -> None:
    """Nor is one used that another program has for itself."""
    old_store(path)
    before = sql(path, "SELECT * FROM chats")
    for lock in ("IMMEDIATE", "EXCLUSIVE"):
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute(f"BEGIN {lock}")
            assert refused(path, lambda: Store(path, lock_wait_s=0.1)) == LOCKED
            other.execute("ROLLBACK")
        assert sql(path, "SELECT * FROM chats") == before
        assert sql(path, "PRAGMA user_version") == [(1,)]


POWERLESS: Final = """
    import ctypes, os, sys

    if os.geteuid() == 0:
        for capability in (1, 2):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
    os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""
"""Runs a program without root's power to read and write what may not be."""


READ_ONLY: Final = "is read-only; make the file and its folder writable, or use a copy"


def test_a_read_only_store_can_be_read_and_says_what_to_do(path: Path) -> None:
    """As long as its folder may be written; it is not changed."""
    with Store(path) as store:
        store.commit("a", [ASKED, SAID])
    content = path.read_bytes()
    path.chmod(0o444)
    source = """
        import sys
        from chatlab.chat.storage.store_file import Store
        store = Store(sys.argv[1])
        print(len(store.history("a")))
        try:
            store.commit("a", [])
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    """
    done = run(POWERLESS, textwrap.dedent(source), path)
    assert (done.stderr, done.stdout) == ("", f"2\nStoreError: {path}: the store {READ_ONLY}\n")
    assert path.read_bytes() == content


@pytest.mark.slow
@pytest.mark.parametrize("where", ["file", "folder"])
def test_an_older_store_that_is_read_only_is_left_as_it_is(path: Path, where: str) -> None:
    """Or one in a folder where nothing can be written."""
    old_store(path)
    content = path.read_bytes()
    path.chmod(0o444)
    if where == "folder":
        path.parent.chmod(0o555)
    source = "import sys; from chatlab.chat.storage.store_file import Store; Store(sys.argv[1])"
    done = run(POWERLESS, textwrap.dedent(source), path)
    path.parent.chmod(0o755)
    last = done.stderr.splitlines()[-1]
    assert last == f"chatlab.chat.storage.database.StoreError: {path}: the store {READ_ONLY}"
    assert path.read_bytes() == content


def test_a_path_that_cannot_be_opened_says_what_to_check(tmp_path: Path) -> None:
    """A folder that is not there, and a folder instead of a file."""
    said = "the store cannot be opened; check that its folder is there and may be written"
    for path in (tmp_path / "not" / "there.db", tmp_path):
        assert refused(path, lambda path=path: Store(path)) == said  # type: ignore[misc]


def test_a_damaged_store_says_so(path: Path) -> None:
    """And is left as it is."""
    with Store(path) as store:
        for number in range(40):
            store.commit("a", [Message("user", f"{number} " * 500)])
    sql(path, "PRAGMA journal_mode = DELETE")
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    with Store(path) as store:
        said = refused(path, lambda: store.history("a"))
    assert said.startswith("the store is damaged; take a backup, or rescue")


def test_a_full_disk_says_so_and_loses_nothing(path: Path) -> None:
    """The pages that SQLite may use are limited here, which it tells in the same way."""
    with Store(path) as store:
        store.commit("a", [ASKED])
        store._connection.execute("PRAGMA max_page_count = 12")
        big = Message("user", "x" * 100_000)
        said = refused(path, lambda: store.commit("a", [SAID, big]))
        assert said == "the store cannot grow, because the disk is full; make room and repeat"
        assert len(store.history("a")) == 1
        store._connection.execute("PRAGMA max_page_count = 100000")
        store.commit("a", [SAID, big])
        assert len(store.history("a")) == 3


def test_a_closed_store_says_so(path: Path) -> None:
    """Closing twice is no error."""
    store = Store(path)
    store.close()
    store.close()
    assert refused(path, lambda: store.history("a")) == "the store is closed; open it again"
    assert refused(path, lambda: store.commit("a", [ASKED])) == "the store is closed; open it again"


def test_a_store_stays_where_it_was_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever folder the program works in later; one in memory is nowhere."""
    monkeypatch.chdir(tmp_path)
    with Store("chats.db") as store, Store(":memory:") as nowhere:
        assert store.path == str(tmp_path / "chats.db")
        nowhere.commit("a", [ASKED])
        assert len(nowhere.history("a")) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["chats.db"]
