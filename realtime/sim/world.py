"""The scripted world: hosts and their networks in virtual time, replayable from a seed."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import inspect
import random
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from realtime.network.link import Link
from realtime.sim.entropy import EPOCH_S, real_seconds, replaced
from realtime.sim.faults import Faults
from realtime.sim.isolation import outside_any_loop, without_collector
from realtime.sim.loop import SimDeadlock, SimError, SimLivelock, SimLoop, SimTaskFailed, SimTimeLimit
from realtime.sim.network import SimNetwork, current_host
from realtime.sim.play import play
from realtime.utils import ambient

T = TypeVar("T")

__all__ = [
    "Run",
    "Schedule",
    "SimDeadlock",
    "SimError",
    "SimLivelock",
    "SimTaskFailed",
    "SimTimeLimit",
    "World",
    "simulate",
]


@dataclass(frozen=True, slots=True)
class Run(Generic[T]):
    """What came of a simulation.

    Args:
        result: what ``main`` returned.
        seed: gives the same run again.
        hash: over times, sizes and bytes of everything on the network.
        timing_hash: the same without the bytes.
        virtual_s: how long it took inside.
        wall_s: how long it took outside.
    """

    result: T
    seed: int
    hash: str
    timing_hash: str
    virtual_s: float
    wall_s: float


class World(Faults):
    """What a simulation's ``main`` gets: the map, the script of faults, and who runs where."""

    def __init__(self, loop: SimLoop, seed: int) -> None:
        self.loop = loop
        self.seed = seed
        super().__init__(SimNetwork(loop, self.rng))
        loop.sockets = self.network

    @property
    def replay_hint(self) -> str:
        """Where a failure happened, and how to see it again."""
        return f"at {self.now_s:.9f} s of simulate(…, seed={self.seed})"

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start."""
        return self.loop.time()

    def rng(self, purpose: str) -> random.Random:
        """A random stream of its own for each purpose, so that drawing from one shifts no other."""
        return random.Random(_derive(self.seed, purpose))

    def link(self, source: str, target: str) -> Link:
        """The link through the core from one host to another, beyond their access links."""
        return self.network.link(source, target)

    def uplink(self, host: str) -> Link:
        """The access link from a host."""
        return self.network.host(host).up

    def downlink(self, host: str) -> Link:
        """The access link to a host."""
        return self.network.host(host).down

    @contextlib.contextmanager
    def on(self, host: str) -> Iterator[None]:
        """Code inside, and tasks started there, run on this host."""
        token = current_host.set(self.network.host(host).name)
        try:
            yield
        finally:
            current_host.reset(token)

    def spawn(self, host: str, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Run a coroutine as a task on a host.

        Its failure fails the run, unless somebody waits for the task or asks for its result: at the end, or after
        ten virtual minutes if there is no end.
        """
        context = contextvars.copy_context()
        context.run(current_host.set, self.network.host(host).name)
        return self.loop.spawn(coro, name=name or f"{host}: {getattr(coro, '__qualname__', coro)}", context=context)

    def at(self, t_s: float, action: Callable[..., object] | None = None, *args: Any) -> Schedule:
        """Do something at a virtual time: ``world.at(2).outage("ana", for_s=40)`` or ``world.at(2, call, argument)``.

        Args:
            t_s: seconds since the start, not in the past.
            action: a function; what it returns is run as a task if it is a coroutine.
            *args: for the function.
        """
        if t_s < self.now_s:
            raise ValueError(f"it is {self.now_s} s already; {t_s} s is in the past")
        schedule = Schedule(self.network, t_s)
        if action is not None:
            schedule.call(action, *args)
        return schedule

    async def until(self, t_s: float) -> None:
        """Wait for a virtual time; returns at once if it has passed."""
        await asyncio.sleep(max(0.0, t_s - self.now_s))

    def _do(self, action: Callable[..., object], *args: Any) -> None:
        action(*args)


class Schedule(Faults):
    """The verbs of a world, at a set time."""

    def __init__(self, network: SimNetwork, t_s: float) -> None:
        super().__init__(network)
        self._t_s = t_s

    def call(self, action: Callable[..., object], *args: Any) -> None:
        """Call a function then; what it returns is run as a task if it is a coroutine."""
        self._do(_start, action, args)

    def _do(self, action: Callable[..., object], *args: Any) -> None:
        self.network.loop.call_at(self._t_s, action, *args)


def simulate(main: Callable[[World], Awaitable[T]], *, seed: int = 0, max_virtual_s: float | None = None) -> Run[T]:
    """Run ``main(world)`` to its end in virtual time.

    Works in any thread, beside a live loop, and from inside a running one, which waits meanwhile. When ``main``
    returns, everything else is cancelled.

    Args:
        main: the script. It runs on a host of its own, with ideal links.
        seed: the same seed gives the same run, to the last byte.
        max_virtual_s: virtual time after which the run fails.

    Raises:
        SimDeadlock: nothing can happen any more, and ``main`` still waits.
        SimLivelock: callbacks keep making callbacks at one instant.
        SimTimeLimit: ``max_virtual_s`` is over.
        SimTaskFailed: something in the background failed, and nobody handled it.
        Exception: what ``main`` raised.
    """
    started_s = real_seconds()
    with contextlib.ExitStack() as stack:
        stack.enter_context(outside_any_loop())
        stack.enter_context(without_collector())
        loop = SimLoop(max_virtual_s=max_virtual_s)
        stack.callback(loop.close)
        stack.enter_context(replaced(seed=_derive(seed, "third parties"), now_ns=lambda: loop.now_ns))
        source = random.Random(_derive(seed, "ambient"))
        stack.enter_context(ambient.installed(wall_clock=lambda: EPOCH_S + loop.time(), source=source))
        loop.neutral = contextvars.copy_context()
        world = World(loop, seed)

        async def script() -> Run[T]:
            result = await main(world)
            journal = world.network.journal
            wall_s = real_seconds() - started_s
            return Run(result, seed, journal.hash, journal.timing_hash, world.now_s, wall_s)

        try:
            return play(loop, script(), hint=lambda: world.replay_hint)
        finally:
            world.network.abandon()


def _start(action: Callable[..., object], args: tuple[Any, ...]) -> None:
    result = action(*args)
    if inspect.iscoroutine(result):
        asyncio.get_running_loop().create_task(result)


def _derive(seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=32).digest()
