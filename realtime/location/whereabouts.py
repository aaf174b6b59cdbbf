"""Where everybody is: by room, and all together."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import msgspec

from realtime.location.fix import Fix, LocationState
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd

MOST_LOST = 1000
"""Trails that are remembered of those whom the server has lost."""


class Whereabouts:
    """Observable state of everybody's position.

    Args:
        trail_length: how many fixes of each user are kept.
    """

    def __init__(self, *, trail_length: int) -> None:
        self._trail_length = trail_length
        self._rooms: dict[str, Observable[LocationState]] = {}
        self._lost: dict[tuple[str, str], tuple[Fix, ...]] = {}  # trails by room and user, oldest loss first
        self.state = Observable(LocationState(trail_length=trail_length))
        """All rooms together: each user's newest position."""

    def room(self, room_id: str) -> Observable[LocationState]:
        """Those who share their position with one room."""
        if room_id not in self._rooms:
            self._rooms[room_id] = Observable(LocationState(trail_length=self._trail_length))
        return self._rooms[room_id]

    def moved(self, room_id: str, user_id: str, fixes: Iterable[Fix]) -> bool:
        """Somebody moved. Returns whether the newest position is news in the room; older ones are for the trail."""
        room = self.room(room_id)
        before, fixes = room.snapshot.fixes.get(user_id), tuple(fixes)
        if fixes and before is None:
            fixes = (*self._lost.pop((room_id, user_id), ()), *fixes)
        _set(self.state, self.state.snapshot.moved(user_id, *fixes))
        _set(room, room.snapshot.moved(user_id, *fixes))
        return room.snapshot.fixes.get(user_id) != before

    def gone(self, room_id: str, user_id: str, *, may_return: bool = False) -> None:
        """Somebody does not share the position with a room any more.

        Args:
            room_id: the room.
            user_id: who.
            may_return: it was not their will: if they come back, their trail goes on.
        """
        if room_id not in self._rooms:
            return
        room = self._rooms[room_id]
        trail = room.snapshot.trails.get(user_id)
        self._lost.pop((room_id, user_id), None)
        if may_return and trail is not None:
            self._lost[room_id, user_id] = trail
            if len(self._lost) > MOST_LOST:
                del self._lost[next(iter(self._lost))]
        _set(room, room.snapshot.left(user_id))
        if not any(user_id in other.snapshot.fixes for other in self._rooms.values()):
            _set(self.state, self.state.snapshot.left(user_id))

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The trails as a table: a row per fix, by room, user and time.

        Args:
            room_id: of one room; None: of all.

        Returns:
            room, user, timestamp (UTC), latitude and longitude (degrees), accuracy_m, speed_mps, heading_deg (NaN where
            they are unknown).
        """
        import pandas as pd

        rows = [
            (each, user_id, *msgspec.structs.astuple(fix))
            for each, room in self._rooms.items()
            if room_id in (None, each)
            for user_id, trail in room.snapshot.trails.items()
            for fix in trail
        ]
        names = ["room", "user", *(field.name for field in msgspec.structs.fields(Fix))]
        table = pd.DataFrame(rows, columns=names).rename(columns={"timestamp_ms": "timestamp"})
        measured = ["latitude", "longitude", "accuracy_m", "speed_mps", "heading_deg"]
        table = table.astype({"room": "string", "user": "string", **dict.fromkeys(measured, "float64")})
        table["timestamp"] = pd.to_datetime(table["timestamp"].astype("int64"), unit="ms", utc=True).astype(
            "datetime64[ms, UTC]"
        )
        order = ["room", "user", "timestamp", *measured]
        return table[order].sort_values(["room", "user", "timestamp"], ignore_index=True)


def _set(state: Observable[LocationState], snapshot: LocationState) -> None:
    if snapshot is not state.snapshot:
        state.set(snapshot)
