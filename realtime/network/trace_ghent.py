"""Logs in the form of those of Ghent: what was received in each interval, and where (van der Hooft et al. 2016)."""

from __future__ import annotations

from pathlib import Path

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import Trace, TracePoint
from realtime.network.units import MS, NS

_EXPECTED = "unix_ms, ms since the start, latitude, longitude, bytes, ms of the interval, separated by blanks"
_MOST = 1e15  # milliseconds or bytes: more is damage


def load_ghent(path: Path | str) -> Trace:
    """The rate towards the phone and its positions: one line at the end of each interval, six columns.

    Time begins with the first interval. Time that no interval covers has the rate of the line that ends it. A place
    at 0, 0 is no fix.

    Raises:
        TraceError: the file is damaged.
        OSError: it cannot be read.
    """
    file = TraceFile(path, _EXPECTED)
    times: list[int] = []
    rates: list[int] = []
    positions: list[TracePoint] = []
    line = 1
    end_ns: int | None = None
    start_ns = 0
    for line, text in file:
        columns = text.split()
        file.check_columns(line, columns, 6)
        file.number(line, columns[0], "the unix time", least=0, most=_MOST)
        at_ns = round(file.number(line, columns[1], "the time", least=0, most=_MOST) * MS)
        latitude = file.number(line, columns[2], "the latitude", least=-90, most=90)
        longitude = file.number(line, columns[3], "the longitude", least=-180, most=180)
        received = file.number(line, columns[4], "the number of bytes", least=0, most=_MOST)
        interval_ns = round(file.number(line, columns[5], "the interval", least=1, most=_MOST) * MS)
        file.check_rises(line, at_ns, end_ns)
        if end_ns is None:
            start_ns = end_ns = at_ns - interval_ns
        times.append(end_ns - start_ns)
        rates.append(round(received * 8 * NS / interval_ns))
        if latitude or longitude:
            positions.append(TracePoint(at_ns - start_ns, latitude, longitude))
        end_ns = at_ns
    if not any(rates):
        raise file.error(line, "all rates are 0", expected="bytes somewhere; for no traffic use an outage")
    assert end_ns is not None
    duration_ns = end_ns - start_ns
    down = RateTrace(times, rates, duration_ns)
    return Trace(file.path.stem, str(path), duration_ns, down=down, positions=tuple(positions))
