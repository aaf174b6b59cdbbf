"""Hosts, names and links."""

import asyncio
import socket

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.link import MS, LinkConditions
from realtime.sim.world import simulate
from tests.sim.websockets_pair import echo


def now():
    return asyncio.get_running_loop().time()


def test_an_unknown_host_has_no_address():
    async def main(world):
        await connect("ws://nowhere:1")

    with pytest.raises(socket.gaierror, match="no host 'nowhere'"):
        simulate(main)


def test_local_names_mean_the_current_host_and_need_no_link():
    async def main(world):
        world.outage("server")
        with world.on("server"):
            async with serve(echo, "127.0.0.1", 8765), connect("ws://localhost:8765") as ws:
                await ws.send("still here")
                return await ws.recv(), now()

    assert simulate(main).result == ("still here", 0.0)


def test_a_packet_takes_the_senders_link_the_pairs_link_and_the_receivers_link():
    async def main(world):
        for n, link in enumerate([world.uplink("ana"), world.link("ana", "server"), world.downlink("server")], 1):
            link.conditions = LinkConditions(delay_ns=n * 10 * MS)
        world.link("server", "ana").conditions = LinkConditions(delay_ns=100 * MS)
        async with serve(echo, "server", 8765):
            with world.on("ana"):
                async with connect("ws://server:8765") as ws:
                    return await (await ws.ping())

    assert simulate(main).result == pytest.approx(0.16)


def test_phones_behind_one_link_share_its_rate():
    async def main(world):
        world.network.host("server").down.conditions = LinkConditions(rate_bps=1_000_000)
        done = []

        async def count(reader, writer):
            while await reader.read(65_536):
                pass
            done.append(now())
            writer.close()

        async def upload(name):
            with world.on(name):
                _, writer = await asyncio.open_connection("server", 80)
            writer.write(b"x" * 250_000)
            writer.close()

        await asyncio.start_server(count, "server", 80)
        await asyncio.gather(upload("ana"), upload("ben"))
        await asyncio.sleep(20)
        return done

    first, second = simulate(main).result
    assert 2 < first < second
    assert second > 4


def test_each_link_draws_from_its_own_stream():
    async def main(world):
        return [world.uplink(name)._loss.random() for name in names]

    names = ["ana", "ben", "cem"]
    forward = dict(zip(names, simulate(main).result, strict=True))
    names = ["cem", "ana", "ben"]
    assert dict(zip(names, simulate(main).result, strict=True)) == forward
    assert len(set(forward.values())) == 3
