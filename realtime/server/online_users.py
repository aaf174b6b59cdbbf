"""Users over all their devices: busy, online, away or offline, and when they were last seen (pure)."""

from __future__ import annotations

from typing import NamedTuple

from msgspec import UNSET

from realtime.server.fixed_delay import FixedDelay
from realtime.server.messages import Status, UserStatus
from realtime.server.rooms import Member

MOST_REMEMBERED = 100_000
"""Users who are offline and whose last sign is known; some 20 MB."""


class Device(NamedTuple):
    """What a session says of its device.

    Args:
        status: what the user chose there; None: nothing.
        text: the user's own words.
        is_active: whether the app is looked at.
    """

    status: Status | None
    text: str | None
    is_active: bool


class _User:
    def __init__(self) -> None:
        self.devices: dict[Member, dict[str, Device]] = {}  # by session: the newest of each device counts
        self.lost: dict[Member, tuple[str, int]] = {}  # in their grace: the session, and when it was last seen


class OnlineUsers:
    """Sessions go in and out, what changed for others comes out, in batches.

    A status that was chosen is of the device. Busy on one device is busy; otherwise online on one is online; an
    invisible device counts as if it were not there. The caller passes the time, and calls :meth:`handle_timer` at
    :meth:`next_timer`.

    Args:
        batch_s: how long a change may wait.
        grace_s: how long a device counts whose connection is lost.
        most_remembered: see :data:`MOST_REMEMBERED`.
    """

    def __init__(self, *, batch_s: float, grace_s: float, most_remembered: int = MOST_REMEMBERED) -> None:
        self._users: dict[str, _User] = {}
        self._last_seen: dict[str, int] = {}  # who was seen longest ago is first
        self._before: dict[str, UserStatus | None] = {}  # as it was told; None: somebody was shown another since
        self._batch: FixedDelay[str] = FixedDelay(batch_s)
        self._grace: FixedDelay[Member] = FixedDelay(grace_s)
        self._most_remembered = most_remembered

    def __len__(self) -> int:
        """Users with a device that is here, be it invisible or in its grace."""
        return len(self._users)

    def clear(self) -> None:
        """The server was stopped: nobody is there any more, and nobody is told."""
        self._users.clear()
        self._before.clear()
        self._batch.clear()
        self._grace.clear()

    # Sessions

    def put(self, member: Member, sid: str, device: Device, now: float, seen_ms: int) -> None:
        """A session is here, or says something else; one that is lost of the same device counts no more.

        Who becomes invisible was seen until then, in wall-clock time until ``seen_ms``.
        """
        self._changes(member.user_id, now)
        user = self._users.setdefault(member.user_id, _User())
        lost = user.lost.pop(member, None)
        if lost is not None:
            self._grace.stop(member)
        sessions = user.devices.pop(member, {})
        if sessions and device.status == "invisible" and _newest(sessions).status != "invisible":
            self._seen(member.user_id, seen_ms)
        if lost is not None and lost[0] != sid:
            sessions.pop(lost[0], None)
        sessions.pop(sid, None)
        sessions[sid] = device
        user.devices[member] = sessions

    def lose(self, member: Member, sid: str, now: float, seen_ms: int) -> None:
        """The connection of a session is lost, now or, in wall-clock time, at ``seen_ms``."""
        user = self._users.get(member.user_id)
        if user is None or sid not in user.devices.get(member, {}):
            return
        if len(user.devices[member]) > 1:
            self._drop(user, member, sid, now, seen_ms)
        else:
            user.lost[member] = sid, seen_ms
            self._grace.restart(member, now)

    def remove(self, member: Member, sid: str, now: float, seen_ms: int) -> None:
        """A session has ended."""
        user = self._users.get(member.user_id)
        if user is not None and sid in user.devices.get(member, {}):
            self._drop(user, member, sid, now, user.lost.get(member, (sid, seen_ms))[1])

    # What is told

    def show(self, user_id: str) -> UserStatus:
        """A user's status, to be told to somebody now."""
        if user_id in self._before:
            self._before[user_id] = None
        return self._status(user_id)

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        batch, grace = self._batch.next_timer(), self._grace.next_timer()
        return grace if batch is None else batch if grace is None else min(batch, grace)

    def handle_timer(self, now: float) -> list[UserStatus]:
        """End the graces that are over, and take what is to be told now."""
        for member in self._grace.take_due(now):
            user = self._users[member.user_id]
            sid, seen_ms = user.lost[member]
            self._drop(user, member, sid, now, seen_ms)
        told = []
        for user_id in self._batch.take_due(now):
            status = self._status(user_id)
            if status != self._before.pop(user_id):
                told.append(status)
        return told

    # Inside

    def _changes(self, user_id: str, now: float) -> None:
        if user_id not in self._before:
            self._before[user_id] = self._status(user_id)
            self._batch.start(user_id, now)

    def _drop(self, user: _User, member: Member, sid: str, now: float, seen_ms: int) -> None:
        self._changes(member.user_id, now)
        sessions = user.devices[member]
        device = sessions.pop(sid)
        if sessions:
            return
        del user.devices[member]
        if user.lost.pop(member, None) is not None:
            self._grace.stop(member)
        if device.status != "invisible":
            self._seen(member.user_id, seen_ms)
        if not user.devices:
            del self._users[member.user_id]

    def _seen(self, user_id: str, seen_ms: int) -> None:
        before_ms = self._last_seen.pop(user_id, 0)
        self._last_seen[user_id] = max(before_ms, seen_ms)
        if len(self._last_seen) > self._most_remembered:
            del self._last_seen[next(iter(self._last_seen))]

    def _status(self, user_id: str) -> UserStatus:
        user = self._users.get(user_id)
        newest = [] if user is None else [_newest(sessions) for sessions in user.devices.values()]
        devices = [device for device in newest if device.status != "invisible"]
        if not devices:
            return UserStatus(user_id, "offline", last_seen=self._last_seen.get(user_id, UNSET))
        text = next((device.text for device in reversed(devices) if device.text), UNSET)
        shown = {shown_status(device.status, device.is_active) for device in devices}
        if "busy" in shown:
            return UserStatus(user_id, "busy", text)
        return UserStatus(user_id, "online" if "online" in shown else "away", text)


def _newest(sessions: dict[str, Device]) -> Device:
    return next(reversed(sessions.values()))


def shown_status(status: Status | None, is_active: bool) -> Status:
    """What others see of a device: what its user chose, but nobody is online in the background."""
    if status is None or status == "online":
        return "online" if is_active else "away"
    return status
