"""Notifications as a pandas frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from realtime.notifications.notification import Priority
from realtime.notifications.notification_queue import Entry, Status

if TYPE_CHECKING:
    import pandas as pd

_TIME = "datetime64[ms, UTC]"

COLUMNS: dict[str, Any] = {
    "id": "object",
    "title": "object",
    "body": "object",
    "room_id": "object",
    "collapse_key": "object",
    "priority": "category",
    "status": "category",
    "received": _TIME,
    "shown": _TIME,
    "ended": _TIME,
}
"""The columns and their types; what has not happened is missing."""


def notifications_frame(entries: Iterable[Entry]) -> pd.DataFrame:
    """A row per notification, in the order in which they came; the types are these also if there is none."""
    import pandas as pd  # takes half a second, and only people who look at frames need it

    frame = pd.DataFrame([_row(entry) for entry in entries], columns=list(COLUMNS), dtype="object")
    for name, dtype in COLUMNS.items():
        if dtype == _TIME:
            frame[name] = pd.to_datetime(frame[name], unit="ms", utc=True).astype("datetime64[ms, UTC]")
        elif name == "priority":
            frame[name] = pd.Categorical(frame[name], categories=[each.name for each in Priority], ordered=True)
        elif name == "status":
            frame[name] = pd.Categorical(frame[name], categories=[each.value for each in Status])
    return frame


def _row(entry: Entry) -> tuple[Any, ...]:
    each = entry.notification
    return (
        each.id,
        each.title,
        each.body,
        each.room_id,
        each.collapse_key,
        each.priority.name,
        entry.status.value,
        entry.received_ms,
        entry.shown_ms,
        entry.ended_ms,
    )
