"""Who is there, and how, as plain calls from any thread and cell."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from realtime.lab.background import BackgroundLoop
from realtime.presence.online_status_sync import OnlineStatusSync, OwnStatus
from realtime.presence.presence_state import RoomPresence
from realtime.presence.presence_tracker import PresenceTracker
from realtime.presence.wire import UserStatus
from realtime.utils.event_emitter import Handler
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd


class PhonePresence:
    """A phone's presence, to call from any thread. Handlers and observers run on the lab's own thread.

    Args:
        tracker: follows rooms; for code that runs on the lab's loop.
        sync: tells and follows statuses; as well.
        background: that loop.
    """

    def __init__(self, tracker: PresenceTracker, sync: OnlineStatusSync, background: BackgroundLoop) -> None:
        self.tracker = tracker
        self.sync = sync
        self._background = background

    def __repr__(self) -> str:
        return f"<PhonePresence {self.own.snapshot.status} rooms={','.join(self.tracker.rooms)}>"

    def room(self, room_id: str) -> Observable[RoomPresence]:
        """Who is in a room that this phone has joined, to read and to observe."""
        return self._background.call(self.tracker.room, room_id)

    @property
    def own(self) -> Observable[OwnStatus]:
        """How this phone shows its user, to read and to observe."""
        return self.sync.own

    @property
    def chosen(self) -> str:
        """The status that was chosen, also where another shows: in the background, or without a connection."""
        return self.sync.chosen

    @property
    def users(self) -> Observable[Mapping[str, UserStatus]]:
        """The users that :meth:`subscribe` names, to read and to observe."""
        return self.sync.users

    def set_status(self, status: str, text: str | EllipsisType | None = ...) -> None:
        """Choose how this phone shows its user, now and at every later connection.

        Args:
            status: ``online``, ``away``, ``busy``, or ``invisible``, which others see as offline.
            text: own words, at most 140 characters; None takes them away. Without it they stay.

        Raises:
            LocalProtocolError: there is no such status, or the text is too long.
        """
        if isinstance(text, EllipsisType):
            self._background.call(self.sync.set_status, status)
        else:
            self._background.call(self.sync.set_status, status, text)

    def set_meta(self, meta: Mapping[str, Any] | None) -> None:
        """Choose what rooms are told of this phone beside its status, now and at every later connection.

        Args:
            meta: what JSON can hold, at most 1 KiB of it; None takes it away. Do not change it afterwards.

        Raises:
            LocalProtocolError: it is too large, or no JSON object.
        """
        self._background.call(self.sync.set_meta, meta)

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The users that are followed."""
        return self._background.call(lambda: self.sync.subscriptions)

    def subscribe(self, user_ids: Iterable[str]) -> None:
        """Follow the statuses of users, wherever they are; at most 5000."""
        self._background.call(self.sync.subscribe, user_ids)

    def unsubscribe(self, user_ids: Iterable[str]) -> None:
        """Follow users no more; others are ignored."""
        self._background.call(self.sync.unsubscribe, user_ids)

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The members of a room, or of all that this phone has joined, a row for each device."""
        return self._background.call(self.tracker.to_frame, room_id)

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every ``status(user_status)`` of a followed user, or ``join``, ``change`` and ``leave``.

        These three come with ``(room_id, member)``: see :class:`~realtime.presence.presence_tracker.PresenceTracker`.
        """
        return self._background.call(self._source(event).on, event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of the event."""
        self._background.call(self._source(event).off, event, handler)

    # -- on the loop

    def moved(self, room_id: str, is_in: bool) -> None:
        """The phone has joined a room, or left it."""
        if is_in:
            self.tracker.enter(room_id)
        else:
            self.tracker.leave(room_id)

    def close(self) -> None:
        """Follow nobody any more."""
        self.tracker.close()
        self.sync.close()

    def _source(self, event: str) -> PresenceTracker | OnlineStatusSync:
        return self.sync if event == "status" else self.tracker
