"""Who is there: in rooms, and for those who ask about a user."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from msgspec import UNSET, UnsetType

from realtime.server.messages import (
    AppState,
    Introduction,
    OkReply,
    PresenceDiff,
    PresenceUpdate,
    PresentMember,
    Refusal,
    RoomOnly,
    SubscribeReply,
    SyncReply,
    UserIds,
    UserStatus,
    encode,
)
from realtime.server.namespace import Namespace
from realtime.server.online_users import Device, OnlineUsers, shown_status
from realtime.server.presence_rooms import Diff, PresenceRooms
from realtime.server.room_events import RoomEvents
from realtime.server.session import Said, Session
from realtime.utils import ambient
from realtime.utils.alarm import Alarm

BATCH_S = 0.1
"""A change waits so long for others to be told with it."""

GRACE_S = 15.0
"""A member stays so long after its connection was lost: Ably's figure for an abrupt drop."""

MAX_META_BYTES = 1024
MAX_SUBSCRIPTIONS = 5000
"""Users whose status one session may follow."""


class Timer(Protocol):
    """Rings once."""

    def set(self, due: float | None) -> None:
        """Ring at ``due`` instead of whenever it was set to."""
        ...


class PresenceEvents:
    """``app:state``, ``presence:update``, ``presence:sync``, ``presence:subscribe``, ``presence:unsubscribe``.

    Out go ``presence:diff`` to rooms, and ``presence:status`` to those who follow a user. Everybody in a room hears all
    of its diffs, those about themselves included, so that no number is missing.

    Args:
        namespace: whose sessions are there, or not.
        rooms: carries the diffs.
        presence: who is in which room.
        users: who is online.
        clock: the time that the two are told, in seconds.
        timer: makes what rings, given what to call.
    """

    def __init__(
        self,
        namespace: Namespace,
        rooms: RoomEvents,
        presence: PresenceRooms,
        users: OnlineUsers,
        *,
        clock: Callable[[], float],
        timer: Callable[[Callable[[float], object]], Timer] = Alarm,
    ) -> None:
        self._namespace = namespace
        self._rooms = rooms
        self._presence = presence
        self._users = users
        self._clock = clock
        self._timer = timer(self._ring)
        self._followers: dict[str, dict[Session, None]] = {}  # by user
        self._follows: dict[Session, dict[str, None]] = {}
        namespace.events.add("app:state", AppState, self._app_state)
        namespace.events.add("presence:update", PresenceUpdate, self._update)
        namespace.events.add("presence:sync", RoomOnly, self._sync)
        namespace.events.add("presence:subscribe", UserIds, self._subscribe)
        namespace.events.add("presence:unsubscribe", UserIds, self._unsubscribe)
        namespace.when_here(self._here)
        namespace.when_gone(self._gone)
        namespace.when_ended(self._ended)
        namespace.when_joined(self._joined)
        namespace.when_left(self._left)
        rooms.when_moved(self._moved)

    def stop(self, epoch: str) -> None:
        """The server stops: nobody is there any more, and nobody is told.

        Args:
            epoch: for the time after it, if there is one.
        """
        self._timer.set(None)
        self._presence.begin_anew(epoch)
        self._users.clear()
        self._followers.clear()
        self._follows.clear()

    # Sessions come and go

    def _here(self, session: Session) -> None:
        before = session.said, session.app_state
        _introduce(session)
        if (session.said, session.app_state) != before:
            self._changed(session)  # in its rooms too, where it has come back to some
        else:
            self._put(session)
            self._wake()

    def _gone(self, session: Session) -> None:
        drop = self._users.lose if session.dropped else self._users.remove
        drop(session.member, session.sid, self._clock(), ambient.wall_time_ms())
        self._wake()

    def _ended(self, session: Session) -> None:
        """Until now it might have come back, and heard what those whom it follows have become."""
        for user_id in tuple(self._follows.get(session, ())):
            self._unfollow(session, user_id)

    def _joined(self, room_id: str, session: Session) -> None:
        self._presence.put(room_id, _entry(session), self._clock())
        self._wake()

    def _left(self, room_id: str, session: Session) -> None:
        now = self._clock()
        other = self._namespace.rooms.newest(room_id, session.member)
        if other is not None:
            self._presence.put(room_id, _entry(other), now)
        elif session.dropped:
            self._presence.lose(room_id, session.member, now)
        else:
            self._presence.remove(room_id, session.member, now)
        self._wake()

    def _moved(self, session: Session, room_id: str, is_in: bool) -> None:
        """Who leaves a room by will does so for a session too that was lost there, and is another's grace."""
        if not is_in and self._namespace.rooms.newest(room_id, session.member) is None:
            self._presence.remove(room_id, session.member, self._clock())
            self._wake()

    # What clients say

    def _app_state(self, session: Session, request: AppState, ack_id: int | None) -> None:
        if session.app_state != request.state:
            session.app_state = request.state
            self._changed(session)
        session.acknowledge(ack_id, OkReply())

    def _update(self, session: Session, request: PresenceUpdate, ack_id: int | None) -> None:
        _check_meta(request.meta)
        before = session.said
        session.said = _updated(before, request)
        if session.said != before:
            self._changed(session)
        session.acknowledge(ack_id, OkReply())

    def _changed(self, session: Session) -> None:
        now = self._clock()
        rooms = self._namespace.rooms
        for room_id in rooms.of(session):
            newest = rooms.newest(room_id, session.member)
            if newest is session:
                self._presence.put(room_id, _entry(session), now)
        self._put(session)
        self._wake()

    def _put(self, session: Session) -> None:
        self._users.put(session.member, session.sid, _device(session), self._clock(), ambient.wall_time_ms())

    def _sync(self, session: Session, request: RoomOnly, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        members = self._presence.show(request.room_id, session.user_id)
        n = self._presence.n(request.room_id)
        session.acknowledge(ack_id, SyncReply(members=members, epoch=self._presence.epoch, n=n))

    def _subscribe(self, session: Session, request: UserIds, ack_id: int | None) -> None:
        follows = self._follows.get(session, {})
        new = [user_id for user_id in dict.fromkeys(request.user_ids) if user_id not in follows]
        if len(follows) + len(new) > MAX_SUBSCRIPTIONS:
            words = f"you follow {len(follows)} users, and may follow {MAX_SUBSCRIPTIONS}; unsubscribe from some first"
            raise Refusal("too_many_subscriptions", words)
        for user_id in new:
            self._follows.setdefault(session, {})[user_id] = None
            self._followers.setdefault(user_id, {})[session] = None
        users = [self._users.show(user_id) for user_id in dict.fromkeys(request.user_ids)]
        session.acknowledge(ack_id, SubscribeReply(users=users, epoch=self._presence.epoch))

    def _unsubscribe(self, session: Session, request: UserIds, ack_id: int | None) -> None:
        for user_id in request.user_ids:
            self._unfollow(session, user_id)
        session.acknowledge(ack_id, OkReply())

    def _unfollow(self, session: Session, user_id: str) -> None:
        follows = self._follows.get(session, {})
        if user_id not in follows:
            return
        del follows[user_id]
        if not follows:
            del self._follows[session]
        followers = self._followers[user_id]
        del followers[session]
        if not followers:
            del self._followers[user_id]

    # What is told

    def _wake(self) -> None:
        timers = (self._presence.next_timer(), self._users.next_timer())
        self._timer.set(min((timer for timer in timers if timer is not None), default=None))

    def _ring(self, now: float) -> None:
        for diff in self._presence.handle_timer(now):
            self._tell(diff)
        for status in self._users.handle_timer(now):
            self._tell_followers(status)
        self._wake()

    def _tell(self, diff: Diff) -> None:
        if diff.n is not None:
            body = PresenceDiff(diff.room_id, diff.joins, diff.leaves, diff.n)
            self._rooms.tell(diff.room_id, self._namespace.frame("presence:diff", encode(body)))
        own = {user_id: PresenceDiff(diff.room_id, joins, leaves) for user_id, joins, leaves in diff.own}
        if own:
            frames = {user_id: self._namespace.frame("presence:diff", encode(body)) for user_id, body in own.items()}
            self._rooms.tell_users(diff.room_id, frames)

    def _tell_followers(self, status: UserStatus) -> None:
        followers = self._followers.get(status.user_id)
        if followers:
            frame = self._namespace.frame("presence:status", encode(status))
            for session in tuple(followers):
                self._namespace.send(session, frame)


def _introduce(session: Session) -> None:
    """What makes no sense is as if it were not said: the update that follows is refused, with the reason."""
    try:
        said = msgspec.convert(session.auth.get("presence"), Introduction)
        _check_meta(said.meta)
    except (msgspec.ValidationError, Refusal):
        return
    session.said = _updated(session.said, said)
    session.app_state = said.state


def _updated(before: Said, update: PresenceUpdate) -> Said:
    return Said(
        status=before.status if isinstance(update.status, UnsetType) else update.status,
        text=before.text if isinstance(update.text, UnsetType) else update.text or None,
        meta=before.meta if isinstance(update.meta, UnsetType) else update.meta or None,
    )


def _device(session: Session) -> Device:
    return Device(session.said.status, session.said.text, session.app_state == "active")


def _entry(session: Session) -> PresentMember:
    said = session.said
    return PresentMember(
        session.user_id,
        session.device_id,
        session.app_state,
        shown_status(said.status, session.app_state == "active"),
        ambient.wall_time_ms(),
        said.text or UNSET,
        UNSET if said.meta is None else dict(said.meta),
    )


def _check_meta(meta: dict[str, Any] | UnsetType | None) -> None:
    if isinstance(meta, dict) and (size := len(msgspec.json.encode(meta))) > MAX_META_BYTES:
        words = f"presence:update: meta may have {MAX_META_BYTES} bytes of JSON, this one has {size}"
        raise Refusal("invalid_payload", words)
