"""Phones and a server in a simulated world, with everything that they showed noted down."""

import asyncio
import contextlib

from realtime.chat.chat_client import ChatClient
from realtime.connection.socket_manager import SocketManager
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.server.engine.memory import MemoryEngine
from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate

URL = "http://server:8765"


class Phone:
    """A user's device on a host of its own; use :meth:`World.on` for what it does after the start."""

    def __init__(self, world, user_id, *, device=None, profile="lte", interval_s=1.0, **options):
        self.world = world
        self.host = device or user_id
        self.user_id = user_id
        self.own_ids = set()  # of messages that this device sent
        self.heard = []  # offsets of received messages, in the order of their events
        self.delivered = []  # texts
        self.failed = []  # texts
        self.states = []
        self.positions = []  # (user, timestamp) of each update that was shown
        world.set_profile(self.host, profile)
        with world.on(self.host):
            self.socket = SocketManager(
                URL,
                auth={"userId": user_id, "deviceId": self.host},
                name=self.host,
                rng=world.rng(f"{self.host}: backoff"),
                **options,
            )
            self.chat = ChatClient(self.socket, user_id=user_id, rng=world.rng(f"{self.host}: ids"))
            self.location = LiveLocationTracker(self.socket, user_id=user_id, interval_s=interval_s)
        self.socket.on("state_change", lambda state: self.states.append(state.name))
        self.chat.on("message", lambda message: self.heard.append(message.offset))
        self.chat.on("message_delivered", lambda message: self.delivered.append(message.text))
        self.chat.on("message_failed", lambda message: self.failed.append(message.text))
        self.location.on("update", lambda user, fix: self.positions.append((user, fix.timestamp_ms)))

    @property
    def room(self):
        """The lobby as it shows it."""
        return self.chat.room("lobby").snapshot

    async def start(self):
        with self.world.on(self.host):
            await self.socket.connect()
            await self.chat.join("lobby")
        return self

    def send(self, *texts):
        with self.world.on(self.host):
            results = [self.chat.send_message("lobby", text) for text in texts]
        self.own_ids |= {result.message_id for result in results}
        return results

    def background(self):
        with self.world.on(self.host):
            self.socket.app_state.background()

    def foreground(self):
        with self.world.on(self.host):
            self.socket.app_state.foreground()

    async def stop(self):
        with self.world.on(self.host):
            self.chat.close()
            self.location.close()
            await self.socket.disconnect()


class Town:
    """A server, and the phones that were started in it."""

    def __init__(self, world):
        self.world = world
        self.engine = MemoryEngine(rng=world.rng("engine"))
        self.server = None
        self.phones = []

    async def open(self):
        with self.world.on("server"):
            self.server = RealtimeServer(
                host="server", port=8765, engine=self.engine, rng=self.world.rng("server"), allow_unauthenticated=True
            )
            await self.server.start()

    async def reopen(self, engine):
        """Another server, with this engine."""
        with self.world.on("server"):
            await self.server.stop()
        self.engine = engine
        await self.open()

    async def phone(self, user_id, **options):
        phone = Phone(self.world, user_id, **options)
        self.phones.append(phone)
        return await phone.start()

    async def settle(self, *, for_s=180):
        """Wait until nothing is unsent and everybody shows the same; or as long as that may take at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(for_s):
                while not self.is_settled():
                    await asyncio.sleep(0.5)

    def is_settled(self):
        logs = {tuple((m.user_id, m.text) for m in phone.room.messages) for phone in self.phones}
        return len(logs) == 1 and all(phone.room.joined and not phone.room.unsent for phone in self.phones)

    async def close(self):
        for phone in self.phones:
            await phone.stop()
        with self.world.on("server"):
            await self.server.stop()


def play(script, *, seed=0, max_virtual_s=3600):
    """Run ``script(world, town)`` in a simulated world with a server; returns the run."""

    async def main(world):
        town = Town(world)
        await town.open()
        result = await script(world, town)
        await town.close()
        return result

    return simulate(main, seed=seed, max_virtual_s=max_virtual_s)
