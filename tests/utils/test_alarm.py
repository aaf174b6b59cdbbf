"""One alarm for the next deadline."""

import asyncio
import sys

import pytest

from realtime.utils.alarm import Alarm
from tests.jumping_clock import jumping


@jumping
async def test_it_rings_once_at_its_time():
    rung = []
    alarm = Alarm(rung.append)
    alarm.set(5.0)
    alarm.set(5.0)
    await asyncio.sleep(4.9)
    assert rung == []
    await asyncio.sleep(60)
    assert rung == [5.0]


@jumping
async def test_a_new_time_replaces_the_former_and_none_ends_it():
    rung = []
    alarm = Alarm(rung.append)
    alarm.set(5.0)
    alarm.set(3.0)
    alarm.set(7.0)
    await asyncio.sleep(6)
    assert rung == []
    alarm.set(None)
    alarm.set(None)
    await asyncio.sleep(60)
    assert rung == []


@jumping
async def test_a_time_that_is_over_rings_at_once_with_the_time_it_is():
    rung = []
    await asyncio.sleep(2)
    Alarm(rung.append).set(1.0)
    await asyncio.sleep(0.001)
    assert [round(now, 2) for now in rung] == [2.0]


@jumping
async def test_it_can_be_set_while_it_rings():
    rung = []

    def ring(now):
        rung.append(now)
        alarm.set(now + 1 if now < 3 else None)

    alarm = Alarm(ring)
    alarm.set(1.0)
    await asyncio.sleep(60)
    assert rung == [1.0, 2.0, 3.0]


def test_a_loop_that_rings_a_hair_early_does_not_make_it_ring_early():
    """Else a machine that is asked too early decides nothing, and is asked again at once, for ever."""

    rung = []
    loop = asyncio.new_event_loop()
    loop.time = lambda: 4.999_999_999

    async def main():
        Alarm(rung.append).set(5.0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    loop._clock_resolution = 1e-6
    loop.run_until_complete(main())
    loop.close()
    assert rung == [5.0]


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop does not run on Windows")
def test_it_can_be_set_again_after_a_time_that_was_over_on_uvloop():
    """There, call_at for a time that is over returns a handle that does not know its time."""
    import uvloop

    rung = []

    async def main():
        now = asyncio.get_running_loop().time()
        alarm = Alarm(rung.append)
        alarm.set(now - 1)
        assert alarm.due == now - 1
        alarm.set(now - 2)
        await asyncio.sleep(0.01)
        assert alarm.due is None

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
    assert len(rung) == 1
