"""WebSocket frames from a server (RFC 6455 §5.2).

They are unmasked and, without compression, the same for every receiver: a broadcast is framed once.
"""

from __future__ import annotations

import struct

_TEXT = 0x81  # FIN + opcode 1
_BINARY = 0x82  # FIN + opcode 2
_MEDIUM_HEADER = struct.Struct("!BBH").pack
_SMALL_TEXT_HEADERS = [bytes((_TEXT, length)) for length in range(126)]


def text_frame(payload: bytes) -> bytes:
    """One unfragmented text frame around UTF-8 ``payload``."""
    length = len(payload)
    if length < 126:
        return _SMALL_TEXT_HEADERS[length] + payload
    if length < 65_536:
        return _MEDIUM_HEADER(_TEXT, 126, length) + payload
    return _header(_TEXT, length) + payload


def binary_frame(payload: bytes) -> bytes:
    """One unfragmented binary frame around ``payload``."""
    return _header(_BINARY, len(payload)) + payload


def _header(head: int, length: int) -> bytes:
    if length < 126:
        return bytes((head, length))
    if length < 65_536:
        return _MEDIUM_HEADER(head, 126, length)
    return struct.pack("!BBQ", head, 127, length)
