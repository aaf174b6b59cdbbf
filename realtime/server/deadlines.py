"""One loop timer for the deadlines of all connections.

A deadline mostly moves away (every message postpones the next ping), so moving one costs nothing here: whoever is
due is asked again, and names the deadline that it has by then.
"""

from __future__ import annotations

import heapq
import logging
from asyncio import AbstractEventLoop, TimerHandle
from typing import Protocol

_log = logging.getLogger("realtime.server")


class Waiting(Protocol):
    """Something with a deadline."""

    def due(self, now: float) -> float | None:
        """Act if the deadline has come; return the next one, or None."""
        ...


class Deadlines:
    """Tells each :class:`Waiting` when it is due, all with a single timer.

    Args:
        loop: its clock and its ``call_at`` are used.
    """

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._heap: list[tuple[float, int]] = []  # entries outlive what was forgotten, so they do not refer to it
        self._by_serial: dict[int, Waiting] = {}
        self._entry: dict[Waiting, tuple[float, int]] = {}
        self._serial = 0
        self._timer: TimerHandle | None = None
        self._armed_for = 0.0

    def __len__(self) -> int:
        """How many are waiting."""
        return len(self._entry)

    @property
    def entries(self) -> int:
        """Entries of the heap, stale ones included."""
        return len(self._heap)

    def watch(self, waiting: Waiting, when: float) -> None:
        """Tell ``waiting`` at ``when``, in loop time. Needed at the start, and when a deadline came nearer."""
        known = self._entry.get(waiting)
        if known is not None and known[0] <= when:
            return
        self._push(waiting, when)
        self._arm()

    def forget(self, waiting: Waiting) -> None:
        """Tell ``waiting`` no more."""
        entry = self._entry.pop(waiting, None)
        if entry is not None:
            del self._by_serial[entry[1]]
        if len(self._heap) > 2 * len(self._entry) + 64:
            self._heap = [entry for entry in self._heap if entry[1] in self._by_serial]
            heapq.heapify(self._heap)

    def close(self) -> None:
        """Tell nobody any more."""
        self._heap.clear()
        self._by_serial.clear()
        self._entry.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _push(self, waiting: Waiting, when: float) -> None:
        if (replaced := self._entry.get(waiting)) is not None:
            del self._by_serial[replaced[1]]
        self._serial += 1
        self._by_serial[self._serial] = waiting
        self._entry[waiting] = (when, self._serial)
        heapq.heappush(self._heap, (when, self._serial))

    def _arm(self) -> None:
        if not self._heap:
            return
        when = self._heap[0][0]
        if self._timer is not None:
            if self._armed_for <= when:
                return
            self._timer.cancel()
        self._armed_for = when
        self._timer = self._loop.call_at(when, self._run)

    def _run(self) -> None:
        self._timer = None
        # The timer may fire up to the clock's resolution early: what it was armed for is due.
        now = max(self._loop.time(), self._armed_for)
        again: list[tuple[Waiting, float]] = []
        while self._heap and self._heap[0][0] <= now:
            _, serial = heapq.heappop(self._heap)
            waiting = self._by_serial.pop(serial, None)
            if waiting is None:
                continue
            del self._entry[waiting]
            try:
                following = waiting.due(now)
            except Exception:
                _log.exception("a timer of %r failed", waiting)
                continue
            if following is not None:
                again.append((waiting, following))
        for waiting, following in again:  # only now: one that is always due must not keep the loop here
            self._push(waiting, following)
        self._arm()
