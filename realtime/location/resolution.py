"""How often a position is told: by time, way, speed, network and battery (pure)."""

from __future__ import annotations

from dataclasses import dataclass

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What is wanted of updates. The next one goes out when both the interval and the displacement are reached.

    The terms are those of Ably Asset Tracking: desired interval, minimum displacement, low-battery multiplier.

    Args:
        interval_s: the least time between two updates, in seconds.
        displacement_m: the least way between two updates, in metres.
        stretch_m: the way between two updates that is near enough, in metres: the slower one moves, the longer the
            interval becomes, up to ``still_interval_s``. None: speed does not matter.
        still_interval_s: who does not move that far is told all the same after this, in seconds, to be known as alive.
        cellular_factor: intervals are this many times as long over a mobile network.
        low_battery_factor: and this many times with a low battery that is not charging.
        low_battery: what is low: a fraction of the full charge.

    Raises:
        ValueError: a setting makes no sense.
    """

    interval_s: float = 1.0
    displacement_m: float = 0.0
    stretch_m: float | None = None
    still_interval_s: float = 60.0
    cellular_factor: float = 1.0
    low_battery_factor: float = 2.0
    low_battery: float = 0.2

    def __post_init__(self) -> None:
        _check("interval_s", self.interval_s, self.interval_s >= 0, "at least 0")
        _check("displacement_m", self.displacement_m, self.displacement_m >= 0, "at least 0")
        if self.stretch_m is not None:
            _check("stretch_m", self.stretch_m, self.stretch_m > 0, "above 0, or None")
        is_longer = self.still_interval_s >= self.interval_s
        _check("still_interval_s", self.still_interval_s, is_longer, f"at least interval_s, {self.interval_s}")
        for name in ("cellular_factor", "low_battery_factor"):
            _check(name, getattr(self, name), getattr(self, name) >= 1, "at least 1")
        _check("low_battery", self.low_battery, 0 <= self.low_battery <= 1, "a fraction, 0 to 1")

    def interval(self, *, speed_mps: float | None, net: NetType, battery: BatteryStatus) -> float:
        """The least time between two updates now, in seconds."""
        plain = self.interval_s
        if self.stretch_m is not None and speed_mps is not None:
            way_s = self.stretch_m / speed_mps if speed_mps > 0 else self.still_interval_s
            plain = min(max(plain, way_s), self.still_interval_s)
        return plain * self._factor(net, battery)

    def still(self, *, net: NetType, battery: BatteryStatus) -> float:
        """The longest time between two updates of one who stands still, in seconds."""
        return self.still_interval_s * self._factor(net, battery)

    def _factor(self, net: NetType, battery: BatteryStatus) -> float:
        factor = self.cellular_factor if net is NetType.CELLULAR else 1.0
        is_low = battery.level < self.low_battery and not battery.is_charging
        return factor * self.low_battery_factor if is_low else factor


def _check(name: str, value: float, holds: bool, words: str) -> None:
    if not holds:
        raise ValueError(f"{name} must be {words}, not {value}")
