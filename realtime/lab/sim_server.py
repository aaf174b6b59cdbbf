"""A server of the simulated world, on a machine that can crash."""

from __future__ import annotations

import random
from collections.abc import Hashable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from realtime.lab.sim_notes import crossing_of
from realtime.lab.sim_ways import SimWays
from realtime.location.fix import Fix
from realtime.location.geofence import Fence
from realtime.location.geofence_monitor import Transition
from realtime.server.engine.base import Engine
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.push.gateway import Gateway
from realtime.server.push.push_service import PushService
from realtime.server.realtime_server import RealtimeServer
from realtime.server.rooms import Member

if TYPE_CHECKING:
    from realtime.sim.history import History
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

PORT = 8765


class SimServer:
    """The server's process. A restart of the machine makes a new one, over what is on its disk.

    Make it in the factory of a machine: ``world.machine("server", lambda machine: SimServer(world, machine))``. To
    break the server for a test, override :meth:`make_engine`, :meth:`make_push` or :meth:`make_server`.

    Args:
        world: where it is.
        machine: on which it runs.
        engine: keeps the rooms' logs instead of a database on the machine's disk. It is made outside of the machine
            and outlives the process, so a memory engine stands for a disk.
        gateway: the push service of the devices, which outlives the process too; without one nobody is pushed.
        fences: which it watches in rooms, on the positions that are shared there; needs ``shapely``.
        crossings: what it finds there is noted as messages that it sends; None notes nothing.
        ways: follows the fixes that it takes, and outlives the process; None: nobody does.
        engine_options: of the database otherwise, a :class:`~realtime.server.engine.sqlite.SqliteEngine`.
        options: of :class:`~realtime.server.realtime_server.RealtimeServer`.
    """

    def __init__(
        self,
        world: World,
        machine: Machine,
        *,
        engine: Engine | None = None,
        gateway: Gateway | None = None,
        fences: Mapping[str, Sequence[Fence]] = MappingProxyType({}),
        crossings: History | None = None,
        ways: SimWays | None = None,
        engine_options: Mapping[str, Any] = MappingProxyType({}),
        **options: Any,
    ) -> None:
        self.world = world
        self.machine = machine
        self.gateway = gateway
        self.engine_options = engine_options
        self.engine = self.make_engine() if engine is None else engine
        self.options = options
        self.server = self.make_server()
        for room_id, watched in fences.items():
            self._watch(room_id, watched, crossings)
        if ways is not None:
            ways.watch(self.server._locations)

    def __repr__(self) -> str:
        return f"<SimServer {self.server!r}>"

    def rng(self, purpose: str) -> random.Random:
        """A random stream of its own for each purpose and each start of the machine."""
        return self.world.rng(f"{self.machine.name} {self.machine.process.number}: {purpose}")

    def make_engine(self) -> Engine:
        """The database of this process: it opens what the one before left."""
        disk = self.machine.disk
        rng = self.rng("epoch")
        return SqliteEngine(disk.path / "rooms.db", synced=disk.synced, rng=rng, **self.engine_options)

    def make_push(self) -> PushService | None:
        """Who tells those who do not look; None: nobody."""
        return None if self.gateway is None else PushService({"local": self.gateway}, rng=self.rng("push"))

    def make_server(self) -> RealtimeServer:
        """The server of this process."""
        return RealtimeServer(
            host=self.machine.name,
            port=PORT,
            engine=self.engine,
            push=self.make_push(),
            rng=self.rng("ids"),
            allow_unauthenticated=True,
            **self.options,
        )

    def _watch(self, room_id: str, fences: Sequence[Fence], crossings: History | None) -> None:
        monitor, name = self.server.geofences(room_id), self.machine.name
        for fence in fences:
            monitor.add(fence)
        if crossings is None:
            return
        feed = monitor.feed

        def noted(fix: Fix, subject: Hashable = None) -> list[Transition]:
            found = feed(fix, subject)
            for crossing in found:
                assert isinstance(subject, Member)
                key = crossing_of(subject.user_id, crossing.kind.value, crossing.fence_id, crossing.at_ms)
                if crossings.sender(key) is None:  # otherwise one before this one found it too
                    crossings.attempt(name, room_id, key)
            return found

        monitor.feed = noted  # type: ignore[method-assign]

    async def start(self) -> None:
        """Listen."""
        await self.server.start()
