"""What a component does, handed to the loop on which the connection lives."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import logging
from collections.abc import Callable
from typing import Any, TypeVar

import reacton

from realtime.hooks.use_observable import use_observable
from realtime.protocol.errors import LocalProtocolError
from realtime.utils.observable import Observable
from realtime.utils.running_loop import running_loop

T = TypeVar("T")

ANSWER_S = 5.0  # a loop that is alive answers within milliseconds

_log = logging.getLogger("realtime.hooks")


class Acts:
    """Calls on a loop, from any thread. Nobody waits for what is done there; what went wrong shows in :attr:`error`.

    Args:
        loop: where the clients live.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.error: Observable[Exception | None] = Observable(None)
        """Why the newest act was refused; None if it was not."""
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()

    def do(self, function: Callable[..., object], *args: Any) -> None:
        """Call ``function``, and await what it returns if that is a coroutine: now if the loop is this thread's."""
        if self._is_here:
            self._do(function, args)
            return
        try:
            self._loop.call_soon_threadsafe(self._do, function, args)
        except RuntimeError as error:  # the loop is closed
            self._refused(error)

    def ask(self, function: Callable[..., T], *args: Any) -> T:
        """What a plain function returns, called on the loop; waits for it.

        Raises:
            LocalProtocolError: the loop does not run, or is blocked.
        """
        if self._is_here:
            return function(*args)
        if not self._loop.is_running():
            raise LocalProtocolError("the loop of the connection does not run: start it before its state is shown")
        answer: concurrent.futures.Future[T] = concurrent.futures.Future()

        def step() -> None:
            if answer.set_running_or_notify_cancel():
                try:
                    answer.set_result(function(*args))
                except BaseException as error:
                    answer.set_exception(error)

        self._loop.call_soon_threadsafe(step)
        try:
            return answer.result(ANSWER_S)
        except concurrent.futures.TimeoutError:
            answer.cancel()
            raise LocalProtocolError(
                f"the loop of the connection did not answer within {ANSWER_S:g} s: something blocks it"
            ) from None

    @property
    def _is_here(self) -> bool:
        with contextlib.suppress(RuntimeError):
            return asyncio.get_running_loop() is self._loop
        return False

    def _do(self, function: Callable[..., object], args: tuple[Any, ...]) -> None:
        if self.error.snapshot is not None:
            self.error.set(None)
        try:
            result = function(*args)
        except Exception as error:
            self._refused(error)
            return
        if inspect.iscoroutine(result):
            task = self._loop.create_task(result)
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._refused(error)

    def _refused(self, error: Exception) -> None:
        _log.warning("what a component asked for was not done: %s", error or type(error).__name__)
        self.error.set(error)


def use_acts(source: object, loop: asyncio.AbstractEventLoop | None) -> tuple[Acts, Exception | None]:
    """The acts of one hook on what ``source`` is, and why the newest was refused.

    Args:
        source: a phone, which knows its loop, or a client.
        loop: where the client lives; None: where its connection does, or if it never was connected, where the
            component is rendered first.

    Raises:
        LocalProtocolError: no loop is known.
    """
    here = reacton.use_memo(running_loop, [])
    known = loop or _loop_of(source) or here
    if known is None:
        raise LocalProtocolError(f"no loop runs here: say with loop=… on which one {source!r} lives")
    acts = reacton.use_memo(lambda: Acts(known), [source, known])
    return acts, use_observable(acts.error)


def _loop_of(source: object) -> asyncio.AbstractEventLoop | None:
    for each in (source, getattr(source, "socket", None)):
        if isinstance(loop := getattr(each, "loop", None), asyncio.AbstractEventLoop):
            return loop
    return None
