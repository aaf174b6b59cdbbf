"""Observable state: an immutable snapshot that one thread replaces and anyone may watch."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_log = logging.getLogger("realtime.observable")


class Observable(Generic[T]):
    """Holds the current snapshot of a feature's state.

    Feature clients call :meth:`set` on their loop's thread; widgets, hooks and recorders read
    :attr:`snapshot` from any thread and :meth:`observe` changes. A snapshot is never mutated.
    """

    def __init__(self, snapshot: T) -> None:
        self._snapshot = snapshot
        self._observers: dict[object, Callable[[T], None]] = {}

    @property
    def snapshot(self) -> T:
        """The newest snapshot."""
        return self._snapshot

    def set(self, snapshot: T) -> None:
        """Replace the snapshot and tell every observer, in the order of their subscription."""
        self._snapshot = snapshot
        for callback in tuple(self._observers.values()):
            try:
                callback(snapshot)
            except Exception:
                _log.exception("an observer of %s failed; the others were told", type(snapshot).__name__)

    def observe(self, callback: Callable[[T], None]) -> Callable[[], None]:
        """Call ``callback(snapshot)`` after each change, on the thread that made it.

        Returns:
            A function that ends the subscription; calling it twice is harmless.
        """
        key = object()
        self._observers[key] = callback

        def unobserve() -> None:
            self._observers.pop(key, None)

        return unobserve
