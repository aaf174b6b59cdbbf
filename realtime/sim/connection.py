"""A simulated TCP connection: both ends, both directions, one timer."""

from __future__ import annotations

import asyncio
import contextvars
import errno
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from realtime.network.handshake import (
    Confirmation,
    Established,
    Handshake,
    HandshakeEvent,
    Refused,
    RequestReceived,
    TimedOut,
)
from realtime.network.link import Link
from realtime.network.tcp import AbortReceived, Ended, Event, GaveUp, Received, Rejected, TcpDirection
from realtime.sim.journal import Journal, Kind, Way
from realtime.sim.loop import SimLoop
from realtime.sim.transport import Address, SimTransport

Factory = Callable[[], asyncio.BaseProtocol]


class Listener(Protocol):
    """Whoever accepts connections at an address."""

    def accept(self, transport: SimTransport) -> None:
        """Make the protocol of the server's end."""

    def new_context(self) -> contextvars.Context:
        """The context of one server end."""


class Network(Protocol):
    """What a connection needs of the network it is in."""

    @property
    def loop(self) -> SimLoop:
        """The virtual time."""

    @property
    def journal(self) -> Journal:
        """Where events are written down."""

    def listener(self, address: Address) -> Listener | None:
        """Who accepts connections there, if anyone."""

    def forget(self, connection: SimConnection) -> None:
        """Nothing can happen to this connection any more."""


