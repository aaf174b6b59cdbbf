"""The rows of rooms, kept in memory: only a room that was not used for long costs a statement."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

import msgspec

from realtime.server.engine.sqlite_rows import insert, selected

ROOMS_IN_MEMORY = 100_000


class Room(msgspec.Struct):
    """A row of ``rooms``.

    Args:
        last: offset of the newest entry.
        horizon: entries up to this offset are gone.
        ids_horizon: so are the ids of messages.
        changes: how many ids of changes there ever were.
        changes_horizon: so many of them are gone.
    """

    number: int
    room_id: str
    last: int = 0
    horizon: int = 0
    ids_horizon: int = 0
    changes: int = 0
    changes_horizon: int = 0


class Rooms:
    """The rooms of a database. What you change of one is stored by :meth:`save`."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._rooms: dict[str, Room] = {}
        [self.count] = db.execute("SELECT ifnull(max(room), 0) FROM rooms").fetchone()

    def find(self, room_ids: Iterable[str]) -> dict[str, Room]:
        """Those that there are."""
        if len(self._rooms) > ROOMS_IN_MEMORY:
            self._rooms.clear()
        found = {}
        missing = []
        for room_id in dict.fromkeys(room_ids):
            room = self._rooms.get(room_id)
            if room is None:
                missing.append((room_id,))
            else:
                found[room_id] = room
        for row in selected(self._db, ("room_id",), missing, _QUERY, _ROOMS):
            room = Room(*row)
            found[room.room_id] = self._rooms[room.room_id] = room
        return found

    def made(self, room_ids: Iterable[str]) -> dict[str, Room]:
        """All of them; a new one is in the database once it is saved."""
        room_ids = list(room_ids)
        found = self.find(room_ids)
        for room_id in room_ids:
            if room_id not in found:
                self.count += 1
                found[room_id] = self._rooms[room_id] = Room(self.count, room_id)
        return found

    def save(self, rooms: Iterable[Room]) -> None:
        """Store their rows."""
        insert(self._db, "rooms", [msgspec.structs.astuple(room) for room in rooms], or_replace=True)

    def forget(self) -> None:
        """What is in memory may tell of what has not come to pass."""
        self._rooms.clear()


_QUERY = (
    "SELECT json_group_array(json_array(room, room_id, last, horizon, ids_horizon, changes, changes_horizon)) "
    "FROM asked CROSS JOIN rooms USING (room_id)"
)
_ROOMS = msgspec.json.Decoder(list[tuple[int, str, int, int, int, int, int]])
