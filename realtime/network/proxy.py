"""A chaos proxy for any TCP client and server, driven by the same link and TCP as the simulation.

It stands where a phone's access link is: clients connect to it as if it were the server. All connections
share one access link, so they share its rate and its radio, and a change holds for all of them at once.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from realtime.network.access_link import AccessLink, Direction, LinkSample
from realtime.network.link import IDEAL, NEVER_NS, NS, LinkConditions
from realtime.network.listening import listen
from realtime.network.profiles import Profile
from realtime.network.profiles import profile as profile_named
from realtime.network.proxied_connection import ProxiedConnection, Side
from realtime.network.timetable import Timetable
from realtime.utils import ambient

if TYPE_CHECKING:
    from realtime.network.traces import Trace

State = Literal["online", "offline", "unplugged", "outage", "partitioned", "held"]

_LONGEST_S = 1e9  # 30 years; the model's nanoseconds end at 2⁶²
_OFFLINE, _UNPLUGGED = "offline", "unplugged"  # reasons why nothing passes


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

    Its own time begins at its first :meth:`start` and stands still while it is stopped.

    Args:
        upstream_host: where the server is.
        upstream_port: its port.
        profile: a profile or its name; None adds nothing to the real network.
        trace: sets the rates from the start on, and leaves the rest to the profile.
        host: where clients connect; a name with several addresses gets the same port at each of them.
        port: where clients connect; 0 takes a free one, which a restart keeps.
        rng: decides losses, jitter and the whims of the radio.

    Raises:
        ProfileError: there is no profile of that name.
        ValueError: the trace has no rates.
    """

    def __init__(
        self,
        upstream_host: str,
        upstream_port: int,
        *,
        profile: Profile | str | None = None,
        trace: Trace | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        rng: random.Random | None = None,
    ) -> None:
        self.upstream = (upstream_host, upstream_port)
        self.host = host
        self.access = AccessLink(rng or ambient.new_random())
        self.access.on_change = self._revise
        self.clock = Timetable()
        self._port = port
        self._partitioned: set[Direction] = set()
        self._servers: list[asyncio.Server] = []
        self._connections: dict[ProxiedConnection, None] = {}
        self._sides: dict[Side, None] = {}  # open sockets
        self._closed = asyncio.Event()
        self._connecting: dict[asyncio.Task[None], None] = {}
        self._accepted = 0
        self.set_profile(profile)
        if trace is not None:
            self.follow(trace)

    # -- life

    async def start(self) -> None:
        """Listen.

        Raises:
            OSError: the port is taken.
        """
        self._servers = await listen(self._accept, self.host, self._port)
        self._port = self._servers[0].sockets[0].getsockname()[1]
        self.clock.start(asyncio.get_running_loop())

    async def stop(self) -> None:
        """Close the port and every connection. May be repeated; :meth:`start` opens the same port again."""
        servers, self._servers = self._servers, []
        if not servers:
            return
        for server in servers:
            server.close()
        for task in tuple(self._connecting):
            task.cancel()
        for connection in tuple(self._connections):
            connection.reset()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        while self._sides:
            await self._closed.wait()
            self._closed.clear()
        for server in servers:
            await server.wait_closed()
        self.clock.stop()

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
    def address(self) -> str:
        """Where clients connect, as ``HOST:PORT``."""
        return f"[{self.host}]:{self._port}" if ":" in self.host else f"{self.host}:{self._port}"

    @property
    def url(self) -> str:
        """The address for clients that take one; raises as :attr:`port` does."""
        return f"http://{self.address}" if self.port else ""

    # -- conditions

    @property
    def profile(self) -> Profile | None:
        """The profile in force; None without one, or after :meth:`set_conditions`."""
        return self.access.profile

    @property
    def trace(self) -> Trace | None:
        """The trace that sets the rates; None without one, or after :meth:`set_conditions`."""
        return self.access.trace

    @property
    def label(self) -> str:
        """The trace's name, the profile's, ``unlimited`` or ``custom``."""
        if (named := self.trace or self.profile) is not None:
            return named.name
        return "unlimited" if self.access.up.conditions == self.access.down.conditions == IDEAL else "custom"

    def set_profile(self, profile: Profile | str | None) -> None:
        """Take everything from a profile, and leave a trace; None adds nothing to the real network.

        Raises:
            ProfileError: there is no profile of that name.
        """
        found = profile_named(profile) if isinstance(profile, str) else profile
        self.access.set_profile(self.now_ns(), found)

    def conditions(self, direction: Direction) -> LinkConditions:
        """What one direction is like; ``down`` is towards the clients."""
        _check(direction)
        return self.access.down.conditions if direction == "down" else self.access.up.conditions

    def set_conditions(self, *, down: LinkConditions | None = None, up: LinkConditions | None = None) -> None:
        """Replace the conditions of one direction or both, for all connections at once; the other stays as it is."""
        now_ns = self.now_ns()
        self.access.set_conditions(now_ns, up=up or self.conditions("up"), down=down or self.conditions("down"))

    def follow(self, trace: Trace | None) -> None:
        """Take the rates from a trace, from its beginning and over and over; None goes back to the profile's.

        Raises:
            ValueError: the trace has no rates.
        """
        if trace is not None and trace.down is None and trace.up is None:
            raise ValueError(f"the trace {trace.name!r} has no rates: a proxy has nothing to follow")
        self.access.follow(self.now_ns(), trace)

    # -- faults that last

    @property
    def state(self) -> State:
        """Whether anything passes, and if not, the weightiest reason."""
        reasons = self.access.interruptions(str)
        if _UNPLUGGED in reasons:
            return "unplugged"
        if _OFFLINE in reasons:
            return "offline"
        if self.access.interruptions(_Outage):
            return "outage"
        if self._partitioned:
            return "partitioned"
        return "held" if self.access.up.is_held else "online"

    def offline(self) -> None:
        """Nothing passes. Connections stall, new ones are not answered, and none of them is told."""
        self._interrupt(_OFFLINE)

    def online(self) -> None:
        """End :meth:`offline`. Stalled connections go on at their next retransmission."""
        self._resume(_OFFLINE)

    def unplug(self) -> None:
        """Nothing passes, and live connections are half-open for ever: no byte, FIN or RST crosses them again."""
        self._interrupt(_UNPLUGGED)
        for connection in tuple(self._connections):
            connection.cut()

    def replug(self) -> None:
        """End :meth:`unplug`: new connections are answered. The old ones stay dead."""
        self._resume(_UNPLUGGED)

    def outage(self, for_s: float) -> None:
        """Nothing passes for so many seconds from now on; then as after :meth:`online`.

        Raises:
            ValueError: that is no length of time.
        """
        if not 0 < for_s <= _LONGEST_S:
            raise ValueError(f"for_s is a number of seconds above 0, at most {_LONGEST_S:g}, not {for_s:g}")
        outage = _Outage(self.now_ns() + round(for_s * NS), self._resume)
        self._interrupt(outage)
        self.clock.touch(outage)

    def partition(self) -> None:
        """Nothing passes, both ways, until :meth:`repair`."""
        self.partition_oneway("down")
        self.partition_oneway("up")

    def partition_oneway(self, direction: Direction) -> None:
        """Nothing passes in one direction until :meth:`repair`: ``down`` is towards the clients."""
        _check(direction)
        self.now_ns()
        self._partitioned.add(direction)
        self.access.interrupt_oneway(direction)

    def repair(self) -> None:
        """End every :meth:`partition` and :meth:`partition_oneway`."""
        self.now_ns()
        for direction in tuple(self._partitioned):
            self._partitioned.discard(direction)
            self.access.resume_oneway(direction)

    def hold(self) -> None:
        """Whatever arrives waits, both ways, until :meth:`release`; nothing is lost."""
        self.access.hold(self.now_ns())

    def release(self) -> None:
        """What :meth:`hold` kept waiting arrives at once, in order."""
        self.access.release(self.now_ns())

    # -- faults of a moment

    def change_address(self) -> None:
        """The phone gets another address, as from another network: live connections die half-open, new ones work."""
        self.access.change_address(self.now_ns())

    def nat_expire(self) -> None:
        """The carrier's NAT forgets every live connection: they are half-open for ever, new ones work."""
        self.access.nat_expire(self.now_ns())

    def reset(self) -> None:
        """Reset every live connection: both sides get an RST now."""
        for connection in tuple(self._connections):
            connection.reset()

    def _interrupt(self, reason: object) -> None:
        self.now_ns()
        self.access.interrupt(reason)

    def _resume(self, reason: object) -> None:
        self.now_ns()
        self.access.resume(reason)

    def _revise(self) -> None:
        for connection in tuple(self._connections):
            connection.revise()

    # -- what it tells

    @property
    def stats(self) -> ProxyStats:
        """Counters, as of now."""
        return ProxyStats(
            connections=len(self._connections),
            accepted=self._accepted,
            bytes_up=self.access.up.delivered_bytes,
            bytes_down=self.access.down.delivered_bytes,
            drops_up=self.access.up.drops,
            drops_down=self.access.down.drops,
        )

    def sample(self) -> LinkSample:
        """What the access link is like now."""
        return self.access.sample(self.now_ns())

    def now_ns(self) -> int:
        """The time of its model, once everything is done that was due by now."""
        return self.clock.now_ns()

    def __repr__(self) -> str:
        there = ":".join(map(str, self.upstream))
        return f"<ChaosProxy {self.address} → {there} {self.label} {self.state} connections={len(self._connections)}>"

    # -- what its connections ask

    def _accept(self) -> Side:
        connection = ProxiedConnection(self)
        self._connections[connection] = None
        self._accepted += 1
        return connection.client

    def connect(self, connection: ProxiedConnection) -> None:
        """Connect a connection's other side to the server."""
        task = asyncio.get_running_loop().create_task(
            self._connect(connection), name="chaos proxy: connect to the server"
        )
        self._connecting[task] = None
        task.add_done_callback(lambda done: self._connecting.pop(done, None))

    async def _connect(self, connection: ProxiedConnection) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection.server, *self.upstream)
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


class _Outage:
    """Ends by itself, at its time."""

    def __init__(self, end_ns: int, end: Callable[[_Outage], None]) -> None:
        self.next_ns = end_ns
        self.scheduled_ns = NEVER_NS
        self._end = end

    def run(self, now_ns: int) -> None:
        """It is over."""
        self.next_ns = NEVER_NS
        self._end(self)


def _check(direction: str) -> None:
    if direction not in ("down", "up"):
        raise ValueError(f"a direction is 'down' or 'up', not {direction!r}")
