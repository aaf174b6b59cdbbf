"""What must always hold in a run, and what must happen in time.

Both are looked at when an instant is over, before the clock moves on: between two callbacks of the same instant
anything may be half done.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from realtime.sim.loop import SimError, SimLoop

T = TypeVar("T")


class Broken(SimError, AssertionError):
    """What must always hold does not, or what must happen in time did not. The message says how to see it again."""


class Watch:
    """A check that is made from now on. As a context manager it ends with the block."""

    def __init__(self, invariants: Invariants, check: Callable[[], object], name: str) -> None:
        self._invariants = invariants
        self.check = check
        self.name = name

    def end(self) -> None:
        """Check no more."""
        self._invariants._remove(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()


class _Wait:
    """Somebody waits for a condition."""

    def __init__(self, condition: Callable[[], object], done: asyncio.Future[Any]) -> None:
        self.condition = condition
        self.done = done
        self.is_over = False
        self.error: AssertionError | None = None

    def look(self) -> None:
        """Tell whoever waits, if there is something to tell."""
        try:
            value = self.condition()
        except AssertionError as error:
            value, self.error = None, error
        except Exception as error:
            self.done.set_exception(error)
            return
        if value or self.is_over:
            self.done.set_result(value)


class Invariants:
    """The checks and conditions of one run.

    Args:
        loop: whose instants are looked at.
        hint: when it is, and how to see it again.
    """

    def __init__(self, loop: SimLoop, hint: Callable[[], str]) -> None:
        self._loop = loop
        self._hint = hint
        self._watches: list[Watch] = []
        self._waits: list[_Wait] = []

    def always(self, check: Callable[[], object], *, name: str | None = None) -> Watch:
        """Fail the run when the check is not true at the end of an instant at which something happened.

        Args:
            check: returns whether all is well (None is well too), or asserts it.
            name: what the message calls it.

        Raises:
            TypeError: it is no function.
        """
        _require_function(check)
        watch = Watch(self, check, name or _name(check))
        self._watches.append(watch)
        self._listen()
        return watch

    async def eventually(self, condition: Callable[[], T], *, within_s: float, name: str | None = None) -> T:
        """Wait until a condition is true, and return what it returned.

        Args:
            condition: looked at after each instant at which something happened; may assert what it waits for.
            within_s: virtual seconds from now.
            name: what the message calls it.

        Raises:
            Broken: it did not become true in time.
            TypeError: it is no function.
            ValueError: this is no time.
        """
        _require_function(condition)
        if isinstance(within_s, bool) or not isinstance(within_s, int | float) or not 0 < within_s < math.inf:
            raise ValueError(f"within_s must be a number of seconds above 0, not {within_s!r}")
        wait = _Wait(condition, self._loop.create_future())
        wait.look()
        if not wait.done.done():
            self._waits.append(wait)
            self._listen()
            timer = self._loop.call_later(within_s, setattr, wait, "is_over", True, context=self._loop.neutral)
            try:
                await asyncio.wait([wait.done])
            finally:
                timer.cancel()
                self._waits.remove(wait)
                self._listen()
        value: T = wait.done.result()
        if not value:
            what = f"{name or _name(condition)} did not happen within {within_s:g} s"
            raise Broken(f"{what}{_reason(wait.error)}; {self._hint()}") from wait.error
        return value

    def check(self) -> None:
        """Make all checks now.

        Raises:
            Broken: something does not hold.
        """
        for watch in list(self._watches):
            try:
                result, error = watch.check(), None
            except AssertionError as caught:
                result, error = False, caught
            if result is not None and not result:
                raise Broken(f"{watch.name} does not hold{_reason(error)}; {self._hint()}") from error

    def _end_of_instant(self) -> None:
        try:
            self.check()
        except Exception as error:
            self._loop.fail(error)
        for wait in list(self._waits):
            if not wait.done.done():
                wait.look()

    def _remove(self, watch: Watch) -> None:
        if watch in self._watches:
            self._watches.remove(watch)
        self._listen()

    def _listen(self) -> None:
        self._loop.instant_ended = self._end_of_instant if self._watches or self._waits else None


def _require_function(check: object) -> None:
    if not callable(check) or inspect.iscoroutinefunction(check):
        raise TypeError(f"a function without arguments is wanted, not async, and not {check!r}")


def _name(check: Callable[[], object]) -> str:
    code = getattr(check, "__code__", None)
    name = getattr(check, "__name__", repr(check))
    return name if code is None else f"{name} ({code.co_filename}:{code.co_firstlineno})"


def _reason(error: AssertionError | None) -> str:
    return f": {error}" if error is not None and str(error) else ""
