"""Live location: one's own on its way to a room, the others' on the map."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.receipt import Receipt
from realtime.location.fix import Fix, LocationState
from realtime.location.fix_throttle import FixThrottle
from realtime.location.sources import LocationSource
from realtime.location.whereabouts import Whereabouts
from realtime.location.wire import LocationStop, LocationUpdate
from realtime.protocol.errors import LocalProtocolError, RealtimeError
from realtime.utils.alarm import Alarm
from realtime.utils.event_emitter import EventEmitter, Handler
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    from realtime.connection.socket_manager import SocketManager

MAX_ROOM_ID = 256  # characters; the server refuses longer ones

T = TypeVar("T")
_log = logging.getLogger("realtime.location")


class LiveLocationTracker:
    """Follows a source of fixes, tells a room of it, and shows where everybody is. Call it on the connection's loop.

    Broadcasts are throttled: at most one per interval, one at a time, always the newest fix; offline the newest one
    waits. In the background the source is not read and nothing is told. A room is heard once it is joined, which is
    :class:`~realtime.chat.chat_client.ChatClient`'s business; make it before the tracker, so that after a reconnect
    the join precedes the first update.

    Events, for :meth:`on`: ``update(user_id, fix)`` when somebody, this user included, is at a newer position, and
    ``error(exception)`` when the source failed.

    Args:
        socket: the connection.
        user_id: the user as whom the connection is authenticated.
        interval_s: the least time between two broadcasts, in seconds.
        resume_on_foreground: go on after the background; False: the background ends the tracking.
        trail_length: how many fixes of each user are kept.
        app_state: the app's state, if it is not the connection's.
    """

    def __init__(
        self,
        socket: SocketManager,
        *,
        user_id: str,
        interval_s: float = 1.0,
        resume_on_foreground: bool = True,
        trail_length: int = 200,
        app_state: AppState | None = None,
    ) -> None:
        self.user_id = user_id
        self._known = Whereabouts(trail_length=trail_length)
        self._socket = socket
        self._resume_on_foreground = resume_on_foreground
        self._app_state = socket.app_state if app_state is None else app_state
        self._events = EventEmitter()
        self._throttle = FixThrottle(interval_s=interval_s, ack_timeout_s=max(10.0, 2 * interval_s))
        self._alarm = Alarm(lambda now: self._tell(self._throttle.handle_timer(now)))
        self._ride: _Ride | None = None  # what is tracked, or will be in the foreground
        self._shared_with: str | None = None  # the room that knows our position
        self._reading: asyncio.Task[None] | None = None
        self._unwatch = self._app_state.observe(self._app_changed)
        self._left_stops = socket.claim("location:stop")  # of an earlier run of the app
        self._handlers: list[tuple[str, Handler]] = []
        self._hear("connect", self._connected)
        self._hear("disconnect", lambda reason: self._disconnected())
        self._hear("location:update", _reader(LocationUpdate.from_wire, self._heard_update))
        self._hear("location:stop", _reader(LocationStop.from_wire, self._heard_stop))
        if not socket.connected:
            self._throttle.offline()

    def __repr__(self) -> str:
        if self._ride is None:
            return f"<LiveLocationTracker {self.user_id!r} stopped>"
        word = "tracking" if self.tracking else "paused"
        return f"<LiveLocationTracker {self.user_id!r} {word} room={self._ride.room_id}>"

    @property
    def tracking(self) -> bool:
        """Whether fixes are being read: not in the background, and not after the source's end."""
        return self._reading is not None

    @property
    def state(self) -> Observable[LocationState]:
        """Where everybody is, in all rooms of this device."""
        return self._known.state

    def room(self, room_id: str) -> Observable[LocationState]:
        """Where those are who share their position with one room."""
        return self._known.room(room_id)

    # --- one's own way

    async def start_tracking(
        self,
        source: LocationSource,
        *,
        room_id: str,
        on_update: Callable[[Fix], object] | None = None,
        broadcast: bool = True,
    ) -> None:
        """Follow ``source``, instead of what was followed before; in the background, from the foreground on.

        Args:
            source: where the fixes come from.
            room_id: a room that this device has joined.
            on_update: called with each fix.
            broadcast: tell the room; otherwise the position stays on this device.

        Raises:
            LocalProtocolError: the room id is too long, or empty.
        """
        if not 0 < len(room_id) <= MAX_ROOM_ID:
            raise LocalProtocolError(f"a room id has 1 to {MAX_ROOM_ID} characters, this one has {len(room_id)}")
        if self._ride is not None or self._shared_with is not None:
            self._stop(keep_shared=room_id if broadcast else None)
        self._ride = _Ride(source, room_id, on_update, broadcast)
        if broadcast:
            self._shared_with = room_id
            for message, receipt in self._left_stops:
                if message.args == ({"roomId": room_id},):
                    receipt.discard()
        if self._app_state.value is not AppStateValue.BACKGROUND:
            self._read()

    def stop_tracking(self) -> None:
        """Stop, and take this device off the others' maps. Harmless if nothing is tracked."""
        self._stop(keep_shared=None)

    # --- events

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every ``event``; returns the handler, for :meth:`off`."""
        return self._events.on(event, handler)

    def once(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at the next ``event`` only."""
        return self._events.once(event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of ``event``."""
        self._events.off(event, handler)

    def close(self) -> None:
        """Stop listening and reading, without a word to the room."""
        self._pause()
        self._ride = self._shared_with = None
        self._unwatch()
        for event, handler in self._handlers:
            self._socket.off(event, handler)

    # --- reading

    def _read(self) -> None:
        if self._ride is not None and self._reading is None:
            self._reading = asyncio.get_running_loop().create_task(self._follow(self._ride))

    async def _follow(self, ride: _Ride) -> None:
        try:
            async for fix in ride.source:
                self._measured(ride, fix)
        except Exception as error:
            _log.exception("the source of fixes failed: %r", ride.source)
            self._ride = self._reading = None
            self._events.dispatch("error", error)
        else:
            self._ride = self._reading = None

    def _measured(self, ride: _Ride, fix: Fix) -> None:
        self._moved(ride.room_id, self.user_id, (fix,))
        if ride.on_update is not None:
            try:
                ride.on_update(fix)
            except Exception:
                _log.exception("on_update failed; the tracking goes on")
        if ride.broadcast and self._ride is ride:
            self._tell(self._throttle.offer(fix, asyncio.get_running_loop().time()))

    def _pause(self) -> None:
        """Nothing is read, and nothing told."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
        self._throttle.clear()
        self._alarm.set(None)

    def _stop(self, *, keep_shared: str | None) -> None:
        """End the ride; rooms other than ``keep_shared`` learn that there will be no more."""
        self._pause()
        ride, self._ride = self._ride, None
        shared_with, self._shared_with = self._shared_with, None
        if ride is not None and ride.room_id != keep_shared:
            self._known.gone(ride.room_id, self.user_id)
        if shared_with is not None and shared_with != keep_shared:
            self._known.gone(shared_with, self.user_id)
            self._socket.emit("location:stop", {"roomId": shared_with}, ack=True)

    def _app_changed(self, value: AppStateValue) -> None:
        if value is not AppStateValue.BACKGROUND:
            self._read()
        elif self._resume_on_foreground:
            self._pause()
        else:
            self.stop_tracking()

    # --- telling

    def _connected(self) -> None:
        self._tell(self._throttle.online(asyncio.get_running_loop().time()))

    def _disconnected(self) -> None:
        self._throttle.offline()
        self._alarm.set(None)

    def _tell(self, fix: Fix | None) -> None:
        """Broadcast ``fix``, if there is one, and wait for what is due next."""
        if fix is not None and self._shared_with is not None:
            payload = {"roomId": self._shared_with, "fixes": [fix.to_wire()]}
            receipt = self._socket.emit("location:update", payload, ack=True, volatile=True)
            if receipt.done:
                self._throttle.dropped()
            else:
                receipt.add_done_callback(self._acked)
        self._alarm.set(self._throttle.next_timer())

    def _acked(self, receipt: Receipt) -> None:
        try:
            reply = receipt.result()
        except RealtimeError:
            return  # lost with its connection; told again at the next one
        if not (isinstance(reply, dict) and reply.get("ok")):
            _log.warning("the server refused a location update: %s", reply)
        self._tell(self._throttle.acked(asyncio.get_running_loop().time()))

    # --- hearing

    def _hear(self, event: str, handler: Handler) -> None:
        self._handlers.append((event, self._socket.on(event, handler)))

    def _heard_update(self, update: LocationUpdate) -> None:
        self._moved(update.room_id, update.user_id, update.fixes)

    def _heard_stop(self, stop: LocationStop) -> None:
        self._known.gone(stop.room_id, stop.user_id)

    def _moved(self, room_id: str, user_id: str, fixes: tuple[Fix, ...]) -> None:
        if self._known.moved(room_id, user_id, fixes):
            self._events.dispatch("update", user_id, self.room(room_id).snapshot.fixes[user_id])


class _Ride(NamedTuple):
    """What is tracked, and for whom."""

    source: LocationSource
    room_id: str
    on_update: Callable[[Fix], object] | None
    broadcast: bool


def _reader(read: Callable[[object], T], handle: Callable[[T], None]) -> Handler:
    """A handler that ignores what makes no sense; further arguments are the protocol's."""

    def heard(*args: Any) -> None:
        try:
            payload = read(args[0] if args else None)
        except msgspec.ValidationError as error:
            _log.warning("ignored a location:update or location:stop that was not understood: %s", error)
        else:
            handle(payload)

    return heard
