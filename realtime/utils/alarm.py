"""The one timer that a driver of pure machines needs: for the next of all deadlines."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Alarm:
    """Rings once at the time it is set to; must be set on a running loop.

    Args:
        ring: called with the time, which is never before the one that was asked for: loops may ring a hair early,
            and a machine that is asked too early decides nothing.
    """

    def __init__(self, ring: Callable[[float], object]) -> None:
        self._ring = ring
        self._timer: asyncio.TimerHandle | None = None

    def set(self, due: float | None) -> None:
        """Ring at ``due``, in seconds of the loop's clock, instead of whenever it was set to; None: not at all."""
        if self._timer is not None:
            if self._timer.when() == due:
                return
            self._timer.cancel()
        self._timer = None if due is None else asyncio.get_running_loop().call_at(due, self._due, due)

    def _due(self, due: float) -> None:
        self._timer = None
        self._ring(max(due, asyncio.get_running_loop().time()))
