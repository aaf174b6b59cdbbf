"""The same server in virtual time, on networks that lose, stall and die."""

import asyncio
import contextlib

import pytest

from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.raw_client import raw_client
from tests.server.waiting import until

COUNT = 20


def serving(**options):
    return RealtimeServer(host="server", allow_unauthenticated=True, **options)


def on_server(script, *, seed=0, **options):
    """Play ``script(world, server)`` with a server on a host of its own."""

    async def main(world):
        with world.on("server"):
            server = serving(**options)
            await server.start()
        result = await script(world, server)
        with world.on("server"):
            await server.stop()
        return result

    return simulate(main, seed=seed, max_virtual_s=3600)


async def heard(client, count):
    """The offsets of the next messages, and what they say."""
    messages = [(await client.event("chat:message"))[1] for _ in range(count)]
    return [(message["offset"], message["userId"], message["text"]) for message in messages]


async def chat(world, name, server, total):
    """Send COUNT messages, a new one every second; return the answers and everything heard from others."""
    world.set_profile(name, "very-bad")
    with world.on(name):
        async with raw_client(server, name, room="lobby", deadline_s=300) as client:
            await until(lambda: len(server.namespace("/").rooms.members("lobby")) == total, deadline_s=60)
            asked = []
            for n in range(COUNT):
                message = {"roomId": "lobby", "messageId": f"{name}-{n}", "text": f"{name} {n}"}
                asked.append(await client.ask("chat:message", message))
                await asyncio.sleep(1)
            answers = [(await client.answer(ack_id))["offset"] for ack_id in asked]
            return answers, await heard(client, COUNT * (total - 1))


async def two_chat(world, server):
    tasks = [world.spawn(name, chat(world, name, server, 2)) for name in ("ana", "ben")]
    return [await task for task in tasks]


@pytest.mark.parametrize("seed", range(3))
def test_on_lossy_links_every_message_is_answered_and_heard_once_and_in_order(seed):
    (ana_offsets, ana_heard), (ben_offsets, ben_heard) = on_server(two_chat, seed=seed).result
    assert sorted(ana_offsets + ben_offsets) == list(range(1, 2 * COUNT + 1))
    for other, other_offsets, messages in (("ben", ben_offsets, ana_heard), ("ana", ana_offsets, ben_heard)):
        assert messages == [(offset, other, f"{other} {n}") for n, offset in enumerate(other_offsets)]
        assert other_offsets == sorted(other_offsets)


def test_the_same_seed_is_the_same_run_to_the_last_byte():
    first, again, other = (on_server(two_chat, seed=seed) for seed in (1, 1, 2))
    assert (first.hash, first.timing_hash) == (again.hash, again.timing_hash)
    assert first.hash != other.hash


async def heard_a_leave(client):
    while True:
        [_, diff] = await client.event("presence:diff")
        if diff["leaves"]:
            return [member["userId"] for member in diff["leaves"]]


@contextlib.asynccontextmanager
async def member(world, name, server):
    """A client in the lobby, on a host of its own, for the time of a block that runs elsewhere."""
    joined = asyncio.get_running_loop().create_future()

    async def stay():
        async with raw_client(server, name, room="lobby") as client:
            joined.set_result(client)
            await asyncio.Event().wait()

    task = world.spawn(name, stay())
    try:
        yield await joined
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("fault", "least_s", "most_s"), [("reset", 15, 16.1), ("unplug", 35, 60.6)])
def test_a_phone_that_drops_leaves_the_room_after_the_grace(fault, least_s, most_s):
    async def script(world, server):
        with world.on("ana"):
            async with (
                raw_client(server, "ana", room="lobby", deadline_s=100) as ana,
                member(world, "ben", server),
            ):
                began = world.now_s
                getattr(world, fault)("ben")
                return await heard_a_leave(ana), world.now_s - began

    left, after_s = on_server(script).result
    assert left == ["ben"]
    assert least_s <= after_s <= most_s


def test_a_phone_in_a_tunnel_costs_bounded_memory_and_catches_up_afterwards():
    async def script(world, server):
        with world.on("ana"):
            async with raw_client(server, "ana", room="lobby") as ana, member(world, "ben", server) as ben:
                start = (await ben.call("room:join", {"roomId": "lobby"}))["position"]
                world.outage("ben")
                sent = 0
                while not server.stats.ended_too_slow:
                    message = {"roomId": "lobby", "messageId": f"m{sent}", "text": "x" * 8000}
                    assert (await ana.call("chat:message", message))["ok"]
                    sent += 1
                    assert sent < 200
                world.restore("ben")
        with world.on("ben"):
            async with raw_client(server, "ben") as ben:
                reply = await ben.call("room:join", {"roomId": "lobby", "since": start})
                offsets = [message["offset"] for message in reply["messages"]]
                while reply["more"]:
                    reply = await ben.call("chat:history", {"roomId": "lobby", "after": offsets[-1], "limit": 200})
                    offsets += [message["offset"] for message in reply["messages"]]
                return sent, offsets

    sent, offsets = on_server(script, max_backlog=200_000).result
    assert offsets == list(range(1, sent + 1))


def test_stopping_is_bounded_even_when_nobody_answers():
    async def script(world, server):
        async with member(world, "ana", server), member(world, "ben", server):
            world.unplug("ana")
            began = world.now_s
            with world.on("server"):
                await server.stop()
            return world.now_s - began

    assert on_server(script).result < 5
