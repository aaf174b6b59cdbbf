"""use_typing: who is typing, in a component."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import reacton

from realtime.chat.chat_client import ChatClient
from realtime.hooks.acts import Acts, use_acts
from realtime.hooks.parts import PhoneLike, part_of
from realtime.hooks.use_observable import use_observable


@dataclass(frozen=True, slots=True)
class Typing:
    """Who is typing in a room.

    Args:
        users: the others who are, in the order in which they began.
        error: why the newest act was refused; None if it was not.
    """

    users: tuple[str, ...]
    error: Exception | None
    _room_id: str = field(repr=False)
    _chat: ChatClient = field(repr=False)
    _acts: Acts = field(repr=False)

    def set(self, is_typing: bool = True) -> None:
        """Tell the room that this user types: call it at every key. It ends by itself, or by the message."""
        self._acts.do(self._chat.set_typing, self._room_id, is_typing)


def use_typing(
    source: ChatClient | PhoneLike, room_id: str, *, loop: asyncio.AbstractEventLoop | None = None
) -> Typing:
    """Who is typing in a room that was joined.

    Args:
        source: a phone, or a chat client.
        room_id: the room; it may be another one at each render.
        loop: where the chat client lives, if it is not connected yet and that is not where the component is rendered.
    """
    chat = part_of(source, ChatClient, "chat.client", "chat")
    acts, error = use_acts(source, loop)
    room = reacton.use_memo(lambda: acts.ask(chat.room, room_id), [chat, acts, room_id])
    return Typing(use_observable(room, lambda state: state.typing), error, room_id, chat, acts)
