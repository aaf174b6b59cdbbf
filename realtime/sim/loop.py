"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

Time is integer nanoseconds; ``loop.time()`` is derived from them, so no error adds up. Timers of one
instant fire in the order of their making, and tasks and futures hash by their creation number: a
set of them iterates alike in every process.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import heapq
import itertools
import math
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from realtime.network.link import NS
from realtime.protocol.errors import RealtimeError
from realtime.sim.tasks import SimFuture, SimTask, SpawnedTask, in_one_line, position

T = TypeVar("T")
Context = contextvars.Context
if TYPE_CHECKING:  # half of what a loop must override is private to asyncio and unknown to its type stubs
    _BaseLoop: TypeAlias = Any
else:
    _BaseLoop = asyncio.BaseEventLoop

_NEVER_NS = 1 << 62  # 146 years: sleep(inf)
UNHANDLED_NS = 600 * NS  # how long a spawned task's failure may wait to be handled
_COLLECT_EVERY_TURNS = 20_000
_PRUNE_TIMERS = 200


class SimError(RealtimeError):
    """The simulation cannot go on. The message tells the virtual time and what the tasks wait for."""


class SimDeadlock(SimError):
    """No timer, no packet under way, nothing ready: nothing can ever happen again."""


class SimLivelock(SimError):
    """Callbacks keep making callbacks, and the clock stands still."""


class SimTimeLimit(SimError):
    """The run is longer, in virtual time, than it was allowed to be."""


class SimTaskFailed(SimError):
    """A task or callback in the background failed, and nobody handled it. The first error is the cause."""

    def __init__(self, errors: Sequence[BaseException]) -> None:
        lines = "".join(f"\n  {in_one_line(error)}" for error in errors)
        super().__init__(f"failed in the background, with nobody handling it:{lines}")
        self.__cause__ = errors[0]


