"""The engine that forgets at exit: for development, tests, and simulation."""

from __future__ import annotations

import random
from collections import OrderedDict

import msgspec

from realtime.server.engine.base import AppendDone, Appended, Deliver, Draft, Page, ReadDone, Record, stamped
from realtime.utils import ambient
from realtime.utils.ids import new_id


class MemoryEngine:
    """Logs in memory, bounded; what no longer fits is forgotten, and readers are told so.

    Args:
        messages_per_room: this many newest entries are kept at least, and at most a quarter more.
        ids_per_room: this many newest message ids are remembered at least, and at most twice as many.
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
        self._ids_per_room = ids_per_room
        self._max_rooms = rooms
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._floor = 0
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
        return sum(len(log.ids) + len(log.older_ids) for log in self._logs.values())

    async def start(self, deliver: Deliver) -> None:
        """See :meth:`Engine.start`."""
        self._deliver = deliver

    async def stop(self) -> None:
        """See :meth:`Engine.stop`; the logs stay, for a server that starts again with this engine."""
        self._deliver = _deliver_to_nobody

    def append(self, draft: Draft, done: AppendDone) -> None:
        """See :meth:`Engine.append`; answers before it returns."""
        log = self._log(draft.room_id)
        key = (draft.user_id, draft.message_id)
        known = log.ids.get(key) or log.older_ids.get(key)
        if known is not None:
            done(Appended(known.offset, known.timestamp_ms, duplicate=True))
            return
        log.last += 1
        appended = Appended(log.last, draft.timestamp_ms)
        record = stamped(draft, self.epoch, log.last)
        log.records.append(record)
        log.ids[key] = appended
        if len(log.records) > self._messages_per_room + self._messages_per_room // 4:
            log.trim(self._messages_per_room)
        if len(log.ids) >= self._ids_per_room:
            log.ids, log.older_ids = {}, log.ids
        self._deliver(record)
        done(appended)

    def read(self, room_id: str, done: ReadDone, *, after: int | None, before: int | None, limit: int) -> None:
        """See :meth:`Engine.read`; answers before it returns."""
        done(self._log(room_id).page(self.epoch, after, before, limit))

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
        log = self._logs[room_id] = _Log(last=self._floor)
        return log


class _Log(msgspec.Struct):
    """One room. The ids are kept in two generations, so forgetting the older half costs nothing."""

    last: int
    records: list[Record] = msgspec.field(default_factory=list)
    ids: dict[tuple[str, str], Appended] = msgspec.field(default_factory=dict)
    older_ids: dict[tuple[str, str], Appended] = msgspec.field(default_factory=dict)

    def trim(self, keep: int) -> None:
        del self.records[: max(0, len(self.records) - keep)]

    def page(self, epoch: str, after: int | None, before: int | None, limit: int) -> Page:
        horizon = self.last - len(self.records)
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
