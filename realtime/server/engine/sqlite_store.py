"""Rooms' logs in a database, as seen by the one thread that works on it: plain calls that block."""

from __future__ import annotations

import sqlite3
import weakref
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from realtime.server.engine.base import EngineError, Marker, Note, Page, Record
from realtime.server.engine.sqlite_batch import Batch, Entry, Result
from realtime.server.engine.sqlite_file import CHECKPOINT_PAGES, open_database, problem
from realtime.server.engine.sqlite_rooms import Room, Rooms
from realtime.utils.file_lock import FileLock
from realtime.utils.sqlite_database import tell_synced, transaction

T = TypeVar("T")

ROOMS_PER_SWEEP = 500
_FEW = 4  # what is too old goes once it is a quarter of what is kept: rarely, and then cheaply


class Query(NamedTuple):
    """The arguments of :meth:`Engine.read`."""

    room_id: str
    after: int | None
    before: int | None
    limit: int
    with_markers: bool = False


class SqliteStore:
    """An open database. Who opens it last, within this program, has it: others are refused from then on.

    Args:
        path: of the file; it is made if it is not there.
        epoch: of the logs, if the database is new.
        messages_per_room: see :class:`SqliteEngine`.
        ids_per_room: see there.
        lock_timeout_s: see there.
        synced: see there.
        checkpoint_pages: see there.

    Raises:
        EngineError: it cannot be opened. The message says why, and what to do.
    """

    def __init__(
        self,
        path: Path,
        *,
        epoch: str,
        messages_per_room: int,
        ids_per_room: int,
        lock_timeout_s: float,
        synced: Callable[[Path], object] | None,
        checkpoint_pages: int = CHECKPOINT_PAGES,
    ) -> None:
        self._path = path
        self._messages_per_room = messages_per_room
        self._ids_per_room = ids_per_room
        self._synced = synced
        try:
            lock = FileLock(path.with_name(f"{path.name}-lock"))
        except BlockingIOError:
            raise EngineError(f"{path}: another program uses it; stop that, or give another path") from None
        except OSError as error:
            raise EngineError(f"{path}: {problem(error)}") from error
        try:
            self._db = open_database(
                path, epoch=epoch, lock_timeout_s=lock_timeout_s, checkpoint_pages=checkpoint_pages
            )
        except (EngineError, sqlite3.Error, OSError) as error:
            lock.release()
            raise EngineError(f"{path}: {problem(error)}") from error
        self._close = weakref.finalize(self, _close, self._db, lock)
        try:
            self._take_over()
        except sqlite3.Error as error:
            self.close()
            raise EngineError(f"{path}: {problem(error)}") from error

    def close(self) -> None:
        """Let go of the file. Doing it twice is harmless."""
        self._close()
        tell_synced(self._path, self._synced)

    def append(self, entries: Sequence[Entry]) -> list[Result]:
        """Log drafts, move markers and keep notes, in one transaction and in their order.

        When this returns, all are durable, but for those answered with :class:`NotApplied`; when it raises, none was
        applied.

        Raises:
            EngineError: it could not be done. The message says why.
        """

        def append() -> list[Result]:
            batch = Batch(self._db, self._rooms, self.epoch, entries)
            results = batch.apply()
            self._forget_surplus(batch.touched)
            self._rooms.save(batch.touched)
            return results

        return self._durably(append)

    def trim(self, trims: Iterable[tuple[str, int]]) -> None:
        """Forget all but the newest messages of rooms, each given with how many to keep.

        Raises:
            EngineError: it could not be done.
        """

        def trim() -> None:
            for room_id, keep in trims:
                room = self._room(room_id)
                if room is not None and self._forget(room, room.last - keep):
                    self._rooms.save([room])

        self._durably(trim)

    def sweep(self, before_ms: int, after_room: int) -> int | None:
        """Forget messages logged before a time, in some hundred rooms.

        Returns:
            What to give as ``after_room`` next time, 0 being the first; None when all rooms are done.

        Raises:
            EngineError: it could not be done.
        """
        return self._durably(lambda: self._sweep(before_ms, after_room))

    def read(self, query: Query) -> Page:
        """A page of a room's log.

        Raises:
            EngineError: it could not be read.
        """
        try:
            return self._read(query)
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise EngineError(problem(error)) from error

    def find(self, room_id: str, message_id: str) -> Record | None:
        """The oldest message of this id, as it stands; None if the log does not have it.

        Raises:
            EngineError: it could not be read.
        """
        try:
            room = self._room(room_id)
            row = (
                room
                and self._db.execute(
                    "SELECT offset, event, body, origin FROM messages WHERE room = ? AND offset = "
                    "(SELECT min(offset) FROM ids WHERE room = ? AND message_id = ?)",
                    (room.number, room.number, message_id),
                ).fetchone()
            )
        except sqlite3.Error as error:
            raise EngineError(problem(error)) from error
        if not row:
            return None
        offset, event, body, origin = row
        return Record(room_id, offset, event, body.encode(), origin)

    def kept(self, kind: str) -> list[Note]:
        """The notes of a kind, in the order of their keys.

        Raises:
            EngineError: they could not be read.
        """
        query = "SELECT json_group_array(json_array(kind, key, value)) FROM notes WHERE kind = ?"
        try:
            [rows] = self._db.execute(query, (kind,)).fetchone()
            return sorted(_NOTES.decode(rows))
        except (sqlite3.Error, msgspec.DecodeError) as error:
            raise EngineError(problem(error)) from error

    # transactions

    def _durably(self, work: Callable[[], T]) -> T:
        try:
            with transaction(self._db):
                self._check_owner()
                result = work()
        except BaseException as error:
            self._rooms.forget()
            raise EngineError(f"nothing was stored: {problem(error)}") from error
        tell_synced(self._path, self._synced)
        return result

    def _take_over(self) -> None:
        with transaction(self._db):
            self._opening = self._openings() + 1
            self._db.execute("REPLACE INTO facts VALUES ('openings', ?)", (str(self._opening),))
        tell_synced(self._path, self._synced)
        [self.epoch] = self._db.execute("SELECT value FROM facts WHERE name = 'epoch'").fetchone()
        self._rooms = Rooms(self._db)

    def _openings(self) -> int:
        [openings] = self._db.execute("SELECT value FROM facts WHERE name = 'openings'").fetchone()
        return int(openings)

    def _check_owner(self) -> None:
        if self._openings() != self._opening:
            raise EngineError("the database has been opened again since, in this program; stop one of the two servers")

    # reading

    def _read(self, query: Query) -> Page:
        room = self._room(query.room_id) or Room(0, query.room_id)
        after = room.horizon if query.after is None else min(max(query.after, room.horizon), room.last)
        before = room.last + 1 if query.before is None else min(query.before, room.last + 1)
        more = before - after - 1 > query.limit
        if more and query.after is None:
            after = before - query.limit - 1
        elif more:
            before = after + query.limit + 1
        records: list[Record] = []
        if before - after > 1:
            [rows] = self._db.execute(
                "SELECT json_group_array(json_array(offset, event, origin, body)) FROM messages "
                "WHERE room = ? AND offset > ? AND offset < ?",
                (room.number, after, before),
            ).fetchone()
            for offset, event, origin, body in sorted(_ROWS.decode(rows)):
                records.append(Record(room.room_id, offset, event, body.encode(), origin))
        markers = self._markers(room) if query.with_markers else ()
        return Page(self.epoch, room.last, room.horizon, tuple(records), more, markers)

    def _markers(self, room: Room) -> tuple[Marker, ...]:
        [rows] = self._db.execute(
            "SELECT json_group_array(json_array(user_id, received, read)) FROM markers WHERE room = ?", (room.number,)
        ).fetchone()
        return tuple(sorted(_MARKERS.decode(rows)))

    def _room(self, room_id: str) -> Room | None:
        return self._rooms.find([room_id]).get(room_id)

    # what is too old

    def _forget_surplus(self, rooms: Iterable[Room]) -> None:
        for room in rooms:
            if room.last - room.horizon > self._messages_per_room + self._messages_per_room // _FEW:
                self._forget(room, room.last - self._messages_per_room)
            if room.last - room.ids_horizon > self._ids_per_room + self._ids_per_room // _FEW:
                room.ids_horizon = room.last - self._ids_per_room
                self._db.execute("DELETE FROM ids WHERE room = ? AND offset <= ?", (room.number, room.ids_horizon))
            if room.changes - room.changes_horizon > self._ids_per_room + self._ids_per_room // _FEW:
                room.changes_horizon = room.changes - self._ids_per_room
                gone = (room.number, room.changes_horizon)
                self._db.execute("DELETE FROM changes WHERE room = ? AND number <= ?", gone)

    def _forget(self, room: Room, up_to: int) -> bool:
        if up_to <= room.horizon:
            return False
        for table in ("messages", "amended"):
            self._db.execute(f"DELETE FROM {table} WHERE room = ? AND offset <= ?", (room.number, up_to))
        room.horizon = up_to
        return True

    def _sweep(self, before_ms: int, after_room: int) -> int | None:
        rows = self._db.execute(
            "SELECT room_id, ifnull((SELECT min(offset) FROM messages "
            "WHERE messages.room = rooms.room AND timestamp_ms >= ?) - 1, last) AS old "
            "FROM rooms WHERE room > ? AND room <= ? AND old > horizon",
            (before_ms, after_room, after_room + ROOMS_PER_SWEEP),
        ).fetchall()
        rooms = self._rooms.find([room_id for room_id, _ in rows])
        for room_id, old in rows:
            self._forget(rooms[room_id], old)
        self._rooms.save(rooms.values())
        next_room = after_room + ROOMS_PER_SWEEP
        return next_room if next_room < self._rooms.count + 1 else None


_ROWS = msgspec.json.Decoder(list[tuple[int, str, str, str]])
_MARKERS = msgspec.json.Decoder(list[Marker])
_NOTES = msgspec.json.Decoder(list[Note])


def _close(connection: sqlite3.Connection, lock: FileLock) -> None:
    connection.close()
    lock.release()
