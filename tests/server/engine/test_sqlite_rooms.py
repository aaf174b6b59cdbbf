"""The rows of rooms, kept in memory until a transaction fails."""

import pytest

from realtime.server.engine import sqlite_rooms
from realtime.server.engine.sqlite_file import open_database
from realtime.server.engine.sqlite_rooms import Room, Rooms


@pytest.fixture
def db(tmp_path):
    connection = open_database(tmp_path / "rooms.db", epoch="E1", lock_timeout_s=0.05)
    yield connection
    connection.close()


def test_a_room_is_numbered_when_it_is_needed_and_there_once_it_is_saved(db):
    rooms = Rooms(db)
    assert rooms.find(["lobby"]) == {}
    made = rooms.made(["lobby", "hall"])
    assert made == {"lobby": Room(1, "lobby"), "hall": Room(2, "hall")}
    assert Rooms(db).find(["lobby"]) == {}
    made["lobby"].last = 7
    rooms.save(made.values())
    again = Rooms(db)
    assert again.find(["lobby", "attic"]) == {"lobby": Room(1, "lobby", last=7)}
    assert again.made(["attic"])["attic"].number == again.count == 3


def test_what_a_failed_transaction_left_in_memory_is_forgotten(db):
    rooms = Rooms(db)
    rooms.save(rooms.made(["lobby"]).values())
    rooms.made(["lobby"])["lobby"].last = 9
    rooms.made(["never saved"])
    rooms.forget()
    assert rooms.find(["lobby", "never saved"]) == {"lobby": Room(1, "lobby")}
    assert rooms.made(["next"])["next"].number == 3  # numbers may be left out


def test_so_many_are_kept_in_memory_and_all_are_found(db, monkeypatch):
    monkeypatch.setattr(sqlite_rooms, "ROOMS_IN_MEMORY", 5)
    rooms, names = Rooms(db), [f"room {n}" for n in range(300)]
    rooms.save(rooms.made(names).values())
    for name in names:
        assert rooms.find([name])[name].room_id == name
    assert len(rooms.find(names)) == 300
