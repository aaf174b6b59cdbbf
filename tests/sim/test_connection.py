"""A simulated connection from its first packet to its last."""

import asyncio
import errno

import pytest
from websockets.asyncio.client import connect

from realtime.sim.world import simulate
from tests.sim.websockets_pair import URL


def now():
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("delay_ms", [0, 75])
def test_a_closed_port_refuses_after_one_round_trip(delay_ms):
    async def main(world):
        world.set_conditions("ana", delay_ms=delay_ms)
        world.network.host("server")
        with world.on("ana"), pytest.raises(ConnectionRefusedError) as caught:
            await connect(URL)
        assert caught.value.errno == errno.ECONNREFUSED
        return now()

    assert simulate(main).result == 2 * delay_ms / 1000


def test_a_black_hole_does_not_answer_and_the_kernel_gives_up_at_127_seconds():
    async def main(world):
        world.outage("server")
        with pytest.raises(TimeoutError):
            await asyncio.open_connection("server", 80)
        return now()

    assert simulate(main).result == 127.0


def test_websockets_gives_up_sooner():
    async def main(world):
        world.outage("server")
        with pytest.raises(TimeoutError):
            await connect(URL, open_timeout=10)
        await asyncio.sleep(200)
        return list(world.network.connections("server"))

    assert simulate(main).result == []


class Silent(asyncio.Protocol):
    def __init__(self, seen):
        self.seen = seen

    def connection_made(self, transport):
        self.seen.append((now(), "made"))
        self.transport = transport

    def data_received(self, data):
        self.seen.append((now(), data))

    def connection_lost(self, exc):
        self.seen.append((now(), type(exc)))


def dial():
    return asyncio.get_running_loop().create_connection(lambda: Silent([]), "server", 80)


def test_the_server_accepts_half_a_round_trip_after_the_client():
    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        seen = []
        await asyncio.get_running_loop().create_server(lambda: Silent(seen), "server", 80)
        with world.on("ana"):
            await dial()
        connected = now()
        await asyncio.sleep(1)
        return connected, seen

    assert simulate(main).result == (0.1, [(0.15, "made")])


@pytest.mark.parametrize(
    ("write_at", "expected"),
    [
        pytest.param(None, [(1.15, "made")], id="the answer of the server is repeated after a second"),
        pytest.param(0.5, [(0.55, "made"), (0.55, b"x")], id="data confirms too"),
    ],
)
def test_a_lost_confirmation_delays_the_server_only(write_at, expected):
    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        world.at(0.12).outage("ana", for_s=0.1)
        seen = []
        await asyncio.get_running_loop().create_server(lambda: Silent(seen), "server", 80)
        with world.on("ana"):
            transport, _ = await dial()
        if write_at is not None:
            world.at(write_at, transport.write, b"x")
        await asyncio.sleep(3)
        return seen

    assert simulate(main).result == expected


def test_a_server_that_closes_before_it_accepts_resets_the_client():
    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        seen = []
        server = await asyncio.get_running_loop().create_server(lambda: Silent([]), "server", 80)
        world.at(0.12, server.close)
        with world.on("ana"):
            await asyncio.get_running_loop().create_connection(lambda: Silent(seen), "server", 80)
        await asyncio.sleep(1)
        return seen

    assert simulate(main).result == [(0.1, "made"), (0.2, ConnectionResetError)]


def test_a_reset_while_connecting_is_felt_at_once():
    async def main(world):
        world.outage("server")
        world.at(5).reset("server")
        with pytest.raises(ConnectionResetError):
            await asyncio.open_connection("server", 80)
        return now()

    assert simulate(main).result == 5.0


def test_a_closed_connection_is_forgotten_when_its_last_packet_is_through():
    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        await asyncio.get_running_loop().create_server(lambda: Silent([]), "server", 80)
        with world.on("ana"):
            _, writer = await asyncio.open_connection("server", 80)
        await asyncio.sleep(1)
        writer.close()
        counts = []
        for _ in range(3):
            counts.append(len(list(world.network.connections("ana"))))
            await asyncio.sleep(0.12)
        return counts

    assert simulate(main).result == [1, 1, 0]


def test_nothing_happens_for_ever_on_a_cut_connection_without_data():
    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        seen = []
        await asyncio.get_running_loop().create_server(lambda: Silent(seen), "server", 80)
        with world.on("ana"):
            await dial()
        world.unplug("ana")
        await asyncio.sleep(10_000)
        [connection] = world.network.connections("ana")
        return seen, repr(connection)

    seen, text = simulate(main).result
    assert seen == [], "the confirmation was cut as well"
    assert "CUT" in text
