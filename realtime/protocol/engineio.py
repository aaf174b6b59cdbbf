"""Engine.IO v4 packets over WebSocket: one digit, then the payload.

Text frames are UTF-8 ``bytes`` throughout :mod:`realtime.protocol`; binary frames travel as they are.
Specification: https://github.com/socketio/engine.io-protocol (revision 4).
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import msgspec

from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError

_CLIP_BYTES = 40


class EnginePacketType(IntEnum):
    """What the first digit of a text frame says."""

    OPEN = 0
    CLOSE = 1
    PING = 2
    PONG = 3
    MESSAGE = 4
    UPGRADE = 5
    NOOP = 6


class Handshake(msgspec.Struct, frozen=True, rename="camel"):
    """What the server announces in its OPEN packet.

    Attributes:
        sid: the Engine.IO session id, which is not the Socket.IO one.
        ping_interval: milliseconds between two pings of the server. Zero happens: python-socketio
            announces it for intervals under a second.
        ping_timeout: milliseconds that the server waits for an answer.
        max_payload: bytes that the server accepts in one frame.
        upgrades: transports to upgrade to; none over WebSocket.
    """

    sid: Annotated[str, msgspec.Meta(min_length=1)]
    ping_interval: Annotated[int, msgspec.Meta(ge=0)]
    ping_timeout: Annotated[int, msgspec.Meta(ge=0)]
    max_payload: Annotated[int, msgspec.Meta(ge=1)] = 1_000_000
    upgrades: tuple[str, ...] = ()


class Text(msgspec.Struct, frozen=True):
    """A WebSocket text frame to write; ``data`` is UTF-8."""

    data: bytes


class Binary(msgspec.Struct, frozen=True):
    """A WebSocket binary frame to write."""

    data: bytes


OutFrame = Text | Binary

_TYPES = {ord(str(kind.value)): kind for kind in EnginePacketType}
_encoder = msgspec.json.Encoder()
_handshake_decoder = msgspec.json.Decoder(Handshake)


def clip(data: bytes) -> str:
    """Quote the beginning of a packet in an error message."""
    if len(data) <= _CLIP_BYTES:
        return repr(data)
    return f"{data[:_CLIP_BYTES]!r}… ({len(data)} bytes)"


def encode_handshake(handshake: Handshake) -> bytes:
    """Make the OPEN packet, its digit included.

    Raises:
        LocalProtocolError: a field holds what JSON cannot.
    """
    try:
        return b"0" + _encoder.encode(handshake)
    except (ValueError, TypeError) as error:
        raise LocalProtocolError(f"this handshake cannot be sent: {error}") from error


def decode_handshake(payload: bytes) -> Handshake:
    """Read the payload of an OPEN packet, its digit removed.

    Raises:
        RemoteProtocolError: it is no handshake.
    """
    try:
        return _handshake_decoder.decode(payload)
    except (ValueError, RecursionError) as error:  # msgspec's own errors are ValueErrors
        raise RemoteProtocolError(f"not an Engine.IO handshake: {clip(payload)}: {error}") from error


def decode_engine(text: bytes) -> tuple[EnginePacketType, bytes]:
    """Split a text frame into its type and its payload.

    Raises:
        RemoteProtocolError: the frame is empty or its type is unknown.
    """
    kind = _TYPES.get(text[0]) if text else None
    if kind is None:
        raise RemoteProtocolError(f"unknown Engine.IO packet {clip(text)}")
    return kind, text[1:]
