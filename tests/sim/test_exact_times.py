"""Real `websockets` over the modelled network: what takes how long, to the nanosecond."""

import asyncio
import threading

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.link import NS
from realtime.sim.world import simulate
from tests.sim.websockets_pair import URL, echo


def now_ns():
    return asyncio.get_running_loop().now_ns


async def echoes(world):
    """A thousand round trips to a phone 75 ms away each way; delayed acknowledgements do not delay data."""
    world.set_conditions("ana", delay_ms=75)
    async with serve(echo, "server", 8765, ping_interval=None):
        with world.on("ana"):
            async with connect(URL, ping_interval=None) as ws:
                began_ns = now_ns()
                for n in range(1000):
                    await ws.send(str(n))
                    assert await ws.recv() == str(n)
                return now_ns() - began_ns


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_thousand_echoes_at_150_ms_take_150_seconds(shuffle):
    assert simulate(echoes, shuffle=shuffle).result == 150 * NS


async def test_the_same_inside_a_running_loop():
    assert simulate(echoes).result == 150 * NS


def test_the_same_in_a_plain_thread():
    results = []
    thread = threading.Thread(target=lambda: results.append(simulate(echoes).result))
    thread.start()
    thread.join()
    assert results == [150 * NS]


def test_keepalive_pings_leave_when_they_are_due():
    """Every 20 s, however long the pong takes; each is a masked frame of 6 + 4 bytes, and each pong one of 2 + 4."""

    async def main(world):
        world.set_conditions("ana", delay_ms=75)
        pings, pongs = [], []

        def rule(packet):
            if packet.kind == "data":
                (pings if packet.source == "ana" else pongs).append((packet.now_ns - opened_ns, len(packet.data)))

        async with serve(echo, "server", 8765, ping_interval=None):
            with world.on("ana"):
                async with connect(URL, ping_interval=20):
                    opened_ns = now_ns()
                    with world.rule(rule):
                        await asyncio.sleep(90)
        return pings, pongs

    pings, pongs = simulate(main).result
    assert pings == [(n * 20 * NS, 10) for n in (1, 2, 3, 4)]
    assert pongs == [(n * 20 * NS + 75_000_000, 6) for n in (1, 2, 3, 4)]


def test_a_megabyte_at_a_megabit_takes_what_its_packets_take():
    """A frame of 2 + 8 + 4 + 1,000,000 bytes in 715 segments with headers of 52 is 1,037,194 bytes, 8 µs each.

    The first ten segments, of 1452 bytes, keep the link busy for 116.160 ms. Each acknowledgement is for two, so the
    first comes after 2 · 11.616 + 50 + 0.416 + 50 = 123.648 ms: the link rests for 7.488 ms, and then never again. The
    last bit arrives 50 ms after it has left.
    """

    async def main(world):
        world.set_conditions("ana", delay_ms=50, rate_kbps=1000)
        arrived = asyncio.get_running_loop().create_future()

        async def note(ws):
            arrived.set_result((len(await ws.recv()), now_ns()))

        async with serve(note, "server", 8765, max_size=None):
            with world.on("ana"):
                async with connect(URL, compression=None) as ws:
                    began_ns = now_ns()
                    await ws.send(b"x" * 1_000_000)
                    size, ended_ns = await arrived
                    return size, ended_ns - began_ns

    assert simulate(main).result == (1_000_000, 1_037_194 * 8_000 + 7_488_000 + 50_000_000)


def test_a_window_is_what_a_round_trip_carries():
    """Without a rate, 1 MB takes slow start: 14, 28, 56, 112, 224 kB, and from then on 263.2 kB per round trip.

    Together 434 kB after five round trips, 697.2 after six, 960.4 after seven, so that the last byte arrives half a
    round trip after the eighth began: 7.5 round trips of 100 ms.
    """

    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        arrived = asyncio.get_running_loop().create_future()

        async def note(ws):
            arrived.set_result((len(await ws.recv()), now_ns()))

        async with serve(note, "server", 8765, max_size=None, max_queue=None):
            with world.on("ana"):
                async with connect(URL, compression=None) as ws:
                    await asyncio.sleep(1)
                    began_ns = now_ns()
                    await ws.send(b"x" * 1_000_000)
                    size, ended_ns = await arrived
                    return size, ended_ns - began_ns

    assert simulate(main).result == (1_000_000, 750_000_000)
