"""A simulated town for the tests of its inhabitants: a server, phones, and a history of what they saw."""

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.server.engine.memory import MemoryEngine
from realtime.server.push.local_gateway import LocalGateway
from realtime.sim.history import History
from realtime.sim.world import simulate


class Town:
    """Everybody is in the lobby."""

    def __init__(self, world):
        self.world = world
        self.history = History(lambda: world.now_s)
        self.engine = MemoryEngine(rng=world.rng("engine"))
        self.gateway = LocalGateway()
        options = {"engine": self.engine, "gateway": self.gateway}
        self.server = world.machine("server", lambda machine: SimServer(world, machine, **options))

    async def phone(self, name, *, user_id=None, kind=SimPhone, profile="lte", **options):
        """A phone that has come in."""

        def make(machine):
            return kind(self.world, machine, user_id=user_id or name, history=self.history, **options)

        machine = self.world.machine(name, make, profile=profile)
        await self.world.eventually(lambda: machine.is_running and machine.app.is_settled, within_s=60)
        return machine

    def send(self, machine, *texts, room="lobby"):
        with self.world.on(machine.name):
            return [machine.app.send(room, text) for text in texts]

    def records(self, *kinds):
        """What was noted, without the times."""
        names = [(type(record).__name__, record) for record in self.history.records]
        return [record for name, record in names if name in kinds]


def play(script, *, seed=0):
    """Run ``script(town)`` and return what it returns."""

    async def main(world):
        return await script(Town(world))

    return simulate(main, seed=seed, max_virtual_s=3600).result
