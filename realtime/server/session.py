"""A session: one user on one device in one namespace, as the server talks to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from realtime.protocol.socketio import EncodedPacket, encode_ack, encode_event
from realtime.server.frames import binary_frame, text_frame
from realtime.server.messages import AppStateName, ErrorReply, Refusal, encode
from realtime.server.packets import ack_frame
from realtime.server.rooms import Member


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


class Session:
    """What an event handler is given: who sent the event, and ways to answer.

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
        self.connected = True

    def __repr__(self) -> str:
        state = "connected" if self.connected else "disconnected"
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
        """Send an event to this client. Ignored when it is no longer connected.

        Raises:
            LocalProtocolError: the name is reserved, or an argument cannot be sent.
        """
        frame = frames(encode_event(event, args, namespace=self.namespace))
        if self.connected:
            self.link.write(frame)

    def disconnect(self) -> None:
        """End this session; the client is told, and will not reconnect by itself. Calling it twice is harmless."""
        if self.connected:
            self.connected = False
            self.link.leave(self.namespace)

    def fence(self, passed: Callable[[], None]) -> None:
        """Call ``passed()`` once all that the client sent before it could see what was written so far was handled.

        It costs a ping and a pong. It is never called if the connection is lost, or the session ends, before that.
        """

        def passed_here() -> None:
            if self.connected:
                passed()

        if self.connected:
            self.link.fence(passed_here)

    def closed(self) -> None:
        """Its connection has ended, or it left: nothing is sent from now on."""
        self.connected = False

    def acknowledge(self, ack_id: int | None, reply: msgspec.Struct) -> None:
        """Answer an event with one object, if the client asked for an answer."""
        if ack_id is not None and self.connected:
            self.link.write(ack_frame(ack_id, encode(reply), self.namespace))

    def refuse(self, ack_id: int | None, refusal: Refusal) -> None:
        """Answer an event with ``{"ok": false, …}``, if the client asked for an answer."""
        self.acknowledge(ack_id, ErrorReply.of(refusal))

    def answer(self, ack_id: int | None, args: Sequence[Any]) -> None:
        """Answer an event with any arguments, if the client asked for an answer.

        Raises:
            LocalProtocolError: an argument cannot be sent.
        """
        if ack_id is not None and self.connected:
            self.link.write(frames(encode_ack(ack_id, args, namespace=self.namespace)))


def frames(packet: EncodedPacket) -> bytes:
    """A packet as WebSocket frames: attachments follow their packet with nothing in between."""
    if not packet.attachments:
        return text_frame(packet.text)
    return text_frame(packet.text) + b"".join(map(binary_frame, packet.attachments))
