"""Whose code is running: the host, and the incarnation of the program on it."""

from __future__ import annotations

from contextvars import ContextVar

DEFAULT_HOST = "main"


class Process:
    """One incarnation of a program, from its start to its end.

    Tasks, callbacks and timers belong to the process in whose context they were made. Once
    :meth:`realtime.sim.loop.SimLoop.freeze` has ended it, none of them runs again.

    Args:
        host: where it runs.
        number: counts the incarnations on the host.

    Attributes:
        is_dead: whether it has ended; set by the loop.
    """

    __slots__ = ("host", "is_dead", "number")

    def __init__(self, host: str, number: int) -> None:
        self.host = host
        self.number = number
        self.is_dead = False

    def enter(self) -> None:
        """Make the present context, and what is started in it, the process's; call it in a context of its own."""
        current_host.set(self.host)
        current_process.set(self)

    def __repr__(self) -> str:
        return f"<Process {self.host!r} {self.number}{' DEAD' if self.is_dead else ''}>"


current_host: ContextVar[str] = ContextVar("current_host", default=DEFAULT_HOST)
current_process: ContextVar[Process | None] = ContextVar("current_process", default=None)
