"""Live proxy and simulation agree: one model, two drivers.

The same websocket client downloads from the same server through the same profile, once over real sockets and the proxy
in real time, once in the simulated world in virtual time.
"""

import asyncio
import itertools
import random
from dataclasses import dataclass

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.profiles import profile
from realtime.network.proxy import ChaosProxy
from realtime.sim import simulate

pytestmark = [pytest.mark.untraced, pytest.mark.timeout(300)]  # long simulations; real time, several times over

TOLERANCE = 0.15
TRIES = 10  # real time on a busy machine: the model need not be wrong when the machine was late
PAYLOAD = random.Random(4).randbytes(500_000)


@dataclass(frozen=True)
class Download:
    """What is fetched, and through what."""

    profile: str
    kb: int
    tunnel: tuple[float, float] | None = None  # nothing passes: from this second after the beginning, for so long

    def __str__(self):
        return self.profile + ("" if self.tunnel is None else "-tunnel")

    @property
    def least_s(self):
        """The bits at the rate, and three round trips: TCP's handshake, the upgrade to WebSocket, the question."""
        network = profile(self.profile)
        return self.kb * 8000 / network.down.rate_bps + 3 * network.rtt_s

    async def fetch(self, url):
        """The seconds that it took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        async with connect(url, compression=None, max_size=None, ping_interval=None, proxy=None) as ws:
            await ws.send("go")
            assert await ws.recv() == PAYLOAD[: self.kb * 1000]
            return loop.time() - began

    async def answer(self, ws):
        """The server's side of it."""
        async for _ in ws:
            await ws.send(PAYLOAD[: self.kb * 1000])

    def simulated_s(self):
        async def main(world):
            world.set_profile("phone", self.profile)
            if self.tunnel is not None:
                world.at(self.tunnel[0]).outage("phone", for_s=self.tunnel[1])
            async with serve(self.answer, "server", 80, compression=None, ping_interval=None):
                with world.on("phone"):
                    return await self.fetch("ws://server:80")

        return simulate(main, seed=1).result

    async def live_s(self):
        async with (
            serve(self.answer, "127.0.0.1", 0, compression=None, ping_interval=None) as server,
            ChaosProxy("127.0.0.1", server.sockets[0].getsockname()[1], profile=self.profile) as proxy,
        ):
            if self.tunnel is not None:
                asyncio.get_running_loop().call_later(self.tunnel[0], proxy.outage, self.tunnel[1])
            took_s = await self.fetch(f"ws://127.0.0.1:{proxy.port}")
            assert proxy.stats.bytes_down >= self.kb * 1000, "all of it came through the proxy"
            return took_s


# lte is bound by its round trips (slow start), slow-4g by its rate, fast-4g by both; what the tunnel costs beyond its
# length is the wait for the retransmission timer, which has doubled in it.
DOWNLOADS = [
    Download("fast-4g", 500),
    Download("slow-4g", 200),
    Download("lte", 500),
    Download("fast-4g", 500, tunnel=(0.6, 0.8)),
]


@pytest.mark.clause("RT-NET-9")
@pytest.mark.parametrize("download", DOWNLOADS, ids=str)
async def test_a_download_takes_as_long_live_as_simulated(download):
    simulated_s = await asyncio.to_thread(download.simulated_s)
    tries = []
    while len(tries) < TRIES:
        live_s = await asyncio.wait_for(download.live_s(), 60)
        assert live_s >= download.least_s, "no machine is so fast that it may beat the link"
        tries.append(live_s / simulated_s - 1)
        if abs(tries[-1]) <= TOLERANCE:
            return
    pytest.fail(f"{download}: {simulated_s:.3f} s simulated, live off by {', '.join(f'{t:+.0%}' for t in tries)}")


def test_the_downloads_are_told_apart():
    """A proxy that took one profile for another, or slept through the tunnel, would be out of the tolerance."""
    took = [download.simulated_s() for download in DOWNLOADS]
    for one, other in itertools.combinations(sorted(took), 2):
        assert other / one > 1 + TOLERANCE, took
