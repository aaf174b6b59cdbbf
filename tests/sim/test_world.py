"""The scripted world: who runs where, what happens to their networks, and how a run ends."""

import asyncio
import contextlib
import gc
import random
import threading
import time
import weakref

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.sim.loop import SimDeadlock, SimTimeLimit
from realtime.sim.network import current_host
from realtime.sim.world import SimTaskFailed, simulate
from realtime.utils import ambient
from tests.sim.websockets_pair import URL, echo


def now():
    return asyncio.get_running_loop().time()


# -- real websockets


@pytest.mark.clause("RT-SIM-3")
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
    assert run.wall_s < 60


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


@pytest.mark.clause("RT-NET-7")
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


async def fails_after_a_second():
    await asyncio.sleep(1)
    raise ZeroDivisionError("in the phone")


def test_a_failure_of_a_spawned_task_ends_a_run_that_has_no_end():
    async def main(world):
        world.spawn("ana", fails_after_a_second())
        while True:
            await asyncio.sleep(10)

    with pytest.raises(SimTaskFailed, match="in the phone") as caught:
        simulate(main, seed=7)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert "at 601.000000000 s" in caught.value.__notes__[0]
    assert "seed=7" in caught.value.__notes__[0]


def test_a_failure_that_someone_waits_for_is_theirs():
    async def main(world):
        with pytest.raises(ZeroDivisionError):
            await world.spawn("ana", fails_after_a_second())
        gathered = asyncio.gather(
            world.spawn("ana", fails_after_a_second()), asyncio.sleep(1000), return_exceptions=True
        )
        unwatched = world.spawn("ana", fails_after_a_second())
        await world.until(500)
        with pytest.raises(ZeroDivisionError):
            await unwatched
        return await gathered

    assert isinstance(simulate(main).result[0], ZeroDivisionError)


def test_a_failed_task_that_nobody_asks_fails_the_run_at_its_end():
    async def main(world):
        task = asyncio.create_task(fails_after_a_second())
        await asyncio.wait([task])
        return world.now_s

    with pytest.raises(SimTaskFailed, match="in the phone"):
        simulate(main)


def test_a_failed_task_that_is_asked_later_does_not():
    async def main(world):
        task = asyncio.create_task(fails_after_a_second())
        await asyncio.sleep(5)
        return repr(task.exception())

    assert "in the phone" in simulate(main).result


def test_a_failure_while_everything_ends_is_reported():
    async def main(world):
        async def clumsy():
            try:
                await asyncio.sleep(1000)
            finally:
                raise ZeroDivisionError("on the way out")

        world.spawn("ana", clumsy())
        await asyncio.sleep(1)

    with pytest.raises(SimTaskFailed, match="on the way out"):
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
        task = asyncio.create_task(fails_after_a_second())
        await asyncio.wait([task], timeout=3)
        await world.until(3)
        raise KeyError("main")

    with pytest.raises(KeyError, match="main") as caught:
        simulate(main, seed=42)
    notes = "\n".join(caught.value.__notes__)
    assert "at 3.000000000 s" in notes
    assert "seed=42" in notes
    assert "in the phone" in notes


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
    """The last that happens is the delayed acknowledgement of the server's answer, after 40 ms."""

    async def main(world):
        async with serve(echo, "server", 8765, ping_interval=None):
            with world.on("ana"):
                async with connect(URL, ping_interval=None) as ws:
                    await ws.recv()

    with pytest.raises(SimDeadlock, match=r"0\.040000000 s(.|\n)*main: .*recv"):
        simulate(main)


def test_the_time_limit():
    with pytest.raises(SimTimeLimit):
        simulate(lambda world: asyncio.sleep(11), max_virtual_s=10)


@pytest.mark.parametrize("t_s", [float("nan"), float("inf"), "3", None, True])
def test_a_time_is_a_number(t_s):
    async def main(world):
        with pytest.raises(ValueError, match="number of virtual seconds"):
            world.at(t_s)

    simulate(main)


def test_an_action_is_a_function():
    async def main(world):
        with pytest.raises(TypeError, match="a function is wanted, not 'outage'"):
            world.at(3, "outage")

    simulate(main)


# -- files


def test_a_host_has_files_and_the_end_of_the_run_leaves_none():
    async def main(world):
        path = world.disk("ana").path
        (path / "a").write_text("something")
        return path, path.exists()

    path, existed = simulate(main).result
    assert existed
    assert not path.exists()


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


def test_nothing_of_a_run_stays_in_memory():
    kept = []

    async def main(world):
        kept.append(weakref.ref(world.loop))
        await small(world)
        world.spawn("ana", asyncio.sleep(1000))
        await connect_and_leave(world)

    async def connect_and_leave(world):
        await serve(echo, "server", 99)
        with world.on("ana"):
            await connect("ws://server:99")

    simulate(main)
    gc.collect()
    assert kept[0]() is None
