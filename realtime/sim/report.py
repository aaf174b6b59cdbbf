"""What the checkers found, for people and for programs."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Self

import msgspec

COUNTS = (
    *("attempted", "acked", "delivered"),
    *("lost", "duplicated", "reordered", "phantom", "divergent", "stuck"),
    *("faults", "reconnects"),
)
"""The keys of :attr:`Report.counts`."""

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


class Latency(msgspec.Struct, frozen=True):
    """How long something took, in seconds; None where it never happened."""

    count: int
    p50_s: float | None
    p99_s: float | None
    max_s: float | None

    @classmethod
    def of(cls, values_s: Iterable[float]) -> Self:
        """Of measured values, by nearest rank: every percentile is a value that occurred."""
        ordered = sorted(values_s)
        if not ordered:
            return cls(0, None, None, None)
        ranks = (math.ceil(len(ordered) * part) - 1 for part in (0.50, 0.99, 1))
        return cls(len(ordered), *(ordered[rank] for rank in ranks))


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

    def __str__(self) -> str:
        def line(*keys: str) -> str:
            return ", ".join(f"{key} {self.counts[key]}" for key in keys)

        further = len(self.violations) - _SHOWN
        return "\n".join(
            [
                line("attempted", "acked", "delivered", "faults", "reconnects"),
                line("lost", "duplicated", "reordered", "phantom", "divergent", "stuck"),
                *map(str, self.violations[:_SHOWN]),
                *([f"… and {further} more"] if further > 0 else []),
            ]
        )


def at(t_s: float) -> str:
    """How texts write a time."""
    return f"{t_s:.3f} s"


def in_time(violations: Iterable[Violation]) -> list[Violation]:
    """In the order of their times; those of one time stay as they are."""
    return sorted(violations, key=lambda violation: violation.t_s)
