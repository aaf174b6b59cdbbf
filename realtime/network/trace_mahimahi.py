"""mahimahi traces: one line per delivery opportunity (Netravali et al., USENIX ATC'15; ``man mm-link``)."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from realtime.network.rate_trace import RateTrace
from realtime.network.trace_file import TraceFile
from realtime.network.trace_model import Trace
from realtime.network.units import MS

PACKET_BITS = 1500 * 8  # what one opportunity carries
_RATE_BPS = PACKET_BITS * 1000  # one opportunity in a millisecond
_YEAR_MS = 365 * 86_400_000
_MOST_DIGITS = 20  # leading zeros included; of thousands, int() refuses to make a number


def load_mahimahi(down_path: Path | str | None, up_path: Path | str | None = None) -> Trace:
    """The trace of a file towards the phone, of one from it, or of both.

    Each line is a time in ms, repeats allowed, at which 1500 bytes have been delivered; the last line is the period.
    In a millisecond with opportunities the rate is so high that it delivers them all, in the others it is 0.

    Raises:
        TraceError: a file is damaged.
        OSError: it cannot be read.
        ValueError: there is no file.
    """
    paths = [Path(path) for path in (down_path, up_path) if path is not None]
    if not paths:
        raise ValueError("a mahimahi trace needs a file for one direction at least")
    rates = [_rates(path) for path in paths]
    return Trace(
        paths[0].stem,
        ", ".join(map(str, paths)),
        rates[0].period_ns,
        down=None if down_path is None else rates[0],
        up=None if up_path is None else rates[-1],
    )


def _rates(path: Path) -> RateTrace:
    file = TraceFile(path, "whole milliseconds, one to a line, in order")
    chances: Counter[int] = Counter()
    last = line = 0
    for line, text in file:
        if not text.isascii() or not text.isdecimal():
            raise file.error(line, f"{text!r} is no whole number of milliseconds")
        if len(text) > _MOST_DIGITS:
            raise file.error(line, f"{text[:_MOST_DIGITS]}… ms is more than a year")
        if (at_ms := int(text)) < last:
            raise file.error(line, f"{at_ms} ms is before {last} ms, the line before")
        if at_ms > _YEAR_MS:
            raise file.error(line, f"{at_ms} ms is more than a year")
        chances[at_ms] += 1
        last = at_ms
    if last == 0:
        raise file.error(line, "the last opportunity is at 0 ms, so the trace has no length")
    # It wraps: the beginning of a round is the end of the one before.
    chances[last] += chances.pop(0, 0)
    steps: list[tuple[int, int]] = []  # (begin in ms, rate)
    end = 0
    for at_ms in sorted(chances):
        if at_ms - 1 > end:
            steps.append((end, 0))
        rate = chances[at_ms] * _RATE_BPS
        if not steps or steps[-1][1] != rate:
            steps.append((at_ms - 1, rate))
        end = at_ms
    return RateTrace([begin * MS for begin, _ in steps], [rate for _, rate in steps], last * MS)
