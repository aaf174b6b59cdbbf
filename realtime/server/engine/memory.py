"""The engine that forgets at exit: for development, tests, and simulation."""

from __future__ import annotations

import random
from collections import OrderedDict
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from realtime.server.engine.amendments import Amended, Message, amend, change_of, chosen, superseded
from realtime.server.engine.base import (
    AppendDone,
    Appended,
    Deliver,
    Draft,
    FindDone,
    KeepDone,
    KeptDone,
    MarkDone,
    Marker,
    NotApplied,
    Note,
    Page,
    ReadDone,
    Record,
    stamped,
)
from realtime.utils import ambient
from realtime.utils.ids import new_id


class MemoryEngine:
    """Logs in memory, bounded; what no longer fits is forgotten, and readers are told so.

    Args:
        messages_per_room: this many newest entries are kept at least, and at most a quarter more.
        ids_per_room: this many newest message ids are remembered at least, and at most twice as many; so are the ids
            of changes.
        rooms: over this number the room unused for longest is forgotten, ids included.
        rng: source of the epoch.
    """

    def __init__(
        self,
        *,
        messages_per_room: int = 10_000,
        ids_per_room: int = 20_000,
        rooms: int = 10_000,
        rng: random.Random | None = None,
    ) -> None:
        for name, value in {
            "messages_per_room": messages_per_room,
            "ids_per_room": ids_per_room,
            "rooms": rooms,
        }.items():
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        self.epoch = new_id(rng or ambient.new_random())[:8]
        self._messages_per_room = messages_per_room
        self._most_records = messages_per_room + messages_per_room // 4
        self._ids_per_room = ids_per_room
        self._max_rooms = rooms
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._floor = 0
        self._notes: dict[str, dict[str, Note]] = {}
        self._deliver: Deliver = _deliver_to_nobody

    def __repr__(self) -> str:
        messages = sum(len(log.records) for log in self._logs.values())
        return f"<MemoryEngine rooms={self.rooms} messages={messages}>"

    @property
    def rooms(self) -> int:
        """How many rooms have a log."""
        return len(self._logs)

    @property
    def remembered_ids(self) -> int:
        """How many message ids are known, in all rooms."""
        return sum(len(log.ids) for log in self._logs.values())

    async def start(self, deliver: Deliver) -> None:
        """See :meth:`Engine.start`."""
        self._deliver = deliver

    async def stop(self) -> None:
        """See :meth:`Engine.stop`; logs and notes stay, for a server that starts again with this engine."""
        self._deliver = _deliver_to_nobody

    def append(self, draft: Draft, done: AppendDone) -> None:
        """See :meth:`Engine.append`; answers before it returns."""
        log = self._log(draft.room_id)
        about = draft.about
        if about is not None:
            change_of(draft)  # a mistake is told
        ids = log.ids if about is None else log.changes
        known = ids.get(draft.message_id, draft.user_id)
        if known is not None:
            done(replace(known, duplicate=True))
            return
        try:
            answer = log.append(draft, self.epoch) if about is None else log.amend(draft, about, self.epoch)
        except NotApplied as refused:
            done(refused)
            return
        ids.add(draft.message_id, draft.user_id, answer)
        if not answer.duplicate:
            if draft.notes:
                self._keep(draft.notes)
            records = log.records
            record = records[-1]
            if len(records) > self._most_records:
                log.trim(self._messages_per_room)
            self._deliver(record)
        done(answer)

    def mark(self, room_id: str, user_id: str, *, received: int, read: int, done: MarkDone) -> None:
        """See :meth:`Engine.mark`; answers before it returns."""
        log = self._log(room_id)
        marker = log.markers.get(user_id, Marker(user_id)).moved(received=received, read=read, last=log.last)
        if marker.received:
            log.markers[user_id] = marker
        done(marker)

    def read(
        self,
        room_id: str,
        done: ReadDone,
        *,
        after: int | None,
        before: int | None,
        limit: int,
        with_markers: bool = False,
    ) -> None:
        """See :meth:`Engine.read`; answers before it returns."""
        page = self._log(room_id).page(self.epoch, after, before, limit)
        if with_markers:
            page = replace(page, markers=tuple(sorted(self._log(room_id).markers.values())))
        done(page)

    def find(self, room_id: str, message_id: str, done: FindDone) -> None:
        """See :meth:`Engine.find`; answers before it returns."""
        done(self._log(room_id).find(message_id))

    def keep(self, notes: Sequence[Note], done: KeepDone) -> None:
        """See :meth:`Engine.keep`; answers before it returns."""
        self._keep(notes)
        done(None)

    def kept(self, kind: str, done: KeptDone) -> None:
        """See :meth:`Engine.kept`; answers before it returns."""
        done(sorted(self._notes.get(kind, {}).values()))

    def _keep(self, notes: Sequence[Note]) -> None:
        for note in notes:
            if note.value is None:
                self._notes.get(note.kind, {}).pop(note.key, None)
            else:
                self._notes.setdefault(note.kind, {})[note.key] = note

    def trim(self, room_id: str, keep: int) -> None:
        """See :meth:`Engine.trim`."""
        if room_id in self._logs:
            self._logs[room_id].trim(keep)

    def _log(self, room_id: str) -> _Log:
        """The log of a room; using it makes it the last one to be forgotten."""
        log = self._logs.get(room_id)
        if log is not None:
            self._logs.move_to_end(room_id)
            return log
        if len(self._logs) >= self._max_rooms:
            _, forgotten = self._logs.popitem(last=False)
            # New logs start above every forgotten one: a room that comes back never repeats an offset, and
            # whoever returns with an old position is told of a gap.
            self._floor = max(self._floor, forgotten.last)
        log = self._logs[room_id] = _Log(self._floor, self._ids_per_room)
        return log


