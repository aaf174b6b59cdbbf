"""Fetches older pages on a thread of its own: what waits for a server must not keep the kernel's threads."""

from __future__ import annotations

import threading
from collections.abc import Callable


class OlderPages:
    """One page at a time.

    Args:
        load: brings a page; may take long, may raise.
        done: told after each page, with the error if there was one, on the thread that loaded it.
    """

    def __init__(self, load: Callable[[], object], done: Callable[[Exception | None], object]) -> None:
        self._load = load
        self._done = done
        self._busy = threading.Lock()

    @property
    def loading(self) -> bool:
        """Whether a page is on its way."""
        return self._busy.locked()

    def fetch(self) -> None:
        """Bring a page, unless one is on its way."""
        if self._busy.acquire(blocking=False):
            threading.Thread(target=self._run, name="older-pages", daemon=True).start()

    def _run(self) -> None:
        error: Exception | None = None
        try:
            self._load()
        except Exception as caught:  # whatever it is, the reader who asked is told
            error = caught
        finally:
            self._busy.release()
        self._done(error)