class SimConnection:
    """From the first SYN to the last acknowledgement.

    Args:
        network: where it happens.
        number: identifies the connection in the run.
        client: address of the client's end.
        server: address that it connects to.
        up: links from the client to the server.
        down: links from the server to the client.
        factory: makes the client's protocol, in the current context.
    """

    def __init__(
        self,
        network: Network,
        number: int,
        client: Address,
        server: Address,
        up: Sequence[Link],
        down: Sequence[Link],
        factory: Factory,
    ) -> None:
        self.number = number
        self.client_address = client
        self.server_address = server
        self.loop = network.loop
        self._network = network
        self._links = up, down
        self._factory = factory
        self._client_context = contextvars.copy_context()
        self._opened: asyncio.Future[tuple[asyncio.Transport, asyncio.BaseProtocol]] = self.loop.create_future()
        self._handshake: Handshake | None = None
        self._confirmation: Confirmation | None = None
        self._up: TcpDirection | None = None
        self._down: TcpDirection | None = None
        self._client: SimTransport | None = None
        self._server: SimTransport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._timer_ns = 0
        self._is_cut = False

    async def open(self) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect; raises ``ConnectionRefusedError`` or ``TimeoutError`` as a kernel does."""
        up, down = self._links
        self._handshake = Handshake(up, down, now_ns=self.loop.now_ns)
        self.touch()
        try:
            return await self._opened
        except asyncio.CancelledError:
            self._handshake = None
            if self._client is not None:
                self._client.abort()
            self.touch()
            raise

    # -- faults

    @property
    def hosts(self) -> tuple[str, str]:
        """The hosts of client and server."""
        return self.client_address[0], self.server_address[0]

    def cut(self) -> None:
        """Half-open death: both ends believe in the connection, and every byte vanishes.

        A handshake that is not through on the client's side goes on: its packets meet the links.
        """
        for machine in (self._confirmation, self._up, self._down):
            if machine is not None:
                self._is_cut = True
                machine.cut()

    def reset(self) -> None:
        """Both ends learn at once that the connection was reset."""
        self._handshake = self._confirmation = None
        for transport in (self._client, self._server):
            if transport is not None and not transport.is_lost:
                self.record(Kind.RESET, transport)
                transport.lose(_os_error(ConnectionResetError, errno.ECONNRESET))
        if not self._opened.done():
            self._opened.set_exception(_os_error(ConnectionResetError, errno.ECONNRESET))

    def abandon(self) -> None:
        """The run is over: whoever still holds an end finds it closed."""
        for transport in (self._client, self._server):
            if transport is not None:
                transport.abandon()

    # -- the transports' side

    def record(self, kind: Kind, sender: SimTransport | None, data: bytes = b"") -> None:
        """Write to the journal; None is an event of the client before it has a transport."""
        way: Way = "up" if sender is self._client else "down"
        self._network.journal.record(self.loop.now_ns, kind, self.number, way, data)

    def touch(self) -> None:
        """Set the timer to the earliest deadline."""
        at_ns = None
        for machine in (self._handshake, self._confirmation, self._up, self._down):
            if machine is not None and (next_ns := machine.next_timer()) is not None:
                at_ns = next_ns if at_ns is None or next_ns < at_ns else at_ns
        if at_ns is None:
            self._forget_if_over()
        elif self._timer is None or at_ns < self._timer_ns:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_ns = at_ns
            self._timer = self.loop.call_at_ns(at_ns, self._on_timer, context=self.loop.neutral)

    # -- the network's side

    def _on_timer(self) -> None:
        self._timer = None
        now_ns = self.loop.now_ns
        if self._handshake is not None:
            self._on_handshake(self._handshake, self._handshake.handle_timer(now_ns))
        if self._confirmation is not None and self._confirmation.handle_timer(now_ns):
            self._accept()
        if self._up is not None and self._down is not None:
            if events := self._up.handle_timer(now_ns):
                self._on_up_events(events)
            if events := self._down.handle_timer(now_ns):
                self._on_events(events, self._server, self._client)
            for transport in (self._client, self._server):
                if transport is not None:
                    transport.progress()
        self.touch()

    def _on_handshake(self, handshake: Handshake, events: Iterable[HandshakeEvent]) -> None:
        for event in events:
            match event:
                case RequestReceived():
                    if self._network.listener(self.server_address) is None:
                        handshake.refuse(self.loop.now_ns)
                    else:
                        handshake.accept(self.loop.now_ns)
                case Established(rtt_ns=rtt_ns):
                    self._establish(rtt_ns)
                case Refused():
                    self._fail(Kind.REFUSED, _os_error(ConnectionRefusedError, errno.ECONNREFUSED, self.server_address))
                case TimedOut():
                    self._fail(Kind.TIMED_OUT, _os_error(TimeoutError, errno.ETIMEDOUT, self.server_address))

    def _establish(self, rtt_ns: int | None) -> None:
        up, down = self._links
        self._handshake = None
        self._confirmation = Confirmation(up, now_ns=self.loop.now_ns)
        self._up = TcpDirection(up, down, rtt_ns=rtt_ns)
        self._down = TcpDirection(down, up, rtt_ns=rtt_ns)
        self._client = SimTransport(
            self,
            self._up,
            self._down,
            sockname=self.client_address,
            peername=self.server_address,
            context=self._client_context,
        )
        self.record(Kind.OPENED, self._client)
        protocol = self._client.open(self._factory)
        if not self._opened.done():
            self._opened.set_result((self._client, protocol))

    def _accept(self) -> None:
        self._confirmation = None
        if self._up is None or self._down is None:
            return
        listener = self._network.listener(self.server_address)
        if listener is None:  # it closed while the connection waited in its backlog
            self._down.abort(self.loop.now_ns)
            self._up.close_receiver()
            return
        self._server = SimTransport(
            self,
            self._down,
            self._up,
            sockname=self.server_address,
            peername=self.client_address,
            context=listener.new_context(),
        )
        self.record(Kind.ACCEPTED, self._server)
        listener.accept(self._server)

    def _fail(self, kind: Kind, error: OSError) -> None:
        self.record(kind, None)
        if not self._opened.done():
            self._opened.set_exception(error)

    def _on_up_events(self, events: list[Event]) -> None:
        if self._confirmation is not None and isinstance(events[0], Received | Ended) and self._confirmation.arrive():
            self._accept()
        self._on_events(events, self._client, self._server)

    def _on_events(self, events: list[Event], sender: SimTransport | None, receiver: SimTransport | None) -> None:
        for event in events:
            match event:
                case Received(data=data) if receiver is not None:
                    self.record(Kind.RECEIVED, sender, data)
                    receiver.deliver(event)
                case Ended() if receiver is not None:
                    self.record(Kind.ENDED, sender)
                    receiver.deliver(event)
                case AbortReceived() if receiver is not None:
                    receiver.lose(_os_error(ConnectionResetError, errno.ECONNRESET))
                case Rejected() if sender is not None:
                    self.record(Kind.RESET, sender)
                    sender.lose(_os_error(ConnectionResetError, errno.ECONNRESET))
                case GaveUp() if sender is not None:
                    self.record(Kind.TIMED_OUT, sender)
                    sender.lose(_os_error(TimeoutError, errno.ETIMEDOUT))

    def _forget_if_over(self) -> None:
        ends = [transport for transport in (self._client, self._server) if transport is not None]
        if self._opened.done() and all(transport.is_lost for transport in ends):
            self._network.forget(self)

    def __repr__(self) -> str:
        cut = " CUT" if self._is_cut else ""
        return f"<SimConnection {self.number} {self.client_address} → {self.server_address}{cut}>"


def _os_error(kind: type[OSError], code: int, address: Address | None = None) -> OSError:
    what = {
        errno.ECONNREFUSED: "Connection refused",
        errno.ECONNRESET: "Connection reset by peer",
        errno.ETIMEDOUT: "Connection timed out",
    }[code]
    return kind(code, what if address is None else f"{what}: {address}")
