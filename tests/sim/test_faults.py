"""What can be done to the hosts of a world."""

import asyncio
import math

import pytest
import websockets
from websockets.asyncio.client import connect

from realtime.network.link import MS, LinkConditions
from realtime.sim.world import simulate
from tests.sim.websockets_pair import URL, opened


def now():
    return asyncio.get_running_loop().time()


def test_a_reset_is_felt_at_both_ends_at_once():
    async def main(world):
        ws, ends = await opened(world)
        world.at(5).reset("ana")
        with pytest.raises(websockets.ConnectionClosedError) as caught:
            await ws.recv()
        felt = now()
        await ends[0].wait_closed()
        return felt, now(), type(caught.value.__cause__)

    assert simulate(main).result == (5.0, 5.0, ConnectionResetError)


def test_unplugged_both_ends_believe_in_the_connection():
    async def main(world):
        ws, ends = await opened(world)
        world.unplug("ana")
        await ws.send("into the void")
        await ends[0].send("into the void")
        await asyncio.sleep(600)
        states = ws.state.name, ends[0].state.name
        world.replug("ana")
        with world.on("ana"):
            second = await connect(URL, ping_interval=None)
        await second.send("again")
        assert await second.recv() == "again"
        await asyncio.sleep(600)
        return states, ws.state.name, ends[0].state.name

    assert simulate(main).result == (("OPEN", "OPEN"), "CLOSED", "CLOSED"), "after 924 s TCP gives up"


def test_unplugged_and_silent_it_stays_open_for_ever():
    async def main(world):
        ws, ends = await opened(world)
        await asyncio.sleep(1)
        world.unplug("ana")
        await asyncio.sleep(86_400)
        return ws.state.name, ends[0].state.name

    assert simulate(main).result == ("OPEN", "OPEN")


def test_while_unplugged_nobody_answers():
    async def main(world):
        await opened(world)
        world.unplug("ana")
        started = now()
        world.at(started + 4).replug("ana")
        with world.on("ana"):
            await connect(URL)
        return now() - started

    assert simulate(main).result == pytest.approx(7.2), "SYN at 0, 1, 3 and 7 s; then HTTP"


def test_a_partition_cuts_two_hosts_and_no_others():
    async def main(world):
        ws, _ = await opened(world)
        with world.on("ben"):
            other = await connect(URL, ping_interval=None)
        world.partition("ana", "server")
        await ws.send("a")
        await other.send("b")
        assert await other.recv() == "b"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await ws.recv()
        world.repair("ana", "server")
        return await ws.recv()

    assert simulate(main).result == "a"


def test_overlapping_outages_end_with_the_last():
    async def main(world):
        states = []
        world.at(1).outage("ana", for_s=10)
        world.at(2).outage("ana", for_s=2)
        world.at(20).outage("ana")
        world.at(21).outage("ana", for_s=100)
        world.at(30).restore("ana")
        for t in (0, 3, 5, 10.5, 11.5, 25, 31):
            await world.until(t)
            states.append(bool(world.uplink("ana").down and world.downlink("ana").down))
        return states

    assert simulate(main).result == [False, True, True, True, False, True, False]


def test_restore_does_not_replug():
    async def main(world):
        world.unplug("ana")
        world.outage("ana")
        world.restore("ana")
        down = bool(world.uplink("ana").down)
        world.replug("ana")
        return down, bool(world.uplink("ana").down)

    assert simulate(main).result == (True, False)


def test_conditions_and_profiles():
    async def main(world):
        world.set_conditions("ana", delay_ms=75, rate_kbps=100)
        world.set_conditions("ana", loss=0.1, up=LinkConditions(jitter_ns=7))
        first = world.uplink("ana").conditions, world.downlink("ana").conditions
        world.set_conditions("ana", rate_kbps=math.inf)
        world.at(3).set_profile("ana", "lte")
        await world.until(4)
        return first, world.downlink("ana").conditions

    first, lte = simulate(main).result
    assert first == (
        LinkConditions(jitter_ns=7, loss=0.1),
        LinkConditions(delay_ns=75 * MS, rate_bps=100_000, loss=0.1),
    )
    assert lte.rate_bps is not None


def test_wrong_conditions_are_refused_where_they_are_written():
    async def main(world):
        with pytest.raises(ValueError, match="loss"):
            world.at(5).set_conditions("ana", loss=2)

    simulate(main)
