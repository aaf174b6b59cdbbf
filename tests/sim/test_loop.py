"""The virtual clock: nothing waits, everything is in order, and what cannot go on says so."""

import asyncio
import contextvars
import math
import random
import threading
import time

import pytest

from realtime.network.link import NEVER_NS
from realtime.sim.loop import SimDeadlock, SimLivelock, SimLoop, SimTimeLimit
from realtime.sim.process import current_host


@pytest.fixture
def run():
    loops = []

    def run(main, **options):
        loop = SimLoop(**options)
        loops.append(loop)
        running = asyncio._get_running_loop()
        asyncio._set_running_loop(None)
        try:
            return loop.run_until_complete(main)
        finally:
            asyncio._set_running_loop(running)

    yield run
    for loop in loops:
        loop.close()


def test_sleeping_takes_virtual_time_only(run):
    async def main():
        await asyncio.sleep(86_400)
        return asyncio.get_running_loop().time()

    started = time.perf_counter()
    assert run(main()) == 86_400.0
    assert time.perf_counter() - started < 60


def test_ten_thousand_round_trips_of_150_ms_are_1500_seconds(run):
    async def main():
        for _ in range(20_000):
            await asyncio.sleep(0.075)
        return asyncio.get_running_loop().now_ns

    assert run(main()) == 1500 * 10**9


def test_timers_of_one_instant_fire_in_the_order_of_their_making(run):
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        for n in range(100):
            loop.call_at(1.0 if n % 2 else 0.5 + 0.5, seen.append, n)
        await asyncio.sleep(2)
        return seen

    assert run(main()) == list(range(100))


def test_cancelled_timers_do_not_fire_nor_hold_the_clock(run):
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        for n in range(1000):
            loop.call_later(5, seen.append, n).cancel()
        loop.call_later(1, seen.append, "kept")
        await asyncio.sleep(2)
        return seen, loop.time()

    assert run(main()) == (["kept"], 2.0)


def test_a_deadlock_names_the_time_and_the_waiting_tasks(run):
    async def waits_for_godot():
        await asyncio.Event().wait()

    async def main():
        await asyncio.sleep(7)
        task = asyncio.create_task(waits_for_godot(), name="vladimir")
        await task

    with pytest.raises(SimDeadlock, match=r"7\.000000000 s(.|\n)*vladimir(.|\n)*waits_for_godot"):
        run(main())


def test_sleeping_for_ever_is_a_deadlock_too(run):
    with pytest.raises(SimDeadlock):
        run(asyncio.sleep(math.inf))


def test_an_instant_that_never_ends_is_reported(run):
    async def spin():
        while True:
            await asyncio.sleep(0)

    async def main():
        await asyncio.sleep(3)
        await asyncio.create_task(spin(), name="spinner")

    with pytest.raises(SimLivelock, match=r"3\.000000000 s(.|\n)*spinner"):
        run(main(), max_turns_per_ms=1000)


def test_steps_of_a_nanosecond_are_standing_still_too(run):
    """1000 turns of 1 ns are a microsecond; 1000 turns of 2 µs are twice the millisecond that they may fill."""

    async def main(step_s):
        await asyncio.sleep(3)
        for _ in range(5000):
            await asyncio.sleep(step_s)

    run(main(2e-6), max_turns_per_ms=1000)
    with pytest.raises(SimLivelock, match=r"3\.00000\d+ s(.|\n)*main"):
        run(main(1e-9), max_turns_per_ms=1000)


