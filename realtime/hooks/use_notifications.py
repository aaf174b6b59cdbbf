"""use_notifications: what the user is told, in a component."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from realtime.hooks.acts import Acts, use_acts
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable
from realtime.notifications.in_app_notifications import InAppNotifications, NotificationsState
from realtime.notifications.notification import Notification
from realtime.notifications.notification_queue import Entry
from realtime.notifications.push_notification_handler import PushNotificationHandler, PushState
from realtime.protocol.errors import LocalProtocolError
from realtime.utils.observable import Observable

_NO_PUSHES: Observable[PushState | None] = Observable(None)


@dataclass(frozen=True, slots=True)
class Notifications:
    """What the user is told, and what can be done with it. What is done is handed to its loop.

    Args:
        state: what shows, waits and showed inside the app.
        push: what the handler of pushes knows; None without one.
        error: why the newest act was refused; None if it was not.
    """

    state: NotificationsState
    push: PushState | None
    error: Exception | None
    _in_app: InAppNotifications = field(repr=False)
    _of: Any = field(repr=False)  # a phone's own ways, a handler's, or in_app
    _acts: Acts = field(repr=False)

    @property
    def shown(self) -> tuple[Entry, ...]:
        """Those on the screen, inside the app."""
        return self.state.shown

    @property
    def tray(self) -> tuple[Notification, ...]:
        """Those that the system shows."""
        return () if self.push is None else self.push.tray

    @property
    def badge(self) -> int:
        """How many are open."""
        return self.state.unread if self.push is None else self.push.badge

    def open(self, notification_id: str) -> None:
        """The user taps one; its link is followed.

        Raises:
            LocalProtocolError: there is no handler of pushes, which knows the links.
        """
        if self._of is self._in_app:
            raise LocalProtocolError("where a tap leads, a PushNotificationHandler knows: use_notifications(…, push=…)")
        self._acts.do(self._of.open, notification_id)

    def read(self, notification_id: str) -> None:
        """The user has seen to one."""
        self._acts.do(self._of.read, notification_id)

    def dismiss(self, notification_id: str) -> None:
        """The user wipes one away on this device."""
        self._acts.do(self._of.dismiss, notification_id)

    def clear(self) -> None:
        """The user wipes all away on this device."""
        self._acts.do(self._of.dismiss_all if self._of is self._in_app else self._of.clear)


def use_notifications(
    source: InAppNotifications | PhoneLike,
    *,
    push: PushNotificationHandler | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Notifications:
    """What the user is told.

    Args:
        source: a phone, or the notifications inside an app.
        push: with the latter, the handler of pushes that shows them; a phone has its own.
        loop: where they live, if ``push`` is not connected and that is not where the component is rendered.
    """
    in_app = part_of(source, InAppNotifications, "notifications.in_app", "in_app")
    acts, error = use_acts(push or source, loop)
    of: Any = getattr(source, "notifications", None) or push or getattr(source, "push", None) or in_app
    pushes: Observable[PushState] | Observable[PushState | None] = of.state if of is not in_app else _NO_PUSHES
    return Notifications(use_observable(in_app.state), use_observable(pushes), error, in_app, of, acts)
