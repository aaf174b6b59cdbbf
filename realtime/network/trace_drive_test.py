"""Drive-test tables with GPS, as the app G-NetTrack writes them: one row a second."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import StepSeries, Trace, TracePoint
from realtime.network.units import MS, NS

_NEEDED = ("Timestamp", "Longitude", "Latitude", "Speed", "DL_bitrate", "UL_bitrate")
_FORM = "%Y.%m.%d_%H.%M.%S"
_MISSING = ("", "-")
_MOST = 1e9  # kbit/s or ms: more is damage
_Value = TypeVar("_Value", int, float)


def load_drive_test(path: Path | str) -> Trace:
    """Rates both ways, delay, loss and positions of a drive; ``-`` stands for what is missing.

    DL_bitrate and UL_bitrate are kbit/s, Speed is km/h. Half of PINGAVG (ms) is the delay of each direction; of
    PINGLOSS (%) each direction has so much that a ping and its answer get lost as often. What is missing is as in
    the row before. Where State tells downloading (D) from idle (I), idle rows do not measure the rate down; the rate
    up is what was sent, and the link might have carried more. A place at 0, 0 is no fix.

    Raises:
        TraceError: the file is damaged.
        OSError: it cannot be read.
    """
    file = TraceFile(path, f"a table with the columns {', '.join(_NEEDED)}")
    rows = _rows(file)
    *_, one_ns, last_ns = rows
    duration_ns = 2 * last_ns - one_ns
    down = _rate(rows, "asked" if any("asked" in row for row in rows.values()) else "DL_bitrate", duration_ns)
    if down is None:
        raise file.error(file.last_line, "DL_bitrate is never above 0", expected="a rate above 0 somewhere")
    delays = {at_ns: round(row["PINGAVG"] * MS / 2) for at_ns, row in rows.items() if "PINGAVG" in row}
    losses = {at_ns: _one_way(row["PINGLOSS"] / 100) for at_ns, row in rows.items() if "PINGLOSS" in row}
    return Trace(
        file.path.stem,
        str(path),
        duration_ns,
        down=down,
        up=_rate(rows, "UL_bitrate", duration_ns),
        delay_ns=_series(delays, duration_ns),
        loss=_series(losses, duration_ns),
        positions=tuple(point for at_ns, row in rows.items() if (point := _point(at_ns, row)) is not None),
    )


def _rows(file: TraceFile) -> dict[int, Mapping[str, float]]:
    """What the rows have, by the time from the first, in ns."""
    rows: dict[int, Mapping[str, float]] = {}
    start: datetime | None = None
    at_ns = 0
    for line, cells in file.table(*_NEEDED):
        moment = _moment(file, line, cells["Timestamp"])
        start = start or moment
        before_ns, at_ns = at_ns, round((moment - start).total_seconds()) * NS
        if at_ns < before_ns:
            raise file.error(line, f"{cells['Timestamp']} is before the row above it", expected="times that rise")
        rows[at_ns] = _numbers(file, line, cells)
    if len(rows) == 1:
        raise file.error(file.last_line, "a single second has no length", expected="two rows at least")
    return rows


def _moment(file: TraceFile, line: int, text: str) -> datetime:
    try:
        return datetime.strptime(text, _FORM)
    except ValueError as error:
        raise file.error(line, f"Timestamp is {text!r}", expected="2019.12.14_10.16.30 or the like") from error


def _numbers(file: TraceFile, line: int, cells: Mapping[str, str]) -> dict[str, float]:
    """What the row has; ``asked`` is the rate down of a row in which something was being downloaded."""
    bounds = {
        "DL_bitrate": (0, _MOST),
        "UL_bitrate": (0, _MOST),
        "PINGAVG": (0, _MOST),
        "PINGLOSS": (0, 100),
        "Speed": (0, 2000),
        "Latitude": (-90, 90),
        "Longitude": (-180, 180),
    }
    found = {
        name: file.number(line, cells[name], name, least=least, most=most)
        for name, (least, most) in bounds.items()
        if cells.get(name, "") not in _MISSING
    }
    if cells.get("State") == "D" and "DL_bitrate" in found:
        found["asked"] = found["DL_bitrate"]
    return found


def _rate(rows: Mapping[int, Mapping[str, float]], name: str, duration_ns: int) -> RateTrace | None:
    steps = _series({at: round(each[name] * 1000) for at, each in rows.items() if name in each}, duration_ns)
    return None if steps is None or not any(steps.values) else RateTrace(steps.times_ns, steps.values, duration_ns)


def _series(known: Mapping[int, _Value], duration_ns: int) -> StepSeries[_Value] | None:
    """Steps from 0 on, without those that change nothing; None without any value."""
    times: list[int] = []
    values: list[_Value] = []
    for at_ns, value in known.items():
        if not values or value != values[-1]:
            times.append(at_ns if values else 0)
            values.append(value)
    return StepSeries(tuple(times), tuple(values), duration_ns) if values else None


def _one_way(loss: float) -> float:
    """What each direction loses, if a ping or its answer gets lost with probability ``loss``."""
    return 1 - math.sqrt(1 - loss)


def _point(at_ns: int, row: Mapping[str, float]) -> TracePoint | None:
    latitude, longitude = row.get("Latitude"), row.get("Longitude")
    if latitude is None or longitude is None or not (latitude or longitude):
        return None
    speed = row.get("Speed")
    return TracePoint(at_ns, latitude, longitude, None if speed is None else speed / 3.6)
