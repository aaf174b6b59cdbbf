"""PresenceList: who is in a room, and how, as one phone knows it."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from realtime.lab.background import BackgroundLoopError
from realtime.utils.ambient import wall_time_ms
from realtime.utils.observable import Observable
from widgets.connection_word import connection_word
from widgets.live_widget import Action, LiveWidget, refuse_unknown, static
from widgets.people import People

if TYPE_CHECKING:
    from realtime.lab.live import Phone
    from realtime.presence.presence_state import RoomPresence

MIN_HEIGHT_PX = 120


class PresenceList(LiveWidget):
    """The people of a room as one phone knows them: online, away, busy, or offline and since when.

    Shown: each user once, with their own words and devices; who has left the room, and how they are elsewhere; one's
    own status, to be changed there. Without a connection the list stays, and says of when it is. Call :meth:`close` to
    end its subscriptions.

    Args:
        phone: a phone of a running lab; it follows the status of whom it shows.
        room_id: a room that it has joined.
        title: the heading; the phone's name if None.
        height_px: the list scrolls beyond this, at least 120.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    _esm = static(
        "feed.js",
        "elements.js",
        "moments.js",
        "portrait.js",
        "presence_person.js",
        "presence_own.js",
        "presence_list.js",
    )
    _css = static("frame.css", "portrait.css", "presence_list.css")

    def __init__(
        self,
        phone: Phone,
        room_id: str = "lobby",
        *,
        title: str | None = None,
        height_px: int = 300,
        layout: Any = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown("PresenceList", PresenceList.__init__, unknown)
        if height_px < MIN_HEIGHT_PX:
            raise ValueError(f"height_px must be at least {MIN_HEIGHT_PX} to show somebody, got {height_px}")
        self._phone = phone
        self._room_id = room_id
        self._title = phone.name if title is None else title
        self._height_px = height_px
        self._people = People(phone.user_id)
        self._following: dict[str, None] = {}  # those that nobody else at this phone follows
        self._was_synced = False
        self._as_of_ms: int | None = None
        presence = phone.presence
        self._room = presence.room(room_id)
        watches: list[Observable[Any]] = [
            self._room,
            presence.users,
            presence.own,
            phone.socket.connection_state,
            phone.app_state,
        ]
        super().__init__(watches=watches, layout=layout)

    def __repr__(self) -> str:
        return f"PresenceList({self._phone.name!r}, room={self._room_id!r})"

    def compose(self) -> Mapping[str, Any]:
        """The people to show, oneself, and how old that is."""
        presence, room = self._phone.presence, self._room.snapshot
        self._note_age(room)
        own = presence.own.snapshot
        people = self._people.of(room, presence.users.snapshot)
        return {
            "title": self._title,
            "me": self._phone.user_id,
            "phone": self._phone.name,
            "room": self._room_id,
            "height_px": self._height_px,
            "connection": connection_word(self._phone),
            "synced": room.synced,
            "as_of_ms": self._as_of_ms,
            "own": {"status": own.status, "chosen": presence.chosen, "text": own.text},
            "people": people,
            "more": self._people.more,
        }

    @property
    def actions(self) -> Mapping[str, Action]:
        """What a reader does: choose the status of the phone's user."""
        return {"status": self._set_status}

    def _set_status(self, asked: Mapping[str, Any]) -> None:
        if "text" in asked:
            self._phone.presence.set_status(asked["status"], asked["text"] or None)
        else:
            self._phone.presence.set_status(asked["status"])
        self._batcher.touch()  # offline a choice changes nothing that is told of

    def _note_age(self, room: RoomPresence) -> None:
        if room.synced:
            self._as_of_ms = None
        elif self._was_synced:
            self._as_of_ms = wall_time_ms()
        self._was_synced = room.synced

    def close(self) -> None:
        """End the subscriptions and remove every view. Calling it twice is harmless."""
        super().close()
        if self.__dict__.get("_following"):
            with contextlib.suppress(BackgroundLoopError):  # the lab has ended before
                self._follow(())

    def _flush(self) -> None:
        super()._flush()
        self._follow(self._people.known)

    def _follow(self, user_ids: Collection[str]) -> None:
        presence = self._phone.presence
        if gone := [user_id for user_id in self._following if user_id not in user_ids]:
            presence.unsubscribe(gone)
        followed = set(presence.subscriptions) if user_ids else ()
        if new := [user_id for user_id in user_ids if user_id not in followed]:
            presence.subscribe(new)
        self._following = dict.fromkeys(each for each in (*self._following, *new) if each not in gone)
