"""Joining a room with what was missed, leaving it, and telling everybody who is there."""

from __future__ import annotations

from functools import partial

from realtime.server.engine.base import Engine, EngineError, Page, Position, Record
from realtime.server.messages import (
    PAGE,
    AppState,
    JoinReply,
    JoinRoom,
    OkReply,
    PresenceDiff,
    PresentMember,
    Refusal,
    RoomOnly,
    encode,
)
from realtime.server.namespace import Namespace
from realtime.server.paging import fitted
from realtime.server.rooms import Member
from realtime.server.session import Session

FIRST_PAGE = 50
"""Messages that are shown to who joins a room for the first time."""

MAX_ROOMS = 1000
"""Rooms that one session may be in."""


class RoomEvents:
    """``room:join``, ``room:leave``, ``app:state`` → ``presence:diff``; and broadcasts of what is logged.

    An engine may answer late. A session whose join waits for its page is in no room yet: what is logged meanwhile
    is held for it and follows the answer, so that it misses nothing and hears nothing before the answer.
    """

    def __init__(self, namespace: Namespace, engine: Engine) -> None:
        self._namespace = namespace
        self._engine = engine
        self._joining: dict[str, dict[Session, list[tuple[int, bytes]]]] = {}
        namespace.events.add("room:join", JoinRoom, self._join)
        namespace.events.add("room:leave", RoomOnly, self._leave)
        namespace.events.add("app:state", AppState, self._app_state)
        namespace.when_gone(self._gone)

    def require(self, session: Session, room_id: str) -> None:
        """Refuse a session that is not in a room.

        Raises:
            Refusal: it is not.
        """
        if not self._namespace.rooms.has(room_id, session) and session not in self._joining.get(room_id, ()):
            raise Refusal("not_member", f"you are not in the room {room_id!r}; send room:join first")

    def deliver(self, record: Record) -> None:
        """Broadcast what the engine has made durable."""
        origin = self._namespace.sessions.get(record.origin)
        if not self._joining and self._namespace.is_alone(record.room_id, origin):
            return
        frame = self._namespace.frame(record.event, record.body)
        self._namespace.broadcast(record.room_id, frame, skip=origin)
        if self._joining:
            for session, held in self._joining.get(record.room_id, {}).items():
                if session is not origin:
                    held.append((record.offset, frame))

    # room:join

    def _join(self, session: Session, request: JoinRoom, ack_id: int | None) -> None:
        since = None
        if request.since is not None:
            try:
                since = Position.parse(request.since)
            except ValueError as error:
                raise Refusal("invalid_payload", f"room:join: since: {error}") from error
        rooms = self._namespace.rooms
        if not rooms.has(request.room_id, session):
            if len(rooms.of(session)) >= MAX_ROOMS:
                raise Refusal("too_many_rooms", f"you are in {MAX_ROOMS} rooms; leave some first")
            self._joining.setdefault(request.room_id, {}).setdefault(session, [])
        done = partial(self._joined, session, request.room_id, ack_id, since, since is not None)
        if since is None:
            self._engine.read(request.room_id, done, after=None, before=None, limit=FIRST_PAGE)
        else:
            self._engine.read(request.room_id, done, after=since.offset, before=None, limit=PAGE)

    def _joined(
        self,
        session: Session,
        room_id: str,
        ack_id: int | None,
        since: Position | None,
        recovered: bool,
        page: Page | EngineError,
    ) -> None:
        if isinstance(page, Page) and since is not None and not page.covers(since):
            done = partial(self._joined, session, room_id, ack_id, None, False)
            self._engine.read(room_id, done, after=None, before=None, limit=PAGE)
            return
        held = self._stop_joining(session, room_id)
        if isinstance(page, EngineError):
            session.refuse(ack_id, Refusal("storage_failed", str(page)))
            return
        if held is None and not self._namespace.rooms.has(room_id, session):
            session.refuse(ack_id, Refusal("left", f"the room {room_id!r} was left before joining it was done"))
            return
        is_new = self._namespace.rooms.join(room_id, session, session.member)
        messages, more = fitted(page, forward=recovered)
        reply = JoinReply(
            position=str(page.position),
            recovered=recovered,
            messages=messages,
            more=more,
            members=self._present(room_id),
        )
        session.acknowledge(ack_id, reply)
        for offset, frame in held or ():
            if offset > page.last:
                session.link.write(frame)
        if is_new:
            self._tell(PresenceDiff(room_id, joins=[_present(session)]), skip=session)

    def _stop_joining(self, session: Session, room_id: str) -> list[tuple[int, bytes]] | None:
        joining = self._joining.get(room_id)
        if joining is None:
            return None
        held = joining.pop(session, None)
        if not joining:
            del self._joining[room_id]
        return held

    # leaving and presence

    def _leave(self, session: Session, request: RoomOnly, ack_id: int | None) -> None:
        self._stop_joining(session, request.room_id)
        if self._namespace.rooms.leave(request.room_id, session):
            self._tell(PresenceDiff(request.room_id, leaves=[_present(session)]))
        session.acknowledge(ack_id, OkReply())

    def _gone(self, session: Session) -> None:
        for room_id in tuple(self._joining):
            self._stop_joining(session, room_id)
        for room_id in self._namespace.rooms.leave_all(session):
            self._tell(PresenceDiff(room_id, leaves=[_present(session)]))

    def _app_state(self, session: Session, request: AppState, ack_id: int | None) -> None:
        if session.app_state != request.state:
            session.app_state = request.state
            for room_id in self._namespace.rooms.of(session):
                self._tell(PresenceDiff(room_id, joins=[_present(session)]), skip=session)
        session.acknowledge(ack_id, OkReply())

    def _tell(self, diff: PresenceDiff, skip: Session | None = None) -> None:
        frame = self._namespace.frame("presence:diff", encode(diff))
        self._namespace.broadcast(diff.room_id, frame, skip=skip)

    def _present(self, room_id: str) -> list[PresentMember]:
        """Everybody in a room; of a device with two sessions, the newer one knows its state."""
        newest: dict[Member, Session] = {}
        for session in self._namespace.rooms.sessions(room_id):
            newest[session.member] = session
        return [_present(session) for session in newest.values()]


def _present(session: Session) -> PresentMember:
    return PresentMember(session.user_id, session.device_id, session.app_state)
