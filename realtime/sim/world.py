"""The scripted world: hosts and their networks in virtual time, replayable from a seed."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import hashlib
import inspect
import math
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from realtime.network.link import NS, Link
from realtime.network.profiles import Profile
from realtime.sim.disk import Disk, Disks
from realtime.sim.effects import Effects, OnFault
from realtime.sim.entropy import EPOCH_S, real_seconds, replaced
from realtime.sim.fault_plan import FaultPlan
from realtime.sim.faults import Faults
from realtime.sim.invariants import Broken, Invariants, Watch
from realtime.sim.isolation import outside_any_loop, without_collector
from realtime.sim.loop import SimDeadlock, SimError, SimLivelock, SimLoop, SimTaskFailed, SimTimeLimit
from realtime.sim.machine import Machine, Machines
from realtime.sim.network import SimNetwork
from realtime.sim.play import play
from realtime.sim.process import DEFAULT_HOST, current_host, current_process
from realtime.sim.replay import replay_command
from realtime.sim.rules import Rule
from realtime.sim.slow_work import SlowWork
from realtime.utils import ambient

T = TypeVar("T")

__all__ = [
    "Broken",
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
        replay_command: one line that gives the same run again, to the same hashes, wherever the code is the same.
    """

    result: T
    seed: int
    hash: str
    timing_hash: str
    virtual_s: float
    wall_s: float
    replay_command: str


