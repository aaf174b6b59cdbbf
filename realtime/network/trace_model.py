"""What a trace is: rates, delays, losses and places over time, as somebody measured them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Generic, NamedTuple, Self, TypeVar

from realtime.network.rate_trace import RateTrace
from realtime.network.units import NS
from realtime.protocol.errors import RealtimeError
from realtime.utils.geo import check_position, interpolate

_Value = TypeVar("_Value", int, float)


class TraceError(RealtimeError, ValueError):
    """A trace file is not what it should be.

    Args:
        path: the file.
        line: where, counted from 1.
        problem: what is wrong there.
        expected: what should stand there.
    """

    def __init__(self, path: Path | str, line: int, problem: str, expected: str) -> None:
        super().__init__(f"{path}:{line}: {problem}; expected {expected}")
        self.path = path
        self.line = line


class TracePoint(NamedTuple):
    """Where somebody was, ``t_ns`` after the start. Degrees, WGS 84; the speed if it was measured."""

    t_ns: int
    latitude: float
    longitude: float
    speed_mps: float | None = None


@dataclass(frozen=True, slots=True)
class StepSeries(Generic[_Value]):
    """Values of which each holds until the next; it repeats with its period.

    Args:
        times_ns: when each value begins, ascending from 0, below ``period_ns``.
        values: as many.
        period_ns: the length; afterwards the series begins anew.
        origin_ns: when it begins.

    Raises:
        ValueError: the times do not ascend from 0, or are not as many as the values.
    """

    times_ns: tuple[int, ...]
    values: tuple[_Value, ...]
    period_ns: int
    origin_ns: int = 0

    def __post_init__(self) -> None:
        edges = (*self.times_ns, self.period_ns)
        if edges[0] != 0 or any(one >= other for one, other in pairwise(edges)):
            raise ValueError("the times of a series begin with 0, ascend, and end before its period")
        if len(self.times_ns) != len(self.values):
            raise ValueError(f"{len(self.times_ns)} times of a series do not go with {len(self.values)} values")

    def at(self, now_ns: int) -> _Value:
        """The value that holds at ``now_ns``."""
        return self.values[bisect_right(self.times_ns, (now_ns - self.origin_ns) % self.period_ns) - 1]

    def starting_at(self, now_ns: int) -> Self:
        """The same series, its beginning at ``now_ns``."""
        return type(self)(self.times_ns, self.values, self.period_ns, now_ns)


@dataclass(frozen=True, slots=True, repr=False)
class Trace:
    """What an access link was like on some way, and where that was. Afterwards all of it begins anew.

    Args:
        name: for people.
        source: where it comes from.
        duration_ns: the length.
        down: the rate towards the phone; None: not measured, a profile's holds.
        up: the rate from the phone; None likewise.
        delay_ns: one-way delay, the same in both directions; None likewise.
        loss: probability that a packet is lost, the same in both directions; None likewise.
        positions: where the phone was, in the order of their times.

    Raises:
        ValueError: a value is out of its range.
    """

    name: str
    source: str
    duration_ns: int
    down: RateTrace | None = None
    up: RateTrace | None = None
    delay_ns: StepSeries[int] | None = None
    loss: StepSeries[float] | None = None
    positions: tuple[TracePoint, ...] = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        if self.duration_ns <= 0:
            raise ValueError(f"duration_ns must be positive, not {self.duration_ns}")
        if self.delay_ns is not None and min(self.delay_ns.values) < 0:
            raise ValueError("a delay must not be negative")
        if self.loss is not None and not 0 <= min(self.loss.values) <= max(self.loss.values) <= 1:
            raise ValueError("loss is a probability between 0 and 1")
        before_ns = -1
        for point in self.positions:
            check_position(point.latitude, point.longitude)
            if point.t_ns <= before_ns:
                raise ValueError("the times of positions ascend from 0")
            before_ns = point.t_ns
        if before_ns > self.duration_ns:
            raise ValueError("positions must lie within the duration of the trace")

    def position_at(self, t_ns: int) -> TracePoint | None:
        """Where the phone is ``t_ns`` after the start, on the straight way between two positions; None without GPS."""
        if not self.positions:
            return None
        within_ns = t_ns % self.duration_ns
        index = bisect_right(self.positions, within_ns, key=_time)
        before = self.positions[max(index - 1, 0)]
        after = self.positions[min(index, len(self.positions) - 1)]
        share = 0.0 if after.t_ns <= before.t_ns else (within_ns - before.t_ns) / (after.t_ns - before.t_ns)
        return TracePoint(t_ns, *interpolate(before[1:3], after[1:3], share), before.speed_mps)

    def __repr__(self) -> str:
        parts = [f"{self.name!r}", f"{self.duration_ns / NS:g} s"]
        parts += [f"{way} {rate.mean_bps / 1e6:.3g} Mbit/s" for way, rate in self._rates() if rate is not None]
        if self.positions:
            parts.append(f"{len(self.positions)} position{'s' if len(self.positions) > 1 else ''}")
        return f"<Trace {', '.join(parts)}>"

    def _rates(self) -> Sequence[tuple[str, RateTrace | None]]:
        return ("down", self.down), ("up", self.up)


def _time(point: TracePoint) -> int:
    return point.t_ns
