"""The words for a connection's condition, and one picture of it at a time."""

from __future__ import annotations

import enum

import msgspec


class ConnectionState(enum.StrEnum):
    """Where a client stands with its server."""

    DISCONNECTED = "disconnected"
    """Nobody wants a connection, or it was refused, or given up."""
    CONNECTING = "connecting"
    """Trying for the first time since ``connect()``."""
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    """Trying again after a connection ended."""
    SUSPENDED = "suspended"
    """On purpose without a connection: the app is in the background, or the device offline."""


class ConnectionSnapshot(msgspec.Struct, frozen=True):
    """A connection at one moment, for people to look at.

    Attributes:
        state: where the client stands with its server.
        since_s: when the state began, in seconds of the loop's clock.
        rtt_s: the newest round trip, in seconds; None while unknown.
        attempt: how often the client has tried since its last stable connection.
        next_attempt_at_s: when it will try again, in seconds of the loop's clock; None while none is scheduled.
        next_delay_s: how long that wait was when it began.
        queued: messages to write, or to write again.
        unacked: messages written, that wait for their acknowledgement.
        bytes_sent: payload bytes written since the client was made.
        bytes_received: payload bytes read since the client was made.
        reason: why the last connection ended.
    """

    state: ConnectionState = ConnectionState.DISCONNECTED
    since_s: float = 0.0
    rtt_s: float | None = None
    attempt: int = 0
    next_attempt_at_s: float | None = None
    next_delay_s: float | None = None
    queued: int = 0
    unacked: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    reason: str | None = None
