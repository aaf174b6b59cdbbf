"""The clock and the entropy of third-party code, replaced for one thread.

Our own code takes its time and randomness as arguments; ``websockets`` and the standard library do not. While a
simulation runs, a few functions of theirs ask whether the calling thread simulates: if so they answer
from the simulation, otherwise they call the original. A live loop in another thread never notices.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from realtime.sim.substitution import Answer, Substitution

EPOCH_S = 1_704_067_200  # virtual time 0 on the wall clock: 2024-01-01T00:00:00Z

real_seconds = time.perf_counter  # noqa: TID251  # how long a run really took


class _Sources(NamedTuple):
    """What one simulation answers with."""

    entropy: random.Random  # the operating system's
    shared: random.Random  # of the module-level functions
    now_ns: Callable[[], int]


@contextlib.contextmanager
def replaced(*, seed: bytes, now_ns: Callable[[], int]) -> Iterator[None]:
    """Answer for clock and entropy in this thread until the block ends. May be nested.

    Args:
        seed: determines every random draw.
        now_ns: the virtual time.
    """
    sources = _Sources(random.Random(seed + b"entropy"), random.Random(seed + b"shared"), now_ns)
    with _substitution.of(sources):
        yield


def _answers() -> list[Answer]:
    def randbytes(sources: _Sources, size: int) -> bytes:
        return sources.entropy.randbytes(size)

    def seconds(sources: _Sources) -> float:
        return sources.now_ns() / 1e9

    def nanoseconds(sources: _Sources) -> int:
        return sources.now_ns()

    return [
        (os, "urandom", randbytes),
        (random, "_urandom", randbytes),  # SystemRandom, and through it all of secrets
        *((random, name, _of_shared(name)) for name in _module_level_functions()),
        (time, "time", lambda sources: EPOCH_S + sources.now_ns() / 1e9),
        (time, "time_ns", lambda sources: EPOCH_S * 1_000_000_000 + sources.now_ns()),
        (time, "monotonic", seconds),
        (time, "monotonic_ns", nanoseconds),
        (time, "perf_counter", seconds),
        (time, "perf_counter_ns", nanoseconds),
        (urllib.request, "getproxies", lambda _: {}),
    ]


def _module_level_functions() -> list[str]:
    """The functions of `random` that share one hidden generator."""
    return [
        name for name in random.__all__ if isinstance(getattr(getattr(random, name), "__self__", None), random.Random)
    ]


def _of_shared(name: str) -> Callable[..., Any]:
    def answer(sources: _Sources, *args: Any, **kwargs: Any) -> Any:
        return getattr(sources.shared, name)(*args, **kwargs)

    return answer


_substitution = Substitution[_Sources](_answers)
