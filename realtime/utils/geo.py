"""Positions on the globe, taken as a sphere: good to 0.6 %, which is far below the error of a phone's fix."""

from __future__ import annotations

import math
from typing import TypeAlias

LatLon: TypeAlias = tuple[float, float]
"""Latitude and longitude in degrees, WGS 84."""

EARTH_RADIUS_M = 6_371_008.8  # mean radius R1 of the GRS 80 ellipsoid (IUGG; Moritz 2000)


def check_position(latitude: float, longitude: float) -> None:
    """Refuse what is no place on the globe.

    Raises:
        ValueError: naming the coordinate and its range.
    """
    if not -90 <= latitude <= 90:
        raise ValueError(f"latitude {latitude} is not within -90 and 90 degrees")
    if not -180 <= longitude <= 180:
        raise ValueError(f"longitude {longitude} is not within -180 and 180 degrees")


def distance_m(a: LatLon, b: LatLon) -> float:
    """Metres from ``a`` to ``b`` along the great circle, by the haversine formula."""
    latitude_a, latitude_b = math.radians(a[0]), math.radians(b[0])
    half_latitude = (latitude_b - latitude_a) / 2
    half_longitude = math.radians(b[1] - a[1]) / 2
    h = math.sin(half_latitude) ** 2 + math.cos(latitude_a) * math.cos(latitude_b) * math.sin(half_longitude) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def bearing_deg(a: LatLon, b: LatLon) -> float:
    """Direction in which the way from ``a`` to ``b`` starts: degrees clockwise from north, 0 ≤ bearing < 360."""
    latitude_a, latitude_b = math.radians(a[0]), math.radians(b[0])
    turn = math.radians(b[1] - a[1])
    east = math.sin(turn) * math.cos(latitude_b)
    north = math.cos(latitude_a) * math.sin(latitude_b) - math.sin(latitude_a) * math.cos(latitude_b) * math.cos(turn)
    degrees = math.degrees(math.atan2(east, north)) % 360
    return degrees if degrees < 360 else 0.0  # a tiny negative angle rounds up to 360


def destination(start: LatLon, bearing: float, metres: float) -> LatLon:
    """Where one arrives after ``metres`` along the great circle that leaves ``start`` at ``bearing`` degrees."""
    angle = metres / EARTH_RADIUS_M
    heading = math.radians(bearing)
    latitude_a = math.radians(start[0])
    sine = math.sin(latitude_a) * math.cos(angle) + math.cos(latitude_a) * math.sin(angle) * math.cos(heading)
    sine = max(-1.0, min(1.0, sine))
    east = math.sin(heading) * math.sin(angle) * math.cos(latitude_a)
    turn = math.atan2(east, math.cos(angle) - math.sin(latitude_a) * sine)
    longitude = (start[1] + math.degrees(turn) + 180) % 360 - 180
    return math.degrees(math.asin(sine)), longitude


def interpolate(a: LatLon, b: LatLon, fraction: float) -> LatLon:
    """The position at ``fraction`` (0 to 1) of the shortest way from ``a`` to ``b``."""
    if fraction <= 0:
        return a
    if fraction >= 1:
        return b
    return destination(a, bearing_deg(a, b), fraction * distance_m(a, b))
