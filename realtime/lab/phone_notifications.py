"""What a phone tells its user, as plain calls from any thread and cell."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from realtime.connection.app_state import AppState
from realtime.lab.background import BackgroundLoop
from realtime.notifications.deep_links import DeepLinks
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.push_notification_handler import PushNotificationHandler, PushState
from realtime.notifications.quiet_hours import QuietHours
from realtime.server.push.local_gateway import LocalGateway
from realtime.utils.event_emitter import Handler
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd


class PhoneNotifications:
    """A phone's notifications, to call from any thread. Handlers and observers run on the lab's own thread.

    It is the device's system too: pushes reach it without any connection of the app's, as long as the phone has a
    network; those that come in the meantime wait for one, of each collapse key the newest.

    Args:
        handler: shows each thing once; for code that runs on the lab's loop.
        in_app: what shows inside the app, over its :attr:`~InAppNotifications.state`; as well.
        app_state: a tap brings the app to the foreground.
        background: that loop.
        gateway: where pushes come from; None: there are none.
        token: where they find this phone.
    """

    def __init__(
        self,
        handler: PushNotificationHandler,
        in_app: InAppNotifications,
        app_state: AppState,
        background: BackgroundLoop,
        *,
        gateway: LocalGateway | None,
        token: str,
    ) -> None:
        self.handler = handler
        self.in_app = in_app
        self._app_state = app_state
        self._background = background
        self._gateway = gateway
        self._token = token
        self._detach: Callable[[], None] | None = None

    def __repr__(self) -> str:
        return repr(self.handler).replace("PushNotificationHandler", "PhoneNotifications", 1)

    @property
    def state(self) -> Observable[PushState]:
        """The permission, the badge and the system's tray, to read and to observe."""
        return self.handler.state

    @property
    def badge(self) -> int:
        """How many are open, inside the app and in the tray."""
        return self.handler.badge

    @property
    def links(self) -> DeepLinks:
        """Where taps lead: add handlers of ``data["url"]`` there, which run on the lab's own thread."""
        return self.handler.links

    @property
    def looking_at(self) -> str | None:
        """The room that is on the screen, whose messages are not told of; what was told of it is read."""
        return self.handler.looking_at

    @looking_at.setter
    def looking_at(self, room_id: str | None) -> None:
        self._background.call(self._look, room_id)

    @property
    def quiet(self) -> QuietHours | None:
        """Hours in which only urgent ones are shown inside the app; may be set at any time."""
        return self.in_app.quiet

    @quiet.setter
    def quiet(self, quiet: QuietHours | None) -> None:
        self._background.call(setattr, self.in_app, "quiet", quiet)

    def open(self, notification_id: str) -> bool:
        """The user taps one, which brings the app to the foreground; returns whether it was open."""
        return self._background.call(self._open, notification_id)

    def read(self, notification_id: str) -> bool:
        """The user has seen to one, on all devices; returns whether it was open here."""
        return self._background.call(self.handler.read, notification_id)

    def dismiss(self, notification_id: str) -> bool:
        """The user wipes one away on this phone; returns whether it was open."""
        return self._background.call(self.handler.dismiss, notification_id)

    def clear(self) -> None:
        """The user wipes all away on this phone."""
        self._background.call(self.handler.clear)

    def to_frame(self) -> pd.DataFrame:
        """What shows or showed inside the app, a row for each."""
        return self.in_app.to_frame()

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler(notification)`` at every event.

        ``received`` and ``opened`` are of any notification, ``shown``, ``expired``, ``dismissed`` and ``read`` of those
        inside the app.
        """
        return self._background.call(self._source(event).on, event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of the event."""
        self._background.call(self._source(event).off, event, handler)

    # -- on the loop

    def start(self) -> None:
        """The phone is on, and its system gives the app a token."""
        if self._gateway is not None:
            self.reach(True)
            self.handler.set_token(self._token)

    def reach(self, is_reachable: bool) -> None:
        """The phone has a network, or has none."""
        if self._gateway is not None and is_reachable and self._detach is None:
            self._detach = self._gateway.attach(self._token, self.handler.received)
        elif not is_reachable and self._detach is not None:
            self._detach()
            self._detach = None

    def close(self) -> None:
        """The phone is off; its pushes wait for it."""
        self.reach(False)
        self.handler.close()
        self.in_app.close()

    def _open(self, notification_id: str) -> bool:
        self._app_state.foreground()
        return self.handler.open(notification_id)

    def _look(self, room_id: str | None) -> None:
        self.handler.looking_at = room_id
        if room_id is not None:
            self.in_app.read_room(room_id)

    def _source(self, event: str) -> PushNotificationHandler | InAppNotifications:
        return self.handler if event in ("received", "opened") else self.in_app
