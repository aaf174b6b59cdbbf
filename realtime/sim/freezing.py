"""What is left of processes that have ended in mid-flight."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from realtime.sim.handles import SimHandle
from realtime.sim.process import Process, current_process
from realtime.sim.tasks import SimTask


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

    def thaw(self) -> list[SimHandle]:
        """Give back the tasks' next steps, without which a task cannot end, and forget everything else."""
        steps = [handle for handle in self._handles if isinstance(_owner(handle), asyncio.Task)]
        self._tasks.clear()
        self._handles.clear()
        return steps


def is_of_the_dead(handle: SimHandle) -> bool:
    """Whether the callback belongs to a process that has ended."""
    process = None if handle.context is None else handle.context.get(current_process)
    return process is not None and process.is_dead


def _owner(handle: SimHandle) -> object:
    return getattr(handle.callback, "__self__", None)
