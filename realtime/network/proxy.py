"""A chaos proxy for any TCP client and server, driven by the same link and TCP as the simulation.

It stands where a phone's access link is: clients connect to it as if it were the server. All connections
share one link per direction, so they share its rate, and a change holds for all of them at once.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import Literal, Self

from realtime.network.link import LinkConditions
from realtime.network.metered_link import IDEAL, MeteredLink
from realtime.network.profiles import Profile
from realtime.network.profiles import profile as profile_named
from realtime.network.proxied_connection import ProxiedConnection, Side
from realtime.utils import ambient

State = Literal["online", "offline", "unplugged"]

_BACKLOG = 1024  # a herd of clients that reconnects at once must meet the modelled link, not the kernel's queue


@dataclass(frozen=True, slots=True)
class ProxyStats:
    """What has passed so far.

    Args:
        connections: open now, those that wait for an answer included.
        accepted: since the start.
        bytes_up: of the applications, delivered to the server.
        bytes_down: of the applications, delivered to clients.
        drops_up: packets lost on the way to the server, for whatever reason.
        drops_down: packets lost on the way to the clients.
    """

    connections: int
    accepted: int
    bytes_up: int
    bytes_down: int
    drops_up: int
    drops_down: int


class ChaosProxy:
    """Passes TCP connections on under network conditions that change at any time.

    Loss is a stall, then a reset, never a missing byte. A connection opens with a modelled handshake: its first
    byte arrives after a round trip more. Call everything on the loop that ran :meth:`start`.

    Args:
        upstream_host: where the server is.
        upstream_port: its port.
        profile: a profile or its name; None adds nothing to the real network.
        host: where clients connect.
        port: where clients connect; 0 takes a free one, which a restart keeps.
        rng: decides losses and jitter.

    Raises:
        ProfileError: there is no profile of that name.
    """

    def __init__(
        self,
        upstream_host: str,
        upstream_port: int,
        *,
        profile: Profile | str | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        rng: random.Random | None = None,
    ) -> None:
        source = rng or ambient.new_random()
        self.upstream = (upstream_host, upstream_port)
        self.host = host
        self.up = MeteredLink(IDEAL, source)
        self.down = MeteredLink(IDEAL, source)
        self._port = port
        self._profile: Profile | None = None
        self._is_offline = self._is_unplugged = False
        self._server: asyncio.Server | None = None
        self._connections: dict[ProxiedConnection, None] = {}
        self._sides: dict[Side, None] = {}  # open sockets
        self._closed = asyncio.Event()
        self._connecting: dict[asyncio.Task[None], None] = {}
        self._accepted = 0
        self.set_profile(profile)

    # -- life

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self.loop = asyncio.get_running_loop()
        self._server = await self.loop.create_server(self._accept, self.host, self._port, backlog=_BACKLOG)
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port and every connection. May be repeated; :meth:`start` opens the same port again."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in tuple(self._connecting):
            task.cancel()
        for connection in tuple(self._connections):
            connection.reset()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        while self._sides:
            await self._closed.wait()
            self._closed.clear()
        await server.wait_closed()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.stop()

    # -- the address

    @property
    def port(self) -> int:
        """Where clients connect.

        Raises:
            RuntimeError: a free port is taken at :meth:`start`, which was not called yet.
        """
        if self._port == 0:
            raise RuntimeError("the proxy takes a free port when it starts: await its start() first")
        return self._port

    @property
    def url(self) -> str:
        """The address for clients that take one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    # -- conditions

    @property
    def profile(self) -> Profile | None:
        """The profile in force; None without one, or after :meth:`set_conditions`."""
        return self._profile

    @property
    def label(self) -> str:
        """The profile's name, ``unlimited`` or ``custom``."""
        if self._profile is not None:
            return self._profile.name
        return "unlimited" if self.up.conditions == self.down.conditions == IDEAL else "custom"

    def set_profile(self, profile: Profile | str | None) -> None:
        """Take both directions' conditions from a profile; None adds nothing to the real network.

        Raises:
            ProfileError: there is no profile of that name.
        """
        found = profile_named(profile) if isinstance(profile, str) else profile
        self.down.conditions, self.up.conditions = (IDEAL, IDEAL) if found is None else (found.down, found.up)
        self._profile = found

    def conditions(self, direction: Literal["down", "up"]) -> LinkConditions:
        """What one direction is like; ``down`` is towards the clients."""
        if direction not in ("down", "up"):
            raise ValueError(f"a direction is 'down' or 'up', not {direction!r}")
        return self.down.conditions if direction == "down" else self.up.conditions

    def set_conditions(self, *, down: LinkConditions | None = None, up: LinkConditions | None = None) -> None:
        """Replace the conditions of one direction or both, for all connections at once."""
        self.down.conditions = down or self.down.conditions
        self.up.conditions = up or self.up.conditions
        self._profile = None

    # -- faults

    @property
    def state(self) -> State:
        """Whether anything passes, and if not, why."""
        if self._is_unplugged:
            return "unplugged"
        return "offline" if self._is_offline else "online"

    def offline(self) -> None:
        """Nothing passes. Connections stall, new ones are not answered, and none of them is told."""
        self._is_offline = True
        self._gate()

    def online(self) -> None:
        """End :meth:`offline`. Stalled connections go on at their next retransmission."""
        self._is_offline = False
        self._gate()

    def unplug(self) -> None:
        """Nothing passes, and live connections are half-open for ever: no byte, FIN or RST crosses them again."""
        self._is_unplugged = True
        self._gate()
        for connection in tuple(self._connections):
            connection.cut()

    def replug(self) -> None:
        """End :meth:`unplug`: new connections are answered. The old ones stay dead."""
        self._is_unplugged = False
        self._gate()

    def reset(self) -> None:
        """Reset every live connection: both sides get an RST now."""
        for connection in tuple(self._connections):
            connection.reset()

    def _gate(self) -> None:
        self.up.down = self.down.down = self._is_offline or self._is_unplugged

    # -- what it tells

    @property
    def stats(self) -> ProxyStats:
        """Counters, as of now."""
        return ProxyStats(
            connections=len(self._connections),
            accepted=self._accepted,
            bytes_up=self.up.delivered_bytes,
            bytes_down=self.down.delivered_bytes,
            drops_up=self.up.drops,
            drops_down=self.down.drops,
        )

    def __repr__(self) -> str:
        here, there = f"{self.host}:{self._port}", ":".join(map(str, self.upstream))
        return f"<ChaosProxy {here} → {there} {self.label} {self.state} connections={len(self._connections)}>"

    # -- what its connections ask

    def _accept(self) -> Side:
        connection = ProxiedConnection(self)
        self._connections[connection] = None
        self._accepted += 1
        return connection.client

    def connect(self, connection: ProxiedConnection) -> None:
        """Connect a connection's other side to the server."""
        task = self.loop.create_task(self._connect(connection), name="chaos proxy: connect to the server")
        self._connecting[task] = None
        task.add_done_callback(lambda done: self._connecting.pop(done, None))

    async def _connect(self, connection: ProxiedConnection) -> None:
        try:
            await self.loop.create_connection(lambda: connection.server, *self.upstream)
        except OSError:
            connection.refused()

    def opened(self, side: Side) -> None:
        """A socket is open."""
        self._sides[side] = None

    def closed(self, side: Side) -> None:
        """A socket is closed."""
        self._sides.pop(side, None)
        self._closed.set()

    def forget(self, connection: ProxiedConnection) -> None:
        """A connection has ended."""
        self._connections.pop(connection, None)
