"""The members of one room, merged from snapshots and diffs (pure)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from msgspec.structs import replace

from realtime.presence.wire import Member, PresenceDiff

if TYPE_CHECKING:
    import pandas as pd


class Joined(NamedTuple):
    """A member came."""

    member: Member


class Changed(NamedTuple):
    """A member is not as before."""

    member: Member
    before: Member


class Left(NamedTuple):
    """A member is there no more."""

    member: Member


PresenceEvent: TypeAlias = Joined | Changed | Left


@dataclass(frozen=True, slots=True)
class RoomPresence:
    """Who is in a room.

    Args:
        room_id: the room.
        members: one for each device, in the order they came.
        synced: whether that is so now; otherwise it is what was last known.
    """

    room_id: str
    members: tuple[Member, ...] = ()
    synced: bool = False

    @property
    def users(self) -> tuple[str, ...]:
        """The users, each once, in order."""
        return tuple(sorted({member.user_id for member in self.members}))

    def to_frame(self) -> pd.DataFrame:
        """A row for each device; see :data:`realtime.presence.presence_frame.MEMBER_COLUMNS`."""
        from realtime.presence.presence_frame import members_frame  # which needs pandas

        return members_frame((self,))


class PresenceState:
    """Merges what a connection brings, in whatever order; merging twice changes nothing.

    Diffs are numbered. Those before the snapshot wait for it; behind a missing one they wait for that, or for another
    snapshot, which the caller asks for where :attr:`wants_sync`.

    A server that was restarted knows only those who are back already. So whom its first snapshot lacks is doubted, and
    stays; where :attr:`doubts`, the caller waits a little, and calls :meth:`settle`.

    Args:
        room_id: the room.
    """

    def __init__(self, room_id: str) -> None:
        self._room_id = room_id
        self._members: dict[tuple[str, str], Member] = {}
        self.epoch: str | None = None  # of the server's life that is known
        self._n: int | None = None  # of the last diff that is in; None: there is no snapshot of this connection yet
        self._held: dict[int, PresenceDiff] = {}
        self._doubted: dict[tuple[str, str], None] = {}

    @property
    def doubts(self) -> bool:
        """Whether somebody is shown of whom this life of the server has not heard."""
        return bool(self._doubted)

    @property
    def wants_sync(self) -> bool:
        """Whether a diff is missing."""
        return self._n is not None and bool(self._held)

    def room(self) -> RoomPresence:
        """The picture now."""
        return RoomPresence(self._room_id, tuple(self._members.values()), self._n is not None)

    def snapshot(self, members: Iterable[Member], epoch: str, n: int) -> list[PresenceEvent]:
        """Everybody, as of diff ``n`` of this life of the server."""
        if self._n is not None and epoch == self.epoch and n < self._n:
            return []  # what is here is newer
        is_new_life = self.epoch is not None and epoch != self.epoch
        self.epoch, self._n = epoch, n
        now = {(member.user_id, member.device_id): member for member in members}
        doubted = self._members if is_new_life else self._doubted
        self._doubted = {key: None for key in doubted if key not in now}
        if self._doubted:
            stays = now.keys() | self._doubted.keys()
            now = {key: now.get(key, known) for key, known in self._members.items() if key in stays} | now
        events: list[PresenceEvent] = [Left(member) for key, member in self._members.items() if key not in now]
        for key, member in now.items():
            events += _difference(self._members.get(key), member)
        self._members = now
        self._held = {number: diff for number, diff in self._held.items() if number > n}
        return events + self._go_on()

    def diff(self, diff: PresenceDiff) -> list[PresenceEvent]:
        """Who came, changed and left."""
        if diff.n is None:
            return [] if self._n is None else self._apply(diff)  # a snapshot to come has it
        if self._n is not None and diff.n <= self._n:
            return []
        self._held[diff.n] = diff
        return self._go_on()

    def settle(self) -> list[PresenceEvent]:
        """Who was doubted has not come back."""
        doubted, self._doubted = self._doubted, {}
        return [Left(self._members.pop(key)) for key in doubted]

    def disconnected(self) -> None:
        """The connection ended: what is known stays, until the next one's snapshot."""
        self._n = None
        self._held.clear()

    def left(self) -> list[PresenceEvent]:
        """This device left the room."""
        self.disconnected()
        self._doubted.clear()
        gone, self._members = self._members, {}
        return [Left(member) for member in gone.values()]

    def _go_on(self) -> list[PresenceEvent]:
        events: list[PresenceEvent] = []
        while self._n is not None and (following := self._held.pop(self._n + 1, None)) is not None:
            self._n += 1
            events += self._apply(following)
        return events

    def _apply(self, diff: PresenceDiff) -> list[PresenceEvent]:
        events: list[PresenceEvent] = []
        for member in diff.joins:
            key = member.user_id, member.device_id
            events += _difference(self._members.get(key), member)
            self._members[key] = member
            self._doubted.pop(key, None)
        for leaver in diff.leaves:
            key = leaver.user_id, leaver.device_id
            self._doubted.pop(key, None)
            gone = self._members.pop(key, None)
            if gone is not None:
                events.append(Left(gone))
        return events


def _difference(before: Member | None, member: Member) -> list[PresenceEvent]:
    if before is None:
        return [Joined(member)]
    # After a restart of the server everybody is there since another time, and that is no news.
    is_news = member != before and replace(member, since=before.since) != before
    return [Changed(member, before)] if is_news else []
