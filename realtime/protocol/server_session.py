"""The server's side of one connection: a machine that takes frames and the time in and gives events and frames out.

The driver owns the WebSocket. For every frame that arrives it calls :meth:`ServerSession.receive_text`,
:meth:`ServerSession.receive_raw` or :meth:`ServerSession.receive_binary`, and at :meth:`ServerSession.next_timer`
it calls :meth:`ServerSession.handle_timer`; each time it acts on the events and then writes
:meth:`ServerSession.data_to_send`. Times are seconds of any steady clock.
"""

from __future__ import annotations

import math
from collections import deque
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
    encode_handshake,
)
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.socketio import (
    Decoder,
    EncodedPacket,
    Packet,
    PacketType,
    RawPacket,
    encode,
    encode_ack,
    encode_event,
    event_name,
    split,
    split_event,
)


class ServerState(StrEnum):
    """Where a connection stands."""

    OPEN = "open"
    CLOSED = "closed"
    """Nothing more is sent, and whatever arrives is ignored: close the WebSocket."""


class NamespaceState(StrEnum):
    """Where one namespace of a connection stands."""

    ABSENT = "absent"
    REQUESTED = "requested"
    """The client asked; :meth:`ServerSession.accept` or :meth:`ServerSession.refuse` is due."""
    CONNECTED = "connected"
    EXPELLED = "expelled"
    """The server ended it; what the client sent before it knew is ignored."""


OPEN, CLOSED = ServerState
ABSENT, REQUESTED, CONNECTED, EXPELLED = NamespaceState

# Everything that may happen. What is not in these tables is somebody's mistake.
_ENGINE: Mapping[tuple[ServerState, EnginePacketType], ServerState] = {
    (OPEN, EnginePacketType.PONG): OPEN,
    (OPEN, EnginePacketType.MESSAGE): OPEN,
    (OPEN, EnginePacketType.CLOSE): CLOSED,
}
_RECEIVED: Mapping[tuple[NamespaceState, PacketType], NamespaceState] = {
    (ABSENT, PacketType.CONNECT): REQUESTED,
    (CONNECTED, PacketType.EVENT): CONNECTED,
    (CONNECTED, PacketType.BINARY_EVENT): CONNECTED,
    (CONNECTED, PacketType.ACK): CONNECTED,
    (CONNECTED, PacketType.BINARY_ACK): CONNECTED,
    (CONNECTED, PacketType.DISCONNECT): ABSENT,
    (EXPELLED, PacketType.EVENT): EXPELLED,
    (EXPELLED, PacketType.BINARY_EVENT): EXPELLED,
    (EXPELLED, PacketType.ACK): EXPELLED,
    (EXPELLED, PacketType.BINARY_ACK): EXPELLED,
    (EXPELLED, PacketType.DISCONNECT): ABSENT,
    (EXPELLED, PacketType.CONNECT): REQUESTED,
}
_SENT: Mapping[tuple[NamespaceState, PacketType], NamespaceState] = {
    (REQUESTED, PacketType.CONNECT): CONNECTED,
    (REQUESTED, PacketType.CONNECT_ERROR): ABSENT,
    (REQUESTED, PacketType.EVENT): REQUESTED,  # missed events precede the answer
    (CONNECTED, PacketType.EVENT): CONNECTED,
    (CONNECTED, PacketType.ACK): CONNECTED,
    (CONNECTED, PacketType.DISCONNECT): EXPELLED,
}


class ConnectRequested(msgspec.Struct, frozen=True):
    """A client asks for a namespace: you must answer with ``accept`` or ``refuse``.

    Attributes:
        namespace: which one; whether it exists is for the server to say.
        auth: what the client's application sent, without the protocol's own keys.
        pid: the session that the client wants to go on with, if any.
        offset: of the last event that it received there; None before the first, "" if it is none at all.
    """

    namespace: str
    auth: dict[str, Any] | None
    pid: str | None
    offset: str | None


class EventReceived(msgspec.Struct, frozen=True):
    """An event of the application's; with an ``ack_id``, the client waits for ``send_ack``."""

    namespace: str
    event: str
    args: tuple[Any, ...]
    ack_id: int | None


class EventReceivedRaw(msgspec.Struct, frozen=True):
    """An event whose JSON is yours to decode, with :func:`realtime.protocol.payload.decode_body`.

    Attributes:
        namespace: where it arrived.
        ack_id: if not None, the client waits for ``send_ack``.
        body: the array of the event's name and its arguments, as it came.
        event: the name, already found and checked.
    """

    namespace: str
    ack_id: int | None
    body: bytes
    event: str


