"""use_chat_messages: a room's messages, in a component."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import reacton

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Gap, Message, RoomState
from realtime.chat.send_result import SendResult
from realtime.hooks.acts import Acts, use_acts
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable


@dataclass(frozen=True, slots=True)
class ChatMessages:
    """A room's messages as they are now, and what can be done with them. What is done is handed to the chat's loop.

    What is sent or changed shows at once; the status of a message tells what became of it.

    Args:
        error: why the newest act was refused; None if it was not.
    """

    error: Exception | None
    _state: RoomState = field(repr=False)
    _chat: ChatClient = field(repr=False)
    _send: Callable[..., object] = field(repr=False)
    _acts: Acts = field(repr=False)

    @property
    def room_id(self) -> str:
        """The room."""
        return self._state.room_id

    @property
    def messages(self) -> Sequence[Message]:
        """The messages in the room's order; own ones that the server has not are the last."""
        return self._state.messages

    @property
    def unsent(self) -> tuple[Message, ...]:
        """Own messages that the server has not acknowledged."""
        return self._state.unsent

    @property
    def unread(self) -> int:
        """How many messages of others this user has not read, on any device."""
        return self._state.unread

    @property
    def mentioned(self) -> int:
        """How many of them name this user."""
        return self._state.mentioned

    @property
    def joined(self) -> bool:
        """Whether the device is in the room, on the present connection."""
        return self._state.joined

    @property
    def has_older(self) -> bool:
        """Whether :meth:`load_older` brings more."""
        return self._state.has_older

    @property
    def behind(self) -> int:
        """How many entries of the log are still to come."""
        return self._state.behind

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What the server could not bring any more."""
        return self._state.gaps

    def delivered_to(self, message: Message) -> tuple[str, ...]:
        """The users who have a message, its author excepted."""
        return self._state.delivered_to(message)

    def read_by(self, message: Message) -> tuple[str, ...]:
        """The users who have read up to a message or further, its author excepted."""
        return self._state.read_by(message)

    def send(self, text: str, reply_to: str | None = None) -> None:
        """Send a message; it shows at once, and goes out when there is a connection."""
        self._acts.do(self._send, self.room_id, text, reply_to)

    def edit(self, message_id: str, text: str) -> None:
        """Change the text of an own message."""
        self._acts.do(_outcome, self._chat.edit_message, self.room_id, message_id, text)

    def delete(self, message_id: str) -> None:
        """Take an own message away; its bubble stays, empty."""
        self._acts.do(_outcome, self._chat.delete_message, self.room_id, message_id)

    def react(self, message_id: str, emoji: str) -> None:
        """React to a message with 1 to 64 characters."""
        self._acts.do(_outcome, self._chat.add_reaction, self.room_id, message_id, emoji)

    def unreact(self, message_id: str, emoji: str) -> None:
        """Take an own reaction back."""
        self._acts.do(_outcome, self._chat.remove_reaction, self.room_id, message_id, emoji)

    def retry(self, message_id: str) -> None:
        """Try now to send a message that shows as failed."""
        self._acts.do(self._chat.retry, message_id)

    def discard(self, message_id: str) -> None:
        """Take an unsent message back."""
        self._acts.do(self._chat.discard, message_id)

    def mark_read(self, up_to: int | None = None) -> None:
        """The user has seen the room, or its messages up to an offset; in the background nothing is marked."""
        self._acts.do(self._chat.mark_read, self.room_id, up_to)

    def load_older(self, limit: int = 50) -> None:
        """Bring up to ``limit`` entries before the first message."""
        self._acts.do(self._chat.load_older, self.room_id, limit)


def use_chat_messages(
    source: ChatClient | PhoneLike, room_id: str, *, loop: asyncio.AbstractEventLoop | None = None
) -> ChatMessages:
    """The messages of a room, which is joined if it was not; nobody leaves it for you.

    Who types or comes and goes does not render the component again: see ``use_typing`` and ``use_presence``.

    Args:
        source: a phone, or a chat client.
        room_id: the room; it may be another one at each render.
        loop: where the chat client lives, if it is not connected yet and that is not where the component is rendered.
    """
    chat = part_of(source, ChatClient, "chat.client", "chat")
    acts, error = use_acts(source, loop)
    ways: Any = getattr(source, "chat", chat)  # a phone of the lab notes what it sends, and where it is
    send = chat.send_message if ways is chat else ways.send
    join = chat.join if ways is chat else ways.ajoin
    reacton.use_effect(lambda: acts.do(join, room_id), [chat, acts, room_id])
    room = reacton.use_memo(lambda: acts.ask(chat.room, room_id), [chat, acts, room_id])
    return ChatMessages(error, use_observable(room, _Shown.of).state, chat, send, acts)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A room, equal to another one in which only other people type or are there."""

    state: RoomState = field(compare=False)
    parts: tuple[object, ...]

    @classmethod
    def of(cls, state: RoomState) -> _Shown:
        numbers = (state.unread, state.mentioned, state.joined, state.has_older, state.behind)
        return cls(state, (*numbers, state.gaps, state.markers, state.messages))


async def _outcome(change: Callable[..., SendResult], *args: str) -> None:
    await change(*args)
