"""Own fixes for the app, at the pace of the updates that the room gets, whatever the network does."""

import asyncio

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.paced import Paced
from realtime.location.resolution import Resolution
from tests.jumping_clock import jumping
from tests.location.ana import fix


def paced(**options):
    seen = []
    return Paced(
        Resolution(**({"interval_s": 1.0} | options)), lambda each: seen.append(each.timestamp_ms / 1000)
    ), seen


@jumping
async def test_of_ten_fixes_in_a_second_it_gets_the_first_at_once_and_the_newest_after_the_interval():
    own, seen = paced()
    for n in range(10):
        own.offer(fix(n / 10))
        await asyncio.sleep(0.09)
    assert seen == [0.0]
    await asyncio.sleep(0.2)
    assert seen == [0.0, 0.9]
    await asyncio.sleep(60)
    assert seen == [0.0, 0.9]


@jumping
async def test_of_a_bunch_that_comes_late_it_gets_the_newest():
    own, seen = paced()
    for n in range(10):
        own.offer(fix(n))
    await asyncio.sleep(60)
    assert seen == [0, 9]


@jumping
async def test_who_does_not_move_is_told_as_rarely_as_the_room():
    own, seen = paced(displacement_m=200.0, still_interval_s=30.0)
    for n in range(4):
        own.offer(fix(n))  # 56 m from one to the next
        await asyncio.sleep(2)
    assert seen == [0]
    await asyncio.sleep(30)
    assert seen == [0, 3]


@jumping
async def test_an_empty_battery_slows_it_down():
    own, seen = paced(low_battery_factor=4.0)
    own.conditions(net=NetType.WIFI, battery=BatteryStatus(0.1, False))
    for n in range(8):
        own.offer(fix(n))
        await asyncio.sleep(1)
    assert seen == [0, 3, 7], "each four seconds the newest"


@jumping
async def test_after_a_pause_it_goes_on_and_after_the_end_nothing_comes():
    own, seen = paced()
    own.offer(fix(0))
    own.offer(fix(1))
    own.pause()
    await asyncio.sleep(10)
    assert seen == [0]
    own.resume()
    assert seen == [0, 1]
    own.offer(fix(2))
    own.close()
    await asyncio.sleep(10)
    assert seen == [0, 1]


@jumping
async def test_what_fails_is_logged_and_the_next_one_comes(caplog):
    seen = []

    def told(each):
        seen.append(each)
        raise ZeroDivisionError

    own = Paced(Resolution(), told)
    own.offer(fix(0))
    await asyncio.sleep(2)
    own.offer(fix(2))
    assert seen == [fix(0), fix(2)]
    assert "ZeroDivisionError" in caplog.text
