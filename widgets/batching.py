"""One message per widget every few tens of milliseconds, however fast its state changes.

The Jupyter server silently drops bursts of thousands of messages, and nobody sees 100 updates a second.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

INTERVAL_S = 0.04  # 25 updates a second look continuous

_log = logging.getLogger("realtime.widgets")


class Batcher:
    """Runs ``flush`` on a thread of its own, at most once per interval, after the last :meth:`touch` always.

    Neither the loop that changes the state nor a cell that computes waits for a flush. Call :meth:`close` when
    done: the thread lives until then.

    Args:
        flush: sends what has changed; an exception is logged, and the next flush runs.
        interval_s: seconds in which touches are gathered into one flush.
        name: the thread's name, for debugging.
    """

    def __init__(self, flush: Callable[[], None], *, interval_s: float = INTERVAL_S, name: str = "widget") -> None:
        self._flush = flush
        self._interval_s = interval_s
        self._touched = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"{name}-batcher", daemon=True)
        self._thread.start()

    @property
    def running(self) -> bool:
        """Whether flushes may still happen."""
        return self._thread.is_alive()

    def touch(self) -> None:
        """Say that something changed. Cheap, from any thread."""
        self._touched.set()

    def close(self) -> None:
        """End the thread; what was touched last may stay unflushed. Calling it twice is harmless."""
        self._closed.set()
        self._touched.set()

    def _run(self) -> None:
        while True:
            self._touched.wait()
            if self._closed.wait(self._interval_s):
                return
            self._touched.clear()  # before the flush: a change during it asks for another one
            try:
                self._flush()
            except Exception:
                _log.exception("a widget could not be updated")
