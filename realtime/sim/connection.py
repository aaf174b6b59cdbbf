"""A simulated TCP connection: the model of both ends, their transports, one timer."""

from __future__ import annotations

import asyncio
import contextvars
import errno
from collections.abc import Callable, Iterator
from typing import Protocol

from realtime.network.link import NEVER_NS
from realtime.network.path import Path
from realtime.network.tcp import (
    Accepted,
    Ended,
    Established,
    Event,
    GaveUp,
    Received,
    Refused,
    RequestReceived,
    Reset,
    Segment,
    TcpConnection,
    TcpEndpoint,
    TimedOut,
)
from realtime.sim.journal import Journal, Kind
from realtime.sim.loop import SimLoop
from realtime.sim.process import Process, current_process
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
        up: from the client to the server.
        down: from the server to the client.
        factory: makes the client's protocol, in the current context.
    """

    __slots__ = (
        "_client",
        "_client_context",
        "_factory",
        "_is_cut",
        "_network",
        "_opened",
        "_server",
        "_wake",
        "client_address",
        "journal",
        "loop",
        "number",
        "server_address",
        "tcp",
        "waits",
    )

    def __init__(
        self,
        network: Network,
        number: int,
        client: Address,
        server: Address,
        up: Path[Segment],
        down: Path[Segment],
        factory: Factory,
    ) -> None:
        self.number = number
        self.client_address = client
        self.server_address = server
        self.loop = network.loop
        self.journal = network.journal
        self.tcp = TcpConnection(up, down)
        self.waits = False  # whether a transport has something to do when bytes are acknowledged
        self._network = network
        self._factory = factory
        self._client_context = contextvars.copy_context()
        self._opened: asyncio.Future[tuple[asyncio.Transport, asyncio.BaseProtocol]] = self.loop.create_future()
        self._client: SimTransport | None = None
        self._server: SimTransport | None = None
        self._wake = self.loop.idle_timer(self._on_timer)
        self._is_cut = False

    async def open(self) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Connect; raises ``ConnectionRefusedError`` or ``TimeoutError`` as a kernel does."""
        self.tcp.client.open(self.loop.now_ns)
        self.touch()
        try:
            return await self._opened
        except asyncio.CancelledError:
            if self._client is None:
                self.tcp.client.forget()
                self.touch()
            else:
                self._client.abort()
            raise

    # -- faults

    @property
    def hosts(self) -> tuple[str, str]:
        """The hosts of client and server."""
        return self.client_address[0], self.server_address[0]

    def cut(self) -> None:
        """Half-open death: both ends believe in the connection, and every byte vanishes.

        While the client still waits for an answer to its request, nothing is cut: its requests meet the links.
        """
        if self.tcp.client.is_established:
            self._is_cut = True
            self.tcp.cut()

    def reset(self) -> None:
        """Both ends learn at once that the connection was reset."""
        for end, transport in self._ends():
            end.forget()
            if transport is not None and not transport.is_lost:
                self.record(Kind.RESET, end)
                transport.lose(_os_error(ConnectionResetError, errno.ECONNRESET))
        if not self._opened.done():
            self._opened.set_exception(_os_error(ConnectionResetError, errno.ECONNRESET))
        self.touch()

    def crash(self, process: Process) -> None:
        """The process's host has crashed: its ends are gone without a word.

        What arrives there later, when the host is up again, is answered with a reset.
        """
        for end, transport in self._ends_of(process):
            end.forget()
            if transport is not None:
                transport.abandon()
        if self._server is None and self.server_address[0] == process.host:
            self.tcp.server.forget()
        self.touch()

    def kill(self, process: Process) -> None:
        """The kernel closes the ends of a process: with the end of the stream, or a reset if something is unread."""
        for end, transport in self._ends_of(process):
            if transport is not None and not transport.is_lost:
                transport.kill()
            elif not end.is_established:
                end.abort(self.loop.now_ns)
        self.touch()

    def revise(self) -> None:
        """A link on the way has changed."""
        self.tcp.revise(self.loop.now_ns)
        self.touch()

    def abandon(self) -> None:
        """The run is over: whoever still holds an end finds it closed."""
        for _, transport in self._ends():
            if transport is not None:
                transport.abandon()

    # -- the transports' side

    def record(self, kind: Kind, end: TcpEndpoint) -> None:
        """Write to the journal what happened at an end."""
        self.journal.record(self.loop.now_ns, kind, self.number, end.is_client)

    def touch(self) -> None:
        """Set the timer to the earliest deadline; must be called whenever something was done to the model."""
        at_ns = self.tcp.next_ns
        if at_ns < self._wake.due_ns:
            self.loop.move(self._wake, at_ns)
        elif at_ns == NEVER_NS and (self._client is None or self._client.is_lost):
            self._forget_if_over()

    # -- the network's side

    def _on_timer(self) -> int:
        """Do what is due; returns when to be called next."""
        tcp = self.tcp
        now_ns = self.loop.now_ns
        try:
            if tcp.next_ns <= now_ns:
                for end, event in tcp.handle_timer(now_ns):
                    transport = self._client if end is tcp.client else self._server
                    if transport is None:
                        self._on_opening(end, event)
                    elif event.__class__ is Received:
                        transport.receive(event.data)
                    else:
                        self._on_event(end, transport, event)
                if self.waits:
                    self._progress()
        except BaseException:
            self._wake.due_ns = NEVER_NS
            self.touch()
            raise
        at_ns = tcp.next_ns
        if at_ns == NEVER_NS and (self._client is None or self._client.is_lost):
            self._forget_if_over()
        return at_ns

    def _progress(self) -> None:
        waiting = [transport.progress() for _, transport in self._ends() if transport is not None]
        self.waits = any(waiting)

    def _on_opening(self, end: TcpEndpoint, event: Event) -> None:
        """What an end without a transport learns."""
        match event:
            case RequestReceived() if self._network.listener(self.server_address) is None:
                end.refuse(self.loop.now_ns)
            case RequestReceived():
                end.accept(self.loop.now_ns)
            case Accepted():
                self._accept(end)
            case Established():
                self._establish(end)
            case Refused():
                self._fail(Kind.REFUSED, _os_error(ConnectionRefusedError, errno.ECONNREFUSED, self.server_address))
            case TimedOut():
                self._fail(Kind.TIMED_OUT, _os_error(TimeoutError, errno.ETIMEDOUT, self.server_address))

    def _on_event(self, end: TcpEndpoint, transport: SimTransport, event: Event) -> None:
        """What an open end learns, other than bytes."""
        match event:
            case Ended():
                transport.receive_end()
            case Reset():
                self.record(Kind.RESET, end)
                transport.lose(_os_error(ConnectionResetError, errno.ECONNRESET))
            case GaveUp():
                self.record(Kind.TIMED_OUT, end)
                transport.lose(_os_error(TimeoutError, errno.ETIMEDOUT))

    def _establish(self, end: TcpEndpoint) -> None:
        self._client = transport = SimTransport(
            self,
            end,
            sockname=self.client_address,
            peername=self.server_address,
            context=self._client_context,
        )
        self.record(Kind.OPENED, end)
        protocol = transport.open(self._factory)
        if not self._opened.done():
            self._opened.set_result((transport, protocol))

    def _accept(self, end: TcpEndpoint) -> None:
        listener = self._network.listener(self.server_address)
        if listener is None:  # it closed while the connection waited in its backlog
            end.abort(self.loop.now_ns)
            return
        self._server = transport = SimTransport(
            self,
            end,
            sockname=self.server_address,
            peername=self.client_address,
            context=listener.new_context(),
        )
        self.record(Kind.ACCEPTED, end)
        listener.accept(transport)

    def _fail(self, kind: Kind, error: OSError) -> None:
        self.record(kind, self.tcp.client)
        if not self._opened.done():
            self._opened.set_exception(error)

    def _ends(self) -> Iterator[tuple[TcpEndpoint, SimTransport | None]]:
        yield self.tcp.client, self._client
        yield self.tcp.server, self._server

    def _ends_of(self, process: Process) -> Iterator[tuple[TcpEndpoint, SimTransport | None]]:
        if self._client_context.get(current_process) is process:
            yield self.tcp.client, self._client
        if self._server is not None and self._server.process is process:
            yield self.tcp.server, self._server

    def _forget_if_over(self) -> None:
        if self._opened.done() and all(transport is None or transport.is_lost for _, transport in self._ends()):
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
