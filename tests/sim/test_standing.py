"""What is in force, as long as there is any reason for it."""

import asyncio

import pytest

from realtime.sim.loop import SimLoop
from realtime.sim.play import play
from realtime.sim.standing import Standing


@pytest.fixture
def run():
    loops = []

    def run(main):
        loop = SimLoop()
        loops.append(loop)
        return play(loop, main(Standing(loop)), hint=str)

    yield run
    for loop in loops:
        loop.close()


class Light:
    """Notes the times at which it goes on and off."""

    def __init__(self, standing):
        self.standing = standing
        self.seen = []

    def on(self, for_s=None):
        if self.standing.add("light", self.off, for_s=for_s):
            self.seen.append(("on", now()))

    def off(self):
        self.seen.append(("off", now()))


def now():
    return asyncio.get_running_loop().time()


def test_on_with_the_first_reason_and_off_with_the_last(run):
    async def main(standing):
        light = Light(standing)
        light.on(for_s=10)
        await asyncio.sleep(2)
        light.on(for_s=3)
        await asyncio.sleep(6)
        light.on(for_s=7)
        await asyncio.sleep(20)
        return light.seen

    assert run(main) == [("on", 0.0), ("off", 15.0)], "until 10, until 5, until 8 + 7"


def test_an_end_ends_all_reasons_and_their_times_pass_unnoticed(run):
    async def main(standing):
        light = Light(standing)
        light.on(for_s=10)
        light.on()
        await asyncio.sleep(2)
        ended = standing.end("light"), standing.end("light")
        await asyncio.sleep(3)
        light.on()
        await asyncio.sleep(100)
        return ended, light.seen, standing.holds("light")

    assert run(main) == ((True, False), [("on", 0.0), ("off", 2.0), ("on", 5.0)], True)


def test_a_reason_without_a_time_outlasts_those_with_one(run):
    async def main(standing):
        light = Light(standing)
        light.on(for_s=1)
        light.on()
        await asyncio.sleep(10)
        return light.seen

    assert run(main) == [("on", 0.0)]


def test_dropped_reasons_end_without_their_end(run):
    async def main(standing):
        light = Light(standing)
        light.on(for_s=5)
        standing.drop("light")
        standing.drop("light")
        first = standing.holds("light")
        await asyncio.sleep(10)
        return first, light.seen

    assert run(main) == (False, [("on", 0.0)])


def test_keys_are_apart(run):
    async def main(standing):
        seen = []
        for key in (("outage", "ana"), ("outage", "ben")):
            standing.add(key, lambda key=key: seen.append((key, now())), for_s=1 + len(seen))
            await asyncio.sleep(0.5)
        await asyncio.sleep(5)
        return seen

    assert run(main) == [(("outage", "ana"), 1.0), (("outage", "ben"), 1.5)]


def test_an_end_may_begin_it_anew(run):
    async def main(standing):
        times = []

        def again():
            times.append(now())
            if len(times) < 3:
                assert standing.add("it", again, for_s=2)

        standing.add("it", again, for_s=1)
        await asyncio.sleep(20)
        return times

    assert run(main) == [1.0, 3.0, 5.0]
