"""Sources of fixes, on a clock that jumps: where one is does not depend on who asks, or how often."""

import asyncio
import random
from itertools import pairwise

import pytest

from realtime.location.sources import GpxSource, LocationSource, SimulatedWalk, StreamSource, TraceSource
from realtime.location.track import Track, TrackPoint
from realtime.network.traces import load_trace
from realtime.sim.entropy import EPOCH_S
from realtime.sim.world import simulate
from realtime.utils.geo import distance_m
from realtime.utils.share import share_path

# 100 s north at 10 m/s, in steps of about a metre per 0.1 s.
NORTH = Track((TrackPoint(0.0, 60.0, 10.0), TrackPoint(100.0, 60.008993, 10.0)))
START = (59.9139, 10.7522)


EPOCH_MS = round(EPOCH_S * 1000)


def run(main):
    return simulate(lambda world: main).result


async def take(source, count):
    fixes = []
    async for fix in source:
        fixes.append(fix)
        if len(fixes) == count:
            break
    return fixes


async def collect(source):
    return [fix async for fix in source]


def test_a_track_is_followed_in_its_own_time():
    first, second, third = run(take(GpxSource(NORTH), 3))
    assert (first.latitude, first.longitude) == (60.0, 10.0)
    assert [fix.timestamp_ms for fix in (first, second, third)] == [EPOCH_MS, EPOCH_MS + 1000, EPOCH_MS + 2000]
    assert distance_m(first.position, third.position) == pytest.approx(20, abs=0.1)
    assert second.speed_mps == pytest.approx(10, abs=0.1)
    assert second.heading_deg == pytest.approx(0)
    assert second.accuracy_m == 5.0


def test_a_track_ends_with_its_last_point():
    fixes = run(collect(GpxSource(NORTH, interval_s=30.0)))
    assert [fix.timestamp_ms - EPOCH_MS for fix in fixes] == [0, 30_000, 60_000, 90_000, 100_000]
    assert (fixes[-1].latitude, fixes[-1].speed_mps) == (60.008993, 0.0)


def test_a_track_can_be_followed_faster():
    fixes = run(collect(GpxSource(NORTH, speed=20.0)))
    assert [fix.timestamp_ms - EPOCH_MS for fix in fixes] == [0, 1000, 2000, 3000, 4000, 5000]
    assert distance_m(fixes[0].position, fixes[1].position) == pytest.approx(200, abs=1)
    assert fixes[1].speed_mps == pytest.approx(200, abs=1), "as fast as the marker moves"


@pytest.mark.clause("RT-LOC-13")
def test_the_ride_goes_on_while_nobody_looks():
    async def main():
        source = GpxSource(NORTH)
        [start] = await take(source, 1)
        await asyncio.sleep(39.5)
        back, then = await take(source, 2)
        return start, back, then

    start, back, then = run(main())
    assert distance_m(start.position, back.position) == pytest.approx(395, abs=0.5), "at once where it is now"
    assert back.timestamp_ms == EPOCH_MS + 39_500
    assert then.timestamp_ms == EPOCH_MS + 40_000, "and then in step again"


def test_a_ride_that_ended_while_nobody_looked_shows_its_end_once():
    async def main():
        source = GpxSource(NORTH)
        await take(source, 1)
        await asyncio.sleep(500)
        return await collect(source), await collect(source)

    fixes, again = run(main())
    assert [fix.latitude for fix in fixes] == [60.008993]
    assert again == []


def test_a_track_is_read_from_a_file_by_name():
    fixes = run(take(GpxSource(share_path("data") / "tracks" / "tram.gpx", speed=60.0), 4))
    assert distance_m(fixes[0].position, fixes[-1].position) > 300
    assert repr(GpxSource(NORTH)) == "<GpxSource <Track 2 points, 100 s, 1000 m> speed=1>"


@pytest.mark.parametrize("options", [{"speed": 0}, {"speed": -1}, {"interval_s": 0}, {"accuracy_m": -1}])
def test_nonsense_is_refused_by_name(options):
    [name] = options
    with pytest.raises(ValueError, match=name):
        GpxSource(NORTH, **options)
    if name != "speed":
        with pytest.raises(ValueError, match=name):
            SimulatedWalk(START, **options)


@pytest.mark.clause("RT-LOC-13")
def test_a_trace_is_followed_where_it_was_recorded():
    trace = load_trace(share_path("data") / "traces" / "bus-lte.log")
    fixes = run(take(TraceSource(trace, interval_s=60.0), 3))
    places = [trace.position_at(second * 10**9) for second in (0, 60, 120)]
    for fix, place in zip(fixes, places, strict=True):
        assert distance_m(fix.position, (place.latitude, place.longitude)) < 1
    assert repr(TraceSource(trace)).startswith("<TraceSource 'bus-lte'")


def test_a_trace_without_places_cannot_be_followed():
    trace = load_trace(share_path("data") / "traces" / "tram-3g.log")
    with pytest.raises(ValueError, match="'tram-3g' has no places"):
        TraceSource(trace)


def test_a_walk_is_replayed_by_its_seed():
    walks = [run(take(SimulatedWalk(START, rng=random.Random(seed)), 50)) for seed in (1, 1, 2)]
    assert walks[0] == walks[1] != walks[2]


def test_a_walk_keeps_its_speed_and_stays_around():
    fixes = run(take(SimulatedWalk(START, rng=random.Random(3), speed_mps=2.0, radius_m=100.0), 2000))
    assert fixes[0].position == START
    for earlier, later in pairwise(fixes):
        assert distance_m(earlier.position, later.position) == pytest.approx(2.0, abs=0.01)
        assert later.speed_mps == 2.0
    away = [distance_m(START, fix.position) for fix in fixes]
    assert 50 < max(away) < 110
    headings = [fix.heading_deg for fix in fixes]
    assert all(0 <= heading < 360 for heading in headings)


@pytest.mark.clause("RT-LOC-13")
def test_a_walk_goes_on_while_nobody_looks():
    async def main():
        source = SimulatedWalk(START, rng=random.Random(3), speed_mps=2.0, radius_m=1000.0)
        [start] = await take(source, 1)
        await asyncio.sleep(60)
        [back] = await take(source, 1)
        return start, back

    start, back = run(main())
    assert 5 < distance_m(start.position, back.position) <= 120


def test_a_walk_shows_where_it_is():
    assert repr(SimulatedWalk(START)) == "<SimulatedWalk around 59.9139, 10.7522>"


def test_both_are_sources():
    assert isinstance(GpxSource(NORTH), LocationSource)
    assert isinstance(SimulatedWalk(START), LocationSource)


class TestAStream:
    @staticmethod
    async def numbers(count, every_s=1.0):
        for n in range(count):
            yield n
            await asyncio.sleep(every_s)

    def test_it_is_followed_to_its_end(self):
        assert run(collect(StreamSource(self.numbers(5)))) == [0, 1, 2, 3, 4]

    def test_after_a_pause_it_goes_on_with_the_newest(self):
        async def main():
            source = StreamSource(self.numbers(100))
            first = await take(source, 3)
            await asyncio.sleep(20.5)
            return first, await take(source, 2)

        assert run(main()) == ([0, 1, 2], [22, 23])

    def test_its_failure_is_told(self):
        async def broken():
            yield 1
            raise OSError("no GPS")

        with pytest.raises(OSError, match="no GPS"):
            run(collect(StreamSource(broken())))

    def test_a_closed_one_ends(self):
        async def main():
            source = StreamSource(self.numbers(100))
            asyncio.get_running_loop().call_later(2.5, source.close)
            return await collect(source)

        assert run(main()) == [0, 1, 2]
