"""Simulated phones with a push channel of their own, and everything that their users were shown noted down."""

import asyncio
from collections import Counter

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.network.link import NS
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.server.engine.memory import MemoryEngine
from realtime.server.push.local_gateway import LocalGateway
from realtime.sim.world import simulate


class PushedPhone(SimPhone):
    """The app, with a handler of pushes that remembers on the machine's disk."""

    def __init__(self, world, machine, device, **options):
        super().__init__(world, machine, **options)
        self.in_app = InAppNotifications(per_window=100, app_state=self.app_state)
        self.handler = PushNotificationHandler(
            self.socket,
            user_id=self.user_id,
            in_app=self.in_app,
            chat=self.chat,
            seen_path=machine.disk.path / "seen",
        )
        self.handler.on("received", lambda note: device.in_app(note) if not self.handler_hides() else None)
        self.handler.delivered(device.tray.values())
        self.device = device

    def handler_hides(self):
        """In the background it is the system that shows it."""
        return self.app_state.value == "background"

    async def start(self):
        self.handler.set_token(f"{self.name}'s token")
        await super().start()


class Device:
    """The phone's system: it takes pushes also when the app sleeps or does not run, and shows them."""

    def __init__(self, town, name, user_id, *, lag_s=(0.0, 0.0), **options):
        self.town, self.world, self.name = town, town.world, name
        self.tray = {}  # what is on the lock screen, by collapse key
        self.shown = Counter()  # how often each id was shown, by the system or inside the app
        self.by_system = []
        self.covered = set()  # the messages that what was shown stands for
        self._lag_s, self._rng = lag_s, town.world.rng(f"{name}: push channel")
        self.machine = town.world.machine(
            name, lambda machine: PushedPhone(town.world, machine, self, user_id=user_id, **options), profile="lte"
        )
        self.attach()

    @property
    def app(self):
        return self.machine.app

    def attach(self):
        """The push channel has a network."""
        self.detach = self.town.gateway.attach(f"{self.name}'s token", self._pushed)

    def _pushed(self, payload):
        loop = self.world.loop  # what is on its way does not care what becomes of the server
        lag_ns = round(self._rng.uniform(*self._lag_s) * NS)
        loop.call_at_ns(loop.now_ns + lag_ns, self._arrived, payload, context=loop.neutral)

    def _arrived(self, payload):
        shows = "withdraw" not in payload
        if self.machine.is_running:
            with self.world.on(self.name):
                shows = self.app.handler.received(payload)
        if "withdraw" in payload:
            self.tray = {key: each for key, each in self.tray.items() if each["id"] != payload["withdraw"]}
        elif shows:
            self.tray[payload.get("collapseKey", payload["id"])] = payload
            self.by_system.append(payload["id"])
            self._saw(payload["id"], payload["data"].get("messageIds", []))

    def in_app(self, note):
        self._saw(note.id, note.message_ids)

    def _saw(self, id, also):
        self.shown[id] += 1
        self.covered |= {id, *also}

    def read(self):
        with self.world.on(self.name):
            self.app.chat.mark_read("lobby")


class PushTown:
    """A server with pushes, and devices; its restart keeps what the engine has, on disk or in memory outside of it."""

    def __init__(self, world, *, on_disk=False):
        self.world = world
        self.gateway = LocalGateway()
        self.engine = None if on_disk else MemoryEngine(rng=world.rng("engine"))
        self.machine = world.machine(
            "server", lambda machine: SimServer(world, machine, engine=self.engine, gateway=self.gateway)
        )

    async def device(self, name, user_id=None, **options):
        device = Device(self, name, user_id or name, **options)
        await self.machine.ready()
        await device.machine.ready()
        await self.world.eventually(
            lambda: device.app.is_settled and device.app.handler.state.snapshot.is_registered, within_s=60
        )
        return device

    async def say(self, device, text="hi"):
        """Send a message, and wait until the server has it; returns its id."""
        with self.world.on(device.name):
            result = device.app.send("lobby", text)
        await result
        return result.message_id


def play(script, *, seed=0, on_disk=False):
    """Run ``script(town)`` in a simulated world; returns its result."""

    async def main(world):
        town = PushTown(world, on_disk=on_disk)
        return await script(town)

    return simulate(main, seed=seed, max_virtual_s=3600).result


async def passes(seconds):
    """Let virtual time pass."""
    await asyncio.sleep(seconds)
