"""JSON with binary attachments beside it: the payloads of Socket.IO packets.

``bytes`` inside a value become ``{"_placeholder": true, "num": n}`` in the JSON, and travel after it
as binary frames. Specification: https://socket.io/docs/v4/socket-io-protocol (revision 5).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from realtime.protocol.engineio import clip
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError

T = TypeVar("T")

MAX_ATTACHMENTS = 10
"""Attachments in one packet: the limit of socket.io-parser 4.2.6, which closes the connection over more."""

_BINARY = (bytes, bytearray, memoryview)
_LEAVES = frozenset[type]({str, int, bool, type(None), msgspec.Raw, msgspec.UnsetType})
# A pair of surrogates, a lone one, or any other escape (so that the u of "\\\\u" is never taken for one).
_ESCAPES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()


def dumps(data: Any) -> tuple[bytes, tuple[bytes, ...]]:
    """Encode a value into JSON and the attachments that it holds.

    Raises:
        LocalProtocolError: the value cannot be sent; the message completes a sentence of the caller's
            ("cannot be sent: …").
    """
    try:
        body = _encoder.encode(data)  # first, because it also finds values that hold themselves
        if not _holds_binary(data):
            return body, ()
        attachments: list[bytes] = []
        tree = _detach(data, attachments)
        if len(attachments) > MAX_ATTACHMENTS:
            raise LocalProtocolError(
                f"cannot be sent: {len(attachments)} binary attachments, {MAX_ATTACHMENTS} allowed"
            )
        return _encoder.encode(tree), tuple(attachments)
    except RecursionError as error:
        raise LocalProtocolError("cannot be sent: it is nested too deeply, or holds itself") from error
    except (ValueError, TypeError, BufferError) as error:
        raise LocalProtocolError(f"cannot be sent: {error}") from error


def loads(body: bytes) -> Any:
    """Decode JSON.

    Raises:
        RemoteProtocolError: it is none.
    """
    try:
        return decode_body(body, _decoder)
    except msgspec.ValidationError as error:  # untyped: a number out of range
        raise RemoteProtocolError(f"not JSON: {clip(body)}: {error}") from error


def decode_body(body: bytes, decoder: msgspec.json.Decoder[T]) -> T:
    """Decode the JSON of a packet with a typed decoder of the caller's.

    Half a surrogate pair, which JavaScript writes where it cut a string inside an emoji, becomes U+FFFD.

    Raises:
        RemoteProtocolError: it is no JSON; the connection must be closed.
        msgspec.ValidationError: it is JSON, but of another shape than the decoder's: a matter of the application.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        raise
    except RecursionError as error:
        raise RemoteProtocolError(f"JSON nested too deeply: {clip(body)}") from error
    except ValueError as error:
        mended = _ESCAPES.sub(lambda found: rb"\ufffd" if found[1] else found[0], body)
        if mended == body:
            raise RemoteProtocolError(f"not JSON: {clip(body)}: {error}") from error
    return decode_body(mended, decoder)


def attach(data: Any, attachments: Sequence[bytes]) -> Any:
    """Put the attachments in the place of their placeholders.

    Raises:
        RemoteProtocolError: a placeholder names no attachment, or an attachment is not named exactly once.
    """
    used: set[int] = set()
    try:
        whole = _attach(data, attachments, used)
    except RecursionError as error:
        raise RemoteProtocolError("JSON nested too deeply around a binary attachment") from error
    if len(used) != len(attachments):
        raise RemoteProtocolError(f"{len(used)} of {len(attachments)} binary attachments have a placeholder")
    return whole


def _attach(value: Any, attachments: Sequence[bytes], used: set[int]) -> Any:
    if isinstance(value, list):
        return [_attach(item, attachments, used) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("_placeholder") is not True:
        return {key: _attach(item, attachments, used) for key, item in value.items()}
    num = value.get("num")
    if type(num) is not int or not 0 <= num < len(attachments) or num in used:
        raise RemoteProtocolError(f"placeholder of no attachment: num {num!r} of {len(attachments)}")
    used.add(num)
    return attachments[num]


def _holds_binary(data: Any) -> bool:
    """Look for bytes, and refuse floats that JSON cannot hold; ``data`` must not hold itself."""
    found = False
    stack: list[Iterable[Any]] = [(data,)]
    while stack:
        for value in stack.pop():
            kind = type(value)
            if kind in _LEAVES:
                continue
            if kind is dict:
                stack.append(value.values())
            elif kind is list or kind is tuple:
                stack.append(value)
            elif kind is float:
                if not math.isfinite(value):
                    raise LocalProtocolError(f"cannot be sent: {value} is not a JSON number")
            elif isinstance(value, msgspec.Struct):
                stack.append(msgspec.structs.astuple(value))
            elif isinstance(value, _BINARY):
                found = True
            else:
                plain = msgspec.to_builtins(value, builtin_types=_BINARY)
                if type(plain) is not kind:
                    stack.append((plain,))
    return found


def _detach(value: Any, attachments: list[bytes]) -> Any:
    if isinstance(value, _BINARY):
        attachments.append(bytes(value))
        return {"_placeholder": True, "num": len(attachments) - 1}
    if isinstance(value, dict):
        if value.get("_placeholder") is True:
            raise LocalProtocolError("cannot be sent: beside binary data, the key '_placeholder' is the protocol's own")
        return {key: _detach(item, attachments) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_detach(item, attachments) for item in value]
    if type(value) in _LEAVES or type(value) is float or not _holds_binary(value):
        return value
    return _detach(msgspec.to_builtins(value, builtin_types=_BINARY), attachments)
