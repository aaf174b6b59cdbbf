"""A session: one user on one device in one namespace, as the server talks to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from realtime.protocol.socketio import MAX_ACK_DIGITS, EncodedPacket, encode_ack, encode_event
from realtime.server.messages import AppStateName, ErrorReply, Refusal, Status, encode
from realtime.server.packets import ack_frame, packet_frames
from realtime.server.rooms import Member
from realtime.server.trail import Trail

_ACK_SPAN = 1 << (10**MAX_ACK_DIGITS).bit_length()


class Said(NamedTuple):
    """What a user told others by ``presence:update``, on one device."""

    status: Status | None = None
    text: str | None = None
    meta: Mapping[str, Any] | None = None


class SessionLink(Protocol):
    """The way from a session to its client."""

    def write(self, frame: bytes) -> None:
        """Send whole WebSocket frames."""
        ...

    def write_volatile(self, frame: bytes) -> bool:
        """Send them unless the client lags; returns whether they were sent."""
        ...

    def fence(self, passed: Callable[[], None]) -> None:
        """Call ``passed()`` as soon as the client has answered to what was written so far."""
        ...

    def leave(self, namespace: str) -> None:
        """Take the session off the client's connection, and tell the client."""
        ...

    def replaced(self, namespace: str) -> None:
        """Another connection has the session now: let go of it, and end this one."""
        ...

    def overrun(self, reason: str) -> None:
        """The client sends too much, and cannot be told otherwise: end the connection."""
        ...


class Session:
    """What an event handler is given: who sent the event, and ways to answer.

    It survives its connection, if the client can recover it: it is then the same object with the same rooms, and the
    client hears what was sent to it meanwhile.

    Args:
        sid: the Socket.IO id.
        member: the user and the device; the user is authenticated.
        namespace: ``/`` or the name of a registered one.
        link: the connection, as long as there is one.
        auth: the handshake's ``auth`` object, as the client sent it.
    """

    def __init__(
        self, *, sid: str, member: Member, namespace: str, link: SessionLink, auth: Mapping[str, Any] | None
    ) -> None:
        self.sid = sid
        self.member = member
        self.namespace = namespace
        self.link = link
        self.auth = dict(auth or {})
        self.app_state: AppStateName = "active"
        self.said = Said()
        self.connected = True
        self.dropped = False
        """Whether its connection was lost without a goodbye."""
        self.recovered = False
        """Whether its present connection is not its first."""
        self.pid: str | None = None
        """The private id by which its client recovers it."""
        self.trail: Trail | None = None
        """What it may have missed; None if it cannot be recovered."""
        self.credit = 0.0
        """Events that may come before its limit is asked: see :class:`~realtime.server.rate_limit.RateLimit`."""
        self.credit_since: float | None = None
        self.refused_on: SessionLink | None = None
        self._acks_from = 0

    def __repr__(self) -> str:
        state = "connected" if self.connected else "disconnected" if self.trail is None else "away"
        user, device = self.member
        return f"<Session {self.sid!r} user={user!r} device={device!r} namespace={self.namespace!r} {state}>"

    @property
    def user_id(self) -> str:
        """The authenticated user."""
        return self.member.user_id

    @property
    def device_id(self) -> str:
        """The device, as the client names it; without a name, the Socket.IO id."""
        return self.member.device_id

    def emit(self, event: str, *args: Any) -> None:
        """Send an event to this client; one that has lost its connection hears it when it comes back.

        Ignored once the session has ended.

        Raises:
            LocalProtocolError: the name is reserved, or an argument cannot be sent.
        """
        self.send(encode_event(event, args, namespace=self.namespace))

    def send(self, packet: EncodedPacket) -> None:
        """Send an event that is encoded already; otherwise as :meth:`emit`."""
        if self.trail is not None:
            self.link.write(self.trail.add(packet))
        elif self.connected:
            self.link.write(packet_frames(packet))

    def disconnect(self) -> None:
        """End this session; the client is told, and will not reconnect by itself. Calling it twice is harmless."""
        if self.connected or self.trail is not None:
            self.connected = False
            self.link.leave(self.namespace)

    def fence(self, passed: Callable[[], None]) -> None:
        """Call ``passed()`` once all that the client sent before it could see what was written so far was handled.

        It costs a ping and a pong. It is never called if the connection is lost, or the session ends, before that.
        """
        link = self.link

        def passed_here() -> None:
            if self.connected and self.link is link:
                passed()

        if self.connected:
            link.fence(passed_here)

    # For the connection

    def closed(self) -> None:
        """It has ended: nothing is sent from now on."""
        self.connected = False

    def detached(self, link: SessionLink) -> None:
        """Its connection has ended, and another may follow."""
        self.connected = False
        self.link = link

    def attached(self, link: SessionLink, auth: Mapping[str, Any] | None) -> None:
        """It goes on, on another connection."""
        self.link = link
        self.auth = dict(auth or {})
        self.connected = self.recovered = True
        self.dropped = False
        self._acks_from += _ACK_SPAN

    def own_ack_id(self, ack_id: int | None) -> int | None:
        """An ack id as the handlers get it, so that a late answer finds no later connection, where it means another."""
        return None if ack_id is None else self._acks_from + ack_id

    def acknowledge(self, ack_id: int | None, reply: msgspec.Struct) -> None:
        """Answer an event with one object, if the client asked for an answer."""
        if ack_id is not None and self.connected and ack_id >= self._acks_from:
            self.link.write(ack_frame(ack_id - self._acks_from, encode(reply), self.namespace))

    def refuse(self, ack_id: int | None, refusal: Refusal) -> None:
        """Answer an event with ``{"ok": false, …}``, if the client asked for an answer."""
        self.acknowledge(ack_id, ErrorReply.of(refusal))

    def answer(self, ack_id: int | None, args: Sequence[Any]) -> None:
        """Answer an event with any arguments, if the client asked for an answer.

        Raises:
            LocalProtocolError: an argument cannot be sent.
        """
        if ack_id is not None and self.connected and ack_id >= self._acks_from:
            self.link.write(packet_frames(encode_ack(ack_id - self._acks_from, args, namespace=self.namespace)))