class SocketLayer(Protocol):
    """What the loop needs of a network."""

    def resolve(self, host: str | None) -> str:
        """The address of a name; ``socket.gaierror`` if there is none."""

    async def connect(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str | None, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Open a connection from the current host."""

    def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], host: str | None, port: int, *, start_serving: bool
    ) -> asyncio.AbstractServer:
        """Accept connections."""


class SimLoop(_BaseLoop):  # type: ignore[misc]
    """The virtual-time loop.

    Attributes:
        now_ns: the virtual time.
        neutral: the context in which the loop was made, for callbacks that belong to nobody.

    Args:
        max_virtual_s: going beyond it raises :class:`SimTimeLimit`.
        max_turns_per_instant: more turns of the loop without the clock moving raise :class:`SimLivelock`.
    """

    def __init__(self, *, max_virtual_s: float | None = None, max_turns_per_instant: int = 100_000) -> None:
        super().__init__()
        self.now_ns = 0
        self.sockets: SocketLayer | None = None
        self.failed_tasks: list[SimTask] = []
        self._limit_ns = _NEVER_NS if max_virtual_s is None else round(max_virtual_s * NS)
        self._max_turns = max_turns_per_instant
        self._turns_here = 0
        self._turns = 0
        self._numbers = itertools.count(1)
        self._error: BaseException | None = None
        self._timers: list[tuple[int, int, asyncio.TimerHandle]] = []
        self._cancelled_timers = 0
        self.neutral = contextvars.copy_context()

    # -- the clock

    def time(self) -> float:
        """Virtual seconds since the start of the run."""
        return self.now_ns / NS

    def limit_time(self, max_virtual_s: float) -> None:
        """Set another limit, in virtual seconds since the start of the run."""
        self._limit_ns = round(max_virtual_s * NS)

    def fail(self, error: BaseException) -> None:
        """End the run with an error, before the next turn. The first one counts."""
        if self._error is None:
            self._error = error

    def next_number(self) -> int:
        """Numbers everything that wants an order."""
        return next(self._numbers)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in asyncio; ``when`` is rounded to the nanosecond."""
        when_ns = _NEVER_NS if when == math.inf else round(when * NS)
        return self.call_at_ns(when_ns, callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As in asyncio; ``delay`` is rounded to the nanosecond."""
        when_ns = _NEVER_NS if delay == math.inf else self.now_ns + round(delay * NS)
        return self.call_at_ns(when_ns, callback, *args, context=context)

    def call_at_ns(
        self, when_ns: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """Call at an instant in integer nanoseconds; one that has passed is now."""
        self._check_closed()
        timer = asyncio.TimerHandle(when_ns / NS, callback, args, self, context)
        heapq.heappush(self._timers, (when_ns, next(self._numbers), timer))
        timer._scheduled = True  # type: ignore[attr-defined]  # so that its cancel() tells us
        return timer

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled_timers += 1
        if self._cancelled_timers > _PRUNE_TIMERS and self._cancelled_timers * 2 > len(self._timers):
            self._timers[:] = [entry for entry in self._timers if not entry[2].cancelled()]
            heapq.heapify(self._timers)
            self._cancelled_timers = 0

    # -- turning

    def _run_once(self) -> None:
        """One turn: what is ready and what is due. Replaces asyncio's, which would wait."""
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        ready = self._ready
        if not ready and not self._stopping:
            self._advance()
        timers = self._timers
        while timers and timers[0][0] <= self.now_ns:
            timer: Any = heapq.heappop(timers)[2]
            timer._scheduled = False
            if timer.cancelled():
                self._cancelled_timers -= 1
            else:
                ready.append(timer)
        self._count_turn()
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle.cancelled():
                handle._run()

    def _advance(self) -> None:
        timers = self._timers
        while timers and timers[0][2].cancelled():
            heapq.heappop(timers)
            self._cancelled_timers -= 1
        if not timers or timers[0][0] >= _NEVER_NS:
            raise SimDeadlock(f"nothing can happen any more at {self._when()}; {self._waiting()}")
        when_ns = timers[0][0]
        if when_ns > self._limit_ns:
            raise SimTimeLimit(f"the run reached its limit of {self._limit_ns / NS:g} s; {self._waiting()}")
        if when_ns > self.now_ns:
            self.now_ns = when_ns
            self._turns_here = 0

    def _count_turn(self) -> None:
        self._turns += 1
        if self._turns % _COLLECT_EVERY_TURNS == 0 and not gc.isenabled():
            gc.collect(1)  # at fixed points, so that finalizers run at the same virtual time in every run
        self._turns_here += 1
        if self._turns_here > self._max_turns:
            ready = "".join(f"\n  {handle!r}" for handle in itertools.islice(self._ready, 5))
            raise SimLivelock(
                f"the clock stands still at {self._when()}, for {self._max_turns} turns; "
                f"ready:{ready}\n{self._waiting()}"
            )

    def _when(self) -> str:
        return f"{self.now_ns // NS}.{self.now_ns % NS:09} s"

    def _waiting(self) -> str:
        tasks = sorted((task for task in asyncio.all_tasks(self) if isinstance(task, SimTask)), key=hash)
        return "tasks:" + "".join(f"\n  {task.get_name()}: {position(task)}" for task in tasks)

    # -- tasks and futures

    def create_task(self, coro: Any, *, name: str | None = None, context: Context | None = None, **options: Any) -> Any:
        """As in asyncio; failures that nobody looks at are kept in :attr:`failed_tasks`."""
        self._check_closed()
        if self.get_task_factory() is not None:
            return super().create_task(coro, name=name, context=context, **options)
        task = SimTask(coro, self.next_number(), loop=self, name=name, context=context, **options)
        task.add_done_callback(self._keep_failure, context=self.neutral)
        return task

    def spawn(self, coro: Coroutine[Any, Any, T], *, name: str, context: Context) -> asyncio.Task[T]:
        """Start a task whose failure ends the run if nobody waits for it, nor asks for it in ten minutes."""
        task = SpawnedTask(coro, self.next_number(), loop=self, name=name, context=context)
        task.add_done_callback(self._keep_failure, context=self.neutral)
        task.is_awaited = False
        return task

    def create_future(self) -> SimFuture:
        """As in asyncio."""
        return SimFuture(self.next_number(), loop=self)

    def unhandled_failures(self) -> list[SimTask]:
        """Tasks that ended with an exception that nobody has retrieved."""
        self.failed_tasks = [task for task in self.failed_tasks if task._log_traceback]
        return list(self.failed_tasks)

    def _keep_failure(self, task: asyncio.Task[Any]) -> None:
        if isinstance(task, SimTask) and task._exception is not None:  # does not count as retrieving
            self.failed_tasks.append(task)
            if isinstance(task, SpawnedTask):
                self.call_at_ns(self.now_ns + UNHANDLED_NS, self._fail_unless_handled, task, context=self.neutral)
            if len(self.failed_tasks) % 100 == 0:
                self.unhandled_failures()

    def _fail_unless_handled(self, task: SpawnedTask) -> None:
        if task._log_traceback and not task.is_awaited and (error := task.exception()) is not None:
            self.fail(SimTaskFailed([error]))

    # -- threads, names, sockets

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        """As in asyncio, but only from the simulation's own thread."""
        owner = self._thread_id
        if owner is not None and owner != threading.get_ident():
            raise RuntimeError("a simulated loop cannot be called from another thread: the run could not be repeated")
        handle: asyncio.Handle = self.call_soon(callback, *args, context=context)
        return handle

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Runs ``func`` at once, in this thread and in no virtual time."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """There is none."""

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        """The simulated network's names."""
        address = self._sockets().resolve(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, int(port or 0)))]

    async def create_connection(
        self, protocol_factory: Any, host: Any = None, port: Any = None, *, ssl: Any = None, sock: Any = None, **_: Any
    ) -> Any:
        """As in asyncio, to a simulated host."""
        if ssl or sock is not None:
            raise NotImplementedError("a simulated connection has neither TLS nor a socket of its own")
        return await self._sockets().connect(protocol_factory, host, int(port))

    async def create_server(
        self,
        protocol_factory: Any,
        host: Any = None,
        port: Any = None,
        *,
        ssl: Any = None,
        sock: Any = None,
        start_serving: bool = True,
        **_: Any,
    ) -> Any:
        """As in asyncio, on a simulated host; one address only."""
        if ssl or sock is not None:
            raise NotImplementedError("a simulated server has neither TLS nor a socket of its own")
        if isinstance(host, Sequence) and not isinstance(host, str):
            (host,) = host
        return self._sockets().listen(protocol_factory, host, int(port or 0), start_serving=start_serving)

    def _sockets(self) -> SocketLayer:
        if self.sockets is None:
            raise RuntimeError("this loop has no network; run the code with realtime.sim.world.simulate")
        return self.sockets
