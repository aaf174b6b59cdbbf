"""Of many fixes few are worth their radio time: at most one per interval, and the newest."""

from __future__ import annotations

from realtime.location.fix import Fix


class FixThrottle:
    """Decides which fixes are broadcast, and when. Pure: the caller passes the time.

    One update is on its way at a time: on a stalled connection they would pile up, and arrive, all of them, when they
    are old news. Every method that takes ``now`` returns the fix to broadcast at once, or None; then you must say
    :meth:`acked` or :meth:`dropped`. Call :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        interval_s: the least time between two broadcasts, in seconds.
        ack_timeout_s: how long an update may stay unacknowledged before the next one goes out.
    """

    def __init__(self, *, interval_s: float, ack_timeout_s: float = 10.0) -> None:
        if not interval_s >= 0:
            raise ValueError(f"interval_s must be at least 0, got {interval_s}")
        if not ack_timeout_s >= interval_s:
            raise ValueError(f"ack_timeout_s must be at least interval_s, got {ack_timeout_s}")
        self._interval_s = interval_s
        self._ack_timeout_s = ack_timeout_s
        self._newest: Fix | None = None
        self._is_due = False  # the newest fix is still to be told
        self._is_online = True
        self._told_at: float | None = None
        self._is_on_its_way = False

    def offer(self, fix: Fix, now: float) -> Fix | None:
        """A new fix was measured."""
        self._newest = fix
        self._is_due = True
        return self.handle_timer(now)

    def acked(self, now: float) -> Fix | None:
        """The server has the last update."""
        self._is_on_its_way = False
        return self.handle_timer(now)

    def dropped(self) -> None:
        """The last update could not be written: the newest fix is due again, after the interval."""
        self._is_on_its_way = False
        self._is_due = self._newest is not None

    def offline(self) -> None:
        """Nothing can be sent: keep the newest fix until :meth:`online`."""
        self._is_online = False

    def online(self, now: float) -> Fix | None:
        """A new connection: the newest fix is due again, for the last one may have died with the old connection."""
        self._is_online = True
        self.dropped()
        return self.handle_timer(now)

    def clear(self) -> None:
        """Forget the fix: it must not be told any more."""
        self._newest = None
        self._is_due = False

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return self._free_at() if self._is_due and self._is_online else None

    def handle_timer(self, now: float) -> Fix | None:
        """The newest fix, if it is due and may go out."""
        if not (self._is_due and self._is_online):
            return None
        if (free_at := self._free_at()) is not None and now < free_at:
            return None
        self._is_due = False
        self._is_on_its_way = True
        self._told_at = now
        return self._newest

    def _free_at(self) -> float | None:
        """When the next update may go out; None: at any time."""
        if self._told_at is None:
            return None
        return self._told_at + (self._ack_timeout_s if self._is_on_its_way else self._interval_s)
