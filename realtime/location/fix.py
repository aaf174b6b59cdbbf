"""Where someone is: a fix, and what is known of everybody's."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from realtime.utils.geo import LatLon, check_position


class Fix(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of a position.

    Args:
        latitude: degrees, WGS 84, -90 to 90.
        longitude: degrees, -180 to 180.
        accuracy_m: radius of the circle that holds the true position with 68 % probability.
        timestamp_ms: when it was measured, by the wall clock of the device: milliseconds since the Unix epoch.
        speed_mps: over ground, metres per second; None if unknown.
        heading_deg: direction of travel, clockwise from north, 0 to 360; None if unknown.

    Raises:
        ValueError: a value is outside of its range.
    """

    latitude: float
    longitude: float
    accuracy_m: float
    timestamp_ms: int
    speed_mps: float | None = None
    heading_deg: float | None = None

    def __post_init__(self) -> None:
        check_position(self.latitude, self.longitude)
        if not self.accuracy_m >= 0:
            raise ValueError(f"accuracy_m must be at least 0, got {self.accuracy_m}")

    @property
    def position(self) -> LatLon:
        """Latitude and longitude."""
        return self.latitude, self.longitude

    def to_wire(self) -> dict[str, Any]:
        """The form in which it travels; what is unknown is left out."""
        wire: dict[str, Any] = {
            "latitude": self.latitude,
            "longitude": self.longitude,
            "accuracy": self.accuracy_m,
            "timestamp": self.timestamp_ms,
        }
        if self.speed_mps is not None:
            wire["speed"] = self.speed_mps
        if self.heading_deg is not None:
            wire["heading"] = self.heading_deg
        return wire

    @classmethod
    def from_wire(cls, wire: object) -> Fix:
        """Read what a peer sent.

        Raises:
            msgspec.ValidationError: naming the field that is missing or wrong.
        """
        read = msgspec.convert(wire, _WireFix)
        return cls(
            latitude=read.latitude,
            longitude=read.longitude,
            accuracy_m=read.accuracy,
            timestamp_ms=read.timestamp,
            speed_mps=read.speed,
            heading_deg=read.heading,
        )


class _WireFix(msgspec.Struct):
    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    accuracy: Annotated[float, Meta(ge=0)]
    timestamp: Annotated[int, Meta(ge=0)]
    speed: Annotated[float, Meta(ge=0)] | None = None
    heading: Annotated[float, Meta(ge=0, le=360)] | None = None


class LocationState(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody's newest fix, and the way there. A snapshot: never changed, only replaced.

    Args:
        fixes: user id → newest fix.
        trails: user id → up to ``trail_length`` newest fixes, oldest first, the newest included.
        trail_length: how many fixes a trail keeps.
    """

    fixes: dict[str, Fix] = {}
    trails: dict[str, tuple[Fix, ...]] = {}
    trail_length: int = 200

    def moved(self, user_id: str, *fixes: Fix) -> LocationState:
        """The state with further fixes, each in its place in the trail; the same object if there is none that is new.

        A fix is known by its time. The newest of all is where the user is.
        """
        before = trail = self.trails.get(user_id, ())
        for fix in fixes:
            if not trail or fix.timestamp_ms > trail[-1].timestamp_ms:
                trail = (*trail, fix)
            elif all(fix.timestamp_ms != known.timestamp_ms for known in trail):
                trail = tuple(sorted((*trail, fix), key=lambda fix: fix.timestamp_ms))
        trail = trail[-self.trail_length :]
        if trail == before:
            return self
        return msgspec.structs.replace(
            self, fixes={**self.fixes, user_id: trail[-1]}, trails={**self.trails, user_id: trail}
        )

    def left(self, user_id: str) -> LocationState:
        """The state without a user; the same object if it has no such user."""
        if user_id not in self.fixes:
            return self
        return msgspec.structs.replace(
            self,
            fixes={other: fix for other, fix in self.fixes.items() if other != user_id},
            trails={other: trail for other, trail in self.trails.items() if other != user_id},
        )

    def __repr__(self) -> str:
        return f"<LocationState {', '.join(sorted(self.fixes)) or 'nobody'}>"
