"""The store: few statements for many messages, all or nothing, what is too old goes."""

import gc
import sqlite3

import pytest

from realtime.server.engine.base import EngineError
from realtime.server.engine.sqlite_rows import MOST_ROWS
from realtime.server.engine.sqlite_store import ROOMS_PER_SWEEP, Query, SqliteStore
from tests.server.engine.rig import draft


@pytest.fixture
def open_store(tmp_path):
    stores = []

    def open_store(**options):
        options = {"epoch": "E1", "messages_per_room": 1000, "ids_per_room": 1000, "synced": None} | options
        stores.append(SqliteStore(tmp_path / "rooms.db", lock_timeout_s=0.05, **options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def store(open_store):
    return open_store()


def drafts(count, room_id="lobby", **changes):
    return [draft(f"m{n}", room_id, **changes) for n in range(1, count + 1)]


def offsets(store, room_id="lobby"):
    return [record.offset for record in store.read(Query(room_id, None, None, 10_000)).records]


def statements(store, call):
    """How many statements SQLite was given."""
    seen = []
    store._db.set_trace_callback(seen.append)
    call()
    store._db.set_trace_callback(None)
    return len(seen)


def test_a_batch_takes_as_few_statements_as_a_message_times_the_portions(store):
    store.append(drafts(1))
    one = statements(store, lambda: store.append(drafts(1, user_id="ben")))
    many = statements(store, lambda: store.append(drafts(MOST_ROWS, user_id="cleo")))
    assert many == one
    twice = statements(store, lambda: store.append(drafts(2 * MOST_ROWS, user_id="dan")))
    assert twice == one + 3  # once more: what is known, messages, ids
    assert statements(store, lambda: store.read(Query("lobby", 0, None, 200))) == 1


@pytest.mark.parametrize("count", [1, 2, 3, MOST_ROWS - 1, MOST_ROWS, MOST_ROWS + 1, 3 * MOST_ROWS + 77])
def test_any_number_at_once(store, count):
    logged = store.append(drafts(count))
    assert [entry.appended.offset for entry in logged] == offsets(store) == list(range(1, count + 1))
    again = store.append(drafts(count))
    assert [entry.appended.duplicate for entry in again] == [True] * count
    assert [entry.record for entry in again] == [None] * count


def test_many_rooms_at_once(store):
    rooms = [f"room {n}" for n in range(300)]
    for _ in range(2):
        store.append([draft("m1", room) for room in rooms] + [draft("m2", room) for room in rooms])
    assert [offsets(store, room) for room in rooms] == [[1, 2]] * 300


def test_nothing_of_a_batch_that_fails_is_applied(store):
    store.append(drafts(2))
    store._db.execute(
        "CREATE TRIGGER t BEFORE INSERT ON ids WHEN new.message_id = 'm9' BEGIN SELECT raise(FAIL, ''); END"
    )
    with pytest.raises(EngineError, match="nothing was stored"):
        store.append([*drafts(9), draft("m1", "new room")])
    assert offsets(store) == [1, 2]
    store._db.execute("DROP TRIGGER t")
    logged = store.append([draft("m9"), draft("m1", "new room"), draft("m1")])
    assert [(entry.appended.offset, entry.appended.duplicate) for entry in logged] == [
        (3, False),
        (1, False),
        (1, True),
    ]


def test_the_latest_to_open_it_owns_it(open_store):
    first, second = open_store(), open_store()
    with pytest.raises(EngineError, match="opened again since"):
        first.append(drafts(1))
    assert second.append(drafts(1))[0].appended.offset == 1


def test_a_store_reads_on_where_another_ended(open_store):
    first = open_store()
    first.append(drafts(3))
    first.close()
    first.close()
    second = open_store(epoch="another")
    assert second.epoch == "E1"
    assert second.append([draft("m1", "new room"), draft("m4")])[1].appended.offset == 4
    assert offsets(second, "new room") == [1]


def test_a_store_that_nobody_closed_lets_go(open_store, tmp_path):
    SqliteStore(
        tmp_path / "other.db",
        epoch="E1",
        messages_per_room=1,
        ids_per_room=1,
        lock_timeout_s=1,
        synced=None,
    ).append(drafts(1))
    gc.collect()
    assert not (tmp_path / "other.db-wal").exists()


def test_every_commit_is_told_after_it_is_done(open_store):
    told = []

    def synced(path):
        with sqlite3.connect(f"file:{path.parent / 'rooms.db'}?mode=ro", uri=True) as reader:
            told.append((path.name, reader.execute("SELECT count(*) FROM messages").fetchone()[0]))
        reader.close()

    store = open_store(synced=synced)
    told.clear()
    store.append(drafts(5))
    assert told == [("rooms.db", 5), ("rooms.db-wal", 5)]


def test_old_messages_go_in_all_rooms_and_their_ids_stay(store):
    rooms = [f"room {n}" for n in range(ROOMS_PER_SWEEP + 1)]
    store.append([draft("old", room, timestamp_ms=1000) for room in rooms])
    store.append([draft("new", room, timestamp_ms=2000) for room in rooms])
    [after] = [store.sweep(1500, 0)]
    assert offsets(store, rooms[0]) == [2]
    assert offsets(store, rooms[-1]) == [1, 2]
    assert store.sweep(1500, after) is None
    assert [offsets(store, room) for room in rooms] == [[2]] * len(rooms)
    page = store.read(Query(rooms[0], None, None, 10))
    assert (page.last, page.horizon) == (2, 1)
    assert store.append([draft("old", rooms[0])])[0].appended.duplicate
    assert store.sweep(3000, 0) == ROOMS_PER_SWEEP
    assert offsets(store, rooms[0]) == []
    assert store.append([draft("newest", rooms[0])])[0].appended.offset == 3


def test_a_clock_that_was_set_back_keeps_messages_rather_than_losing_newer_ones(store):
    store.append([draft("m1", timestamp_ms=5000), draft("m2", timestamp_ms=1000)])
    assert store.sweep(3000, 0) is None
    assert offsets(store) == [1, 2]


def test_a_damaged_page_is_an_error_and_no_wrong_answer(open_store, tmp_path):
    store = open_store()
    store.append(drafts(500, body=b'{"text":"%b"}' % (b"x" * 200)))
    store.close()
    path = tmp_path / "rooms.db"
    size = path.stat().st_size
    with open(path, "rb+") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 4))
    store = open_store()
    with pytest.raises(EngineError, match="damaged"):
        store.read(Query("lobby", 0, None, 1000))
    store.close()
    assert path.stat().st_size == size
