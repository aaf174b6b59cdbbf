"""Rooms' logs in a database, as seen by the one thread that works on it: plain calls that block.

Every statement of the `sqlite3` module lets other threads run, and then waits until the interpreter comes back to it:
5 ms each, where the event loop is busy. So here one statement does the work of many messages.
"""

from __future__ import annotations

import contextlib
import sqlite3
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from realtime.server.engine.base import Appended, Draft, EngineError, Page, Record, stamped
from realtime.server.engine.sqlite_file import open_database, problem
from realtime.utils.file_lock import FileLock

T = TypeVar("T")

MOST_ROWS = 128  # in one statement: times 6 columns, below the 999 parameters that any SQLite takes
ROOMS_PER_SWEEP = 500
_ROOMS_IN_MEMORY = 100_000
_FEW = 4  # what is too old goes once it is a quarter of what is kept: rarely, and then cheaply


class Query(NamedTuple):
    """The arguments of :meth:`Engine.read`."""

    room_id: str
    after: int | None
    before: int | None
    limit: int


class Logged(NamedTuple):
    """What became of a draft; ``record`` is None where it was known already."""

    appended: Appended
    record: Record | None


class _Room(msgspec.Struct):
    """A row of ``rooms``."""

    number: int
    room_id: str
    last: int = 0
    horizon: int = 0
    ids_horizon: int = 0


