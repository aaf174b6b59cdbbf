"""A phone on the way: a download and echoes while its access link follows a trace."""

import asyncio
from dataclasses import dataclass

from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.trace_model import TracePoint
from realtime.sim.world import simulate

PORT = 8765


@dataclass(frozen=True)
class Ride:
    """What a download and the echoes after it took, and where the phone was then."""

    began_ns: int
    ended_ns: int
    echoes_s: list[float]
    place: TracePoint | None


def ride(trace, *, nbytes=500_000, echoes=20, seed=1):
    """Download ``nbytes`` in one WebSocket message, then send ``echoes`` messages, one a second."""

    async def handler(ws):
        async for message in ws:
            await ws.send(bytes(nbytes) if message == "download" else message)

    async def main(world):
        world.set_profile("phone", "lte")
        world.follow("phone", trace)
        loop = asyncio.get_running_loop()
        start_ns = round(loop.time() * 1e9)
        await serve(handler, "server", PORT, ping_interval=None, compression=None)
        with world.on("phone"):
            ws = await connect(
                f"ws://server:{PORT}", ping_interval=None, compression=None, max_size=None, open_timeout=None
            )
            began_ns = round(loop.time() * 1e9) - start_ns
            await ws.send("download")
            assert len(await ws.recv()) == nbytes
            ended_ns = round(loop.time() * 1e9) - start_ns
            times = []
            for number in range(echoes):
                await asyncio.sleep(1)
                sent_s = loop.time()
                await ws.send(str(number))
                assert await ws.recv() == str(number)
                times.append(loop.time() - sent_s)
        return Ride(began_ns, ended_ns, times, trace.position_at(ended_ns))

    return simulate(main, seed=seed).result


def check_ride(trace):
    """It runs, not faster than the trace allows, and not much slower.

    The download's last bit cannot arrive before the trace has carried as many. TCP needs its handshake and about six
    round trips of 115 ms until it fills the link, and headers are 4 %: a tenth more and 1.2 s.
    """
    nbytes = 1_000_000
    found = ride(trace, nbytes=nbytes)
    if trace.down is not None:
        least_ns = trace.down.end_of_bits(found.began_ns, nbytes * 8) - found.began_ns
        assert least_ns < found.ended_ns - found.began_ns < 1.1 * least_ns + 1.2e9
    assert len(found.echoes_s) == 20
    assert (found.place is None) == (not trace.positions)
