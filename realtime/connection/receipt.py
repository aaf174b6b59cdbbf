"""What became of one message."""

from __future__ import annotations

import asyncio
import enum
import logging
from collections.abc import Callable, Generator
from typing import Any

from realtime.connection.errors import SendRefused
from realtime.protocol.errors import LocalProtocolError

_log = logging.getLogger("realtime.connection")


class ReceiptStatus(enum.StrEnum):
    """How far a message has come."""

    QUEUED = "queued"
    """In the outbox: to be written, or to be written again."""
    SENT = "sent"
    """Written to a connection. The end for a message that asked for no acknowledgement."""
    ACKED = "acked"
    FAILED = "failed"


class Receipt:
    """Tells what became of a message; need not be awaited.

    ``await receipt`` returns the first argument of the server's acknowledgement, or None once a message without
    acknowledgement is written. It raises :class:`~realtime.connection.errors.SendRefused` or
    :class:`~realtime.connection.errors.ConnectionLost` if the message failed. It waits as long as the message is in the
    outbox, be it for hours.

    Args:
        message_id: the message's id in its outbox.
        discard: takes the message out of the outbox; tells whether it was there.

    Attributes:
        keeps_trying: whether the message stays in the outbox when the server says that it could not store it.
        waits: asked with the code of any other refusal, whether the message stays in the outbox all the same, until
            :meth:`~realtime.connection.socket_manager.SocketManager.retry` or the next connection.
        on_held: told the code when the server could not store the message, which stays in the outbox.
    """

    __slots__ = (
        "_callbacks",
        "_discard",
        "_error",
        "_final",
        "_result",
        "_status",
        "_waiters",
        "keeps_trying",
        "message_id",
        "on_held",
        "waits",
    )

    def __init__(self, message_id: int, discard: Callable[[int], bool]) -> None:
        self.message_id = message_id
        self.keeps_trying = True
        self.waits: Callable[[str], bool] | None = None
        self.on_held: Callable[[str], object] | None = None
        self._discard = discard
        self._status = ReceiptStatus.QUEUED
        self._final = False
        self._result: Any = None
        self._error: Exception | None = None
        # Futures are made only for those who wait: a failure that nobody awaits is nobody's unretrieved exception.
        self._waiters: list[asyncio.Future[None]] = []
        self._callbacks: list[Callable[[Receipt], object]] = []

    def __repr__(self) -> str:
        return f"<Receipt {self.message_id} {self._status.name}>"

    def __await__(self) -> Generator[Any, None, Any]:
        if not self._final:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            yield from waiter
        return self.result()

    @property
    def status(self) -> ReceiptStatus:
        """How far the message has come."""
        return self._status

    @property
    def done(self) -> bool:
        """Whether nothing more can happen."""
        return self._final

    def result(self) -> Any:
        """What ``await receipt`` returns or raises, once it is :attr:`done`: for callbacks, which cannot await.

        Raises:
            LocalProtocolError: it is not done.
        """
        if not self._final:
            raise LocalProtocolError(f"{self!r} is not done: await it, or add a callback")
        if self._error is not None:
            raise self._error
        return self._result

    def add_done_callback(self, callback: Callable[[Receipt], object]) -> None:
        """Call ``callback(receipt)`` when the message is acknowledged, failed, or finally sent; now, if it is."""
        if self._final:
            self._call(callback)
        else:
            self._callbacks.append(callback)

    def discard(self) -> bool:
        """Take the message back, as long as it is in the outbox.

        A message that was written before may have arrived nevertheless.

        Returns:
            Whether it was taken out; its receipt has failed then, with the code ``discarded``.
        """
        if self._final or not self._discard(self.message_id):
            return False
        self.failed(SendRefused("discarded", f"message {self.message_id} was discarded by its sender"))
        return True

    def queued(self) -> None:
        """The connection was lost before the acknowledgement came: the message waits to be written again."""
        if not self._final:
            self._status = ReceiptStatus.QUEUED

    def sent(self, *, final: bool = False) -> None:
        """The message was written; ``final`` if no acknowledgement will follow."""
        if not self._final:
            self._status = ReceiptStatus.SENT
            if final:
                self._end()

    def acked(self, result: Any) -> None:
        """The server acknowledged the message with ``result``."""
        if not self._final:
            self._status, self._result = ReceiptStatus.ACKED, result
            self._end()

    def failed(self, error: Exception) -> None:
        """The message will not be sent, or nobody will ever know."""
        if not self._final:
            self._status, self._error = ReceiptStatus.FAILED, error
            self._end()

    def _end(self) -> None:
        self._final = True
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            self._call(callback)

    def _call(self, callback: Callable[[Receipt], object]) -> None:
        try:
            callback(self)
        except Exception:
            _log.exception("a callback of %r failed; the others were called", self)
