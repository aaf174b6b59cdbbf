"""The scripted world: who runs where, what happens to their networks, and how a run ends."""

import asyncio
import contextlib
import errno
import math
import random
import socket
import threading
import time

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.link import MS, LinkConditions
from realtime.sim.loop import SimDeadlock, SimTimeLimit
from realtime.sim.network import current_host
from realtime.sim.world import SimTaskFailed, simulate
from realtime.utils import ambient

URL = "ws://server:8765"


async def echo(socket):
    async for message in socket:
        await socket.send(message)


def now():
    return asyncio.get_running_loop().time()


# -- real websockets


def test_a_thousand_echoes_at_150_ms_take_150_seconds_exactly():
    async def main(world):
        world.set_conditions("ana", delay_ms=75)
        async with serve(echo, "server", 8765):
            with world.on("ana"):
                async with connect(URL) as ws:
                    started = world.loop.now_ns
                    for n in range(1000):
                        await ws.send(str(n))
                        assert await ws.recv() == str(n)
                    return world.loop.now_ns - started

    run = simulate(main)
    assert run.result == 150_000_000_000
    assert run.wall_s < 10


def test_opening_takes_a_round_trip_for_tcp_and_one_for_http():
    async def main(world):
        world.set_conditions("ana", delay_ms=75)
        async with serve(echo, "server", 8765):
            with world.on("ana"):
                async with connect(URL) as ws:
                    opened = now()
                await ws.wait_closed()
                return opened, now()

    assert simulate(main).result == (0.3, 0.45), "and one for the closing handshake, TCP's included"


def test_keepalive_fires_in_virtual_time_and_finds_a_dead_peer():
    """Pings at 20 and 40 s pass; at 50 s the phone dies; the ping of 60 s waits 20 s in vain, the close 10."""

    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        async with serve(echo, "server", 8765, ping_interval=None):
            with world.on("ana"):
                ws = await connect(URL, ping_interval=20, ping_timeout=20)
            opened = now()
            world.at(50).unplug("ana")
            with pytest.raises(websockets.ConnectionClosedError, match="keepalive ping timeout"):
                await ws.recv()
            return now() - opened, ws.latency

    waited, latency = simulate(main).result
    assert waited == pytest.approx(90)
    assert latency == pytest.approx(0.1)


def test_a_megabyte_at_a_megabit_takes_its_time():
    async def main(world):
        world.set_conditions("ana", delay_ms=50, rate_kbps=1000)
        async with serve(echo, "server", 8765, max_size=None, compression=None):
            with world.on("ana"):
                async with connect(URL, compression=None) as ws:
                    started = now()
                    await ws.send(b"x" * 1_000_000)
                    await ws.ping()
                    await ws.recv()
                    return now() - started

    # There 8.3 s (payload and 52 bytes per 1400), back the same, with the delay of both ways.
    assert simulate(main).result == pytest.approx(16.7, abs=0.1)


def test_a_message_sent_into_a_tunnel_arrives_after_its_end_when_tcp_tries_again():
    async def main(world):
        world.set_conditions("ana", delay_ms=50)
        async with serve(echo, "server", 8765, ping_interval=None):
            with world.on("ana"):
                async with connect(URL, ping_interval=None) as ws:
                    await world.until(10)
                    world.outage("ana", for_s=8)
                    await world.until(11)
                    await ws.send("in the tunnel")
                    await ws.recv()
                    return now()

    # RTO is 300 ms at an RTT of 100: tries at 11 s + 0.3, 0.9, 2.1, 4.5 and 9.3 s.
    assert simulate(main).result == pytest.approx(20.4)


# -- connecting


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


def test_an_unknown_host_has_no_address():
    async def main(world):
        await connect("ws://nowhere:1")

    with pytest.raises(socket.gaierror, match="no host 'nowhere'"):
        simulate(main)


def test_a_port_is_bound_once():
    async def main(world):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "server", 80)
        with pytest.raises(OSError, match="in use") as caught:
            await loop.create_server(asyncio.Protocol, "server", 80)
        server.close()
        await loop.create_server(asyncio.Protocol, "server", 80)
        await loop.create_server(asyncio.Protocol, "elsewhere", 80)
        return caught.value.errno

    assert simulate(main).result == errno.EADDRINUSE


def test_local_names_mean_the_current_host_and_need_no_link():
    async def main(world):
        world.outage("server")
        with world.on("server"):
            async with serve(echo, "127.0.0.1", 8765), connect("ws://localhost:8765") as ws:
                await ws.send("still here")
                return await ws.recv(), now()

    assert simulate(main).result == ("still here", 0.0)


def test_the_server_of_websockets_closes_its_connections():
    async def main(world):
        with world.on("ana"):
            async with serve(echo, "server", 8765):
                ws = await connect(URL)
        await ws.wait_closed()
        return ws.close_code

    assert simulate(main).result == 1001


# -- faults


async def opened(world, **options):
    """A client on ana of an echo server, both with keepalive off; and the server's ends."""
    ends = []

    async def handler(ws):
        ends.append(ws)
        await echo(ws)

    world.set_conditions("ana", delay_ms=50)
    await serve(handler, "server", 8765, ping_interval=None)
    with world.on("ana"):
        return await connect(URL, ping_interval=None, **options), ends


