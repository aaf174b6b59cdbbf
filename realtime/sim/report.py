"""What the checkers found, for people and for programs."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Self

import msgspec

DRIVEN = ("presence", "crossings", "notifications")
"""What may be driven beside messages: changes of presence that were shown, fences crossed, notifications shown."""
COUNTS = (
    *("attempted", "acked", "delivered"),
    *("lost", "duplicated", "reordered", "phantom", "divergent", "stuck"),
    *("faults", "reconnects"),
    *DRIVEN,
)
"""The keys of :attr:`Report.counts`."""

_PARTS = 0.50, 0.99
_SHOWN = 20  # violations that str() writes out


class Violation(msgspec.Struct, frozen=True):
    """A promise that was broken.

    Args:
        kind: which one: ``lost``, ``duplicated``, ``reordered``, ``phantom``, ``divergent``, ``stuck``,
            ``late detection``, ``stale`` or ``vacuous``.
        text: who, what and when.
        t_s: seconds since the start of the run.
    """

    kind: str
    text: str
    t_s: float

    def __str__(self) -> str:
        return f"{at(self.t_s)}: {self.kind}: {self.text}"


class Latency(msgspec.Struct, frozen=True, omit_defaults=True):
    """How long something took, in seconds; None where it never happened.

    Args:
        count: how often it was measured.
        p50_s: the median.
        p99_s: the 99th percentile.
        max_s: the longest.
        digest: how often each value occurred, to three digits.
    """

    count: int
    p50_s: float | None
    p99_s: float | None
    max_s: float | None
    digest: Mapping[float, int] = {}

    @classmethod
    def of(cls, values_s: Iterable[float]) -> Self:
        """Of measured values, by nearest rank: every percentile is a value that occurred."""
        ordered = sorted(values_s)
        if not ordered:
            return cls(0, None, None, None)
        digest = Counter(float(f"{value_s:.3g}") for value_s in ordered)
        p50_s, p99_s = (ordered[_rank(len(ordered), part)] for part in _PARTS)
        return cls(len(ordered), p50_s, p99_s, ordered[-1], digest)

    @classmethod
    def pooled(cls, latencies: Iterable[Latency]) -> Self:
        """Of all values of several together: the percentiles to three digits, the longest as it was."""
        known = [latency for latency in latencies if latency.max_s is not None]
        if not known:
            return cls(0, None, None, None)
        digest: Counter[float] = Counter()
        for latency in known:
            digest.update(latency.digest)
        values_s = sorted(digest)
        upto = list(accumulate(digest[value_s] for value_s in values_s))
        p50_s, p99_s = (values_s[bisect_right(upto, _rank(upto[-1], part))] for part in _PARTS)
        longest_s = max(latency.max_s for latency in known if latency.max_s is not None)
        return cls(upto[-1], p50_s, p99_s, longest_s, digest)

    def figures(self) -> dict[str, float | None]:
        """Without the digest, for people and programs."""
        return {"count": self.count, "p50_s": self.p50_s, "p99_s": self.p99_s, "max_s": self.max_s}


class Report(msgspec.Struct, frozen=True):
    """What came of a run.

    Args:
        counts: how many of each of :data:`COUNTS`.
        violations: in the order of their times.
        latencies: what took how long; see :func:`realtime.sim.checkers.check`.
    """

    counts: dict[str, int]
    violations: tuple[Violation, ...]
    latencies: dict[str, Latency]

    @property
    def passed(self) -> bool:
        """Whether nothing was violated."""
        return not self.violations

    def with_further(self, violations: Iterable[Violation]) -> Report:
        """The same with violations that another checker found."""
        found = list(violations)
        counts = {key: count + sum(each.kind == key for each in found) for key, count in self.counts.items()}
        return Report(counts, tuple(in_time([*self.violations, *found])), self.latencies)

    def __str__(self) -> str:
        def line(*keys: str) -> str:
            return ", ".join(f"{key} {self.counts[key]}" for key in keys)

        further = len(self.violations) - _SHOWN
        return "\n".join(
            [
                line("attempted", "acked", "delivered", "faults", "reconnects"),
                *([line(*DRIVEN)] if any(self.counts[key] for key in DRIVEN) else []),
                line("lost", "duplicated", "reordered", "phantom", "divergent", "stuck"),
                *map(str, self.violations[:_SHOWN]),
                *([f"… and {further} more"] if further > 0 else []),
            ]
        )


def _rank(count: int, part: float) -> int:
    return math.ceil(count * part) - 1


def at(t_s: float) -> str:
    """How texts write a time."""
    return f"{t_s:.3f} s"


def in_time(violations: Iterable[Violation]) -> list[Violation]:
    """In the order of their times; those of one time stay as they are."""
    return sorted(violations, key=lambda violation: violation.t_s)
