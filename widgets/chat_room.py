"""ChatRoom: one phone's view of a chat room, with a place to type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from realtime.connection.app_state import AppStateValue
from realtime.connection.errors import SendRefused
from widgets.connection_word import connection_word
from widgets.gap_places import gap_places
from widgets.live_widget import Action, LiveWidget, refuse_unknown, static
from widgets.message_bubble import Bubbles
from widgets.older_pages import OlderPages
from widgets.room_window import MOST, RoomWindow, key_of

if TYPE_CHECKING:
    from realtime.chat.message import RoomState
    from realtime.lab.live import Phone
    from realtime.lab.phone_chat import Sent

PAGE = 100  # entries that are asked of the server at once
MIN_HEIGHT_PX = 160

_SCRIPTS = ("bubble", "bar", "log", "compose")


class ChatRoom(LiveWidget):
    """A chat room as one phone sees it: what it sends shows at once as pending and turns to sent by the ack.

    Shown: a bubble per message with its status, reactions, changes and the message that it answers; where unread
    messages begin and where some are missing; who is typing, the state of the phone's connection and how many own
    messages wait. While the end of the room is in sight, it is marked as read.

    Enter sends, Shift+Enter begins a new line. In the list the arrow keys go from message to message, and Tab to what
    can be done with one. Call :meth:`close` to end its subscriptions.

    Args:
        phone: a phone of a running lab.
        room_id: the room to show.
        title: the heading; the phone's name if None.
        height_px: height of the message list, at least 160.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    _esm = static("feed.js", "elements.js", *(f"chat_room_{name}.js" for name in _SCRIPTS), "chat_room.js")
    _css = static("frame.css", "chat_room.css", "chat_room_bubble.css")

    def __init__(
        self,
        phone: Phone,
        room_id: str = "lobby",
        *,
        title: str | None = None,
        height_px: int = 260,
        layout: Any = None,
        **unknown: Any,
    ) -> None:
        refuse_unknown("ChatRoom", ChatRoom.__init__, unknown)
        if height_px < MIN_HEIGHT_PX:
            raise ValueError(f"height_px must be at least {MIN_HEIGHT_PX} to show a message, got {height_px}")
        self._phone = phone
        self._room_id = room_id
        self._title = phone.name if title is None else title
        self._height_px = height_px
        self._room = phone.chat.room(room_id)
        self._window = RoomWindow()
        self._bubbles = Bubbles(phone.user_id)
        self._changes: list[Sent] = []  # whose outcome is not known
        self._pages = OlderPages(lambda: phone.chat.load_older(room_id, PAGE), self._older_came)
        super().__init__(watches=[self._room, phone.socket.connection_state, phone.app_state], layout=layout)

    def __repr__(self) -> str:
        return f"ChatRoom({self._phone.name!r}, room={self._room_id!r})"

    def compose(self) -> Mapping[str, Any]:
        """The messages that the page holds, and what stands around them; messages are named by their keys."""
        room = self._room.snapshot
        start = self._window.start(room.messages)
        bubbles = self._bubbles.of(room, start)
        keys: list[str | None] = [bubble["key"] for bubble in bubbles] + [None]
        places = [place - start for place in gap_places(room.messages, room.gaps) if place >= start]
        return {
            "title": self._title,
            "me": self._phone.user_id,
            "phone": self._phone.name,
            "room": self._room_id,
            "height_px": self._height_px,
            "connection": connection_word(self._phone),
            "away": self._phone.app_state.snapshot is AppStateValue.BACKGROUND,
            "joined": room.joined,
            "waiting": sum(message.mine and message.error is None for message in room.unsent),
            "typing": list(room.typing),
            "unread": room.unread,
            "mentioned": room.mentioned,
            "first_unread": _first_unread(room, start),
            "behind": room.behind,
            "older": self._what_is_older(room, start),
            "gaps": [keys[place] for place in places],
            "messages": bubbles,
        }

    @property
    def actions(self) -> Mapping[str, Action]:
        """What a reader does: with the room, with a message, and with what the page holds."""
        chat, room_id = self._phone.chat, self._room_id
        return {
            "send": lambda asked: chat.send(room_id, asked["text"], asked.get("reply_to")),
            "typing": lambda asked: chat.typing(room_id, asked["on"]),
            "seen": lambda asked: chat.mark_read(room_id, asked["up_to"]),
            "discard": lambda asked: chat.discard(asked["id"]),
            "retry": lambda asked: chat.retry(asked["id"]),
            "edit": lambda asked: self._changes.append(chat.edit(room_id, asked["id"], asked["text"])),
            "delete": lambda asked: self._changes.append(chat.delete(room_id, asked["id"])),
            "react": self._react,
            "older": self._older,
            "hold": lambda asked: self._window.hold(self._room.snapshot.messages),
            "newest": self._newest,
            "show": self._show,
        }

    def _what_is_older(self, room: RoomState, start: int) -> str:
        if self._pages.loading:
            return "loading"
        if start == 0 and not room.has_older:
            return "none"
        return "more" if len(room.messages) - start < MOST else "most"

    def _react(self, asked: Mapping[str, Any]) -> None:
        change = self._phone.chat.react if asked["on"] else self._phone.chat.unreact
        self._changes.append(change(self._room_id, asked["id"], asked["emoji"]))

    def _older(self, asked: Mapping[str, Any]) -> None:
        room = self._room.snapshot
        if not self._window.extend(room.messages) and room.has_older:
            self._window.hold(room.messages)
            self._pages.fetch()
        self._batcher.touch()

    def _older_came(self, error: Exception | None) -> None:
        if error is None:
            self._window.extend(self._room.snapshot.messages)
        else:
            self.refuse("older", error)
        self._batcher.touch()

    def _newest(self, asked: Mapping[str, Any]) -> None:
        self._window.follow()
        self._batcher.touch()

    def _show(self, asked: Mapping[str, Any]) -> None:
        if not self._window.reach(self._room.snapshot.messages, asked["key"]):
            raise ValueError("that message is not here any more: load older messages")
        self._batcher.touch()

    def _flush(self) -> None:
        super()._flush()
        for change in [change for change in self._changes if change.done]:
            self._changes.remove(change)
            try:
                change.wait()
            except SendRefused as error:
                self.refuse("change", error)


def _first_unread(room: RoomState, start: int) -> str | None:
    """The key of the first unread message; of the first one shown, if it is above that."""
    left, first = room.unread, None
    for index in range(len(room.messages) - 1, start - 1, -1):
        if not left:
            break
        message = room.messages[index]
        if message.offset is not None:
            first = key_of(message)
            left -= not (message.mine or message.is_deleted)
    return first
