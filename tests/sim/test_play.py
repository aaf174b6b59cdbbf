"""Running a script to its end: every failure comes out, and nothing is left behind."""

import asyncio

import pytest

from realtime.sim.loop import SimDeadlock, SimLoop, SimTaskFailed, SimTimeLimit
from realtime.sim.play import play


@pytest.fixture
def loop():
    loop = SimLoop()
    yield loop
    loop.close()


async def fails(word, after_s=1.0):
    await asyncio.sleep(after_s)
    raise ZeroDivisionError(word)


def test_the_result_comes_back(loop):
    assert play(loop, asyncio.sleep(3, "done"), hint=str) == "done"
    assert loop.time() == 3.0


def test_what_main_raises_comes_out_with_the_hint_and_the_failures_behind_it(loop):
    async def main():
        await asyncio.wait([asyncio.create_task(fails("behind"))])
        raise KeyError("main")

    with pytest.raises(KeyError, match="main") as caught:
        play(loop, main(), hint=lambda: f"at {loop.time()}")
    first, second = caught.value.__notes__
    assert first == "at 1.0"
    assert "behind" in second
    assert __file__ in second


def test_a_callback_that_fails_ends_the_run_at_once(loop):
    async def main():
        asyncio.get_running_loop().call_later(1, lambda: 1 / 0)
        await asyncio.sleep(1000)

    with pytest.raises(SimTaskFailed, match="ZeroDivisionError") as caught:
        play(loop, main(), hint=str)
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert loop.time() < 100


def test_every_task_is_cancelled_also_those_that_cleaning_up_starts(loop):
    seen, tasks = [], []

    async def child():
        try:
            await asyncio.sleep(1000)
        finally:
            seen.append("child")

    async def parent():
        try:
            await asyncio.sleep(1000)
        finally:
            tasks.append(asyncio.create_task(child()))
            seen.append("parent")

    async def main():
        tasks.append(asyncio.create_task(parent()))
        await asyncio.sleep(1)

    play(loop, main(), hint=str)
    assert seen[0] == "parent"
    assert not asyncio.all_tasks(loop)


def test_asynchronous_generators_are_closed(loop):
    seen = []

    async def generator():
        try:
            yield 1
            yield 2
        finally:
            seen.append("closed")

    async def main():
        kept.append(generator())
        await anext(kept[0])

    kept = []
    play(loop, main(), hint=str)
    assert seen == ["closed"]


@pytest.mark.parametrize(("sleeps", "error"), [(True, SimTimeLimit), (False, SimDeadlock)])
def test_a_task_that_does_not_end_is_named(loop, sleeps, error):
    async def stubborn():
        try:
            await asyncio.sleep(1000)
        finally:
            await (asyncio.sleep(1000) if sleeps else asyncio.Event().wait())

    mules = []

    async def main():
        mules.append(asyncio.create_task(stubborn(), name="mule"))
        await asyncio.sleep(1)

    with pytest.raises(error, match="mule") as caught:
        play(loop, main(), hint=lambda: "the hint")
    assert "the hint" in caught.value.__notes__
    mules[0]._log_destroy_pending = False  # it never ends: asyncio need not say so in the middle of another test


def test_a_callback_that_meets_a_cancelled_task_is_no_failure(loop):
    """asyncio's stream server has one: it asks the task of each connection for its exception."""

    async def main():
        task = asyncio.create_task(asyncio.sleep(1000))
        task.add_done_callback(lambda task: task.exception())
        await asyncio.sleep(1)
        return "done"

    assert play(loop, main(), hint=str) == "done"
