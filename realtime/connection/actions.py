"""What a :class:`~realtime.connection.lifecycle.Lifecycle` decides, for its driver to do, in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from realtime.connection.app_state import AppStateValue


@dataclass(frozen=True, slots=True)
class Dial:
    """Begin an attempt to connect."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the connection, or the attempt; nothing more may be heard of it.

    Attributes:
        reason: why, in the words of the ``disconnect`` event; None for an attempt that came to nothing.
        clean: say goodbye to a server that listens; otherwise just let go.
    """

    reason: str | None
    clean: bool


@dataclass(frozen=True, slots=True)
class Probe:
    """Find out within seconds whether the connection is alive."""


@dataclass(frozen=True, slots=True)
class TellAppState:
    """Tell the server whether the app is looked at."""

    state: AppStateValue


@dataclass(frozen=True, slots=True)
class Announce:
    """Tell the application."""

    event: str
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class Settle:
    """End the waiting of one caller of ``connect()``, in success if ``error`` is None."""

    waiter: object
    error: Exception | None


Action = Dial | HangUp | Probe | TellAppState | Announce | Settle
