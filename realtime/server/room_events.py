"""Joining a room with what was missed, leaving it, and telling everybody who is there what happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import nlargest
from typing import NamedTuple

from realtime.protocol.socketio import EncodedPacket
from realtime.server.engine.base import Engine, EngineError, Marker, Page, Position, Record
from realtime.server.messages import (
    PAGE,
    JoinReply,
    JoinRoom,
    KnownLocation,
    OkReply,
    PresencePlace,
    Receipt,
    Refusal,
    RoomOnly,
)
from realtime.server.namespace import Namespace
from realtime.server.paging import fitted
from realtime.server.presence_rooms import PresenceRooms
from realtime.server.rooms import Member
from realtime.server.session import Session

FIRST_PAGE = 50
"""Messages that are shown to who joins a room for the first time."""

MOST_RECEIPTS = 1000
"""In the answer to a join: of the users who are furthest, and one's own; some 60 KB."""

MAX_ROOMS = 1000
"""Rooms that one session may be in."""


class RoomEvents:
    """``room:join``, ``room:leave``, and broadcasts of what is logged.

    An engine may answer late. A session whose join waits for its page is in no room yet: what is logged meanwhile
    is held for it and follows the answer, so that it misses nothing and hears nothing before the answer.

    Args:
        namespace: where.
        engine: has the rooms' logs.
        presence: knows who is in a room; its :class:`~realtime.server.presence_events.PresenceEvents` are to be made
            before anybody comes.
    """

    def __init__(self, namespace: Namespace, engine: Engine, presence: PresenceRooms) -> None:
        self._namespace = namespace
        self._engine = engine
        self._presence = presence
        self.locations: Callable[[str], list[KnownLocation]] = lambda room_id: []
        """Who shares a position with a room, for those who join it."""
        self._when_logged: list[Callable[[Record], None]] = []
        self._when_moved: list[Callable[[Session, str, bool], None]] = []
        self._joining: dict[str, dict[Session, list[tuple[int | None, EncodedPacket]]]] = {}
        self._shut_out: dict[Session, set[str]] = {}
        namespace.events.add("room:join", JoinRoom, self._join)
        namespace.events.add("room:leave", RoomOnly, self._leave)
        namespace.when_gone(self._gone)

    @property
    def shut_out(self) -> int:
        """How many sessions could not join a room because its log could not be read."""
        return len(self._shut_out)

    def require(self, session: Session, room_id: str) -> None:
        """Refuse a session that is not in a room.

        Raises:
            Refusal: it is not: ``not_member``; or it is not only because its join could not be answered:
                ``storage_failed``, for what a client sends right behind its join must not be lost by that.
        """
        if not self._namespace.rooms.has(room_id, session) and session not in self._joining.get(room_id, ()):
            if room_id in self._shut_out.get(session, ()):
                words = f"the room {room_id!r} could not be joined: its log cannot be read; send room:join again first"
                raise Refusal("storage_failed", words)
            raise Refusal("not_member", f"you are not in the room {room_id!r}; send room:join first")

    def when_logged(self, callback: Callable[[Record], None]) -> None:
        """Call ``callback(record)`` with every new entry, right before it is broadcast."""
        self._when_logged.append(callback)

    def when_moved(self, callback: Callable[[Session, str, bool], None]) -> None:
        """Call ``callback(session, room_id, is_in)`` when a session has joined a room, or left it by ``room:leave``."""
        self._when_moved.append(callback)

    def when_left(self, callback: Callable[[str, Member], None]) -> None:
        """Call ``callback(room_id, member)`` when a member has left a room for good: after the grace, if it dropped."""
        self._presence.when_left(callback)

    def deliver(self, record: Record) -> None:
        """Broadcast what the engine has made durable."""
        for callback in self._when_logged:
            callback(record)
        origin = self._namespace.find(record.origin)
        if not self._joining and self._namespace.is_alone(record.room_id, origin):
            return
        frame = self._namespace.frame(record.event, record.body)
        self.tell(record.room_id, frame, skip=origin, offset=record.offset)

    def tell(
        self, room_id: str, frame: EncodedPacket, *, skip: Session | None = None, offset: int | None = None
    ) -> None:
        """Broadcast a frame to all sessions in a room but ``skip``; those that are joining get it after their answer.

        Args:
            offset: of what is logged: an answer that has it already is not followed by it.
        """
        self._namespace.broadcast(room_id, frame, skip=skip)
        if self._joining:
            for session, held in self._joining.get(room_id, {}).items():
                if session is not skip:
                    held.append((offset, frame))

    def tell_users(self, room_id: str, frames: Mapping[str, EncodedPacket]) -> None:
        """Send each of these users' sessions in a room, those that are joining included, a frame of their own."""
        for session in self._namespace.audience(room_id):
            if (frame := frames.get(session.user_id)) is not None:
                self._namespace.send(session, frame)
        for session, held in self._joining.get(room_id, {}).items():
            if (frame := frames.get(session.user_id)) is not None:
                held.append((None, frame))

    # room:join

    def _join(self, session: Session, request: JoinRoom, ack_id: int | None) -> None:
        since = None
        if request.since is not None:
            try:
                since = Position.parse(request.since)
            except ValueError as error:
                raise Refusal("invalid_payload", f"room:join: since: {error}") from error
        if not self._namespace.rooms.has(request.room_id, session):
            if (refusal := self._too_many(session, request.room_id)) is not None:
                raise refusal
            self._joining.setdefault(request.room_id, {}).setdefault(session, [])
        self._read(_Join(session, ack_id, request.room_id, since, request.limit), after=since and since.offset)

    def _read(self, join: _Join, *, after: int | None) -> None:
        limit = join.limit or (FIRST_PAGE if join.since is None else PAGE)
        done = partial(self._joined, join, after is not None)
        self._engine.read(join.room_id, done, after=after, before=None, limit=limit, with_markers=True)

    def _joined(self, join: _Join, forward: bool, page: Page | EngineError) -> None:
        if isinstance(page, Page) and forward and not _goes_on(page, join.since):
            self._read(join, after=None)
            return
        session, room_id, ack_id = join.session, join.room_id, join.ack_id
        held = self._stop_joining(session, room_id)
        if isinstance(page, EngineError):
            refusal = self._too_many(session, room_id) if held is not None else None
            if held is not None and refusal is None:
                self._shut_out.setdefault(session, set()).add(room_id)
            session.refuse(ack_id, refusal or Refusal("storage_failed", str(page)))
            return
        if held is None and not self._namespace.rooms.has(room_id, session):
            session.refuse(ack_id, Refusal("left", f"the room {room_id!r} was left before joining it was done"))
            return
        if (
            not self._namespace.rooms.has(room_id, session)
            and (refusal := self._too_many(session, room_id)) is not None
        ):
            session.refuse(ack_id, refusal)  # it asked for many before the first was answered
            return
        self._let_in(session, room_id)
        self._namespace.rooms.join(room_id, session, session.member)
        session.acknowledge(ack_id, self._answer(join, forward, page))
        for callback in self._when_moved:
            callback(session, room_id, True)
        for offset, frame in held or ():
            if offset is None or offset > page.last:
                self._namespace.send(session, frame)

    def _answer(self, join: _Join, forward: bool, page: Page) -> JoinReply:
        messages, more = fitted(page, forward=forward)
        return JoinReply(
            position=str(page.position),
            recovered=join.since is not None and page.covers(join.since),
            horizon=page.horizon,
            messages=messages,
            more=more,
            members=self._presence.show(join.room_id, join.session.user_id),
            presence=PresencePlace(self._presence.epoch, self._presence.n(join.room_id)),
            receipts=_receipts(page.markers, join.session.user_id),
            locations=self.locations(join.room_id),
        )

    def _too_many(self, session: Session, room_id: str) -> Refusal | None:
        """Why a session may not be in one more room, if it may not; those that it is shut out of count."""
        shut_out = self._shut_out.get(session, ())
        if len(self._namespace.rooms.of(session)) + len(shut_out) - (room_id in shut_out) < MAX_ROOMS:
            return None
        return Refusal("too_many_rooms", f"you are in {MAX_ROOMS} rooms; leave some first")

    def _stop_joining(self, session: Session, room_id: str) -> list[tuple[int | None, EncodedPacket]] | None:
        joining = self._joining.get(room_id)
        if joining is None:
            return None
        held = joining.pop(session, None)
        if not joining:
            del self._joining[room_id]
        return held

    def _let_in(self, session: Session, room_id: str) -> None:
        """It is in the room, or does not want to be any more."""
        rooms = self._shut_out.get(session)
        if rooms is not None:
            rooms.discard(room_id)
            if not rooms:
                del self._shut_out[session]

    # room:leave

    def _leave(self, session: Session, request: RoomOnly, ack_id: int | None) -> None:
        self._stop_joining(session, request.room_id)
        self._let_in(session, request.room_id)
        self._namespace.rooms.leave(request.room_id, session)
        for callback in self._when_moved:
            callback(session, request.room_id, False)
        session.acknowledge(ack_id, OkReply())

    def _gone(self, session: Session) -> None:
        self._shut_out.pop(session, None)
        for room_id in tuple(self._joining):
            self._stop_joining(session, room_id)


class _Join(NamedTuple):
    """A request to join that waits for the engine."""

    session: Session
    ack_id: int | None
    room_id: str
    since: Position | None
    limit: int | None


def _goes_on(page: Page, since: Position | None) -> bool:
    """Whether a page after ``since`` goes on from there, or from the oldest entry still there."""
    return since is not None and since.epoch == page.epoch and since.offset <= page.last


def _receipts(markers: Sequence[Marker], user_id: str) -> list[Receipt]:
    """As many markers as a phone can take, the user's own among them."""
    if len(markers) > MOST_RECEIPTS:
        furthest = nlargest(MOST_RECEIPTS, markers, key=lambda marker: (marker.received, marker.read))
        furthest += [marker for marker in markers if marker.user_id == user_id and marker not in furthest]
        markers = sorted(furthest)
    return [Receipt(*marker) for marker in markers]
