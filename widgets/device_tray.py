"""What a phone's system shows, shown by the system under the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from realtime.notifications.permission import NotificationPermission, PermissionStatus
from widgets.device_permission import DevicePermission

if TYPE_CHECKING:
    from realtime.notifications.push_notification_handler import PushNotificationHandler


class DeviceTray:
    """Follows the tray of one handler, and lends it the page's permission. Call it on the loop of the handler.

    Args:
        permission: the page's.
        changed: called when :attr:`shown` may have changed.
    """

    def __init__(self, permission: DevicePermission, changed: Callable[[], None]) -> None:
        self._permission = permission
        self._changed = changed
        self._push: PushNotificationHandler | None = None
        self._unobserve: Callable[[], None] = lambda: None
        self._own: NotificationPermission | None = None  # the handler's, while it has the page's
        self._is_lent = False

    @property
    def shown(self) -> list[dict[str, str]]:
        """What the page shall show: ``{id, title, body, tag}`` each, of one tag the newest. Read on any thread."""
        push = self._push
        if push is None or self._permission.status is not PermissionStatus.GRANTED:
            return []
        return [
            {"id": each.id, "title": each.title, "body": each.body, "tag": each.collapse_key or each.id}
            for each in push.state.snapshot.tray
        ]

    def attach(self, push: PushNotificationHandler) -> None:
        """Follow this handler instead of the former one."""
        was_lent = self._is_lent
        self.detach()
        self._push = push
        self._unobserve = push.state.observe(lambda state: self._changed())
        if was_lent:
            self.begin()
        self._changed()

    def detach(self) -> None:
        """Follow none. Harmless if none is followed."""
        self.end()
        self._unobserve()
        self._push = None

    def begin(self) -> None:
        """A page is the phone, or its permission may have changed."""
        self._is_lent = True
        push = self._push
        if push is None:
            return
        if self._own is None:
            self._own = push.permission
        if push.permission is not self._permission or push.state.snapshot.permission is not self._permission.status:
            push.permission = self._permission
        self._changed()

    def end(self) -> None:
        """No page is the phone any more."""
        self._is_lent = False
        own, self._own = self._own, None
        if self._push is not None and own is not None:
            self._push.permission = own
        self._changed()

    def open(self, notification_id: str) -> None:
        """It was clicked; one that is not open any more is nobody's."""
        if self._push is not None:
            self._push.open(notification_id)
