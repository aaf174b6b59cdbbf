"""A state of the app that something outside of it moves, and that is put back afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.net_info import NetInfo, NetStatus
from realtime.location.battery import Battery, BatteryStatus
from realtime.utils.observable import Observable

T = TypeVar("T")


class Mirrored(Generic[T]):
    """Moves a state at each change of what it mirrors. Call it on the loop of the state.

    What somebody else changes meanwhile is theirs: it stands until the mirrored changes, and is not put back.

    Args:
        target: the state.
        change: makes it another one.
    """

    def __init__(self, target: Observable[T], change: Callable[[T], object]) -> None:
        self._target = target
        self._change = change
        self._before: T | None = None  # None: nothing was shown
        self._shown: T | None = None

    def show(self, value: T) -> None:
        """The mirrored is this now."""
        if self._before is None:
            self._before = self._target.snapshot
        if value != self._shown:
            self._shown = value
            self._change(value)

    def restore(self) -> None:
        """It is as it was before the first :meth:`show`. Harmless if there was none."""
        before, shown, self._before, self._shown = self._before, self._shown, None, None
        if before is not None and self._target.snapshot == shown:
            self._change(before)


def mirrored_app(state: AppState) -> Mirrored[AppStateValue]:
    """An app's state."""
    moves = {
        AppStateValue.ACTIVE: state.foreground,
        AppStateValue.INACTIVE: state.inactive,
        AppStateValue.BACKGROUND: state.background,
    }
    return Mirrored(state, lambda value: moves[value]())


def mirrored_net(net: NetInfo) -> Mirrored[NetStatus]:
    """A device's network."""
    return Mirrored(net, lambda status: net.update(is_connected=status.is_connected, type=status.type))


def mirrored_battery(battery: Battery) -> Mirrored[BatteryStatus]:
    """A device's battery."""
    return Mirrored(battery, lambda status: battery.update(level=status.level, is_charging=status.is_charging))
