"""GPX tracks as traces: where somebody was, and nothing about the network."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import Trace, TraceError, TracePoint
from realtime.network.units import NS

if TYPE_CHECKING:
    from gpxpy.gpx import GPX, GPXTrackPoint

_POINT = re.compile(r"<(?:\w+:)?trkpt\b[^>]*>")
_NO_MARKUP = re.compile(r"<!--.*?-->|<!\[CDATA\[.*?\]\]>", re.DOTALL)
_COORDINATES = (("latitude", "lat", 90), ("longitude", "lon", 180))
_LINE = re.compile(r"line (\d+)")


def load_gpx_track(path: Path | str) -> Trace:
    """The positions of all track segments of a GPX file, 1.0 or 1.1, that have times. Needs ``gpxpy``.

    Raises:
        TraceError: the file is damaged, or has no track with times.
        OSError: it cannot be read.
        ImportError: ``gpxpy`` is not installed.
    """
    file = TraceFile(path, "a GPX track with times")
    lines = _check_places(file)
    gpx = _parse(file)
    points = [
        (point, any(other.time for other in segment.points))
        for track in gpx.tracks
        for segment in track.segments
        for point in segment.points
    ]
    if len(points) != len(lines):  # gpxpy knows no prefixes
        count = "none" if not points else f"only {len(points)}"
        expected = "<trkpt> inside of <trkseg>, without a prefix"
        raise file.error(lines[0] if lines else 1, f"{count} of the {len(lines)} points can be read", expected=expected)
    positions: list[TracePoint] = []
    start: datetime | None = None
    line = 1
    for line, (point, is_recorded) in zip(lines, points, strict=True):
        if not is_recorded:  # a planned way
            continue
        if point.time is None:
            raise file.error(line, "a point without a time that can be read")
        moment = point.time if point.time.tzinfo else point.time.replace(tzinfo=UTC)  # which GPX has everywhere
        start = start or moment
        at_ns = round((moment - start).total_seconds() * NS)
        file.check_rises(line, at_ns, positions[-1].t_ns if positions else None)
        positions.append(TracePoint(at_ns, point.latitude, point.longitude, _speed(file, line, point)))
    if not positions:
        raise file.error(1, "there is no track with times")
    if len(positions) == 1:
        raise file.error(line, "a single point has no length", expected="two points with times at least")
    recorded = (track for track in gpx.tracks if any(point.time for point in track.walk(only_points=True)))
    name = next((track.name for track in recorded if track.name), file.path.stem)
    return Trace(name, str(path), positions[-1].t_ns, positions=tuple(positions))


def _check_places(file: TraceFile) -> list[int]:
    """The line of each point, once its coordinates have been found good: gpxpy tells no lines."""
    text = _NO_MARKUP.sub(lambda found: "\n" * found[0].count("\n"), file.text)
    lines = []
    line, seen = 1, 0
    for found in _POINT.finditer(text):
        line += text.count("\n", seen, found.start())
        seen = found.start()
        for what, key, most in _COORDINATES:
            value = re.search(rf"""\b{key}\s*=\s*["']([^"']*)["']""", found[0])
            if value is None:
                raise file.error(line, f"a point without a {what}")
            file.number(line, value[1], f"the {what}", least=-most, most=most)
        lines.append(line)
    return lines


def _parse(file: TraceFile) -> GPX:
    try:
        import gpxpy
        import gpxpy.gpx
    except ImportError as error:
        raise ImportError("reading GPX tracks needs gpxpy: pip install 'realtime-lab[geo]'") from error
    try:
        return gpxpy.parse(file.text)
    except gpxpy.gpx.GPXException as error:
        raise _no_xml(file, str(error)) from error


def _no_xml(file: TraceFile, words: str) -> TraceError:
    found = _LINE.search(words)
    return file.error(int(found[1]) if found else 1, f"no XML: {words.removeprefix('Error parsing XML: ')}")


def _speed(file: TraceFile, line: int, point: GPXTrackPoint) -> float | None:
    return None if point.speed is None else file.number(line, f"{point.speed!r}", "the speed", least=0)
