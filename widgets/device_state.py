"""What Python knows of the device that shows the page."""

from __future__ import annotations

import msgspec

from realtime.location.battery import BatteryStatus
from realtime.location.fix import Fix
from widgets.device_link import PageState
from widgets.device_report import Report, SenseState


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """The newest that the page told. A snapshot: never changed, only replaced.

    Args:
        page: whether there is a page that is the phone.
        reason: why there is none.
        is_visible: whether the page is in sight; None: it did not tell, or there is none.
        is_online: what the browser believes of its network; None likewise.
        carrier: ``wifi``, ``cellular``, …, where the browser tells it.
        speed: ``slow-2g`` to ``4g``: what the network is as fast as, where the browser tells it.
        battery: where the browser tells it.
        position: how the position stands.
        notifications: how notifications stand.
        fix: the newest position; None unless the position is on.
        fixes: how many were heard since the page was started.
    """

    page: PageState = PageState.NO_PAGE
    reason: str = ""
    is_visible: bool | None = None
    is_online: bool | None = None
    carrier: str | None = None
    speed: str | None = None
    battery: BatteryStatus | None = None
    position: SenseState = SenseState()
    notifications: SenseState = SenseState()
    fix: Fix | None = None
    fixes: int = 0

    def __repr__(self) -> str:
        if self.page is PageState.NO_PAGE:
            return f"<DeviceState no page: {self.reason}>"
        words = [
            self.page.value,
            "in sight" if self.is_visible else "out of sight",
            "online" if self.is_online else "offline",
            f"position {self.position.sense.value}",
            f"notifications {self.notifications.sense.value}",
        ]
        return f"<DeviceState {', '.join(words)}>"

    @classmethod
    def told(cls, report: Report, *, page: PageState, fix: Fix | None, fixes: int) -> DeviceState:
        """The state that a report makes.

        Args:
            report: by the page that is the phone.
            page: whether it is there.
            fix: the newest position.
            fixes: how many there were.
        """
        battery = report.battery
        return cls(
            page=page,
            is_visible=report.visible,
            is_online=report.net_status.is_connected,
            carrier=report.carrier,
            speed=report.speed,
            battery=None if battery is None else BatteryStatus(battery.level, battery.charging),
            position=report.position,
            notifications=report.notifications,
            fix=fix,
            fixes=fixes,
        )
