"""Messages, amendments, markers and notes that share one transaction.

Everything that they need is read first, for all at once; then they are worked out in memory, in their order, so that an
edit may stand right behind its message; then what came of it is written, for all at once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import msgspec
from msgspec.structs import replace

from realtime.server.engine.amendments import Amended, Message, amend, chosen, superseded
from realtime.server.engine.base import Appended, Draft, Marker, NotApplied, Note, Record, stamped
from realtime.server.engine.sqlite_rooms import Room, Rooms
from realtime.server.engine.sqlite_rows import delete, insert, selected


class Mark(NamedTuple):
    """The arguments of :meth:`Engine.mark`."""

    room_id: str
    user_id: str
    received: int
    read: int


class Keep(NamedTuple):
    """The arguments of :meth:`Engine.keep`; its result is None."""

    notes: tuple[Note, ...]


class Logged(NamedTuple):
    """What became of a draft; ``record`` is None where nothing new was logged."""

    appended: Appended
    record: Record | None


Entry = Draft | Mark | Keep
Result = Logged | Marker | NotApplied | None

_Key = tuple[int, str, str]  # room, id, user
_Place = tuple[int, int]  # room, offset
_Row = tuple[int, int, str, str, int, str]  # of ``messages``


class Batch:
    """Apply it within a transaction, once; you must save the rooms in :attr:`touched` then."""

    def __init__(self, db: sqlite3.Connection, rooms: Rooms, epoch: str, entries: Sequence[Entry]) -> None:
        self._touched: dict[int, Room] = {}
        self._db = db
        self._epoch = epoch
        self._entries = entries
        messages: list[Draft] = []
        changes: list[Draft] = []
        marks: list[Mark] = []
        for entry in entries:
            if isinstance(entry, Mark):
                marks.append(entry)
            elif not isinstance(entry, Keep):
                (messages if entry.about is None else changes).append(entry)
        self._rooms = rooms.made(dict.fromkeys(draft.room_id for draft in messages))
        others = rooms.find([*(draft.room_id for draft in changes), *(mark.room_id for mark in marks)])
        self._rooms |= others
        self._new: dict[_Place, _Row] = {}
        self._ids = self._known("ids", messages)
        self._new_ids: list[tuple[object, ...]] = []
        self._changes = self._known("changes", changes)
        self._new_changes: list[tuple[object, ...]] = []
        self._named: dict[tuple[int, str], dict[str, Appended]] = {}
        self._bodies: dict[_Place, bytes] = {}
        self._new_bodies: dict[_Place, None] = {}
        self._amended: dict[_Place, Amended] = {}
        self._new_amended: dict[_Place, None] = {}
        self._has_changes = bool(changes)
        self._read_targets(changes)
        self._markers = self._read_markers(marks)
        self._new_markers: dict[tuple[int, str], None] = {}
        self._notes: dict[tuple[str, str], str | None] = {}

    def apply(self) -> list[Result]:
        """Do it; results are in the order of the entries."""
        results = [self._apply(entry) for entry in self._entries]
        insert(self._db, "messages", list(self._new.values()))
        insert(self._db, "ids", self._new_ids)
        if self._has_changes:
            rewritten = [(*place, "", "", 0, self._bodies[place].decode()) for place in self._new_bodies]
            insert(self._db, "messages", rewritten, then=_REWRITE)
            amended = [(*place, msgspec.json.encode(self._amended[place]).decode()) for place in self._new_amended]
            insert(self._db, "amended", amended, or_replace=True)
            insert(self._db, "changes", self._new_changes)
        markers = [(room, *self._markers[room, user_id]) for room, user_id in self._new_markers]
        insert(self._db, "markers", markers, or_replace=True)
        kept = [(*key, value) for key, value in self._notes.items() if value is not None]
        insert(self._db, "notes", kept, or_replace=True)
        forgotten = [key for key, value in self._notes.items() if value is None]
        delete(self._db, "notes", ("kind", "key"), forgotten)
        return results

    @property
    def touched(self) -> Collection[Room]:
        """What :meth:`apply` changed."""
        return self._touched.values()

    def _apply(self, entry: Entry) -> Result:
        if isinstance(entry, Mark):
            return self._mark(entry)
        if isinstance(entry, Keep):
            self._keep(entry.notes)
            return None
        return self._message(entry) if entry.about is None else self._change(entry, entry.about)

    def _keep(self, notes: Sequence[Note]) -> None:
        for kind, key, value in notes:
            self._notes[kind, key] = value

    # messages

    def _message(self, draft: Draft) -> Logged:
        room = self._rooms[draft.room_id]
        key = (room.number, draft.message_id, draft.user_id)
        first = self._ids.get(key)
        if first is not None:
            return Logged(first, None)
        logged = self._log(draft, room)
        self._ids[key] = Appended(room.last, draft.timestamp_ms, duplicate=True)
        self._new_ids.append((*key, room.last, draft.timestamp_ms))
        if self._has_changes:
            self._named.setdefault(key[:2], {})[draft.user_id] = logged.appended
        return logged

    def _log(self, draft: Draft, room: Room) -> Logged:
        room.last = offset = room.last + 1
        record = stamped(draft, self._epoch, offset)
        row = (room.number, offset, draft.event, draft.origin, draft.timestamp_ms, record.body.decode())
        self._new[room.number, offset] = row
        self._touched[room.number] = room
        if draft.notes:
            self._keep(draft.notes)
        return Logged(Appended(offset, draft.timestamp_ms), record)

    def _known(self, table: str, drafts: Sequence[Draft]) -> dict[_Key, Appended]:
        keys = dict.fromkeys(
            (self._rooms[draft.room_id].number, draft.message_id, draft.user_id)
            for draft in drafts
            if draft.room_id in self._rooms
        )
        query = (
            "SELECT json_group_array(json_array(room, message_id, user_id, offset, timestamp_ms)) "
            f"FROM asked CROSS JOIN {table} USING (room, message_id, user_id)"
        )
        rows = selected(self._db, ("room", "message_id", "user_id"), list(keys), query, _KNOWN)
        return {(room, some_id, user): Appended(offset, ms, duplicate=True) for room, some_id, user, offset, ms in rows}

    # amendments

    def _change(self, draft: Draft, about: str) -> Logged | NotApplied:
        room = self._rooms.get(draft.room_id, _NOWHERE)
        key = (room.number, draft.message_id, draft.user_id)
        first = self._changes.get(key)
        if first is not None:
            return Logged(first, None)
        try:
            logged = self._amend(draft, room, self._named.get((room.number, about), {}))
        except NotApplied as refused:
            return refused
        room.changes += 1
        self._touched[room.number] = room
        self._changes[key] = replace(logged.appended, duplicate=True)
        self._new_changes.append((*key, logged.appended.offset, logged.appended.timestamp_ms, room.changes))
        return logged

    def _amend(self, draft: Draft, room: Room, named: Mapping[str, Appended]) -> Logged:
        target = chosen(draft, named, room.horizon)
        place = (room.number, target.offset)
        message = Message(target, self._body(place), self._amended.get(place, Amended()))
        change = amend(draft, room.last + 1, message)
        if isinstance(change, Appended):
            return Logged(change, None)
        self._rewrite(place, change.message.body)
        self._amended[place] = change.message.amended
        self._new_amended[place] = None
        if change.superseded is not None:
            older = (room.number, change.superseded)
            self._rewrite(older, superseded(self._body(older)))
        return self._log(draft, room)

    def _body(self, place: _Place) -> bytes:
        row = self._new.get(place)
        return self._bodies[place] if row is None else row[-1].encode()

    def _rewrite(self, place: _Place, body: bytes) -> None:
        row = self._new.get(place)
        if row is None:
            self._bodies[place] = body
            self._new_bodies[place] = None
        else:
            self._new[place] = (*row[:-1], body.decode())

    def _read_targets(self, changes: Sequence[Draft]) -> None:
        """The messages with the ids that they are about, and the edits whose text those have."""
        rooms = self._rooms
        asked = dict.fromkeys((rooms[each.room_id].number, each.about) for each in changes if each.room_id in rooms)
        for room, message_id, user_id, *logged, body, amended, edit, edit_body in selected(
            self._db, ("room", "message_id"), list(asked), _TARGETS_QUERY, _TARGETS
        ):
            offset, timestamp_ms = logged
            self._named.setdefault((room, message_id), {})[user_id] = Appended(offset, timestamp_ms)
            if body is not None:
                self._bodies[room, offset] = body.encode()
            if amended is not None:
                self._amended[room, offset] = msgspec.json.decode(amended, type=Amended)
            if edit is not None and edit_body is not None:
                self._bodies[room, edit] = edit_body.encode()

    # markers

    def _mark(self, mark: Mark) -> Marker:
        room = self._rooms.get(mark.room_id, _NOWHERE)
        key = (room.number, mark.user_id)
        before = self._markers.get(key, Marker(mark.user_id))
        after = before.moved(received=mark.received, read=mark.read, last=room.last)
        if after != before:
            self._markers[key] = after
            self._new_markers[key] = None
        return after

    def _read_markers(self, marks: Sequence[Mark]) -> dict[tuple[int, str], Marker]:
        rooms = self._rooms
        asked = dict.fromkeys((rooms[mark.room_id].number, mark.user_id) for mark in marks if mark.room_id in rooms)
        rows = selected(self._db, ("room", "user_id"), list(asked), _MARKERS_QUERY, _MARKERS)
        return {(room, user_id): Marker(user_id, received, read) for room, user_id, received, read in rows}


_NOWHERE = Room(0, "")
_REWRITE = "ON CONFLICT (room, offset) DO UPDATE SET body = excluded.body"
_TARGETS_QUERY = (
    "SELECT json_group_array(json_array(ids.room, ids.message_id, ids.user_id, ids.offset, ids.timestamp_ms, "
    "messages.body, amended.state, edits.offset, edits.body)) "
    "FROM asked CROSS JOIN ids USING (room, message_id) "
    "LEFT JOIN messages ON messages.room = ids.room AND messages.offset = ids.offset "
    "LEFT JOIN amended ON amended.room = ids.room AND amended.offset = ids.offset "
    "LEFT JOIN messages AS edits ON edits.room = ids.room AND edits.offset = json_extract(amended.state, '$.edit')"
)
_MARKERS_QUERY = (
    "SELECT json_group_array(json_array(room, user_id, received, read)) "
    "FROM asked CROSS JOIN markers USING (room, user_id)"
)
_KNOWN = msgspec.json.Decoder(list[tuple[int, str, str, int, int]])
_TARGETS = msgspec.json.Decoder(list[tuple[int, str, str, int, int, str | None, str | None, int | None, str | None]])
_MARKERS = msgspec.json.Decoder(list[tuple[int, str, int, int]])
