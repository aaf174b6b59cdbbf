"""Makes basemap/oslo-centre.geojson: a simplified, invented city around the tram ride, for maps without internet.

    python data/make_basemap.py [output.geojson]

Shore, parks, river and the tram's corners lie near the real ones of Oslo, drawn by hand; the street grid is drawn from
a fixed seed, so the file is the same at every run. It is for looking at a moving marker, not for finding one's way.
Each feature has a ``kind``: water, park, river, street, avenue, rail, tram, stop or label (with a ``name``).
"""

from __future__ import annotations

import json
import math
import random
import sys
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from make_track import LINE

Point = tuple[float, float]  # metres east and north of the centre

SEED = 17
CENTRE = (59.9195, 10.7360)
METRES_PER_DEGREE = 111_320.0
REACH_M = 2600  # streets end here
GRID_HEADING_DEG = 128  # the tram's general direction
STEP_M = 60

# Corners as (latitude, longitude).
WATER = [
    *((59.9118, 10.6700), (59.9103, 10.6900), (59.9092, 10.7050), (59.9085, 10.7150), (59.9090, 10.7215)),
    *((59.9110, 10.7262), (59.9116, 10.7300), (59.9100, 10.7330), (59.9070, 10.7345), (59.9048, 10.7362)),
    *((59.9050, 10.7400), (59.9068, 10.7430), (59.9072, 10.7480), (59.9082, 10.7520), (59.9078, 10.7565)),
    *((59.9050, 10.7580), (59.9010, 10.7560), (59.8960, 10.7585), (59.8900, 10.7640), (59.8800, 10.7660)),
    *((59.8700, 10.7600), (59.8700, 10.6600)),
]
PARKS = {
    "Palace park": (59.9168, 10.7258, 250, 205, 20),  # centre, half axes in metres, heading of the first axis
    "Hill park": (59.9272, 10.7432, 280, 170, 150),
    "West park": (59.9262, 10.7010, 520, 330, 60),
    "Old cemetery": (59.9207, 10.7462, 210, 120, 130),
    "Gardens": (59.9178, 10.7705, 260, 210, 10),
    "Fortress": (59.9074, 10.7372, 170, 90, 5),
}
RIVER = [
    *((59.9480, 10.7640), (59.9400, 10.7575), (59.9345, 10.7548), (59.9300, 10.7528), (59.9262, 10.7545)),
    *((59.9222, 10.7527), (59.9186, 10.7560), (59.9150, 10.7592), (59.9118, 10.7580), (59.9080, 10.7550)),
]
RAIL = [(59.9120, 10.7540), (59.9098, 10.7620), (59.9075, 10.7720), (59.9050, 10.7900), (59.9035, 10.8100)]
LABELS = {"Fjord": (59.9030, 10.7255), "Palace park": (59.9168, 10.7258), "Hill park": (59.9272, 10.7432)}
LABELS |= {"West park": (59.9262, 10.7010), "Fortress": (59.9074, 10.7372)}


def metres(latitude: float, longitude: float) -> Point:
    """Degrees to metres; flat, which is good to a few metres over this city."""
    east = (longitude - CENTRE[1]) * METRES_PER_DEGREE * math.cos(math.radians(CENTRE[0]))
    return east, (latitude - CENTRE[0]) * METRES_PER_DEGREE


def degrees(points: Iterable[Point]) -> list[list[float]]:
    """Metres to GeoJSON's [longitude, latitude], to about a metre."""
    scale = METRES_PER_DEGREE * math.cos(math.radians(CENTRE[0]))
    return [[round(CENTRE[1] + x / scale, 5), round(CENTRE[0] + y / METRES_PER_DEGREE, 5)] for x, y in points]


def rounded(corners: list[Point], *, closed: bool, times: int = 3) -> list[Point]:
    """The same line with its corners cut, again and again (Chaikin's curve)."""
    for _ in range(times):
        pairs = list(zip(corners, corners[1:] + corners[:1] if closed else corners[1:], strict=False))
        cut = [
            (ax + (bx - ax) * share, ay + (by - ay) * share) for (ax, ay), (bx, by) in pairs for share in (0.25, 0.75)
        ]
        corners = cut if closed else [corners[0], *cut[1:-1], corners[-1]]
    return corners


