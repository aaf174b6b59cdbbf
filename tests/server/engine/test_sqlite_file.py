"""The database file: made at once or not at all, never taken from others, brought up to date."""

import sqlite3
from functools import partial

import pytest

from realtime.server.engine import sqlite_file
from realtime.server.engine.base import EngineError, Marker, Note
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.engine.sqlite_file import APPLICATION_ID, MIGRATIONS, open_database, problem
from tests.server.engine.rig import Rig, change, draft


def opened(path, epoch="E1"):
    return open_database(path, epoch=epoch, lock_timeout_s=0.05)


def pragma(connection, name):
    return connection.execute(f"PRAGMA {name}").fetchone()[0]


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rooms.db"


def test_a_new_database_is_ours_and_durable(path):
    connection = opened(path)
    assert pragma(connection, "application_id") == APPLICATION_ID
    assert pragma(connection, "user_version") == len(MIGRATIONS)
    assert pragma(connection, "journal_mode") == "wal"
    assert pragma(connection, "synchronous") == 2  # FULL, https://www.sqlite.org/pragma.html#pragma_synchronous
    assert connection.execute("SELECT * FROM facts").fetchall() == [("epoch", "E1"), ("openings", "0")]
    connection.close()
    assert list(files(path.parent)) == ["rooms.db"]


def test_the_log_of_changes_is_carried_over_to_the_database_after_so_many_pages(path):
    connection = opened(path)
    assert pragma(connection, "wal_autocheckpoint") == 4000
    connection.close()
    connection = open_database(path, epoch="E1", lock_timeout_s=0.05, checkpoint_pages=10)
    assert pragma(connection, "wal_autocheckpoint") == 10
    connection.close()


def test_an_old_one_keeps_what_it_has(path):
    opened(path).close()
    connection = opened(path, epoch="E2")
    assert connection.execute("SELECT * FROM facts").fetchall() == [("epoch", "E1"), ("openings", "0")]
    connection.close()


def test_an_empty_file_is_no_database_yet(path):
    path.touch()
    opened(path).close()
    assert path.stat().st_size > 0


def test_what_a_crash_left_of_the_making_is_in_nobodys_way(path):
    path.with_name("rooms.db-new").write_bytes(b"SQLite format 3\x00 and no more")
    path.with_name("rooms.db-new-journal").write_bytes(b"?")
    opened(path).close()
    assert list(files(path.parent)) == ["rooms.db"]


def foreign(path):
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


def of_the_future(path):
    opened(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()


REFUSED = {
    "no database": (lambda path: path.write_bytes(b"Dear diary, " * 1000), "no database"),
    "a short file": (lambda path: path.write_bytes(b"x"), "no database"),
    "another program's": (foreign, "another program"),
    "a later version's": (of_the_future, f"version {len(MIGRATIONS) + 1}, of a newer realtime-lab"),
    "a log without its database": (lambda path: path.with_name("rooms.db-wal").write_bytes(b"x"), "without its data"),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_not_ours_is_refused_and_left_as_it_is(path, make, message):
    make(path)
    before = files(path.parent)
    with pytest.raises(EngineError, match=message):
        opened(path)
    assert files(path.parent) == before


def test_a_missing_folder_and_a_folder_in_its_place_are_told(tmp_path):
    with pytest.raises(FileNotFoundError):
        opened(tmp_path / "nowhere" / "rooms.db")
    with pytest.raises(IsADirectoryError):
        opened(tmp_path)


def test_a_database_of_an_older_version_is_migrated_and_loses_nothing(path, monkeypatch):
    opened(path).close()
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*MIGRATIONS, "ALTER TABLE facts ADD COLUMN since INTEGER"))
    connection = opened(path)
    assert pragma(connection, "user_version") == len(MIGRATIONS) + 1
    assert connection.execute("SELECT * FROM facts").fetchall() == [("epoch", "E1", None), ("openings", "0", None)]
    connection.close()


