"""Notifications inside the app: a queue that people can watch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

from realtime.connection.app_state import AppState, AppStateValue
from realtime.notifications.notification import Notification
from realtime.notifications.notification_queue import Entry, NotificationQueue, Status
from realtime.notifications.quiet_hours import QuietHours
from realtime.protocol.errors import LocalProtocolError
from realtime.utils.alarm import Alarm
from realtime.utils.ambient import wall_time_s
from realtime.utils.event_emitter import EventSource
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd


class NotificationsState(msgspec.Struct, frozen=True):
    """All notifications of this device that are open or were kept, oldest first."""

    entries: tuple[Entry, ...] = ()

    @property
    def shown(self) -> tuple[Entry, ...]:
        """Those on the screen."""
        return tuple(entry for entry in self.entries if entry.status is Status.SHOWN)

    @property
    def waiting(self) -> int:
        """How many are still to be shown."""
        return sum(entry.status is Status.WAITING for entry in self.entries)

    @property
    def unread(self) -> int:
        """How many are shown or to be shown: what a badge says."""
        return sum(entry.is_open for entry in self.entries)

    def to_frame(self) -> pd.DataFrame:
        """A row for each; see :data:`realtime.notifications.notifications_frame.COLUMNS`."""
        from realtime.notifications.notifications_frame import notifications_frame  # which needs pandas

        return notifications_frame(self.entries)


class InAppNotifications(EventSource):
    """Shows notifications one after the other, the important ones first, each once. Call it on its loop.

    Events, for :meth:`on`, each with the notification: ``shown``, ``expired``, ``dismissed`` and ``read``.

    Args:
        per_window: how many are shown within any ``window_s``; the others wait.
        window_s: in seconds.
        ttl_s: after this many seconds one expires that does not say it itself; None: never.
        quiet: hours in which only urgent ones are shown.
        max_waiting: beyond, the least important is dismissed.
        max_kept: how many are kept of those that are over.
        app_state: in the background everything waits; None: the app is always looked at.

    Raises:
        ValueError: a setting makes no sense.
    """

    def __init__(
        self,
        *,
        per_window: int = 3,
        window_s: float = 10.0,
        ttl_s: float | None = None,
        quiet: QuietHours | None = None,
        max_waiting: int = 100,
        max_kept: int = 200,
        app_state: AppState | None = None,
    ) -> None:
        super().__init__()
        self.state = Observable(NotificationsState())
        self._queue = NotificationQueue(
            per_window=per_window,
            window_s=window_s,
            ttl_s=ttl_s,
            quiet=quiet,
            max_waiting=max_waiting,
            max_kept=max_kept,
        )
        self._alarm = Alarm(self._ring)
        self._is_closed = False
        self._unwatch: Callable[[], None] | None = None
        if app_state is not None:
            self._unwatch = app_state.observe(self._app_changed)
            if app_state.value is AppStateValue.BACKGROUND:
                self._queue.pause()

    def __repr__(self) -> str:
        state = self.state.snapshot
        return f"<InAppNotifications shown={len(state.shown)} waiting={state.waiting}>"

    @property
    def quiet(self) -> QuietHours | None:
        """Hours in which only urgent ones are shown; may be set at any time."""
        return self._queue.quiet

    @quiet.setter
    def quiet(self, quiet: QuietHours | None) -> None:
        self._queue.quiet = quiet
        if not self._is_closed:
            self._ring(asyncio.get_running_loop().time())

    def show(self, notification: Notification) -> bool:
        """Show a notification as soon as there is room for it.

        Returns:
            False if one of this id was shown before.

        Raises:
            LocalProtocolError: this was closed.
        """
        if self._is_closed:
            raise LocalProtocolError("these notifications are closed: make a new InAppNotifications")
        is_new = self._queue.offer(notification, asyncio.get_running_loop().time(), wall_time_s())
        self._changed()
        return is_new

    def shown_elsewhere(self, notification: Notification) -> None:
        """The system shows a notification: what it stands for, or whose place it takes, is open here no more."""
        self._queue.shown_elsewhere(notification, asyncio.get_running_loop().time(), wall_time_s())
        self._changed()

    def read(self, notification_id: str) -> bool:
        """The user has seen to it; returns whether it was open."""
        return self._finish(self._queue.read, notification_id)

    def dismiss(self, notification_id: str) -> bool:
        """The user does not want to see it; returns whether it was open."""
        return self._finish(self._queue.dismiss, notification_id)

    def read_room(self, room_id: str) -> int:
        """The user has seen a room; returns how many notifications of it were open."""
        ids = [each.notification.id for each in self._open() if each.notification.room_id == room_id]
        return sum(self.read(each) for each in ids)

    def dismiss_all(self) -> int:
        """Clear them all away; returns how many there were."""
        return sum(self.dismiss(each.notification.id) for each in self._open())

    def to_frame(self) -> pd.DataFrame:
        """All that is open or was kept, as a frame."""
        return self.state.snapshot.to_frame()

    def close(self) -> None:
        """Show nothing more. Calling it twice is harmless."""
        self._is_closed = True
        if self._alarm.due is not None:
            self._alarm.set(None)
        if self._unwatch is not None:
            self._unwatch()

    # --- inside

    def _open(self) -> list[Entry]:
        return [each for each in self._queue.entries() if each.is_open]

    def _finish(self, finish: Callable[[str, float, float], bool], notification_id: str) -> bool:
        found = finish(notification_id, asyncio.get_running_loop().time(), wall_time_s())
        if found:
            self._changed()
        return found

    def _app_changed(self, value: AppStateValue) -> None:
        if value is AppStateValue.BACKGROUND:
            self._queue.pause()
        else:
            self._queue.resume(asyncio.get_running_loop().time(), wall_time_s())
        self._changed()

    def _ring(self, now: float) -> None:
        self._queue.handle_timer(now, wall_time_s())
        self._changed()

    def _changed(self) -> None:
        """The state first, then those who are told of it, who may change it again."""
        if not self._is_closed:
            self._alarm.set(self._queue.next_timer())
        events = self._queue.take()
        entries = self._queue.entries()
        if entries != self.state.snapshot.entries:
            self.state.set(NotificationsState(entries))
        for event in events:
            self._events.dispatch(event.what, event.notification)
