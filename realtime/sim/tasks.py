"""Tasks and futures that iterate alike in every process, and what can be told about them."""

from __future__ import annotations

import asyncio
import contextvars
import traceback
from collections.abc import Callable, Coroutine
from typing import Any

from realtime.sim.process import current_process


class SimTask(asyncio.Task[Any]):
    """A task that hashes by its creation number.

    Attributes:
        process: whose code it runs.
        context: in which it runs.
    """

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        number: int,
        *,
        name: str | None = None,
        context: contextvars.Context | None = None,
        **options: Any,
    ) -> None:
        self.creation_number = number
        self.context = context = contextvars.copy_context() if context is None else context
        self.process = context.get(current_process)
        super().__init__(coro, name=name or f"Task-{number}", context=context, **options)

    def __hash__(self) -> int:
        return self.creation_number


class SpawnedTask(SimTask):
    """A task that knows whether anyone has ever waited for it."""

    is_awaited = False

    def add_done_callback(self, fn: Callable[[Any], object], /, *, context: contextvars.Context | None = None) -> None:
        """As in asyncio. Awaiting, gathering and the like come through here."""
        self.is_awaited = True
        super().add_done_callback(fn, context=context)


class SimFuture(asyncio.Future[Any]):
    """A future that hashes by a number, which it gets when it is hashed first: most never are."""

    __slots__ = ("_number",)
    _number: int

    def __hash__(self) -> int:
        try:
            return self._number
        except AttributeError:
            loop: Any = self._loop  # asyncio's stubs know no more of it
            number: int = loop.next_number()
            self._number = number
            return number


def position(task: asyncio.Task[Any]) -> str:
    """Where a task waits: its chain of coroutines, and the line of the innermost."""
    inner: Any = task.get_coro()
    names: list[str] = []
    line = "not started"
    while inner is not None:
        frame = getattr(inner, "cr_frame", None) or getattr(inner, "gi_frame", None) or getattr(inner, "ag_frame", None)
        if frame is not None:
            names.append(frame.f_code.co_qualname)
            line = f"{frame.f_code.co_filename}:{frame.f_lineno}"
        inner = getattr(inner, "cr_await", None) or getattr(inner, "gi_yieldfrom", None)
    return f"{' > '.join(names)} ({line})"


def in_one_line(error: BaseException) -> str:
    """An error, and the line of its origin."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{error!r} ({frames[-1].filename}:{frames[-1].lineno})" if frames else repr(error)
