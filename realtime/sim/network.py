"""Hosts, their links, names and connections."""

from __future__ import annotations

import asyncio
import contextvars
import errno
import functools
import itertools
import random
import socket
from collections.abc import Callable, Collection, Iterator

from realtime.network.access_link import AccessLink
from realtime.network.binding import Binding
from realtime.network.link import Link, LinkConditions
from realtime.network.path import Path
from realtime.network.tcp import Segment
from realtime.sim.connection import Factory, SimConnection
from realtime.sim.journal import Journal
from realtime.sim.listener import SimServer
from realtime.sim.loop import SimLoop
from realtime.sim.process import Process
from realtime.sim.process import current_host as current_host
from realtime.sim.rules import Rules
from realtime.sim.transport import Address

_FIRST_EPHEMERAL_PORT = 49_152
_OWN_NAMES = frozenset({None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})


class Host:
    """A machine and its access to the network.

    Attributes:
        access: both links and what they share.
        up: the link from the host to the core of the network.
        down: the link from the core to the host.
    """

    def __init__(self, name: str, rng: random.Random) -> None:
        self.name = name
        self.access = AccessLink(rng)
        self.up = self.access.up
        self.down = self.access.down
        self.interrupt = self.access.interrupt
        self.resume = self.access.resume
        self.interruptions = self.access.interruptions

    def __repr__(self) -> str:
        return f"<Host {self.name!r} {self.access}>"


class SimNetwork:
    """Every host reaches the core by its own access link; between two hosts there may be more.

    A packet from ``a`` to ``b`` takes ``host(a).up``, ``link(a, b)``, ``host(b).down``, all ideal at first. Inside a
    host it takes none.

    Args:
        loop: the virtual time.
        new_rng: gives the random stream of a purpose.

    Attributes:
        rules: asked about each packet before the links are.
        on_new_host: called with the name of each host that comes to exist.
    """

    def __init__(self, loop: SimLoop, new_rng: Callable[[str], random.Random]) -> None:
        self.loop = loop
        self.journal = Journal()
        self.rules = Rules(self._judge_all)
        self.on_new_host: Callable[[str], object] | None = None
        self._new_rng = new_rng
        self._hosts: dict[str, Host] = {}
        self._links: dict[tuple[str, str], Link] = {}
        self._listeners: dict[Address, SimServer] = {}
        self._connections: dict[str, dict[int, SimConnection]] = {}  # of each host, by number: oldest first
        self._numbers = itertools.count(1)
        self._ports = itertools.count(_FIRST_EPHEMERAL_PORT)

    # -- the map

    def host(self, name: str) -> Host:
        """The host of this name; naming it makes it exist."""
        if name not in self._hosts:
            self._hosts[name] = host = Host(name, self._new_rng(f"network host {name}"))
            self._connections[name] = {}
            host.access.on_change = functools.partial(self._revise, name)
            if self.on_new_host is not None:
                self.on_new_host(name)
        return self._hosts[name]

    @property
    def hosts(self) -> Collection[str]:
        """The names of those that exist, in the order in which they came."""
        return self._hosts.keys()

    def link(self, source: str, target: str) -> Link:
        """The link through the core, from one host to another, beyond the access links of both."""
        key = (self.host(source).name, self.host(target).name)
        if key not in self._links:
            self._links[key] = link = Link(LinkConditions(), self._new_rng(f"network link {source} {target}"))
            link.on_change = functools.partial(self._revise, source)
        return self._links[key]

    def connections(self, host: str) -> Iterator[SimConnection]:
        """The connections that this host has with others, oldest first."""
        for connection in list(self._connections.get(host, {}).values()):
            client, server = connection.hosts
            if client != server:
                yield connection

    # -- the ends of processes

    def crash(self, process: Process) -> None:
        """The host of a process has crashed: its connections and listeners are gone without a word.

        You must keep packets from reaching the host until it runs again; those that arrive then are answered with a
        reset.
        """
        self._unlisten(process)
        for connection in list(self._connections.get(process.host, {}).values()):
            connection.crash(process)

    def kill(self, process: Process) -> None:
        """A process has ended, and the host's kernel closes its connections and listeners."""
        self._unlisten(process)
        for connection in list(self._connections.get(process.host, {}).values()):
            connection.kill(process)

    def abandon(self) -> None:
        """The run is over: nothing moves any more."""
        for connections in self._connections.values():
            for connection in connections.values():
                connection.abandon()
            connections.clear()
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
        up, down = self._paths(client[0], server[0])
        connection = SimConnection(self, number, client, server, up, down, factory)
        for name in connection.hosts:
            self._connections[name][number] = connection
        if self.rules:
            self._judge(connection, True)
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
        for name in connection.hosts:
            self._connections[name].pop(connection.number, None)

    # -- inside

    def _paths(self, client: str, server: str) -> tuple[Path[Segment], Path[Segment]]:
        """There and back; both keep one entry in the address tables of each end."""
        if client == server:
            return Path(()), Path(())
        now_ns = self.loop.now_ns
        here, there = self.host(client), self.host(server)
        bindings = [Binding(here.access, now_ns), Binding(there.access, now_ns)]
        return (
            Path([here.up, self.link(client, server), there.down], bindings=bindings),
            Path([there.up, self.link(server, client), here.down], bindings=bindings),
        )

    def _revise(self, host: str) -> None:
        """A link of this host has changed."""
        for connection in list(self._connections[host].values()):
            connection.revise()

    def _judge_all(self, has_rules: bool) -> None:
        for connections in self._connections.values():
            for connection in connections.values():
                self._judge(connection, has_rules)

    def _judge(self, connection: SimConnection, has_rules: bool) -> None:
        client, server = connection.hosts
        judge = self.rules.judge
        up, down = connection.tcp.up, connection.tcp.down
        up.judge = (lambda segment, _, now_ns: judge(segment, client, server, now_ns)) if has_rules else None
        down.judge = (lambda segment, _, now_ns: judge(segment, server, client, now_ns)) if has_rules else None

    def _register(self, server: SimServer, listens: bool) -> None:
        if not listens:
            if self._listeners.get(server.address) is server:
                del self._listeners[server.address]
        elif server.address in self._listeners:
            raise OSError(errno.EADDRINUSE, f"Address already in use: {server.address}")
        else:
            self._listeners[server.address] = server

    def _unlisten(self, process: Process) -> None:
        gone = [address for address, server in self._listeners.items() if server.process is process]
        for address in gone:
            del self._listeners[address]
