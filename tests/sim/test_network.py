"""Hosts, names and links."""

import asyncio
import socket
from dataclasses import replace

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.link import MS, Drop, DropReason, LinkConditions
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
            link.change(0, LinkConditions(delay_ns=n * 10 * MS))
        world.link("server", "ana").change(0, LinkConditions(delay_ns=100 * MS))
        async with serve(echo, "server", 8765):
            with world.on("ana"):
                async with connect("ws://server:8765") as ws:
                    return await (await ws.ping())

    assert simulate(main).result == pytest.approx(0.16)


def test_phones_behind_one_link_share_its_rate():
    async def main(world):
        world.network.host("server").down.change(0, LinkConditions(rate_bps=1_000_000))
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
        return [world.uplink(name)._loss.rng.random() for name in names]

    names = ["ana", "ben", "cem"]
    forward = dict(zip(names, simulate(main).result, strict=True))
    names = ["cem", "ana", "ben"]
    assert dict(zip(names, simulate(main).result, strict=True)) == forward
    assert len(set(forward.values())) == 3


class Note(asyncio.Protocol):
    """Notes (time, bytes)."""

    def __init__(self, notes):
        self.notes = notes

    def data_received(self, data):
        self.notes.append((round(now(), 6), data))


async def dial(world):
    with world.on("ana"):
        transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, "server", 80)
    return transport


async def talk(world):
    """A connection of ana, 50 ms away, to a server that notes what arrives; at 1 s."""
    world.set_conditions("ana", delay_ms=50)
    notes = []
    await asyncio.get_running_loop().create_server(lambda: Note(notes), "server", 80)
    transport = await dial(world)
    await asyncio.sleep(1 - now())
    return transport, notes


def test_rules_hold_for_live_connections_too_and_only_while_they_are_installed():
    """One segment of ana is lost; the RTO is the round trip of 100 ms and Linux's least variance of 200 ms."""

    async def main(world):
        writer, notes = await talk(world)
        packets = []

        def rule(packet):
            packets.append((packet.source, packet.target, packet.kind))
            return Drop(DropReason.RULE) if packet.data == b"one" and len(packets) == 1 else None

        with world.network.rules.installed(rule):
            writer.write(b"one")
            await asyncio.sleep(1)
            (await dial(world)).close()
            await asyncio.sleep(1)
        seen = len(packets)
        writer.write(b"two")
        await asyncio.sleep(1)
        assert len(packets) == seen
        return packets, notes

    packets, notes = simulate(main).result
    assert notes == [(1.35, b"one"), (3.15, b"two")]
    assert packets[:2] == [("ana", "server", "data")] * 2
    assert ("server", "ana", "ack") in packets
    assert ("server", "ana", "syn-ack") in packets


def test_a_rate_that_changes_moves_what_waits_in_the_queue():
    """A segment of 1452 bytes at 8 kbit/s takes 1.452 s; after 0.452 s the rest goes a thousand times faster."""

    async def main(world):
        writer, notes = await talk(world)
        access = world.network.host("ana").access
        slow, fast = (replace(access.up.conditions, rate_bps=rate_bps) for rate_bps in (8_000, 8_000_000))
        access.set_conditions(world.loop.now_ns, up=slow)
        world.at(1.452, lambda: access.set_conditions(world.loop.now_ns, up=fast))
        writer.write(b"x" * 1400)
        await asyncio.sleep(5)
        return notes

    [(at_s, _)] = simulate(main).result
    assert at_s == pytest.approx(1 + 0.452 + 0.001 + 0.050, abs=1e-5)


def test_held_packets_arrive_when_they_are_released():
    async def main(world):
        writer, notes = await talk(world)
        access = world.network.host("ana").access
        access.hold(world.loop.now_ns)
        writer.write(b"held")
        world.at(1.2, lambda: access.release(world.loop.now_ns))
        await asyncio.sleep(5)
        return notes

    assert simulate(main).result == [(1.2, b"held")]


def test_a_held_core_link_is_released_as_well():
    async def main(world):
        writer, notes = await talk(world)
        link = world.link("ana", "server")
        link.hold()
        writer.write(b"held")
        world.at(1.2, lambda: link.release(world.loop.now_ns))
        await asyncio.sleep(5)
        return notes

    assert simulate(main).result == [(1.2, b"held")]


@pytest.mark.parametrize("host", ["ana", "server"])
def test_another_address_is_the_end_of_live_connections_only(host):
    async def main(world):
        writer, notes = await talk(world)
        world.network.host(host).access.change_address(world.loop.now_ns)
        writer.write(b"lost")
        (await dial(world)).write(b"found")
        await asyncio.sleep(5)
        return [data for _, data in notes]

    assert simulate(main).result == [b"found"]


def test_connections_are_listed_by_host_oldest_first():
    async def main(world):
        await talk(world)
        for host in ("ben", "ana", "server"):
            with world.on(host):
                await asyncio.get_running_loop().create_connection(asyncio.Protocol, "server", 80)
        return [
            [connection.hosts for connection in world.network.connections(host)] for host in ("ana", "server", "nobody")
        ]

    ana, server, nobody = simulate(main).result
    assert ana == [("ana", "server")] * 2
    assert server == [("ana", "server"), ("ben", "server"), ("ana", "server")], "but not those to itself"
    assert nobody == []
