"""A phone kills the app in a tunnel; its next run tells the whole way."""

import asyncio
from itertools import pairwise

import pytest

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.kept_fixes import SAVED_AFTER_S, KeptFixes
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.location.precision import rounded
from realtime.location.sources import GpxSource
from realtime.location.track import Track, TrackPoint
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate
from realtime.utils import ambient
from realtime.utils.geo import destination
from tests.jumping_clock import jumping
from tests.location.ana import Ana, fix

OSLO = (59.9139, 10.7522)
RIDE = Track(tuple(TrackPoint(float(t), *destination(OSLO, 90, 10.0 * t)) for t in range(0, 401, 20)))


SCHOOL = Circle("school", destination(OSLO, 90, 1000), radius_m=100)
"""The server watches it; it lies in the tunnel."""
BRIDGE = Circle("bridge", destination(OSLO, 90, 1600), radius_m=100)
"""The phone watches it; the app dies there, at 160 s."""


class Courier(SimPhone):
    """It tells the lobby of its way as soon as it starts, and keeps what it could not tell."""

    def make_location(self):
        return LiveLocationTracker(
            self.socket,
            user_id=self.user_id,
            interval_s=1.0,
            trail_length=1000,
            store=KeptFixes(self.machine.disk.path / "kept.json"),
        )

    async def start(self):
        file = self.machine.disk.path / "fences.json"
        self.alerts = GeofenceAlerts(self.socket, [BRIDGE], room_id="lobby", kept_in=file, rng=self.rng("events"))
        self.alerts.follow(self.location)
        await super().start()


def story(death, *, profile="lte", seed=0):
    """A tunnel from 60 s to 260 s; at 160 s the app dies, for 20 s; each run measures once a second."""

    async def main(world):
        engine = MemoryEngine(rng=world.rng("engine"))
        world.machine("server", lambda machine: SimServer(world, machine, engine=engine))
        ride = GpxSource(RIDE)

        def phone(machine):
            shares = (ride, "lobby") if machine.name == "ana" else None
            return Courier(world, machine, user_id=machine.name, shares=shares, on_disk=True)

        ana, ben = world.machine("ana", phone, profile=profile), world.machine("ben", phone, profile="wifi")
        await world.eventually(lambda: ben.is_running and ben.app.is_settled, within_s=60)
        world.machines["server"].app.server.geofences("lobby").add(SCHOOL)
        crossings = []
        start_s, start_ms = world.now_s, ambient.wall_time_ms()

        def crossed(event, *rest):
            crossings.append((event["fenceId"], event["transition"], (event["fix"]["timestamp"] - start_ms) / 1000))

        ben.app.socket.on("geofence:event", crossed)
        world.at(start_s + 60).outage("ana", for_s=200)
        getattr(world.at(start_s + 160), death)("ana", for_s=20)
        await world.until(start_s + 159.9)
        kept = ana.app.location.kept
        await world.until(start_s + 500)
        trail = [each.timestamp_ms for each in ben.app.location.room("lobby").snapshot.trails["ana"]]
        assert ana.app.location.kept == ()
        assert KeptFixes(ana.disk.path / "kept.json").of("lobby") == ()
        return [each.timestamp_ms for each in kept], trail, crossings

    return simulate(main, seed=seed, max_virtual_s=3600).result


def check(death, **options):
    kept, trail, crossings = story(death, **options)
    assert len(kept) == pytest.approx(100, abs=3)
    saved = [at_ms for at_ms in kept if at_ms <= kept[-1] - 1000 * (SAVED_AFTER_S + 1)]
    assert set(saved) <= set(trail)
    assert all(earlier < later for earlier, later in pairwise(trail))
    holes = [(later - earlier) / 1000 for earlier, later in pairwise(trail) if later - earlier > 2500]
    assert holes == [pytest.approx(20 + SAVED_AFTER_S / 2, abs=SAVED_AFTER_S / 2 + 2)], "only while there was no app"
    assert sorted(crossings, key=lambda each: each[2]) == [
        ("school", "enter", pytest.approx(90, abs=2)),
        ("school", "exit", pytest.approx(110, abs=2)),
        ("bridge", "enter", pytest.approx(150, abs=2)),
        ("bridge", "exit", pytest.approx(170, abs=2)),
    ], "each once, at its time, also the one that happened while there was no app"


