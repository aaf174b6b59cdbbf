"""Spells of something, such as outages, one after another in time."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable

_REMEMBERED = 256  # spells that are over, at least: enough for packets that are asked about late


class Spells:
    """A process that alternates between gaps and spells, drawn as time reaches them.

    What it says about a moment does not depend on how often or in what order it is asked.

    Args:
        start_ns: the first gap begins here.
        gap_ns: draws the length of a gap.
        length_ns: draws the length of a spell.
        begins_inside: whether a spell, not a gap, begins at ``start_ns``.

    Attributes:
        over_ns: a gap begins here; outside of it and the spell after it you must ask :meth:`until`.
        begin_ns: the gap ends, and a spell begins.
        end_ns: the spell ends.
    """

    __slots__ = ("_gap_ns", "_length_ns", "_passed", "_past", "begin_ns", "end_ns", "over_ns")

    def __init__(
        self, start_ns: int, gap_ns: Callable[[], int], length_ns: Callable[[], int], *, begins_inside: bool = False
    ) -> None:
        self._gap_ns = gap_ns
        self._length_ns = length_ns
        self._passed = 0
        self._past = array("q")  # begin and end of each: a list of pairs would take eight times the room
        self.over_ns = start_ns
        self.begin_ns = start_ns if begins_inside else start_ns + gap_ns()
        self.end_ns = self.begin_ns + length_ns()

    def until(self, at_ns: int) -> int:
        """When the spell at ``at_ns`` ends; 0 if there is none then."""
        if at_ns < self.begin_ns:
            if at_ns >= self.over_ns:
                return 0
            past = self._past
            return next((past[i + 1] for i in range(len(past) - 2, -1, -2) if past[i] <= at_ns < past[i + 1]), 0)
        while at_ns >= self.end_ns:
            self._next()
        return self.end_ns if at_ns >= self.begin_ns else 0

    def count(self, at_ns: int) -> int:
        """How many have begun by ``at_ns``, or by a later moment that it was asked about before."""
        self.until(at_ns)
        return self._passed + (at_ns >= self.begin_ns)

    def _next(self) -> None:
        self._passed += 1
        self._past.append(self.begin_ns)
        self._past.append(self.end_ns)
        if len(self._past) == 4 * _REMEMBERED:
            del self._past[: 2 * _REMEMBERED]
        self.over_ns = self.end_ns
        self.begin_ns = self.end_ns + self._gap_ns()
        self.end_ns = self.begin_ns + self._length_ns()


def exponential_ns(rng: random.Random, mean_ns: int) -> Callable[[], int]:
    """Draws lengths that are exponentially distributed, at least 1 ns."""
    rate = 1 / mean_ns
    return lambda: 1 + int(rng.expovariate(rate))
