"""Geofences on the phone: crossings are told to the app, and to a room through the outbox, so that none is lost."""

from __future__ import annotations

import logging
import os
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.connection.errors import SendRefused
from realtime.location.fix import Fix
from realtime.location.geofence import Fence
from realtime.location.geofence_monitor import GeofenceMonitor, Transition
from realtime.location.live_location_tracker import MAX_ROOM_ID, LiveLocationTracker
from realtime.location.precision import check_precision, rounded
from realtime.utils import ambient
from realtime.utils.durable_file import read_file, replace_file, set_file_aside
from realtime.utils.event_emitter import EventSource
from realtime.utils.ids import new_id
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    from realtime.connection.socket_manager import SocketManager

KEPT_EVERY_MS = 10_000
"""Of a way that crosses nothing, so much may be forgotten when the app dies."""

_log = logging.getLogger("realtime.location")


class GeofenceAlerts(EventSource):
    """Watches fences for one device. Call it on the connection's loop; needs ``shapely``.

    What was crossed while nothing was measured, in a tunnel or in the background, is told of with the next fix; with a
    file, also what was crossed while the app was dead.

    Events, for :meth:`on`: ``enter(transition)``, ``exit(transition)``, ``dwell(transition)``, and ``error(exception)``
    when the outbox does not take one.

    Args:
        socket: the connection.
        fences: to begin with; :attr:`monitor` takes more.
        room_id: the room whose log gets the crossings; None: they stay on this device.
        kept_in: a file, for what the next run of the app has to know: where this device was, and in which of the fences
            that are given here. It is made if it is not there, in a folder that is; one that cannot be read is renamed.
            None: each run begins anew, and who is in a fence then enters it.
        precision_m: positions in the log are rounded to a grid of cells of this side, in metres; None: they are exact.
        rng: source of the events' ids.

    Raises:
        ValueError: an option makes no sense.
        ImportError: ``shapely`` is not installed.
    """

    def __init__(
        self,
        socket: SocketManager,
        fences: Iterable[Fence] = (),
        *,
        room_id: str | None = None,
        kept_in: str | os.PathLike[str] | None = None,
        precision_m: float | None = None,
        rng: random.Random | None = None,
    ) -> None:
        if room_id is not None and not 0 < len(room_id) <= MAX_ROOM_ID:
            raise ValueError(f"room_id must have 1 to {MAX_ROOM_ID} characters, this one has {len(room_id)}")
        if precision_m is not None:
            check_precision(precision_m)
        super().__init__()
        self.monitor = GeofenceMonitor(fences)
        self._kept_in = None if kept_in is None else Path(kept_in)
        self._kept_ms: int | None = None
        self._restore()
        self.inside: Observable[tuple[str, ...]] = Observable(self.monitor.inside())
        """The ids of the fences in which this device is."""
        self._socket = socket
        self._room_id = room_id
        self._precision_m = precision_m
        self._rng = ambient.new_random() if rng is None else rng
        self._unfollow: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"<GeofenceAlerts fences={len(self.monitor.fences)} inside={list(self.inside.snapshot)}>"

    def follow(self, tracker: LiveLocationTracker) -> None:
        """Take the own fixes of a tracker from now on, until :meth:`close`."""
        handler = tracker.on("fix", self.feed)
        self._unfollow.append(lambda: tracker.off("fix", handler))

    def feed(self, fix: Fix) -> list[Transition]:
        """This device is somewhere; returns what was crossed since the last time, which has been told then."""
        transitions = self.monitor.feed(fix)
        if (inside := self.monitor.inside()) != self.inside.snapshot:
            self.inside.set(inside)
        for transition in transitions:
            self._tell_room(transition)
            self._events.dispatch(transition.kind.value, transition)
        if transitions or self._kept_ms is None or fix.timestamp_ms >= self._kept_ms + KEPT_EVERY_MS:
            self._kept_ms = fix.timestamp_ms
            self._keep()
        return transitions

    def close(self) -> None:
        """Follow no tracker any more; what is in the outbox stays there."""
        for unfollow in self._unfollow:
            unfollow()
        self._unfollow.clear()

    def _restore(self) -> None:
        """Go on where the former run was."""
        if self._kept_in is None or (content := read_file(self._kept_in)) is None:
            return
        try:
            self.monitor.restore(content.decode())
        except ValueError as error:
            aside = set_file_aside(self._kept_in)
            _log.warning("%s was set aside as %s: %s", self._kept_in, aside.name, error)

    def _keep(self) -> None:
        if self._kept_in is None:
            return
        kept = self.monitor.kept()
        try:
            replace_file(self._kept_in, None if kept is None else kept.encode())
        except OSError as error:
            _log.warning("where this device stands to its fences could not be written to %s: %s", self._kept_in, error)

    def _tell_room(self, transition: Transition) -> None:
        if self._room_id is None:
            return
        fix = transition.fix if self._precision_m is None else rounded(transition.fix, self._precision_m)
        payload = {
            "roomId": self._room_id,
            "fenceId": transition.fence_id,
            "transition": transition.kind.value,
            "fix": fix.to_wire(),
            "eventId": new_id(self._rng),
        }
        try:
            receipt = self._socket.emit("geofence:event", payload, ack=True)
            receipt.waits = lambda code: code == "not_member"  # until the next connection, which joins first
        except SendRefused as refused:
            _log.warning("a crossing could not be put into the outbox: %s: %s", transition, refused)
            self._events.dispatch("error", refused)
