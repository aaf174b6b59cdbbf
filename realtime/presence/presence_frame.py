"""Members of rooms and the status of users as pandas frames."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from realtime.presence.wire import UserStatus

if TYPE_CHECKING:
    import pandas as pd

    from realtime.presence.presence_state import RoomPresence

_TIME = "datetime64[ms, UTC]"

STATES = ("active", "background")
SHOWN = ("online", "away", "busy", "invisible", "offline")

MEMBER_COLUMNS: dict[str, Any] = {
    "room_id": "object",
    "user_id": "object",
    "device_id": "object",
    "state": STATES,
    "status": SHOWN,
    "text": "object",
    "meta": "object",
    "since": _TIME,
}
"""The columns of members and their types, a tuple being the categories; ``meta`` holds dicts, or None."""

STATUS_COLUMNS: dict[str, Any] = {"user_id": "object", "status": SHOWN, "text": "object", "last_seen": _TIME}
"""The columns of users and their types; ``last_seen`` is missing of who is there, or was never seen."""


def members_frame(rooms: Iterable[RoomPresence]) -> pd.DataFrame:
    """A row for each device in each room; the types are these also if there is none."""
    return _frame(
        [
            (room.room_id, each.user_id, each.device_id, each.state, each.status, each.text, each.meta, each.since)
            for room in rooms
            for each in room.members
        ],
        MEMBER_COLUMNS,
    )


def statuses_frame(users: Iterable[UserStatus]) -> pd.DataFrame:
    """A row for each user; the types are these also if there is none."""
    return _frame([(each.user_id, each.status, each.text, each.last_seen) for each in users], STATUS_COLUMNS)


def _frame(rows: list[tuple[Any, ...]], columns: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd  # takes half a second, and only people who look at frames need it

    frame = pd.DataFrame(rows, columns=list(columns), dtype="object")
    for name, dtype in columns.items():
        if dtype == _TIME:
            frame[name] = pd.to_datetime(frame[name], unit="ms", utc=True).astype("datetime64[ms, UTC]")
        elif isinstance(dtype, tuple):
            frame[name] = pd.Categorical(frame[name], categories=dtype)
    return frame