def test_a_reset_is_felt_at_both_ends_at_once():
    async def main(world):
        ws, ends = await opened(world)
        world.at(5).reset("ana")
        with pytest.raises(websockets.ConnectionClosedError) as caught:
            await ws.recv()
        felt = now()
        await ends[0].wait_closed()
        return felt, now(), type(caught.value.__cause__)

    assert simulate(main).result == (5.0, 5.0, ConnectionResetError)


def test_unplugged_both_ends_believe_in_the_connection():
    async def main(world):
        ws, ends = await opened(world)
        world.unplug("ana")
        await ws.send("into the void")
        await ends[0].send("into the void")
        await asyncio.sleep(600)
        states = ws.state.name, ends[0].state.name
        world.replug("ana")
        with world.on("ana"):
            second = await connect(URL, ping_interval=None)
        await second.send("again")
        assert await second.recv() == "again"
        await asyncio.sleep(600)
        return states, ws.state.name, ends[0].state.name

    assert simulate(main).result == (("OPEN", "OPEN"), "CLOSED", "CLOSED"), "after 924 s TCP gives up"


def test_unplugged_and_silent_it_stays_open_for_ever():
    async def main(world):
        ws, ends = await opened(world)
        await asyncio.sleep(1)
        world.unplug("ana")
        await asyncio.sleep(86_400)
        return ws.state.name, ends[0].state.name

    assert simulate(main).result == ("OPEN", "OPEN")


def test_while_unplugged_nobody_answers():
    async def main(world):
        await opened(world)
        world.unplug("ana")
        started = now()
        world.at(started + 4).replug("ana")
        with world.on("ana"):
            await connect(URL)
        return now() - started

    assert simulate(main).result == pytest.approx(7.2), "SYN at 0, 1, 3 and 7 s; then HTTP"


def test_a_partition_cuts_two_hosts_and_no_others():
    async def main(world):
        ws, _ = await opened(world)
        with world.on("ben"):
            other = await connect(URL, ping_interval=None)
        world.partition("ana", "server")
        await ws.send("a")
        await other.send("b")
        assert await other.recv() == "b"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await ws.recv()
        world.repair("ana", "server")
        return await ws.recv()

    assert simulate(main).result == "a"


def test_overlapping_outages_end_with_the_last():
    async def main(world):
        states = []
        world.at(1).outage("ana", for_s=10)
        world.at(2).outage("ana", for_s=2)
        world.at(20).outage("ana")
        world.at(21).outage("ana", for_s=100)
        world.at(30).restore("ana")
        for t in (0, 3, 5, 10.5, 11.5, 25, 31):
            await world.until(t)
            states.append(world.uplink("ana").down and world.downlink("ana").down)
        return states

    assert simulate(main).result == [False, True, True, True, False, True, False]


def test_restore_does_not_replug():
    async def main(world):
        world.unplug("ana")
        world.outage("ana")
        world.restore("ana")
        down = world.uplink("ana").down
        world.replug("ana")
        return down, world.uplink("ana").down

    assert simulate(main).result == (True, False)


def test_conditions_and_profiles():
    async def main(world):
        world.set_conditions("ana", delay_ms=75, rate_kbps=100)
        world.set_conditions("ana", loss=0.1, up=LinkConditions(jitter_ns=7))
        first = world.uplink("ana").conditions, world.downlink("ana").conditions
        world.set_conditions("ana", rate_kbps=math.inf)
        world.at(3).set_profile("ana", "lte")
        await world.until(4)
        return first, world.downlink("ana").conditions

    first, lte = simulate(main).result
    assert first == (
        LinkConditions(jitter_ns=7, loss=0.1),
        LinkConditions(delay_ns=75 * MS, rate_bps=100_000, loss=0.1),
    )
    assert lte.rate_bps is not None


def test_wrong_conditions_are_refused_where_they_are_written():
    async def main(world):
        with pytest.raises(ValueError, match="loss"):
            world.at(5).set_conditions("ana", loss=2)

    simulate(main)


# -- who runs where, and when


def test_tasks_stay_on_the_host_where_they_were_started():
    async def where():
        await asyncio.sleep(1)
        return current_host.get()

    async def main(world):
        with world.on("ana"):
            inner = asyncio.create_task(where())
        spawned = world.spawn("ben", where())
        return await inner, await spawned, await where()

    assert simulate(main).result == ("ana", "ben", "main")


def test_the_script_happens_at_its_times():
    async def main(world):
        seen = []

        async def later(word):
            await asyncio.sleep(1)
            seen.append((now(), word))

        world.at(2, seen.append, "call")
        world.at(3, later, "coroutine")
        await world.until(5)
        with pytest.raises(ValueError, match="past"):
            world.at(4)
        return seen

    assert simulate(main).result == ["call", (4.0, "coroutine")]


