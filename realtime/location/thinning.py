"""Fewer fixes, the same way: those go first that change its shape least (pure).

Visvalingam and Whyatt, "Line generalisation by repeated elimination of points", The Cartographic Journal 30 (1993):
of three neighbours the one in the middle weighs what the triangle's area is.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from realtime.location.fix import Fix
from realtime.utils.geo import EARTH_RADIUS_M

_METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M


def thinned(fixes: Sequence[Fix], keep: int) -> list[Fix]:
    """The ``keep`` fixes that show best which way ``fixes`` went; the first and the last are always among them.

    Args:
        fixes: in the order of their times.
        keep: how many, at least 2.

    Raises:
        ValueError: ``keep`` is too small.
    """
    if keep < 2:
        raise ValueError(f"keep must be at least 2, the first and the last, not {keep}")
    if len(fixes) <= keep:
        return list(fixes)
    points = _projected(fixes)
    before = list(range(-1, len(fixes) - 1))
    after = list(range(1, len(fixes) + 1))
    areas = [math.inf] * len(fixes)
    heap: list[tuple[float, int]] = []

    def weigh(index: int, at_least: float) -> None:
        areas[index] = max(_area(points[before[index]], points[index], points[after[index]]), at_least)
        heapq.heappush(heap, (areas[index], index))

    last = len(fixes) - 1
    for index in range(1, last):
        weigh(index, 0.0)
    left = len(fixes)
    while left > keep:
        area, index = heapq.heappop(heap)
        if area != areas[index]:
            continue  # it was weighed anew
        areas[index] = math.nan
        left -= 1
        earlier, later = before[index], after[index]
        after[earlier], before[later] = later, earlier
        for neighbour in (earlier, later):
            if 0 < neighbour < last:
                weigh(neighbour, area)  # never lighter than what went before it
    return [fix for fix, area in zip(fixes, areas, strict=True) if not math.isnan(area)]


def _projected(fixes: Sequence[Fix]) -> list[tuple[float, float]]:
    """Metres east and north of the first fix, in the sinusoidal projection: it keeps areas as they are."""
    first = fixes[0]
    return [
        (
            _METRES_PER_DEGREE
            * ((fix.longitude - first.longitude + 180) % 360 - 180)
            * math.cos(math.radians(fix.latitude)),
            _METRES_PER_DEGREE * (fix.latitude - first.latitude),
        )
        for fix in fixes
    ]


def _area(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2
