"""ChatRoom: one phone's view of a chat room, with a place to type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from widgets.connection_word import connection_word
from widgets.live_widget import Action, LiveWidget, refuse_unknown, static

if TYPE_CHECKING:
    from realtime.chat.message import Message
    from realtime.lab.live import Phone

WINDOW = 200  # messages that the page holds; older ones are counted
MIN_HEIGHT_PX = 160


class ChatRoom(LiveWidget):
    """A chat room as one phone sees it: what it sends shows at once as pending and turns to sent by the ack.

    Shown: a bubble per message, who is typing, the state of the phone's connection and how many own messages wait.
    Enter sends, Shift+Enter begins a new line. Call :meth:`close` to end its subscriptions.

    Args:
        phone: a phone of a running lab.
        room_id: the room to show.
        title: the heading; the phone's name if None.
        height_px: height of the message list, at least 160.
        layout: an ``ipywidgets.Layout`` or a dict of its properties.
    """

    _esm = static("feed.js", "elements.js", "chat_room.js")
    _css = static("frame.css", "chat_room.css")

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
        super().__init__(watches=[self._room, phone.socket.connection_state], layout=layout)

    def __repr__(self) -> str:
        return f"ChatRoom({self._phone.name!r}, room={self._room_id!r})"

    def compose(self) -> Mapping[str, Any]:
        """The newest ``WINDOW`` messages, and what stands around them. Times are milliseconds since the Unix epoch."""
        room = self._room.snapshot
        return {
            "title": self._title,
            "me": self._phone.name,
            "room": self._room_id,
            "height_px": self._height_px,
            "connection": connection_word(self._phone),
            "waiting": sum(message.mine and message.error is None for message in room.unsent),
            "typing": list(room.typing),
            "earlier": max(0, len(room.messages) - WINDOW),
            "gap": room.gap,
            "messages": [_bubble(message) for message in room.messages[-WINDOW:]],
        }

    @property
    def actions(self) -> Mapping[str, Action]:
        """Send a text, say that one types, take a message out of the outbox."""
        chat = self._phone.chat
        return {
            "send": lambda asked: chat.send(self._room_id, asked["text"]),
            "typing": lambda asked: chat.typing(self._room_id, asked["on"]),
            "discard": lambda asked: chat.discard(asked["id"]),
        }


def _bubble(message: Message) -> dict[str, Any]:
    return {
        "id": message.message_id,
        "user": message.user_id,
        "text": message.text,
        "at_ms": message.timestamp_ms,
        "status": str(message.status),
        "mine": message.mine,
        "error": message.error,
    }
