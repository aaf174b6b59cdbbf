"""Many machines, one timer: each event at its own time, whenever the loop gets round to it.

A loop wakes late: by a millisecond at best, by more on a busy machine. Lateness must not add up from packet to packet,
so events are carried out one by one at the times that they have in the model, across all machines in order of time.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from typing import Protocol

from realtime.network.link import MS, NEVER_NS, NS


class Machine(Protocol):
    """What a timetable drives."""

    scheduled_ns: int  # the timetable's own; NEVER_NS at first

    @property
    def next_ns(self) -> int:
        """When :meth:`run` wants to be called next; ``NEVER_NS`` is never."""

    def run(self, now_ns: int) -> None:
        """Do what is due at ``now_ns``."""


class Timetable:
    """Calls machines at their times. Its own time begins at 0 and stands still while it is stopped.

    After any change of a machine you must call :meth:`touch`; before it, :meth:`now_ns`.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._epoch_ns = 0  # the loop's time at our 0
        self._now_ns = 0
        self._is_running = False
        self._heap: list[tuple[int, int, Machine]] = []
        self._numbers = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = NEVER_NS

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on, on this loop."""
        self._loop = loop
        self._epoch_ns = round(loop.time() * NS) - self._now_ns
        self._arm()

    def stop(self) -> None:
        """Stand still. May be repeated."""
        self._now_ns = self.peek_ns()
        self._loop = None
        self._disarm()

    def now_ns(self) -> int:
        """The time, after everything that was due by then has been done; within an event, the time of that event."""
        if self._is_running or self._loop is None:
            return self._now_ns
        now_ns = self.peek_ns()
        if self._heap and self._heap[0][0] <= now_ns:
            self._catch_up(now_ns)
        self._now_ns = now_ns
        return now_ns

    def peek_ns(self) -> int:
        """The time, from any thread: nothing is done."""
        return self._now_ns if self._loop is None else max(self._now_ns, self._loop_ns(self._loop))

    def touch(self, machine: Machine) -> None:
        """A machine's ``next_ns`` may have changed."""
        at_ns = machine.next_ns
        if at_ns < machine.scheduled_ns:  # otherwise it is looked at early enough, and then again
            machine.scheduled_ns = at_ns
            heapq.heappush(self._heap, (at_ns, next(self._numbers), machine))
            self._arm()

    def _catch_up(self, until_ns: int) -> None:
        self._is_running = True
        try:
            while self._heap and self._heap[0][0] <= until_ns:
                at_ns, _, machine = heapq.heappop(self._heap)
                if machine.scheduled_ns != at_ns:
                    continue  # it has been called earlier than that
                machine.scheduled_ns = NEVER_NS
                if machine.next_ns <= at_ns:
                    self._now_ns = max(self._now_ns, at_ns)
                    machine.run(self._now_ns)
                self.touch(machine)
        finally:
            self._is_running = False
            self._arm()

    def _arm(self) -> None:
        if self._is_running or self._loop is None or not self._heap:
            return
        at_ns = -(-self._heap[0][0] // MS) * MS  # up to a millisecond: no loop is finer
        if at_ns < self._timer_ns:
            self._disarm()
            self._timer_ns = at_ns
            self._timer = self._loop.call_at((self._epoch_ns + at_ns) / NS, self._on_timer)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._timer_ns = None, NEVER_NS

    def _on_timer(self) -> None:
        self._timer, self._timer_ns = None, NEVER_NS
        self.now_ns()
        self._arm()

    def _loop_ns(self, loop: asyncio.AbstractEventLoop) -> int:
        return round(loop.time() * NS) - self._epoch_ns
