"""A loop on which time passes only while everybody sleeps, and then at once."""

import asyncio
import contextlib
import functools
import random

from realtime.utils import ambient

EPOCH_S = 1_000_000.0


class JumpingLoop(asyncio.SelectorEventLoop):
    """Starts at 0 s; every wait takes no time at all."""

    def __init__(self):
        super().__init__()
        self.skipped_s = 0.0
        self._clock_resolution = 1e-9
        select = self._selector.select

        def skip(timeout):
            if timeout:
                self.skipped_s += timeout
            return select(0)

        self._selector.select = skip

    def time(self):
        return self.skipped_s


@contextlib.contextmanager
def jumping_runner():
    """Runs coroutines on such a loop; the wall clock says EPOCH_S at its start."""
    loop = JumpingLoop()
    clock = ambient.installed(wall_clock=lambda: EPOCH_S + loop.time(), source=random.Random(0))
    with clock, asyncio.Runner(loop_factory=lambda: loop) as runner:
        yield runner


def jumping(test):
    """Make an ``async`` test run on such a loop."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        with jumping_runner() as runner:
            runner.run(test(*args, **kwargs))

    return run
