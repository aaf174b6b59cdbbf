"""Event handlers that cannot hurt each other, over pyee."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from typing import Any

from pyee.base import EventEmitter as PyeeEmitter

Handler = Callable[..., Any]

_log = logging.getLogger("realtime.events")


class EventEmitter:
    """Named events with plain or ``async`` handlers.

    Handlers run in the order of their registration. One that raises is logged and does not keep the
    others from running, nor does it disturb whoever emitted. An ``async`` handler becomes a task.
    """

    def __init__(self) -> None:
        self._handlers = _IsolatedHandlers()

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every ``event``; returns the handler, for :meth:`off`."""
        return self._handlers.add_listener(event, handler)

    def once(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at the next ``event`` only."""
        self._handlers.once(event, handler)
        return handler

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of ``event``. Unknown handlers are ignored."""
        if handler is None:
            self._handlers.remove_all_listeners(event)
        elif handler in self._handlers.listeners(event):
            self._handlers.remove_listener(event, handler)

    def handles(self, event: str) -> bool:
        """Whether anyone listens to ``event``."""
        return bool(self._handlers.listeners(event))

    def dispatch(self, event: str, *args: Any) -> list[Any]:
        """Run the handlers of ``event`` now.

        Returns:
            What the plain handlers returned; for each ``async`` handler its running task.
        """
        return self._handlers.run(event, args)


class EventSource:
    """Something that tells events; its subclasses dispatch them through :attr:`_events`."""

    def __init__(self) -> None:
        self._events = EventEmitter()

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every ``event``; returns the handler, for :meth:`off`."""
        return self._events.on(event, handler)

    def once(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at the next ``event`` only."""
        return self._events.once(event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of ``event``."""
        self._events.off(event, handler)


class _IsolatedHandlers(PyeeEmitter):
    """Pyee's registry, with failures kept to the handler that failed."""

    def __init__(self) -> None:
        super().__init__()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._present: dict[str, tuple[Handler, ...]] = {}  # of those events that have any, as they were last asked

    def _add_event_handler(self, event: str, k: Handler, v: Handler) -> None:
        super()._add_event_handler(event, k, v)
        self._present.clear()

    def _remove_listener(self, event: str, f: Handler) -> None:
        super()._remove_listener(event, f)
        self._present.clear()

    def remove_all_listeners(self, event: str | None = None) -> None:
        super().remove_all_listeners(event)
        self._present.clear()

    def run(self, event: str, args: tuple[Any, ...]) -> list[Any]:
        """What pyee's own ``emit`` does, for one thread and without a word about failures to the emitter."""
        handlers = self._present.get(event)
        if handlers is None:
            handlers = tuple(self._events.get(event, {}).values())
            if handlers:
                self._present[event] = handlers
        results: list[Any] = []
        for handler in handlers:
            try:
                result = handler(*args)
            except Exception:
                _log.exception("event handler %s failed; the others ran", _name(handler))
                continue
            if result is not None and inspect.iscoroutine(result):
                result = asyncio.ensure_future(result)
                self._tasks.add(result)
                result.add_done_callback(self._done)
            results.append(result)
        return results

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("async event handler failed", exc_info=error)


def _name(handler: Handler) -> str:
    return getattr(handler, "__qualname__", repr(handler))
