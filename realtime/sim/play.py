"""Run a script on a simulated loop to its end: every failure comes out, and nothing is left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from realtime.sim.loop import SimError, SimLoop, SimTaskFailed
from realtime.sim.tasks import in_one_line

T = TypeVar("T")

_CLEANUP_S = 60.0  # virtual time that tasks have to end once they are cancelled
_CLEANUP_ROUNDS = 10  # a cancelled task may start another


def play(loop: SimLoop, script: Coroutine[Any, Any, T], *, hint: Callable[[], str]) -> T:
    """Run the script, then cancel every other task and wait for it.

    Args:
        loop: may be used once only, and must be closed by the caller.
        script: becomes the task ``main``.
        hint: a note for errors, telling when it happened and how to see it again.

    Raises:
        SimError: the script cannot go on, a task does not end, or something in the background failed.
        Exception: what the script raised.
    """
    callback_errors: list[BaseException] = []

    def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, asyncio.CancelledError):
            return  # of a task that a callback asked for its result: it was cancelled, which is no failure
        if isinstance(error, BaseException) and isinstance(loop, SimLoop):
            callback_errors.append(error)
            loop.fail(SimTaskFailed([error]))
        else:
            loop.default_exception_handler(context)

    def background_errors() -> list[BaseException]:
        tasks = [error for task in loop.unhandled_failures() if (error := task.exception()) is not None]
        return list(dict.fromkeys(callback_errors + tasks))

    loop.set_exception_handler(note)
    main = loop.create_task(script, name="main")
    try:
        result: T = loop.run_until_complete(main)
    except BaseException as error:
        _add_note(error, hint())
        with contextlib.suppress(SimError):
            _end_tasks(loop)
        for other in background_errors():
            if other is not error.__cause__:
                error.add_note(f"and in the background: {in_one_line(other)}")
        raise
    try:
        _end_tasks(loop)
        if errors := background_errors():
            raise SimTaskFailed(errors)
    except SimError as error:
        _add_note(error, hint())
        raise
    return result


def _add_note(error: BaseException, note: str) -> None:
    if note not in str(error):  # of an error that was made with it
        error.add_note(note)


def _end_tasks(loop: SimLoop) -> None:
    """Cancel what still runs, oldest first, and wait for it; let go of what is left of dead processes."""
    loop.instant_ended = None
    loop.limit_time(loop.time() + _CLEANUP_S)
    for _ in range(_CLEANUP_ROUNDS):
        tasks = loop.run_until_complete(loop.clear_dead())
        if not tasks:
            break
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.wait(tasks))
    loop.run_until_complete(loop.shutdown_asyncgens())
