"""What the sender of a message may wait for."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Any

from realtime.chat.message import Message


class SendResult:
    """A message on its way. Its id is known at once; nobody has to await it.

    ``await result`` returns the message once the server has it, be it after hours in the outbox. It raises
    :class:`~realtime.connection.errors.SendRefused` if the server refuses it for good, or if it is discarded.

    Args:
        message_id: the id by which the room's state shows the message.
    """

    def __init__(self, message_id: str) -> None:
        self.message_id = message_id
        self._message: Message | None = None
        self._error: Exception | None = None
        # Futures are made only for those who wait: a refusal that nobody awaits is nobody's unretrieved exception.
        self._waiters: list[asyncio.Future[None]] = []

    def __repr__(self) -> str:
        word = "pending" if not self.done else "sent" if self._error is None else "refused"
        return f"<SendResult {self.message_id!r} {word}>"

    def __await__(self) -> Generator[Any, None, Message]:
        if not self.done:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        if self._error is not None:
            raise self._error
        assert self._message is not None
        return self._message

    @property
    def done(self) -> bool:
        """Whether the message is sent or refused."""
        return self._message is not None or self._error is not None

    def sent(self, message: Message) -> None:
        """The server has the message. The first word counts."""
        if not self.done:
            self._message = message
            self._wake()

    def refused(self, error: Exception) -> None:
        """The message will not be sent. The first word counts."""
        if not self.done:
            self._error = error
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
