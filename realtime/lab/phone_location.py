"""Live location as plain calls, from any thread and cell."""

from __future__ import annotations

import difflib
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.connection.socket_manager import SocketManager
from realtime.lab.background import BackgroundLoop
from realtime.lab.phone_fences import PhoneFences
from realtime.location.fix import LocationState
from realtime.location.geofence import Fence
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.geofence_monitor import Crossing
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.location.sources import GpxSource, LocationSource, SimulatedWalk
from realtime.utils.event_emitter import Handler
from realtime.utils.geo import LatLon
from realtime.utils.observable import Observable
from realtime.utils.share import share_path

if TYPE_CHECKING:
    import pandas as pd

HOME: LatLon = (59.9127, 10.7461)  # the middle of Oslo, where the tram of data/tracks rides and the map is drawn


class PhoneLocation:
    """A phone's location tracker, to call from any thread. Handlers and observers run on the lab's own thread.

    Args:
        tracker: the real one; for code that runs on the lab's loop.
        socket: its connection.
        background: that loop.
        rng: for walks, and ids of crossings.
        on_cross: told as ``(what, fence_id)`` of each crossing of a fence, on the loop's thread.
    """

    def __init__(
        self,
        tracker: LiveLocationTracker,
        socket: SocketManager,
        background: BackgroundLoop,
        rng: random.Random,
        on_cross: Callable[[str, str], object],
    ) -> None:
        self.tracker = tracker
        self._socket = socket
        self._background = background
        self._rng = rng
        self._on_cross = on_cross
        self._watched: list[GeofenceAlerts] = []

    def __repr__(self) -> str:
        return repr(self.tracker).replace("LiveLocationTracker", "PhoneLocation", 1)

    @property
    def state(self) -> Observable[LocationState]:
        """Where everybody is, to read and to observe."""
        return self.tracker.state

    @property
    def tracking(self) -> bool:
        """Whether fixes are being read."""
        return self.tracker.tracking

    def start(
        self,
        room_id: str = "lobby",
        source: LocationSource | Path | str = "tram",
        *,
        share_for_s: float | None = None,
        precision_m: float | None = None,
    ) -> None:
        """Follow a source of positions and tell a room of it, instead of what was followed before.

        Args:
            room_id: a joined room.
            source: ``tram`` or another track that came with the installation, ``walk``, a GPX file, or any source.
            share_for_s: it ends by itself after this, in seconds.
            precision_m: what the room is told is rounded to a grid of cells of this side, in metres.

        Raises:
            ValueError: there is no such source, or a setting makes no sense.
        """
        found = named_source(source, rng=self._rng)
        self._background.run(
            self.tracker.start_tracking(found, room_id=room_id, share_for_s=share_for_s, precision_m=precision_m)
        )

    def stop(self) -> None:
        """Stop, and take this phone off the others' maps."""
        self._background.call(self.tracker.stop_tracking)

    def watch(
        self, fences: Fence | Iterable[Fence] = (), *, room_id: str | None = "lobby", precision_m: float | None = None
    ) -> PhoneFences:
        """Watch fences on this phone's positions, from the next one on; what is watched already stays watched.

        Crossings are told to the room through the outbox, so that none is lost in a tunnel.

        Args:
            fences: to begin with.
            room_id: a joined room; None tells nobody else.
            precision_m: the room is told positions rounded to a grid of cells of this side, in metres.

        Raises:
            ValueError: a setting makes no sense, or two fences have one id.
            ImportError: ``shapely`` is not installed.
        """
        chosen = tuple(fences) if isinstance(fences, Iterable) else (fences,)
        return self._background.call(self._watch, chosen, room_id, precision_m)

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The trails as a table, of one room or of all: a row per fix."""
        return self._background.call(self.tracker.to_frame, room_id)

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every event of the tracker: see :class:`LiveLocationTracker`."""
        return self._background.call(self.tracker.on, event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of the event."""
        self._background.call(self.tracker.off, event, handler)

    def close(self) -> None:
        """Stop, and watch no fences any more; on the lab's loop."""
        for alerts in self._watched:
            alerts.close()
        self.tracker.close()

    def _watch(self, fences: tuple[Fence, ...], room_id: str | None, precision_m: float | None) -> PhoneFences:
        rng = random.Random(self._rng.getrandbits(128))
        alerts = GeofenceAlerts(self._socket, fences, room_id=room_id, precision_m=precision_m, rng=rng)
        for crossing in Crossing:
            alerts.on(crossing.value, lambda transition: self._on_cross(transition.kind.value, transition.fence_id))
        alerts.follow(self.tracker)
        self._watched.append(alerts)
        return PhoneFences(alerts, self._background)


def named_source(source: LocationSource | Path | str, *, rng: random.Random | None = None) -> LocationSource:
    """The source that is meant.

    Args:
        source: a name, a GPX file, or a source.
        rng: for a walk.

    Raises:
        ValueError: there is no source of this name.
        TypeError: this is no source at all.
    """
    if source == "walk":
        return SimulatedWalk(HOME, rng=rng)
    if isinstance(source, Path) or (isinstance(source, str) and source.endswith(".gpx")):
        return GpxSource(source)
    if isinstance(source, str):
        tracks = {path.stem: path for path in sorted((share_path("data") / "tracks").glob("*.gpx"))}
        if source in tracks:
            return GpxSource(tracks[source])
        near = difflib.get_close_matches(source, [*tracks, "walk"], n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise ValueError(f"no source {source!r}; {hint}there are {', '.join([*tracks, 'walk'])}, and any .gpx file")
    if not isinstance(source, LocationSource):
        raise TypeError(f"a source is a name, a .gpx file or a LocationSource, not {source!r}")
    return source
