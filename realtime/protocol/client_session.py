"""The client's side of one connection: a machine that takes frames in and gives events and frames out.

The driver owns the WebSocket. For every frame that arrives it calls :meth:`ClientSession.receive_text` or
:meth:`ClientSession.receive_binary`, acts on the events, and then writes :meth:`ClientSession.data_to_send`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from realtime.protocol.engineio import (
    Binary,
    EnginePacketType,
    Handshake,
    OutFrame,
    Text,
    clip,
    decode_engine,
    decode_handshake,
)
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.socketio import (
    Decoder,
    EncodedPacket,
    Packet,
    PacketType,
    check_namespace,
    encode,
    encode_ack,
    encode_event,
    split_event,
)


class ClientState(StrEnum):
    """Where a client's connection stands."""

    OPENING = "opening"
    """The WebSocket stands; the server's handshake is awaited."""
    CONNECTING = "connecting"
    """The namespace was asked for; the answer is awaited."""
    CONNECTED = "connected"
    CLOSED = "closed"
    """Nothing more is sent, and whatever arrives is ignored: close the WebSocket."""


OPENING, CONNECTING, CONNECTED, CLOSED = ClientState

_decode = msgspec.json.Decoder().decode

# Everything that may happen. What is not in these tables is somebody's mistake.
_ENGINE: Mapping[tuple[ClientState, EnginePacketType], ClientState] = {
    (OPENING, EnginePacketType.OPEN): CONNECTING,
    (OPENING, EnginePacketType.CLOSE): CLOSED,
    (CONNECTING, EnginePacketType.PING): CONNECTING,
    (CONNECTING, EnginePacketType.MESSAGE): CONNECTING,
    (CONNECTING, EnginePacketType.CLOSE): CLOSED,
    (CONNECTED, EnginePacketType.PING): CONNECTED,
    (CONNECTED, EnginePacketType.MESSAGE): CONNECTED,
    (CONNECTED, EnginePacketType.CLOSE): CLOSED,
}
_RECEIVED: Mapping[tuple[ClientState, PacketType], ClientState] = {
    (CONNECTING, PacketType.CONNECT): CONNECTED,
    (CONNECTING, PacketType.CONNECT_ERROR): CLOSED,
    (CONNECTING, PacketType.EVENT): CONNECTING,  # missed events precede the answer
    (CONNECTED, PacketType.EVENT): CONNECTED,
    (CONNECTED, PacketType.ACK): CONNECTED,
    (CONNECTED, PacketType.DISCONNECT): CLOSED,
}
_SENT: Mapping[tuple[ClientState, PacketType], ClientState] = {
    (OPENING, PacketType.DISCONNECT): CLOSED,
    (CONNECTING, PacketType.DISCONNECT): CLOSED,
    (CONNECTED, PacketType.DISCONNECT): CLOSED,
    (CONNECTED, PacketType.EVENT): CONNECTED,
    (CONNECTED, PacketType.ACK): CONNECTED,
}


class Recovery(msgspec.Struct, frozen=True):
    """What the next connection needs to go on where this one ended.

    Attributes:
        pid: the server's private id of the session.
        offset: the offset of the last event that was received, None before the first.
    """

    pid: str
    offset: str | None = None


class Opened(msgspec.Struct, frozen=True):
    """The server's handshake arrived."""

    handshake: Handshake


class Connected(msgspec.Struct, frozen=True):
    """The namespace is connected; ``recovered`` says that no event was missed since the last connection."""

    sid: str
    pid: str | None
    recovered: bool


class ConnectFailed(msgspec.Struct, frozen=True):
    """The server refused the namespace."""

    message: str
    data: Any = None


class EventReceived(msgspec.Struct, frozen=True):
    """An event of the application's; with an ``ack_id``, the server waits for :meth:`ClientSession.send_ack`."""

    event: str
    args: tuple[Any, ...]
    ack_id: int | None = None


class AckReceived(msgspec.Struct, frozen=True):
    """The answer to the event that was sent with ``ack_id``; a faulty server may answer twice, or unasked."""

    ack_id: int
    args: tuple[Any, ...]


class Disconnected(msgspec.Struct, frozen=True):
    """The server ended the namespace on purpose."""


class EngineClosed(msgspec.Struct, frozen=True):
    """The server ended the connection on purpose."""


class PingReceived(msgspec.Struct, frozen=True):
    """The server pinged; the answer is among the frames to send."""


Event = Opened | Connected | ConnectFailed | EventReceived | AckReceived | Disconnected | EngineClosed | PingReceived


