"""What the handlers of an event return is its acknowledgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def answer(results: list[Any], reply: Callable[[list[Any]], object]) -> None:
    """Call ``reply`` once, with the arguments of the acknowledgement.

    The first value that is not None answers, be it of a plain handler or, later, of an ``async`` one. If all handlers
    that did not fail returned None, the answer is empty: it says that the event was handled. If there was no such
    handler there is no answer.

    Args:
        results: what :meth:`~realtime.utils.event_emitter.EventEmitter.dispatch` returned.
        reply: sends the acknowledgement.
    """
    tasks = [result for result in results if isinstance(result, asyncio.Task)]
    values = [result for result in results if not isinstance(result, asyncio.Task)]
    chosen = next((value for value in values if value is not None), None)
    if chosen is not None:
        reply([chosen])
    elif not tasks:
        if values:
            reply([])
    else:
        _Pending(len(tasks), bool(values), reply).watch(tasks)


class _Pending:
    """Waits for ``async`` handlers without a task of its own."""

    def __init__(self, running: int, handled: bool, reply: Callable[[list[Any]], object]) -> None:
        self._running = running
        self._handled = handled
        self._reply = reply
        self._replied = False

    def watch(self, tasks: list[asyncio.Task[Any]]) -> None:
        for task in tasks:
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._running -= 1
        value = None
        if not task.cancelled() and task.exception() is None:
            self._handled = True
            value = task.result()
        if self._replied:
            return
        if value is not None:
            self._replied = True
            self._reply([value])
        elif self._running == 0 and self._handled:
            self._reply([])
