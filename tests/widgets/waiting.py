"""Waiting for what another thread does: a condition and a deadline, never a sleep for luck."""

import threading
from collections.abc import Callable

DEADLINE_S = 30.0


def eventually(condition: Callable[[], object]) -> None:
    """Return as soon as ``condition`` holds; fail at the deadline."""
    pause = threading.Event()
    for _ in range(int(DEADLINE_S / 0.005)):
        if condition():
            return
        pause.wait(0.005)
    raise AssertionError(f"not within {DEADLINE_S} s")
