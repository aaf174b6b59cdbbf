"""Who is in which room. Pure: no connection, no clock."""

from __future__ import annotations

from collections.abc import Callable, Hashable, KeysView
from typing import Generic, NamedTuple, TypeVar

S = TypeVar("S", bound=Hashable)


class Member(NamedTuple):
    """Who is present in a room: a user on a device."""

    user_id: str
    device_id: str


class _Room(Generic[S]):
    def __init__(self) -> None:
        self.sessions: dict[S, Member] = {}  # in the order they joined
        self.devices: dict[Member, int] = {}  # how many sessions each member has here


class Rooms(Generic[S]):
    """Membership by session, presence by member.

    A device that reconnects has two sessions until its old connection is known to be dead; it is present from the
    first one's join to the last one's leave, without a flicker between.

    Args:
        joined: called with a room and a session that is new there.
        left: called with a room and a session that is there no more.
    """

    def __init__(
        self, *, joined: Callable[[str, S], None] | None = None, left: Callable[[str, S], None] | None = None
    ) -> None:
        self._joined = joined
        self._left = left
        self._rooms: dict[str, _Room[S]] = {}
        self._of: dict[S, dict[str, None]] = {}
        self._nobody: dict[S, Member] = {}

    def __len__(self) -> int:
        """Rooms with somebody in them."""
        return len(self._rooms)

    def join(self, room_id: str, session: S, member: Member) -> bool:
        """Put a session into a room; returns whether its member is new there."""
        room = self._rooms.get(room_id)
        if room is None:
            room = self._rooms[room_id] = _Room()
        if session in room.sessions:
            return False
        room.sessions[session] = member
        self._of.setdefault(session, {})[room_id] = None
        if self._joined is not None:
            self._joined(room_id, session)
        count = room.devices.get(member, 0)
        room.devices[member] = count + 1
        return count == 0

    def leave(self, room_id: str, session: S) -> bool:
        """Take a session out of a room; returns whether its member is gone from there."""
        room = self._rooms.get(room_id)
        if room is None or session not in room.sessions:
            return False
        member = room.sessions.pop(session)
        rooms = self._of[session]
        del rooms[room_id]
        if not rooms:
            del self._of[session]
        room.devices[member] -= 1
        is_gone = not room.devices[member]
        if is_gone:
            del room.devices[member]
            if not room.sessions:
                del self._rooms[room_id]
        if self._left is not None:
            self._left(room_id, session)
        return is_gone

    def leave_all(self, session: S) -> list[str]:
        """Take a session out of all its rooms; returns those from which its member is gone."""
        return [room_id for room_id in self.of(session) if self.leave(room_id, session)]

    def has(self, room_id: str, session: S) -> bool:
        """Whether a session is in a room."""
        room = self._rooms.get(room_id)
        return room is not None and session in room.sessions

    def of(self, session: S) -> tuple[str, ...]:
        """The rooms of a session, in the order it joined them."""
        return tuple(self._of.get(session, ()))

    def sessions(self, room_id: str) -> KeysView[S]:
        """A live view of the sessions in a room, in the order they joined."""
        room = self._rooms.get(room_id)
        return (self._nobody if room is None else room.sessions).keys()

    def newest(self, room_id: str, member: Member) -> S | None:
        """Of a member's sessions in a room the one that joined last; None: the member is not there."""
        room = self._rooms.get(room_id)
        if room is None or member not in room.devices:
            return None
        return next(session for session in reversed(room.sessions) if room.sessions[session] == member)

    def members(self, room_id: str) -> list[Member]:
        """Who is present in a room, in the order they came."""
        room = self._rooms.get(room_id)
        return [] if room is None else list(room.devices)
