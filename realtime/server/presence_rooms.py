"""Who is in which room: told in batches, with a grace for those who lost their connection (pure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from realtime.server.fixed_delay import FixedDelay
from realtime.server.messages import LeftMember, PresentMember
from realtime.server.rooms import Member


class Diff(NamedTuple):
    """What changed in a room since the diff before.

    Args:
        room_id: the room.
        n: its number, one more than that of the diff before; None: only ``own`` has something to say.
        joins: for everybody: who came, and who changed.
        leaves: for everybody: who is there no more, or became invisible.
        own: for the devices of one user each, beside the rest: invisible ones that came, changed or left.
    """

    room_id: str
    n: int | None
    joins: list[PresentMember]
    leaves: list[LeftMember]
    own: list[tuple[str, list[PresentMember], list[LeftMember]]]


class _Room:
    def __init__(self, n: int) -> None:
        self.n = n
        self.members: dict[Member, PresentMember] = {}  # in the order they came
        self.before: dict[Member, PresentMember | None] = {}  # as the last diff left those who have changed since
        self.shown: dict[Member, bool] = {}  # of these, who was in a snapshot meanwhile, or missing; and was visible


class PresenceRooms:
    """Members go in and out; snapshots, and numbered diffs of what changed within ``batch_s``, come out.

    The caller passes the time, and calls :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        epoch: tells this life of the server from others, whose diffs were counted by others.
        batch_s: how long a change may wait for others to be told with it.
        grace_s: how long a member stays whose connection is lost.
    """

    def __init__(self, *, epoch: str, batch_s: float, grace_s: float) -> None:
        self.epoch = epoch
        self._rooms: dict[str, _Room] = {}
        self._batch: FixedDelay[str] = FixedDelay(batch_s)
        self._grace: FixedDelay[tuple[str, Member]] = FixedDelay(grace_s)
        self._most_n = 0  # of all rooms, so that a room that was forgotten never counts anew what it counted before
        self._when_left: list[Callable[[str, Member], None]] = []

    def __len__(self) -> int:
        """Rooms with somebody in them, or with something to tell."""
        return len(self._rooms)

    def when_left(self, callback: Callable[[str, Member], None]) -> None:
        """Call ``callback(room_id, member)`` when a member has left for good, after the grace where there is one."""
        self._when_left.append(callback)

    def begin_anew(self, epoch: str) -> None:
        """The server was stopped: nobody is there any more, and nobody is told."""
        self.epoch = epoch
        self._rooms.clear()
        self._batch.clear()
        self._grace.clear()

    # Who is there

    def put(self, room_id: str, entry: PresentMember, now: float) -> None:
        """A member is in a room, as described; who was there already stays since then, a grace has ended."""
        member = Member(entry.user_id, entry.device_id)
        self._grace.stop((room_id, member))
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = _Room(self._most_n)
        before = room.members.get(member)
        if before is not None and before.since != entry.since:
            entry = replace(entry, since=before.since)
        if entry != before:
            self._changes(room_id, room, member, now)
            room.members[member] = entry

    def lose(self, room_id: str, member: Member, now: float) -> None:
        """The connection of a member's last session in a room is lost: it leaves after the grace."""
        if self._has(room_id, member):
            self._grace.restart((room_id, member), now)

    def remove(self, room_id: str, member: Member, now: float) -> None:
        """A member has left a room."""
        self._grace.stop((room_id, member))
        if self._has(room_id, member):
            room = self._rooms[room_id]
            self._changes(room_id, room, member, now)
            del room.members[member]
            for callback in self._when_left:
                callback(room_id, member)

    # What is told

    def n(self, room_id: str) -> int:
        """The number of a room's last diff."""
        room = self._rooms.get(room_id)
        return self._most_n if room is None else room.n

    def show(self, room_id: str, user_id: str) -> list[PresentMember]:
        """Everybody in a room as a device of ``user_id`` may see it; the diffs after :meth:`n` go on from there."""
        room = self._rooms.get(room_id)
        if room is None:
            return []
        for member, before in room.before.items():
            is_seen = _is_visible(before) or _is_visible(room.members.get(member))
            room.shown[member] = room.shown.get(member, False) or is_seen
        entries = room.members.values()
        return [entry for entry in entries if entry.status != "invisible" or entry.user_id == user_id]

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        batch, grace = self._batch.next_timer(), self._grace.next_timer()
        return grace if batch is None else batch if grace is None else min(batch, grace)

    def handle_timer(self, now: float) -> list[Diff]:
        """End the graces that are over, and take what is to be told now."""
        for room_id, member in self._grace.take_due(now):
            self.remove(room_id, member, now)
        diffs = [self._take(room_id) for room_id in self._batch.take_due(now)]
        return [diff for diff in diffs if diff.n is not None or diff.own]

    # Inside

    def _has(self, room_id: str, member: Member) -> bool:
        room = self._rooms.get(room_id)
        return room is not None and member in room.members

    def _changes(self, room_id: str, room: _Room, member: Member, now: float) -> None:
        room.before.setdefault(member, room.members.get(member))
        self._batch.start(room_id, now)

    def _take(self, room_id: str) -> Diff:
        room = self._rooms[room_id]
        joins: list[PresentMember] = []
        leaves: list[LeftMember] = []
        own: dict[str, tuple[list[PresentMember], list[LeftMember]]] = {}
        for member, before in room.before.items():
            entry = room.members.get(member)
            if entry == before and member not in room.shown:
                continue
            if entry is not None and _is_visible(entry):
                joins.append(entry)
                continue
            if _is_visible(before) or room.shown.get(member, False):
                leaves.append(LeftMember(*member))
            elif entry is None:
                own.setdefault(member.user_id, ([], []))[1].append(LeftMember(*member))
            if entry is not None:
                own.setdefault(member.user_id, ([], []))[0].append(entry)
        room.before.clear()
        room.shown.clear()
        n = None
        if joins or leaves:
            room.n += 1
            n = room.n
            self._most_n = max(self._most_n, n)
        if not room.members:
            del self._rooms[room_id]
        return Diff(room_id, n, joins, leaves, [(user_id, *told) for user_id, told in own.items()])


def _is_visible(entry: PresentMember | None) -> bool:
    return entry is not None and entry.status != "invisible"
