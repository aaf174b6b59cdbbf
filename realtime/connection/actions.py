"""What a :class:`~realtime.connection.lifecycle.Lifecycle` decides, for its driver to do, in order."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from realtime.connection.app_state import AppStateValue


@dataclass(frozen=True, slots=True)
class Dial:
    """Begin an attempt to connect."""


class Farewell(enum.Enum):
    """How to end a connection."""

    GOODBYE = "goodbye"
    """End the session, then close: nobody comes back for what is missed from now on."""
    CLOSE = "close"
    """Close without ending the session, so that the next connection may continue it."""
    DROP = "drop"
    """Just let go: there is nobody to talk to."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the connection, or the attempt; nothing more may be heard of it.

    Attributes:
        reason: why, in the words of the ``disconnect`` event; None for an attempt that came to nothing.
        farewell: how.
    """

    reason: str | None
    farewell: Farewell


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
