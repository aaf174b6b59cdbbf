"""Who is shown in a list of people: those in a room, and those who were (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import Member, UserStatus

MOST = 200  # shown at once
KEPT = 50  # of those who have left

_WEIGHT = ("busy", "online", "away", "invisible")  # one device makes the status of its user


class People:
    """Makes JSON values of a room's members, a person for each user; who has left stays for a while.

    Args:
        user_id: the reader, who comes first.

    Attributes:
        more: how many are not shown, because they are too many.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._left: dict[str, None] = {}  # the last who left are last
        self._here: list[str] = []
        self.more = 0

    @property
    def known(self) -> tuple[str, ...]:
        """The users who are shown, whose status is worth following."""
        return (*self._here, *self._left)

    def of(self, room: RoomPresence, users: Mapping[str, UserStatus]) -> list[dict[str, Any]]:
        """The people to show: oneself, those in the room by name, those who left it, the last seen first.

        Args:
            room: who is there.
            users: what is known of who is not; times are milliseconds since the Unix epoch.
        """
        devices: dict[str, list[Member]] = {}
        for member in room.members:
            devices.setdefault(member.user_id, []).append(member)
        here = sorted(devices, key=self._order)
        self._remember(devices)
        self.more = max(0, len(here) - MOST)
        self._here = here[:MOST]
        gone = [_gone(user_id, users.get(user_id)) for user_id in self._left]
        gone.sort(key=lambda each: (each["status"] == "offline", -(each["last_seen_ms"] or 0), each["user"].casefold()))
        return [_here(user_id, devices[user_id], me=user_id == self._user_id) for user_id in self._here] + gone

    def _order(self, user_id: str) -> tuple[bool, str, str]:
        return user_id != self._user_id, user_id.casefold(), user_id

    def _remember(self, here: Mapping[str, object]) -> None:
        for user_id in self._here:
            if user_id not in here and user_id != self._user_id:
                self._left[user_id] = None
        for user_id in [each for each in self._left if each in here]:
            del self._left[user_id]
        while len(self._left) > KEPT:
            del self._left[next(iter(self._left))]


def _here(user_id: str, members: Iterable[Member], *, me: bool) -> dict[str, Any]:
    devices = sorted(members, key=lambda member: member.device_id)
    statuses = {member.status for member in devices}
    texts = sorted((member for member in devices if member.text), key=lambda member: -member.since)
    return {
        "user": user_id,
        "me": me,
        "here": True,
        "status": next((status for status in _WEIGHT if status in statuses), "online"),
        "text": texts[0].text if texts else None,
        "devices": [
            {"id": each.device_id, "status": each.status, "hidden": each.state != "active"} for each in devices
        ],
        "last_seen_ms": None,
    }


def _gone(user_id: str, known: UserStatus | None) -> dict[str, Any]:
    return {
        "user": user_id,
        "me": False,
        "here": False,
        "status": "offline" if known is None else known.status,
        "text": None if known is None else known.text,
        "devices": [],
        "last_seen_ms": None if known is None else known.last_seen,
    }
