"""What the virtual-time loop hands out for a callback, made for speed: asyncio's own are slower to make and to run."""

from __future__ import annotations

import contextvars
import random
from collections import deque
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from realtime.network.link import NS
from realtime.sim.process import DEFAULT_HOST, current_host

IDLE_NS = -1  # a timer's ``due_ns`` while no entry in the loop's heap is meant for it


class Heap(Protocol):
    """Where timers wait."""

    def note_stale(self) -> None:
        """An entry has become worthless."""


class SimHandle(msgspec.Struct, eq=False):
    """A callback that is ready to be called; does what an ``asyncio.Handle`` does.

    Args:
        callback: None once it is cancelled.
        args: for the callback.
        context: to call it in; None is the loop's own, for what belongs to no host.
    """

    callback: Any
    args: tuple[Any, ...]
    context: contextvars.Context | None

    def cancel(self) -> None:
        """As in asyncio."""
        self.callback = None
        self.args = ()

    def cancelled(self) -> bool:
        """As in asyncio."""
        return self.callback is None

    def get_context(self) -> contextvars.Context | None:
        """As in asyncio."""
        return self.context

    def __repr__(self) -> str:
        what = "cancelled" if self.callback is None else f"{self.callback!r} {self.args!r}"
        return f"<{type(self).__name__} {what}>"


class SimTimer(SimHandle):
    """A callback and its time; does what an ``asyncio.TimerHandle`` does.

    The loop's heap holds entries (time, number, timer). An entry counts only while :attr:`due_ns` is its time, so a
    timer is moved by setting ``due_ns`` and pushing another entry.

    Args:
        when_ns: the time that was asked for.
        due_ns: the time of the entry that counts, or ``IDLE_NS``.
        heap: where the entries are.
    """

    when_ns: int
    due_ns: int
    heap: Heap

    def when(self) -> float:
        """As in asyncio."""
        return self.when_ns / NS

    def cancel(self) -> None:
        """As in asyncio."""
        self.callback = None
        self.args = ()
        if self.due_ns != IDLE_NS:
            self.due_ns = IDLE_NS
            self.heap.note_stale()


def interleaved(handles: Iterable[SimHandle], rng: random.Random) -> list[SimHandle]:
    """The same handles in a random order that keeps the order of each host's own; every such order is as likely.

    asyncio promises FIFO to a program; machines promise each other nothing. A handle without a context belongs to no
    host, and is ordered with no other.
    """
    queues: dict[object, deque[SimHandle]] = {}
    owners: list[object] = []
    for handle in handles:
        owner = handle if handle.context is None else handle.context.get(current_host, DEFAULT_HOST)
        owners.append(owner)
        queues.setdefault(owner, deque()).append(handle)
    if len(queues) > 1:
        rng.shuffle(owners)
    return [queues[owner].popleft() for owner in owners]