class ClientSession:
    """One connection, from the server's handshake to its end; make a new one for the next.

    Args:
        namespace: ``/`` or ``/custom``; one connection serves one namespace.
        auth: what the server's application gets to judge the connection by.
        recover: the :attr:`recovery` of the connection before.

    Raises:
        LocalProtocolError: the namespace is none, or ``auth`` cannot be sent or has one of the keys
            ``pid`` and ``offset``, which are the protocol's.
    """

    def __init__(
        self, namespace: str = "/", auth: Mapping[str, Any] | None = None, recover: Recovery | None = None
    ) -> None:
        self._namespace = check_namespace(namespace)
        self._connect = encode(Packet(PacketType.CONNECT, namespace, _connect_data(auth, recover)))
        self._pid = recover.pid if recover else None
        self._offset = recover.offset if recover else None
        self._epoch = _epoch(self._pid)
        self._state = OPENING
        self._max_payload = 0
        self._decoder = Decoder()
        self._early: list[Packet] = []
        self._frames: list[OutFrame] = []

    def __repr__(self) -> str:
        return f"<ClientSession {self._namespace!r} {self._state.name}>"

    @property
    def state(self) -> ClientState:
        """Where the connection stands."""
        return self._state

    @property
    def recovery(self) -> Recovery | None:
        """What to give to the next connection: until this one is connected, what it was given itself."""
        return Recovery(self._pid, self._offset) if self._pid is not None else None

    @property
    def has_data_to_send(self) -> bool:
        """Whether :meth:`data_to_send` has anything."""
        return bool(self._frames)

    def data_to_send(self) -> list[OutFrame]:
        """Take the frames that you must now write, in this order."""
        frames, self._frames = self._frames, []
        return frames

    def receive_text(self, text: bytes) -> list[Event]:
        """Take a text frame.

        Afterwards you must write :meth:`data_to_send`.

        Raises:
            RemoteProtocolError: the server broke the protocol; the session is closed.
        """
        if self._state is CLOSED:
            return []
        try:
            event = self.receive_event(text)
            return self._receive_engine(text) if event is None else [event]
        except RemoteProtocolError:
            self._state = CLOSED
            raise

    def receive_event(self, text: bytes) -> EventReceived | None:
        """Take what a client receives most, in one step: an event without attachments in the default namespace.

        Returns:
            The event, which leaves nothing to send; None if the frame is anything else, for :meth:`receive_text`.
        """
        if self._state is not CONNECTED or self._namespace != "/" or self._decoder.pending:
            return None
        parts = split_event(text)
        if parts is None:
            return None
        name, ack_id, body = parts
        try:
            args = tuple(_decode(body)[1:])
        except ValueError:
            return None
        return EventReceived(name, args if self._pid is None else self._follow(args), ack_id)

    def receive_binary(self, data: bytes) -> list[Event]:
        """Take a binary frame; otherwise as :meth:`receive_text`."""
        if self._state is CLOSED:
            return []
        try:
            packet = self._decoder.receive_binary(data)
            return [] if packet is None else self._receive_packet(packet)
        except RemoteProtocolError:
            self._state = CLOSED
            raise

    def send_event(self, event: str, args: Sequence[Any] = (), ack_id: int | None = None) -> None:
        """Queue an event.

        Args:
            event: its name.
            args: values that JSON can hold, msgspec Structs, and bytes anywhere inside.
            ack_id: a number that no other event of this connection has, if you want it acked.

        Raises:
            LocalProtocolError: the namespace is not connected, or the event cannot be sent.
        """
        encoded = encode_event(event, args, namespace=self._namespace, ack_id=ack_id)
        self._send(PacketType.EVENT, encoded, f"event {event!r}")

    def send_ack(self, ack_id: int, args: Sequence[Any] = ()) -> None:
        """Queue the answer to the event that came with ``ack_id``; otherwise as :meth:`send_event`."""
        self._send(PacketType.ACK, encode_ack(ack_id, args, namespace=self._namespace), f"ack {ack_id}")

    def send_disconnect(self) -> None:
        """End the session; once its frames are written, you must close the WebSocket.

        Raises:
            LocalProtocolError: it is closed already.
        """
        was_connected = self._state is CONNECTED
        self._state = self._after_sending(PacketType.DISCONNECT)
        if was_connected:
            self._queue(encode(Packet(PacketType.DISCONNECT, self._namespace)))

    def _receive_engine(self, text: bytes) -> list[Event]:
        kind, payload = decode_engine(text)
        state = _ENGINE.get((self._state, kind))
        if state is None:
            raise RemoteProtocolError(f"Engine.IO {kind.name} while {self._state.name}: {clip(text)}")
        self._state = state
        if kind is EnginePacketType.MESSAGE:
            packet = self._decoder.receive_text(payload)
            return [] if packet is None else self._receive_packet(packet)
        if kind is EnginePacketType.PING:
            self._frames.append(Text(b"3" + payload))
            return [PingReceived()]
        if kind is EnginePacketType.CLOSE:
            return [EngineClosed()]
        return [self._open(decode_handshake(payload))]

    def _open(self, handshake: Handshake) -> Opened:
        self._max_payload = handshake.max_payload
        if len(self._connect.text) > self._max_payload:
            raise RemoteProtocolError(f"the server accepts {self._max_payload} bytes, too few for the CONNECT packet")
        self._queue(self._connect)
        return Opened(handshake)

    def _receive_packet(self, packet: Packet) -> list[Event]:
        state = _RECEIVED.get((self._state, packet.type))
        if state is None or packet.namespace != self._namespace:
            where = f"{self._namespace!r} {self._state.name}"
            raise RemoteProtocolError(f"{packet.type.name} for namespace {packet.namespace[:40]!r} while {where}")
        before, self._state = self._state, state
        if packet.type is PacketType.EVENT:
            if before is CONNECTED:
                return [self._event(packet)]
            self._early.append(packet)
            return []
        if packet.type is PacketType.CONNECT:
            return self._connected(packet)
        if packet.type is PacketType.DISCONNECT:
            return [Disconnected()]
        if packet.type is PacketType.CONNECT_ERROR:
            return [_refusal(packet.data)]
        assert packet.ack_id is not None  # the decoder knows no ACK without
        return [AckReceived(packet.ack_id, tuple(packet.data))]

    def _connected(self, packet: Packet) -> list[Event]:
        data = packet.data or {}
        sid, pid = data.get("sid"), data.get("pid")
        if not isinstance(sid, str) or not sid or not isinstance(pid, str | None):
            raise RemoteProtocolError(
                "CONNECT without a proper sid and pid; does the server speak Socket.IO 3 or newer?"
            )
        recovered = pid is not None and pid == self._pid
        if not recovered:
            self._pid, self._offset, self._epoch = pid, None, _epoch(pid)
        early, self._early = self._early, []
        return [Connected(sid, pid, recovered), *map(self._event, early)]

    def _event(self, packet: Packet) -> EventReceived:
        name, *rest = packet.data
        args = tuple(rest)
        return EventReceived(name, args if self._pid is None else self._follow(args), packet.ack_id)

    def _follow(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Note the offset of an event; the arguments of the application's are the rest.

        Other servers' offsets look like any string: there, each string at the end is taken for one, as by every
        client, and stays where it is.
        """
        last = args[-1] if args else None
        if not isinstance(last, str):
            return args
        if self._epoch is None:
            self._offset = last
        elif last.startswith(self._epoch) and last[len(self._epoch) :].isdigit():
            self._offset = last
            return args[:-1]
        return args

    def _after_sending(self, kind: PacketType) -> ClientState:
        state = _SENT.get((self._state, kind))
        if state is None:
            raise LocalProtocolError(f"no {kind.name} can be sent while {self._state.name}")
        return state

    def _send(self, kind: PacketType, encoded: EncodedPacket, what: str) -> None:
        state = self._after_sending(kind)
        size = max(map(len, (encoded.text, *encoded.attachments)))
        if size > self._max_payload:
            raise LocalProtocolError(
                f"{what} cannot be sent: a frame of {size} bytes, and the server accepts {self._max_payload} bytes"
            )
        self._state = state
        self._queue(encoded)

    def _queue(self, encoded: EncodedPacket) -> None:
        self._frames.append(Text(encoded.text))
        self._frames.extend(map(Binary, encoded.attachments))


def _connect_data(auth: Mapping[str, Any] | None, recover: Recovery | None) -> dict[str, Any] | None:
    if not isinstance(auth, Mapping | None):
        raise LocalProtocolError(f"auth is a mapping, got {type(auth).__name__}")
    if auth is not None and ("pid" in auth or "offset" in auth):
        raise LocalProtocolError("the auth keys 'pid' and 'offset' are the protocol's own; rename yours")
    if recover is None:
        return None if auth is None else dict(auth)
    data = {**(auth or {}), "pid": recover.pid}
    return data if recover.offset is None else {**data, "offset": recover.offset}


def _epoch(pid: str | None) -> str | None:
    """How the offsets of a session begin, where its private id tells: ours is ``<epoch>.<secret>``."""
    epoch, dot, _ = (pid or "").partition(".")
    return epoch + dot if epoch and dot else None


def _refusal(data: Any) -> ConnectFailed:
    if isinstance(data, str):
        return ConnectFailed(data)
    message = data.get("message")
    return ConnectFailed(message if isinstance(message, str) else "connection refused", data.get("data"))
