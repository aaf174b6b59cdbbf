"""The loop of this thread, or none."""

import asyncio

from realtime.utils.running_loop import running_loop


async def test_it_is_the_one_that_runs_here():
    assert running_loop() is asyncio.get_running_loop()
    assert await asyncio.to_thread(running_loop) is None


def test_without_one_it_is_none():
    assert running_loop() is None
