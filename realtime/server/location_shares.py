"""Who shares a position with which room, where they are, and until when (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from msgspec import UNSET

from realtime.location.plausibility import FixGate, Limits, Reason
from realtime.server.location_messages import Rejected, SharedFix
from realtime.server.messages import KnownLocation
from realtime.server.rooms import Member

_REMEMBERED = 200
"""Times of the newest fixes of a device, to know what comes again: two updates of a hundred."""


class _Share:
    """One device in one room."""

    def __init__(self, limits: Limits) -> None:
        self.gate = FixGate(limits)
        self.taken: deque[int] = deque(maxlen=_REMEMBERED)
        self.newest: SharedFix | None = None
        self.until_ms: int | None = None


class Shares:
    """One for all rooms. Times are in ms since the Unix epoch.

    Args:
        limits: what is believed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = Limits() if limits is None else limits
        self._rooms: dict[str, dict[Member, _Share]] = {}

    def __len__(self) -> int:
        """Devices that share, in all rooms."""
        return sum(map(len, self._rooms.values()))

    def update(
        self, room_id: str, member: Member, fixes: Sequence[SharedFix], *, until_ms: int | None, now_ms: int
    ) -> tuple[list[SharedFix], list[Rejected]]:
        """A device tells where it is.

        Returns:
            The fixes that are new, and those that are rejected; the others came again.
        """
        if until_ms is not None and until_ms <= now_ms:
            return [], [Rejected(index, Reason.EXPIRED) for index in range(len(fixes))]
        share = self._rooms.get(room_id, {}).get(member) or _Share(self._limits)
        accepted: list[SharedFix] = []
        rejected: list[Rejected] = []
        for index, fix in enumerate(fixes):
            if fix.timestamp in share.taken:
                continue
            reason = share.gate.judge((fix.latitude, fix.longitude), fix.accuracy, fix.timestamp)
            if reason is not None:
                rejected.append(Rejected(index, reason))
                continue
            share.taken.append(fix.timestamp)
            share.newest = fix
            accepted.append(fix)
        share.until_ms = until_ms
        if share.newest is not None:
            self._rooms.setdefault(room_id, {})[member] = share
        return accepted, rejected

    def stop(self, room_id: str, member: Member) -> bool:
        """A device does not share any more; returns whether its user thereby does not."""
        room = self._rooms.get(room_id)
        if room is None or room.pop(member, None) is None:
            return False
        if not room:
            del self._rooms[room_id]
        return all(other.user_id != member.user_id for other in room)

    def known(self, room_id: str) -> list[KnownLocation]:
        """The newest fix of each user who shares with a room."""
        newest: dict[str, KnownLocation] = {}
        for member, share in self._rooms.get(room_id, {}).items():
            assert share.newest is not None
            before = newest.get(member.user_id)
            if before is None or before.fix.timestamp < share.newest.timestamp:
                until = UNSET if share.until_ms is None else share.until_ms
                newest[member.user_id] = KnownLocation(member.user_id, share.newest, until)
        return list(newest.values())

    def next_expiry_ms(self) -> int | None:
        """When to call :meth:`expire`; None: there is nothing to wait for."""
        ends = [share.until_ms for room in self._rooms.values() for share in room.values()]
        return min((end for end in ends if end is not None), default=None)

    def expire(self, now_ms: int) -> list[tuple[str, str]]:
        """End what is over; returns the rooms and users that do not share any more."""
        over = [
            (room_id, member)
            for room_id, room in self._rooms.items()
            for member, share in room.items()
            if share.until_ms is not None and share.until_ms <= now_ms
        ]
        return [(room_id, member.user_id) for room_id, member in over if self.stop(room_id, member)]

    def clear(self) -> None:
        """Forget all: the server was stopped."""
        self._rooms.clear()
