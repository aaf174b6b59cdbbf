"""Chat as plain calls, from any thread and cell."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from realtime.chat.chat_client import ChatClient
from realtime.chat.message import Message, RoomState
from realtime.chat.room_frame import messages_frame
from realtime.chat.send_result import SendResult
from realtime.lab.background import BackgroundLoop
from realtime.utils.event_emitter import Handler
from realtime.utils.observable import Observable

if TYPE_CHECKING:
    import pandas as pd

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
        on_move: told as ``(room_id, is_in)`` when a room was joined, and when it is left; as well.
    """

    def __init__(
        self,
        client: ChatClient,
        background: BackgroundLoop,
        on_send: Callable[[Message], object],
        on_move: Callable[[str, bool], object],
    ) -> None:
        self.client = client
        self._background = background
        self._on_send = on_send
        self._on_move = on_move

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
        return self._background.run(self.ajoin(room_id), timeout_s)

    def leave(self, room_id: str, *, timeout_s: float = JOIN_TIMEOUT_S) -> None:
        """Leave a room.

        Raises:
            TimeoutError: no answer in time; the room is left as soon as the server can be told.
        """
        self._background.run(self._leave(room_id), timeout_s)

    def send(self, room_id: str, text: str, reply_to: str | None = None) -> Sent:
        """Send a message; it shows at once, and goes out when there is a connection.

        Raises:
            LocalProtocolError: the room was not joined, or the text is empty or too long.
            SendRefused: the outbox is full; nothing was sent or shown.
        """
        return self._background.call(self._send, room_id, text, reply_to)

    def edit(self, room_id: str, message_id: str, text: str) -> Sent:
        """Change the text of an own message; it shows at once, and goes out when there is a connection.

        Raises:
            LocalProtocolError: there is no such message here, it is not one's own, it was deleted, or the text is
                empty or too long.
            SendRefused: the outbox is full; nothing was changed.
        """
        return self._changed(self.client.edit_message, room_id, message_id, text)

    def delete(self, room_id: str, message_id: str) -> Sent:
        """Take an own message away; its bubble stays, empty. As :meth:`edit`."""
        return self._changed(self.client.delete_message, room_id, message_id)

    def react(self, room_id: str, message_id: str, emoji: str) -> Sent:
        """React to a message with 1 to 64 characters. As :meth:`edit`, but to anybody's message."""
        return self._changed(self.client.add_reaction, room_id, message_id, emoji)

    def unreact(self, room_id: str, message_id: str, emoji: str) -> Sent:
        """Take an own reaction back. As :meth:`react`."""
        return self._changed(self.client.remove_reaction, room_id, message_id, emoji)

    def retry(self, message_id: str) -> bool:
        """Try now to send a message that shows as failed; False if there is no unsent one of this id."""
        return self._background.call(self.client.retry, message_id)

    def discard(self, message_id: str) -> bool:
        """Take an unsent message back; False if there is none of this id."""
        return self._background.call(self.client.discard, message_id)

    def typing(self, room_id: str, is_typing: bool = True) -> None:
        """Tell the room that this user types; it ends by itself, or by the message."""
        self._background.call(self.client.set_typing, room_id, is_typing)

    def mark_read(self, room_id: str, up_to: int | None = None) -> bool:
        """The user has seen the room, or its messages up to an offset; False in the background, where nobody looks."""
        return self._background.call(self.client.mark_read, room_id, up_to)

    def load_older(self, room_id: str, limit: int = 50, *, timeout_s: float = JOIN_TIMEOUT_S) -> bool:
        """Bring up to ``limit`` entries before the first message; returns whether there are still older ones.

        Raises:
            LocalProtocolError: the room was not joined, or the limit makes no sense.
            SendRefused: the server could not give them.
            ConnectionLost: there is no connection, or it ended.
            TimeoutError: no answer in time.
        """
        return self._background.run(self.client.load_older(room_id, limit), timeout_s)

    def to_frame(self, room_id: str | None = None) -> pd.DataFrame:
        """The messages of a room, or of all of :attr:`rooms`, a row for each; made on the caller's thread."""
        rooms = self.rooms if room_id is None else (room_id,)
        return messages_frame([self.room(each).snapshot for each in rooms])

    def on(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at every event of :class:`~realtime.chat.chat_client.ChatClient`."""
        return self._background.call(self.client.on, event, handler)

    def once(self, event: str, handler: Handler) -> Handler:
        """Call ``handler`` at the next event only."""
        return self._background.call(self.client.once, event, handler)

    def off(self, event: str, handler: Handler | None = None) -> None:
        """Remove one handler, or all handlers of the event."""
        self._background.call(self.client.off, event, handler)

    async def ajoin(self, room_id: str) -> RoomState:
        """As :meth:`join`, on the lab's loop."""
        try:
            return await self.client.join(room_id)
        finally:
            if room_id in self.client.rooms:  # also if it could not be waited for: the wish is remembered
                self._on_move(room_id, True)

    async def _leave(self, room_id: str) -> None:
        self._on_move(room_id, False)
        await self.client.leave(room_id)

    def _changed(self, change: Callable[..., SendResult], *args: str) -> Sent:
        return Sent(self._background.call(change, *args), self._background)

    def _send(self, room_id: str, text: str, reply_to: str | None) -> Sent:
        result = self.client.send_message(room_id, text, reply_to)
        for message in reversed(self.client.room(room_id).snapshot.messages):
            if message.message_id == result.message_id:
                self._on_send(message)
                break
        return Sent(result, self._background)
