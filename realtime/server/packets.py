"""Packets around one argument that is JSON already.

What the server sends most often differs from one packet to the next only in that argument, so everything around it
is made once, by the codec, and kept.
"""

from __future__ import annotations

from functools import lru_cache

import msgspec

from realtime.protocol.socketio import encode_ack, encode_event
from realtime.server.frames import text_frame

_ANY = msgspec.Raw(b"0")


def event_frame(event: str, body: bytes, namespace: str) -> bytes:
    """The frame of an event with one argument.

    Raises:
        LocalProtocolError: the event's name is reserved.
    """
    return text_frame(b"%b%b]" % (_event_head(event, namespace), body))


def ack_frame(ack_id: int, body: bytes, namespace: str) -> bytes:
    """The frame of an answer with one argument."""
    return text_frame(b"%b%d[%b]" % (_ack_head(namespace), ack_id, body))


@lru_cache(maxsize=1024)
def _event_head(event: str, namespace: str) -> bytes:
    return encode_event(event, [_ANY], namespace=namespace).text.removesuffix(b"0]")


@lru_cache(maxsize=1024)
def _ack_head(namespace: str) -> bytes:
    return encode_ack(0, [], namespace=namespace).text.removesuffix(b"0[]")
