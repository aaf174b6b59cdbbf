"""Which notification is shown now, which one waits, and what becomes of it (pure)."""

from __future__ import annotations

import enum
from collections import deque
from typing import Literal, NamedTuple

import msgspec

from realtime.notifications.notification import Notification, Priority
from realtime.notifications.quiet_hours import QuietHours
from realtime.notifications.remembered_ids import RememberedIds

LOOK_AGAIN_S = 60.0
"""So often it is looked whether quiet hours are over: the wall clock may be set, and the loop's sleeps with a phone."""

MOST_SHOWN = 1000
"""Of those that nobody sees to, and that never expire, the oldest goes beyond."""


class Status(enum.StrEnum):
    """Where a notification stands."""

    WAITING = "waiting"
    SHOWN = "shown"
    READ = "read"
    DISMISSED = "dismissed"
    """By the user, here or on another device."""
    EXPIRED = "expired"
    REPLACED = "replaced"
    """A newer one of the same collapse key took its place."""
    CROWDED_OUT = "crowded out"
    """There were too many."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A notification on this device; times are milliseconds since the Unix epoch."""

    notification: Notification
    status: Status
    received_ms: int
    shown_ms: int | None = None
    ended_ms: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it waits, or is shown."""
        return self.status in (Status.WAITING, Status.SHOWN)


class NotificationEvent(NamedTuple):
    """Something happened to a notification."""

    what: Literal["shown", "expired", "dismissed", "read"]
    notification: Notification


_EVENTS: dict[Status, Literal["expired", "dismissed", "read"]] = {
    Status.READ: "read",
    Status.EXPIRED: "expired",
    Status.DISMISSED: "dismissed",
    Status.REPLACED: "dismissed",
    Status.CROWDED_OUT: "dismissed",
}


class NotificationQueue:
    """Shows at most so many notifications in any stretch of time; the others wait, the urgent ones in front.

    Pure: every method takes ``now``, the loop's time, and ``wall_s``, seconds since the Unix epoch, for quiet hours.
    After each call take the events by :meth:`take`, and call :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        per_window: how many are shown within any ``window_s``.
        window_s: in seconds.
        ttl_s: how long one lives that does not say it itself; None: for ever.
        quiet: hours in which only urgent ones are shown.
        max_waiting: beyond, the least important goes, of several the oldest.
        max_kept: how many are kept of those that are over.

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
    ) -> None:
        _check(per_window >= 1, "per_window", per_window, "at least 1")
        _check(window_s > 0, "window_s", window_s, "above 0")
        _check(ttl_s is None or ttl_s > 0, "ttl_s", ttl_s, "above 0, or None")
        _check(max_waiting >= 1, "max_waiting", max_waiting, "at least 1")
        _check(max_kept >= 0, "max_kept", max_kept, "at least 0")
        self.quiet = quiet
        self._window_s, self._ttl_s = window_s, ttl_s
        self._max_waiting, self._max_kept = max_waiting, max_kept
        self._shown_at: deque[float] = deque(maxlen=per_window)
        self._entries: dict[str, Entry] = {}  # in the order in which they came
        self._expires_at: dict[str, float] = {}  # of the open ones that do
        self._waiting: dict[str, None] = {}
        self._seen = RememberedIds()
        self._paused = False
        self._events: list[NotificationEvent] = []
        self._timer: float | None = None

    def entries(self) -> tuple[Entry, ...]:
        """All that is open, and what was kept of the rest, in the order in which they came."""
        return tuple(self._entries.values())

    def knows(self, notification_id: str) -> bool:
        """Whether one of this id would not be shown."""
        return notification_id in self._seen

    def remember(self, notification_id: str) -> None:
        """What is told by this id has been shown by another way."""
        self._seen.add(notification_id)

    def shown_elsewhere(self, notification: Notification, now: float, wall_s: float) -> None:
        """The system shows it: what it stands for, or whose place it takes, is open here no more."""
        for notification_id in notification.message_ids:
            self._seen.add(notification_id)
            if notification_id in self._entries and self._entries[notification_id].is_open:
                self._end(notification_id, Status.REPLACED, wall_s)
        if notification.collapse_key is not None:
            self._replace(notification.collapse_key, Status.WAITING, wall_s)
            self._replace(notification.collapse_key, Status.SHOWN, wall_s)
        self._arm(now, wall_s)

    def take(self) -> list[NotificationEvent]:
        """What happened since the last call."""
        events, self._events = self._events, []
        return events

    def offer(self, notification: Notification, now: float, wall_s: float) -> bool:
        """Show a notification, as soon as there is room for it.

        Returns:
            False if one of this id was here before.
        """
        if not self._seen.add(notification.id):
            return False
        if notification.collapse_key is not None:
            self._replace(notification.collapse_key, Status.WAITING, wall_s)
        entry = Entry(notification=notification, status=Status.WAITING, received_ms=_ms(wall_s))
        self._entries[notification.id] = entry
        self._waiting[notification.id] = None
        ttl_s = self._ttl_s if notification.ttl_s is None else notification.ttl_s
        if ttl_s is not None:
            self._expires_at[notification.id] = now + ttl_s
        self.handle_timer(now, wall_s)
        if len(self._waiting) > self._max_waiting:
            self._end(min(self._waiting, key=self._importance), Status.CROWDED_OUT, wall_s)
            self._arm(now, wall_s)
        return True

    def read(self, notification_id: str, now: float, wall_s: float) -> bool:
        """The user has seen to it; returns whether it was open."""
        return self._finish(notification_id, Status.READ, now, wall_s)

    def dismiss(self, notification_id: str, now: float, wall_s: float) -> bool:
        """The user does not want to see it; returns whether it was open."""
        return self._finish(notification_id, Status.DISMISSED, now, wall_s)

    def pause(self) -> None:
        """Nobody looks: what comes waits."""
        self._paused = True

    def resume(self, now: float, wall_s: float) -> None:
        """Somebody looks again."""
        self._paused = False
        self.handle_timer(now, wall_s)

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return self._timer

    def handle_timer(self, now: float, wall_s: float) -> None:
        """Let go of what is too old, and show what may be shown."""
        for notification_id, due in tuple(self._expires_at.items()):
            if due <= now:
                self._end(notification_id, Status.EXPIRED, wall_s)
        is_quiet = self.quiet is not None and self.quiet.ends_at(wall_s) is not None
        while (candidate := self._next(is_quiet)) is not None and self._free_at(now) <= now:
            self._show(candidate, now, wall_s)
        self._arm(now, wall_s)

    # --- inside

    def _importance(self, notification_id: str) -> Priority:
        return self._entries[notification_id].notification.priority

    def _next(self, is_quiet: bool) -> str | None:
        """The most important one that waits and may be shown, of several the oldest."""
        if self._paused or not self._waiting:
            return None
        first = max(self._waiting, key=self._importance)
        return None if is_quiet and self._importance(first) < Priority.URGENT else first

    def _free_at(self, now: float) -> float:
        is_full = len(self._shown_at) == self._shown_at.maxlen
        return self._shown_at[0] + self._window_s if is_full else now

    def _show(self, notification_id: str, now: float, wall_s: float) -> None:
        entry = self._entries[notification_id]
        if entry.notification.collapse_key is not None:
            self._replace(entry.notification.collapse_key, Status.SHOWN, wall_s)
        del self._waiting[notification_id]
        self._shown_at.append(now)
        self._entries[notification_id] = msgspec.structs.replace(entry, status=Status.SHOWN, shown_ms=_ms(wall_s))
        self._events.append(NotificationEvent("shown", entry.notification))
        shown = [each for each, entry in self._entries.items() if entry.status is Status.SHOWN]
        for each in shown[: max(0, len(shown) - MOST_SHOWN)]:
            self._end(each, Status.CROWDED_OUT, wall_s)

    def _replace(self, collapse_key: str, status: Status, wall_s: float) -> None:
        for notification_id, entry in tuple(self._entries.items()):
            if entry.status is status and entry.notification.collapse_key == collapse_key:
                self._end(notification_id, Status.REPLACED, wall_s)

    def _finish(self, notification_id: str, status: Status, now: float, wall_s: float) -> bool:
        entry = self._entries.get(notification_id)
        if entry is None or not entry.is_open:
            return False
        self._end(notification_id, status, wall_s)
        self._arm(now, wall_s)
        return True

    def _end(self, notification_id: str, status: Status, wall_s: float) -> None:
        entry = self._entries[notification_id]
        self._waiting.pop(notification_id, None)
        self._expires_at.pop(notification_id, None)
        self._entries[notification_id] = msgspec.structs.replace(entry, status=status, ended_ms=_ms(wall_s))
        self._events.append(NotificationEvent(_EVENTS[status], entry.notification))
        over = [each for each, entry in self._entries.items() if not entry.is_open]
        for each in over[: max(0, len(over) - self._max_kept)]:
            del self._entries[each]

    def _arm(self, now: float, wall_s: float) -> None:
        dues = list(self._expires_at.values())
        if self._waiting and not self._paused:
            quiet_until = None if self.quiet is None else self.quiet.ends_at(wall_s)
            free_at = self._free_at(now)
            if quiet_until is None or self._next(is_quiet=True) is not None:
                dues.append(free_at)
            else:
                dues.append(max(free_at, now + min(quiet_until - wall_s, LOOK_AGAIN_S)))
        self._timer = min(dues, default=None)


def _check(is_good: bool, name: str, value: object, words: str) -> None:
    if not is_good:
        raise ValueError(f"{name} must be {words}, not {value}")


def _ms(wall_s: float) -> int:
    return int(wall_s * 1000)
