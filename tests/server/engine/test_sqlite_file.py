"""The database file: made at once or not at all, never taken from others, brought up to date."""

import sqlite3

import pytest

from realtime.server.engine import sqlite_file
from realtime.server.engine.base import EngineError
from realtime.server.engine.sqlite_file import APPLICATION_ID, MIGRATIONS, open_database, problem


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