class AckReceived(msgspec.Struct, frozen=True):
    """The answer to the event that was sent with ``ack_id``; a faulty client may answer twice, or unasked."""

    namespace: str
    ack_id: int
    args: tuple[Any, ...]


class NamespaceLeft(msgspec.Struct, frozen=True):
    """The client left a namespace on purpose."""

    namespace: str


class PeerClosed(msgspec.Struct, frozen=True):
    """The client ended the connection on purpose, and with it all its namespaces."""


class TimedOut(msgspec.Struct, frozen=True):
    """The client is to be given up: it fell silent, or never asked for a namespace."""

    reason: str


class FencePassed(msgspec.Struct, frozen=True):
    """Everything came that the client had sent before it could have seen what was sent before this fence."""

    token: Any


_Packet = EventReceived | EventReceivedRaw | AckReceived
Event = ConnectRequested | NamespaceLeft | _Packet | PeerClosed | TimedOut | FencePassed
_HEARTBEAT = object()


class ServerSession:
    """One connection, from the handshake to its end.

    Args:
        sid: the Engine.IO session id, which is not the Socket.IO one.
        now: seconds.
        ping_interval_s: from one ping to the next.
        ping_timeout_s: from a ping to the end of patience; any frame counts as an answer.
        max_payload: bytes accepted in one frame.
        connect_timeout_s: patience with a client that has no namespace (45 s in the reference).

    Raises:
        LocalProtocolError: a setting makes no sense.
    """

    def __init__(
        self,
        *,
        sid: str,
        now: float,
        ping_interval_s: float,
        ping_timeout_s: float,
        max_payload: int,
        connect_timeout_s: float = 45.0,
    ) -> None:
        settings = {
            "ping_interval_s": ping_interval_s,
            "ping_timeout_s": ping_timeout_s,
            "max_payload": max_payload,
            "connect_timeout_s": connect_timeout_s,
            "sid": len(sid),
        }
        for name, value in settings.items():
            if not 0 < value < math.inf:
                raise LocalProtocolError(f"{name} must be above zero and finite, or not empty")
        self._sid = sid
        self._state = OPEN
        self._namespaces: dict[str, NamespaceState] = {}
        self._decoder = Decoder()
        self._max_payload = max_payload
        self._ping_interval_s = ping_interval_s
        self._ping_timeout_s = ping_timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._ping_at = now + ping_interval_s
        self._heard_at = now
        self._silent_until: float | None = None
        self._pings: deque[Any] = deque()  # not answered yet: the tokens of fences, and heartbeats
        self._connect_by: float | None = now + connect_timeout_s
        handshake = Handshake(
            sid, max(1, round(ping_interval_s * 1000)), max(1, round(ping_timeout_s * 1000)), max_payload
        )
        self._frames: list[OutFrame] = [Text(encode_handshake(handshake))]

    def __repr__(self) -> str:
        namespaces = "".join(f" {namespace}={state.name}" for namespace, state in self._namespaces.items())
        return f"<ServerSession {self._sid!r} {self._state.name}{namespaces}>"

    @property
    def state(self) -> ServerState:
        """Where the connection stands."""
        return self._state

    @property
    def namespaces(self) -> tuple[str, ...]:
        """The connected namespaces, in the order in which they were asked for; at the end, those left standing."""
        return tuple(namespace for namespace, state in self._namespaces.items() if state is CONNECTED)

    @property
    def heard_at(self) -> float:
        """When the last frame arrived, or else when the connection began."""
        return self._heard_at

    def namespace_state(self, namespace: str) -> NamespaceState:
        """Where a namespace stands."""
        return self._namespaces.get(namespace, ABSENT)

    def data_to_send(self) -> list[OutFrame]:
        """Take the frames that you must now write, in this order."""
        frames, self._frames = self._frames, []
        return frames

    def receive_text(self, text: bytes, now: float) -> list[Event]:
        """Take a text frame that arrived at ``now``.

        Afterwards you must write :meth:`data_to_send`.

        Raises:
            RemoteProtocolError: the client broke the protocol; the session is closed.
        """
        return self._receive(text, now, raw=False)

    def receive_raw(self, text: bytes, now: float) -> list[Event]:
        """Take a text frame as :meth:`receive_text`, but leave the JSON of events without attachments to you.

        An event then comes as :class:`EventReceivedRaw`. You must decode its body, and close the connection
        if it turns out to be no JSON.
        """
        event = split_event(text)
        if (
            event is not None
            and self._namespaces.get("/") is CONNECTED
            and self._state is OPEN
            and not self._decoder.pending
            and len(text) <= self._max_payload
        ):
            self._heard_at = now
            self._silent_until = None
            name, ack_id, body = event
            return [EventReceivedRaw("/", ack_id, body, name)]
        return self._receive(text, now, raw=True)

    def receive_binary(self, data: bytes, now: float) -> list[Event]:
        """Take a binary frame that arrived at ``now``; otherwise as :meth:`receive_text`."""
        if self._state is CLOSED:
            return []
        try:
            self._hear(data, now)
            packet = self._decoder.receive_binary(data)
            return [] if packet is None else self._receive_packet(packet)
        except RemoteProtocolError:
            self._state = CLOSED
            raise

    def next_timer(self) -> float | None:
        """When you must call :meth:`handle_timer`, at the latest; None once the session is closed.

        It moves with every frame, mostly to later. A timer that fires early does no harm, so you may leave it
        running and ask again when it fires.
        """
        if self._state is CLOSED:
            return None
        return min(at for at in (self._ping_at, self._silent_until, self._connect_by) if at is not None)

    def handle_timer(self, now: float) -> list[Event]:
        """Do what is due at ``now``: send a ping, or give the client up."""
        if self._state is CLOSED:
            return []
        if self._silent_until is not None and now >= self._silent_until:
            return self._time_out("ping timeout")
        if self._connect_by is not None and now >= self._connect_by:
            if REQUESTED not in self._namespaces.values():
                return self._time_out("connect timeout")
            self._connect_by = now + self._connect_timeout_s  # it is the server who is slow
        if now >= self._ping_at:
            self._ping(_HEARTBEAT)
            self._ping_at = now + self._ping_interval_s
            if self._silent_until is None:
                self._silent_until = now + self._ping_timeout_s
        return []

    def accept(self, namespace: str, sid: str, pid: str | None = None) -> None:
        """Answer a :class:`ConnectRequested` with yes.

        Missed events of a recovered session must be sent before.

        Args:
            namespace: which one.
            sid: the Socket.IO session id; the old one if the session was recovered.
            pid: the private id for the next recovery, if you offer any; the old one says "recovered".

        Raises:
            LocalProtocolError: nobody asked for this namespace.
        """
        data = {"sid": sid} if pid is None else {"sid": sid, "pid": pid}
        self._send(namespace, PacketType.CONNECT, encode(Packet(PacketType.CONNECT, namespace, data)))
        self._connect_by = None

    def refuse(self, namespace: str, message: str, data: Any = None) -> None:
        """Answer a :class:`ConnectRequested` with no.

        Args:
            namespace: which one.
            message: the reason, for people.
            data: more, for the client's application.

        Raises:
            LocalProtocolError: nobody asked for this namespace, or ``data`` cannot be sent.
        """
        reason = {"message": message} if data is None else {"message": message, "data": data}
        encoded = encode(Packet(PacketType.CONNECT_ERROR, namespace, reason))
        self._send(namespace, PacketType.CONNECT_ERROR, encoded)

    def send_event(
        self, event: str, args: Sequence[Any] = (), *, namespace: str = "/", ack_id: int | None = None
    ) -> None:
        """Queue an event.

        Args:
            event: its name.
            args: values that JSON can hold, msgspec Structs, and bytes anywhere inside.
            namespace: where; connected, or requested if it is a missed event of a session to be recovered.
            ack_id: a number that no other event of this connection has, if you want it acked.

        Raises:
            LocalProtocolError: the namespace is not connected, or the event cannot be sent.
        """
        self._send(namespace, PacketType.EVENT, encode_event(event, args, namespace=namespace, ack_id=ack_id))

    def send_encoded(self, encoded: EncodedPacket, *, namespace: str = "/") -> None:
        """Queue an event that was encoded once for many; it must be one of ``namespace``."""
        self._send(namespace, PacketType.EVENT, encoded)

    def send_ack(self, ack_id: int, args: Sequence[Any] = (), *, namespace: str = "/") -> None:
        """Queue the answer to the event that came with ``ack_id``; otherwise as :meth:`send_event`."""
        self._send(namespace, PacketType.ACK, encode_ack(ack_id, args, namespace=namespace))

    def send_disconnect(self, namespace: str = "/") -> None:
        """End a namespace; the connection stays.

        Raises:
            LocalProtocolError: it is not connected.
        """
        self._send(namespace, PacketType.DISCONNECT, encode(Packet(PacketType.DISCONNECT, namespace)))

    def fence(self, token: Any) -> None:
        """Queue a ping behind what was sent so far; :class:`FencePassed` comes with its pong.

        The pings of the heartbeat come at their times all the same, and this one starts no timeout.

        Raises:
            LocalProtocolError: the connection is closed.
        """
        if self._state is CLOSED:
            raise LocalProtocolError(f"no fence can be sent on a connection that is {self._state.name}")
        self._ping(token)

    def _ping(self, token: Any) -> None:
        self._pings.append(token)
        self._frames.append(Text(b"2"))

    def _receive(self, text: bytes, now: float, raw: bool) -> list[Event]:
        if self._state is CLOSED:
            return []
        try:
            self._hear(text, now)
            if text[:1] != b"4":
                return self._receive_engine(text)
            packet = split(text, 1)
            if raw and packet.type is PacketType.EVENT:
                return self._receive_event(packet)
            if packet.attachments:
                self._after_receiving(packet.namespace, packet.type)  # hold nothing for whoever may not send it
            whole = self._decoder.receive(packet)
            return [] if whole is None else self._receive_packet(whole)
        except RemoteProtocolError:
            self._state = CLOSED
            raise

    def _hear(self, frame: bytes, now: float) -> None:
        self._heard_at = now
        self._silent_until = None
        if len(frame) > self._max_payload:
            raise RemoteProtocolError(f"a frame of {len(frame)} bytes, {self._max_payload} allowed: {clip(frame)}")

    def _receive_engine(self, text: bytes) -> list[Event]:
        kind, _ = decode_engine(text)
        state = _ENGINE.get((self._state, kind))
        if state is None:
            raise RemoteProtocolError(f"a client may not send Engine.IO {kind.name}: {clip(text)}")
        self._state = state
        if state is CLOSED:
            return [PeerClosed()]
        token = self._pings.popleft() if self._pings else _HEARTBEAT  # pongs come in the order of the pings
        return [] if token is _HEARTBEAT else [FencePassed(token)]

    def _receive_event(self, packet: RawPacket) -> list[Event]:
        self._decoder.check_idle(packet)
        name = event_name(packet.body)
        if self._namespaces.get(packet.namespace) is not CONNECTED:
            self._after_receiving(packet.namespace, packet.type)
            return []  # expelled
        return [EventReceivedRaw(packet.namespace, packet.ack_id, packet.body, name)]

    def _receive_packet(self, packet: Packet) -> list[Event]:
        namespace, kind, data = packet.namespace, packet.type, packet.data
        expelled = self._namespaces.get(namespace) is EXPELLED
        self._become(namespace, self._after_receiving(namespace, kind))
        if kind is PacketType.CONNECT:
            return [_request(namespace, data)]
        if expelled:
            return []
        if kind is PacketType.EVENT:
            return [EventReceived(namespace, data[0], tuple(data[1:]), packet.ack_id)]
        if kind is PacketType.DISCONNECT:
            return [NamespaceLeft(namespace)]
        assert packet.ack_id is not None  # the decoder knows no ACK without
        return [AckReceived(namespace, packet.ack_id, tuple(data))]

    def _after_receiving(self, namespace: str, kind: PacketType) -> NamespaceState:
        before = self._namespaces.get(namespace, ABSENT)
        state = _RECEIVED.get((before, kind))
        if state is None:
            raise RemoteProtocolError(f"{kind.name} for namespace {namespace[:40]!r}, which is {before.name}")
        return state

    def _become(self, namespace: str, state: NamespaceState) -> None:
        if state is ABSENT:
            self._namespaces.pop(namespace, None)
        else:
            self._namespaces[namespace] = state

    def _send(self, namespace: str, kind: PacketType, encoded: EncodedPacket) -> None:
        before = self._namespaces.get(namespace, ABSENT)
        state = _SENT.get((before, kind))
        if state is None or self._state is CLOSED:
            where = f"{namespace!r}, which is {before.name}, on a connection that is {self._state.name}"
            raise LocalProtocolError(f"no {kind.name} can be sent to namespace {where}")
        self._become(namespace, state)
        self._frames.append(Text(encoded.text))
        if encoded.attachments:
            self._frames.extend(map(Binary, encoded.attachments))

    def _time_out(self, reason: str) -> list[Event]:
        self._state = CLOSED
        return [TimedOut(reason)]


def _request(namespace: str, data: dict[str, Any] | None) -> ConnectRequested:
    if data is None:
        return ConnectRequested(namespace, None, None, None)
    pid, offset = data.pop("pid", None), data.pop("offset", None)
    known = isinstance(offset, str | None)
    return ConnectRequested(namespace, data, pid if isinstance(pid, str) else None, offset if known else "")
