"""Throughput logs, the form in which bandwidth traces are mostly passed around: seconds and Mbit/s."""

from __future__ import annotations

import re
from pathlib import Path

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import Trace
from realtime.network.units import NS

SEPARATOR = re.compile(r"\s*[,;]\s*|\s+")
_MOST_S = 366 * 86_400
_MOST_MBPS = 1e6


def load_throughput_log(path: Path | str) -> Trace:
    """The rate towards the phone over time: two columns, seconds and Mbit/s; lines that begin with # are left out.

    Each rate holds from its time until the next; the last one as long as the one before it. Time begins with the
    first line.

    Raises:
        TraceError: the file is damaged.
        OSError: it cannot be read.
    """
    file = TraceFile(path, "a time in seconds and a rate in Mbit/s")
    times: list[int] = []
    rates: list[int] = []
    line = 1
    start_ns = 0
    for line, text in file:
        if text.startswith("#"):
            continue
        columns = SEPARATOR.split(text)
        file.check_columns(line, columns, 2)
        at_ns = round(file.number(line, columns[0], "the time", least=0, most=_MOST_S) * NS)
        file.check_rises(line, at_ns, times[-1] + start_ns if times else None)
        if not times:
            start_ns = at_ns
        times.append(at_ns - start_ns)
        rates.append(round(file.number(line, columns[1], "the rate", least=0, most=_MOST_MBPS) * 1_000_000))
    if not times:
        raise file.error(line, "there is no line with a rate")
    if len(times) == 1:
        raise file.error(line, "a single line has no length", expected="two lines at least")
    if not any(rates):
        raise file.error(line, "all rates are 0", expected="a rate above 0 somewhere; for no traffic use an outage")
    duration_ns = 2 * times[-1] - times[-2]
    return Trace(file.path.stem, str(path), duration_ns, down=RateTrace(times, rates, duration_ns))
