"""What is left of processes that have ended in mid-flight."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from typing import Any, TypeGuard

from realtime.sim.handles import SimHandle
from realtime.sim.process import Process, current_process
from realtime.sim.tasks import SimTask

_MOST_WAITS = 100  # of code on its way out
_ROUNDS = 10  # what is closed may start another task


class Frozen:
    """Keeps the tasks and callbacks of dead processes, so that nothing runs or collects them in mid-run."""

    def __init__(self) -> None:
        self._tasks: list[SimTask] = []
        self._handles: list[SimHandle] = []

    def add(self, process: Process, tasks: Iterable[asyncio.Task[object]]) -> None:
        """A process ends; of the tasks, keep its own."""
        process.is_dead = True
        self._tasks += [task for task in tasks if isinstance(task, SimTask) and task.process is process]

    def takes(self, handle: SimHandle) -> bool:
        """Whether the callback belongs to a dead process; if so it is kept, and must not be called."""
        if not is_of_the_dead(handle):
            return False
        self._handles.append(handle)
        return True

    def clear(self, tasks: Callable[[], Iterable[asyncio.Task[Any]]]) -> list[asyncio.Task[Any]]:
        """The run is over: close the tasks of the dead, and return those of the living, oldest first.

        They are not run again: what they wait for may never come. Call it while the loop runs.

        Args:
            tasks: all that are not done.
        """
        for _ in range(_ROUNDS):
            left = [task for task in sorted(tasks(), key=hash) if _is_of_the_dead(task) and _is_open(task)]
            for task in left:
                _close(task)
            if not left:
                break
        self._tasks.clear()
        self._handles.clear()
        return [task for task in sorted(tasks(), key=hash) if not _is_of_the_dead(task)]


def is_of_the_dead(handle: SimHandle) -> bool:
    """Whether the callback belongs to a process that has ended."""
    process = None if handle.context is None else handle.context.get(current_process)
    return process is not None and process.is_dead


def _is_of_the_dead(task: asyncio.Task[Any]) -> TypeGuard[SimTask]:
    return isinstance(task, SimTask) and task.process is not None and task.process.is_dead


def _is_open(task: SimTask) -> bool:
    return getattr(task.get_coro(), "cr_frame", None) is not None


def _close(task: SimTask) -> None:
    """Cancel a task without waiting for it: whatever it waits for on its way out is cancelled at once as well.

    Its coroutine's own ``close()`` would not reach what waits inside of an asynchronous generator.
    """
    task._log_destroy_pending = False  # type: ignore[attr-defined]  # asyncio's own, unknown to its stubs
    coro: Any = task.get_coro()
    for _ in range(_MOST_WAITS):
        try:
            task.context.run(coro.throw, asyncio.CancelledError())
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # what the dead run into is nobody's
            return
    with contextlib.suppress(BaseException):
        task.context.run(coro.close)
