"""The scripted world: who runs where, what happens to their networks, and how a run ends."""

import asyncio
import contextlib
import gc
import random
import shlex
import subprocess
import sys
import threading
import time
import weakref

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.sim.fault_plan import Fault, FaultPlan
from realtime.sim.loop import SimDeadlock, SimTimeLimit
from realtime.sim.network import current_host
from realtime.sim.rules import drop
from realtime.sim.world import Broken, SimTaskFailed, simulate
from realtime.utils import ambient
from tests.sim.test_determinism import crowd
from tests.sim.websockets_pair import URL, echo, opened


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


# -- rules, and what must hold


def test_a_rule_decides_about_packets_between_hosts():
    """The second data packet from the server is lost; the RTO is 300 ms at an RTT of 100."""

    async def main(world):
        ws, _ = await opened(world)
        seen = []
        with world.rule(seen.append), world.rule(drop(nth=2, kind="data", source="server")):
            times = []
            for _ in range(3):
                sent = now()
                await ws.send("hello")
                await ws.recv()
                times.append(round(now() - sent, 3))
        inside = len(seen)
        await ws.send("unseen")
        await ws.recv()
        return times, [(packet.source, packet.kind) for packet in seen[:2]], len(seen) - inside

    times, first, outside = simulate(main).result
    assert times[0] == times[2] == 0.1
    assert times[1] == pytest.approx(0.4)
    assert first == [("ana", "data"), ("server", "data")]
    assert outside == 0


def test_what_must_always_hold_fails_the_run_with_all_that_is_needed_to_see_it_again():
    async def main(world):
        world.always(lambda: world.now_s < 3, "it is early")
        await world.until(2)
        await world.until(5)
        await world.until(9)

    with pytest.raises(Broken) as caught:
        simulate(main, seed=7)
    assert str(caught.value) == (
        "it is early does not hold; at 5.000000000 s of seed 7; to see it again: simulate(main, seed=7)"
    )
    with pytest.raises(Broken, match="at 5"):
        simulate(lambda world: always_until(world, 5), seed=7)


async def always_until(world, t_s):
    world.always(lambda: world.now_s < 3)
    await world.until(t_s)  # the script ends with the instant


def test_what_must_happen_in_time():
    async def main(world):
        ws, ends = await opened(world)
        world.at(3).reset("ana")
        state = await world.eventually(lambda: ws.state.name == "CLOSED" and ws.state, within_s=10)
        assert (state.name, now()) == ("CLOSED", 3.0)
        await world.eventually(lambda: False, within_s=10, name="the impossible")

    with pytest.raises(Broken, match=r"the impossible did not happen within 10 s; at 13\.0+ s of seed 0; to see it"):
        simulate(main)


# -- the same again


def test_a_shuffled_run_is_another_and_repeats_itself():
    plain, first, second = (simulate(crowd, seed=1, shuffle=shuffle) for shuffle in (False, True, True))
    assert (first.hash, first.timing_hash, first.result) == (second.hash, second.timing_hash, second.result)
    assert first.hash != plain.hash
    assert first.replay_command == "realtime sim tests.sim.test_determinism:crowd --seed 1 --shuffle"
    assert plain.replay_command == "realtime sim tests.sim.test_determinism:crowd --seed 1"


async def with_options(world, *, profile="lte", faults=None):
    """Takes two options by name, and finds all of them in the world."""
    return profile, faults, dict(world.options)


PLAN = FaultPlan((Fault(1.0, "outage", ("ana",), for_s=2.0),))


def test_options_reach_the_scenario_and_the_line_that_repeats_the_run():
    run = simulate(with_options, seed=3, options={"profile": "edge", "trace": None})
    assert run.result == ("edge", None, {"profile": "edge"})
    assert run.replay_command == "realtime sim tests.sim.test_world:with_options --seed 3 --profile edge"
    run = simulate(with_options, options={"faults": PLAN.to_json(), "phones": 3})
    assert run.result == ("lte", PLAN, {"faults": PLAN, "phones": 3})
    assert simulate(with_options).result == ("lte", None, {})


def test_options_cannot_be_changed():
    async def main(world):
        world.options["profile"] = "lte"

    with pytest.raises(TypeError):
        simulate(main, options={"phones": 3})


def test_a_failure_of_a_named_scenario_is_repeated_by_a_command():
    with pytest.raises(ZeroDivisionError) as caught:
        simulate(fails_at_once, seed=11, shuffle=True)
    [note] = caught.value.__notes__
    assert note.endswith("to see it again: realtime sim tests.sim.test_world:fails_at_once --seed 11 --shuffle")


async def fails_at_once(world):
    raise ZeroDivisionError


def test_the_command_repeats_the_run_in_another_process():
    """As somebody who got the line would: by its words, with nothing else of this process."""
    run = simulate(crowd, seed=5, shuffle=True)
    words = shlex.split(run.replay_command)
    code = (
        "import sys; from realtime.sim.scenario import load_scenario; from realtime.sim.world import simulate;"
        "run = simulate(load_scenario(sys.argv[1]), seed=int(sys.argv[2]), shuffle='--shuffle' in sys.argv);"
        "print(run.hash, run.timing_hash)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, words[2], words[4], *words[5:]], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [run.hash, run.timing_hash]


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
