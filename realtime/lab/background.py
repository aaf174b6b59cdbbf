"""The process's one background event loop, on a daemon thread of its own.

A notebook cell that computes for a minute blocks the kernel's loop, and a connection that lived there
would miss its heartbeats and die. So sockets and state of a lab live on this loop, and cells, widget
callbacks and other threads hand work to it.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import math
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from realtime.protocol.errors import RealtimeError

T = TypeVar("T")

_STOP_TIMEOUT_S = 5.0
# A thread that waits for a lock may miss an interrupt: always on Windows, elsewhere if it comes just before the wait.
_INTERRUPTIBLE_S = 0.5


class BackgroundLoopError(RealtimeError, RuntimeError):
    """The background loop was asked for something that cannot work from here. The message says what to do."""


class BackgroundLoop:
    """An asyncio loop (uvloop where it is installed) that runs on a daemon thread from construction to :meth:`stop`.

    Use :func:`background_loop` for the one that the process shares.

    Args:
        name: the thread's name.
    """

    def __init__(self, name: str = "realtime-lab") -> None:
        self.loop = _new_event_loop()
        self.thread = threading.Thread(target=self._main, name=name, daemon=True)
        self.thread.start()

    @property
    def alive(self) -> bool:
        """Whether the loop can take work: false after :meth:`stop`, and in a forked child."""
        return self.thread.is_alive() and not self.loop.is_closed()

    @property
    def here(self) -> bool:
        """Whether the calling thread is the loop's own."""
        return threading.current_thread() is self.thread

    def run(self, coro: Coroutine[Any, Any, T], timeout_s: float | None = None) -> T:
        """Run a coroutine on the loop and wait for its result, from any other thread.

        An interrupt (Ctrl-C, the kernel's stop button) ends the wait and cancels the coroutine, nothing else.

        Raises:
            BackgroundLoopError: called on the loop's own thread, or after :meth:`stop`.
            TimeoutError: no result within ``timeout_s``; the coroutine was cancelled.
        """
        try:
            self._check_can_wait()
        except BackgroundLoopError:
            coro.close()
            raise
        return _wait(asyncio.run_coroutine_threadsafe(coro, self.loop), timeout_s)

    def call(self, function: Callable[..., T], *args: Any) -> T:
        """Call a plain function on the loop's thread and wait for what it returns; on that thread, just call it."""
        if self.here:
            return function(*args)
        self._check_can_wait()
        done: concurrent.futures.Future[T] = concurrent.futures.Future()

        def step() -> None:
            if done.set_running_or_notify_cancel():
                try:
                    done.set_result(function(*args))
                except BaseException as error:
                    done.set_exception(error)

        self.loop.call_soon_threadsafe(step)
        return _wait(done, None)

    def stop(self) -> None:
        """Cancel what runs, close the loop and end the thread. May be repeated.

        Raises:
            BackgroundLoopError: called on the loop's own thread.
        """
        if self.here:
            raise BackgroundLoopError("the background loop cannot be stopped from its own thread")
        if self.alive:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(_STOP_TIMEOUT_S)

    def _check_can_wait(self) -> None:
        if self.here:
            raise BackgroundLoopError(
                "waiting for the background loop on its own thread would block it for ever: await the coroutine instead"
            )
        if not self.alive:
            raise BackgroundLoopError("the background loop has stopped: start a new lab")

    def _main(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
        finally:
            self.loop.run_until_complete(_wind_up())
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
            asyncio.set_event_loop(None)
            self.loop.close()


_lock = threading.Lock()
_shared: BackgroundLoop | None = None


def background_loop() -> BackgroundLoop:
    """The loop that all labs of this process share; started at the first call, and anew after a stop or a fork."""
    global _shared
    with _lock:
        if _shared is None or not _shared.alive:
            _shared = BackgroundLoop()
        return _shared


@atexit.register
def _stop_shared() -> None:
    if _shared is not None:
        _shared.stop()


def _new_event_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _wind_up() -> None:
    """Cancel every task but this one, and wait for their ends."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _wait(future: concurrent.futures.Future[T], timeout_s: float | None) -> T:
    left_s = math.inf if timeout_s is None else timeout_s
    try:
        while not future.done() and left_s > 0:
            slice_s = min(left_s, _INTERRUPTIBLE_S)
            concurrent.futures.wait([future], slice_s)
            left_s -= slice_s
        if not future.done():
            raise TimeoutError(f"nothing came back from the background loop within {timeout_s} s")
        return future.result()
    except BaseException:
        future.cancel()  # an interrupt or the limit ended this wait: what it waited for is no longer wanted
        raise
