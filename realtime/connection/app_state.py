"""Whether the app is looked at, and what its connection does while it is not."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import ClassVar

from realtime.utils.observable import Observable


class AppStateValue(enum.StrEnum):
    """The states that phones report to their apps."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    """In sight, but without input: an incoming call, the app switcher. Connections stay as they are."""
    BACKGROUND = "background"


class AppState(Observable[AppStateValue]):
    """The app's state; several connections may share one. Call it on the loop's thread.

    Args:
        value: the state to start in.
    """

    def __init__(self, value: AppStateValue = AppStateValue.ACTIVE) -> None:
        super().__init__(value)

    def __repr__(self) -> str:
        return f"<AppState {self.value.name}>"

    @property
    def value(self) -> AppStateValue:
        """The state now."""
        return self.snapshot

    def foreground(self) -> None:
        """The app is in sight and has the input."""
        self._change(AppStateValue.ACTIVE)

    def inactive(self) -> None:
        """The app is in sight without the input."""
        self._change(AppStateValue.INACTIVE)

    def background(self) -> None:
        """The app is out of sight; its process may be put to sleep at any time."""
        self._change(AppStateValue.BACKGROUND)

    def _change(self, value: AppStateValue) -> None:
        if value is not self.snapshot:
            self.set(value)


@dataclass(frozen=True, slots=True)
class BackgroundPolicy:
    """What a connection does while the app is in the background.

    Use :attr:`DISCONNECT`, :attr:`KEEP` or :meth:`keep_for`.

    Args:
        keep_s: for how long the connection is kept, in seconds.

    Raises:
        ValueError: the time is negative or no number.
    """

    keep_s: float

    DISCONNECT: ClassVar[BackgroundPolicy]
    """Say goodbye at once, and return in the foreground: pushes wake the app. What phones want."""
    KEEP: ClassVar[BackgroundPolicy]
    """Stay connected for as long as the operating system lets the process run."""

    def __post_init__(self) -> None:
        if not self.keep_s >= 0:
            raise ValueError(f"keep_s must be at least 0 seconds, not {self.keep_s!r}")

    @classmethod
    def keep_for(cls, seconds: float) -> BackgroundPolicy:
        """Stay connected for this long, so that a glance at another app costs no reconnect; then disconnect."""
        return cls(keep_s=seconds)


BackgroundPolicy.DISCONNECT = BackgroundPolicy(keep_s=0.0)
BackgroundPolicy.KEEP = BackgroundPolicy(keep_s=math.inf)
