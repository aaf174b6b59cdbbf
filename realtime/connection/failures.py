"""What an exception of the network means, in this package's words (pure)."""

from __future__ import annotations

import contextlib
import math
from datetime import UTC
from email.utils import parsedate_to_datetime

import msgspec
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import CloseCode

from realtime.connection.errors import ConnectError, ConnectRefused

PING_TIMEOUT = "ping timeout"
TRANSPORT_CLOSE = "transport close"
TRANSPORT_ERROR = "transport error"
PARSE_ERROR = "parse error"

_OVERLOADED = (429, 503)
_MOST_WORDS = 200  # characters of what a server says
_MAX_DIGITS = 9  # thirty years: whoever asks for more means nothing by it
_UNREADABLE = (CloseCode.PROTOCOL_ERROR, CloseCode.INVALID_DATA, CloseCode.MESSAGE_TOO_BIG)


def attempt_failure(address: str, error: Exception, *, wall_time_s: float) -> ConnectError:
    """Why an attempt to connect failed.

    Args:
        address: the server, as the message shall name it.
        error: whatever was raised: an ``OSError``, but also an ``InvalidMessage`` of websockets, which is none, when a
            server drops the connection amid the opening handshake.
        wall_time_s: the time of day in seconds since the Unix epoch, to read a date in ``Retry-After``.
    """
    if isinstance(error, ConnectError):
        return error
    if isinstance(error, InvalidStatus):
        words = str(error) + _servers_words(bytes(error.response.body or b""))
    else:
        words = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    failure = ConnectError(f"{address}: {words}", retry_after_s=_retry_after_s(error, wall_time_s))
    failure.__cause__ = error
    return failure


def refusal(message: str, data: object) -> ConnectRefused:
    """The server's CONNECT_ERROR; ``retryAfterMs`` in its data makes it temporary."""
    wish = data.get("retryAfterMs") if isinstance(data, dict) else None
    if isinstance(wish, int | float) and not isinstance(wish, bool) and 0 <= wish < math.inf:
        return ConnectRefused(message, data, retry_after_s=wish / 1000)
    return ConnectRefused(message, data)


def loss_reason(error: Exception) -> str:
    """Why an open connection ended, as the reason of the ``disconnect`` event."""
    if not isinstance(error, ConnectionClosed) or isinstance(error.__cause__, OSError):
        return TRANSPORT_ERROR
    if error.rcvd is None and error.sent is not None and error.sent.code in _UNREADABLE:
        return PARSE_ERROR
    return TRANSPORT_CLOSE


def _servers_words(body: bytes) -> str:
    """Why the server rejected the upgrade: Engine.IO says it in JSON, others in a line of text, proxies in HTML."""
    try:
        text = body.decode().strip()
    except UnicodeDecodeError:
        return ""
    with contextlib.suppress(msgspec.ValidationError, msgspec.DecodeError):
        text = msgspec.json.decode(text, type=_EngineIoError).message
    if not text or text.startswith("<"):
        return ""
    return f": {text if len(text) <= _MOST_WORDS else text[:_MOST_WORDS] + '…'}"


class _EngineIoError(msgspec.Struct):
    message: str


def _retry_after_s(error: Exception, wall_time_s: float) -> float | None:
    """RFC 9110, section 10.2.3: whole seconds, or a date."""
    if not isinstance(error, InvalidStatus) or error.response.status_code not in _OVERLOADED:
        return None
    for wish in error.response.headers.get_all("Retry-After"):
        if wish.strip().isdecimal():
            return float(wish) if len(wish) <= _MAX_DIGITS else None
        with contextlib.suppress(ValueError):
            date = parsedate_to_datetime(wish)
            utc = date if date.tzinfo else date.replace(tzinfo=UTC)  # "-0000" is UTC of unknown origin
            return max(0.0, utc.timestamp() - wall_time_s)
    return None
