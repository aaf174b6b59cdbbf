"""A server of the simulated world, on a machine that can crash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from realtime.server.engine.base import Engine
from realtime.server.realtime_server import RealtimeServer

if TYPE_CHECKING:
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

PORT = 8765


class SimServer:
    """The server's process. A restart of the machine makes a new one, over the same engine.

    Make it in the factory of a machine: ``world.machine("server", lambda machine: SimServer(world, machine, …))``. To
    break the server for a test, override :meth:`make_server`.

    Args:
        world: where it is.
        machine: on which it runs.
        engine: keeps the rooms' logs. It is made outside of the machine, so a memory engine stands for its disk.
        options: of :class:`~realtime.server.realtime_server.RealtimeServer`.
    """

    def __init__(self, world: World, machine: Machine, *, engine: Engine, **options: Any) -> None:
        self.world = world
        self.machine = machine
        self.engine = engine
        self.options = options
        self.server = self.make_server()

    def __repr__(self) -> str:
        return f"<SimServer {self.server!r}>"

    def make_server(self) -> RealtimeServer:
        """The server of this process."""
        name = self.machine.name
        return RealtimeServer(
            host=name,
            port=PORT,
            engine=self.engine,
            rng=self.world.rng(f"{name} {self.machine.process.number}: ids"),
            allow_unauthenticated=True,
            **self.options,
        )

    async def start(self) -> None:
        """Listen."""
        await self.server.start()
