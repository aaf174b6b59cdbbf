"""One client's connection through the chaos proxy: two real sockets, and a modelled TCP between them.

What one socket reads is written into one end of a :class:`~realtime.network.tcp.TcpConnection`; what the other end
receives is written to the other socket. All decisions are the model's; here they are only carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable
from typing import Protocol, cast

from realtime.network.access_link import AccessLink
from realtime.network.binding import Binding
from realtime.network.link import NEVER_NS
from realtime.network.metered_link import MeteredLink
from realtime.network.path import Path
from realtime.network.tcp import (
    WINDOW_BYTES,
    Ended,
    Event,
    Received,
    RequestReceived,
    TcpConnection,
    TcpEndpoint,
)
from realtime.network.timetable import Timetable

# A sender is held back while this much of its data is not acknowledged: what a kernel's send buffer does. It is let go
# when there is only a window left, before the model has nothing to send.
SEND_BUFFER_BYTES = WINDOW_BYTES + 65_536

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Owner(Protocol):
    """What a connection needs of its proxy."""

    @property
    def access(self) -> AccessLink:
        """The phone's access to the network."""

    @property
    def clock(self) -> Timetable:
        """What drives the connection."""

    def connect(self, connection: ProxiedConnection) -> None:
        """Connect ``connection.server`` to the server, or else call ``connection.refused()``."""

    def opened(self, side: Side) -> None:
        """A socket is open."""

    def closed(self, side: Side) -> None:
        """A socket is closed."""

    def forget(self, connection: ProxiedConnection) -> None:
        """The connection has ended; its sockets may still be closing."""


