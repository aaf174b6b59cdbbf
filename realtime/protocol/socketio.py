"""Socket.IO v5 packets: ``<type>[<attachments>-][<namespace>,][<ack id>][<JSON>]``.

Decoding happens in two steps, so that a server can decode the JSON straight into its own types:
:func:`split` takes a packet apart without touching its JSON; :class:`Decoder` makes whole packets.
Specification: https://socket.io/docs/v4/socket-io-protocol (revision 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from realtime.protocol.engineio import clip
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.payload import MAX_ATTACHMENTS, attach, dumps, loads

RESERVED_EVENTS = frozenset(
    {"connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"}
)
"""Names that a Socket.IO library emits itself, and that therefore never travel as events."""

MAX_ACK_DIGITS = 15
"""Every number of 15 digits is exact in JavaScript, which keeps ack ids as doubles."""


class PacketType(IntEnum):
    """What the first digit of a packet says."""

    CONNECT = 0
    DISCONNECT = 1
    EVENT = 2
    ACK = 3
    CONNECT_ERROR = 4
    BINARY_EVENT = 5
    BINARY_ACK = 6


class Packet(msgspec.Struct, frozen=True):
    """A whole packet; ``BINARY_EVENT`` and ``BINARY_ACK`` exist on the wire only.

    Attributes:
        type: CONNECT, DISCONNECT, EVENT, ACK or CONNECT_ERROR.
        namespace: ``/`` or ``/custom``.
        data: EVENT: the event's name, then its arguments; ACK: the arguments; CONNECT: an object or
            None; CONNECT_ERROR: an object or a string; DISCONNECT: None.
            Anywhere in the data of an EVENT or an ACK, ``bytes`` become binary attachments.
        ack_id: EVENT: the id under which an ack is asked for; ACK: the id that is answered.
    """

    type: PacketType
    namespace: str = "/"
    data: Any = None
    ack_id: int | None = None


class RawPacket(msgspec.Struct, frozen=True):
    """A packet whose JSON is still text; ``body`` is empty where there is none."""

    type: PacketType
    namespace: str
    ack_id: int | None
    body: bytes
    attachments: int = 0


class EncodedPacket(NamedTuple):
    """A text frame, its Engine.IO digit included, and the binary frames that must follow it at once."""

    text: bytes
    attachments: tuple[bytes, ...]


_CONNECT, _EVENT, _ACK, _CONNECT_ERROR = PacketType.CONNECT, PacketType.EVENT, PacketType.ACK, PacketType.CONNECT_ERROR
_WITH_ARRAY = frozenset({_EVENT, _ACK, PacketType.BINARY_EVENT, PacketType.BINARY_ACK})
_BINARY = {_EVENT: PacketType.BINARY_EVENT, _ACK: PacketType.BINARY_ACK}
_PLAIN = {wire: kind for kind, wire in _BINARY.items()}
_TYPES = {ord(str(kind.value)): kind for kind in PacketType}
_HEADS = {kind: b"4%d" % kind for kind in PacketType}
_BODY_STARTS = {_CONNECT: (b"", b"{"), PacketType.DISCONNECT: (b"",), _CONNECT_ERROR: (b"{", b'"')}
_ARRAY_WITHIN = MAX_ACK_DIGITS + 1
_COUNT_WITHIN = len(str(MAX_ATTACHMENTS)) + 1
_SHORT_NAME = 64  # bytes; every name of an application's own events is shorter


def encode_event(event: str, args: Sequence[Any], *, namespace: str = "/", ack_id: int | None = None) -> EncodedPacket:
    """Make the frames of an event.

    Raises:
        LocalProtocolError: the name is reserved, or an argument cannot be sent.
    """
    if not isinstance(event, str) or event in RESERVED_EVENTS:
        raise LocalProtocolError(f"an event cannot be called {event!r}")
    try:
        return _encode_array(_EVENT, [event, *args], namespace, ack_id)
    except LocalProtocolError as error:
        raise LocalProtocolError(f"event {event!r} {error}") from error


def encode_ack(ack_id: int, args: Sequence[Any], *, namespace: str = "/") -> EncodedPacket:
    """Make the frames of the answer to the event that came with ``ack_id``.

    Raises:
        LocalProtocolError: an argument cannot be sent.
    """
    try:
        return _encode_array(_ACK, list(args), namespace, ack_id)
    except LocalProtocolError as error:
        raise LocalProtocolError(f"ack {ack_id} {error}") from error


def encode(packet: Packet) -> EncodedPacket:
    """Make the frames of any packet.

    Raises:
        LocalProtocolError: the packet is none that the protocol knows.
    """
    data, ack_id = packet.data, packet.ack_id
    if packet.type is _EVENT:
        if not isinstance(data, list | tuple) or not data:
            raise LocalProtocolError(f"the data of an EVENT starts with the event's name, got {data!r}")
        return encode_event(data[0], data[1:], namespace=packet.namespace, ack_id=ack_id)
    if packet.type is _ACK:
        if not isinstance(data, list | tuple) or ack_id is None:
            raise LocalProtocolError(f"an ACK has an id and a list of arguments, got {ack_id!r} and {data!r}")
        return encode_ack(ack_id, data, namespace=packet.namespace)
    if packet.type in _PLAIN or ack_id is not None:
        raise LocalProtocolError(f"no packet to send: {packet!r}; only EVENT and ACK carry an id, or bytes")
    try:
        body, attachments = (b"", ()) if data is None else dumps(data)
    except LocalProtocolError as error:
        raise LocalProtocolError(f"{packet.type.name} {error}") from error
    if body[:1] not in _BODY_STARTS[packet.type] or attachments:
        raise LocalProtocolError(f"{packet.type.name} cannot carry {data!r}")
    return EncodedPacket(_HEADS[packet.type] + _prefix(packet.namespace) + body, ())


def _encode_array(kind: PacketType, data: list[Any], namespace: str, ack_id: int | None) -> EncodedPacket:
    body, attachments = dumps(data)
    head = _HEADS[kind] if not attachments else b"%b%d-" % (_HEADS[_BINARY[kind]], len(attachments))
    if namespace != "/":
        head += _prefix(namespace)
    if ack_id is None:
        return EncodedPacket(head + body, attachments)
    if type(ack_id) is not int or not 0 <= ack_id < 10**MAX_ACK_DIGITS:
        raise LocalProtocolError(f"cannot be sent: {ack_id!r} is no ack id")
    return EncodedPacket(head + b"%d" % ack_id + body, attachments)


def check_namespace(namespace: str) -> str:
    """Return a namespace that can be sent.

    Raises:
        LocalProtocolError: it is none.
    """
    if not namespace.startswith("/") or "," in namespace or "?" in namespace:
        raise LocalProtocolError(f"a namespace starts with '/' and holds neither ',' nor '?', got {namespace!r}")
    return namespace


def _prefix(namespace: str) -> bytes:
    if namespace == "/":
        return b""
    try:
        return check_namespace(namespace).encode() + b","
    except UnicodeEncodeError as error:
        raise LocalProtocolError(f"a namespace is text, got {namespace!r}") from error


def split(payload: bytes, at: int = 0) -> RawPacket:
    """Take a packet apart without decoding its JSON.

    You must still decode ``body``: of an event only its first character is checked here.

    Args:
        payload: what follows the Engine.IO digit; or a whole text frame, with ``at=1``.
        at: where in ``payload`` the packet starts.

    Raises:
        RemoteProtocolError: it is no packet.
    """
    kind = _TYPES.get(payload[at]) if len(payload) > at else None
    if kind is None:
        raise RemoteProtocolError(f"unknown Socket.IO packet {clip(payload)}")
    at += 1
    if kind is _EVENT:  # the hot path: an event in the default namespace
        start = payload.find(b"[", at, at + _ARRAY_WITHIN)
        if start == at:
            return RawPacket(kind, "/", None, payload[start:])
        if (digits := payload[at : max(start, at)]).isdigit():
            return RawPacket(kind, "/", int(digits), payload[start:])
    attachments = 0
    if kind in _PLAIN:
        dash = payload.find(b"-", at, at + _COUNT_WITHIN)
        digits = payload[at : max(dash, at)]
        if not digits.isdigit() or (attachments := int(digits)) > MAX_ATTACHMENTS:
            raise RemoteProtocolError(f"no count of attachments up to {MAX_ATTACHMENTS} in {clip(payload)}")
        at = dash + 1
    namespace = "/"
    if payload[at : at + 1] == b"/":
        comma = payload.find(b",", at)
        end = len(payload) if comma < 0 else comma
        namespace = _decode_namespace(payload[at:end])
        at = end + 1
    if kind not in _WITH_ARRAY:
        body = payload[at:]
        if body[:1] not in _BODY_STARTS[kind]:
            raise RemoteProtocolError(f"{kind.name} with a wrong payload: {clip(payload)}")
        return RawPacket(kind, namespace, None, body)
    start = payload.find(b"[", at, at + _ARRAY_WITHIN)
    if start == at and _PLAIN.get(kind, kind) is _EVENT:
        return RawPacket(kind, namespace, None, payload[at:], attachments)
    digits = payload[at : max(start, at)]
    if not digits.isdigit():
        raise RemoteProtocolError(f"{kind.name} without its id and array: {clip(payload)}")
    return RawPacket(kind, namespace, int(digits), payload[start:], attachments)


def split_event(frame: bytes) -> tuple[str, int | None, bytes] | None:
    """Take apart what a server receives most: an event without attachments in the default namespace.

    You must still decode the body, as after :func:`split`.

    Args:
        frame: a whole text frame.

    Returns:
        The event's name, its ack id and its body; None for every other packet, and for every wrong one: those are
        for :func:`split`.
    """
    start = frame.find(b"[", 2, 2 + _ARRAY_WITHIN)
    end = frame.find(b'"', start + 2, start + 2 + _SHORT_NAME)
    if start < 2 or end < 0 or not frame.startswith(b"42"):
        return None
    name = _plain_name(frame[start:end])
    if name is None:
        return None
    if start == 2:
        return name, None, frame[2:]
    digits = frame[2:start]
    return (name, int(digits), frame[start:]) if digits.isdigit() else None


@lru_cache(maxsize=256)
def _plain_name(raw: bytes) -> str | None:
    """The name in an array's beginning up to the name's closing quote, unless it needs a second look."""
    if not raw.startswith(b'["') or b"\\" in raw:
        return None
    try:
        name = raw[2:].decode()
    except UnicodeDecodeError:
        return None
    return None if name in RESERVED_EVENTS else name


def _decode_namespace(raw: bytes) -> str:
    try:
        return raw.partition(b"?")[0].decode()  # older clients put a query string after it
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"a namespace is no UTF-8: {clip(raw)}") from error


def event_name(body: bytes) -> str:
    """Read the event's name from the undecoded array of an EVENT.

    Raises:
        RemoteProtocolError: the array has no name, or a reserved one.
    """
    end = body.find(b'"', 2)
    raw = body[2:end]
    if end < 0 or raw.find(b"\\") >= 0 or not body.startswith(b'["'):
        array = loads(body)
        return _check_name(array[0] if isinstance(array, list) and array else None)
    try:
        name = raw.decode()
    except UnicodeDecodeError as error:
        raise RemoteProtocolError(f"an event's name is no UTF-8: {clip(body)}") from error
    return _check_name(name) if name in RESERVED_EVENTS else name


def _check_name(name: Any) -> str:
    if not isinstance(name, str):
        raise RemoteProtocolError(f"EVENT whose name is no string but {type(name).__name__}")
    if name in RESERVED_EVENTS:
        raise RemoteProtocolError(f"EVENT with the reserved name {name!r}")
    return name


class Decoder:
    """Makes whole packets of text and binary frames, in the order of their arrival.

    After an error you must close the connection: the decoder is then in no defined state.
    """

    def __init__(self) -> None:
        self._waiting: Packet | None = None
        self._missing = 0
        self._attachments: list[bytes] = []

    @property
    def pending(self) -> bool:
        """Whether a packet waits for its attachments."""
        return self._waiting is not None

    def receive_text(self, payload: bytes) -> Packet | None:
        """Take what follows the Engine.IO digit of a text frame.

        Returns:
            The packet, or None if it waits for its attachments.

        Raises:
            RemoteProtocolError: it is no packet, or it came where an attachment was due.
        """
        return self.receive(split(payload))

    def receive(self, raw: RawPacket) -> Packet | None:
        """Take a packet from :func:`split`; otherwise as :meth:`receive_text`."""
        self.check_idle(raw)
        kind = _PLAIN.get(raw.type, raw.type)
        data = loads(raw.body) if raw.body else None
        if kind is _EVENT:
            _check_name(data[0] if data else None)
        packet = Packet(kind, raw.namespace, data, raw.ack_id)
        if not raw.attachments:
            return packet
        self._waiting, self._missing = packet, raw.attachments
        return None

    def check_idle(self, raw: RawPacket) -> None:
        """Refuse a packet that comes where an attachment is due.

        Raises:
            RemoteProtocolError: an attachment is due.
        """
        if self._waiting is not None:
            raise RemoteProtocolError(
                f"{raw.type.name} where {self._missing} binary attachments of "
                f"{self._waiting.type.name} were still to come"
            )

    def receive_binary(self, data: bytes) -> Packet | None:
        """Take a binary frame.

        Returns:
            The packet that it completes, or None if more are to come.

        Raises:
            RemoteProtocolError: no packet waits for it, or the packet has no place for it.
        """
        packet = self._waiting
        if packet is None:
            raise RemoteProtocolError(f"binary frame that no packet announced: {clip(data)}")
        self._attachments.append(data)
        self._missing -= 1
        if self._missing:
            return None
        attachments, self._attachments, self._waiting = self._attachments, [], None
        return Packet(packet.type, packet.namespace, attach(packet.data, attachments), packet.ack_id)
