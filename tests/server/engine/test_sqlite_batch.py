"""A batch: read what it needs, work it out in order, write it, in few statements, and no text too many."""

import json

import pytest

from realtime.server.engine.base import Marker, NotApplied
from realtime.server.engine.sqlite_batch import Batch, Logged, Mark
from realtime.server.engine.sqlite_file import open_database
from realtime.server.engine.sqlite_rooms import Rooms
from realtime.server.engine.sqlite_rows import MOST_ROWS
from tests.server.engine.rig import change, draft

TABLES = ("facts", "rooms", "messages", "ids", "changes", "amended", "markers", "notes")


@pytest.fixture
def db(tmp_path):
    connection = open_database(tmp_path / "rooms.db", epoch="E1", lock_timeout_s=0.05)
    yield connection
    connection.close()


@pytest.fixture
def run(db):
    rooms = Rooms(db)

    def run(*entries):
        batch = Batch(db, rooms, "E1", entries)
        results = batch.apply()
        rooms.save(batch.touched)
        return results

    return run


def everything(db):
    """Every value of every live row, as text."""
    return "\n".join(str(row) for table in TABLES for row in db.execute(f"SELECT * FROM {table}"))


def message(message_id, text, **options):
    return draft(message_id, body=json.dumps({"messageId": message_id, "text": text}).encode(), **options)


def test_all_tables_are_looked_at(db):
    tables = {name for [name] in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert tables == set(TABLES)


def test_results_come_in_the_order_of_what_was_asked(run):
    results = run(
        Mark("lobby", "ben", 9, 0),
        message("m1", "hi"),
        change("edit", "m1", "c1", text="ho"),
        Mark("lobby", "ben", 1, 0),
        change("edit", "m9", "c2", text="ho"),
    )
    assert results[0] == Marker("ben", 0, 0)
    assert [result.record.offset for result in results[1:3]] == [1, 2]
    assert results[3] == Marker("ben", 1, 0)
    assert isinstance(results[4], NotApplied)


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "each in its own"])
def test_text_that_was_replaced_or_deleted_is_nowhere_in_the_tables(db, run, at_once):
    drafts = [
        message("m1", "secret one"),
        change("edit", "m1", "c1", text="secret two"),
        change("reaction", "m1", "c2", user_id="ben", emoji="👍", action="add"),
        change("edit", "m1", "c3", text="secret three"),
        message("m2", "public"),
        change("delete", "m1", "c4"),
    ]
    for batch in [drafts] if at_once else [[each] for each in drafts]:
        run(*batch)
        assert "secret" in everything(db) or batch[-1] is drafts[-1]
    assert "secret" not in everything(db)
    assert "public" in everything(db)


def test_nothing_of_a_room_is_made_by_what_finds_none(db, run):
    run(Mark("nowhere", "ana", 1, 1), change("delete", "m1", "c1", room_id="nowhere"))
    assert everything(db) == "('epoch', 'E1')\n('openings', '0')"


def test_a_marker_that_stands_is_not_written_again(db, run):
    run(message("m1", "hi"), Mark("lobby", "ana", 1, 1), Mark("lobby", "ben", 0, 0))
    before = db.total_changes
    assert run(Mark("lobby", "ana", 1, 0)) == [Marker("ana", 1, 1)]
    assert db.total_changes == before
    assert db.execute("SELECT user_id FROM markers").fetchall() == [("ana",)]


def statements(db, call):
    seen = []
    db.set_trace_callback(seen.append)
    call()
    db.set_trace_callback(None)
    return len(seen)


def test_many_amendments_take_as_few_statements_as_one(db, run):
    run(*[message(f"m{n}", "x") for n in range(MOST_ROWS)])
    # What is known (changes, messages), then messages, bodies, amended, changes, rooms.
    assert statements(db, lambda: run(change("edit", "m0", "c0", text="y"))) == 7
    many = [change("edit", f"m{n}", f"c{n}", user_id="ana", text="y") for n in range(1, 65)]
    assert statements(db, lambda: run(*many)) == 7
    again = [change("edit", f"m{n}", f"d{n}", user_id="ana", text="z") for n in range(1, 65)]
    assert statements(db, lambda: run(*again)) == 7  # the superseded ones in the same


def test_many_markers_take_as_few_statements_as_one(db, run):
    run(message("m1", "x"))
    assert statements(db, lambda: run(*[Mark("lobby", f"user {n}", 1, 1) for n in range(64)])) == 2


def test_what_is_known_is_told_as_it_was(run):
    [first] = run(message("m1", "hi"))
    [again] = run(message("m1", "hi", timestamp_ms=9999))
    assert first == Logged(first.appended, first.record)
    assert (again.appended.offset, again.appended.timestamp_ms, again.appended.duplicate) == (1, 1000, True)
    assert again.record is None