def test_our_own_clock_and_entropy_are_the_simulations():
    async def main(world):
        await asyncio.sleep(2.5)
        return ambient.wall_time_ms(), ambient.new_random().random(), world.rng("x").random(), time.time()

    first, second = simulate(main, seed=1), simulate(main, seed=1)
    assert first.result == second.result
    assert first.result[0] == 1_704_067_202_500
    assert first.result[3] == 1_704_067_202.5
    assert simulate(main, seed=2).result[1:3] != first.result[1:3]
    assert first.virtual_s == 2.5


# -- how a run ends


def test_a_failure_in_the_background_fails_the_run():
    async def main(world):
        async def fails():
            await asyncio.sleep(1)
            raise ZeroDivisionError("in the phone")

        world.spawn("ana", fails())
        await asyncio.sleep(5)

    with pytest.raises(SimTaskFailed, match="in the phone") as caught:
        simulate(main, seed=7)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert any("seed=7" in note for note in caught.value.__notes__)


def test_a_failure_that_someone_handles_does_not():
    async def main(world):
        async def fails():
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            await world.spawn("ana", fails())

    simulate(main)


@pytest.mark.parametrize("how", ["call", "task"])
def test_a_failing_script_fails_the_run(how):
    async def task():
        raise ZeroDivisionError

    async def main(world):
        world.at(1, (lambda: 1 / 0) if how == "call" else task)
        await asyncio.sleep(2)

    with pytest.raises(SimTaskFailed, match="ZeroDivisionError"):
        simulate(main)


def test_mains_own_failure_comes_out_as_it_is_with_the_line_that_replays_it():
    async def main(world):
        async def fails():
            raise ZeroDivisionError("background")

        world.spawn("ana", fails())
        await asyncio.sleep(3)
        raise KeyError("main")

    with pytest.raises(KeyError, match="main") as caught:
        simulate(main, seed=42)
    notes = "\n".join(caught.value.__notes__)
    assert "at 3.000000000 s" in notes
    assert "seed=42" in notes
    assert "background" in notes


def test_at_the_end_everything_is_cancelled():
    ended = []

    async def main(world):
        async def lingers(name):
            try:
                await asyncio.sleep(1000)
            finally:
                await asyncio.sleep(1)
                ended.append(name)

        for name in "abc":
            world.spawn("ana", lingers(name))
        await asyncio.sleep(1)
        return world.loop

    run = simulate(main)
    assert ended == ["a", "b", "c"]
    assert run.result.is_closed()
    assert run.virtual_s == 1.0


def test_a_task_that_will_not_end_is_reported():
    async def main(world):
        async def stubborn():
            while True:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(1000)

        world.spawn("ana", stubborn())
        await asyncio.sleep(1)

    with pytest.raises(SimTimeLimit, match="stubborn"):
        simulate(main)


def test_a_deadlock_fails_the_run_and_names_who_waits():
    async def main(world):
        async with serve(echo, "server", 8765, ping_interval=None):
            with world.on("ana"):
                async with connect(URL, ping_interval=None) as ws:
                    await ws.recv()

    with pytest.raises(SimDeadlock, match=r"0\.000000000 s(.|\n)*main: .*recv"):
        simulate(main)


def test_the_time_limit():
    with pytest.raises(SimTimeLimit):
        simulate(lambda world: asyncio.sleep(11), max_virtual_s=10)


# -- where it may run


async def small(world):
    world.set_conditions("ana", delay_ms=75, jitter_ms=20, loss=0.05)
    async with serve(echo, "server", 8765):
        with world.on("ana"):
            async with connect(URL) as ws:
                for n in range(30):
                    await ws.send(str(n))
                    await ws.recv()
                    await asyncio.sleep(1)


async def test_inside_a_running_loop_which_waits_meanwhile():
    ticks = []
    ticker = asyncio.get_running_loop().call_soon(ticks.append, 1)
    first = simulate(small, seed=3)
    assert ticks == []
    await asyncio.sleep(0)
    assert ticks == [1]
    ticker.cancel()
    assert asyncio.current_task() is not None
    assert simulate(small, seed=3).hash == first.hash


def test_a_simulation_inside_a_simulation():
    async def main(world):
        await asyncio.sleep(5)
        inner = simulate(small, seed=3)
        return inner.hash, now(), random.random()

    first = simulate(main, seed=1)
    assert first.result == simulate(main, seed=1).result
    assert first.result[:2] == (simulate(small, seed=3).hash, 5.0)


def test_in_two_threads_at_once():
    results = {}
    expected = {seed: simulate(small, seed=seed).hash for seed in range(4)}
    threads = [
        threading.Thread(target=lambda seed=seed: results.update({seed: simulate(small, seed=seed).hash}))
        for seed in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == expected


async def test_beside_a_live_loop_that_notices_nothing():
    """The simulation runs in a worker thread while real websockets talk on this loop."""
    running = asyncio.create_task(asyncio.to_thread(simulate, small, seed=5))
    before = time.time()
    exchanged = 0
    async with serve(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as ws:
            while not running.done():
                await ws.send("live")
                assert await ws.recv() == "live"
                exchanged += 1
    assert exchanged > 0
    assert 0 <= time.time() - before < 60
    assert (await running).hash == simulate(small, seed=5).hash
