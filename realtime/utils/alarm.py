"""The one timer that a driver of pure machines needs: for the next of all deadlines."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable


class Alarm:
    """Rings once at the time it is set to; must be set on a running loop.

    Args:
        ring: called with the time, which is never before the one that was asked for: loops may ring a hair early,
            and a machine that is asked too early decides nothing.
    """

    def __init__(self, ring: Callable[[float], object]) -> None:
        self._ring = ring
        self._due: float | None = None
        self._timer: asyncio.Handle | None = None  # uvloop's does not know its time where that is over already

    @property
    def due(self) -> float | None:
        """When it will ring, or None for not at all."""
        return self._due

    def set(self, due: float | None, *, context: contextvars.Context | None = None) -> None:
        """Ring at ``due``, in seconds of the loop's clock, instead of whenever it was set to; None: not at all.

        Args:
            due: when.
            context: what it rings in, by default the caller's.
        """
        if due == self._due:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = due
        loop = asyncio.get_running_loop()
        self._timer = None if due is None else loop.call_at(due, self._on_timer, due, context=context)

    def _on_timer(self, due: float) -> None:
        self._due = self._timer = None
        self._ring(max(due, asyncio.get_running_loop().time()))
