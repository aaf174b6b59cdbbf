"""Hosts and phones that can fail: a program that can be started anew, its process, its files."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NoReturn, Protocol

from realtime.sim.disk import Disk
from realtime.sim.loop import SimLoop
from realtime.sim.process import Process, current_host, current_process


class Network(Protocol):
    """What a machine needs of the network that it is in."""

    @property
    def loop(self) -> SimLoop:
        """The virtual time."""

    def crash(self, process: Process) -> None:
        """The sockets of a process are gone without a word."""

    def kill(self, process: Process) -> None:
        """The host's system closes the sockets of a process."""


class Machine:
    """A host that runs a program. Its life is the world's: ``world.crash(name)``, ``world.restart(name)``.

    The app may have an async ``start()``, and ``background()``, ``foreground()`` and ``network_changed(kind)``.

    Args:
        name: of the host.
        factory: makes the app, for each start anew: it gets the machine, on which :attr:`disk` is all that lasts.
        network: the host is in it.
        disk: its files.

    Attributes:
        app: what the factory made; None while the machine does not run.
        process: the present one, or the last.
        is_in_background: whether the app was told to be.
        has_power: False from a crash to the next start: then the device does nothing, with or without the app.
        crashes: how many there were.
    """

    def __init__(self, name: str, factory: Callable[[Machine], Any], network: Network, disk: Disk) -> None:
        self.name = name
        self.disk = disk
        self.app: Any = None
        self.process = Process(name, 0)
        self.is_in_background = False
        self.has_power = True
        self.crashes = 0
        self._factory = factory
        self._network = network
        self._loop = network.loop
        self._starting: asyncio.Future[None] | None = None
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._began: asyncio.Future[None] = self._loop.create_future()
        self._remains: list[Any] = []  # no finalizer of a dead app may run in mid-run

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self.process.number > 0 and not self.process.is_dead

    async def ready(self) -> Any:
        """Wait until the app's ``start()`` is done, of the next start if this one ends before; returns the app.

        Raises:
            Exception: what ``start()`` raised.
        """
        while True:
            if not self.is_running or self._starting is None:
                await asyncio.shield(self._began)
                continue
            await asyncio.wait({self._starting, self._ended}, return_when=asyncio.FIRST_COMPLETED)
            if self._starting is not None and self._starting.done():
                self._starting.result()
                return self.app

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Code inside, and tasks started there, are the program's, and die with it.

        Raises:
            RuntimeError: it does not run.
        """
        if not self.is_running:
            raise RuntimeError(f"{self.name!r} does not run; restart it before, or ask machine.is_running")
        tokens = current_host.set(self.name), current_process.set(self.process)
        try:
            yield
        finally:
            current_host.reset(tokens[0])
            current_process.reset(tokens[1])

    # -- the world's verbs

    def start(self) -> None:
        """Make the app, and start it. It must not run."""
        self.process = Process(self.name, self.process.number + 1)
        self.is_in_background = False
        self.has_power = True
        self._ended = self._loop.create_future()
        context = self._loop.neutral.copy()
        context.run(self.process.enter)
        self.app = context.run(self._factory, self)
        start = getattr(self.app, "start", None)
        self._starting = self._begin(start, context)
        began, self._began = self._began, self._loop.create_future()
        began.set_result(None)

    def crash(self) -> None:
        """Memory is lost, and what was not synced; without a process, only the latter."""
        if self.is_running:
            self._end()
            self._network.crash(self.process)
        self.has_power = False
        self.crashes += 1
        self.disk.crash()

    def kill(self) -> None:
        """The process is gone; its files stay as they are written. It must run."""
        self._end()
        self._network.kill(self.process)

    def background(self) -> None:
        """Tell the app, if it runs and is in the foreground."""
        if self.is_running and not self.is_in_background:
            self.is_in_background = True
            self._tell("background")

    def foreground(self) -> None:
        """Tell the app, if it runs and is in the background."""
        if self.is_running and self.is_in_background:
            self.is_in_background = False
            self._tell("foreground")

    def network_changed(self, kind: str) -> None:
        """Tell the app, if it runs and wants to know."""
        if self.is_running and callable(getattr(self.app, "network_changed", None)):
            self._tell("network_changed", kind)

    # -- inside

    def _begin(self, start: Callable[[], Any] | None, context: contextvars.Context) -> asyncio.Future[None]:
        result = None if start is None else context.run(start)
        if inspect.iscoroutine(result):
            return self._spawn(result, "start", context)
        done: asyncio.Future[None] = self._loop.create_future()
        done.set_result(None)
        return done

    def _tell(self, method: str, *args: Any) -> None:
        context = self._loop.neutral.copy()
        context.run(self.process.enter)
        result = context.run(getattr(self.app, method), *args)
        if inspect.iscoroutine(result):
            self._spawn(result, method, context)

    def _spawn(self, coro: Coroutine[Any, Any, None], name: str, context: contextvars.Context) -> asyncio.Task[None]:
        return self._loop.spawn(coro, name=f"{self.name}: {name}", context=context)

    def _end(self) -> None:
        self._loop.freeze(self.process)
        self._remains.append(self.app)
        self.app = self._starting = None
        self.is_in_background = False
        self._ended.set_result(None)

    def __repr__(self) -> str:
        state = "in the background" if self.is_in_background else "running" if self.is_running else "not running"
        return f"<Machine {self.name!r} {state}, start {self.process.number}>"


class Machines(dict[str, Machine]):
    """The machines of a world, by name."""

    def __missing__(self, name: str) -> NoReturn:
        known = f"there are {', '.join(self)}" if self else "there are none yet"
        raise ValueError(f"there is no machine {name!r}; {known}. Make it first: world.machine({name!r}, factory)")