def test_what_is_due_at_once_is_called_in_its_turn(run):
    """A timer of now stands in line where it was made, like asyncio's ready callbacks."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        await asyncio.sleep(1)
        loop.call_soon(seen.append, "soon")
        loop.call_later(0, seen.append, "later, by nothing")
        loop.call_at(0.5, seen.append, "at a time that has passed")
        loop.call_soon(seen.append, "last")
        await asyncio.sleep(0)
        return seen, loop.time()

    assert run(main()) == (["soon", "later, by nothing", "at a time that has passed", "last"], 1.0)


def test_handles_can_be_cancelled_until_they_run(run):
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        handles = [
            loop.call_soon(seen.append, "soon"),
            loop.call_later(0, seen.append, "now"),
            loop.call_later(1, seen.append, "later"),
        ]
        assert handles[2].when() == 1.0
        for handle in handles:
            handle.cancel()
        loop.call_later(1, seen.append, "kept")
        await asyncio.sleep(2)
        return seen, [handle.cancelled() for handle in handles]

    assert run(main()) == (["kept"], [True] * 3)


def test_many_cancelled_timers_take_no_room(run):
    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(10_000):
            loop.call_later(3600, print).cancel()
        return len(loop._timers)

    assert run(main()) < 1000


def test_a_timer_that_moves_fires_once_at_its_newest_time(run):
    async def main():
        loop, seen = asyncio.get_running_loop(), []
        timer = loop.idle_timer(lambda: seen.append(loop.now_ns) or NEVER_NS)
        loop.move(timer, 5_000)
        loop.move(timer, 3_000)
        loop.move(timer, 3_000)
        await asyncio.sleep(4e-6)
        loop.move(timer, 9_000)
        loop.move(timer, 7_000)
        await asyncio.sleep(1)
        loop.move(timer, loop.now_ns - 1)
        await asyncio.sleep(0)
        return seen

    assert run(main()) == [3_000, 7_000, 1_000_004_000]


def test_whoever_watches_is_told_at_the_end_of_each_instant(run):
    async def main():
        loop, ends = asyncio.get_running_loop(), []
        loop.instant_ended = lambda: ends.append(loop.now_ns)
        loop.call_later(1, loop.call_soon, loop.call_soon, print)
        await asyncio.sleep(1)
        loop.call_later(1, print).cancel()
        await asyncio.sleep(2)
        return ends

    assert run(main()) == [0, 1_000_000_000]


def test_an_instant_goes_on_if_the_watcher_makes_it(run):
    async def main():
        loop, seen = asyncio.get_running_loop(), []

        def watch():
            if not seen:
                loop.call_soon(lambda: seen.append(loop.now_ns) or NEVER_NS)

        loop.instant_ended = watch
        await asyncio.sleep(1)
        return seen

    assert run(main()) == [0]


def test_a_callback_that_fails_reaches_the_handler_with_its_name(run):
    async def main():
        loop, contexts = asyncio.get_running_loop(), []
        loop.set_exception_handler(lambda loop, context: contexts.append(context))

        def fails():
            raise ZeroDivisionError

        loop.call_soon(fails)
        await asyncio.sleep(1)
        return contexts

    [context] = run(main())
    assert isinstance(context["exception"], ZeroDivisionError)
    assert "fails" in context["message"]


def test_an_interrupt_goes_through_at_once(run):
    async def main():
        def interrupt():
            raise KeyboardInterrupt

        asyncio.get_running_loop().call_soon(interrupt)
        await asyncio.sleep(1)

    with pytest.raises(KeyboardInterrupt):
        run(main())


def test_a_closed_loop_takes_nothing():
    loop = SimLoop()
    loop.close()
    for call in (loop.call_soon, lambda callback: loop.call_later(1, callback)):
        with pytest.raises(RuntimeError, match="closed"):
            call(print)


def test_shuffled_hosts_take_turns_in_an_order_of_the_seed(run):
    """Two hosts of three callbacks each in one turn; FIFO within each."""

    async def main():
        loop, seen = asyncio.get_running_loop(), []
        for n in range(3):
            for host in ("ana", "ben"):
                context = contextvars.copy_context()
                context.run(current_host.set, host)
                loop.call_later(1, seen.append, (host, n), context=context)
        await asyncio.sleep(2)
        return seen

    made = [(host, n) for n in range(3) for host in ("ana", "ben")]
    assert run(main()) == made
    orders = [run(main(), shuffle=random.Random(seed)) for seed in range(20)]
    assert len({tuple(order) for order in orders}) > 5
    for order in orders:
        assert sorted(order) == sorted(made)
        assert all([n for host, n in order if host == one] == [0, 1, 2] for one in ("ana", "ben"))
    assert orders == [run(main(), shuffle=random.Random(seed)) for seed in range(20)]


def test_the_time_limit_stops_the_run(run):
    async def main():
        while True:
            await asyncio.sleep(1)

    with pytest.raises(SimTimeLimit, match="10 s"):
        run(main(), max_virtual_s=10)


def test_threads_are_run_inline(run):
    async def main():
        loop = asyncio.get_running_loop()
        same = await asyncio.to_thread(threading.get_ident) == threading.get_ident()
        with pytest.raises(ZeroDivisionError):
            await loop.run_in_executor(None, lambda: 1 / 0)
        return same, loop.time()

    assert run(main()) == (True, 0.0)


def test_another_thread_may_not_reach_in(run):
    async def main():
        loop, errors = asyncio.get_running_loop(), []

        def intrude():
            try:
                loop.call_soon_threadsafe(print)
            except RuntimeError as error:
                errors.append(str(error))

        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()
        loop.call_soon_threadsafe(errors.append, "from inside it is fine")
        await asyncio.sleep(0)
        return errors

    refused, allowed = run(main())
    assert "another thread" in refused
    assert allowed == "from inside it is fine"


def test_sets_of_tasks_are_ordered_by_creation(run):
    async def main():
        tasks = [asyncio.create_task(asyncio.sleep(0), name=str(n)) for n in range(50)]
        futures = [asyncio.get_running_loop().create_future() for _ in range(5)]
        for future in futures:
            future.cancel()
        random.Random(3).shuffle(tasks)
        done, _ = await asyncio.wait(tasks)
        assert [hash(future) for future in futures] == sorted(hash(future) for future in futures)
        return [hash(task) - min(map(hash, done)) for task in sorted(done, key=lambda task: int(task.get_name()))]

    assert run(main()) == list(range(50))


def test_task_groups_timeouts_and_queues_work(run):
    async def main():
        queue: asyncio.Queue[int] = asyncio.Queue()

        async def produce():
            for n in range(3):
                await asyncio.sleep(1)
                await queue.put(n)

        async def consume():
            return [await queue.get() for _ in range(3)]

        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            consumer = group.create_task(consume())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(4):
                await queue.get()
        return consumer.result(), asyncio.get_running_loop().time()

    assert run(main()) == ([0, 1, 2], 7.0)
