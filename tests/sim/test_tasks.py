"""Tasks that iterate alike in every process, and what can be told about them."""

import asyncio
import contextvars

import pytest

from realtime.sim.isolation import outside_any_loop
from realtime.sim.loop import SimLoop
from realtime.sim.process import Process
from realtime.sim.tasks import SimTask, SpawnedTask, in_one_line, position


async def inner():
    await asyncio.Event().wait()


async def outer():
    await inner()


async def test_tasks_hash_by_their_numbers():
    loop = asyncio.get_running_loop()
    task = SimTask(asyncio.sleep(0), 7, loop=loop)
    assert (hash(task), task.get_name()) == (7, "Task-7")
    assert task != SimTask(asyncio.sleep(0), 7, loop=loop), "equal numbers make no equal tasks"
    assert await task is None


def test_futures_get_their_numbers_when_they_are_asked_first():
    """Most are never asked; the order of asking is the same in every run."""
    loop = SimLoop()
    first, second = loop.create_future(), loop.create_future()
    number = hash(second)
    assert [hash(first), hash(second)] == [number + 1, number]
    loop.close()


def test_a_task_belongs_to_the_process_that_it_is_started_in():
    loop = SimLoop()
    context = contextvars.copy_context()
    process = Process("ana", 1)
    context.run(process.enter)

    async def main():
        inside = context.run(loop.create_task, asyncio.sleep(0))
        given = loop.create_task(asyncio.sleep(0), context=context)
        outside = loop.create_task(asyncio.sleep(0))
        await asyncio.wait([inside, given, outside])
        return [task.process for task in (inside, given, outside)]

    with outside_any_loop():
        assert loop.run_until_complete(main()) == [process, process, None]
    loop.close()


async def test_a_spawned_task_knows_who_waits():
    loop = asyncio.get_running_loop()
    for wait in (lambda task: task, lambda task: asyncio.gather(task), lambda task: asyncio.wait([task])):
        task = SpawnedTask(asyncio.sleep(0.001), 1, loop=loop)
        assert not task.is_awaited
        await wait(task)
        assert task.is_awaited
    assert not SpawnedTask(asyncio.sleep(0), 1, loop=loop).is_awaited


async def test_a_position_names_the_chain_and_the_line():
    task = asyncio.create_task(outer())
    assert "outer" in position(task)
    await asyncio.sleep(0)
    assert position(task).startswith("outer > inner > Event.wait (")
    task.cancel()


def test_an_error_in_one_line():
    assert in_one_line(KeyError("x")) == "KeyError('x')"
    with pytest.raises(KeyError) as caught:
        raise KeyError("x")
    assert in_one_line(caught.value).startswith(f"KeyError('x') ({__file__}:")
