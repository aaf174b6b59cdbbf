"""Fixes per second of one core against thousands of geofences.

``python -m tests.benchmarks.geofences``: half circles, half polygons of 50 to 500 m, in a town of 60 by 60 km through
which a thousand devices drive.
"""

import argparse
import random
import time
from typing import NamedTuple

from realtime.location.fix import Fix
from realtime.location.geofence import Circle, Polygon
from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.utils.geo import destination

GOAL_FIXES_PER_S = 1000
OSLO = (59.9139, 10.7522)
TOWN_M = 30_000


class Figures(NamedTuple):
    """What was measured; ``cpu_s`` is the time of the processor for all fixes."""

    fences: int
    devices: int
    fixes: int
    transitions: int
    cpu_s: float

    @property
    def fixes_per_s(self) -> float:
        """By one core."""
        return self.fixes / self.cpu_s


def somewhere(rng: random.Random) -> tuple[float, float]:
    """A place in the town."""
    north = destination(OSLO, 0, rng.uniform(-TOWN_M, TOWN_M))
    return destination(north, 90, rng.uniform(-TOWN_M, TOWN_M))


def fence(number: int, rng: random.Random) -> Circle | Polygon:
    """A circle, or a polygon of six corners."""
    centre, size_m = somewhere(rng), rng.uniform(50, 500)
    if number % 2:
        return Circle(f"fence {number}", centre, radius_m=size_m)
    corners = [destination(centre, bearing, size_m * rng.uniform(0.7, 1)) for bearing in range(0, 360, 60)]
    return Polygon(f"fence {number}", corners)


def ways(devices: int, fixes: int, rng: random.Random) -> list[tuple[int, Fix]]:
    """A fix of each device in turn, five seconds after its last one, 14 m/s farther on."""
    places = [(somewhere(rng), rng.uniform(0, 360)) for _ in range(devices)]
    told = []
    for number in range(fixes):
        device, turn = number % devices, number // devices
        place, bearing = places[device]
        place = destination(place, bearing, 70)
        places[device] = place, bearing + rng.gauss(0, 10)
        told.append((device, Fix(latitude=place[0], longitude=place[1], accuracy_m=8.0, timestamp_ms=5000 * turn)))
    return told


def run(*, fences: int, devices: int, fixes: int, seed: int) -> Figures:
    """Build the town, then measure; the index is built before."""
    rng = random.Random(seed)
    monitor = GeofenceMonitor(fence(number, rng) for number in range(fences))
    told = ways(devices, fixes, rng)
    monitor.feed(told[0][1], "the first one")
    start_s = time.process_time()
    transitions = sum(len(monitor.feed(fix, device)) for device, fix in told)
    return Figures(fences, devices, fixes, transitions, time.process_time() - start_s)


def table(measured: list[Figures]) -> str:
    """The figures, and what is left."""
    lines = ["geofences, one core"]
    for each in measured:
        lines.append(
            f"{each.fences:8,} fences {each.devices:6,} devices {each.fixes_per_s:8,.0f} fixes/s "
            f"({1e6 * each.cpu_s / each.fixes:.0f} µs each, {each.transitions:,} crossings): "
            f"{each.fixes_per_s / GOAL_FIXES_PER_S:.1f} times the goal of {GOAL_FIXES_PER_S:,}"
        )
    return "\n".join(lines)


def bench(*, fixes: int = 20_000) -> list[Figures]:
    """A tenth of the fences, and all of them."""
    return [run(fences=fences, devices=1000, fixes=fixes, seed=1) for fences in (1000, 10_000)]


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.geofences")
    parser.add_argument("--fixes", type=int, default=20_000)
    print(table(bench(fixes=parser.parse_args().fixes)))


if __name__ == "__main__":
    main()
