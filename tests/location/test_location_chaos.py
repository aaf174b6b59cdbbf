"""Positions between real clients: of phones that die, of two devices, with an end, and for those who come later."""

import asyncio

import pytest

from realtime.connection.net_info import NetType
from realtime.location.fix import Fix
from realtime.location.sources import SimulatedWalk
from realtime.utils import ambient
from tests.simulated_phones import play

OSLO = (59.9139, 10.7522)
FOUND_S = 25 + 20 + 15
"""The server's ping interval and timeout until a silent connection is dead, and the grace until it is gone."""


async def share(world, phone, source, **options):
    with world.on(phone.host):
        await phone.location.start_tracking(source, room_id="lobby", **options)


def shown(phone, user_id="ana"):
    return phone.location.room("lobby").snapshot.fixes.get(user_id)


def test_the_position_of_a_phone_that_died_disappears_everywhere():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        stops = []
        ben.location.on("stop", lambda *stop: stops.append(stop))
        await share(world, ana, SimulatedWalk(OSLO, rng=world.rng("walk")))
        await asyncio.sleep(5)
        world.unplug("ana")
        await asyncio.sleep(10)
        assert shown(ben) is not None
        await asyncio.sleep(FOUND_S - 10 + 1)
        assert shown(ben) is None
        cleo = await town.phone("cleo")
        assert shown(cleo) is None
        world.replug("ana")
        await asyncio.sleep(60)
        assert shown(ben) is not None
        return tuple(stops)

    assert play(script).result == (("ana", "lobby", "gone"),)


def test_a_short_outage_makes_nobody_flicker():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        stops = []
        ben.location.on("stop", lambda *stop: stops.append(stop))
        await share(world, ana, SimulatedWalk(OSLO, rng=world.rng("walk")))
        for _ in range(5):
            await asyncio.sleep(20)
            with world.on("ana"):
                ana.socket.net_info.update(type=NetType.CELLULAR)
                ana.socket.net_info.update(is_connected=False)
            await asyncio.sleep(8)
            with world.on("ana"):
                ana.socket.net_info.update(type=NetType.WIFI)
        return tuple(stops)

    assert play(script).result == ()


def test_a_stop_whose_answer_is_lost_does_not_end_the_sharing_that_follows():
    """It would be told again with the next connection, behind the first position of the next sharing."""

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        stops = []
        ben.location.on("stop", lambda *stop: stops.append(stop))
        walk = SimulatedWalk(OSLO, rng=world.rng("walk"))
        await share(world, ana, walk)
        await asyncio.sleep(5)
        world.partition_oneway("server", "ana", for_s=3)
        with world.on("ana"):
            ana.location.stop_tracking()
        await asyncio.sleep(1)
        await share(world, ana, walk)
        await asyncio.sleep(1)
        world.reset("ana")
        await asyncio.sleep(30)
        assert shown(ben) is not None
        return tuple(stops)

    assert play(script).result == (("ana", "lobby", "stopped"),)


@pytest.mark.clause("RT-LOC-11")
def test_sharing_ends_at_its_time_though_the_phone_is_dead_by_then():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        stops = []
        ben.location.on("stop", lambda user, room, reason: stops.append((world.now_s - start_s, user, reason)))
        start_s = world.now_s
        await share(world, ana, SimulatedWalk(OSLO, rng=world.rng("walk")), share_for_s=30)
        await asyncio.sleep(10)
        world.unplug("ana")
        await asyncio.sleep(50)
        assert shown(ben) is None
        assert not ana.location.tracking
        world.replug("ana")
        await asyncio.sleep(60)
        assert shown(ben) is None
        return tuple(stops)

    assert play(script).result == ((pytest.approx(30, abs=0.5), "ana", "expired"),)


@pytest.mark.clause("RT-LOC-11")
def test_sharing_ends_at_its_time_by_a_clock_that_is_wrong():
    """A phone that lives in 1970 shares for 30 s; a server that took its clock for its own would end it at once."""

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        stops = []
        ben.location.on("stop", lambda user, room, reason: stops.append((world.now_s - start_s, user, reason)))
        start_s = world.now_s
        fix = Fix(latitude=OSLO[0], longitude=OSLO[1], accuracy_m=5.0, timestamp_ms=1000)
        update = {"roomId": "lobby", "fixes": [fix.to_wire()], "until": 31_000, "sentAt": 1000}
        assert (await ana.socket.call("location:update", update))["accepted"] == 1
        cleo = await town.phone("cleo")
        assert shown(cleo) == fix
        await asyncio.sleep(60)
        return tuple(stops)

    assert play(script).result == ((pytest.approx(30, abs=0.5), "ana", "expired"),)


def test_who_comes_later_and_who_was_away_see_where_everybody_is():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        where = Fix(latitude=OSLO[0], longitude=OSLO[1], accuracy_m=5.0, timestamp_ms=ambient.wall_time_ms())

        class Bench:
            async def __aiter__(self):
                yield where
                await asyncio.Event().wait()

        world.unplug("ben")
        await share(world, ana, Bench())
        await asyncio.sleep(1)
        cleo = await town.phone("cleo")
        assert shown(cleo) == where
        await asyncio.sleep(300)  # longer than a session is kept
        world.replug("ben")
        await asyncio.sleep(60)
        assert shown(ben) == where

    play(script)


def test_two_devices_of_one_user():
    """Both share: the marker shows the newest of both; it goes with the second one that stops."""

    async def script(world, town):
        phone, tablet = await town.phone("ana"), await town.phone("ana", device="tablet")
        ben = await town.phone("ben")
        await share(world, phone, SimulatedWalk(OSLO, rng=world.rng("phone")))
        await asyncio.sleep(0.5)
        await share(world, tablet, SimulatedWalk(OSLO, rng=world.rng("tablet")))
        await asyncio.sleep(10)
        world.unplug("ana")
        await asyncio.sleep(40)
        world.replug("ana")
        await asyncio.sleep(60)
        trail = [fix.timestamp_ms for fix in ben.location.room("lobby").snapshot.trails["ana"]]
        assert trail == sorted(set(trail))
        assert len(trail) == 200, "two a second, for more than 100 s: also what the phone kept in its tunnel"
        with world.on("ana"):
            phone.location.stop_tracking()
        await asyncio.sleep(5)
        assert ambient.wall_time_ms() - shown(ben).timestamp_ms < 2000
        assert shown(phone) is not None, "the phone shows where the tablet is"
        with world.on("tablet"):
            tablet.location.stop_tracking()
        await asyncio.sleep(2)
        assert [shown(each) for each in (phone, tablet, ben)] == [None] * 3

    play(script)
