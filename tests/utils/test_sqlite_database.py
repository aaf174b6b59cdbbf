"""Database files: told from others', made at once or not at all, changed durably or not at all."""

import sqlite3

import pytest

from realtime.utils.sqlite_database import Unusable, connect, create, exists, set_aside, tell_synced, transaction

OURS = 0x1234ABCD


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.db"


def make(connection):
    connection.execute("CREATE TABLE t (x NOT NULL)")
    connection.execute("INSERT INTO t VALUES (1)")


def made(path):
    create(path, OURS, make)
    return connect(path, lock_timeout_s=0.05)


def names(path):
    return sorted(each.name for each in path.parent.iterdir())


def rows(connection):
    return connection.execute("SELECT x FROM t").fetchall()


def test_what_was_made_is_there_and_ours(path):
    assert not exists(path, OURS)
    connection = made(path)
    assert exists(path, OURS)
    assert rows(connection) == [(1,)]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    connection.close()
    assert names(path) == ["some.db"]


def test_an_empty_file_is_no_database_yet(path):
    path.touch()
    assert not exists(path, OURS)


def test_what_a_making_left_that_failed_is_in_nobodys_way(path):
    def fail(connection):
        make(connection)
        raise sqlite3.OperationalError("the disk is full")

    with pytest.raises(sqlite3.OperationalError):
        create(path, OURS, fail)
    assert not exists(path, OURS)
    made(path).close()
    assert names(path) == ["some.db"]


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda path: path.write_bytes(b"Dear diary"), "no database"),
        (lambda path: create(path, OURS + 1, make), "another program"),
        (lambda path: path.with_name("some.db-wal").write_bytes(b"x"), "some.db-wal is there without its database"),
    ],
)
def test_what_is_not_ours_is_told_and_left_as_it_is(path, spoil, why):
    spoil(path)
    before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
    with pytest.raises(Unusable, match=why):
        exists(path, OURS)
    assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_what_is_set_aside_gets_the_first_name_that_is_free_with_its_wal(path):
    for number in (1, 2):
        path.write_bytes(b"%d" % number)
        path.with_name("some.db-wal").write_bytes(b"newest")
        assert set_aside(path) == path.with_name(f"some.db.set-aside-{number}")
    assert names(path) == [f"some.db.set-aside-{n}{part}" for n in (1, 2) for part in ("", "-wal")]


def test_a_transaction_is_all_or_nothing(path):
    connection = made(path)
    with transaction(connection):
        connection.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.executemany("INSERT INTO t VALUES (?)", [(3,), (None,)])
    assert rows(connection) == [(1,), (2,)]
    assert not connection.in_transaction
    connection.close()


def test_a_transaction_that_is_rolled_back_by_the_database_itself_is_over(path):
    connection = made(path)
    with pytest.raises(sqlite3.IntegrityError), transaction(connection):
        connection.execute("INSERT OR ROLLBACK INTO t VALUES (NULL)")
    assert not connection.in_transaction
    connection.close()


def test_files_that_are_there_are_told(path):
    told = []
    connection = made(path)
    rows(connection)  # with this it is open
    tell_synced(path, told.append)
    assert [each.name for each in told] == ["some.db", "some.db-wal"]
    connection.close()
    tell_synced(path, told.append)
    assert len(told) == 3
    tell_synced(path, None)