class SqliteStore:
    """An open database. Who opens it last, within this program, has it: others are refused from then on.

    Args:
        path: of the file; it is made if it is not there.
        epoch: of the logs, if the database is new.
        messages_per_room: see :class:`SqliteEngine`.
        ids_per_room: see there.
        lock_timeout_s: see there.
        synced: see there.

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
    ) -> None:
        self._path = path
        self._messages_per_room = messages_per_room
        self._ids_per_room = ids_per_room
        self._synced = synced
        self._rooms: dict[str, _Room] = {}
        try:
            lock = FileLock(path.with_name(f"{path.name}-lock"))
        except BlockingIOError:
            raise EngineError(f"{path}: another program uses it; stop that, or give another path") from None
        except OSError as error:
            raise EngineError(f"{path}: {problem(error)}") from error
        try:
            self._db = open_database(path, epoch=epoch, lock_timeout_s=lock_timeout_s)
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
        self._tell_synced()

    def append(self, drafts: Sequence[Draft]) -> list[Logged]:
        """Log drafts, in one transaction: when this returns, all are durable; when it raises, none was applied.

        Raises:
            EngineError: it could not be done. The message says why.
        """
        return self._durably(lambda: self._append(drafts))

    def trim(self, trims: Iterable[tuple[str, int]]) -> None:
        """Forget all but the newest messages of rooms, each given with how many to keep.

        Raises:
            EngineError: it could not be done.
        """

        def trim() -> None:
            for room_id, keep in trims:
                room = self._room(room_id)
                if room is not None and self._forget(room, room.last - keep):
                    self._save([room])

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

    # transactions

    def _durably(self, work: Callable[[], T]) -> T:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._check_owner()
            result = work()
            self._db.execute("COMMIT")
        except Exception as error:
            self._roll_back()
            raise EngineError(f"nothing was stored: {problem(error)}") from error
        self._tell_synced()
        return result

    def _roll_back(self) -> None:
        self._rooms.clear()  # they may tell of what has not come to pass
        with contextlib.suppress(sqlite3.Error):
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")

    def _take_over(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        self._opening = self._openings() + 1
        self._db.execute("REPLACE INTO facts VALUES ('openings', ?)", (str(self._opening),))
        self._db.execute("COMMIT")
        self._tell_synced()
        [self.epoch] = self._db.execute("SELECT value FROM facts WHERE name = 'epoch'").fetchone()
        [self._next_number] = self._db.execute("SELECT ifnull(max(room), 0) + 1 FROM rooms").fetchone()

    def _openings(self) -> int:
        [openings] = self._db.execute("SELECT value FROM facts WHERE name = 'openings'").fetchone()
        return int(openings)

    def _check_owner(self) -> None:
        if self._openings() != self._opening:
            raise EngineError("the database has been opened again since, in this program; stop one of the two servers")

    def _tell_synced(self) -> None:
        if self._synced is not None:
            for path in (self._path, self._path.with_name(f"{self._path.name}-wal")):
                if path.exists():
                    self._synced(path)

    # messages

    def _append(self, drafts: Sequence[Draft]) -> list[Logged]:
        rooms = self._rooms_of(dict.fromkeys(draft.room_id for draft in drafts))
        keys = [(rooms[draft.room_id].number, draft.user_id, draft.message_id) for draft in drafts]
        known = self._known(keys)
        logged, messages, ids = [], [], []
        for draft, key in zip(drafts, keys, strict=True):
            first = known.get(key)
            if first is not None:
                logged.append(Logged(first, None))
                continue
            room = rooms[draft.room_id]
            room.last = offset = room.last + 1
            record = stamped(draft, self.epoch, offset)
            known[key] = Appended(offset, draft.timestamp_ms, duplicate=True)
            body = record.body.decode()
            messages.append((room.number, offset, draft.event, draft.origin, draft.timestamp_ms, body))
            ids.append((*key, offset, draft.timestamp_ms))
            logged.append(Logged(Appended(offset, draft.timestamp_ms), record))
        if messages:
            self._insert("messages", messages)
            self._insert("ids", ids)
            self._forget_surplus(rooms.values())
            self._save(rooms.values())
        return logged

    def _known(self, keys: Iterable[tuple[int, str, str]]) -> dict[tuple[int, str, str], Appended]:
        known = {}
        for portion in _portions(list(dict.fromkeys(keys))):
            sql = (
                f"WITH asked (room, user_id, message_id) AS (VALUES {_places(3, len(portion))}) "
                "SELECT ids.* FROM asked CROSS JOIN ids USING (room, user_id, message_id)"
            )
            for room, user_id, message_id, offset, timestamp_ms in self._db.execute(sql, _flat(portion)):
                known[room, user_id, message_id] = Appended(offset, timestamp_ms, duplicate=True)
        return known

    def _insert(self, table: str, rows: Sequence[tuple[object, ...]], *, or_replace: bool = False) -> None:
        verb = "REPLACE" if or_replace else "INSERT"
        for portion in _portions(rows):
            self._db.execute(f"{verb} INTO {table} VALUES {_places(len(portion[0]), len(portion))}", _flat(portion))

    def _read(self, query: Query) -> Page:
        room = self._room(query.room_id) or _Room(0, query.room_id)
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
        return Page(self.epoch, room.last, room.horizon, tuple(records), more)

    # what is too old

    def _forget_surplus(self, rooms: Iterable[_Room]) -> None:
        for room in rooms:
            if room.last - room.horizon > self._messages_per_room + self._messages_per_room // _FEW:
                self._forget(room, room.last - self._messages_per_room)
            if room.last - room.ids_horizon > self._ids_per_room + self._ids_per_room // _FEW:
                room.ids_horizon = room.last - self._ids_per_room
                self._db.execute("DELETE FROM ids WHERE room = ? AND offset <= ?", (room.number, room.ids_horizon))

    def _forget(self, room: _Room, up_to: int) -> bool:
        if up_to <= room.horizon:
            return False
        self._db.execute("DELETE FROM messages WHERE room = ? AND offset <= ?", (room.number, up_to))
        room.horizon = up_to
        return True

    def _sweep(self, before_ms: int, after_room: int) -> int | None:
        rows = self._db.execute(
            "SELECT room, room_id, last, horizon, ids_horizon, "
            "ifnull((SELECT min(offset) FROM messages "
            "WHERE messages.room = rooms.room AND timestamp_ms >= ?) - 1, last) AS old "
            "FROM rooms WHERE room > ? AND room <= ? AND old > horizon",
            (before_ms, after_room, after_room + ROOMS_PER_SWEEP),
        ).fetchall()
        for *columns, old in rows:
            room = self._rooms.setdefault(columns[1], _Room(*columns))
            self._forget(room, old)
            self._save([room])
        next_room = after_room + ROOMS_PER_SWEEP
        return next_room if next_room < self._next_number else None

    # rooms

    def _room(self, room_id: str) -> _Room | None:
        return self._load([room_id]).get(room_id)

    def _rooms_of(self, room_ids: Iterable[str]) -> dict[str, _Room]:
        """Rooms by their ids; a new one is in the database once it is saved."""
        rooms = self._load(list(room_ids))
        for room_id in room_ids:
            if room_id not in rooms:
                rooms[room_id] = self._rooms[room_id] = _Room(self._next_number, room_id)
                self._next_number += 1
        return rooms

    def _load(self, room_ids: list[str]) -> dict[str, _Room]:
        if len(self._rooms) > _ROOMS_IN_MEMORY:
            self._rooms.clear()
        for portion in _portions([(room_id,) for room_id in room_ids if room_id not in self._rooms]):
            sql = f"SELECT * FROM rooms WHERE room_id IN (VALUES {_places(1, len(portion))})"
            for row in self._db.execute(sql, _flat(portion)):
                room = _Room(*row)
                self._rooms[room.room_id] = room
        return {room_id: self._rooms[room_id] for room_id in room_ids if room_id in self._rooms}

    def _save(self, rooms: Iterable[_Room]) -> None:
        self._insert("rooms", [msgspec.structs.astuple(room) for room in rooms], or_replace=True)


_ROWS = msgspec.json.Decoder(list[tuple[int, str, str, str]])


def _close(connection: sqlite3.Connection, lock: FileLock) -> None:
    connection.close()
    lock.release()


def _portions(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Rows for one statement each, in sizes so few that prepared statements are used again."""
    start = 0
    while start < len(rows):
        size = min(MOST_ROWS, 1 << (len(rows) - start).bit_length() - 1)
        yield rows[start : start + size]
        start += size


@lru_cache(maxsize=128)
def _places(columns: int, rows: int) -> str:
    return ", ".join([f"({', '.join('?' * columns)})"] * rows)


def _flat(rows: Iterable[tuple[object, ...]]) -> list[object]:
    return [value for row in rows for value in row]
