"""How a command says that it cannot do its work."""

from __future__ import annotations

from realtime.protocol.errors import RealtimeError


class CommandError(RealtimeError):
    """Ends a command with one line for the person who gave it.

    Args:
        message: what happened, to what, and what to do.
        status: the exit status: 1 it could not be done, 2 it was asked for wrongly.
    """

    def __init__(self, message: str, *, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
