"""Makes tracks/tram.gpx: a tram ride that nobody took.

    python data/make_track.py [output.gpx]

The line runs from Majorstuen to Jernbanetorget in Oslo along made-up corners near the real streets; stops, traffic
lights and speeds are drawn from a fixed seed, so the file is the same at every run. Motion: even acceleration and
braking at 1 m/s², a usual comfort limit for trams, and 40 km/h at most. The position error is a correlated random
walk of some metres that rests while the tram stands.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import accumulate, pairwise
from pathlib import Path

from realtime.utils.geo import LatLon, bearing_deg, destination, distance_m, interpolate

START = datetime(2025, 5, 2, 7, 42, tzinfo=UTC)
SEED = 12
EVERY_S = 3
STEP_S = 0.5
ACCELERATION = 1.0  # metres per second squared
DWELL_S = (14, 24)  # at a stop
RED_LIGHT_S = (8, 20)
CRUISE_MPS = (8.0, 11.1)

# (latitude, longitude, what is there): the tram halts at stops, and at lights when they are red.
LINE: list[tuple[float, float, str]] = [
    (59.92960, 10.71480, "stop"),
    (59.92890, 10.71770, ""),
    (59.92740, 10.72120, "light"),
    (59.92660, 10.72360, "stop"),
    (59.92520, 10.72580, ""),
    (59.92330, 10.72730, "stop"),
    (59.92150, 10.72930, "light"),
    (59.91980, 10.73140, ""),
    (59.91890, 10.73350, "stop"),
    (59.91790, 10.73610, ""),
    (59.91690, 10.73790, "stop"),
    (59.91610, 10.74080, "light"),
    (59.91560, 10.74250, "stop"),
    (59.91420, 10.74350, ""),
    (59.91310, 10.74530, "stop"),
    (59.91240, 10.74730, "light"),
    (59.91200, 10.74920, ""),
    (59.91160, 10.75080, "stop"),
]


def halts(rng: random.Random) -> list[tuple[float, float]]:
    """(metres from the start, seconds of standing) for every halt of this ride."""
    places = [(latitude, longitude) for latitude, longitude, _ in LINE]
    metres = accumulate((distance_m(a, b) for a, b in pairwise(places)), initial=0.0)
    found = []
    for at_m, (_, _, what) in zip(metres, LINE, strict=True):
        if what == "stop":
            found.append((at_m, rng.uniform(*DWELL_S)))
        elif what == "light" and rng.random() < 0.6:
            found.append((at_m, rng.uniform(*RED_LIGHT_S)))
    return found


def ride(rng: random.Random) -> Iterator[tuple[float, bool]]:
    """(metres from the start, whether the tram stands), every STEP_S."""
    stops = halts(rng)
    for (start_m, stand_s), (end_m, _) in pairwise(stops):
        yield from ((start_m, True) for _ in range(round(stand_s / STEP_S)))
        cruise, speed, at_m = rng.uniform(*CRUISE_MPS), 0.0, start_m
        while end_m - at_m > 0.5:
            braking = math.sqrt(2 * ACCELERATION * (end_m - at_m))
            speed = max(1.0, min(speed + ACCELERATION * STEP_S, cruise, braking))
            at_m = min(end_m, at_m + speed * STEP_S)
            yield at_m, False
    last_m, stand_s = stops[-1]
    yield from ((last_m, True) for _ in range(round(stand_s / STEP_S)))


def place(at_m: float) -> LatLon:
    """The point of the line that many metres from its start."""
    for a, b in pairwise((latitude, longitude) for latitude, longitude, _ in LINE):
        leg_m = distance_m(a, b)
        if at_m <= leg_m:
            return interpolate(a, b, at_m / leg_m)
        at_m -= leg_m
    return LINE[-1][0], LINE[-1][1]


def track(rng: random.Random) -> Iterator[tuple[float, LatLon]]:
    """(seconds from the start, measured place), every EVERY_S."""
    error_east = error_north = 0.0
    for step, (at_m, stands) in enumerate(ride(rng)):
        if not stands:
            error_east = 0.98 * error_east + rng.gauss(0, 0.3)
            error_north = 0.98 * error_north + rng.gauss(0, 0.3)
        if (step * STEP_S) % EVERY_S == 0:
            error_m = math.hypot(error_east, error_north)
            towards = bearing_deg((0.0, 0.0), (error_north, error_east))
            yield step * STEP_S, destination(place(at_m), towards, error_m)


def gpx(points: Iterator[tuple[float, LatLon]]) -> str:
    """The GPX 1.1 document."""
    rows = "\n".join(
        f'<trkpt lat="{latitude:.6f}" lon="{longitude:.6f}"><time>{START + timedelta(seconds=at_s):%Y-%m-%dT%H:%M:%SZ}'
        "</time></trkpt>"
        for at_s, (latitude, longitude) in points
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="realtime-lab data/make_track.py" xmlns="http://www.topografix.com/GPX/1/1">
<metadata><name>Tram ride</name><desc>Synthetic: made by data/make_track.py of realtime-lab; nobody took this ride.\
 Licence BSD-3-Clause, as the project.</desc><time>{START:%Y-%m-%dT%H:%M:%SZ}</time></metadata>
<trk><name>Majorstuen - Jernbanetorget</name><type>tram</type><trkseg>
{rows}
</trkseg></trk>
</gpx>
"""


if __name__ == "__main__":
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "tracks" / "tram.gpx"
    output.write_bytes(gpx(track(random.Random(SEED))).encode())
