"""Waiting for a condition, with a deadline instead of luck."""

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], object], what: str = "the condition", deadline_s: float = 30.0) -> None:
    """Return once ``condition()`` is true; fail after the deadline."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline_s
    while not condition():
        assert loop.time() < ends, f"{what} did not come true within {deadline_s:g} s"
        await asyncio.sleep(0.002)
