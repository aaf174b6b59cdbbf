"""Where everybody is: by room, and all together."""

from __future__ import annotations

from collections.abc import Iterable

from realtime.location.fix import Fix, LocationState
from realtime.utils.observable import Observable


class Whereabouts:
    """Observable state of everybody's position.

    Args:
        trail_length: how many fixes of each user are kept.
    """

    def __init__(self, *, trail_length: int) -> None:
        self._trail_length = trail_length
        self._rooms: dict[str, Observable[LocationState]] = {}
        self.state = Observable(LocationState(trail_length=trail_length))
        """All rooms together: each user's newest position."""

    def room(self, room_id: str) -> Observable[LocationState]:
        """Those who share their position with one room."""
        if room_id not in self._rooms:
            self._rooms[room_id] = Observable(LocationState(trail_length=self._trail_length))
        return self._rooms[room_id]

    def moved(self, room_id: str, user_id: str, fixes: Iterable[Fix]) -> bool:
        """Somebody moved; ``fixes`` in the order of their times. Returns whether that is news in the room."""
        room = self.room(room_id)
        after, whole = room.snapshot, self.state.snapshot
        for fix in fixes:
            after, whole = after.moved(user_id, fix), whole.moved(user_id, fix)
        is_news = after is not room.snapshot
        _set(self.state, whole)
        _set(room, after)
        return is_news

    def gone(self, room_id: str, user_id: str) -> None:
        """Somebody does not share the position with a room any more."""
        room = self.room(room_id)
        _set(room, room.snapshot.left(user_id))
        if not any(user_id in other.snapshot.fixes for other in self._rooms.values()):
            _set(self.state, self.state.snapshot.left(user_id))


def _set(state: Observable[LocationState], snapshot: LocationState) -> None:
    if snapshot is not state.snapshot:
        state.set(snapshot)
