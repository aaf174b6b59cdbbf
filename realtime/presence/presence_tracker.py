"""Who is in which room, over a connection that comes and goes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from realtime.connection.errors import SendRefused
from realtime.connection.listeners import Listeners
from realtime.connection.questions import Questions
from realtime.presence.presence_state import Changed, Joined, Left, PresenceEvent, PresenceState, RoomPresence
from realtime.presence.wire import JoinReply, PresenceDiff, SyncReply
from realtime.utils.alarm import Alarm
from realtime.utils.event_emitter import EventSource
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd

    from realtime.connection.socket_manager import SocketManager

RESTART_GRACE_S = 15.0
"""As long as the server's own grace for those who lost their connection."""

_log = logging.getLogger("realtime.presence")


class PresenceTracker(EventSource):
    """Follows the members of rooms: users, devices, and what they say of themselves. Call it on the connection's loop.

    A device is in a room once it is joined, which is :class:`~realtime.chat.chat_client.ChatClient`'s business; make it
    before the tracker, so that after a reconnect the join precedes the question who is there. Without one, ``joins``.
    Leave a room here when you leave it there.

    Say in the connection's ``auth`` which device this is, by a ``deviceId``: without it, each session is a device of
    its own, and one that was lost stays for its grace beside the one that follows it.

    Events, for :meth:`on`: ``join(room_id, member)``, ``change(room_id, member)``, ``leave(room_id, member)``. A
    reconnect tells only what has changed meanwhile.

    Args:
        socket: the connection.
        joins: join the rooms, at every connection, and leave them: nobody else does.
        restart_grace_s: a server that was restarted knows only those who are back; others stay so long.

    Raises:
        ValueError: the grace is below 0.
    """

    def __init__(self, socket: SocketManager, *, joins: bool = False, restart_grace_s: float = RESTART_GRACE_S) -> None:
        super().__init__()
        if not restart_grace_s >= 0:
            raise ValueError(f"restart_grace_s must be a number of seconds, or 0, not {restart_grace_s}")
        self._restart_grace_s = restart_grace_s
        self._socket = socket
        self._joins = joins
        self._questions = Questions(socket)
        self._places: dict[str, _Place] = {}
        self._listeners = Listeners(socket)
        self._listeners.on("connect", self._connected)
        self._listeners.on("disconnect", self._disconnected)
        self._listeners.on_payload("presence:diff", partial(msgspec.convert, type=PresenceDiff), self._heard)

    def __repr__(self) -> str:
        return f"<PresenceTracker rooms={','.join(self.rooms)}>"

    @property
    def socket(self) -> SocketManager:
        """The connection."""
        return self._socket

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that are followed."""
        return tuple(room_id for room_id, place in self._places.items() if place.is_wanted)

    def room(self, room_id: str) -> Observable[RoomPresence]:
        """Who is in a room: for a room that is not followed, nobody."""
        return self._place(room_id).shown

    def enter(self, room_id: str) -> Observable[RoomPresence]:
        """Follow a room, now and at every later connection."""
        place = self._place(room_id)
        if not place.is_wanted:
            place.is_wanted = True
            if self._socket.connected:
                self._come_in(place)
        return place.shown

    def leave(self, room_id: str) -> None:
        """Follow a room no more. Harmless if it is not followed."""
        place = self._place(room_id)
        if not place.is_wanted:
            return
        place.is_wanted = place.is_asked = False
        self._tell(place, place.state.left())
        if self._joins and self._socket.connected:
            self._socket.emit("room:leave", {"roomId": room_id}, ack=True, volatile=True)

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The members of a room, or of all :attr:`rooms`, a row for each device."""
        from realtime.presence.presence_frame import members_frame  # which needs pandas

        rooms = self.rooms if room_id is None else (room_id,)
        return members_frame(self.room(each).snapshot for each in rooms)

    def close(self) -> None:
        """Stop listening to the connection; what is known stays."""
        self._listeners.remove()
        for place in self._places.values():
            if place.alarm.due is not None:
                place.alarm.set(None)
        self._questions.another_connection()

    # --- connection

    def _connected(self) -> None:
        self._questions.another_connection()
        for place in self._places.values():
            if place.is_wanted:
                self._come_in(place)

    def _disconnected(self, reason: str) -> None:
        self._questions.another_connection()
        for place in self._places.values():
            place.is_asked = False
            place.state.disconnected()
            self._tell(place, [])

    def _heard(self, diff: PresenceDiff) -> None:
        place = self._places.get(diff.room_id)
        if place is not None and place.is_wanted:
            self._tell(place, place.state.diff(diff))
            if self._socket.connected and (place.state.wants_sync or not place.shown.snapshot.synced):
                self._ask(place)

    # --- rooms

    def _place(self, room_id: str) -> _Place:
        place = self._places.get(room_id)
        if place is None:
            place = self._places[room_id] = _Place(room_id, lambda now: self._settle(room_id))
        return place

    def _settle(self, room_id: str) -> None:
        place = self._places[room_id]
        self._tell(place, place.state.settle())

    def _come_in(self, place: _Place) -> None:
        if not self._joins:
            self._ask(place)
            return
        place.is_asked = True
        payload = {"roomId": place.room_id, "limit": 1}  # the log is of no interest here
        self._questions.ask(
            "room:join", payload, JoinReply, lambda reply: self._is_in(place, reply), self._refused(place)
        )

    def _ask(self, place: _Place) -> None:
        if not place.is_asked:
            place.is_asked = True
            payload = {"roomId": place.room_id}
            self._questions.ask(
                "presence:sync", payload, SyncReply, lambda reply: self._synced(place, reply), self._refused(place)
            )

    def _is_in(self, place: _Place, reply: JoinReply) -> None:
        self._synced(place, SyncReply(reply.members, reply.presence.epoch, reply.presence.n))

    def _synced(self, place: _Place, reply: SyncReply) -> None:
        place.is_asked = False
        if not place.is_wanted:
            return
        former = place.state.epoch
        self._tell(place, place.state.snapshot(reply.members, reply.epoch, reply.n))
        if place.state.doubts and place.state.epoch != former:
            place.alarm.set(asyncio.get_running_loop().time() + self._restart_grace_s)
        if place.state.wants_sync:
            self._ask(place)

    def _refused(self, place: _Place) -> Any:
        """Whoever joins the room hears a diff of it: then it is asked again."""

        def refused(error: SendRefused) -> None:
            place.is_asked = False
            if error.code != "not_member":
                _log.warning("who is in %r cannot be learned: %s", place.room_id, error)

        return refused

    def _tell(self, place: _Place, events: Sequence[PresenceEvent]) -> None:
        room = place.state.room()
        if room != place.shown.snapshot:
            place.shown.set(room)
        for event in events:
            name = {Joined: "join", Changed: "change", Left: "leave"}[type(event)]
            self._events.dispatch(name, place.room_id, event.member)


class _Place:
    """A room that is, or was, followed."""

    def __init__(self, room_id: str, settle: Callable[[float], None]) -> None:
        self.room_id = room_id
        self.alarm = Alarm(settle)
        self.state = PresenceState(room_id)
        self.shown = Observable(self.state.room())
        self.is_wanted = False
        self.is_asked = False  # a question is on the way
