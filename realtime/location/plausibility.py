"""Fixes that cannot be true (pure): receivers of satellites jump, networks guess, and clocks go back."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import NamedTuple

from realtime.utils.geo import LatLon, distance_m

_AGREE = 3
"""So many implausible fixes in a row that agree with each other are believed: then it was the former one that erred."""


class Reason(enum.StrEnum):
    """Why a fix is not taken."""

    LATE = "late"
    """It was measured before, or with, one that was taken already."""
    FUTURE = "future"
    """Its time is still far away."""
    TOO_FAST = "too_fast"
    INACCURATE = "inaccurate"
    EXPIRED = "expired"
    """The time for which the position was to be shared is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is believed.

    Args:
        max_speed_mps: between two fixes, in metres per second; 250 is 900 km/h, an airliner's.
        max_accuracy_m: the largest circle that still says something, in metres; 5 km is a rural cell's.
        max_ahead_s: how far in the future a fix may be, in seconds; a day is more than a clock is wrong that was set in
            another time zone, and less than what a receiver that miscounts the weeks of its satellites is.

    Raises:
        ValueError: a limit is not above zero.
    """

    max_speed_mps: float = 250.0
    max_accuracy_m: float = 5_000.0
    max_ahead_s: float = 86_400.0

    def __post_init__(self) -> None:
        for name in ("max_speed_mps", "max_accuracy_m", "max_ahead_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above zero, not {getattr(self, name)}")


class _Point(NamedTuple):
    place: LatLon
    accuracy_m: float
    timestamp_ms: int


class FixGate:
    """Judges the fixes of one device, each by the one before that was taken.

    Args:
        limits: what is believed.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = Limits() if limits is None else limits
        self._taken: _Point | None = None
        self._doubtful: list[_Point] = []  # the newest too fast ones, which agree with each other

    def judge(self, place: LatLon, accuracy_m: float, timestamp_ms: int, *, now_ms: int | None = None) -> Reason | None:
        """Why a fix is not taken; None if it is, and then it is what the next one is judged by.

        Args:
            place: latitude and longitude, in degrees.
            accuracy_m: radius of the circle that holds the true place with 68 % probability.
            timestamp_ms: when it was measured, in milliseconds.
            now_ms: the present; None: it is not known, and nothing is of the future.
        """
        if now_ms is not None and timestamp_ms > now_ms + 1000 * self._limits.max_ahead_s:
            return Reason.FUTURE
        if accuracy_m > self._limits.max_accuracy_m:
            return Reason.INACCURATE
        point = _Point(place, accuracy_m, timestamp_ms)
        if self._taken is not None:
            if timestamp_ms <= self._taken.timestamp_ms:
                return Reason.LATE
            if self._is_too_fast(self._taken, point) and not self._is_agreed(point):
                return Reason.TOO_FAST
        self._taken = point
        self._doubtful.clear()
        return None

    def _is_agreed(self, point: _Point) -> bool:
        last = self._doubtful[-1] if self._doubtful else None
        if last is not None and (last.timestamp_ms >= point.timestamp_ms or self._is_too_fast(last, point)):
            self._doubtful.clear()
        self._doubtful.append(point)
        return len(self._doubtful) >= _AGREE

    def _is_too_fast(self, earlier: _Point, later: _Point) -> bool:
        """Even the shortest way between the two circles takes more speed than there is."""
        way_m = distance_m(earlier.place, later.place) - earlier.accuracy_m - later.accuracy_m
        return way_m * 1000 > self._limits.max_speed_mps * (later.timestamp_ms - earlier.timestamp_ms)
