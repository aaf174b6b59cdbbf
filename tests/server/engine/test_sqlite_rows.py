"""Rows by the portion: few statements, whatever the number."""

import sqlite3

import msgspec
import pytest

from realtime.server.engine.sqlite_rows import MOST_ROWS, insert, portions, selected

PAIRS = msgspec.json.Decoder(list[tuple[int, str]])


@pytest.fixture
def db():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE t (a INTEGER, b TEXT, PRIMARY KEY (a, b))")
    yield connection
    connection.close()


@pytest.mark.parametrize("count", [0, 1, 2, 127, 128, 129, 1000])
def test_portions_are_few_of_few_sizes_and_all_there_is_in_order(count):
    taken = list(portions(range(count)))
    assert [each for portion in taken for each in portion] == list(range(count))
    assert all(len(portion).bit_count() == 1 and len(portion) <= MOST_ROWS for portion in taken)
    assert len(taken) <= count // MOST_ROWS + 7  # and each power of two below 128 once at most


def test_what_is_inserted_is_selected_by_its_keys(db):
    rows = [(n, "né\x00🚋" * n) for n in range(300)]
    insert(db, "t", rows)
    asked = "SELECT json_group_array(json_array(t.a, t.b)) FROM asked CROSS JOIN t USING (a)"
    assert sorted(selected(db, ("a",), [(n,) for n in range(290, 310)], asked, PAIRS)) == rows[290:]
    assert selected(db, ("a",), [], asked, PAIRS) == []


def test_what_is_there_is_replaced_if_it_may_be_and_changed_where_it_is_said(db):
    db.execute("CREATE TABLE u (a INTEGER PRIMARY KEY, b TEXT NOT NULL)")
    insert(db, "u", [(1, "x")])
    with pytest.raises(sqlite3.IntegrityError):
        insert(db, "u", [(1, "y")])
    insert(db, "u", [(1, "y"), (2, "z")], or_replace=True)
    assert db.execute("SELECT * FROM u").fetchall() == [(1, "y"), (2, "z")]
