"""NotificationCenter: what a phone tells its user, inside the app and in the system's tray."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from realtime.connection.app_state import AppStateValue
from realtime.notifications.notification import Notification, Priority
from realtime.notifications.notification_queue import Entry, Status
from realtime.notifications.quiet_hours import QuietHours
from realtime.utils.ambient import wall_time_s
from realtime.utils.observable import Observable
from widgets.connection_word import connection_word
from widgets.live_widget import Action, LiveWidget, refuse_unknown, static

if TYPE_CHECKING:
    from realtime.lab.live import Phone

MIN_HEIGHT_PX = 160
MOST = 100  # open ones that are shown
PAST = 30  # of those that are over
MAX_BODY = 500  # characters


class NotificationCenter(LiveWidget):
    """The notifications of one phone: banners as they come, and lists of what is open and what is over.

    Shown: the important ones first, how many are open, what waits and for what; while the app is in the background,
    what the system shows in its tray. A press opens one and says where its link leads; each can be marked as read, on
    all devices, or dismissed, on this one. Quiet hours, in which only urgent ones are shown, are set here too.

    In the list the arrow keys go from one to the next, Enter opens it, and Delete dismisses it. Call :meth:`close` to
    end its subscriptions.

    Args:
        phone: a phone of a running lab.
        title: the heading; the phone's name if None.
        height_px: the list scrolls beyond this, at least 160.
        banner_s: a banner goes after this, unless somebody is at it.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    _esm = static(
        "feed.js", "elements.js", "moments.js", "portrait.js", "notification_item.js", "notification_toasts.js",
        "notification_quiet.js", "notification_center.js",
    )  # fmt: skip
    _css = static("frame.css", "portrait.css", "notification_center.css")

    def __init__(
        self,
        phone: Phone,
        *,
        title: str | None = None,
        height_px: int = 320,
        banner_s: float = 6.0,
        layout: Any = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown("NotificationCenter", NotificationCenter.__init__, unknown)
        if height_px < MIN_HEIGHT_PX:
            raise ValueError(f"height_px must be at least {MIN_HEIGHT_PX} to show a notification, got {height_px}")
        self._phone = phone
        self._title = phone.name if title is None else title
        self._height_px = height_px
        if not banner_s > 0:
            raise ValueError(f"banner_s must be above 0 seconds, got {banner_s}")
        self._banner_ms = banner_s * 1000
        self._opened: dict[str, Any] | None = None
        told = phone.notifications
        watches: list[Observable[Any]] = [told.state, told.in_app.state, phone.socket.connection_state, phone.app_state]
        super().__init__(watches=watches, layout=layout)
        heard = told.on("opened", self._note_opened)
        self._subscriptions.append(lambda: told.off("opened", heard))

    def __repr__(self) -> str:
        return f"NotificationCenter({self._phone.name!r})"

    def compose(self) -> Mapping[str, Any]:
        """The notifications that are open, in the tray and over; the badge, and when it is quiet."""
        told = self._phone.notifications
        push, entries = told.state.snapshot, told.in_app.state.snapshot.entries
        is_hidden = self._phone.app_state.snapshot is AppStateValue.BACKGROUND
        quiet = _quiet(told.quiet)
        is_quiet = quiet is not None and quiet["until_ms"] is not None
        still_open = sorted((each for each in entries if each.is_open), key=_importance)
        over = sorted((each for each in entries if not each.is_open), key=lambda each: -(each.ended_ms or 0))
        return {
            "title": self._title,
            "me": self._phone.user_id,
            "phone": self._phone.name,
            "height_px": self._height_px,
            "banner_ms": self._banner_ms,
            "connection": connection_word(self._phone),
            "background": is_hidden,
            "permission": push.permission.value,
            "registered": push.is_registered,
            "badge": push.badge,
            "quiet": quiet,
            "tray": [_item(each) for each in reversed(push.tray)][:MOST],
            "items": [_entry(each, is_hidden, is_quiet) for each in still_open[:MOST]],
            "more": max(0, len(still_open) - MOST),
            "past": [_entry(each, is_hidden, is_quiet) for each in over[:PAST]],
            "opened": self._opened,
        }

    @property
    def actions(self) -> Mapping[str, Action]:
        """What a reader does with a notification, with all, and with the hours of quiet."""
        told = self._phone.notifications
        return {
            "open": lambda asked: told.open(asked["id"]),
            "read": lambda asked: told.read(asked["id"]),
            "dismiss": lambda asked: told.dismiss(asked["id"]),
            "clear": lambda asked: told.clear(),
            "quiet": self._set_quiet,
        }

    def _set_quiet(self, asked: Mapping[str, Any]) -> None:
        self._phone.notifications.quiet = QuietHours(asked["start"], asked["end"]) if asked["on"] else None
        self._batcher.touch()

    def _note_opened(self, notification: Notification) -> None:
        item = _item(notification)
        self._opened = {name: item[name] for name in ("id", "title", "url")}
        self._batcher.touch()


def _importance(entry: Entry) -> tuple[int, int]:
    return -entry.notification.priority, -entry.received_ms


def _item(notification: Notification) -> dict[str, Any]:
    url = notification.data.get("url")
    body = notification.body
    return {
        "id": notification.id,
        "title": notification.title,
        "body": body if len(body) <= MAX_BODY else body[: MAX_BODY - 1] + "…",
        "room": notification.room_id,
        "url": url if isinstance(url, str) else None,
        "priority": notification.priority.name.lower(),
    }


def _entry(entry: Entry, is_hidden: bool, is_quiet: bool) -> dict[str, Any]:
    return _item(entry.notification) | {
        "status": entry.status.value,
        "at_ms": entry.received_ms,
        "wait": _waits_for(entry, is_hidden, is_quiet),
    }


def _waits_for(entry: Entry, is_hidden: bool, is_quiet: bool) -> str | None:
    """``background``, ``quiet``, or its ``turn``; None if it does not wait."""
    if entry.status is not Status.WAITING:
        return None
    if is_hidden:
        return "background"
    return "quiet" if is_quiet and entry.notification.priority < Priority.URGENT else "turn"


def _quiet(hours: QuietHours | None) -> dict[str, Any] | None:
    if hours is None:
        return None
    ends_s = hours.ends_at(wall_time_s())
    return {"start": hours.start, "end": hours.end, "until_ms": None if ends_s is None else int(ends_s * 1000)}
