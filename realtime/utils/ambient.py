"""The one home of the wall clock and of entropy.

Everything else takes ``now`` or a ``random.Random`` as an argument, or reads ``loop.time()``.
A simulated run installs its own clock and random source with :func:`installed`; they hold for the
current context only, so a live loop in another thread of the same process does not notice.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar

_wall_clock: ContextVar[Callable[[], float]] = ContextVar("wall_clock", default=time.time)
_random_source: ContextVar[random.Random | None] = ContextVar("random_source", default=None)


def wall_time_s() -> float:
    """Seconds since the Unix epoch, by the wall clock of this context."""
    return _wall_clock.get()()


def wall_time_ms() -> int:
    """Whole milliseconds since the Unix epoch: the timestamp format of the wire."""
    return int(wall_time_s() * 1000)


def new_random() -> random.Random:
    """A fresh random source: seeded by the operating system, or drawn from the simulation's seed."""
    source = _random_source.get()
    return random.Random() if source is None else random.Random(source.getrandbits(128))


@contextlib.contextmanager
def installed(*, wall_clock: Callable[[], float], source: random.Random) -> Iterator[None]:
    """Replace the wall clock and the random source in this context, and in tasks started from it.

    Args:
        wall_clock: returns seconds since the Unix epoch.
        source: every :func:`new_random` draws its seed from it.
    """
    clock_token = _wall_clock.set(wall_clock)
    source_token = _random_source.set(source)
    try:
        yield
    finally:
        _wall_clock.reset(clock_token)
        _random_source.reset(source_token)
