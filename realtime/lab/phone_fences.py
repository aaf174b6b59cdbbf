"""Geofences as plain calls, from any thread and cell."""

from __future__ import annotations

from realtime.lab.background import BackgroundLoop
from realtime.location.geofence import Fence
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.utils.event_emitter import Handler
from realtime.utils.observable import Observable


class PhoneFences:
    """Fences that a phone watches on its own positions, to call from any thread. :meth:`PhoneLocation.watch` makes it.

    Handlers and observers run on the lab's own thread.

    Args:
        alerts: the real ones; for code that runs on the lab's loop.
        background: that loop.
    """

    def __init__(self, alerts: GeofenceAlerts, background: BackgroundLoop) -> None:
        self.alerts = alerts
        self._background = background

    def __repr__(self) -> str:
        return repr(self.alerts).replace("GeofenceAlerts", "PhoneFences", 1)

    @property
    def fences(self) -> tuple[Fence, ...]:
        """The fences, in the order they were added."""
        return self._background.call(lambda: self.alerts.monitor.fences)

    @property
    def inside(self) -> Observable[tuple[str, ...]]:
        """The ids of those in which this phone is, to read and to observe."""
        return self.alerts.inside

    def add(self, fence: Fence) -> None:
        """Watch one more.

        Raises:
            ValueError: there is one of this id.
        """
        self._background.call(self.alerts.monitor.add, fence)

    def remove(self, fence_id: str) -> None:
        """Watch it no more.

        Raises:
            KeyError: there is no such fence.
        """
        self._background.call(self.alerts.monitor.remove, fence_id)

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler(transition)`` at every ``enter``, ``exit`` or ``dwell``."""
        return self._background.call(self.alerts.on, event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of the event."""
        self._background.call(self.alerts.off, event, handler)

    def close(self) -> None:
        """Watch no more; harmless if they are not watched."""
        self._background.call(self.alerts.close)
