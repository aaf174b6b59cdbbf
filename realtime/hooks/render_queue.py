"""When a component is rendered anew, and on which thread: in batches, where it was rendered first."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from typing import Any, Protocol

from reacton.core import get_render_context

from realtime.utils.running_loop import running_loop

INTERVAL_S = 0.04  # 25 renders a second look continuous

_log = logging.getLogger("realtime.hooks")


class Refreshable(Protocol):
    """What shows something that may be out of date."""

    def refresh(self) -> None:
        """Ask for a render if there is news."""


class RenderQueue:
    """Gathers for one tree of components what is out of date, and renders that at once. See :func:`render_queue`.

    Args:
        batch: enters a ``with`` block in which no render happens; what was asked for is rendered at its end. None if
            the tree is gone.
        loop: where renders happen.
    """

    def __init__(
        self, batch: Callable[[], contextlib.AbstractContextManager[Any] | None], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._batch = batch
        self._loop = loop
        self._context = contextvars.copy_context()  # what a component prints goes where it was displayed
        self._lock = threading.Lock()
        self._due: dict[Refreshable, None] = {}
        self._is_set = False  # a render is going to happen

    def touch(self, what: Refreshable) -> None:
        """Say that this is out of date. Cheap, from any thread."""
        with self._lock:
            self._due[what] = None
            if self._is_set:
                return
            self._is_set = True
        with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody looks any more
            self._loop.call_soon_threadsafe(self._wait, context=self._context)

    def _wait(self) -> None:
        self._loop.call_later(INTERVAL_S, self._flush, context=self._context)

    def _flush(self) -> None:
        with self._lock:  # before the renders: a change during them asks for another one
            due, self._due, self._is_set = self._due, {}, False
        batch = self._batch()
        if batch is None or not due:
            return
        try:
            with batch:
                for each in due:
                    each.refresh()
        except Exception:
            _log.exception("a component could not be rendered")


_queues: weakref.WeakKeyDictionary[Any, RenderQueue] = weakref.WeakKeyDictionary()
_lock = threading.Lock()
_own: asyncio.AbstractEventLoop | None = None


def render_queue() -> RenderQueue:
    """The queue of the tree that is being rendered; call it from a component."""
    context = get_render_context()
    with _lock:
        queue = _queues.get(context)
        if queue is None:
            queue = _queues[context] = RenderQueue(weakref.ref(context), _home())
        return queue


def _home() -> asyncio.AbstractEventLoop:
    """Where a tree that is rendered here and now is rendered later on.

    That is the running loop. But widget callbacks of a kernel may come on threads of its own that end one day: then it
    is the kernel's main loop. Where no loop runs, it is that too, and without a kernel a thread that all such trees
    share.
    """
    running = running_loop()
    is_lasting = not type(threading.current_thread()).__module__.startswith("ipykernel.")
    return running if running is not None and is_lasting else _kernels_loop() or _shared_loop()


def _kernels_loop() -> asyncio.AbstractEventLoop | None:
    module = sys.modules.get("ipykernel.kernelapp")
    if module is None or not module.IPKernelApp.initialized():
        return None
    io_loop = getattr(module.IPKernelApp.instance(), "io_loop", None)
    loop = getattr(io_loop, "asyncio_loop", None)
    return loop if isinstance(loop, asyncio.AbstractEventLoop) else None


def _shared_loop() -> asyncio.AbstractEventLoop:
    global _own
    if _own is None or _own.is_closed():
        _own = asyncio.new_event_loop()
        threading.Thread(target=_run, args=(_own,), name="realtime-hooks", daemon=True).start()
    return _own


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@atexit.register
def _stop_shared_loop() -> None:
    if _own is not None:
        with contextlib.suppress(RuntimeError):
            _own.call_soon_threadsafe(_own.stop)
