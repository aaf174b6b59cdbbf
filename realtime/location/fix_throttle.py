"""Of many fixes few are worth their radio time: at most one per interval, and the newest."""

from __future__ import annotations

from realtime.location.fix import Fix


class FixThrottle:
    """Decides which fixes are broadcast, and when. Pure: the caller passes the time.

    Every method that takes ``now`` returns the fix to broadcast at once, or None. Call :meth:`handle_timer`
    at :meth:`next_timer`.

    Args:
        interval_s: the least time between two broadcasts, in seconds.
    """

    def __init__(self, *, interval_s: float) -> None:
        if not interval_s >= 0:
            raise ValueError(f"interval_s must be at least 0, got {interval_s}")
        self._interval_s = interval_s
        self._newest: Fix | None = None
        self._is_due = False  # the newest fix is still to be told
        self._is_online = True
        self._free_at: float | None = None

    def offer(self, fix: Fix, now: float) -> Fix | None:
        """A new fix was measured."""
        self._newest = fix
        self._is_due = True
        return self.handle_timer(now)

    def offline(self) -> None:
        """Nothing can be sent: keep the newest fix until :meth:`online`."""
        self._is_online = False

    def online(self, now: float) -> Fix | None:
        """A new connection: the newest fix is due again, for the last one may have died with the old connection."""
        self._is_online = True
        self._is_due = self._newest is not None
        return self.handle_timer(now)

    def clear(self) -> None:
        """Forget the fix: it must not be told any more."""
        self._newest = None
        self._is_due = False

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return self._free_at if self._is_due and self._is_online else None

    def handle_timer(self, now: float) -> Fix | None:
        """The newest fix, if it is due and the interval is over."""
        if not (self._is_due and self._is_online) or (self._free_at is not None and now < self._free_at):
            return None
        self._is_due = False
        self._free_at = now + self._interval_s
        return self._newest
