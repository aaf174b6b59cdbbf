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
MOST_LOST = 1000
"""Devices that are remembered after they were lost, for all rooms."""


class _Share:
    """One device in one room."""

    def __init__(self, limits: Limits) -> None:
        self.gate = FixGate(limits)
        self.taken: deque[int] = deque(maxlen=_REMEMBERED)
        self.newest: SharedFix | None = None
        self.until_ms: int | None = None  # by the server's clock
        self.asked_ms: int | None = None  # the same by the device's

    def end_at(self, asked_ms: int | None, until_ms: int | None) -> None:
        """Set the end. Of one that is told again the earliest is right: that update took the least time to come."""
        if until_ms is not None and self.until_ms is not None and asked_ms == self.asked_ms:
            until_ms = min(until_ms, self.until_ms)
        self.until_ms, self.asked_ms = until_ms, asked_ms


class Shares:
    """One for all rooms. Times are in ms since the Unix epoch.

    Args:
        limits: what is believed.
        most_lost: how many lost devices are remembered.
    """

    def __init__(self, limits: Limits | None = None, *, most_lost: int = MOST_LOST) -> None:
        self._limits = Limits() if limits is None else limits
        self._most_lost = most_lost
        self._rooms: dict[str, dict[Member, _Share]] = {}
        self._lost: dict[tuple[str, Member], _Share] = {}  # oldest loss first

    def __len__(self) -> int:
        """Devices that share, in all rooms."""
        return sum(map(len, self._rooms.values()))

    def update(
        self,
        room_id: str,
        member: Member,
        fixes: Sequence[SharedFix],
        *,
        until_ms: int | None,
        now_ms: int,
        sent_ms: int | None = None,
    ) -> tuple[list[SharedFix], list[Rejected]]:
        """A device tells where it is.

        Args:
            room_id: the room.
            member: the device.
            fixes: in the order of their times.
            until_ms: when its sharing is to end; None: never.
            now_ms: the present.
            sent_ms: the present by the clock of ``until_ms``; None: that is the same.

        Returns:
            The fixes that are new, and those that are rejected; the others came again.
        """
        asked_ms = until_ms
        if until_ms is not None and sent_ms is not None:
            until_ms += now_ms - sent_ms
        if until_ms is not None and until_ms <= now_ms:
            return [], [Rejected(index, Reason.EXPIRED) for index in range(len(fixes))]
        lost = self._lost.pop((room_id, member), None)
        share = self._rooms.get(room_id, {}).get(member) or lost or _Share(self._limits)
        accepted: list[SharedFix] = []
        rejected: list[Rejected] = []
        for index, fix in enumerate(fixes):
            if fix.timestamp in share.taken:
                continue
            reason = share.gate.judge((fix.latitude, fix.longitude), fix.accuracy, fix.timestamp, now_ms=now_ms)
            if reason is not None:
                rejected.append(Rejected(index, reason))
                continue
            share.taken.append(fix.timestamp)
            share.newest = fix
            accepted.append(fix)
        share.end_at(asked_ms, until_ms)
        if share.newest is not None:
            self._rooms.setdefault(room_id, {})[member] = share
            if lost is not None and not accepted:
                accepted.append(share.newest)  # the others do not know it any more
        return accepted, rejected

    def end_of(self, room_id: str, member: Member) -> int | None:
        """When a device's sharing ends; None: it has no end, or does not share."""
        share = self._rooms.get(room_id, {}).get(member)
        return None if share is None else share.until_ms

    def stop(self, room_id: str, member: Member) -> bool:
        """A device does not share any more; returns whether its user thereby does not."""
        self._lost.pop((room_id, member), None)
        return self._remove(room_id, member) is not None and self._is_gone(room_id, member)

    def lose(self, room_id: str, member: Member) -> tuple[bool, list[tuple[str, Member]]]:
        """A device is gone, and may come back: what it tells again then is known.

        Returns:
            Whether its user thereby does not share any more; and who is forgotten for good.
        """
        share = self._remove(room_id, member)
        if share is None:
            return False, [] if (room_id, member) in self._lost else [(room_id, member)]
        self._lost[room_id, member] = share
        forgotten = list(self._lost)[: max(0, len(self._lost) - self._most_lost)]
        for each in forgotten:
            del self._lost[each]
        return self._is_gone(room_id, member), forgotten

    def _remove(self, room_id: str, member: Member) -> _Share | None:
        room = self._rooms.get(room_id, {})
        share = room.pop(member, None)
        if share is not None and not room:
            del self._rooms[room_id]
        return share

    def _is_gone(self, room_id: str, member: Member) -> bool:
        return all(other.user_id != member.user_id for other in self._rooms.get(room_id, ()))

    def shown(self, room_id: str, user_id: str) -> SharedFix | None:
        """The newest fix of a user who shares with a room; None: who does not."""
        shares = self._rooms.get(room_id, {})
        fixes = (share.newest for member, share in shares.items() if member.user_id == user_id)
        return max((fix for fix in fixes if fix is not None), key=lambda fix: fix.timestamp, default=None)

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

    def expire(self, now_ms: int) -> list[tuple[str, Member, bool]]:
        """End what is over; returns rooms and devices, and whether their users thereby do not share any more."""
        over = [
            (room_id, member)
            for room_id, room in self._rooms.items()
            for member, share in room.items()
            if share.until_ms is not None and share.until_ms <= now_ms
        ]
        return [(room_id, member, self.stop(room_id, member)) for room_id, member in over]

    def clear(self) -> None:
        """Forget all: the server was stopped."""
        self._rooms.clear()
        self._lost.clear()
