"""Work in an executor that takes virtual time: a database's commit, amid which everything may happen."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from realtime.sim.disk import Disk
from realtime.sim.process import current_host

if TYPE_CHECKING:
    from realtime.sim.loop import SimLoop


class SlowWork:
    """Does work at once, and lets it be done later: its result comes then, and what it synced is on the disk then.

    Args:
        loop: the virtual time.
        disk: finds the disk of a host.
        rng: says how long each piece of work takes, and what a crash amid it leaves.
        shortest_s: it takes at least so long, in seconds.
        longest_s: and at most so long; in between all lengths are as likely.

    Raises:
        ValueError: these are no lengths of time.
    """

    def __init__(
        self, loop: SimLoop, disk: Callable[[str], Disk], rng: random.Random, shortest_s: float, longest_s: float
    ) -> None:
        if not 0 <= shortest_s <= longest_s < math.inf:
            raise ValueError(f"work takes from 0 up to a finite number of seconds, not {shortest_s} to {longest_s}")
        self._loop = loop
        self._disk = disk
        self._rng = rng
        self._range_s = shortest_s, longest_s
        self._free_s: WeakKeyDictionary[Any, float] = WeakKeyDictionary()  # when an executor has done all it was given

    def run(self, executor: Any, call: Callable[[], Any]) -> asyncio.Future[Any]:
        """What ``run_in_executor`` returns."""
        future: asyncio.Future[Any] = self._loop.create_future()
        with self._disk(current_host.get()).syncing(random.Random(self._rng.getrandbits(64))) as landed:
            try:
                answer = partial(future.set_result, call())
            except Exception as error:
                answer = partial(future.set_exception, error)
        now_s = self._loop.time()
        done_s = now_s + self._rng.uniform(*self._range_s)
        if executor is not None:
            done_s = max(done_s, self._free_s.get(executor, now_s))
            self._free_s[executor] = done_s
        self._loop.call_at(done_s, _done, future, answer, landed)  # in the caller's context: it dies with its process
        return future


def _done(future: asyncio.Future[Any], answer: Callable[[], None], landed: Callable[[], None]) -> None:
    landed()
    if not future.cancelled():
        answer()
