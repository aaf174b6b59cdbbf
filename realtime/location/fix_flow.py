"""One's own fixes on their way to a room: few are told, none of those is lost, and the newest comes soon (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.fix import Fix
from realtime.location.resolution import Resolution
from realtime.location.thinning import thinned
from realtime.utils.geo import distance_m

BATCH = 100
"""Fixes in one update, at most: the server takes no more."""


class Batch(NamedTuple):
    """One update; ``number`` tells it from others that may have the same fixes."""

    number: int
    fixes: tuple[Fix, ...]


class FixFlow:
    """Decides which fixes are kept, and when which of them are told. The caller passes the time.

    At most one fix is kept per interval, always the newest; it stays until the server has it. One update is on its way
    at a time: on a stalled connection they would pile up. So an update has all that was kept since the one before.
    Every method that takes ``now`` returns the update to send at once, or None; you must then say what became of it:
    :meth:`acked`, :meth:`returned` or :meth:`given_up`. Call :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        resolution: how often.
        ack_timeout_s: an update that is unacknowledged for so long is told again, with what came since.
        max_kept: over this number fixes are thinned by the shape of the way.
        unsent: fixes that are kept already, in the order of their times.

    Raises:
        ValueError: a setting makes no sense.
    """

    def __init__(
        self,
        resolution: Resolution,
        *,
        ack_timeout_s: float | None = None,
        max_kept: int = 1000,
        unsent: Sequence[Fix] = (),
    ) -> None:
        if ack_timeout_s is None:
            ack_timeout_s = max(10.0, 2 * resolution.interval_s)
        if not ack_timeout_s >= resolution.interval_s:
            raise ValueError(f"ack_timeout_s must be at least interval_s, {resolution.interval_s}, not {ack_timeout_s}")
        if max_kept < 4:
            raise ValueError(f"max_kept must be at least 4, not {max_kept}")
        self._resolution = resolution
        self._ack_timeout_s = ack_timeout_s
        self._max_kept = max_kept
        self._net = NetType.UNKNOWN
        self._battery = BatteryStatus(1.0, False)
        self._newest: Fix | None = None  # not kept yet
        self._kept: list[Fix] = list(unsent)
        self._last: Fix | None = None  # the one that was kept last
        self._last_at = 0.0
        self._on_its_way: Batch | None = None
        self._told_at: float | None = None
        self._there: Fix | None = None  # the newest that the server has, or had
        self._number = 0
        self._is_online = True
        self._is_paused = False
        self._is_catching_up = False

    @property
    def kept(self) -> tuple[Fix, ...]:
        """What is still to be told, in the order of the times; not what is on its way."""
        return tuple(self._kept)

    @property
    def unacked(self) -> tuple[Fix, ...]:
        """What the server is not known to have, in the order of the times."""
        return (*(() if self._on_its_way is None else self._on_its_way.fixes), *self._kept)

    def conditions(self, *, net: NetType, battery: BatteryStatus) -> None:
        """What the device says of its network and its battery; ask for :meth:`next_timer` again."""
        self._net, self._battery = net, battery

    def offer(self, fix: Fix, now: float) -> Batch | None:
        """A new fix was measured, later than all before; of a bunch that comes late, one per interval is kept."""
        if self._newest is not None and self._is_in_a_bunch(fix, now) and self._has_moved(self._newest):
            self._keep(now)
        self._newest = fix
        return self.handle_timer(now)

    def acked(self, number: int, now: float) -> Batch | None:
        """The server has an update."""
        if self._on_its_way is not None and self._on_its_way.number == number:
            self._there = self._on_its_way.fixes[-1]
            self._on_its_way = None
        return self.handle_timer(now)

    def returned(self, number: int) -> None:
        """An update could not be written, or the server could not take it: it is due again after the interval."""
        if self._on_its_way is not None and self._on_its_way.number == number:
            self._take_back()

    def restore(self, fixes: Sequence[Fix]) -> None:
        """Fixes that an earlier run of the app kept are to be told with the next update."""
        waiting = (*self.unacked, *(() if self._newest is None else (self._newest,)))
        self._kept[:0] = [fix for fix in fixes if not waiting or fix.timestamp_ms < waiting[0].timestamp_ms]

    def given_up(self, number: int) -> None:
        """The server will never take an update."""
        if self._on_its_way is not None and self._on_its_way.number == number:
            self._on_its_way = None

    def offline(self) -> None:
        """Nothing can be sent until :meth:`online`."""
        self._is_online = False
        self._take_back()

    def online(self, now: float) -> Batch | None:
        """A new connection; the server may have forgotten where this device is, so it is told again."""
        self._take_back()
        self._is_online = True
        if not self._kept and self._there is not None:
            self._kept = [self._there]
        return self.handle_timer(now)

    def pause(self, now: float) -> None:
        """Nothing is measured, and nothing told, until :meth:`resume`."""
        self._is_paused = True
        if self._newest is not None:
            self._keep(now)

    def resume(self, now: float) -> Batch | None:
        """Go on after :meth:`pause`."""
        self._is_paused = False
        return self.handle_timer(now)

    def clear(self) -> None:
        """Forget all fixes: they must not be told any more."""
        self._newest = self._last = self._there = self._on_its_way = None
        self._kept.clear()
        self._is_catching_up = False

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        if self._is_paused:
            return None
        due = [self._due_at()] if self._newest is not None else []
        if self._is_online and (self._kept or self._on_its_way):
            due.append(self._free_at())
        return min(due, default=None)

    def handle_timer(self, now: float) -> Batch | None:
        """The update that is due."""
        if self._is_paused:
            return None
        if self._newest is not None and now >= self._due_at():
            self._keep(now)
        if not (self._is_online and (self._kept or self._on_its_way)) or now < self._free_at():
            return None
        self._take_back()
        if self._newest is not None and self._has_moved(self._newest):
            self._keep(now)  # a marker should be where one is
        self._number += 1
        self._on_its_way = Batch(self._number, tuple(self._kept[:BATCH]))
        del self._kept[:BATCH]
        self._is_catching_up = bool(self._kept)
        self._told_at = now
        return self._on_its_way

    def _keep(self, now: float) -> None:
        assert self._newest is not None
        self._kept.append(self._newest)
        self._last, self._last_at, self._newest = self._newest, now, None
        if len(self._kept) > self._max_kept:
            # A quarter at once: thinning looks at all of them.
            self._kept = thinned(self._kept, self._max_kept * 3 // 4)

    def _take_back(self) -> None:
        if self._on_its_way is not None:
            self._kept[:0] = self._on_its_way.fixes
            self._on_its_way = None

    def _is_in_a_bunch(self, fix: Fix, now: float) -> bool:
        """Since the last one was kept, more time was measured than has passed: by an interval at least."""
        if self._last is None:
            return False
        measured_s = (fix.timestamp_ms - self._last.timestamp_ms) / 1000
        return measured_s > now - self._last_at + self._interval_s()

    def _due_at(self) -> float:
        """When the newest fix is to be kept."""
        if self._last is None or self._newest is None:
            return self._told_at + self._interval_s() if self._told_at is not None and self._last is None else 0.0
        if self._has_moved(self._newest):
            return self._last_at + self._interval_s()
        return self._last_at + self._resolution.still(net=self._net, battery=self._battery)

    def _has_moved(self, fix: Fix) -> bool:
        least_m = self._resolution.displacement_m
        return self._last is None or least_m == 0 or distance_m(self._last.position, fix.position) >= least_m

    def _free_at(self) -> float:
        """When the next update may go out."""
        if self._told_at is None:
            return 0.0
        if self._on_its_way is not None:
            return self._told_at + self._ack_timeout_s
        return self._told_at + (0.0 if self._is_catching_up else self._interval_s())

    def _interval_s(self) -> float:
        fix = self._newest or self._last
        speed_mps = None if fix is None else fix.speed_mps
        return self._resolution.interval(speed_mps=speed_mps, net=self._net, battery=self._battery)