class _Known(msgspec.Struct, frozen=True, gc=False):
    """What a user was answered to an id; ids are the users' choice, so others may have used it too."""

    user_id: str
    answer: Appended
    other: _Known | None


class _Ids:
    """What was answered to the newest ids, in two generations, so that forgetting the older half costs nothing."""

    def __init__(self, at_least: int) -> None:
        self._at_least = at_least
        self._newer: dict[str, _Known] = {}
        self._older: dict[str, _Known] = {}
        self._number = self._number_older = 0

    def __len__(self) -> int:
        return self._number + self._number_older

    def get(self, some_id: str, user_id: str) -> Appended | None:
        """What this user was answered, if it is remembered."""
        for known in (self._newer.get(some_id), self._older.get(some_id)):
            while known is not None:
                if known.user_id == user_id:
                    return known.answer
                known = known.other
        return None

    def named(self, some_id: str) -> dict[str, Appended]:
        """By user."""
        answers: dict[str, Appended] = {}
        for known in (self._older.get(some_id), self._newer.get(some_id)):
            while known is not None:
                answers[known.user_id] = known.answer
                known = known.other
        return answers

    def add(self, some_id: str, user_id: str, answer: Appended) -> None:
        """This user must have no answer to it yet."""
        self._newer[some_id] = _Known(user_id, answer, self._newer.get(some_id))
        self._number += 1
        if self._number >= self._at_least:
            self._newer, self._older = {}, self._newer
            self._number, self._number_older = 0, self._number


class _Log:
    """One room."""

    def __init__(self, last: int, ids: int) -> None:
        self.last = last
        self.records: list[Record] = []
        self.ids = _Ids(ids)
        self.changes = _Ids(ids)
        self.amended: dict[int, Amended] = {}  # by the offset of the message
        self.markers: dict[str, Marker] = {}

    def append(self, draft: Draft, epoch: str) -> Appended:
        self.last += 1
        self.records.append(stamped(draft, epoch, self.last))
        return Appended(self.last, draft.timestamp_ms)

    def amend(self, draft: Draft, about: str, epoch: str) -> Appended:
        logged = chosen(draft, self.ids.named(about), self.horizon)
        message = Message(logged, self._at(logged.offset).body, self.amended.get(logged.offset, Amended()))
        change = amend(draft, self.last + 1, message)
        if isinstance(change, Appended):
            return change
        self._change(logged.offset, change.message.body)
        self.amended[logged.offset] = change.message.amended
        if change.superseded is not None:
            self._change(change.superseded, superseded(self._at(change.superseded).body))
        return self.append(draft, epoch)

    def find(self, message_id: str) -> Record | None:
        oldest = min((each.offset for each in self.ids.named(message_id).values()), default=0)
        return self._at(oldest) if oldest > self.horizon else None

    @property
    def horizon(self) -> int:
        return self.last - len(self.records)

    def _at(self, offset: int) -> Record:
        return self.records[offset - self.horizon - 1]

    def _change(self, offset: int, body: bytes) -> None:
        self.records[offset - self.horizon - 1] = replace(self._at(offset), body=body)

    def trim(self, keep: int) -> None:
        del self.records[: max(0, len(self.records) - keep)]
        self.amended = {offset: amended for offset, amended in self.amended.items() if offset > self.horizon}

    def page(self, epoch: str, after: int | None, before: int | None, limit: int) -> Page:
        horizon = self.horizon
        start = 0 if after is None else max(0, after - horizon)
        stop = len(self.records) if before is None else max(start, min(before - horizon - 1, len(self.records)))
        more = stop - start > limit
        if more and after is None:
            start = stop - limit
        elif more:
            stop = start + limit
        return Page(epoch, self.last, horizon, tuple(self.records[start:stop]), more)


def _deliver_to_nobody(record: Record) -> None:
    """Before start and after stop."""
