"""``location:update`` and ``location:stop``: positions on their way to the others in a room; the newest are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import UNSET, UnsetType

from realtime.location.plausibility import Limits
from realtime.server.location_messages import SharedFix, SharedReply, ShareStop, ShareStopped, ShareUpdate
from realtime.server.location_shares import Shares
from realtime.server.messages import LocationBody, OkReply, encode
from realtime.server.namespace import Namespace
from realtime.server.room_events import RoomEvents
from realtime.server.rooms import Member
from realtime.server.session import Session
from realtime.utils.alarm import Alarm
from realtime.utils.ambient import wall_time_ms

Moved = Callable[[str, Member, Sequence[SharedFix], Callable[[], None]], None]


class LocationEvents:
    """Validated fixes are passed on with the authenticated user; who joins a room is told where everybody is.

    Sharing ends when the device says so, when its time is over, and when the device has left the room for good. If it
    was the one that the others saw of its user, they see the user's next one then.

    Args:
        limits: what is believed.
    """

    def __init__(self, namespace: Namespace, rooms: RoomEvents, *, limits: Limits | None = None) -> None:
        self._namespace = namespace
        self._rooms = rooms
        self._shares = Shares(limits)
        self.when_moved: Moved | None = None
        """Called as ``when_moved(room_id, member, fixes, done)`` with what was accepted, right after it was broadcast.

        It must call ``done()``, and the device is answered then: when what follows from it cannot be lost any more.
        """
        self._when_stopped: list[Callable[[str, Member], None]] = []
        self._alarm = Alarm(lambda now: self._expire())
        rooms.locations = self._shares.known
        rooms.when_left(self._left)
        namespace.events.add("location:update", ShareUpdate, self._update)
        namespace.events.add("location:stop", ShareStop, self._stop)

    def __len__(self) -> int:
        """Devices that share their position, in all rooms."""
        return len(self._shares)

    def when_stopped(self, callback: Callable[[str, Member], None]) -> None:
        """Call ``callback(room_id, member)`` when a device does not share with a room any more, and is forgotten.

        One that was lost is not, for a while: its way goes on when it comes back.
        """
        self._when_stopped.append(callback)

    def clear(self) -> None:
        """Forget all: the server was stopped."""
        self._shares.clear()
        self._alarm.set(None)

    def _update(self, session: Session, request: ShareUpdate, ack_id: int | None) -> None:
        room_id, member = request.room_id, session.member
        self._rooms.require(session, room_id)
        accepted, rejected = self._shares.update(
            room_id, member, request.fixes, until_ms=request.until, sent_ms=request.sent_at, now_ms=wall_time_ms()
        )
        if accepted:
            self._tell_update(room_id, session.user_id, accepted, skip=session)
        count = len(request.fixes) - len(rejected)
        answer = partial(session.acknowledge, ack_id, SharedReply(accepted=count, rejected=rejected or UNSET))
        self._arm(self._shares.end_of(room_id, member))
        if accepted and self.when_moved is not None:
            self.when_moved(room_id, member, accepted, answer)
        else:
            answer()

    def _stop(self, session: Session, request: ShareStop, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        room_id, member = request.room_id, session.member
        shown = self._shares.shown(room_id, member.user_id)
        if self._shares.stop(room_id, member):
            self._tell_stop(room_id, member.user_id, request.reason or UNSET, skip=session)
        else:
            self._tell_rest(room_id, member.user_id, shown)
        self._forget(room_id, member)
        session.acknowledge(ack_id, OkReply())

    def _left(self, room_id: str, member: Member) -> None:
        shown = self._shares.shown(room_id, member.user_id)
        is_gone, forgotten = self._shares.lose(room_id, member)
        if is_gone:
            self._tell_stop(room_id, member.user_id, "gone")
        else:
            self._tell_rest(room_id, member.user_id, shown)
        for each in forgotten:
            self._forget(*each)

    def _forget(self, room_id: str, member: Member) -> None:
        for callback in self._when_stopped:
            callback(room_id, member)

    def _tell_rest(self, room_id: str, user_id: str, shown: SharedFix | None) -> None:
        """One device of a user does not share any more: if the others saw that one, they are to see another."""
        rest = self._shares.shown(room_id, user_id)
        if rest is not None and rest != shown:
            self._tell_stop(room_id, user_id, UNSET)
            self._tell_update(room_id, user_id, [rest])

    def _tell_update(
        self, room_id: str, user_id: str, fixes: Sequence[SharedFix], *, skip: Session | None = None
    ) -> None:
        frame = self._namespace.frame("location:update", encode(LocationBody(room_id, user_id, list(fixes))))
        self._rooms.tell(room_id, frame, skip=skip)

    def _tell_stop(self, room_id: str, user_id: str, reason: str | UnsetType, *, skip: Session | None = None) -> None:
        frame = self._namespace.frame("location:stop", encode(ShareStopped(room_id, user_id, reason)))
        self._rooms.tell(room_id, frame, skip=skip)

    def _arm(self, end_ms: int | None) -> None:
        """Wake at ``end_ms``, or before, when the next sharing may be over."""
        if end_ms is not None:
            due = asyncio.get_running_loop().time() + max(0, end_ms - wall_time_ms()) / 1000
            if self._alarm.due is None or due < self._alarm.due:
                self._alarm.set(due)

    def _expire(self) -> None:
        for room_id, member, is_gone in self._shares.expire(wall_time_ms()):
            if is_gone:
                self._tell_stop(room_id, member.user_id, "expired")
            else:
                self._tell_rest(room_id, member.user_id, None)
            self._forget(room_id, member)
        self._arm(self._shares.next_expiry_ms())