@pytest.mark.clause("RT-LOC-8", "RT-GEO-4")
@pytest.mark.parametrize("death", ["kill_app", "crash"])
def test_a_ride_survives_the_end_of_its_app(death):
    check(death)


class TestTheTracker:
    @staticmethod
    def ana(tmp_path, **options):
        return Ana(store=KeptFixes(tmp_path / "kept.json"), **options)

    @jumping
    async def test_what_was_kept_is_told_with_the_first_new_fix(self, tmp_path):
        first = self.ana(tmp_path, connected=False)
        await first.start()
        await first.move(1)
        await asyncio.sleep(1)
        await first.move(2)
        await asyncio.sleep(SAVED_AFTER_S + 0.1)
        again = self.ana(tmp_path)
        await again.start()
        assert again.tracker.kept == (fix(1), fix(2))
        await asyncio.sleep(60)
        assert again.sent() == [], "a marker would stand where one was"
        await again.source.push(fix(3))
        [update] = again.socket.said("location:update")
        assert [each["timestamp"] for each in update["fixes"]] == [1000, 2000, 3000]
        await again.ack()
        await asyncio.sleep(SAVED_AFTER_S + 0.1)
        assert KeptFixes(tmp_path / "kept.json").of("lobby") == ()

    @jumping
    async def test_it_is_told_as_exact_as_the_new_start_allows(self, tmp_path):
        KeptFixes(tmp_path / "kept.json").set("lobby", [fix(1)])
        ana = self.ana(tmp_path)
        await ana.start(precision_m=500)
        await ana.source.push(fix(2))
        [update] = ana.socket.said("location:update")
        assert [Fix.from_wire(each) for each in update["fixes"]] == [rounded(fix(1), 500), rounded(fix(2), 500)]

    @jumping
    async def test_on_a_good_network_nothing_is_written(self, tmp_path):
        ana = self.ana(tmp_path)
        await ana.start()
        for n in range(30):
            await ana.move(n)
            await asyncio.sleep(1)
            assert not (tmp_path / "kept.json").exists()

    @jumping
    async def test_the_background_writes_at_once(self, tmp_path):
        ana = self.ana(tmp_path, connected=False)
        await ana.start()
        await ana.move(1)
        ana.socket.app_state.background()
        assert KeptFixes(tmp_path / "kept.json").of("lobby") == (fix(1),)

    @pytest.mark.parametrize("how", ["stop", "expiry"])
    @jumping
    async def test_who_does_not_share_any_more_leaves_nothing_on_the_disk(self, tmp_path, how):
        ana = self.ana(tmp_path, connected=False)
        await ana.start(share_for_s=20)
        await ana.move(1)
        await asyncio.sleep(10)
        assert (tmp_path / "kept.json").exists()
        if how == "stop":
            ana.tracker.stop_tracking()
        await asyncio.sleep(11)
        assert not (tmp_path / "kept.json").exists()

    @jumping
    async def test_a_closed_tracker_leaves_it_for_the_next_run(self, tmp_path):
        ana = self.ana(tmp_path, connected=False)
        await ana.start()
        await ana.move(1)
        ana.tracker.close()
        ana.socket.connect()
        await asyncio.sleep(2 * SAVED_AFTER_S)
        assert KeptFixes(tmp_path / "kept.json").of("lobby") == (fix(1),)

    @jumping
    async def test_an_answer_after_the_close_changes_nothing_on_the_disk(self, tmp_path):
        ana = self.ana(tmp_path, acks=False)
        await ana.start()
        await ana.move(1)
        ana.tracker.close()
        await ana.ack()
        await asyncio.sleep(2 * SAVED_AFTER_S)
        assert KeptFixes(tmp_path / "kept.json").of("lobby") == (fix(1),)

    @jumping
    async def test_a_stop_before_the_first_fix_forgets_the_former_ride(self, tmp_path):
        KeptFixes(tmp_path / "kept.json").set("lobby", [fix(1)])
        ana = self.ana(tmp_path)
        await ana.start()
        ana.tracker.stop_tracking()
        assert not (tmp_path / "kept.json").exists()
