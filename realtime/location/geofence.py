"""Fences on the map: circles and polygons, and where a way crosses their borders.

Each fence has a plane of its own, in metres around its middle: good to 0.1 % for fences of up to some 100 km.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from realtime.utils.geo import EARTH_RADIUS_M, LatLon, check_position

MAX_FENCE_ID = 200  # characters; the server refuses longer ones
_METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M
_BISECTIONS = 40
"""They leave less than a micrometre of any way on Earth."""

Box = tuple[float, float, float, float]
"""Degrees: west, south, east, north; east may be beyond 180, and west beyond -180."""


class WayThrough(NamedTuple):
    """A straight way that goes through a fence, as fractions of its length.

    Args:
        enters: where it comes in first.
        leaves: where it goes out last.
        depth_m: how deep inside it comes, in metres.
    """

    enters: float
    leaves: float
    depth_m: float


class Fence(Protocol):
    """What a monitor needs of a fence."""

    fence_id: str
    dwell_s: float | None

    @property
    def size_m(self) -> float:
        """How deep one can be inside, in metres."""
        ...

    @property
    def box(self) -> Box:
        """What it lies in."""
        ...

    def depth(self, place: LatLon) -> float:
        """Metres from the border to a place inside; outside, they are negative."""
        ...

    def way_through(self, start: LatLon, end: LatLon) -> WayThrough | None:
        """The part inside of a straight way whose ends are outside; None if there is none."""
        ...

    def border(self, start: LatLon, end: LatLon) -> LatLon:
        """Where the straight way crosses the border, of whose ends one is inside and one is outside."""
        ...


class _Plane:
    """Metres east and north of a place."""

    def __init__(self, origin: LatLon) -> None:
        self._origin = origin
        self._east = _METRES_PER_DEGREE * max(math.cos(math.radians(origin[0])), 1e-9)

    def to(self, place: LatLon) -> tuple[float, float]:
        turn = (place[1] - self._origin[1] + 180) % 360 - 180
        return turn * self._east, (place[0] - self._origin[0]) * _METRES_PER_DEGREE

    def back(self, x: float, y: float) -> LatLon:
        longitude = (self._origin[1] + x / self._east + 180) % 360 - 180
        return self._origin[0] + y / _METRES_PER_DEGREE, longitude


class _Fence(abc.ABC):
    def __init__(self, fence_id: str, middle: LatLon, dwell_s: float | None) -> None:
        if not 0 < len(fence_id) <= MAX_FENCE_ID:
            raise ValueError(f"a fence_id has 1 to {MAX_FENCE_ID} characters, this one has {len(fence_id)}")
        if dwell_s is not None and not 0 < dwell_s < math.inf:
            raise ValueError(f"dwell_s must be a number of seconds above 0, not {dwell_s}")
        check_position(*middle)
        self.fence_id = fence_id
        self.dwell_s = dwell_s
        self._middle = middle
        self._plane = _Plane(middle)

    @abc.abstractmethod
    def _depth(self, x: float, y: float) -> float:
        """Metres from the border to a place of the plane."""

    def depth(self, place: LatLon) -> float:
        """See :class:`Fence`."""
        return self._depth(*self._plane.to(place))

    def border(self, start: LatLon, end: LatLon) -> LatLon:
        """See :class:`Fence`."""
        (ax, ay), (bx, by) = self._plane.to(start), self._plane.to(end)
        starts_inside = self._depth(ax, ay) >= 0
        low, high = 0.0, 1.0
        for _ in range(_BISECTIONS):
            middle = (low + high) / 2
            if (self._depth(ax + middle * (bx - ax), ay + middle * (by - ay)) >= 0) == starts_inside:
                low = middle
            else:
                high = middle
        return self._plane.back(ax + low * (bx - ax), ay + low * (by - ay))

    def _box(self, half_east_m: float, half_north_m: float, middle: tuple[float, float] = (0.0, 0.0)) -> Box:
        latitude, longitude = self._middle
        east = self._plane._east
        west_x, east_x = middle[0] - half_east_m, middle[0] + half_east_m
        south_y, north_y = middle[1] - half_north_m, middle[1] + half_north_m
        return (
            longitude + west_x / east,
            latitude + south_y / _METRES_PER_DEGREE,
            longitude + east_x / east,
            latitude + north_y / _METRES_PER_DEGREE,
        )


class Circle(_Fence):
    """Everything within a distance.

    Args:
        fence_id: 1 to 200 characters.
        centre: latitude and longitude, in degrees.
        radius_m: metres. Phones know where they are to some 5 to 50 m: under 100 m, be prepared for late news.
        dwell_s: who stays inside for so long, in seconds, is told of as dwelling; None: nobody is.

    Raises:
        ValueError: a value makes no sense.
    """

    def __init__(self, fence_id: str, centre: LatLon, *, radius_m: float, dwell_s: float | None = None) -> None:
        super().__init__(fence_id, centre, dwell_s)
        if not 0 < radius_m < math.inf:
            raise ValueError(f"radius_m must be a number of metres above 0, not {radius_m}")
        self.centre = centre
        self.radius_m = radius_m
        self.box = self._box(radius_m, radius_m)

    def __repr__(self) -> str:
        place = f"{self.centre[0]:.4f}, {self.centre[1]:.4f}"
        return f"<Circle {self.fence_id!r} {self.radius_m:.0f} m around {place}>"

    @property
    def size_m(self) -> float:
        """See :class:`Fence`."""
        return self.radius_m

    def _depth(self, x: float, y: float) -> float:
        return self.radius_m - math.hypot(x, y)

    def way_through(self, start: LatLon, end: LatLon) -> WayThrough | None:
        """See :class:`Fence`."""
        (ax, ay), (bx, by) = self._plane.to(start), self._plane.to(end)
        dx, dy = bx - ax, by - ay
        length2 = dx * dx + dy * dy
        if length2 == 0:
            return None
        nearest = -(ax * dx + ay * dy) / length2  # of the way to the centre
        miss = math.hypot(ax + nearest * dx, ay + nearest * dy)
        if not 0 < nearest < 1 or miss >= self.radius_m:
            return None
        half = math.sqrt((self.radius_m**2 - miss**2) / length2)
        return WayThrough(max(0.0, nearest - half), min(1.0, nearest + half), self.radius_m - miss)


class Polygon(_Fence):
    """Everything within a border of straight lines. Needs ``shapely``.

    Args:
        fence_id: 1 to 200 characters.
        corners: at least three places, latitude and longitude in degrees, in their order; the last one need not
            repeat the first.
        dwell_s: as of :class:`Circle`.

    Raises:
        ValueError: a value makes no sense, or the border crosses itself.
        ImportError: ``shapely`` is not installed.
    """

    def __init__(self, fence_id: str, corners: Sequence[LatLon], *, dwell_s: float | None = None) -> None:
        shapely = shapely_module()
        if len(corners) < 3:
            raise ValueError(f"a polygon has at least three corners, not {len(corners)}")
        for corner in corners:
            check_position(*corner)
        super().__init__(fence_id, corners[0], dwell_s)
        self.corners = tuple((float(latitude), float(longitude)) for latitude, longitude in corners)
        ring = [self._plane.to(corner) for corner in self.corners]
        self._shapely = shapely
        self._area = shapely.Polygon(ring)
        if self._area.convex_hull.area == 0:
            raise ValueError(f"the polygon {fence_id!r} has no area: its corners lie on a line")
        if not self._area.is_valid:
            raise ValueError(f"the polygon {fence_id!r} crosses itself: {shapely.is_valid_reason(self._area)}")
        self._border = self._area.exterior
        shapely.prepare(self._area)
        shapely.prepare(self._border)
        west, south, east, north = self._area.bounds
        self.box = self._box((east - west) / 2, (north - south) / 2, ((east + west) / 2, (north + south) / 2))
        self._size_m = float(shapely.maximum_inscribed_circle(self._area, tolerance=0.01 * (east - west)).length)

    def __repr__(self) -> str:
        return f"<Polygon {self.fence_id!r} {len(self.corners)} corners>"

    @property
    def size_m(self) -> float:
        """See :class:`Fence`."""
        return self._size_m

    def _depth(self, x: float, y: float) -> float:
        point = self._shapely.Point(x, y)
        metres = float(self._border.distance(point))
        return metres if self._shapely.contains_xy(self._area, x, y) else -metres

    def way_through(self, start: LatLon, end: LatLon) -> WayThrough | None:
        """See :class:`Fence`."""
        way = self._shapely.LineString([self._plane.to(start), self._plane.to(end)])
        inside = self._area.intersection(way)
        if inside.is_empty or inside.length == 0:
            return None
        pieces = [piece for piece in getattr(inside, "geoms", [inside]) if piece.length > 0]
        places = [way.project(self._shapely.Point(xy)) for piece in pieces for xy in piece.coords]
        middles = [piece.interpolate(n / 8, normalized=True) for piece in pieces for n in range(1, 8)]
        deepest = max(float(self._border.distance(middle)) for middle in middles)
        return WayThrough(min(places) / way.length, max(places) / way.length, deepest)


def shapely_module() -> Any:
    """``shapely``.

    Raises:
        ImportError: it is not installed; the message says how to.
    """
    try:
        import shapely
    except ImportError as error:
        raise ImportError("geofences need shapely: pip install 'realtime-lab[geo]'") from error
    return shapely
