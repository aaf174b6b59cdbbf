"""What of the surrounding process a simulation must not feel."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import threading
from collections.abc import Iterator

_lock = threading.Lock()
_holders = 0
_was_enabled = False


@contextlib.contextmanager
def outside_any_loop() -> Iterator[None]:
    """Let this thread forget that it is running a loop, so that it may run another one meanwhile."""
    running = asyncio._get_running_loop()
    asyncio._set_running_loop(None)
    try:
        yield
    finally:
        asyncio._set_running_loop(running)


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Keep the garbage collector from running finalizers at moments that depend on the process's past.

    It serves the whole process, so it stays off until the last simulation of all threads has ended. A
    simulation collects by itself at fixed points.
    """
    global _holders, _was_enabled
    with _lock:
        _holders += 1
        if _holders == 1:
            _was_enabled = gc.isenabled()
            gc.disable()
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if _holders == 0 and _was_enabled:
                gc.enable()
