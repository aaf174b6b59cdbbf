"""Hand-over logs of drives, in the form of those of the SIGCOMM'21 paper on commercial 5G (Narayanan et al.)."""

from __future__ import annotations

from pathlib import Path

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import Trace
from realtime.network.units import NS

_HANDOVERS = ("4t4", "4t5", "5t4", "5t5")
_NONE = ("", "unknown")
_MOST_S = 366 * 86_400


def load_handovers(
    path: Path | str, *, down_bps: int = 28_800_000, up_bps: int = 10_000_000, gap_s: float = 0.3
) -> Trace:
    """A drive on which nothing passes for a moment at each hand-over, so that packets wait.

    The log has a row a second with the time in seconds and a hand-over or none; it has neither rates nor lengths.

    Args:
        path: the table, with the columns ``time`` and ``handover type``.
        down_bps: the rate towards the phone between hand-overs; by default the median of LTE commutes.
        up_bps: the rate from the phone; by default as in the profile lte-commute.
        gap_s: how long a hand-over takes, at most until the next row; the default is assumed.

    Raises:
        TraceError: the file is damaged.
        OSError: it cannot be read.
        ValueError: a figure is not above 0.
    """
    for name, figure in (("down_bps", down_bps), ("up_bps", up_bps), ("gap_s", gap_s)):
        if figure <= 0:
            raise ValueError(f"{name} must be above 0, not {figure}")
    rows = _rows(TraceFile(path, "a table with the columns time and handover type"))
    duration_ns = 2 * rows[-1][0] - rows[-2][0]
    begins, passes = _gaps(rows, duration_ns, round(gap_s * NS))
    return Trace(
        Path(path).stem,
        f"{path}; assumed: {down_bps / 1e6:g}/{up_bps / 1e6:g} Mbit/s, and {gap_s:g} s for each hand-over",
        duration_ns,
        down=RateTrace(begins, [down_bps * is_open for is_open in passes], duration_ns),
        up=RateTrace(begins, [up_bps * is_open for is_open in passes], duration_ns),
    )


def _gaps(rows: list[tuple[int, bool]], duration_ns: int, gap_ns: int) -> tuple[list[int], list[bool]]:
    """Times, and whether anything passes from then on."""
    begins: list[int] = []
    passes: list[bool] = []
    ends = [at_ns for at_ns, _ in rows[1:]] + [duration_ns]
    for (at_ns, is_handover), end_ns in zip(rows, ends, strict=True):
        steps = [(at_ns, not is_handover)]
        if is_handover and at_ns + gap_ns < end_ns:
            steps.append((at_ns + gap_ns, True))
        for begin_ns, is_open in steps:
            if not passes or passes[-1] != is_open:
                begins.append(begin_ns)
                passes.append(is_open)
    return begins, passes


def _rows(file: TraceFile) -> list[tuple[int, bool]]:
    """(time from the first row, whether there is a hand-over)."""
    rows: list[tuple[int, bool]] = []
    line = 1
    before_ns: int | None = None
    for line, cells in file.table("time", "handover type"):
        at_ns = round(file.number(line, cells["time"], "time", least=0, most=_MOST_S) * NS)
        file.check_rises(line, at_ns, before_ns)
        kind = cells["handover type"]
        if kind not in _HANDOVERS + _NONE:
            expected = f"{', '.join(_HANDOVERS)}, unknown or nothing"
            raise file.error(line, f"handover type is {kind!r}", expected=expected)
        rows.append((at_ns, kind in _HANDOVERS))
        before_ns = at_ns
    if len(rows) == 1:
        raise file.error(line, "a single row has no length", expected="two rows at least")
    return [(at_ns - rows[0][0], is_handover) for at_ns, is_handover in rows]
