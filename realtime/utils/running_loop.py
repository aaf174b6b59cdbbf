"""The loop of this thread, where that may be none."""

from __future__ import annotations

import asyncio


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The loop that runs on the calling thread; None if none does."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
