"""Reachability and connection type, as the device reports them."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from realtime.utils.observable import Observable


class NetType(enum.StrEnum):
    """What carries the traffic."""

    WIFI = "wifi"
    CELLULAR = "cellular"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class NetStatus:
    """One report of the device."""

    is_connected: bool
    type: NetType


class NetInfo(Observable[NetStatus]):
    """The device's network; several connections may share one. Call it on the loop's thread.

    A report is a hint, never a proof: a phone says "online" in a captive portal, and nothing at all in a lift.
    So "offline" stops attempts that cannot succeed, and every other change makes connections look for themselves.

    Args:
        type: the network to start with.
    """

    def __init__(self, type: NetType = NetType.UNKNOWN) -> None:
        super().__init__(NetStatus(is_connected=type is not NetType.NONE, type=type))

    def __repr__(self) -> str:
        return f"<NetInfo {self.type.value if self.is_connected else 'offline'}>"

    @property
    def is_connected(self) -> bool:
        """Whether the device believes to have a network."""
        return self.snapshot.is_connected

    @property
    def type(self) -> NetType:
        """What the device believes to be its network."""
        return self.snapshot.type

    def update(self, *, is_connected: bool | None = None, type: NetType | str | None = None) -> None:
        """Take a report of the device; what is not given follows from the rest, or stays.

        Raises:
            ValueError: an unknown type, or a report that contradicts itself.
        """
        status = self._completed(is_connected, None if type is None else _net_type(type))
        if status.is_connected == (status.type is NetType.NONE):
            raise ValueError(f"is_connected={is_connected!r} contradicts type={type!r}")
        if status != self.snapshot:
            self.set(status)

    def _completed(self, is_connected: bool | None, net_type: NetType | None) -> NetStatus:
        if net_type is None:
            if is_connected is False:
                net_type = NetType.NONE
            elif is_connected and self.type is NetType.NONE:
                net_type = NetType.UNKNOWN
            else:
                net_type = self.type
        return NetStatus(net_type is not NetType.NONE if is_connected is None else is_connected, net_type)


def _net_type(name: NetType | str) -> NetType:
    try:
        return NetType(name)
    except ValueError:
        raise ValueError(f"type must be one of {', '.join(NetType)}, not {name!r}") from None
