"""Chat as plain calls, from any thread and cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Message, RoomState
from realtime.chat.send_result import SendResult
from realtime.lab.background import BackgroundLoop
from realtime.utils.event_emitter import Handler
from realtime.utils.observable import Observable

JOIN_TIMEOUT_S = 20.0


class Sent:
    """A message on its way: wait for it, await it on any loop, or let it go.

    Args:
        result: the client's.
        background: the loop on which it lives.
    """

    def __init__(self, result: SendResult, background: BackgroundLoop) -> None:
        self._result = result
        self._background = background

    def __repr__(self) -> str:
        return repr(self._result).replace("SendResult", "Sent", 1)

    def __await__(self) -> Generator[Any, None, Message]:
        if self._background.here:
            return self._result.__await__()
        running = asyncio.run_coroutine_threadsafe(self._outcome(), self._background.loop)
        return asyncio.wrap_future(running).__await__()

    @property
    def message_id(self) -> str:
        """The id by which the room's state shows the message."""
        return self._result.message_id

    @property
    def done(self) -> bool:
        """Whether the message is sent or refused."""
        return self._result.done

    def wait(self, timeout_s: float | None = None) -> Message:
        """The message, once the server has it.

        Raises:
            TimeoutError: not within ``timeout_s``; the message stays in the outbox.
            SendRefused: the server refuses it for good, or it was discarded.
        """
        return self._background.run(self._outcome(), timeout_s)

    async def _outcome(self) -> Message:
        return await self._result


class PhoneChat:
    """A phone's chat client, to call from any thread. Handlers and observers run on the lab's own thread.

    Args:
        client: the real one; for code that runs on the lab's loop.
        background: that loop.
        on_send: told of each message that this phone sends, on the loop's thread.
    """

    def __init__(self, client: ChatClient, background: BackgroundLoop, on_send: Callable[[Message], object]) -> None:
        self.client = client
        self._background = background
        self._on_send = on_send

    def __repr__(self) -> str:
        return repr(self.client).replace("ChatClient", "PhoneChat", 1)

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms in which this phone wants to be."""
        return self._background.call(lambda: self.client.rooms)

    def room(self, room_id: str) -> Observable[RoomState]:
        """The state of a room, to read and to observe."""
        return self._background.call(self.client.room, room_id)

    def join(self, room_id: str, *, timeout_s: float = JOIN_TIMEOUT_S) -> RoomState:
        """Enter a room, now and at every later connection; waits until it is caught up, if there is a connection.

        Raises:
            SendRefused: the server does not let this phone in.
            TimeoutError: no answer in time; the wish is remembered.
        """
        return self._background.run(self.client.join(room_id), timeout_s)

    def leave(self, room_id: str, *, timeout_s: float = JOIN_TIMEOUT_S) -> None:
        """Leave a room.

        Raises:
            TimeoutError: no answer in time; the room is left as soon as the server can be told.
        """
        self._background.run(self.client.leave(room_id), timeout_s)

    def send(self, room_id: str, text: str, reply_to: str | None = None) -> Sent:
        """Send a message; it shows at once, and goes out when there is a connection.

        Raises:
            LocalProtocolError: the room was not joined, or the text is empty or too long.
            SendRefused: the outbox is full; nothing was sent or shown.
        """
        return self._background.call(self._send, room_id, text, reply_to)

    def discard(self, message_id: str) -> bool:
        """Take an unsent message back; False if there is none of this id."""
        return self._background.call(self.client.discard, message_id)

    def typing(self, room_id: str, is_typing: bool = True) -> None:
        """Tell the room that this user types; it ends by itself, or by the message."""
        self._background.call(self.client.set_typing, room_id, is_typing)

    def mark_read(self, room_id: str) -> None:
        """The user has seen the room: nothing in it is unread."""
        self._background.call(self.client.mark_read, room_id)

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every event of :class:`~realtime.chat.chat_client.ChatClient`."""
        return self._background.call(self.client.on, event, handler)

    def once(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at the next event only."""
        return self._background.call(self.client.once, event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of the event."""
        self._background.call(self.client.off, event, handler)

    def _send(self, room_id: str, text: str, reply_to: str | None) -> Sent:
        result = self.client.send_message(room_id, text, reply_to)
        for message in reversed(self.client.room(room_id).snapshot.messages):
            if message.message_id == result.message_id:
                self._on_send(message)
                break
        return Sent(result, self._background)