class World(Faults):
    """What a simulation's ``main`` gets: the map, the script of faults, and who runs where.

    Attributes:
        options: of the run, as they were given to :func:`simulate`.
        machines: by name.
        fault_plan: the one that was applied.
        replay_command: one line that gives the same run again.
    """

    def __init__(
        self,
        loop: SimLoop,
        seed: int,
        disks: Disks,
        *,
        options: Mapping[str, Any] = MappingProxyType({}),
        replay_command: str = "",
    ) -> None:
        self.network = SimNetwork(loop, self.rng)
        super().__init__(Machines(), self.network.hosts)
        self.loop = loop
        self.seed = seed
        self.options = options
        self.fault_plan: FaultPlan | None = None
        loop.sockets = self.network
        self.invariants = Invariants(loop, lambda: self.replay_hint)
        self._disks = disks
        self._effects = Effects(self.network, self.machines)
        self.replay_command = replay_command

    @property
    def replay_hint(self) -> str:
        """Where a failure happened, and how to see it again."""
        now_ns = self.loop.now_ns
        when = f"{now_ns // NS}.{now_ns % NS:09}"
        return f"at {when} s of seed {self.seed}; to see it again: {self.replay_command}"

    @property
    def now_s(self) -> float:
        """Virtual seconds since the start."""
        return self.loop.time()

    def rng(self, purpose: str) -> random.Random:
        """A random stream of its own for each purpose, so that drawing from one shifts no other."""
        return random.Random(_derive(self.seed, purpose))

    # -- the map

    def link(self, source: str, target: str) -> Link:
        """The link through the core from one host to another, beyond their access links."""
        return self.network.link(source, target)

    def uplink(self, host: str) -> Link:
        """The access link from a host."""
        return self.network.host(host).up

    def downlink(self, host: str) -> Link:
        """The access link to a host."""
        return self.network.host(host).down

    # -- who runs where

    def machine(self, name: str, factory: Callable[[Machine], Any], *, profile: str | Profile | None = None) -> Machine:
        """A host that runs a program and can fail. The program starts at once; ``await machine.ready()`` for the rest.

        Args:
            name: of the host.
            factory: makes the app, now and at each restart: ``factory(machine)``. The app may have an async
                ``start()``, and ``background()``, ``foreground()``, ``network_changed(kind)`` for the verbs.
            profile: of the host's network; None leaves it as it is.

        Raises:
            ValueError: there is a machine of this name, or it is the script's own host.
            ProfileError: there is no such profile.
            Exception: what the factory raised.
        """
        if name in self.machines:
            raise ValueError(f"there is a machine {name!r} already")
        if name == DEFAULT_HOST:
            raise ValueError(f"{name!r} is where the script itself runs; name the machine otherwise")
        if profile is not None:
            self.set_profile(name, profile)
        machine = Machine(self.network.host(name).name, factory, self.network, self.disk(name))
        self.machines[name] = machine
        machine.start()
        return machine

    def disk(self, host: str) -> Disk:
        """The files of a host; without a machine there, nothing crashes."""
        return self._disks.disk(host)

    def slow_work(self, shortest_s: float, longest_s: float) -> None:
        """From now on what a program hands to an executor, as a database's commit, takes time, in which it may crash.

        Args:
            shortest_s: it takes at least so many seconds, drawn for each piece of work.
            longest_s: at most so many.

        Raises:
            ValueError: these are no lengths of time.
        """
        self.loop.workers = SlowWork(self.loop, self.disk, self.rng("slow work"), shortest_s, longest_s).run

    @contextlib.contextmanager
    def on(self, host: str) -> Iterator[None]:
        """Code inside, and tasks started there, run on this host: where it is a machine, as a part of its program.

        Raises:
            RuntimeError: the machine does not run.
        """
        if host in self.machines:
            with self.machines[host].inside():
                yield
            return
        tokens = current_host.set(self.network.host(host).name), current_process.set(None)
        try:
            yield
        finally:
            current_host.reset(tokens[0])
            current_process.reset(tokens[1])

    def spawn(self, host: str, coro: Coroutine[Any, Any, T], *, name: str | None = None) -> asyncio.Task[T]:
        """Run a coroutine as a task on a host: where it is a machine, as a part of its program.

        Its failure fails the run, unless somebody waits for the task or asks for its result: at the end, or after
        ten virtual minutes if there is no end.

        Raises:
            RuntimeError: the machine does not run.
        """
        try:
            with self.on(host):
                context = contextvars.copy_context()
        except RuntimeError:
            coro.close()
            raise
        return self.loop.spawn(coro, name=name or f"{host}: {getattr(coro, '__qualname__', coro)}", context=context)

    # -- the script

    def at(self, t_s: float, action: Callable[..., object] | None = None, *args: Any) -> Schedule:
        """Do something at a virtual time: ``world.at(2).outage("ana", for_s=40)`` or ``world.at(2, call, argument)``.

        Args:
            t_s: seconds since the start, not in the past.
            action: a function; what it returns is run as a task if it is a coroutine.
            *args: for the function.

        Raises:
            ValueError: this is no time, or it has passed.
            TypeError: the action is no function.
        """
        if isinstance(t_s, bool) or not isinstance(t_s, int | float) or not math.isfinite(t_s):
            raise ValueError(f"a time is a number of virtual seconds since the start, not {t_s!r}")
        if t_s < self.now_s:
            raise ValueError(f"it is {self.now_s} s already; {t_s} s is in the past")
        schedule = Schedule(self, round(t_s * NS))
        if action is not None:
            schedule.call(action, *args)
        return schedule

    async def until(self, t_s: float) -> None:
        """Wait for a virtual time; returns at once if it has passed."""
        await asyncio.sleep(max(0.0, t_s - self.now_s))

    def rule(self, rule: Rule) -> AbstractContextManager[None]:
        """Ask a rule about each packet between hosts while the block lasts: ``with world.rule(drop(nth=3)): …``.

        Args:
            rule: gets a :class:`~realtime.sim.rules.PacketView`; returns a verdict, or None to leave it to the links.

        Raises:
            TypeError: it is no function of a packet.
        """
        return self.network.rules.installed(rule)

    def always(self, check: Callable[[], object], name: str | None = None) -> Watch:
        """Fail the run if something does not hold at the end of an instant at which anything happened.

        What it returns ends the watch, by ``end()`` or as a context manager; otherwise it lasts to the end of the run.

        Args:
            check: returns whether all is well (None is well too), or asserts it.
            name: what the message calls it.

        Raises:
            TypeError: the check is no function.
        """
        return self.invariants.always(check, name=name)

    async def eventually(self, condition: Callable[[], T], *, within_s: float, name: str | None = None) -> T:
        """Wait until a condition is true, and return what it returned.

        Args:
            condition: looked at after each instant at which anything happened; may assert what it waits for.
            within_s: virtual seconds from now.
            name: what the message calls it.

        Raises:
            Broken: it did not become true in time.
        """
        return await self.invariants.eventually(condition, within_s=within_s, name=name)

    # -- what was done

    @property
    def on_fault(self) -> OnFault | None:
        """Called with verb and arguments just before a fault is carried out; set it."""
        return self._effects.on_fault

    @on_fault.setter
    def on_fault(self, listener: OnFault | None) -> None:
        self._effects.on_fault = listener

    @property
    def faults_fired(self) -> Counter[str]:
        """How many faults of each verb were carried out. What heals is none."""
        return self._effects.faults_fired

    def _do(self, verb: str, *args: Any, for_s: float | None = None) -> None:
        self._effects.carry_out(verb, args, for_s)


