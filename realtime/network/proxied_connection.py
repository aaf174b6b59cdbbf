"""One client's connection through the chaos proxy: two real sockets, and a modelled TCP between them.

What one socket reads is written into a :class:`~realtime.network.tcp.TcpDirection`; what that delivers is
written to the other socket. All decisions are the model's; here they are only carried out.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterable
from typing import Protocol, cast

from realtime.network.handshake import Established, Handshake, HandshakeEvent, RequestReceived
from realtime.network.link import NS
from realtime.network.metered_link import MeteredLink
from realtime.network.tcp import WINDOW_BYTES, AbortReceived, Ended, Event, GaveUp, Received, Rejected, TcpDirection

# A sender is held back while this much of its data is not acknowledged: what a kernel's send buffer does.
SEND_BUFFER_BYTES = WINDOW_BYTES

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER: on, 0 s


class Owner(Protocol):
    """What a connection needs of its proxy."""

    up: MeteredLink
    down: MeteredLink
    loop: asyncio.AbstractEventLoop

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
        link: the link that its data enters.
    """

    def __init__(self, connection: ProxiedConnection, link: MeteredLink) -> None:
        self.link = link
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []  # read before the modelled connection was established
        self.early_bytes = 0
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

    def hold_back(self, buffered_bytes: int) -> None:
        """Read on only while there is room in the modelled send buffer."""
        if self.transport is None or self.is_gone:
            return
        if self._is_held_back and buffered_bytes <= SEND_BUFFER_BYTES // 2:
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
    """A client's socket, the server's socket and the two directions between them.

    Args:
        owner: the proxy.
    """

    def __init__(self, owner: Owner) -> None:
        self._owner = owner
        self._loop = owner.loop
        self.client = Side(self, owner.up)
        self.server = Side(self, owner.down)
        self._handshake: Handshake | None = None
        self._was_requested = False  # the modelled request has reached the server
        self._flows: dict[Side, TcpDirection] = {}  # by the side that sends; empty until established
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns: int | None = None
        self._is_cut = False
        self._is_over = False

    # -- what the proxy does to it

    def cut(self) -> None:
        """Half-open for ever: nothing crosses any more, and neither side is told."""
        if not self._was_requested:
            return  # only requests are under way, and those are repeated
        self._is_cut = True
        if self._handshake is not None:
            self._handshake.cut()
        for flow in self._flows.values():
            flow.cut()

    def reset(self) -> None:
        """RST to both sides."""
        self.client.reset()
        self.server.reset()
        self._end()

    # -- what the sockets do

    def opened(self, side: Side) -> None:
        """A socket is connected: the client's first, the server's when the modelled request has reached it."""
        self._owner.opened(side)
        if self._is_over:
            side.reset()
        elif side is self.client:
            self._handshake = Handshake([self._owner.up], [self._owner.down], now_ns=self._now())
            self._step()
        elif self._handshake is not None:
            self._handshake.accept(self._now())
            self._step()

    def refused(self) -> None:
        """The server does not take the connection."""
        if self._handshake is not None and not self._is_over:
            self._handshake.refuse(self._now())
            self._step()

    def read(self, side: Side, data: bytes) -> None:
        """A socket has read data."""
        other = self._other(side)
        if not self._flows:
            side.early.append(data)
            side.early_bytes += len(data)
            side.hold_back(side.early_bytes)
        elif self._passes_freely(side, other):
            side.link.delivered_bytes += len(data)
            other.write(data)
        else:
            self._flows[side].write(self._now(), data)
            self._step()

    def ended(self, side: Side) -> None:
        """A socket's application has ended its direction."""
        if self._flows:
            self._flows[side].write_eof(self._now())
            self._step()
            side.close_if_both_ended()
            self._end_if_unseen()
        elif self._has_given_up():
            self.reset()

    def lost(self, side: Side) -> None:
        """A socket is closed. If that was not in order, the other side learns of it as of a reset."""
        self._owner.closed(side)
        other = self._other(side)
        if self._is_over:
            return
        if other.is_gone or not (self._flows or self._is_cut):
            self.reset()
        elif self._flows and not (side.has_ended and side.was_told_end):
            self._flows[other].close_receiver()
            self._flows[side].abort(self._now())
            self._step()
        self._end_if_unseen()

    def full(self, side: Side) -> None:
        """A socket takes no more."""
        if self._flows:
            self._flows[self._other(side)].pause_reading()

    def drained(self, side: Side) -> None:
        """A socket takes bytes again."""
        if self._flows:
            other = self._other(side)
            self._carry_out(other, self._flows[other].resume_reading(self._now()))
            self._step()

    # -- the model

    def _step(self) -> None:
        """Carry out what is due, and come back for the rest."""
        now = self._now()
        while not self._is_over and (at := self._next_timer()) is not None and at <= now:
            if self._handshake is not None:
                self._shake_hands(self._handshake.handle_timer(now))
            for side, flow in tuple(self._flows.items()):
                self._carry_out(side, flow.handle_timer(now))
        if not self._is_over:
            for side, flow in self._flows.items():
                side.hold_back(flow.buffered_bytes)
            self._arm(self._next_timer())

    def _next_timer(self) -> int | None:
        machines: Iterable[Handshake | TcpDirection] = self._flows.values() or filter(None, [self._handshake])
        return min((at for machine in machines if (at := machine.next_timer()) is not None), default=None)

    def _arm(self, at_ns: int | None) -> None:
        if at_ns is not None and self._timer_ns is not None and self._timer_ns <= at_ns:
            return  # it comes early enough, finds nothing due and is set anew: cheaper than a change per packet
        if self._timer is not None:
            self._timer.cancel()
        self._timer_ns = at_ns
        self._timer = None if at_ns is None else self._loop.call_at(at_ns / NS, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = self._timer_ns = None
        self._step()

    def _shake_hands(self, events: Iterable[HandshakeEvent]) -> None:
        for event in events:
            if isinstance(event, RequestReceived):
                self._was_requested = True
                self._owner.connect(self)
            elif isinstance(event, Established):
                self._establish(event.rtt_ns)
            else:
                self.client.reset()
        if self._has_given_up():
            self.reset()

    def _has_given_up(self) -> bool:
        """Whether the client closed while nothing answered it; on a path that answers, it has only said all it had."""
        return self.client.has_ended and self._handshake is not None and self._handshake.retries > 0

    def _establish(self, rtt_ns: int | None) -> None:
        self._handshake = None
        up, down = [self._owner.up], [self._owner.down]
        self._flows = {
            self.client: TcpDirection(up, down, rtt_ns=rtt_ns),
            self.server: TcpDirection(down, up, rtt_ns=rtt_ns),
        }
        now = self._now()
        for side, flow in self._flows.items():
            if self._other(side).is_full:
                flow.pause_reading()
            for data in side.early:
                flow.write(now, data)
            side.early.clear()
            if side.has_ended:
                flow.write_eof(now)

    def _passes_freely(self, side: Side, other: Side) -> bool:
        """Whether the model would hand data over at once and unchanged, so that it need not be asked."""
        flow = self._flows[side]
        return (
            side.link.is_ideal
            and other.link.is_ideal
            and not self._is_cut
            and not other.is_full
            and flow.buffered_bytes == 0
            and not flow.is_dead
            and other.is_open
        )

    def _carry_out(self, side: Side, events: Iterable[Event]) -> None:
        """Do what the model says has happened to the data that ``side`` sends."""
        other = self._other(side)
        for event in events:
            if isinstance(event, Received):
                side.link.delivered_bytes += len(event.data)
                other.write(event.data)
            elif isinstance(event, Ended):
                other.tell_end()
            elif isinstance(event, AbortReceived):
                other.reset()
            elif isinstance(event, (Rejected, GaveUp)):
                side.reset()

    def _end_if_unseen(self) -> None:
        """On a cut path: once neither application has its end any more, nobody is left to see a difference."""
        if self._is_cut and all(side.has_ended or side.is_gone for side in (self.client, self.server)):
            self.reset()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        self._arm(None)
        self._owner.forget(self)

    def _other(self, side: Side) -> Side:
        return self.server if side is self.client else self.client

    def _now(self) -> int:
        return round(self._loop.time() * NS)
