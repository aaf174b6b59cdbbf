"""Live location: one's own on its way to a room, the others' on the map."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import msgspec

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.listeners import Listeners
from realtime.location.battery import Battery
from realtime.location.fix import Fix, LocationState
from realtime.location.kept_fixes import KeptFixes
from realtime.location.paced import Paced
from realtime.location.plausibility import FixGate, Limits, Reason
from realtime.location.precision import check_precision
from realtime.location.resolution import Resolution
from realtime.location.sharing import Sharing
from realtime.location.sources import StreamSource
from realtime.location.whereabouts import Whereabouts
from realtime.location.wire import LocationStop, LocationUpdate, joined_locations
from realtime.protocol.errors import LocalProtocolError
from realtime.utils import ambient
from realtime.utils.event_emitter import EventSource
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd

    from realtime.connection.socket_manager import SocketManager

GONE = "gone"
"""Why a position is not shared any more: the server lost the device."""

MAX_ROOM_ID = 256  # characters; the server refuses longer ones
NO_ROOM = ""  # of who tells nobody

T = TypeVar("T")
_log = logging.getLogger("realtime.location")


class LiveLocationTracker(EventSource):
    """Follows a source of fixes, tells a room of it, and shows where everybody is. Call it on the connection's loop.

    Broadcasts are throttled: at most one fix per interval is kept, always the newest, and one update is on its way at
    a time. What was kept offline, or while an update was on its way, is told in the next ones, in the order of time,
    and again until the server has it: markers show the newest, trails have all. In the background the source is not
    read and nothing is told. A room is heard once it is joined, which is
    :class:`~realtime.chat.chat_client.ChatClient`'s business; make it before the tracker, so that after a reconnect
    the join precedes the first update.

    Events, for :meth:`on`: ``update(user_id, fix)`` when somebody, this user included, is at a newer position;
    ``fix(fix)`` with each own one that is believed, exact; ``rejected(fix, reason)`` with one that is not, here or by
    the server; ``stop(user_id, room_id, reason)`` when somebody, this user included, does not share the position any
    more: ``stopped``, ``expired`` (the time was over) or ``gone``; and ``error(exception)`` when the source failed.

    Args:
        socket: the connection.
        user_id: the user as whom the connection is authenticated.
        source: what :meth:`start_tracking` follows if it is not given another one.
        interval_s: the least time between two broadcasts, in seconds.
        resolution: more of what is wanted of broadcasts, instead of ``interval_s``.
        resume_on_foreground: go on after the background; False: the background ends the tracking.
        trail_length: how many fixes of each user are kept for the map.
        max_kept: how many own fixes wait for a connection; over this, they are thinned by the shape of the way.
        limits: what is believed of the own source.
        store: own fixes that wait for a connection are kept there, and told by the next run of the app.
        battery: the device's battery; without it, it is taken for full.
        app_state: the app's state, if it is not the connection's.

    Raises:
        ValueError: a setting makes no sense.
    """

    def __init__(
        self,
        socket: SocketManager,
        *,
        user_id: str,
        source: AsyncIterable[Fix] | None = None,
        interval_s: float | None = None,
        resolution: Resolution | None = None,
        resume_on_foreground: bool = True,
        trail_length: int = 200,
        max_kept: int = 1000,
        limits: Limits | None = None,
        store: KeptFixes | None = None,
        battery: Battery | None = None,
        app_state: AppState | None = None,
    ) -> None:
        super().__init__()
        self.user_id = user_id
        self.battery = Battery() if battery is None else battery
        self._known = Whereabouts(trail_length=trail_length)
        self._socket = socket
        self._source = StreamSource(source) if isinstance(source, AsyncGenerator) else source
        self._resolution = _resolution(interval_s, resolution)
        self._max_kept = max_kept
        self._limits = Limits() if limits is None else limits
        self._store = store
        self._resume_on_foreground = resume_on_foreground
        self._app_state = socket.app_state if app_state is None else app_state
        self._ride: _Ride | None = None  # what is tracked, or will be in the foreground
        self._sharing: Sharing | None = None  # with the room that knows our position
        self._reading: asyncio.Task[None] | None = None
        self._stops = [  # not answered: they must not end what is shared afterwards; at first of an earlier run
            (message.args[0].get("roomId"), receipt)
            for message, receipt in socket.claim("location:stop")
            if isinstance(message.args[0], dict)
        ]
        self._listeners = Listeners(socket)
        self._listeners.on("connect", self._connected)
        self._listeners.on("disconnect", lambda reason: self._disconnected())
        self._listeners.on_payload("location:update", LocationUpdate.from_wire, self._heard_update)
        self._listeners.on_payload("location:stop", LocationStop.from_wire, self._heard_stop)
        self._unwatch = [
            self._app_state.observe(self._app_changed),
            socket.net_info.observe(lambda status: self._conditions()),
            self.battery.observe(lambda status: self._conditions()),
            socket.on_answer("room:join", self._joined),
        ]

    def __repr__(self) -> str:
        if self._ride is None:
            return f"<LiveLocationTracker {self.user_id!r} stopped>"
        word = "tracking" if self.tracking else "paused"
        return f"<LiveLocationTracker {self.user_id!r} {word} room={self._ride.room_id}>"

    @property
    def socket(self) -> SocketManager:
        """The connection."""
        return self._socket

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

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The trails as a table: see :meth:`Whereabouts.to_frame <realtime.location.whereabouts.Whereabouts>`."""
        return self._known.to_frame(room_id)

    @property
    def kept(self) -> tuple[Fix, ...]:
        """Own fixes that the server does not have yet, in the order of their times."""
        return () if self._sharing is None else self._sharing.kept

    # --- one's own way

    async def start_tracking(
        self,
        source: AsyncIterable[Fix] | None = None,
        *,
        room_id: str | None = None,
        on_update: Callable[[Fix], object] | None = None,
        broadcast: bool = True,
        resume_on_foreground: bool | None = None,
        share_for_s: float | None = None,
        precision_m: float | None = None,
    ) -> None:
        """Follow ``source``, instead of what was followed before; in the background, from the foreground on.

        Args:
            source: where the fixes come from: a :class:`~realtime.location.sources.LocationSource`, or any async
                iterator; an async generator is read to its end, also while nobody wants its fixes. None: the tracker's.
            room_id: a room that this device has joined; None where nobody is told.
            on_update: called with the newest fix, as often as the room would be told: for each one, see ``fix``.
            broadcast: tell the room; otherwise the position stays on this device.
            resume_on_foreground: go on after the background; None: as the tracker does.
            share_for_s: tracking ends by itself after this, in seconds, and the room is told, though the phone be dead
                by then; None: never.
            precision_m: what the room is told is rounded to a grid of cells of this side, in metres; None: it is exact.

        Raises:
            LocalProtocolError: the room id is too long, or empty, or there is none; or there is no source, or it cannot
                be iterated with ``async for``.
            ValueError: a setting makes no sense.
        """
        source = self._source if source is None else source
        if source is None:
            raise LocalProtocolError("there is nothing to follow: give a source, here or to the tracker")
        if not isinstance(source, AsyncIterable):
            raise LocalProtocolError(f"a source gives fixes with `async for`; this one does not: {source!r}")
        if room_id is None:
            if broadcast:
                raise LocalProtocolError("give the room_id of the room that is to be told, or broadcast=False")
            room_id = NO_ROOM
        elif not 0 < len(room_id) <= MAX_ROOM_ID:
            raise LocalProtocolError(f"a room id has 1 to {MAX_ROOM_ID} characters, this one has {len(room_id)}")
        if share_for_s is not None and not 0 < share_for_s < math.inf:
            raise ValueError(f"share_for_s must be a number of seconds above 0, not {share_for_s}")
        if precision_m is not None:
            check_precision(precision_m)
        self._stop("stopped", keep_shared=room_id if broadcast else None)
        resumes = self._resume_on_foreground if resume_on_foreground is None else resume_on_foreground
        followed: AsyncIterable[Fix] = source
        if isinstance(source, AsyncGenerator):
            followed = StreamSource(source)
        updates = None if on_update is None else Paced(self._resolution, on_update)
        self._ride = _Ride(followed, room_id, updates, broadcast, resumes, FixGate(self._limits))
        if broadcast:
            self._share(room_id, share_for_s, precision_m)
        self._conditions()
        if self._app_state.value is not AppStateValue.BACKGROUND:
            self._read()

    def _share(self, room_id: str, share_for_s: float | None, precision_m: float | None) -> None:
        unsent = () if self._sharing is None else self._sharing.kept
        if self._sharing is not None:
            self._sharing.close()
        self._sharing = Sharing(
            self._socket,
            room_id,
            resolution=self._resolution,
            max_kept=self._max_kept,
            precision_m=precision_m,
            until_ms=None if share_for_s is None else ambient.wall_time_ms() + round(share_for_s * 1000),
            rejected=lambda fix, reason: self._events.dispatch("rejected", fix, reason),
            expired=lambda: self._stop(Reason.EXPIRED, keep_shared=None),
            unsent=unsent,
            store=self._store,
        )
        for stopped_id, stop in self._stops:
            if stopped_id == room_id:
                stop.discard()

    def stop_tracking(self) -> None:
        """Stop, and take this device off the others' maps. Harmless if nothing is tracked."""
        self._stop("stopped", keep_shared=None)

    # --- events

    def close(self) -> None:
        """Stop listening and reading, without a word to the room."""
        self._pause()
        for source in (self._source, None if self._ride is None else self._ride.source):
            if isinstance(source, StreamSource):
                source.close()
        self._ride = None
        if self._sharing is not None:
            self._sharing.close()
            self._sharing = None
        for stop in self._unwatch:
            stop()
        self._unwatch.clear()
        self._listeners.remove()

    # --- reading

    def _read(self) -> None:
        for paced in self._paced():
            paced.resume()
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
        now_ms = ambient.wall_time_ms()
        reason = ride.gate.judge(fix.position, fix.accuracy_m, fix.timestamp_ms, now_ms=now_ms)
        if reason is not None:
            self._events.dispatch("rejected", fix, reason)
            return
        self._moved(ride.room_id, self.user_id, (fix,))
        self._events.dispatch("fix", fix)
        if ride.updates is not None:
            ride.updates.offer(fix)
        if ride.broadcast and self._ride is ride and self._sharing is not None:
            self._sharing.offer(fix)

    def _pause(self) -> None:
        """Nothing is read, and nothing told."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
        for paced in self._paced():
            paced.pause()

    def _paced(self) -> list[Paced | Sharing]:
        """Who is told of fixes."""
        updates = None if self._ride is None else self._ride.updates
        return [each for each in (updates, self._sharing) if each is not None]

    def _stop(self, reason: str, *, keep_shared: str | None) -> None:
        """End the ride; rooms other than ``keep_shared`` learn that there will be no more."""
        ride, sharing = self._ride, self._sharing
        if ride is None and sharing is None:
            return
        self._pause()
        self._ride = None
        if ride is not None and ride.updates is not None:
            ride.updates.close()
        if ride is not None and isinstance(ride.source, StreamSource) and ride.source is not self._source:
            ride.source.close()
        if sharing is not None and sharing.room_id != keep_shared:
            self._sharing = None
            self._stops = [(ended_id, stop) for ended_id, stop in self._stops if not stop.done]
            self._stops.append((sharing.room_id, sharing.end(reason)))
        for room_id in dict.fromkeys(each.room_id for each in (ride, sharing) if each is not None):
            if room_id != keep_shared:
                self._known.gone(room_id, self.user_id)
                self._events.dispatch("stop", self.user_id, room_id, str(reason))

    def _app_changed(self, value: AppStateValue) -> None:
        if value is not AppStateValue.BACKGROUND:
            self._read()
        elif self._ride is None or self._ride.resumes:
            self._pause()
        else:
            self.stop_tracking()

    def _connected(self) -> None:
        if self._sharing is not None:
            self._sharing.connected()

    def _disconnected(self) -> None:
        if self._sharing is not None:
            self._sharing.disconnected()

    def _conditions(self) -> None:
        for paced in self._paced():
            paced.conditions(net=self._socket.net_info.type, battery=self.battery.snapshot)

    # --- hearing

    def _heard_update(self, update: LocationUpdate) -> None:
        self._moved(update.room_id, update.user_id, update.fixes)

    def _heard_stop(self, stop: LocationStop) -> None:
        self._gone(stop.room_id, stop.user_id, stop.reason)

    def _joined(self, args: tuple[Any, ...], answer: object) -> None:
        """What was missed while there was no connection."""
        room_id = args[0].get("roomId") if args and isinstance(args[0], dict) else None
        try:
            locations = joined_locations(answer)
        except msgspec.ValidationError as error:
            _log.warning("ignored locations in the answer to room:join that were not understood: %s", error)
            return
        if locations is None or not isinstance(room_id, str):
            return
        shown = {each.user_id for each in locations}
        for user_id in tuple(self.room(room_id).snapshot.fixes):
            if user_id not in shown:
                self._gone(room_id, user_id, GONE)
        for each in locations:
            if each.user_id != self.user_id or not self._is_ending(room_id):
                self._moved(room_id, each.user_id, (each.fix,))

    def _is_ending(self, room_id: str) -> bool:
        """Whether the server may not have heard yet that this device does not share with a room any more."""
        return any(stopped_id == room_id and not stop.done for stopped_id, stop in self._stops)

    def _gone(self, room_id: str, user_id: str, reason: str) -> None:
        is_own = user_id == self.user_id and any(
            each is not None and each.room_id == room_id for each in (self._ride, self._sharing)
        )
        if not is_own and user_id in self.room(room_id).snapshot.fixes:
            self._known.gone(room_id, user_id, may_return=reason == GONE)
            self._events.dispatch("stop", user_id, room_id, reason)

    def _moved(self, room_id: str, user_id: str, fixes: tuple[Fix, ...]) -> None:
        if self._known.moved(room_id, user_id, fixes):
            self._events.dispatch("update", user_id, self.room(room_id).snapshot.fixes[user_id])


class _Ride(NamedTuple):
    """What is tracked, and for whom."""

    source: AsyncIterable[Fix]
    room_id: str
    updates: Paced | None
    broadcast: bool
    resumes: bool
    gate: FixGate


def _resolution(interval_s: float | None, resolution: Resolution | None) -> Resolution:
    if resolution is None:
        interval_s = 1.0 if interval_s is None else interval_s
        return replace(Resolution(), interval_s=interval_s, still_interval_s=max(60.0, interval_s))
    if interval_s is not None:
        raise ValueError("give interval_s or resolution, not both: a resolution has an interval_s")
    return resolution
