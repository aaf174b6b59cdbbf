"""Packets around one argument that is JSON already, and packets as WebSocket frames.

What the server sends most often differs from one packet to the next only in that argument, so everything around it
is made once, by the codec, and kept.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from realtime.protocol.socketio import EncodedPacket, encode_ack, encode_event
from realtime.server.frames import binary_frame, text_frame

_ANY = msgspec.Raw(b"0")


def event_packet(event: str, body: bytes, namespace: str) -> EncodedPacket:
    """An event with one argument.

    Raises:
        LocalProtocolError: the event's name is reserved.
    """
    return EncodedPacket(b"%b%b]" % (_event_head(event, namespace), body), ())


def ack_frame(ack_id: int, body: bytes, namespace: str) -> bytes:
    """The frame of an answer with one argument."""
    return text_frame(b"%b%d[%b]" % (_ack_head(namespace), ack_id, body))


def packet_frames(packet: EncodedPacket) -> bytes:
    """A packet as WebSocket frames: attachments follow their packet with nothing in between."""
    return _framed(packet.text, packet.attachments)


def numbered_frames(packet: EncodedPacket, offset: bytes) -> bytes:
    """The frames of an event with its offset as one more argument."""
    return _framed(b'%b,"%b"]' % (packet.text[:-1], offset), packet.attachments)


def _framed(text: bytes, attachments: tuple[bytes, ...]) -> bytes:
    if not attachments:
        return text_frame(text)
    return text_frame(text) + b"".join(map(binary_frame, attachments))


@lru_cache(maxsize=1024)
def _event_head(event: str, namespace: str) -> bytes:
    return encode_event(event, [_ANY], namespace=namespace).text.removesuffix(b"0]")


@lru_cache(maxsize=1024)
def _ack_head(namespace: str) -> bytes:
    return encode_ack(0, [], namespace=namespace).text.removesuffix(b"0[]")
