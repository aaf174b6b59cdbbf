"""An asyncio event loop whose clock jumps to the next timer instead of waiting for it.

Time is integer nanoseconds; ``loop.time()`` is derived from them, so no error adds up. Timers of one
instant fire in the order of their making, and tasks and futures hash by their creation number: a
set of them iterates alike in every process.
"""

from __future__ import annotations

import asyncio
import contextvars
import gc
import itertools
import math
import random
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from heapq import heapify, heappop, heappush, heapreplace
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from realtime.network.link import MS, NEVER_NS, NS
from realtime.protocol.errors import RealtimeError
from realtime.sim.freezing import Frozen, is_of_the_dead
from realtime.sim.handles import IDLE_NS, SimHandle, SimTimer, interleaved
from realtime.sim.process import Process
from realtime.sim.tasks import SimFuture, SimTask, SpawnedTask, in_one_line, position

T = TypeVar("T")
Context = contextvars.Context
if TYPE_CHECKING:  # half of what a loop must override is private to asyncio and unknown to its type stubs
    _BaseLoop: TypeAlias = Any
else:
    _BaseLoop = asyncio.BaseEventLoop

UNHANDLED_NS = 600 * NS  # how long a spawned task's failure may wait to be handled
_WINDOW_TURNS = 20_000
_COLLECT_ALL_EVERY_WINDOWS = 25
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
        workers: do what is given to an executor.
        neutral: the context in which the loop was made, for callbacks that belong to nobody.
        instant_ended: called when nothing more happens at an instant, before the clock moves on; it may make
            something happen, and is called again then.

    Args:
        max_virtual_s: going beyond it raises :class:`SimTimeLimit`.
        max_turns_per_ms: as many turns of the loop in less than a millisecond raise :class:`SimLivelock`.
        shuffle: callbacks that are ready in the same turn are interleaved at random between hosts, FIFO within
            each; None is FIFO among all.
    """

    def __init__(
        self,
        *,
        max_virtual_s: float | None = None,
        max_turns_per_ms: int = 100_000,
        shuffle: random.Random | None = None,
    ) -> None:
        super().__init__()
        self.now_ns = 0
        self.sockets: SocketLayer | None = None
        self.workers: Callable[[Any, Callable[[], Any]], asyncio.Future[Any]] | None = None
        self.failed_tasks: list[SimTask] = []
        self.instant_ended: Callable[[], object] | None = None
        self.neutral = contextvars.copy_context()
        self._limit_ns = NEVER_NS if max_virtual_s is None else round(max_virtual_s * NS)
        self._shuffle = shuffle
        self._numbers = itertools.count(1)
        self._error: BaseException | None = None
        self._timers: list[tuple[int, int, SimTimer]] = []
        self._wakes: list[tuple[int, int, SimTimer]] = []  # the network's: few and soon, so a heap of their own
        self._stale_timers = 0
        self._frozen = Frozen()
        self._has_dead = False
        self._window_turns = min(_WINDOW_TURNS, max_turns_per_ms)
        self._windows_per_look = max_turns_per_ms // self._window_turns
        self._turns_left = self._window_turns
        self._windows = 0
        self._looked_ns = -NS

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

    # -- callbacks and timers

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> SimHandle:
        """As in asyncio."""
        if self._closed:
            self._check_closed()
        handle = SimHandle(callback, args, contextvars.copy_context() if context is None else context)
        self._ready.append(handle)
        return handle

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> SimTimer:
        """As in asyncio; ``when`` is rounded to the nanosecond."""
        when_ns = NEVER_NS if when == math.inf else round(when * NS)
        return self.call_at_ns(when_ns, callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> SimTimer:
        """As in asyncio; ``delay`` is rounded to the nanosecond."""
        when_ns = NEVER_NS if delay == math.inf else self.now_ns + round(delay * NS)
        return self.call_at_ns(when_ns, callback, *args, context=context)

    def call_at_ns(
        self, when_ns: int, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> SimTimer:
        """Call at an instant in integer nanoseconds; one that has passed is now."""
        if self._closed:
            self._check_closed()
        if context is None:
            context = contextvars.copy_context()
        timer = SimTimer(callback, args, context, when_ns, IDLE_NS, self)
        if when_ns <= self.now_ns:
            self._ready.append(timer)
        else:
            timer.due_ns = when_ns
            heappush(self._timers, (when_ns, next(self._numbers), timer))
        return timer

    def idle_timer(self, callback: Callable[[], int]) -> SimTimer:
        """A timer to be set by :meth:`move`, again and again, for a callback that belongs to no host.

        At one instant those come before the timers of programs, as the selector's events do in asyncio.

        Args:
            callback: returns when it is to be called next; ``NEVER_NS`` is not of itself.
        """
        return SimTimer(callback, (), None, NEVER_NS, NEVER_NS, self)

    def move(self, timer: SimTimer, due_ns: int) -> None:
        """Let an :meth:`idle_timer` go off at this time, and not when it was set to; one that has passed is now.

        You must not move a timer that has gone off and waits for its turn to be called, or is being called.
        """
        if due_ns <= self.now_ns:
            timer.due_ns = IDLE_NS
            self._ready.append(timer)
        elif timer.due_ns != due_ns:
            timer.due_ns = due_ns
            heappush(self._wakes, (due_ns, next(self._numbers), timer))

    def note_stale(self) -> None:
        """An entry of the heap has become worthless; when most are, they are thrown away."""
        self._stale_timers += 1
        if self._stale_timers > _PRUNE_TIMERS and self._stale_timers * 2 > len(self._timers):
            self._keep_timers(lambda timer: True)

    def _keep_timers(self, wanted: Callable[[SimTimer], bool]) -> None:
        self._timers[:] = [entry for entry in self._timers if entry[0] == entry[2].due_ns and wanted(entry[2])]
        heapify(self._timers)
        self._stale_timers = 0

    # -- turning

    def _run_once(self) -> None:
        """Turn until the loop is stopped, the clock jumping on when nothing is ready. Replaces asyncio's one turn."""
        ready = self._ready
        self._turns_left = self._window_turns
        while True:
            if self._error is not None:
                error, self._error = self._error, None
                raise error
            if not ready and not self._stopping:
                self._advance()
                if not ready:
                    continue
            self._turns_left -= 1
            if not self._turns_left:
                self._end_window()
            if self._shuffle is not None and len(ready) > 1:
                self._interleave(self._shuffle)
            has_dead = self._has_dead
            for _ in range(len(ready)):
                handle = ready.popleft()
                callback = handle.callback
                if callback is None or (has_dead and self._frozen.takes(handle)):
                    continue
                try:
                    if handle.context is None:
                        self._go_off(handle)
                    else:
                        handle.context.run(callback, *handle.args)
                except (SystemExit, KeyboardInterrupt):
                    raise
                except BaseException as error:
                    self._report(handle, error)
            if self._stopping:
                return

    def _go_off(self, timer: SimTimer) -> None:
        """Call the callback of an :meth:`idle_timer`, outside of the heap."""
        at_ns = timer.callback()
        if at_ns < NEVER_NS:
            self.move(timer, at_ns)
        else:
            timer.due_ns = at_ns

    def _interleave(self, rng: random.Random) -> None:
        shuffled = interleaved(self._ready, rng)
        self._ready.clear()
        self._ready.extend(shuffled)

    def _report(self, handle: SimHandle, error: BaseException) -> None:
        if not is_of_the_dead(handle):
            self.call_exception_handler({"message": f"exception in {handle!r}", "exception": error, "handle": handle})

    def _advance(self) -> None:
        """Jump from instant to instant until something is ready, or the run is at its end.

        At most instants there are only wakes. They are called as they stand in their heap, and put back there.
        """
        wakes, timers, ready = self._wakes, self._timers, self._ready
        if not wakes or self.instant_ended is not None or self._shuffle is not None:
            self._jump()
            return
        now_ns = self.now_ns
        while wakes:
            due_ns, _, timer = wakes[0]
            if timer.due_ns != due_ns:
                heappop(wakes)
                continue
            if due_ns != now_ns:
                if ready or self._error is not None or self._stopping or self.instant_ended is not None:
                    return
                if (timers and timers[0][0] <= due_ns) or due_ns > self._limit_ns:
                    break
                self.now_ns = now_ns = due_ns
                self._turns_left -= 1
                if not self._turns_left:
                    self._end_window()
            timer.due_ns = IDLE_NS
            try:
                at_ns = timer.callback()
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:
                heappop(wakes)
                self._report(timer, error)
                continue
            if at_ns > due_ns:
                timer.due_ns = at_ns
                if at_ns < NEVER_NS:
                    heapreplace(wakes, (at_ns, next(self._numbers), timer))
                    continue
            else:
                ready.append(timer)
            heappop(wakes)
        if not ready and self._error is None and not self._stopping:
            self._jump()

    def _jump(self) -> None:
        """Go on to the next instant, and make ready all that goes off then."""
        wakes, timers = self._wakes, self._timers
        if self.instant_ended is not None:
            self.instant_ended()
            if self._ready or self._error is not None:
                return
        while wakes and wakes[0][0] != wakes[0][2].due_ns:
            heappop(wakes)
        while timers and timers[0][0] != timers[0][2].due_ns:
            heappop(timers)
            self._stale_timers -= 1
        due_ns = wakes[0][0] if wakes else NEVER_NS
        if timers and timers[0][0] < due_ns:
            due_ns = timers[0][0]
        if due_ns >= NEVER_NS:
            raise SimDeadlock(f"nothing can happen any more at {self._when()}; {self._waiting()}")
        if due_ns > self._limit_ns:
            raise SimTimeLimit(f"the run reached its limit of {self._limit_ns / NS:g} s; {self._waiting()}")
        self.now_ns = due_ns
        self._make_ready(wakes, due_ns)
        self._stale_timers -= self._make_ready(timers, due_ns)

    def _make_ready(self, heap: list[tuple[int, int, SimTimer]], due_ns: int) -> int:
        """Take everything from a heap that goes off at this instant. Returns how many entries were worthless."""
        stale = 0
        while heap and heap[0][0] == due_ns:
            timer = heappop(heap)[2]
            if timer.due_ns == due_ns:
                timer.due_ns = IDLE_NS
                self._ready.append(timer)
            else:
                stale += 1
        return stale

    def _end_window(self) -> None:
        """So many turns are over: tidy up, and see whether the clock gets anywhere."""
        self._turns_left = self._window_turns
        self._windows += 1
        if not gc.isenabled():  # at fixed points, so that finalizers run at the same virtual time in every run
            gc.collect(2 if self._windows % _COLLECT_ALL_EVERY_WINDOWS == 0 else 1)
        if self._windows % self._windows_per_look == 0:
            since_ns, self._looked_ns = self._looked_ns, self.now_ns
            if self.now_ns - since_ns < MS:
                ready = "".join(f"\n  {handle!r}" for handle in itertools.islice(self._ready, 5))
                raise SimLivelock(
                    f"the clock stands still: after {self._window_turns * self._windows_per_look} turns of the loop it "
                    f"is still {self._when()}. Something calls itself again and again with no delay, or next to none; "
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
        return SimFuture(loop=self)

    def unhandled_failures(self) -> list[SimTask]:
        """Tasks that ended with an exception that nobody has retrieved."""
        self.failed_tasks = [task for task in self.failed_tasks if task._log_traceback]
        return list(self.failed_tasks)

    def _keep_failure(self, task: asyncio.Task[Any]) -> None:
        if isinstance(task, SimTask) and task._exception is not None:  # does not count as retrieving
            if task.process is not None and task.process.is_dead:
                task.exception()  # counts as retrieving
                return
            self.failed_tasks.append(task)
            if isinstance(task, SpawnedTask):
                self.call_at_ns(self.now_ns + UNHANDLED_NS, self._fail_unless_handled, task, context=self.neutral)
            if len(self.failed_tasks) % 100 == 0:
                self.unhandled_failures()

    def _fail_unless_handled(self, task: SpawnedTask) -> None:
        if task._log_traceback and not task.is_awaited and (error := task.exception()) is not None:
            self.fail(SimTaskFailed([error]))

    # -- processes

    def freeze(self, process: Process) -> None:
        """End a process in mid-flight: none of its tasks, callbacks and timers ever runs again.

        Code of the process that is running just now goes on to its next wait. At the end of the run you must call
        :meth:`clear_dead`.
        """
        self._has_dead = True
        self._frozen.add(process, asyncio.all_tasks(self))
        for handle in self._ready:
            if handle.callback is not None and is_of_the_dead(handle):
                self._frozen.takes(SimHandle(handle.callback, handle.args, handle.context))
                handle.cancel()
        self._keep_timers(lambda timer: not self._frozen.takes(timer))

    async def clear_dead(self) -> list[asyncio.Task[Any]]:
        """The run is over: let go of what is left of dead processes. Returns the tasks of the living, oldest first."""
        return self._frozen.clear(lambda: asyncio.all_tasks(self) - {asyncio.current_task()})

    # -- threads, names, sockets

    def call_soon_threadsafe(
        self, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> SimHandle:
        """As in asyncio, but only from the simulation's own thread."""
        owner = self._thread_id
        if owner is not None and owner != threading.get_ident():
            raise RuntimeError("a simulated loop cannot be called from another thread: the run could not be repeated")
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(self, executor: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:
        """Runs ``func`` at once, in this thread; in no virtual time, unless :attr:`workers` take some."""
        if self.workers is not None:
            return self.workers(executor, partial(func, *args))
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
