"""Own messages that the server has not acknowledged (pure)."""

from __future__ import annotations

from msgspec.structs import replace

from realtime.chat.message import Message, MessageStatus


class Unsent:
    """Bubbles of messages in the outbox, in the order they were sent; late ones show as failed.

    Args:
        room_id: of the messages.
        user_id: their author, this device's user.
        failed_after_s: how long each may wait for its ack before it shows as failed.
    """

    def __init__(self, room_id: str, user_id: str, failed_after_s: float) -> None:
        self._room_id = room_id
        self._user_id = user_id
        self._failed_after_s = failed_after_s
        self.messages: tuple[Message, ...] = ()
        """All of them."""
        self._messages: dict[str, Message] = {}
        self._deadlines: dict[str, float] = {}

    def get(self, message_id: str) -> Message | None:
        """The one of this id."""
        return self._messages.get(message_id)

    def send(
        self, message_id: str, text: str, *, timestamp_ms: int, now: float, reply_to: str | None = None
    ) -> Message:
        """Take a message; it is pending."""
        message = Message(
            room_id=self._room_id,
            message_id=message_id,
            user_id=self._user_id,
            text=text,
            timestamp_ms=timestamp_ms,
            offset=None,
            status=MessageStatus.PENDING,
            reply_to=reply_to,
            mine=True,
        )
        self._put(message)
        self._deadlines[message_id] = now + self._failed_after_s
        return message

    def retry(self, message_id: str, now: float) -> None:
        """It was sent again: it is pending as if it were new."""
        message = self._messages[message_id]
        self._put(replace(message, status=MessageStatus.PENDING, error=None, held=None))
        self._deadlines[message_id] = now + self._failed_after_s

    def held(self, message_id: str, code: str) -> None:
        """The server could not take it, for a reason that may pass; it is sent again by itself."""
        if (message := self._messages.get(message_id)) is not None:
            self._put(replace(message, held=code))

    def refused(self, message_id: str, error: str) -> Message | None:
        """The server will never take it: it is failed for good. None if that is known, or there is none of this id."""
        message = self._messages.get(message_id)
        if message is None or message.error is not None:
            return None
        return self._failed(message, error)

    def discard(self, message_id: str) -> bool:
        """Forget a message; False if there is none of this id."""
        if self._messages.pop(message_id, None) is None:
            return False
        self._deadlines.pop(message_id, None)
        self.messages = tuple(self._messages.values())
        return True

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return min(self._deadlines.values()) if self._deadlines else None

    def handle_timer(self, now: float) -> list[Message]:
        """Those that have waited for too long now; they show as failed, and stay in the outbox."""
        late = [message_id for message_id, deadline in self._deadlines.items() if deadline <= now]
        return [self._failed(self._messages[message_id], None) for message_id in late]

    def _failed(self, message: Message, error: str | None) -> Message:
        self._deadlines.pop(message.message_id, None)
        message = replace(message, status=MessageStatus.FAILED, error=error)
        self._put(message)
        return message

    def _put(self, message: Message) -> None:
        self._messages[message.message_id] = message
        self.messages = tuple(self._messages.values())
