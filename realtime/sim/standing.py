"""What is in force, as long as there is any reason for it: so that faults of a kind may overlap."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from realtime.network.link import NS
from realtime.sim.loop import SimLoop

_Reason = object


class Standing:
    """Reasons by what they are for. Something begins with its first reason and ends with its last.

    Args:
        loop: reasons may end at a time.
    """

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop
        self._reasons: dict[Hashable, set[_Reason]] = {}
        self._ends: dict[Hashable, Callable[[], object]] = {}

    def add(self, key: Hashable, end: Callable[[], object], *, for_s: float | None) -> bool:
        """Add a reason; returns whether it is the first, so that you must begin now what ``end`` will end.

        Args:
            key: what it is a reason for.
            end: called after the last reason has ended; that of the first reason counts.
            for_s: after this many virtual seconds the reason ends; None is until :meth:`end`.
        """
        reason = _Reason()
        is_first = key not in self._reasons
        if is_first:
            self._ends[key] = end
        self._reasons.setdefault(key, set()).add(reason)
        if for_s is not None:
            at_ns = self._loop.now_ns + round(for_s * NS)
            self._loop.call_at_ns(at_ns, self._lapse, key, reason, context=self._loop.neutral)
        return is_first

    def holds(self, key: Hashable) -> bool:
        """Whether there is any reason."""
        return key in self._reasons

    def end(self, key: Hashable) -> bool:
        """End all reasons at once; returns whether there were any."""
        if key not in self._reasons:
            return False
        end = self._ends[key]
        self.drop(key)
        end()
        return True

    def drop(self, key: Hashable) -> None:
        """Forget all reasons without an end: it has ended by other means."""
        self._reasons.pop(key, None)
        self._ends.pop(key, None)

    def _lapse(self, key: Hashable, reason: _Reason) -> None:
        reasons = self._reasons.get(key, set())
        if reason in reasons:
            reasons.discard(reason)
            if not reasons:
                self.end(key)
