"""One seed is one run: to the last byte, in every process."""

import asyncio
import json
import os
import subprocess
import sys

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import broadcast, serve
from websockets.exceptions import ConnectionClosed

from realtime.sim.world import simulate

pytestmark = pytest.mark.untraced

PHONES = [f"phone{n}" for n in range(8)]


async def crowd(world):
    """Eight phones on bad networks, a server that broadcasts, faults at random times, an unclean end."""
    heard = []

    async def handler(ws):
        async for message in ws:
            broadcast(server.connections, message)

    async def phone(name):
        rng = world.rng(name)
        while True:
            try:
                async with connect("ws://server:8765", open_timeout=5, ping_interval=10, ping_timeout=5) as ws:
                    receiver = asyncio.create_task(receive(name, ws))
                    try:
                        for n in range(20):
                            await ws.send(f"{name} {n}")
                            await asyncio.sleep(rng.expovariate(0.5))
                        return
                    finally:
                        receiver.cancel()
            except (OSError, ConnectionClosed, TimeoutError):
                await asyncio.sleep(rng.random())

    async def receive(name, ws):
        async for message in ws:
            heard.append((world.loop.now_ns, name, message))

    async with serve(handler, "server", 8765, ping_interval=10, ping_timeout=5) as server:
        faults = world.rng("faults")
        for n, name in enumerate(PHONES):
            world.set_conditions(name, delay_ms=30 + 10 * n, jitter_ms=20, loss=0.02 * (n % 3), rate_kbps=200)
            world.at(faults.uniform(1, 20)).outage(name, for_s=faults.uniform(1, 15))
            world.at(faults.uniform(20, 40)).reset(name)
        tasks = [world.spawn(name, phone(name)) for name in PHONES]
        await asyncio.wait(tasks, timeout=60)
        server.close()  # iterates its set of connections, most of which are still open
    return heard


@pytest.mark.clause("RT-SIM-1")
def test_a_run_repeats_itself_in_one_process():
    first, second = simulate(crowd, seed=1), simulate(crowd, seed=1)
    assert first.result == second.result
    assert (first.hash, first.timing_hash, first.virtual_s) == (second.hash, second.timing_hash, second.virtual_s)
    assert len({name for _, name, _ in first.result}) == len(PHONES), "everybody heard something"


def test_shuffled_hosts_make_another_run_that_repeats_itself_as_well():
    first, second = (simulate(crowd, seed=1, shuffle=True) for _ in range(2))
    assert first.result == second.result
    assert (first.hash, first.timing_hash) == (second.hash, second.timing_hash)
    assert first.hash != simulate(crowd, seed=1).hash
    assert len({name for _, name, _ in first.result}) == len(PHONES)


def test_another_seed_is_another_run():
    first, second = simulate(crowd, seed=1), simulate(crowd, seed=2)
    assert first.hash != second.hash
    assert first.timing_hash != second.timing_hash


@pytest.mark.clause("RT-SIM-1")
@pytest.mark.parametrize(("hash_seed", "shuffle"), [("0", False), ("4242", True)])
def test_a_run_repeats_itself_in_another_process(hash_seed, shuffle):
    """With another hash seed for strings and other addresses for objects."""
    code = (
        "import json; from tests.sim.test_determinism import crowd; from realtime.sim.world import simulate;"
        "garbage = [object() for _ in range(12345)];"
        f"run = simulate(crowd, seed=1, shuffle={shuffle}); print(json.dumps([run.hash, run.timing_hash]))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "HTTP_PROXY": "http://nowhere:1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    here = simulate(crowd, seed=1, shuffle=shuffle)
    assert json.loads(done.stdout) == [here.hash, here.timing_hash]
