"""What can go wrong with a server as a whole."""

from __future__ import annotations

from realtime.protocol.errors import RealtimeError


class ServerStartError(RealtimeError):
    """The server could not begin to listen. The message says why, and what to do."""
