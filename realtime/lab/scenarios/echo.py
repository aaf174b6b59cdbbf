"""A phone and a server, a WebSocket, and one message there and back after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Data

from realtime.lab.scenarios.networks import give_network
from realtime.network.units import NS
from realtime.sim.report import COUNTS, Latency, Report

if TYPE_CHECKING:
    from realtime.sim.world import World

ROUND_TRIPS = 1000
RTT_S = 0.15


async def main(world: World, *, profile: str | None = None, trace: str | None = None) -> Report:
    """Count and time :data:`ROUND_TRIPS` echoes.

    Args:
        world: where.
        profile: the phone's network; a constant delay of :data:`RTT_S` there and back by default.
        trace: a file that the phone's network follows instead.
    """
    world.set_conditions("phone", delay_ms=1000 * RTT_S / 2)
    give_network(world, "phone", profile, trace)
    times_s: list[float] = []
    await serve(_echo, "server", 8765, compression=None, ping_interval=None)
    with world.on("phone"):
        phone = await connect("ws://server:8765", compression=None, ping_interval=None, open_timeout=None)
        for n in range(ROUND_TRIPS):
            message = f"{n} {world.rng(f'message {n}').getrandbits(64):016x}"
            began_ns = world.loop.now_ns
            await phone.send(message)
            answer: Data = await phone.recv()
            assert answer == message, f"sent {message!r}, and {answer!r} came back"
            times_s.append((world.loop.now_ns - began_ns) / NS)
    counts = dict.fromkeys(COUNTS, 0) | dict.fromkeys(("attempted", "acked", "delivered"), len(times_s))
    return Report(counts=counts, violations=(), latencies={"round trip": Latency.of(times_s)})


async def _echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)
