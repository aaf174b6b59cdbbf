"""use_presence: who is in a room, and how, in a component."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import EllipsisType

import reacton

from realtime.hooks.acts import Acts, use_acts
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable
from realtime.presence.online_status_sync import OnlineStatusSync, OwnStatus
from realtime.presence.presence_state import RoomPresence
from realtime.presence.presence_tracker import PresenceTracker
from realtime.presence.wire import Member, UserStatus
from realtime.protocol.errors import LocalProtocolError
from realtime.utils.observable import Observable

_NOBODY: Observable[Mapping[str, UserStatus]] = Observable({})
_UNKNOWN: Observable[OwnStatus | None] = Observable(None)


@dataclass(frozen=True, slots=True)
class Presence:
    """Who is in a room as it is known now, and what can be done about oneself. What is done is handed to its loop.

    Args:
        room: the members; it says whether that is so now or was so last.
        own: how this device shows its user; None without an ``OnlineStatusSync``.
        users: the statuses of the users that are followed, wherever they are.
        error: why the newest act was refused; None if it was not.
    """

    room: RoomPresence
    own: OwnStatus | None
    users: Mapping[str, UserStatus]
    error: Exception | None
    _sync: OnlineStatusSync | None = field(repr=False)
    _acts: Acts = field(repr=False)

    @property
    def members(self) -> tuple[Member, ...]:
        """The members, one for each device."""
        return self.room.members

    def set_status(self, status: str, text: str | EllipsisType | None = ...) -> None:
        """Choose how this device shows its user: ``online``, ``away``, ``busy`` or ``invisible``.

        Args:
            status: one of these.
            text: own words; None takes them away. Without it they stay.
        """
        words = () if isinstance(text, EllipsisType) else (text,)
        self._acts.do(self._statuses().set_status, status, *words)

    def subscribe(self, user_ids: Iterable[str]) -> None:
        """Follow the statuses of users, wherever they are."""
        self._acts.do(self._statuses().subscribe, user_ids)

    def unsubscribe(self, user_ids: Iterable[str]) -> None:
        """Follow users no more."""
        self._acts.do(self._statuses().unsubscribe, user_ids)

    def _statuses(self) -> OnlineStatusSync:
        if self._sync is None:
            raise LocalProtocolError("statuses are an OnlineStatusSync's: use_presence(tracker, room_id, status=…)")
        return self._sync


def use_presence(
    source: PresenceTracker | PhoneLike,
    room_id: str,
    *,
    status: OnlineStatusSync | None = None,
    loop: asyncio.AbstractEventLoop | None = None,
) -> Presence:
    """Who is in a room, which is followed from now on; and the statuses of users.

    Args:
        source: a phone, or a presence tracker.
        room_id: a room that was joined; it may be another one at each render.
        status: with a tracker, what knows of statuses; a phone has its own.
        loop: where they live, if they are not connected yet and that is not where the component is rendered.
    """
    tracker = part_of(source, PresenceTracker, "presence.tracker", "presence")
    sync = (
        status if isinstance(source, PresenceTracker) else part_of(source, OnlineStatusSync, "presence.sync", "status")
    )
    acts, error = use_acts(source, loop)
    room = reacton.use_memo(lambda: acts.ask(tracker.room, room_id), [tracker, acts, room_id])
    reacton.use_effect(lambda: acts.do(tracker.enter, room_id), [tracker, acts, room_id])
    own: Observable[OwnStatus] | Observable[OwnStatus | None] = _UNKNOWN if sync is None else sync.own
    users = use_observable(_NOBODY if sync is None else sync.users)
    return Presence(use_observable(room), use_observable(own), users, error, sync, acts)
