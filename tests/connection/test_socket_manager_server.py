"""The client and the server of this project, over a network that fails."""

from __future__ import annotations

import asyncio
from typing import Any

from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import World
from tests.connection.stage import Phone, simulated


async def open_real_server(world: World) -> RealtimeServer:
    with world.on("server"):
        server = RealtimeServer(host="server", port=8765, allow_unauthenticated=True, rng=world.rng("server"))
        await server.start()
    return server


def join(phone: Phone) -> None:
    """Ahead of the outbox, at every connection: the server knows no member that has not joined."""
    phone.socket.emit("room:join", {"roomId": "lobby"}, ack=True, volatile=True)


@simulated(seeds=5)
async def test_every_message_is_in_the_room_once_and_in_order(world: World) -> None:
    server = await open_real_server(world)
    ana = Phone(world, auth={"userId": "ana"})
    ana.socket.on("connect", lambda: join(ana))
    await ana.connect()
    rng = world.rng("faults")
    for second in range(10, 300, 20):
        fault = rng.choice([world.at(second).reset, world.at(second).unplug])
        fault("ana")
        world.at(second + rng.uniform(0, 15)).replug("ana")
    receipts = []
    for number in range(300):
        receipts.append(
            ana.socket.emit("chat:message", {"roomId": "lobby", "messageId": f"m{number}", "text": "hello"}, ack=True)
        )
        await asyncio.sleep(1)
    await world.until(500)
    acks: list[Any] = [await receipt for receipt in receipts]
    assert all(ack["ok"] for ack in acks)
    offsets = [ack["offset"] for ack in acks]
    assert offsets == sorted(set(offsets))
    history = await ana.socket.call("chat:history", {"roomId": "lobby", "limit": 200})
    assert [message["messageId"] for message in history["messages"]] == [f"m{number}" for number in range(100, 300)]
    assert ana.diary.count("connect") > 5
    await ana.disconnect()
    await server.stop()


@simulated()
async def test_background_and_foreground(world: World) -> None:
    server = await open_real_server(world)
    ana = Phone(world, auth={"userId": "ana"})
    await ana.connect()
    await world.until(60)
    assert server.stats.sessions == 1
    ana.socket.app_state.background()
    await world.until(70)
    assert server.stats.sessions == 0
    ana.socket.app_state.foreground()
    await world.until(80)
    assert server.stats.sessions == 1
    assert ana.states == ["CONNECTING", "CONNECTED", "SUSPENDED", "RECONNECTING", "CONNECTED"]
    await ana.disconnect()
    await server.stop()
