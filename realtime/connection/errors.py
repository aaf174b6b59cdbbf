"""What can go wrong between a client and its server, as the caller sees it."""

from __future__ import annotations

from realtime.protocol.errors import RealtimeError


class ConnectionLost(RealtimeError):
    """The connection ended before the operation did.

    Args:
        reason: why it ended, in the words of the ``disconnect`` event.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"connection lost: {reason}")
        self.reason = reason


class ConnectError(RealtimeError):
    """An attempt to connect failed, or all that were allowed did. The message names the address and the failure.

    Args:
        message: what happened.
        retry_after_s: how long the server asked to be left alone, in seconds.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ConnectTimeout(ConnectError, TimeoutError):
    """No connection within the limit. The message names the address, the limit and the last failure."""


class ConnectRefused(ConnectError):
    """The server answered, and said no: trying again unchanged would be refused again.

    Args:
        message: the server's words.
        data: the object that came with them, if any.
        retry_after_s: how long the server asked to be left alone, in seconds; then trying again makes sense.
    """

    def __init__(self, message: str, data: object = None, *, retry_after_s: float | None = None) -> None:
        super().__init__(message, retry_after_s=retry_after_s)
        self.message = message
        self.data = data


class AckTimeout(RealtimeError, TimeoutError):
    """The server did not acknowledge in time. The event may or may not have been applied."""


class SendRefused(RealtimeError):
    """A message was refused for good and will not be sent.

    Args:
        code: a short word for programs, such as ``queue_full``.
        message: what happened, to what, and what to do.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class OutboxError(RealtimeError):
    """The file of an outbox cannot be used. The message names it, and says why and what to do."""
