"""Live location between real clients, over modelled networks that fail."""

import asyncio
from itertools import pairwise

import pytest

from realtime.connection.net_info import NetType
from realtime.location.sources import GpxSource, SimulatedWalk
from realtime.location.track import read_gpx
from realtime.utils.geo import distance_m
from realtime.utils.share import share_path
from tests.simulated_phones import play

OSLO = (59.9139, 10.7522)
TRAM = share_path("data") / "tracks" / "tram.gpx"


async def ride(world, phone, source, **options):
    with world.on(phone.host):
        await phone.location.start_tracking(source, room_id="lobby", **options)


def seen(phone, user_id):
    """Timestamps in ms of the positions of another that a phone has shown, in the order it showed them."""
    return [timestamp for user, timestamp in phone.positions if user == user_id]


def assert_never_back(timestamps):
    assert all(earlier < later for earlier, later in pairwise(timestamps))


@pytest.mark.clause("RT-LOC-1")
@pytest.mark.parametrize("profile", ["wifi", "lte", "edge", "very-bad"])
def test_ten_fixes_a_second_make_one_update_a_second_at_most(profile):
    async def script(world, town):
        ana, ben = await town.phone("ana", profile=profile), await town.phone("ben", profile="wifi")
        arrivals = []
        ben.location.on("update", lambda user, fix: arrivals.append((world.now_s, fix.timestamp_ms / 1000)))
        await ride(world, ana, SimulatedWalk(OSLO, rng=world.rng("walk"), interval_s=0.1))
        await asyncio.sleep(30)
        assert len(seen(ana, "ana")) > 290
        return arrivals

    arrivals = play(script).result
    assert 10 < len(arrivals) <= 31
    measured = [fix_s for _, fix_s in arrivals]
    assert all(later - earlier > 0.89 for earlier, later in pairwise(measured)), (
        "one a second, of fixes up to 0.1 s old"
    )
    assert_never_back(measured)


@pytest.mark.clause("RT-LOC-1")
def test_after_a_tunnel_the_marker_goes_to_the_newest_position_at_once_and_the_trail_has_the_tunnel():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        await ride(world, ana, GpxSource(TRAM))
        await asyncio.sleep(10)
        world.outage("ana", for_s=40)
        await asyncio.sleep(40)
        before = len(seen(ben, "ana"))
        await asyncio.sleep(30)
        own, others = ana.location.state.snapshot.fixes["ana"], ben.location.state.snapshot.fixes["ana"]
        trail = [fix.timestamp_ms for fix in ben.location.state.snapshot.trails["ana"]]
        return seen(ben, "ana"), before, distance_m(own.position, others.position), trail

    timestamps, before, behind_m, trail = play(script).result
    assert_never_back(timestamps)
    assert max(later - earlier for earlier, later in pairwise(trail)) <= 2000
    missed_ms = max(later - earlier for earlier, later in pairwise(timestamps))
    assert missed_ms > 25_000, "what was measured in the tunnel moves no marker"
    assert len(timestamps) - before < 35, "no burst of old positions"
    assert behind_m < 50


@pytest.mark.clause("RT-LOC-2")
def test_the_background_stops_the_tracking_and_the_foreground_resumes_where_one_is_then():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        await ride(world, ana, GpxSource(TRAM))
        await asyncio.sleep(5)
        ana.background()
        await asyncio.sleep(2)
        told = len(ben.positions)
        await asyncio.sleep(58)
        assert len(ben.positions) == told, "not a word from the background"
        assert not ana.location.tracking
        ana.foreground()
        await asyncio.sleep(3)
        assert ana.location.tracking
        with world.on("ana"):
            ana.socket.net_info.update(type=NetType.CELLULAR)
            ana.socket.net_info.update(is_connected=False)
        await asyncio.sleep(10)
        with world.on("ana"):
            ana.socket.net_info.update(type=NetType.WIFI)
        await asyncio.sleep(5)
        now_ms = ana.location.state.snapshot.fixes["ana"].timestamp_ms
        return seen(ben, "ana"), now_ms, tuple(ana.states)

    timestamps, now_ms, states = play(script).result
    assert_never_back(timestamps)
    silent = [round((later - earlier) / 1000) for earlier, later in pairwise(timestamps) if later - earlier > 5000]
    assert len(silent) == 2
    assert silent[0] in range(58, 63)
    assert silent[1] in range(9, 13)
    assert now_ms - timestamps[-1] < 2000
    assert states == (
        "CONNECTING", "CONNECTED", "SUSPENDED", "RECONNECTING", "CONNECTED", "SUSPENDED", "RECONNECTING", "CONNECTED",
    )  # fmt: skip


def test_a_ride_ends_on_the_others_maps_where_the_track_ends_and_goes_when_it_is_stopped():
    async def script(world, town):
        ana, ben = await town.phone("ana", profile="3g"), await town.phone("ben", profile="3g")
        source = GpxSource(TRAM, speed=10.0)
        await ride(world, ana, source)
        await asyncio.sleep(source.track.duration_s / 10 + 5)
        assert not ana.location.tracking
        last = ben.location.state.snapshot.fixes["ana"]
        end = read_gpx(TRAM).points[-1]
        assert distance_m(last.position, (end.latitude, end.longitude)) < 0.01
        assert len(ben.location.state.snapshot.trails["ana"]) > 40
        with world.on("ana"):
            ana.location.stop_tracking()
        await asyncio.sleep(2)
        assert ben.location.state.snapshot.fixes == {}

    play(script)


@pytest.mark.clause("RT-LOC-1")
def test_one_who_stands_still_is_seen_after_a_connection_died_with_the_last_update():
    class Bench:
        def __init__(self, fix):
            self.fix = fix

        async def __aiter__(self):
            yield self.fix
            await asyncio.Event().wait()

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        walk = SimulatedWalk(OSLO, rng=world.rng("walk"))
        fix = await anext(aiter(walk))
        world.unplug("ana")
        await ride(world, ana, Bench(fix))
        await asyncio.sleep(60)
        assert ben.positions == []
        world.replug("ana")
        await asyncio.sleep(60)
        assert ben.location.state.snapshot.fixes == {"ana": fix}
        return seen(ben, "ana")

    assert len(play(script).result) == 1
