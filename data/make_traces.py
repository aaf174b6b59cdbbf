"""Makes traces/: one small trace in each form that the lab reads, of rides that nobody took.

    python data/make_traces.py [folder]

Rates, losses, hand-overs and ways are drawn from fixed seeds, so the files are the same at every run. Rates are
log-normal around a median, each second like the one before it; gaps in coverage have the lengths that were measured on
commutes (see profiles.toml). Places are those of the tram line of make_track.py, some metres beside it.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from make_track import place, ride

from realtime.utils.geo import LatLon, bearing_deg, destination

START = datetime(2025, 5, 2, 7, 42, tzinfo=UTC)
STEPS_PER_S = 2  # of ride()
PACKET_BITS = 1500 * 8
MEMORY = 0.9  # how much of a second's rate carries over to the next
SPREAD = 0.7  # ln(3148/981)/1.645: the median and the best 5 % of 3G commutes


def rates_kbps(rng: random.Random, median_kbps: float, spread: float = SPREAD) -> Iterator[float]:
    """A rate each second."""
    wave = rng.gauss(0, 1)
    while True:
        yield median_kbps * math.exp(spread * wave)
        wave = MEMORY * wave + math.sqrt(1 - MEMORY**2) * rng.gauss(0, 1)


def covered(rng: random.Random, between_s: float, median_s: float, p90_s: float, max_s: float) -> Iterator[bool]:
    """Whether there is coverage, each second."""
    while True:
        yield from (True for _ in range(round(rng.expovariate(1 / between_s))))
        length_s = median_s * math.exp(math.log(p90_s / median_s) / 1.2816 * rng.gauss(0, 1))
        yield from (False for _ in range(max(1, round(min(length_s, max_s)))))


def fixes(rng: random.Random) -> Iterator[tuple[LatLon, float]]:
    """(where the tram is, its speed in km/h), each second; the error of the fix is like that of the second before."""
    east = north = 0.0
    before_m = 0.0
    for step, (at_m, _) in enumerate(ride(rng)):
        if step % STEPS_PER_S == 0:
            east, north = 0.95 * east + rng.gauss(0, 0.6), 0.95 * north + rng.gauss(0, 0.6)
            bearing = bearing_deg((0.0, 0.0), (north, east))
            yield destination(place(at_m), bearing, math.hypot(east, north)), (at_m - before_m) * 3.6
            before_m = at_m


def mahimahi(rng: random.Random, median_kbps: float, seconds: int) -> str:
    """Delivery opportunities: a Poisson process whose rate changes each second."""
    lines = []
    for second, kbps in enumerate(islice(rates_kbps(rng, median_kbps), seconds)):
        at_ms = rng.expovariate(kbps / PACKET_BITS)
        while at_ms < 1000:
            lines.append(f"{second * 1000 + int(at_ms)}\n")
            at_ms += rng.expovariate(kbps / PACKET_BITS)
    return "".join(lines) + f"{seconds * 1000}\n"


def throughput_log(rng: random.Random, seconds: int) -> str:
    """A 3G commute: seconds and Mbit/s."""
    rows = zip(range(seconds), rates_kbps(rng, 981), covered(rng, 147, 8.1, 37, 1741), strict=False)
    return "".join(f"{second}\t{kbps * has / 1000:.3f}\n" for second, kbps, has in rows)


def ghent(rng: random.Random, seconds: int) -> str:
    """An LTE ride with GPS."""
    lines = []
    at_ms, unix_ms = 0, round(START.timestamp() * 1000)
    found = zip(fixes(rng), rates_kbps(rng, 28_800, 0.4), covered(rng, 109.5, 1, 3, 16), strict=False)
    for ((latitude, longitude), _), kbps, has in islice(found, seconds):
        interval_ms = rng.choice((999, 1000, 1000, 1000, 1001))
        at_ms += interval_ms
        received = round(kbps * has * interval_ms / 8)
        lines.append(f"{unix_ms + at_ms} {at_ms} {latitude:.6f} {longitude:.6f} {received} {interval_ms}\n")
    return "".join(lines)


def drive_test(rng: random.Random, seconds: int) -> str:
    """A 5G drive with GPS, rates both ways and pings, as G-NetTrack writes it; - stands for what is missing."""
    names = "Timestamp,Longitude,Latitude,Speed,Operatorname,CellID,NetworkMode,RSRP,DL_bitrate,UL_bitrate,State"
    lines = [f"{names},PINGAVG,PINGMIN,PINGMAX,PINGSTDEV,PINGLOSS\n"]
    rates = zip(rates_kbps(rng, 60_000), rates_kbps(rng, 8_000), covered(rng, 37.9, 2, 3, 21), strict=False)
    found = islice(zip(fixes(rng), rates, strict=False), seconds)
    cell = 40
    for second, (((latitude, longitude), speed), (down, up, has)) in enumerate(found):
        cell += not has
        fix = f"{longitude:.6f},{latitude:.6f}" if rng.random() < 0.97 else "-,-"
        mode = "5G" if cell % 3 else "LTE"
        ping = "-,-,-,-,-"
        if second % 5 == 0:
            average = 60 + rng.expovariate(1 / 25)
            loss = rng.choice((25, 50)) if rng.random() < 0.072 else 0
            ping = f"{average:.0f},{average * 0.7:.0f},{average * 1.8:.0f},{average * 0.2:.0f},{loss}"
        lines.append(
            f"{START + timedelta(seconds=second):%Y.%m.%d_%H.%M.%S},{fix},{speed:.0f},Lab,{cell},{mode},"
            f"{-85 - rng.expovariate(0.1):.0f},{down * has:.0f},{up * has:.0f},D,{ping}\n"
        )
    return "".join(lines)


def handovers(rng: random.Random, seconds: int) -> str:
    """A drive between 4G and 5G cells; a hand-over each 40 s or so."""
    lines = ["time,avg_power,active interface,handover type\n"]
    radio = 4
    for second in range(seconds):
        kind = "unknown" if second == 0 else ""
        if second and rng.random() < 1 / 40:
            before, radio = radio, rng.choice((4, 5))
            kind = f"{before}t{radio}"
        interface = "4G" if radio == 4 else "NSA 5G"
        lines.append(f"{second}.0,{rng.uniform(0.9, 1.4) + (radio == 5):.3f},{interface},{kind}\n")
    return "".join(lines)


def gpx(rng: random.Random, seconds: int, every_s: int) -> str:
    """A walk: places and times, nothing about the network."""
    points = (point for point, _ in islice(fixes(rng), 0, seconds, every_s))
    rows = "\n".join(
        f'<trkpt lat="{latitude:.6f}" lon="{longitude:.6f}">'
        f"<time>{START + timedelta(seconds=number * every_s):%Y-%m-%dT%H:%M:%SZ}</time></trkpt>"
        for number, (latitude, longitude) in enumerate(points)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="realtime-lab data/make_traces.py" xmlns="http://www.topografix.com/GPX/1/1">
<metadata><desc>Synthetic: made by data/make_traces.py of realtime-lab; nobody went there.</desc></metadata>
<trk><name>Way</name><trkseg>
{rows}
</trkseg></trk>
</gpx>
"""


def files() -> dict[str, str]:
    """All of them by their names; each has a seed of its own, so that one change does not shift the others."""
    return {
        "cell.down": mahimahi(random.Random(21), 300, 300),
        "cell.up": mahimahi(random.Random(22), 120, 300),
        "tram-3g.log": throughput_log(random.Random(23), 600),
        "bus-lte.log": ghent(random.Random(24), 360),
        "drive-5g.csv": drive_test(random.Random(25), 300),
        "handovers.csv": handovers(random.Random(26), 600),
        "way.gpx": gpx(random.Random(27), 480, 5),
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "traces"
    folder.mkdir(exist_ok=True)
    for name, text in files().items():
        (folder / name).write_bytes(text.encode())
