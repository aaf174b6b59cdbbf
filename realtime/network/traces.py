"""Traces: what an access link was like over time, and where that was, from files in several forms.

    trace = load_trace("tram.gpx")

A file's content tells its form. A damaged file is refused with a :exc:`TraceError` that names file and line.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from realtime.network.trace_drive_test import load_drive_test
from realtime.network.trace_file import TraceFile
from realtime.network.trace_ghent import load_ghent
from realtime.network.trace_gpx import load_gpx_track
from realtime.network.trace_handovers import load_handovers
from realtime.network.trace_mahimahi import load_mahimahi
from realtime.network.trace_model import StepSeries, Trace, TraceError, TracePoint
from realtime.network.trace_throughput import SEPARATOR, load_throughput_log

__all__ = [
    "StepSeries",
    "Trace",
    "TraceError",
    "TracePoint",
    "load_drive_test",
    "load_ghent",
    "load_gpx_track",
    "load_handovers",
    "load_mahimahi",
    "load_throughput_log",
    "load_trace",
]

_FORMS = (
    "a trace: mahimahi (milliseconds, one to a line), a throughput log (seconds and Mbit/s), a Ghent log (six columns),"
    " a drive test or hand-overs (tables with a header), or GPX"
)
_BY_COLUMN: dict[str, Callable[[Path], Trace]] = {"DL_bitrate": load_drive_test, "handover type": load_handovers}
_BY_COUNT: dict[int, Callable[[Path], Trace]] = {2: load_throughput_log, 6: load_ghent}


def load_trace(path: Path | str) -> Trace:
    """The trace of a file, whatever its form. Of a mahimahi pair ``x.down`` and ``x.up`` either path brings both.

    Raises:
        TraceError: the file is damaged or no trace.
        OSError: it cannot be read.
        ImportError: it is GPX, and ``gpxpy`` is not installed.
    """
    path = Path(path)
    file = TraceFile(path, _FORMS)
    line, first = next(((line, text) for line, text in file if not text.startswith("#")), next(iter(file)))
    if first.startswith("<"):
        return load_gpx_track(path)
    for column, load in _BY_COLUMN.items():
        if column in first:
            return load(path)
    columns = SEPARATOR.split(first)
    if columns[0].lstrip("+-.")[:1].isdigit():
        if len(columns) == 1:
            return _mahimahi(path)
        if len(columns) in _BY_COUNT:
            return _BY_COUNT[len(columns)](path)
    shown = first if len(first) <= 40 else f"{first[:40]}…"
    raise file.error(line, f"{shown!r} is the beginning of no known trace")


def _mahimahi(path: Path) -> Trace:
    down, up = path.with_suffix(".down"), path.with_suffix(".up")
    if path.suffix not in (".down", ".up"):
        return load_mahimahi(path)
    return load_mahimahi(down if down.exists() else None, up if up.exists() else None)
