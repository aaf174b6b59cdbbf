"""What is handed to an executor takes time; a crash amid it leaves what an interrupted sync leaves."""

import asyncio
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from realtime.sim.disk import Disks
from realtime.sim.world import simulate


class Writer:
    """Writes a line to a file in a worker, as a database does."""

    def __init__(self, machine, lines, done):
        self.machine = machine
        self.path = machine.disk.path / "log"
        self.lines = lines
        self.done = done

    def write(self, line):
        with self.path.open("a") as file:
            file.write(line)
        self.machine.disk.synced(self.path)
        return line

    async def start(self):
        loop = asyncio.get_running_loop()
        for line in self.lines:
            self.done.append((await loop.run_in_executor(None, self.write, line), loop.time()))


def play(script, seed=0):
    async def main(world):
        done = []
        world.slow_work(1.0, 2.0)
        machine = world.machine("ana", lambda machine: Writer(machine, ["one ", "two "], done))
        return await script(world, machine, done)

    return simulate(main, seed=seed).result


def test_work_takes_as_long_as_the_world_says_and_the_same_in_each_run():
    async def script(world, machine, done):
        await machine.ready()
        return done

    [(one, first_s), (two, second_s)] = play(script)
    assert (one, two) == ("one ", "two ")
    assert 1 <= first_s <= 2
    assert 1 <= second_s - first_s <= 2
    assert play(script) == [(one, first_s), (two, second_s)]
    assert play(script, seed=1) != [(one, first_s), (two, second_s)]


def test_what_fails_fails_later():
    async def main(world):
        world.slow_work(1.0, 2.0)
        with pytest.raises(ZeroDivisionError):
            await asyncio.get_running_loop().run_in_executor(None, lambda: 1 // 0)
        return world.now_s

    assert 1 <= simulate(main).result <= 2


def test_what_one_executor_was_given_first_is_done_first():
    async def main(world):
        world.slow_work(0.0, 10.0)
        loop, order = asyncio.get_running_loop(), []
        executor = ThreadPoolExecutor(1)
        await asyncio.gather(*(_noted(loop.run_in_executor(executor, int, n), order) for n in range(10)))
        executor.shutdown()
        return order

    assert simulate(main).result == list(range(10))


async def _noted(future, order):
    order.append(await future)


def test_without_it_work_takes_no_time():
    async def main(world):
        await asyncio.get_running_loop().run_in_executor(None, int)
        return world.now_s

    assert simulate(main).result == 0.0


def test_a_length_of_time_makes_sense():
    async def main(world):
        for wrong in ((2.0, 1.0), (-1.0, 1.0), (0.0, float("inf"))):
            with pytest.raises(ValueError, match="from 0 up"):
                world.slow_work(*wrong)

    simulate(main)


def test_after_a_crash_amid_the_work_all_or_nothing_or_some_of_it_is_there():
    """One sector: it is there or not. It never is where the crash comes before the write, always after the answer."""

    def left(at_s, seed):
        async def script(world, machine, done):
            await world.until(at_s)
            world.crash("ana")
            path = world.disk("ana").path / "log"
            return path.read_text() if path.exists() else ""

        return play(script, seed)

    assert {left(0.9, seed) for seed in range(20)} == {"", "one "}
    assert {left(4.1, seed) for seed in range(3)} == {"one two "}


def test_what_was_under_way_at_a_kill_is_written_and_not_synced():
    async def script(world, machine, done):
        await world.until(0.5)
        world.kill_app("ana")
        path = world.disk("ana").path / "log"
        written = path.read_text()
        await world.until(10)
        assert done == []
        return written

    assert play(script) == "one "


def test_a_later_sync_makes_an_unfinished_one_of_no_account():
    for seed in range(20):
        with Disks() as disks:
            disk = disks.disk("ana")
            path = disk.path / "log"
            path.write_text("one")
            with disk.syncing(random.Random(seed)):
                disk.synced(path)
            path.write_text("two")
            disk.synced(path)
            disk.crash()
            assert path.read_text() == "two"