class Side(asyncio.Protocol):
    """One of the two sockets.

    Args:
        connection: what it belongs to.
        endpoint: its end of the modelled connection.
        link: the link that its data enters.
    """

    def __init__(self, connection: ProxiedConnection, endpoint: TcpEndpoint, link: MeteredLink) -> None:
        self.endpoint = endpoint
        self.link = link
        self.transport: asyncio.Transport | None = None
        self.has_ended = False  # it sends no more
        self.was_told_end = False  # the other side sends no more, and this one knows
        self.is_full = False  # its application reads too slowly
        self.is_gone = False
        self._connection = connection
        self._is_held_back = False

    # -- called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is connected."""
        self.transport = cast(asyncio.Transport, transport)
        self._connection.opened(self)

    def data_received(self, data: bytes) -> None:
        """Bytes from the application."""
        self._connection.read(self, data)

    def eof_received(self) -> bool:
        """The application ends its direction. The other one stays open."""
        self.has_ended = True
        self._connection.ended(self)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is closed, by its application or by this proxy."""
        self.is_gone = True
        self._connection.lost(self)

    def pause_writing(self) -> None:
        """The socket takes no more bytes at present."""
        self.is_full = True
        self._connection.full(self)

    def resume_writing(self) -> None:
        """The socket takes bytes again."""
        self.is_full = False
        self._connection.drained(self)

    # -- called by the connection

    @property
    def is_open(self) -> bool:
        """Whether bytes can be written to it."""
        return self.transport is not None and not self.transport.is_closing()

    def write(self, data: bytes) -> None:
        """Hand bytes to the application, if it is still there."""
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def tell_end(self) -> None:
        """Tell the application that the other side sends no more."""
        self.was_told_end = True
        if self.transport is None or self.transport.is_closing():
            return
        try:
            self.transport.write_eof()
        except OSError:  # its application has reset it, and the loop, which may be holding it back, has not looked yet
            self.transport.abort()
        else:
            self.close_if_both_ended()

    def hold_back(self) -> None:
        """Read on only while there is room in the modelled send buffer."""
        if self.transport is None or self.is_gone:
            return
        buffered_bytes = self.endpoint.buffered_bytes
        if self._is_held_back and buffered_bytes <= WINDOW_BYTES:
            self._is_held_back = False
            self.transport.resume_reading()
        elif not self._is_held_back and buffered_bytes >= SEND_BUFFER_BYTES:
            self._is_held_back = True
            self.transport.pause_reading()

    def close_if_both_ended(self) -> None:
        """Close the socket once each direction has come to its end here."""
        if self.has_ended and self.was_told_end and self.transport is not None:
            self.transport.close()

    def reset(self) -> None:
        """Close the socket with an RST."""
        if self.transport is not None and not self.is_gone:
            with contextlib.suppress(OSError):
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
            self.transport.abort()


class ProxiedConnection:
    """A client's socket, the server's socket and the modelled connection between them.

    Args:
        owner: the proxy.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._clock = owner.clock
        access = owner.access
        self._binding = Binding(access, self._clock.now_ns())
        self._tcp = TcpConnection(
            Path([access.up], bindings=[self._binding]), Path([access.down], bindings=[self._binding])
        )
        self.client = Side(self, self._tcp.client, access.up)
        self.server = Side(self, self._tcp.server, access.down)
        self.scheduled_ns = NEVER_NS  # the timetable's
        self._was_requested = False  # the modelled request has reached the server
        self._is_connecting = False  # to the server, which has not answered yet
        self._is_cut = False
        self._is_over = False

    # -- what the proxy does to it

    def cut(self) -> None:
        """Half-open for ever: nothing crosses any more, and neither side is told."""
        if self._was_requested:  # before that only requests are under way, and those are repeated
            self._clock.now_ns()
            self._is_cut = True
            self._tcp.cut()
            self._clock.touch(self)

    def reset(self) -> None:
        """RST to both sides."""
        self.client.reset()
        self.server.reset()
        self._end()

    def revise(self) -> None:
        """A link has changed."""
        self._tcp.revise(self._clock.now_ns())
        self._clock.touch(self)

    # -- what the sockets do

    def opened(self, side: Side) -> None:
        """A socket is connected: the client's first, the server's when the modelled request has reached it."""
        self._owner.opened(side)
        now_ns = self._clock.now_ns()
        if self._is_over:
            side.reset()
        elif side is self.client:
            side.endpoint.open(now_ns)
        elif side.endpoint.is_dead:  # the client has left meanwhile
            self.reset()
        else:
            self._is_connecting = False
            side.endpoint.accept(now_ns)
        self._settle()

    def refused(self) -> None:
        """The server does not take the connection."""
        now_ns = self._clock.now_ns()
        self._is_connecting = False
        if not self._is_over and not self.server.endpoint.is_dead:
            self.server.endpoint.refuse(now_ns)
        self._end_if_nobody_is_left()
        self._settle()

    def read(self, side: Side, data: bytes) -> None:
        """A socket has read data."""
        now_ns = self._clock.now_ns()
        other = self._other(side)
        if self._passes_freely(side, other) and self._binding.passes(now_ns):
            side.link.delivered_bytes += len(data)
            other.write(data)
        else:
            side.endpoint.write(now_ns, data)
            self._settle()

    def ended(self, side: Side) -> None:
        """A socket's application has ended its direction."""
        side.endpoint.write_eof(self._clock.now_ns())
        side.close_if_both_ended()
        self._end_if_nobody_is_left()
        self._settle()

    def lost(self, side: Side) -> None:
        """A socket is closed. If that was not in order, the other side learns of it as of a reset."""
        now_ns = self._clock.now_ns()
        self._owner.closed(side)
        if not self._is_over and not (side.has_ended and side.was_told_end):
            side.endpoint.abort(now_ns)
        self._end_if_nobody_is_left()
        self._settle()

    def full(self, side: Side) -> None:
        """A socket takes no more."""
        side.endpoint.pause_reading()

    def drained(self, side: Side) -> None:
        """A socket takes bytes again."""
        now_ns = self._clock.now_ns()
        self._carry_out(side, side.endpoint.resume_reading(now_ns))
        self._settle()

    # -- the model

    @property
    def next_ns(self) -> int:
        """When :meth:`run` wants to be called next."""
        return NEVER_NS if self._is_over else self._tcp.next_ns

    def run(self, now_ns: int) -> None:
        """Carry out what is due."""
        for endpoint, event in self._tcp.handle_timer(now_ns):
            self._carry_out(self.client if endpoint is self.client.endpoint else self.server, [event])
        self._end_if_nobody_is_left()
        self._settle()

    def _settle(self) -> None:
        """After a change: read on, or not, and come back when there is something to do."""
        if not self._is_over:
            for side in (self.client, self.server):
                side.hold_back()
                if side.endpoint.is_dead:
                    side.reset()
            self._clock.touch(self)

    def _passes_freely(self, side: Side, other: Side) -> bool:
        """Whether the model would hand data over at once and unchanged, so that it need not be asked."""
        return (
            side.link.is_ideal
            and other.link.is_ideal
            and side.endpoint.is_established
            and other.endpoint.is_established
            and side.endpoint.buffered_bytes == 0
            and not (side.endpoint.is_dead or other.endpoint.is_dead)
            and not (self._is_cut or self._is_over)
            and not other.is_full
            and other.is_open
        )

    def _carry_out(self, side: Side, events: Iterable[Event]) -> None:
        """Do what the model says that this side learns; of a dead endpoint see :meth:`_settle`."""
        for event in events:
            match event:
                case Received(data=data):
                    self._other(side).link.delivered_bytes += len(data)
                    side.write(data)
                case Ended():
                    side.tell_end()
                case RequestReceived():
                    self._was_requested = self._is_connecting = True
                    self._owner.connect(self)

    # -- its end

    def _end_if_nobody_is_left(self) -> None:
        """Once neither application has its end any more, or could see a difference, it is over."""
        if self._is_over:
            return
        client, server = self.client, self.server
        is_silenced = self._is_cut or not self._binding.is_alive(self._clock.now_ns())
        if client.is_gone and (server.is_gone or (server.transport is None and not self._is_connecting)):
            self.reset()
        elif client.has_ended and not client.endpoint.is_established and client.endpoint.retries > 0:
            self.reset()  # it closed while nothing answered; on a path that answers, it has only said all it had
        elif is_silenced and all(side.has_ended or side.is_gone for side in (client, server)):
            self.reset()

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._owner.forget(self)

    def _other(self, side: Side) -> Side:
        return self.server if side is self.client else self.client
