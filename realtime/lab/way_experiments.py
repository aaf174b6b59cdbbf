"""Ways, fences and noise without a network: what throttling, thinning and hysteresis do to a recorded way."""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.fix import Fix
from realtime.location.fix_flow import FixFlow
from realtime.location.geofence import Circle
from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.location.resolution import Resolution
from realtime.location.track import Track
from realtime.utils.geo import EARTH_RADIUS_M, LatLon, destination, distance_m

OSLO: LatLon = (59.9139, 10.7522)
SIGMAS = math.sqrt(-2 * math.log(1 - 0.68))
"""An accuracy, the radius of the circle that holds 68 % of the fixes, in standard deviations of each axis: 1.51."""

_ACK_S = 0.1  # of an update on a good network


class Throttled(NamedTuple):
    """What came of a way: ``mean_m`` and ``most_m`` are from where the marker is to where one really is, in metres."""

    updates: int
    mean_m: float
    most_m: float


class BorderNoise(NamedTuple):
    """Crossings of one who stands on a border: ``naive`` by each fix alone, ``told`` by the monitor."""

    naive: int
    told: int


class Entrance(NamedTuple):
    """How a monitor saw one who walked into a fence; both times are after the true one, in seconds."""

    transitions: tuple[str, ...]
    told_after_s: float
    dated_after_s: float


def recorded(track: Track, *, every_s: float = 1.0, accuracy_m: float = 5.0) -> list[Fix]:
    """The fixes of one who rides a track: exact ones, from 0 s on."""
    fixes = []
    for n in range(math.floor(track.duration_s / every_s) + 1):
        moment = track.at(track.points[0].at_s + n * every_s)
        fix = Fix(
            latitude=moment.latitude,
            longitude=moment.longitude,
            accuracy_m=accuracy_m,
            timestamp_ms=round(1000 * n * every_s),
            speed_mps=moment.speed_mps,
        )
        fixes.append(fix)
    return fixes


def throttled(
    fixes: Sequence[Fix],
    resolution: Resolution,
    *,
    net: NetType = NetType.WIFI,
    battery: BatteryStatus | None = None,
) -> Throttled:
    """Tell others of a way, on a good network.

    Args:
        fixes: in the order of their times.
        resolution: how often.
        net: what the device says of its network.
        battery: and of its battery; None: it is full.
    """
    flow = FixFlow(resolution)
    flow.conditions(net=net, battery=BatteryStatus(1.0, False) if battery is None else battery)
    updates, marker, errors_m = 0, None, []
    for fix in fixes:
        now = fix.timestamp_ms / 1000
        batch = flow.offer(fix, now)
        if batch is not None:
            updates += 1
            marker = batch.fixes[-1]
            flow.acked(batch.number, now + _ACK_S)
        if marker is not None:
            errors_m.append(distance_m(marker.position, fix.position))
    return Throttled(updates, sum(errors_m) / len(errors_m), max(errors_m))


def by_chance(fixes: Sequence[Fix], keep: int, rng: random.Random) -> list[Fix]:
    """Any ``keep`` of the fixes, the first and the last among them, in their order."""
    inner = sorted(rng.sample(range(1, len(fixes) - 1), keep - 2))
    return [fixes[index] for index in (0, *inner, len(fixes) - 1)]


def off_the_way_m(fixes: Sequence[Fix], kept: Sequence[Fix]) -> list[float]:
    """How far each fix is from the straight way between those that were kept before and after it, in metres."""
    times = [fix.timestamp_ms for fix in kept]
    found = []
    for fix in fixes:
        after = min(max(bisect_right(times, fix.timestamp_ms), 1), len(kept) - 1)
        found.append(_from_line_m(fix.position, kept[after - 1].position, kept[after].position))
    return found


def noisy(place: LatLon, accuracy_m: float, at_ms: int, rng: random.Random) -> Fix:
    """A fix of one who is at a place, as far away from it as its accuracy says."""
    sigma_m = accuracy_m / SIGMAS
    north = destination(place, 0, rng.gauss(0, sigma_m))
    latitude, longitude = destination(north, 90, rng.gauss(0, sigma_m))
    return Fix(latitude=latitude, longitude=longitude, accuracy_m=accuracy_m, timestamp_ms=at_ms)


def border_noise(
    *,
    accuracy_m: float,
    hysteresis: float = 2.0,
    radius_m: float = 300.0,
    every_s: float = 5.0,
    length_s: float = 3600.0,
    seed: int = 0,
) -> BorderNoise:
    """Somebody stands on the border of a fence.

    Args:
        accuracy_m: of the fixes, which err by it.
        hysteresis: of the monitor.
        radius_m: of the fence.
        every_s: from one fix to the next.
        length_s: how long.
        seed: of the errors.
    """
    rng = random.Random(seed)
    fence = Circle("fence", OSLO, radius_m=radius_m)
    monitor = GeofenceMonitor([fence], hysteresis=hysteresis)
    place = destination(OSLO, 90, radius_m)
    naive, told, was_inside = 0, 0, False
    for n in range(round(length_s / every_s)):
        fix = noisy(place, accuracy_m, round(1000 * n * every_s), rng)
        told += len(monitor.feed(fix))
        is_inside = fence.depth(fix.position) >= 0
        naive += n > 0 and is_inside != was_inside
        was_inside = is_inside
    return BorderNoise(naive, told)


def entrance(
    *, accuracy_m: float, hysteresis: float = 2.0, speed_mps: float = 1.4, every_s: float = 1.0, seed: int = 0
) -> Entrance:
    """Somebody walks straight to the middle of a fence of 400 m, from 400 m outside.

    Args:
        accuracy_m: of the fixes, which err by it.
        hysteresis: of the monitor.
        speed_mps: metres per second.
        every_s: from one fix to the next.
        seed: of the errors.
    """
    rng, radius_m = random.Random(seed), 400.0
    monitor = GeofenceMonitor([Circle("fence", OSLO, radius_m=radius_m)], hysteresis=hysteresis)
    kinds: list[str] = []
    told_after_s = dated_after_s = math.nan
    crossed_s = radius_m / speed_mps
    for n in range(round(2 * radius_m / speed_mps / every_s)):
        at_s = n * every_s
        place = destination(OSLO, 270, 2 * radius_m - speed_mps * at_s)
        for transition in monitor.feed(noisy(place, accuracy_m, round(1000 * at_s), rng)):
            if not kinds:
                told_after_s, dated_after_s = at_s - crossed_s, transition.at_ms / 1000 - crossed_s
            kinds.append(transition.kind.value)
    return Entrance(tuple(kinds), told_after_s, dated_after_s)


def _from_line_m(place: LatLon, start: LatLon, end: LatLon) -> float:
    """Metres to the nearest place of a straight way, on a plane."""
    (ax, ay), (bx, by), (px, py) = (_plane(each, start) for each in (start, end, place))
    length2 = (bx - ax) ** 2 + (by - ay) ** 2
    share = 0.0 if length2 == 0 else ((px - ax) * (bx - ax) + (py - ay) * (by - ay)) / length2
    share = min(1.0, max(0.0, share))
    return math.hypot(px - ax - share * (bx - ax), py - ay - share * (by - ay))


def _plane(place: LatLon, origin: LatLon) -> tuple[float, float]:
    per_degree = math.radians(1) * EARTH_RADIUS_M
    east = math.cos(math.radians(origin[0])) * ((place[1] - origin[1] + 180) % 360 - 180)
    return per_degree * east, per_degree * (place[0] - origin[0])