VERSION_1 = f"""
    PRAGMA journal_mode = WAL;
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = 1;
    CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE rooms (
        room INTEGER PRIMARY KEY, room_id TEXT NOT NULL UNIQUE, last INTEGER NOT NULL, horizon INTEGER NOT NULL,
        ids_horizon INTEGER NOT NULL
    );
    CREATE TABLE messages (
        room INTEGER NOT NULL, offset INTEGER NOT NULL, event TEXT NOT NULL, origin TEXT NOT NULL,
        timestamp_ms INTEGER NOT NULL, body TEXT NOT NULL, PRIMARY KEY (room, offset)
    ) WITHOUT ROWID;
    CREATE TABLE ids (
        room INTEGER NOT NULL, user_id TEXT NOT NULL, message_id TEXT NOT NULL, offset INTEGER NOT NULL,
        timestamp_ms INTEGER NOT NULL, PRIMARY KEY (room, user_id, message_id)
    ) WITHOUT ROWID;
    INSERT INTO facts VALUES ('epoch', 'E1'), ('openings', '3');
    INSERT INTO rooms VALUES (1, 'lobby', 3, 1, 0), (2, 'hall', 1, 0, 0);
    INSERT INTO messages VALUES
        (1, 2, 'chat:message', 'sid', 1002, '{{"messageId":"m1","text":"ben''s"}}'),
        (1, 3, 'chat:message', 'sid', 1003, '{{"messageId":"m2","text":"hi"}}'),
        (2, 1, 'chat:message', 'sid', 1001, '{{"messageId":"m1","text":"in the hall"}}');
    INSERT INTO ids VALUES
        (1, 'ana', 'm1', 1, 1001), (1, 'ben', 'm1', 2, 1002), (1, 'ana', 'm2', 3, 1003), (2, 'ana', 'm1', 1, 1001);
"""
"""As realtime-lab made it before messages could be amended."""


def test_a_database_of_version_1_goes_on_with_all_it_has(path):
    connection = sqlite3.connect(path)
    connection.executescript(VERSION_1)
    connection.close()
    with Rig(SqliteEngine(path)) as rig:
        page = rig.read(after=0, with_markers=True)
        assert (page.epoch, page.last, page.horizon, page.markers) == ("E1", 3, 1, ())
        assert rig.ids(after=0) == ["m1", "m2"]
        answers = rig.append_all(
            [
                draft("m1"),
                draft("m2"),
                draft("m1", user_id="ben"),
                draft("m1", room_id="hall"),
                change("edit", "m1", "c1", user_id="ben", text="new"),
                change("edit", "m1", "c1", text="new"),  # the record of this one is gone
                change("delete", "m1", "c1", room_id="hall"),
            ]
        )
        assert [(answer.offset, answer.duplicate) for answer in answers[:4]] == [(n, True) for n in (1, 3, 2, 1)]
        assert [answers[4].offset, str(answers[5])[:7], answers[6].offset] == [4, "the roo", 2]
        assert [body["text"] for body in rig.bodies(after=0)[:2]] == ["new", "hi"]
        assert rig.bodies("hall")[0]["text"] == ""
        assert rig.mark("ben", read=4) == Marker("ben", 4, 4)
        assert rig.ask(partial(rig.engine.keep, [Note("push", "a", "1")]), partial(rig.engine.kept, "push")) == [
            None,
            [Note("push", "a", "1")],
        ]
    connection = opened(path)
    assert pragma(connection, "user_version") == len(MIGRATIONS)
    connection.close()


def test_a_migration_that_fails_changes_nothing(path, monkeypatch):
    opened(path).close()
    monkeypatch.setattr(sqlite_file, "MIGRATIONS", (*MIGRATIONS, "CREATE TABLE more (x); CREATE TABLE more (x)"))
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        opened(path)
    monkeypatch.undo()
    connection = opened(path)
    assert pragma(connection, "user_version") == len(MIGRATIONS)
    assert "more" not in [name for [name] in connection.execute("SELECT name FROM sqlite_schema")]
    connection.close()


def test_problems_are_told_in_words():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("CREATE TABLE t (x)")
        connection.execute("PRAGMA query_only = ON")
        with pytest.raises(sqlite3.OperationalError) as raised:
            connection.execute("INSERT INTO t VALUES (1)")
    connection.close()
    assert problem(raised.value).startswith("the database is read-only")
    assert problem(FileNotFoundError(2, "No such file or directory")) == "no such file or directory"
    assert problem(EngineError("so")) == "so"
    assert problem(KeyError("x")) == "KeyError: 'x'"
    assert problem(sqlite3.ProgrammingError("odd")) == "ProgrammingError: odd"
