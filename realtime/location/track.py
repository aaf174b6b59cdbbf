"""Recorded ways: where someone was at any moment of a track."""

from __future__ import annotations

import math
from bisect import bisect_right
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from realtime.utils.geo import bearing_deg, check_position, distance_m, interpolate


class TrackPoint(NamedTuple):
    """A place, ``at_s`` seconds after the start. Degrees, WGS 84."""

    at_s: float
    latitude: float
    longitude: float


class Moment(NamedTuple):
    """Where one is and how one moves. ``heading_deg`` is None where one stands."""

    latitude: float
    longitude: float
    speed_mps: float
    heading_deg: float | None


class Track:
    """A way through space and time, straight and even between its points.

    Args:
        points: at least two, in the order of their times, no two at the same time.

    Raises:
        ValueError: the times do not rise, or a place is not on the globe.
    """

    def __init__(self, points: tuple[TrackPoint, ...]) -> None:
        if len(points) < 2:
            raise ValueError(f"a track needs at least two points, got {len(points)}")
        for point in points:
            check_position(point.latitude, point.longitude)
        for earlier, later in pairwise(points):
            if later.at_s <= earlier.at_s:
                raise ValueError(f"the times of a track must rise, but {later.at_s} s follows {earlier.at_s} s")
        self.points = points
        self._times = [point.at_s for point in points]

    def __repr__(self) -> str:
        return f"<Track {len(self.points)} points, {self.duration_s:.0f} s, {self.length_m:.0f} m>"

    @property
    def duration_s(self) -> float:
        """Time from the first point to the last, in seconds."""
        return self.points[-1].at_s - self.points[0].at_s

    @property
    def length_m(self) -> float:
        """Length of the way, in metres."""
        return math.fsum(distance_m(a[1:], b[1:]) for a, b in pairwise(self.points))

    def at(self, at_s: float) -> Moment:
        """The place and motion ``at_s`` seconds after the start; before and after the track, at its ends."""
        index = max(bisect_right(self._times, at_s), 1)
        if index == len(self.points):
            _, latitude, longitude = self.points[-1]
            return Moment(latitude, longitude, 0.0, None)
        (start_s, *start), (end_s, *end) = self.points[index - 1], self.points[index]
        a, b = (start[0], start[1]), (end[0], end[1])
        metres = distance_m(a, b)
        place = interpolate(a, b, (at_s - start_s) / (end_s - start_s))
        return Moment(*place, metres / (end_s - start_s), bearing_deg(a, b) if metres > 0 else None)


def read_gpx(path: str | Path) -> Track:
    """Read all track segments of a GPX file as one track, from its first moment. Needs ``gpxpy``.

    Raises:
        ImportError: ``gpxpy`` is not installed.
        FileNotFoundError: there is no such file.
        ValueError: the file is no GPX, or has no track with times.
    """
    try:
        import gpxpy
        import gpxpy.gpx
    except ImportError as error:
        raise ImportError("reading GPX tracks needs gpxpy: pip install 'realtime-lab[geo]'") from error
    path = Path(path)
    try:
        gpx = gpxpy.parse(path.read_text(encoding="utf-8"))
    except gpxpy.gpx.GPXException as error:
        raise ValueError(f"{path} is no readable GPX file: {error}") from error
    recorded = list(gpx.walk(only_points=True))
    timed = [point for point in recorded if point.time is not None]
    if recorded and not timed:
        raise ValueError(f"{path} has no times; only a recorded track can be followed, not a planned route")
    points: list[TrackPoint] = []
    for point in timed:
        at_s = (point.time - timed[0].time).total_seconds()
        if not points or at_s > points[-1].at_s:
            points.append(TrackPoint(at_s, point.latitude, point.longitude))
    try:
        return Track(tuple(points))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
