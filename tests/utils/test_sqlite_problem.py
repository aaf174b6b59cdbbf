"""What is wrong with a database, in words."""

import sqlite3

import pytest

from realtime.utils.sqlite_problem import problem


def test_a_locked_database_is_said_to_be_locked(tmp_path):
    one, two = (sqlite3.connect(tmp_path / "db", isolation_level=None, timeout=0) for _ in range(2))
    one.execute("BEGIN IMMEDIATE")
    with pytest.raises(sqlite3.Error) as raised:
        two.execute("BEGIN IMMEDIATE")
    assert problem(raised.value) == "the database is locked by another program; end that one's transaction"
    one.close()
    two.close()


def test_an_error_of_the_system_keeps_its_words():
    assert problem(OSError(28, "No space left on device")) == "no space left on device"


def test_any_other_error_is_named():
    assert problem(ValueError("odd")) == "ValueError: odd"
