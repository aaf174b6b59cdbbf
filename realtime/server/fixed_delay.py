"""Keys that are due one fixed delay after they were started (pure)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class FixedDelay(Generic[K]):
    """As all delays are the same, the first to be started is the first to be due: nothing costs more than a dict.

    Args:
        delay_s: from the start to the end, in seconds.
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._due: dict[K, float] = {}

    def __contains__(self, key: K) -> bool:
        return key in self._due

    def start(self, key: K, now: float) -> None:
        """Make a key due after the delay, unless it is waited for already; time must not go back between calls."""
        if key not in self._due:
            self._due[key] = now + self._delay_s

    def restart(self, key: K, now: float) -> None:
        """Make a key due after the delay, whether it is waited for or not."""
        self._due.pop(key, None)
        self._due[key] = now + self._delay_s

    def stop(self, key: K) -> None:
        """Wait for it no more; harmless if nobody does."""
        self._due.pop(key, None)

    def clear(self) -> None:
        """Wait for nothing."""
        self._due.clear()

    def next_timer(self) -> float | None:
        """When the next key is due; None: there is none."""
        return next(iter(self._due.values()), None)

    def take_due(self, now: float) -> list[K]:
        """The keys that are due, which are forgotten by it."""
        taken = []
        for key, due in self._due.items():
            if due > now:
                break
            taken.append(key)
        for key in taken:
            del self._due[key]
        return taken