def park(latitude: float, longitude: float, long_m: float, short_m: float, heading: float) -> list[Point]:
    """A rounded block with its corners cut."""
    east, north = metres(latitude, longitude)
    turn = math.radians(90 - heading)
    corners = [(-1, -0.7), (-0.8, -1), (0.75, -1), (1, -0.6), (0.95, 0.8), (0.7, 1), (-0.85, 0.95), (-1, 0.6)]
    return rounded(
        [
            (
                east + a * long_m * math.cos(turn) - b * short_m * math.sin(turn),
                north + a * long_m * math.sin(turn) + b * short_m * math.cos(turn),
            )
            for a, b in corners
        ],
        closed=True,
        times=2,
    )


def inside(point: Point, ring: list[Point]) -> bool:
    """Whether a point is inside of a ring (even-odd rule)."""
    x, y = point
    crossings = 0
    for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1], strict=True):
        crossings += (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay)
    return crossings % 2 == 1


def streets(rng: random.Random, closed_to_cars: list[list[Point]]) -> Iterator[tuple[str, list[Point]]]:
    """(kind, points) of two families of bent, nearly parallel streets, interrupted by parks and water."""
    for turn, spacing in ((0, (95, 150)), (90, (120, 210))):
        along = math.radians(90 - GRID_HEADING_DEG - turn)
        bend, phase = rng.uniform(60, 110), rng.uniform(0, 6)
        offset, number = -REACH_M, 0
        while offset < REACH_M:
            number += 1
            avenue = number % 5 == 0
            start = -REACH_M if avenue else rng.uniform(-REACH_M, REACH_M * 0.2)
            end = REACH_M if avenue else start + rng.uniform(900, 3600)
            steps = range(int((min(end, REACH_M) - start) / STEP_M))
            line = []
            for step in steps:
                s = start + step * STEP_M
                t = offset + bend * math.sin(s / 900 + phase + offset / 1500)
                line.append((s * math.cos(along) - t * math.sin(along), s * math.sin(along) + t * math.cos(along)))
            for open_to_cars, part in groupby(line, lambda p: not any(inside(p, ring) for ring in closed_to_cars)):
                points = list(part)
                if open_to_cars and len(points) > 2:
                    yield ("avenue" if avenue else "street"), [*points[:-1:3], points[-1]]
            offset += rng.uniform(*spacing)


def feature(kind: str, geometry: str, coordinates: Any, **properties: str) -> dict[str, Any]:
    """One GeoJSON feature."""
    shape = {"type": geometry, "coordinates": coordinates}
    return {"type": "Feature", "properties": {"kind": kind, **properties}, "geometry": shape}


def features(rng: random.Random) -> Iterator[dict[str, Any]]:
    """Everything, in the order in which it is painted."""
    water = rounded([metres(*corner) for corner in WATER], closed=True)
    parks = {name: park(*shape) for name, shape in PARKS.items()}
    for name, ring in parks.items():
        yield feature("park", "Polygon", [degrees([*ring, ring[0]])], name=name)
    yield feature("water", "Polygon", [degrees([*water, water[0]])], name="Fjord")
    river = rounded([metres(*corner) for corner in RIVER], closed=False)
    yield feature("river", "LineString", degrees(river))
    found = sorted(streets(rng, [water, *parks.values()]), key=lambda street: street[0], reverse=True)
    for kind, line in found:
        yield feature(kind, "LineString", degrees(line))
    yield feature("rail", "LineString", degrees(rounded([metres(*corner) for corner in RAIL], closed=False)))
    corners = [metres(latitude, longitude) for latitude, longitude, _ in LINE]
    yield feature("tram", "LineString", degrees(corners))
    for latitude, longitude, what in LINE:
        if what == "stop":
            yield feature("stop", "Point", [longitude, latitude])
    for name, (latitude, longitude) in LABELS.items():
        yield feature("label", "Point", [longitude, latitude], name=name)


def geojson(rng: random.Random) -> str:
    """The document, one feature a line."""
    rows = ",\n".join(json.dumps(found, separators=(",", ":")) for found in features(rng))
    return f'{{"type":"FeatureCollection","features":[\n{rows}\n]}}\n'


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "basemap" / "oslo-centre.geojson"
    output.write_bytes(geojson(random.Random(SEED)).encode())
