"""Positions and fences between real clients, through tunnels, in pockets, and from phones that die."""

import asyncio
import random
from itertools import pairwise

import pytest

from realtime.connection.net_info import NetType
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.location.sources import GpxSource, SimulatedWalk
from realtime.location.track import Track, TrackPoint
from realtime.utils import ambient
from realtime.utils.geo import destination
from tests.simulated_phones import play

OSLO = (59.9139, 10.7522)
FOUND_S = 25 + 20 + 15
"""The server's ping interval and timeout until a silent connection is dead, and the grace until it is gone."""


def line(duration_s, speed_mps, *, bearing=90):
    """A straight ride from OSLO."""
    points = [
        TrackPoint(float(t), *destination(OSLO, bearing, speed_mps * t))
        for t in range(0, duration_s + 1, duration_s // 20)
    ]
    return Track(tuple(points))


async def share(world, phone, source, **options):
    with world.on(phone.host):
        await phone.location.start_tracking(source, room_id="lobby", **options)


def shown(phone, user_id="ana"):
    return phone.location.room("lobby").snapshot.fixes.get(user_id)


def test_a_ride_of_two_hours_with_twelve_tunnels_delivers_every_kept_fix_in_order():
    """A fix every 5 s: 1440 and the one at the start; a tunnel of 60 to 300 s every 600 s.

    After a tunnel the marker is as old as the way back takes: a connection that seems alive is given up 45 s after its
    last ping, an attempt every 30 s at most (20 s, jittered by half), its handshakes on LTE under 1 s, then one update
    (300 s are 60 fixes: a single batch), and a fix is up to 5 s old: 81 s. Where the phone notices itself, it is less.
    """

    async def script(world, town):
        ana, ben = await town.phone("ana", interval_s=5.0), await town.phone("ben")
        rng, ages, kept = random.Random(7), [], []
        for phone in (ana, ben):
            phone.location.close()
        with world.on("ana"):
            ana.location = LiveLocationTracker(ana.socket, user_id="ana", interval_s=5.0, trail_length=3000)
        with world.on("ben"):
            ben.location = LiveLocationTracker(ben.socket, user_id="ben", trail_length=3000)
        told, heard = ana.socket.emit, []
        ben.location.on("update", lambda user, fix: heard.append(fix.timestamp_ms))

        def noted(event, *args, **options):
            if event == "location:update":
                kept.extend(fix["timestamp"] for fix in args[0]["fixes"])
            return told(event, *args, **options)

        ana.socket.emit = noted
        start_s = world.now_s
        await share(world, ana, GpxSource(line(7200, 12.0)))
        for number in range(12):
            tunnel_s = rng.uniform(60, 300)
            await world.until(start_s + 600 * number + 200)
            world.outage("ana", for_s=tunnel_s)
            await asyncio.sleep(tunnel_s + 81)
            ages.append(ambient.wall_time_ms() - shown(ben).timestamp_ms)
        await world.until(start_s + 7200 + 120)
        trail = [fix.timestamp_ms for fix in ben.location.room("lobby").snapshot.trails["ana"]]
        return sorted(set(kept)), trail, ages, heard

    kept, trail, ages, heard = play(script, max_virtual_s=9000).result
    assert len(kept) == pytest.approx(1441, abs=15)
    assert trail == kept
    assert all(later - earlier <= 6000 for earlier, later in pairwise(trail)), "the tunnels are in the trail"
    assert max(ages) <= 6500, "5 s between two fixes, and the way on LTE"
    assert heard == sorted(heard), "the marker never goes back"


def test_a_fence_in_a_tunnel_is_told_of_once_with_the_time_of_the_crossing():
    """At 10 m/s eastward: the fence, 2000 m away with a radius of 200 m, is entered at 180 s and left at 220 s."""

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        with world.on("ana"):
            fence = Circle("school", destination(OSLO, 90, 2000), radius_m=200)
            alerts = GeofenceAlerts(ana.socket, [fence], room_id="lobby", rng=world.rng("events"))
            alerts.follow(ana.location)
        told = []
        ben.socket.on("geofence:event", lambda event, *rest: told.append(event))
        start_ms = ambient.wall_time_ms()
        ride = GpxSource(line(400, 10.0))

        class UnderGround:
            """Neither satellites nor a network from 100 s to 300 s."""

            async def __aiter__(self):
                async for fix in ride:
                    if not 100_000 < fix.timestamp_ms - start_ms < 300_000:
                        yield fix

        await share(world, ana, UnderGround())
        await asyncio.sleep(100)
        world.outage("ana", for_s=200)
        await asyncio.sleep(500)
        assert alerts.inside.snapshot == ()
        return [(each["transition"], (each["fix"]["timestamp"] - start_ms) / 1000) for each in told]

    assert play(script).result == [("enter", pytest.approx(180, abs=1)), ("exit", pytest.approx(220, abs=1))]


@pytest.mark.clause("RT-GEO-5")
def test_the_server_finds_the_same_crossing():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        town.server.geofences("lobby").add(Circle("school", destination(OSLO, 90, 2000), radius_m=200))
        told = []
        ben.socket.on("geofence:event", lambda event, *rest: told.append(event))
        start_ms = ambient.wall_time_ms()
        await share(world, ana, GpxSource(line(400, 10.0)))
        await asyncio.sleep(100)
        world.outage("ana", for_s=200)
        await asyncio.sleep(500)
        return [(each["transition"], (each["fix"]["timestamp"] - start_ms) / 1000) for each in told]

    assert play(script).result == [("enter", pytest.approx(180, abs=1)), ("exit", pytest.approx(220, abs=1))]


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
