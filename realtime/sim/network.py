"""Hosts, their links, names and connections."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import itertools
import random
import socket
from collections.abc import Callable, Iterator
from contextvars import ContextVar

from realtime.network.link import Link, LinkConditions
from realtime.sim.connection import Factory, SimConnection
from realtime.sim.journal import Journal
from realtime.sim.listener import SimServer
from realtime.sim.loop import SimLoop
from realtime.sim.transport import Address

DEFAULT_HOST = "main"
_FIRST_EPHEMERAL_PORT = 49_152
_OWN_NAMES = frozenset({None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})

current_host: ContextVar[str] = ContextVar("current_host", default=DEFAULT_HOST)


class Host:
    """A machine and its access to the network.

    Attributes:
        up: the link from the host to the core of the network.
        down: the link from the core to the host.
    """

    def __init__(self, name: str, rng: random.Random) -> None:
        self.name = name
        self.up = Link(LinkConditions(), rng)
        self.down = Link(LinkConditions(), rng)
        self._interruptions: set[object] = set()

    def interrupt(self, reason: object) -> None:
        """Nothing passes until every reason has ended."""
        self._interruptions.add(reason)
        self.up.down = self.down.down = True

    def resume(self, reason: object) -> None:
        """A reason ends; an unknown one is ignored."""
        self._interruptions.discard(reason)
        self.up.down = self.down.down = bool(self._interruptions)

    def interruptions(self, kind: type) -> list[object]:
        """The present reasons of one type."""
        return [reason for reason in self._interruptions if isinstance(reason, kind)]

    def __repr__(self) -> str:
        return f"<Host {self.name!r}{' DOWN' if self._interruptions else ''}>"


class SimNetwork:
    """Every host reaches the core by its own two links; between two hosts there may be more.

    A packet from ``a`` to ``b`` takes ``host(a).up``, ``link(a, b)``, ``host(b).down``, all ideal at first. Inside a
    host it takes none.

    Args:
        loop: the virtual time.
        new_rng: gives the random stream of a purpose.
    """

    def __init__(self, loop: SimLoop, new_rng: Callable[[str], random.Random]) -> None:
        self.loop = loop
        self.journal = Journal()
        self._new_rng = new_rng
        self._hosts: dict[str, Host] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._listeners: dict[Address, SimServer] = {}
        self._connections: dict[int, SimConnection] = {}
        self._numbers = itertools.count(1)
        self._ports = itertools.count(_FIRST_EPHEMERAL_PORT)

    # -- the map

    def host(self, name: str) -> Host:
        """The host of this name; naming it makes it exist."""
        if name not in self._hosts:
            self._hosts[name] = Host(name, self._new_rng(f"network host {name}"))
        return self._hosts[name]

    def link(self, source: str, target: str) -> Link:
        """The link through the core, from one host to another, beyond the access links of both."""
        key = (self.host(source).name, self.host(target).name)
        if key not in self._links:
            self._links[key] = Link(LinkConditions(), self._new_rng(f"network link {source} {target}"))
        return self._links[key]

    def connections(self, host: str) -> Iterator[SimConnection]:
        """The connections that this host has with others, oldest first."""
        for connection in list(self._connections.values()):
            client, server = connection.hosts
            if client != server and host in (client, server):
                yield connection

    def abandon(self) -> None:
        """The run is over: nothing moves any more."""
        for connection in self._connections.values():
            connection.abandon()
        self._connections.clear()
        self._listeners.clear()

    # -- for the loop

    def resolve(self, host: str | None) -> str:
        """The host that a name means here; ``socket.gaierror`` if there is none."""
        if host in _OWN_NAMES:
            return self.host(current_host.get()).name
        if host not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            raise socket.gaierror(socket.EAI_NONAME, f"no host {host!r} in this world; there are: {known}")
        return str(host)

    async def connect(
        self, factory: Factory, host: str | None, port: int
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        """Open a connection from the current host."""
        client = (self.host(current_host.get()).name, next(self._ports))
        server = (self.resolve(host), port)
        number = next(self._numbers)
        up, down = self._route(client[0], server[0]), self._route(server[0], client[0])
        connection = SimConnection(self, number, client, server, up, down, factory)
        self._connections[number] = connection
        return await connection.open()

    def listen(self, factory: Factory, host: str | None, port: int, *, start_serving: bool) -> SimServer:
        """Accept connections on a host, which need not be the current one."""
        name = self.host(current_host.get() if host is None or host in _OWN_NAMES else host).name
        context = contextvars.copy_context()
        context.run(current_host.set, name)
        server = SimServer(self.loop, factory, (name, port or next(self._ports)), context, self._register)
        if start_serving:
            server.listen()
        return server

    # -- for connections

    def listener(self, address: Address) -> SimServer | None:
        """Who accepts connections there, if anyone."""
        return self._listeners.get(address)

    def forget(self, connection: SimConnection) -> None:
        """Nothing can happen to this connection any more."""
        self._connections.pop(connection.number, None)

    # -- inside

    def _route(self, source: str, target: str) -> list[Link]:
        if source == target:
            return []
        return [self.host(source).up, self.link(source, target), self.host(target).down]

    def _register(self, server: SimServer, listens: bool) -> None:
        if not listens:
            self._listeners.pop(server.address, None)
        elif server.address in self._listeners:
            raise OSError(errno.EADDRINUSE, f"Address already in use: {server.address}")
        else:
            self._listeners[server.address] = server
