"""DeviceBridge: the page that shows the notebook is a phone."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
from IPython.core.getipython import get_ipython

from realtime.connection.app_state import AppState, AppStateValue
from realtime.connection.net_info import NetInfo, NetStatus, NetType
from realtime.lab.background import background_loop
from realtime.lab.phone import Phone
from realtime.location.battery import Battery, BatteryStatus
from realtime.location.fix import Fix
from realtime.utils.alarm import Alarm
from realtime.utils.observable import Observable
from realtime.utils.running_loop import running_loop
from widgets.device_link import DeviceLink
from widgets.device_location import DeviceLocation
from widgets.device_permission import DevicePermission
from widgets.device_report import Report, Sense, read_report
from widgets.device_state import DeviceState
from widgets.device_tray import DeviceTray
from widgets.kernel_ear import KernelEar
from widgets.live_widget import Action, LiveWidget, refuse_unknown, static
from widgets.mirrored import mirrored_app, mirrored_battery, mirrored_net

if TYPE_CHECKING:
    from realtime.notifications.push_notification_handler import PushNotificationHandler

_OFFLINE = NetStatus(False, NetType.NONE)
_WAIT_S = 5.0
_BEATS = 3  # in the time of silence

_log = logging.getLogger("realtime.widgets")
_bridges: weakref.WeakKeyDictionary[AppState, weakref.ref[DeviceBridge]] = weakref.WeakKeyDictionary()


class DeviceBridge(LiveWidget):
    """Makes a phone of the page that shows it, once its button is pressed there.

    Whether the page is in sight becomes the app's state; its network and battery become the phone's; its position is
    :attr:`location`, and notifications that the app wants shown are shown by its system. Position and notifications
    have buttons of their own. Several pages may show the bridge, and each is asked by itself: the last one that was
    started is the phone. A page in sight that falls silent is a phone without a network; one that is closed is an app
    in the background. When the bridge ends, what it moved is put back. A phone has one bridge: a new one ends the
    former one.

    Give it a phone of a lab, or what a client of your own has; what is missing it makes, for you to take from it.
    :attr:`location` may be read, and :attr:`permission` asked, on any loop.

    Args:
        phone: a phone of a running lab.
        app_state: of a client of your own.
        net_info: of a client of your own.
        battery: of a tracker of your own.
        push: shows its tray on the page; a phone brings its own. Or call :meth:`show_tray_of` later.
        loop: where these live; by default the lab's for a phone, else the running one, else the lab's.
        silence_s: a page that was not heard for so many seconds is gone; out of sight it has ten times as long.
        title: the heading; the phone's name if None.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.

    Attributes:
        state: what is known of the device, to read and to observe.
        location: the page's position, a source of fixes.
        permission: the page's permission to notify.
        app_state: what the page's visibility moves.
        net_info: what its network moves.
        battery: what its battery moves.
    """

    _esm = static(
        "feed.js", "elements.js", "device_senses.js", "device_notices.js", "device_link.js", "device_bridge.js"
    )
    _css = static("frame.css", "device_bridge.css")
    _is_closed = True  # until it is made

    def __init__(
        self,
        phone: Phone | None = None,
        *,
        app_state: AppState | None = None,
        net_info: NetInfo | None = None,
        battery: Battery | None = None,
        push: PushNotificationHandler | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        silence_s: float = 15.0,
        title: str | None = None,
        layout: Any = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown("DeviceBridge", DeviceBridge.__init__, unknown)
        self._link = DeviceLink(silence_s=silence_s)
        if phone is not None:
            if not isinstance(phone, Phone):
                raise TypeError(
                    "DeviceBridge takes a phone of a lab, or, of a client of your own, app_state=… and net_info=…,"
                    f" not {phone!r}"
                )
            if any(each is not None for each in (app_state, net_info, battery, push, loop)):
                raise TypeError("a phone brings its own app_state, net_info, battery, push and loop: give none of them")
            app_state, net_info, battery = phone.app_state, phone.net_info, phone.location.tracker.battery
            push, loop = phone.notifications.handler, background_loop().loop
        self.app_state = AppState() if app_state is None else app_state
        self.net_info = NetInfo() if net_info is None else net_info
        self.battery = Battery() if battery is None else battery
        self.state = Observable(DeviceState(reason=self._link.reason))
        self.location = DeviceLocation(self._present)
        self.permission = DevicePermission(self._touch)
        self._loop = running_loop() or background_loop().loop if loop is None else loop
        self._silence_s = silence_s
        self._title = title or (phone.name if phone is not None else "this device")
        self._app, self._net = mirrored_app(self.app_state), mirrored_net(self.net_info)
        self._charge = mirrored_battery(self.battery)
        self._tray = DeviceTray(self.permission, self._touch)
        self._ear = KernelEar(get_ipython())
        self._alarm = Alarm(self._ring)
        self._newest_ms, self._fixes = -1, 0  # of the page that is the phone
        self._fix: Fix | None = None  # its newest, while the position is on
        self._close_former()
        super().__init__(watches=[self.state], layout=layout)
        self._is_closed = False
        if push is not None:
            self.show_tray_of(push)

    def __repr__(self) -> str:
        state = self.state.snapshot
        return f"DeviceBridge({self._title!r}, {repr(state).removeprefix('<DeviceState ').removesuffix('>')})"

    def show_tray_of(self, push: PushNotificationHandler) -> None:
        """Show on the page what the system shows of this handler's, and open there what is clicked.

        While a page is the phone, its permission is the handler's.
        """
        self._call(lambda: self._tray.attach(push))

    def stop(self) -> None:
        """No page is the phone any more, until a button is pressed again. Call it from any thread."""
        self._call(lambda: self._end("stopped in Python"))

    def close(self) -> None:
        """End it, put back what it moved, and remove every view. Calling it twice is harmless."""
        if not self._is_closed:
            self._is_closed = True
            self._call(self._shut)
            self._ear.close()
        super().close()

    def compose(self) -> Mapping[str, Any]:
        """Who is the phone, what it told, and what its system shall show."""
        state, link = self.state.snapshot, self._link
        return {
            "title": self._title,
            "page": link.page,
            "state": state.page.value,
            "reason": state.reason,
            "beat_ms": round(self._silence_s * 1000 / _BEATS),
            "asked": self.permission.is_asked,
            "tray": self._tray.shown,
            "seen": _seen(state),
        }

    @property
    def actions(self) -> Mapping[str, Action]:
        """All that a page does is to report."""
        return {"report": self.hear}

    # -- on whichever thread the kernel chooses

    def hear(self, content: Mapping[str, Any]) -> None:
        """Take a report of a page: the script's own, or one of an app that shows the notebook. From any thread.

        Args:
            content: see :class:`~widgets.device_report.Report`.

        Raises:
            msgspec.ValidationError: it does not even say by which page it is; other nonsense is refused to the page.
        """
        self._ear.heard()
        try:
            report = read_report(content)
        except msgspec.ValidationError as error:
            page, run, seq = (content.get(name) for name in ("page", "run", "seq"))
            if not (isinstance(page, str) and page and isinstance(run, int) and isinstance(seq, int)):
                raise
            _log.warning("refused what a page told of its device: %s", error)
            self._answer(page, run, seq, is_phone=page == self._link.page, refused=str(error))
        else:
            self._loop.call_soon_threadsafe(self._heard, report)

    def _answer(self, page: str, run: int, seq: int, *, is_phone: bool, refused: str | None = None) -> None:
        self.send({"type": "heard", "page": page, "run": run, "seq": seq, "phone": is_phone, "refused": refused})

    # -- on the loop

    def _heard(self, report: Report) -> None:
        if self._is_closed:
            return
        former, now = self._link.page, self._loop.time()
        verdict = self._link.heard(report, now)
        if verdict.is_phone and report.page != former:
            self._newest_ms, self._fixes, self._fix = -1, 0, None
        if verdict.is_news:
            self._take(report)
            self._alarm.set(self._link.next_timer())
        self._answer(report.page, report.run, report.seq, is_phone=verdict.is_phone)

    def _take(self, report: Report) -> None:
        """News of the page that is the phone."""
        if report.phase == "stop":
            self._end(self._link.reason)
            return
        if report.phase == "bye":
            self._app.show(AppStateValue.BACKGROUND)
            self._gone()
            return
        self._publish(report)
        self._app.show(AppStateValue.ACTIVE if report.visible else AppStateValue.BACKGROUND)
        self._net.show(report.net_status)
        if report.battery is not None:
            self._charge.show(BatteryStatus(report.battery.level, report.battery.charging))
        self.permission.told(report.notifications.sense)
        self._tray.begin()
        for notification_id in report.opened:
            self._tray.open(notification_id)

    def _publish(self, report: Report) -> None:
        """The state, and the fixes that were not heard before, in the order of their times."""
        fresh = [fix for fix in report.known_fixes if fix.timestamp_ms > self._newest_ms]
        if fresh:
            self._newest_ms, self._fix = fresh[-1].timestamp_ms, fresh[-1]
            self._fixes += len(fresh)
        if report.position.sense not in (Sense.ON, Sense.FAILED):
            self._fix = None
        self._show(DeviceState.told(report, page=self._link.state, fix=self._fix, fixes=self._fixes))
        self.location.put(fresh)

    def _show(self, state: DeviceState) -> None:
        if state != self.state.snapshot:
            self.state.set(state)
        self._touch()  # the page may be another one

    def _ring(self, now: float) -> None:
        if self._link.handle_timer(now, deaf=self._ear.deaf):
            if self.state.snapshot.is_visible:
                self._net.show(_OFFLINE)
            self._show(DeviceState(reason=self._link.reason, fixes=self._fixes))
            self.permission.silent()
        self._alarm.set(self._link.next_timer())

    def _gone(self) -> None:
        """There is no page any more; the app stays as it is."""
        self._show(DeviceState(reason=self._link.reason, fixes=self._fixes))
        self.permission.gone()
        self._tray.end()

    def _end(self, reason: str) -> None:
        """No page is the phone, and everything is put back."""
        self._link.release(reason)
        self._alarm.set(None)
        self._gone()
        self._restore()

    def _restore(self) -> None:
        for mirror in (self._app, self._net, self._charge):
            mirror.restore()

    def _shut(self) -> None:
        if self._link.page is not None:
            self._end("stopped in Python")
        self._restore()
        self._tray.detach()

    def _present(self) -> Fix | None:
        return self.state.snapshot.fix

    def _touch(self) -> None:
        if "_batcher" in self.__dict__:
            self._batcher.touch()

    # -- threads

    def _call(self, function: Callable[[], None]) -> None:
        """Run it on the loop, and wait for it; a loop that has ended has nobody who could mind."""
        if running_loop() is self._loop or not self._loop.is_running():
            function()
            return

        async def run() -> None:
            function()

        try:
            asyncio.run_coroutine_threadsafe(run(), self._loop).result(_WAIT_S)
        except TimeoutError:
            raise TimeoutError(
                f"the loop of {self!r} did not answer within {_WAIT_S:g} s: something blocks it"
            ) from None

    def _close_former(self) -> None:
        former = _bridges.get(self.app_state)
        if former is not None and (bridge := former()) is not None:
            bridge.close()
        _bridges[self.app_state] = weakref.ref(self)


def _seen(state: DeviceState) -> dict[str, Any]:
    """What a page shows of a phone that is another page."""
    fix, battery = state.fix, state.battery
    return {
        "visible": state.is_visible,
        "online": state.is_online,
        "carrier": state.carrier,
        "speed": state.speed,
        "battery": None if battery is None else {"level": battery.level, "charging": battery.is_charging},
        "position": {"sense": state.position.sense.value, "detail": state.position.detail},
        "notifications": {"sense": state.notifications.sense.value, "detail": state.notifications.detail},
        "fix": None if fix is None else [fix.latitude, fix.longitude, fix.accuracy_m, fix.timestamp_ms],
    }
