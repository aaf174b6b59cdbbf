"""The end of a process in mid-flight: nothing of it ever runs again, until the run is over and it is cleared away."""

import asyncio
import contextlib
import contextvars
import gc
import weakref

import pytest

from realtime.sim.loop import SimDeadlock, SimLoop
from realtime.sim.play import play
from realtime.sim.process import Process


@pytest.fixture
def loop():
    loop = SimLoop()
    yield loop
    loop.close()


def inside(process):
    context = contextvars.copy_context()
    context.run(process.enter)
    return context


ANA, BEN = "ana", "ben"


def test_neither_tasks_nor_timers_nor_callbacks_run_again(loop):
    seen = []

    async def ticks(who):
        while True:
            await asyncio.sleep(1)
            seen.append((who, "tick", loop.now_ns // 10**9))

    async def main():
        ana, ben = Process(ANA, 1), Process(BEN, 1)
        for process in (ana, ben):
            loop.create_task(ticks(process.host), context=inside(process))
            loop.call_later(2.5, seen.append, (process.host, "timer"), context=inside(process))
        await asyncio.sleep(1.5)
        loop.call_soon(seen.append, (ANA, "callback"), context=inside(ana))
        loop.freeze(ana)
        loop.call_soon(seen.append, (ANA, "a later callback"), context=inside(ana))
        await asyncio.sleep(2)
        return ana.is_dead, ben.is_dead

    assert play(loop, main(), hint=str) == (True, False)
    assert seen == [(ANA, "tick", 1), (BEN, "tick", 1), (BEN, "tick", 2), (BEN, "timer"), (BEN, "tick", 3)]


def test_a_process_that_ends_itself_runs_to_its_next_wait(loop):
    seen = []

    async def dies(process):
        loop.freeze(process)
        seen.append("the statement after")
        await asyncio.sleep(0)
        seen.append("after a wait")

    async def main():
        process = Process(ANA, 1)
        loop.create_task(dies(process), context=inside(process))
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen == ["the statement after"]


def test_what_others_do_to_its_tasks_changes_nothing(loop):
    seen = []

    async def waits(future):
        try:
            seen.append(await future)
        finally:
            seen.append(f"cleared away at {loop.time()}")

    async def main():
        process, futures = Process(ANA, 1), [loop.create_future() for _ in range(2)]
        first, second = (loop.create_task(waits(future), context=inside(process)) for future in futures)
        await asyncio.sleep(1)
        loop.freeze(process)
        futures[0].set_result("an answer")
        second.cancel()
        await asyncio.sleep(1)
        return first.done(), second.done()

    assert play(loop, main(), hint=str) == (False, False)
    assert seen == ["cleared away at 2.0"] * 2


def test_its_tasks_are_kept_until_the_end_and_nobody_complains(loop, caplog):
    """A task that nobody holds would be collected, with a complaint, and its `finally` would run in mid-run."""
    seen = []

    async def forgotten():
        mark = asyncio.Event()
        marks.append(weakref.ref(mark))
        try:
            await mark.wait()
        finally:
            seen.append(loop.time())

    marks = []

    async def main():
        process = Process(ANA, 1)
        loop.create_task(forgotten(), context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.sleep(1)
        gc.collect()
        assert marks[0]() is not None
        assert seen == []
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen == [3.0]
    assert not caplog.records


def test_a_task_that_has_not_begun_never_begins(loop, caplog):
    seen = []

    async def begins():
        seen.append("begun")

    async def main():
        process = Process(ANA, 1)
        loop.create_task(begins(), context=inside(process))
        loop.freeze(process)
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen == []
    assert not caplog.records


def test_the_timers_of_the_dead_keep_nobody_waiting(loop):
    async def main():
        process = Process(ANA, 1)
        loop.create_task(asyncio.sleep(1000), context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.Event().wait()

    with pytest.raises(SimDeadlock, match=r"1\.000000000 s"):
        play(loop, main(), hint=str)


def test_failures_of_the_dead_are_nobodys(loop):
    """What its code runs into as it is cleared away says nothing about the program."""

    async def fails():
        try:
            await asyncio.Event().wait()
        finally:
            raise ZeroDivisionError

    async def starts_another():
        try:
            await asyncio.Event().wait()
        finally:
            loop.call_soon(lambda: 1 / 0)

    async def main():
        process = Process(ANA, 1)
        for each in (fails(), starts_another()):
            loop.create_task(each, context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.sleep(1)

    play(loop, main(), hint=str)


def test_a_failure_before_the_end_counts(loop):
    async def fails():
        raise ZeroDivisionError("early")

    async def main():
        process = Process(ANA, 1)
        with contextlib.suppress(ZeroDivisionError):
            await loop.create_task(fails(), context=inside(process))
        task = loop.create_task(fails(), context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        return task.exception()

    assert repr(play(loop, main(), hint=str)) == "ZeroDivisionError('early')"


def test_who_wants_to_wait_on_its_way_out_does_not_hold_up_the_end(loop, caplog):
    """What it waits for may be dead as well: a server that closes its connections before it ends."""
    seen = []

    async def lingers():
        try:
            try:
                await asyncio.Event().wait()
            finally:
                seen.append("inner")
                await asyncio.Event().wait()
        finally:
            seen.append(asyncio.current_task() is not None)
            await asyncio.sleep(1000)
            seen.append("slept")

    async def main():
        process = Process(ANA, 1)
        loop.create_task(lingers(), context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen == ["inner", True]
    assert loop.time() == 2.0
    assert not caplog.records


def test_what_is_started_on_the_way_out_never_begins(loop, caplog):
    seen = []

    async def begins():
        seen.append("begun")

    async def starts_another():
        try:
            await asyncio.Event().wait()
        finally:
            asyncio.get_running_loop().create_task(begins())

    async def main():
        process = Process(ANA, 1)
        loop.create_task(starts_another(), context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen == []
    assert not caplog.records


def test_what_waits_inside_of_an_asynchronous_generator_is_let_go_as_well(loop):
    seen = []

    async def words():
        try:
            yield await asyncio.Event().wait()
        finally:
            seen.append(asyncio.get_running_loop() is loop)

    async def listens():
        async for word in words():
            seen.append(word)

    async def main():
        process = Process(ANA, 1)
        loop.create_task(listens(), context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen == [True]
    gc.collect()


def test_who_will_not_be_cancelled_is_let_go_as_well(loop, caplog):
    async def stubborn():
        while True:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(1000)

    async def group():
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(asyncio.sleep(1000))

    async def main():
        process = Process(ANA, 1)
        for each in (stubborn(), group()):
            loop.create_task(each, context=inside(process))
        await asyncio.sleep(1)
        loop.freeze(process)
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    gc.collect()
    assert loop.time() == 2.0
    assert not caplog.records
