"""What of the surrounding process a simulation must not feel."""

import asyncio
import gc

import pytest

from realtime.sim.isolation import outside_any_loop, without_collector


async def test_another_loop_may_run_inside_a_running_one():
    with outside_any_loop():
        with pytest.raises(RuntimeError, match="no running event loop"):
            asyncio.get_running_loop()
        assert asyncio.run(asyncio.sleep(0, "inner")) == "inner"
    assert await asyncio.sleep(0, "outer") == "outer"


def test_the_collector_rests_until_the_last_user_has_gone():
    assert gc.isenabled()
    with without_collector():
        with without_collector():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_a_collector_that_was_off_stays_off():
    gc.disable()
    try:
        with without_collector():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()
