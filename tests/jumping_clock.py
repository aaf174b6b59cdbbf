"""Tests in virtual time: a wait takes no time at all."""

import functools

from realtime.sim.entropy import EPOCH_S
from realtime.sim.world import simulate

__all__ = ["EPOCH_S", "jumping"]


def jumping(test):
    """Make an ``async`` test run in a simulated world of its own; the loop starts at 0 s, the wall clock at EPOCH_S."""

    @functools.wraps(test)
    def run(*args, **kwargs):
        simulate(lambda world: test(*args, **kwargs))

    return run