class Schedule(Faults):
    """The verbs of a world, at a set time."""

    def __init__(self, world: World, at_ns: int) -> None:
        super().__init__(world.machines, world.network.hosts)
        self._world = world
        self._at_ns = at_ns

    def call(self, action: Callable[..., object], *args: Any) -> None:
        """Call a function then; what it returns is run as a task if it is a coroutine."""
        if not callable(action):
            raise TypeError(f"a function is wanted, not {action!r}")
        self._world.loop.call_at_ns(self._at_ns, _start, action, args)

    def _do(self, verb: str, *args: Any, for_s: float | None = None) -> None:
        loop, effects = self._world.loop, self._world._effects
        loop.call_at_ns(self._at_ns, effects.carry_out, verb, args, for_s, context=loop.neutral)


def simulate(
    main: Callable[..., Awaitable[T]],
    *,
    seed: int = 0,
    max_virtual_s: float | None = None,
    shuffle: bool = False,
    options: Mapping[str, Any] | None = None,
) -> Run[T]:
    """Run ``main(world)`` to its end in virtual time.

    Works in any thread, beside a live loop, and from inside a running one, which waits meanwhile. When ``main``
    returns, everything else is cancelled.

    Args:
        main: the script. It runs on a host of its own, with ideal links.
        seed: the same seed gives the same run, to the last byte.
        max_virtual_s: virtual time after which the run fails.
        shuffle: callbacks of different hosts that are ready at the same time run in a random order of the seed, and not
            in the order in which they became ready. So many seeds explore many interleavings.
        options: the scenario's own: :attr:`World.options`. Those that are named like a keyword parameter of ``main``
            are passed to it as well, a fault plan in JSON as a plan. The command line knows ``profile``, ``trace``
            and ``faults``.

    Raises:
        SimDeadlock: nothing can happen any more, and ``main`` still waits.
        SimLivelock: callbacks keep making callbacks at one instant.
        SimTimeLimit: ``max_virtual_s`` is over.
        SimTaskFailed: something in the background failed, and nobody handled it.
        Broken: something that must always hold did not.
        Exception: what ``main`` raised.
    """
    started_s = real_seconds()
    given = _options(options)
    command = replay_command(main, seed=seed, options=given, shuffle=shuffle)
    with contextlib.ExitStack() as stack:
        stack.enter_context(outside_any_loop())
        stack.enter_context(without_collector())
        disks = stack.enter_context(Disks())
        order = random.Random(_derive(seed, "shuffle")) if shuffle else None
        loop = SimLoop(max_virtual_s=max_virtual_s, shuffle=order)
        stack.callback(loop.close)
        stack.enter_context(replaced(seed=_derive(seed, "third parties"), now_ns=lambda: loop.now_ns))
        source = random.Random(_derive(seed, "ambient"))
        stack.enter_context(ambient.installed(wall_clock=lambda: EPOCH_S + loop.time(), source=source))
        loop.neutral = contextvars.copy_context()
        world = World(loop, seed, disks, options=given, replay_command=command)

        async def script() -> Run[T]:
            result = await main(world, **_taken(main, given))
            world.invariants.check()
            journal = world.network.journal
            wall_s = real_seconds() - started_s
            return Run(result, seed, journal.hash, journal.timing_hash, world.now_s, wall_s, command)

        try:
            return play(loop, script(), hint=lambda: world.replay_hint)
        finally:
            world.network.abandon()


def _options(options: Mapping[str, Any] | None) -> Mapping[str, Any]:
    given = {key: value for key, value in (options or {}).items() if value is not None}
    if isinstance(given.get("faults"), str | bytes):
        given["faults"] = FaultPlan.from_json(given["faults"])
    return MappingProxyType(given)


def _taken(main: Callable[..., object], given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that ``main`` has a parameter for."""
    if not given:
        return {}
    parameters = inspect.signature(main).parameters
    return {key: value for key, value in given.items() if key in parameters}


def _start(action: Callable[..., object], args: tuple[Any, ...]) -> None:
    result = action(*args)
    if inspect.iscoroutine(result):
        asyncio.get_running_loop().create_task(result)


def _derive(seed: int, purpose: str) -> bytes:
    return hashlib.blake2b(f"{seed} {purpose}".encode(), digest_size=32).digest()
