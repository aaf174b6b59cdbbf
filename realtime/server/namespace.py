"""A namespace: its sessions, its rooms, its events, and frames to many of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from realtime.protocol.socketio import check_namespace, encode_event
from realtime.server.events import EventTable, Handler
from realtime.server.packets import event_frame
from realtime.server.rooms import Rooms
from realtime.server.session import Session, frames
from realtime.server.stats import Counters


class Namespace:
    """A part of the server that clients connect to by name.

    Args:
        name: ``/``, or ``/something``.
        counters: deliveries are counted here.

    Raises:
        LocalProtocolError: the name cannot travel.
    """

    def __init__(self, name: str, counters: Counters) -> None:
        self.name = check_namespace(name)
        self.events = EventTable(counters)
        self.rooms: Rooms[Session] = Rooms()
        self.sessions: dict[str, Session] = {}
        self._counters = counters
        self._when_gone: list[Callable[[Session], None]] = []

    def __repr__(self) -> str:
        return f"<Namespace {self.name!r} sessions={len(self.sessions)} rooms={len(self.rooms)}>"

    def on(self, event: str, handler: Handler) -> Handler:
        """Handle an event of the application's own: see :meth:`EventTable.on`."""
        return self.events.on(event, handler)

    def emit(self, event: str, *args: Any, room: str | None = None) -> None:
        """Send an event to every session, or to those in a room.

        Raises:
            LocalProtocolError: the name is reserved, or an argument cannot be sent.
        """
        frame = frames(encode_event(event, args, namespace=self.name))
        if room is not None:
            self.broadcast(room, frame)
            return
        for session in tuple(self.sessions.values()):
            session.link.write(frame)
        self._counters.deliveries += len(self.sessions)

    def frame(self, event: str, body: bytes) -> bytes:
        """The frame of an event whose one argument is JSON, to be written to any number of sessions."""
        return event_frame(event, body, self.name)

    def is_alone(self, room_id: str, session: Session | None) -> bool:
        """Whether nobody but ``session`` is in a room, so that a broadcast to the others would reach nobody."""
        sessions = self.rooms.sessions(room_id)
        return not sessions or (len(sessions) == 1 and session in sessions)

    def broadcast(self, room_id: str, frame: bytes, *, skip: Session | None = None, volatile: bool = False) -> None:
        """Write one frame to every session in a room but ``skip``; a volatile one not to those that lag."""
        sent = 0
        if volatile:
            for session in self.rooms.sessions(room_id):
                if session is not skip:
                    if session.link.write_volatile(frame):
                        sent += 1
                    else:
                        self._counters.volatile_dropped += 1
        else:
            for session in self.rooms.sessions(room_id):
                if session is not skip:
                    session.link.write(frame)
                    sent += 1
        self._counters.deliveries += sent

    def send(self, session: Session, frame: bytes) -> None:
        """Write one frame to one session."""
        session.link.write(frame)
        self._counters.deliveries += 1

    def when_gone(self, callback: Callable[[Session], None]) -> None:
        """Call ``callback(session)`` when a session ends, while it is still in its rooms."""
        self._when_gone.append(callback)

    def add(self, session: Session) -> None:
        """A client has connected."""
        self.sessions[session.sid] = session
        self.events.tell("connect", session)

    def remove(self, session: Session, reason: str) -> None:
        """A session has ended: it leaves its rooms, and everybody is told. Doing it twice is harmless."""
        if self.sessions.pop(session.sid, None) is None:
            return
        session.closed()
        for callback in self._when_gone:
            callback(session)
        self.rooms.leave_all(session)
        self.events.tell("disconnect", session, reason)

    def clear(self, reason: str) -> None:
        """End all sessions at once, telling the application, but not each session of all others."""
        sessions, self.sessions, self.rooms = self.sessions, {}, Rooms()
        for session in sessions.values():
            session.closed()
            self.events.tell("disconnect", session, reason)
