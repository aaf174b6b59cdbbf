"""A namespace: its sessions, its rooms, its events, and frames to many of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from realtime.protocol.socketio import EncodedPacket, check_namespace, encode_event
from realtime.server.events import EventTable, Handler
from realtime.server.packets import event_packet, packet_frames
from realtime.server.rate_limit import RateLimit
from realtime.server.recovery import Recovery
from realtime.server.rooms import Member, Rooms
from realtime.server.session import Session, SessionLink
from realtime.server.stats import Counters

TAKEN_OVER = "taken over by a new connection"
"""The reason of a session's ``disconnect`` whose client is back before the old connection was known to be dead."""


class Namespace:
    """A part of the server that clients connect to by name.

    Args:
        name: ``/``, or ``/something``.
        counters: deliveries are counted here.
        recovery: sessions that ask for it survive their connections; None for none.
        limit: of the events that one session may send; by default any number.

    Raises:
        LocalProtocolError: the name cannot travel.
    """

    def __init__(
        self, name: str, counters: Counters, recovery: Recovery | None = None, limit: RateLimit | None = None
    ) -> None:
        self.name = check_namespace(name)
        self.events = EventTable(counters, limit)
        self.sessions: dict[str, Session] = {}
        """Those that are connected, by session id."""
        self._counters = counters
        self._recovery = recovery
        self._when_gone: list[Callable[[Session], None]] = []
        self._when_here: list[Callable[[Session], None]] = []
        self._when_ended: list[Callable[[Session], None]] = []
        self._when_joined: list[Callable[[str, Session], None]] = []
        self._when_left: list[Callable[[str, Session], None]] = []
        self.rooms = self._new_rooms()

    def __repr__(self) -> str:
        return f"<Namespace {self.name!r} sessions={len(self.sessions)} rooms={len(self.rooms)}>"

    def on(self, event: str, handler: Handler) -> Handler:
        """Handle an event of the application's own: see :meth:`EventTable.on`."""
        return self.events.on(event, handler)

    # Frames to many

    def emit(self, event: str, *args: Any, room: str | None = None) -> None:
        """Send an event to every session, or to those in a room.

        Raises:
            LocalProtocolError: the name is reserved, or an argument cannot be sent.
        """
        packet = encode_event(event, args, namespace=self.name)
        if room is not None:
            self.broadcast(room, packet)
        else:
            numbered = None if self._recovery is None else self._recovery.to_everyone(packet)
            self._write(tuple(self.sessions.values()), packet, numbered, None)

    def frame(self, event: str, body: bytes) -> EncodedPacket:
        """An event whose one argument is JSON, for :meth:`broadcast` and :meth:`Session.send`, any number of times."""
        return event_packet(event, body, self.name)

    def is_alone(self, room_id: str, session: Session | None) -> bool:
        """Whether a broadcast to the others in a room would reach nobody, now or when they come back."""
        sessions = self.rooms.sessions(room_id)
        if len(sessions) > 1 or (sessions and session not in sessions):
            return False
        return self._recovery is None or not self._recovery.others(room_id, session)

    def broadcast(
        self, room_id: str, frame: EncodedPacket, *, skip: Session | None = None, volatile: bool = False
    ) -> None:
        """Send one event to every session in a room but ``skip``; a volatile one not to those that lag."""
        numbered = None
        if self._recovery is not None:
            numbered = self._recovery.to_room(room_id, frame, skip, volatile=volatile)
        self._write(self.rooms.sessions(room_id), frame, numbered, skip, volatile)

    def _write(
        self,
        sessions: Iterable[Session],
        packet: EncodedPacket,
        numbered: bytes | None,
        skip: Session | None,
        volatile: bool = False,
    ) -> None:
        """Write the frames with an offset to those that follow offsets, and the plain ones to the others."""
        plain = None
        sent = 0
        for session in sessions:
            if session is skip:
                continue
            if numbered is not None and session.trail is not None:
                frame = numbered
            else:
                if plain is None:
                    plain = packet_frames(packet)
                frame = plain
            if not volatile:
                session.link.write(frame)
                sent += 1
            elif session.link.write_volatile(frame):
                sent += 1
            else:
                self._counters.volatile_dropped += 1
        self._counters.deliveries += sent

    def send(self, session: Session, frame: EncodedPacket) -> None:
        """Send one event to one session; one that is away hears it when it comes back."""
        session.send(frame)
        self._counters.deliveries += 1

    # Sessions

    def audience(self, room_id: str) -> Iterator[Session]:
        """The sessions in a room, and then those that are away and will be in it again."""
        yield from self.rooms.sessions(room_id)
        if self._recovery is not None:
            yield from self._recovery.away_from(room_id)

    def sessions_of(self, user_id: str, *, for_s: float = math.inf) -> list[Session]:
        """The sessions of a user; those that are away too, for what is of use for so long that they may come back."""
        away = () if self._recovery is None else self._recovery.all_away(for_s=for_s)
        return [session for session in (*self.sessions.values(), *away) if session.user_id == user_id]

    def find(self, sid: str) -> Session | None:
        """A session by its id, connected or not."""
        session = self.sessions.get(sid)
        return self._recovery.away_session(sid) if session is None and self._recovery is not None else session

    def when_gone(self, callback: Callable[[Session], None]) -> None:
        """Call ``callback(session)`` when a session ends or loses its connection, while it is still in its rooms.

        Once more if the server ends it while it has no connection.
        """
        self._when_gone.append(callback)

    def when_ended(self, callback: Callable[[Session], None]) -> None:
        """Call ``callback(session)`` when a session cannot come back any more; perhaps more than once."""
        self._when_ended.append(callback)

    def when_here(self, callback: Callable[[Session], None]) -> None:
        """Call ``callback(session)`` when a session has begun, or has come back."""
        self._when_here.append(callback)

    def when_joined(self, callback: Callable[[str, Session], None]) -> None:
        """Call ``callback(room_id, session)`` when a session is in a room, at its join or at its return."""
        self._when_joined.append(callback)

    def when_left(self, callback: Callable[[str, Session], None]) -> None:
        """Call ``callback(room_id, session)`` when a session is in a room no more; ``session.dropped`` tells why."""
        self._when_left.append(callback)

    def add(self, session: Session) -> None:
        """A client has connected; one that can be recovered was given to :meth:`promise` before."""
        self.sessions[session.sid] = session
        self._is_here(session)

    def promise(self, session: Session) -> None:
        """Make a session one that can be recovered, if this namespace has any; it then has a ``pid``."""
        if self._recovery is not None:
            self._recovery.begin(session)

    def claimed(self, pid: str | None) -> Session | None:
        """The session with this private id; it is the claimant's only if it is the same member's."""
        return None if pid is None or self._recovery is None else self._recovery.find(pid)

    def recover(self, pid: str, offset: str | None, member: Member) -> tuple[Session, list[bytes]] | None:
        """Find a session for its client, which is back on another connection.

        If its old connection stands still, it is ended. You must write the frames, answer the client, and then call
        :meth:`resume`, all at once.

        Returns:
            The session and all that it has missed, as frames; None if the client must begin anew. A session of its own
            that it cannot go on with has ended then.
        """
        session = self.claimed(pid)
        if session is None or session.member != member or self._recovery is None:
            return None
        if session.connected:
            link = session.link
            session.dropped = True
            session.detached(_NoLink(self, session))
            link.replaced(self.name)
            self.events.tell("disconnect", session, TAKEN_OVER)
        missed = self._recovery.missed(session, offset)
        if missed is None:
            self.give_up(session)
            return None
        return session, missed

    def resume(self, session: Session, link: SessionLink, auth: Mapping[str, Any] | None) -> None:
        """A session goes on, on another connection: it is in its rooms again, and everybody is told."""
        assert self._recovery is not None
        session.attached(link, auth)
        self.sessions[session.sid] = session
        for room_id in self._recovery.come_back(session):
            self.rooms.join(room_id, session, session.member)
        self._counters.sessions_recovered += 1
        self._is_here(session)

    def remove(self, session: Session, reason: str) -> None:
        """A session has ended: it leaves its rooms, and everybody is told. Doing it twice is harmless."""
        self._end(session, reason)

    def lose(self, session: Session, reason: str) -> float | None:
        """The connection of a session is lost: it leaves its rooms, and everybody is told; but it may come back.

        Returns:
            When you must call :meth:`due`, if it may.
        """
        session.dropped = True
        if self._recovery is None or session.trail is None:
            self._end(session, reason)
            return None
        if self.sessions.pop(session.sid, None) is not None:
            rooms = self.rooms.of(session)
            session.detached(_NoLink(self, session))
            self._leave(session)
            for longest_away in self._recovery.leave(session, rooms):
                self.give_up(longest_away)
            self.events.tell("disconnect", session, reason)
        return self._recovery.next_timer()

    def give_up(self, session: Session) -> None:
        """A session without a connection cannot come back any more."""
        self._end(session, None)

    def dismiss(self, session: Session) -> None:
        """The server ends a session that has no connection: it is as if it had left its rooms by itself."""
        session.dropped = False
        for room_id in () if self._recovery is None else self._recovery.come_back(session):
            for left in self._when_left:
                left(room_id, session)
        for gone in self._when_gone:
            gone(session)
        self._end(session, None)

    def due(self, now: float) -> float | None:
        """End the sessions that stayed away for too long; returns when to call this again."""
        if self._recovery is None:
            return None
        for session in self._recovery.overdue(now):
            self.give_up(session)
        return self._recovery.next_timer()

    def clear(self, reason: str) -> None:
        """End all sessions at once, telling the application, but not each session of all others."""
        sessions, self.sessions, self.rooms = self.sessions, {}, self._new_rooms()
        for session in sessions.values():
            session.closed()
            self._forget(session)
            self.events.tell("disconnect", session, reason)
        if self._recovery is not None:
            for session in self._recovery.overdue(math.inf):
                self._forget(session)

    def _end(self, session: Session, reason: str | None) -> None:
        """End a session for good; without a reason, the application has been told of its disconnection already."""
        was_connected = self.sessions.pop(session.sid, None) is not None
        session.closed()
        self._forget(session)
        if was_connected:
            self._leave(session)
            if reason is not None:
                self.events.tell("disconnect", session, reason)
        for callback in self._when_ended:
            callback(session)

    def _leave(self, session: Session) -> None:
        for callback in self._when_gone:
            callback(session)
        self.rooms.leave_all(session)

    def _forget(self, session: Session) -> None:
        if self._recovery is not None:
            self._recovery.end(session)

    def _is_here(self, session: Session) -> None:
        for callback in self._when_here:
            callback(session)
        self.events.tell("connect", session)

    def _new_rooms(self) -> Rooms[Session]:
        return Rooms(joined=self._joined, left=self._left)

    def _joined(self, room_id: str, session: Session) -> None:
        if session.trail is not None:
            session.trail.join(room_id)
        for callback in self._when_joined:
            callback(room_id, session)

    def _left(self, room_id: str, session: Session) -> None:
        # Who has lost its connection hears the room when it is back.
        if session.trail is not None and session.connected:
            session.trail.leave(room_id)
        for callback in self._when_left:
            callback(room_id, session)


class _NoLink:
    """The way to a client that is away: there is none."""

    def __init__(self, namespace: Namespace, session: Session) -> None:
        self._namespace = namespace
        self._session = session

    def write(self, frame: bytes) -> None:
        """See :class:`SessionLink`."""

    def write_volatile(self, frame: bytes) -> bool:
        """See :class:`SessionLink`."""
        return False

    def fence(self, passed: Callable[[], None]) -> None:
        """See :class:`SessionLink`."""

    def leave(self, namespace: str) -> None:
        """See :class:`SessionLink`."""
        self._namespace.dismiss(self._session)

    def replaced(self, namespace: str) -> None:
        """See :class:`SessionLink`."""

    def overrun(self, reason: str) -> None:
        """See :class:`SessionLink`."""
