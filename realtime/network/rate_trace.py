"""A rate that changes with time, as a measured trace has it."""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Self

from realtime.network.units import NS

# Work is rate × time in bit/s · ns, an integer: one bit is 10⁹ of it, and nothing is rounded on the way.


class RateTrace:
    """A piecewise-constant rate that repeats with its period, in exact integer arithmetic.

    Args:
        times_ns: when each rate begins, ascending from 0, below ``period_ns``.
        rates_bps: bits per second from then on; 0 lets packets wait.
        period_ns: the length; afterwards the trace begins anew.

    Raises:
        ValueError: the times do not ascend from 0, a rate is negative, or no rate is above zero.
    """

    __slots__ = ("_done", "origin_ns", "period_ns", "rates_bps", "times_ns")

    def __init__(self, times_ns: Sequence[int], rates_bps: Sequence[int], period_ns: int) -> None:
        self.times_ns = tuple(times_ns)
        self.rates_bps = tuple(rates_bps)
        self.period_ns = period_ns
        self.origin_ns = 0
        edges = (*self.times_ns, period_ns)
        if not self.times_ns or edges[0] != 0 or any(one >= other for one, other in pairwise(edges)):
            raise ValueError("the times of a rate trace begin with 0, ascend, and end before its period")
        if len(self.times_ns) != len(self.rates_bps):
            raise ValueError(f"{len(self.times_ns)} times do not go with {len(self.rates_bps)} rates")
        if min(self.rates_bps) < 0 or max(self.rates_bps) == 0:
            raise ValueError("a rate trace needs rates of 0 or more, one above 0; for no traffic at all set Link.down")
        steps = ((end - begin) * rate for (begin, end), rate in zip(pairwise(edges), self.rates_bps, strict=True))
        self._done = tuple(accumulate(steps, initial=0))  # work from 0 to each edge

    def starting_at(self, now_ns: int) -> Self:
        """The same trace, its beginning at ``now_ns``."""
        shifted = copy.copy(self)
        shifted.origin_ns = now_ns
        return shifted

    def rate_at(self, now_ns: int) -> int:
        """Bits per second at ``now_ns``."""
        return self.rates_bps[bisect_right(self.times_ns, (now_ns - self.origin_ns) % self.period_ns) - 1]

    @property
    def mean_bps(self) -> float:
        """Bits per second over the whole period."""
        return self._done[-1] / self.period_ns

    def work_between(self, start_ns: int, end_ns: int) -> int:
        """What can be sent from ``start_ns`` to ``end_ns``, in bit/s · ns."""
        return self._work_until(end_ns) - self._work_until(start_ns)

    def end_of(self, start_ns: int, work: int) -> int:
        """The first nanosecond at which ``work`` (bit/s · ns, above 0) begun at ``start_ns`` is done."""
        work += self._work_until(start_ns)
        periods, rest = divmod(work - 1, self._done[-1])  # the last unit decides: 0 ≤ rest < a period's work
        step = bisect_right(self._done, rest) - 1
        missing = rest + 1 - self._done[step]
        return self.origin_ns + periods * self.period_ns + self.times_ns[step] - (-missing // self.rates_bps[step])

    def end_of_bits(self, start_ns: int, bits: int) -> int:
        """When the last of ``bits`` has been sent, the first being sent at ``start_ns``."""
        return self.end_of(start_ns, bits * NS)

    def _work_until(self, at_ns: int) -> int:
        periods, offset = divmod(at_ns - self.origin_ns, self.period_ns)
        step = bisect_right(self.times_ns, offset) - 1
        return periods * self._done[-1] + self._done[step] + (offset - self.times_ns[step]) * self.rates_bps[step]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RateTrace) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[object, ...]:
        return self.origin_ns, self.period_ns, self.times_ns, self.rates_bps

    def __repr__(self) -> str:
        mean = f"mean {self.mean_bps / 1e6:.3g} Mbit/s"
        return f"<RateTrace of {self.period_ns / NS:g} s, {len(self.times_ns)} rates, {mean}>"
