"""Positions rounded for privacy (pure).

They snap to a grid. Noise would not do: who hears a hundred noisy fixes of one place knows the place.
"""

from __future__ import annotations

import math

from realtime.location.fix import Fix
from realtime.utils.geo import EARTH_RADIUS_M

_METRES_PER_DEGREE = math.radians(1) * EARTH_RADIUS_M


def check_precision(precision_m: float) -> None:
    """Refuse what is no size of a grid's cell.

    Raises:
        ValueError: it is not above zero, or not finite.
    """
    if not 0 < precision_m < math.inf:
        raise ValueError(f"precision_m must be a number of metres above zero, not {precision_m}")


def rounded(fix: Fix, precision_m: float) -> Fix:
    """The fix in the middle of its cell of a fixed grid, with the accuracy that it then has.

    Speed and heading are left out, for they would tell the way within the cell.

    Args:
        fix: the exact one.
        precision_m: the cell's side, in metres.

    Raises:
        ValueError: ``precision_m`` is not above zero, or not finite.
    """
    check_precision(precision_m)
    step = precision_m / _METRES_PER_DEGREE
    latitude = max(-90.0, min(90.0, round(fix.latitude / step) * step))
    # The columns of a row: as many whole ones as go around the parallel, so that the grid closes at 180 degrees.
    columns = max(1, math.ceil(360 / step * math.cos(math.radians(latitude))))
    longitude = round((fix.longitude % 360) / 360 * columns) % columns * 360 / columns
    return Fix(
        latitude=latitude,
        longitude=longitude - 360 if longitude > 180 else longitude,
        accuracy_m=fix.accuracy_m + precision_m / math.sqrt(2),
        timestamp_ms=fix.timestamp_ms,
    )
