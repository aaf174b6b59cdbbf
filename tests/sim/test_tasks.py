"""Tasks that iterate alike in every process, and what can be told about them."""

import asyncio

import pytest

from realtime.sim.tasks import SimFuture, SimTask, SpawnedTask, in_one_line, position


async def inner():
    await asyncio.Event().wait()


async def outer():
    await inner()


async def test_tasks_and_futures_hash_by_their_numbers():
    loop = asyncio.get_running_loop()
    task = SimTask(asyncio.sleep(0), 7, loop=loop)
    assert (hash(task), task.get_name(), hash(SimFuture(8, loop=loop))) == (7, "Task-7", 8)
    assert task != SimTask(asyncio.sleep(0), 7, loop=loop), "equal numbers make no equal tasks"
    assert await task is None


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
