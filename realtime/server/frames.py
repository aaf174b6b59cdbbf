"""WebSocket frames from a server (RFC 6455 §5.2).

They are unmasked and, without compression, the same for every receiver: a broadcast is framed once.
"""

from __future__ import annotations

import struct

_TEXT = 0x81  # FIN + opcode 1
_BINARY = 0x82  # FIN + opcode 2


def text_frame(payload: bytes) -> bytes:
    """One unfragmented text frame around UTF-8 ``payload``."""
    return _header(_TEXT, len(payload)) + payload


def binary_frame(payload: bytes) -> bytes:
    """One unfragmented binary frame around ``payload``."""
    return _header(_BINARY, len(payload)) + payload


def _header(head: int, length: int) -> bytes:
    if length < 126:
        return bytes((head, length))
    if length < 65_536:
        return struct.pack("!BBH", head, 126, length)
    return struct.pack("!BBQ", head, 127, length)
