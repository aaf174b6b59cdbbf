"""Where everybody is, in a component that shares its own position as well."""

from realtime.hooks.use_location import use_location
from realtime.location.sources import SimulatedWalk
from tests.hooks.watching import Shows, followers
from tests.lab.sim_town import play
from tests.server.waiting import until

OSLO = (59.9127, 10.7461)


def test_a_shared_walk_shows_at_the_other_through_an_outage_and_ends_there():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        anas, bens = Shows(use_location, ana.app.location, "lobby"), Shows(use_location, ben.app.location)
        with ben.inside(), bens.mounted(), ana.inside(), anas.mounted():
            assert anas.last.own is None
            anas.last.start(SimulatedWalk(OSLO, rng=town.world.rng("walk")), room_id="lobby")
            await town.world.until(town.world.now_s + 20)
            assert set(bens.last.fixes) == {"ana"}
            town.world.outage("ana", for_s=20)
            await town.world.until(town.world.now_s + 60)
            times = [fix.timestamp_ms for fix in bens.last.trails["ana"]]
            assert times == sorted(set(times))
            assert anas.last.own.timestamp_ms - times[-1] <= 10_000
            town.world.background("ana", for_s=20)
            await town.world.until(town.world.now_s + 10)
            paused = anas.last.own
            await town.world.until(town.world.now_s + 30)
            assert anas.last.own.timestamp_ms > paused.timestamp_ms
            anas.last.stop()
            await town.world.until(town.world.now_s + 5)
            assert (anas.last.own, anas.last.fixes, bens.last.fixes) == (None, {}, {})
        assert followers(ana.app.location.room("lobby")) == followers(ben.app.location.state) == 0

    play(script)


async def test_a_component_shares_a_phones_position_on_the_labs_loop(lab, caplog):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    anas, bens = Shows(use_location, ana, "lobby"), Shows(use_location, ben, "lobby")
    with anas.mounted(), bens.mounted():
        anas.last.start(SimulatedWalk(OSLO), room_id="lobby", precision_m=100.0)
        await until(lambda: "ana" in bens.last.fixes and anas.last.own is not None)
        anas.last.stop()
        await until(lambda: not bens.last.fixes)
        anas.last.start(SimulatedWalk(OSLO), room_id="lobby", share_for_s=-1.0)
        await until(lambda: anas.last.error is not None)
    assert "share_for_s must be a number of seconds above 0" in str(anas.last.error)
