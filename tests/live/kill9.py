"""A server and several clients, each a process of its own, killed at random moments; then all heals, and is judged.

:func:`run` starts ``realtime serve`` on an SQLite file, phones with our client and an outbox on disk, and applications
over the stock Node client. A seed decides who is killed when, and for how long it is gone. With a network profile, each
client has its own access link, a :class:`~realtime.network.proxy.ChaosProxy`.
"""

import asyncio
import json
import random
import socket
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from realtime.connection.socket_manager import SocketManager
from realtime.network.proxy import ChaosProxy
from tests.interop.node_packages import NODE_MODULES, installed_node
from tests.live.diary import read_diary
from tests.live.processes import Mortal
from tests.live.verdict import Logs, Storm, Verdict, judge
from tests.processes import REALTIME

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SERVER = "server"
ROOMS = ("lobby", "kitchen")
READY = r"Serving http://"
PORTS = range(20_000, 32_000)
"""Below those that a system gives to outgoing connections, which would take the port of a server that is down."""
NODE_OPTIONS = {"reconnectionDelay": 100, "reconnectionDelayMax": 1000}


class Device(NamedTuple):
    """Somebody's device, and whether it runs our client."""

    name: str
    user: str
    is_ours: bool
    rooms: tuple[str, ...] = ROOMS


DEVICES = (
    Device("ana-phone", "ana", True),
    Device("ana-tablet", "ana", True),
    Device("ben", "ben", True),
    Device("cleo", "cleo", False),
    Device("dora", "dora", False),
)


@dataclass(frozen=True)
class Plan:
    """A storm.

    Args:
        seed: of everything that is drawn.
        kills: how many.
        folder: where files go; it should be on a disk.
        pause_s: between two kills, on average.
        gone_s: the longest time for which a killed process is away.
        every_s: between two bursts of messages of one device, on average.
        drain_s: how long it may take afterwards until all is answered.
        profile: the name of the clients' network, of :mod:`realtime.network.profiles`; None is the loopback.
    """

    seed: int
    kills: int
    folder: Path
    pause_s: float = 1.0
    gone_s: float = 1.0
    every_s: float = 0.3
    drain_s: float = 60.0
    profile: str | None = None


async def run(plan: Plan) -> Verdict:
    """Let it storm, heal, drain, and judge."""
    cast = Cast(plan)
    try:
        await cast.enter()
        await cast.storm()
        await cast.heal()
        by_socket = await read_logs(cast.url)
        await cast.look(by_socket)
    finally:
        await cast.leave()
    return judge(Storm(cast.lines(), by_socket, stored_logs(cast.database)))


class Cast:
    """All processes of a storm."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.rng = random.Random(f"kill9 {plan.seed}")
        self.port = free_port(self.rng)
        self.url = f"http://127.0.0.1:{self.port}"
        self.database = plan.folder / "rooms.db"
        serve = [REALTIME, "serve", "--port", str(self.port), "--store", f"sqlite:{self.database}"]
        self.server = Mortal(SERVER, lambda life: serve)
        node = {"NODE_PATH": str(NODE_MODULES)}
        self.clients = [Mortal(each.name, self._command(each), None if each.is_ours else node) for each in DEVICES]
        self.proxies = {
            each.name: ChaosProxy(
                "127.0.0.1", self.port, profile=plan.profile, rng=random.Random(f"{plan.seed} {each}")
            )
            for each in (DEVICES if plan.profile else ())
        }
        self._healed: list[dict[str, Any]] = []

    def _command(self, device: Device) -> Any:
        program = (
            [sys.executable, "-m", "tests.live.our_chatter"]
            if device.is_ours
            else [installed_node(), str(HERE / "stock_chatter.js")]
        )
        extra = (
            {"outbox": str(self.plan.folder / f"{device.name}.outbox")} if device.is_ours else {"options": NODE_OPTIONS}
        )

        def command(life: int) -> list[str]:
            part = {
                "url": self.proxies[device.name].url if self.proxies else self.url,
                "user": device.user,
                "device": device.name,
                "rooms": list(device.rooms),
                "diary": str(self._diary(device.name, life)),
                "life": life,
                "seed": random.Random(f"{self.plan.seed} {device.name} {life}").randrange(1, 2**31 - 1),
                "every_s": self.plan.every_s,
            }
            return [*program, json.dumps(part | extra)]

        return command

    def _diary(self, device: str, life: int) -> Path:
        return self.plan.folder / f"{device}.{life}.jsonl"

    async def enter(self) -> None:
        """Everybody comes, and is in."""
        await self.server.start(READY)
        await self.server.until_ready()
        for proxy in self.proxies.values():
            await proxy.start()
        await asyncio.gather(*(client.start() for client in self.clients))
        await asyncio.gather(*(client.child.tells("in") for client in self.clients))

    async def storm(self) -> None:
        """Kill and start again, whoever it is and whatever it does; several may be away at once."""
        async with asyncio.TaskGroup() as away:
            for number in range(self.plan.kills):
                await asyncio.sleep(self.rng.expovariate(1 / self.plan.pause_s))
                while not (victim := self._victim(number)).is_up:
                    await asyncio.sleep(0.01)
                gone_s = self.rng.uniform(0, self.plan.gone_s)
                victim.is_up = False
                away.create_task(self._bounce(victim, gone_s))

    def _victim(self, number: int) -> Mortal:
        """Who is next: the server every other time on average, and the first time."""
        return self.server if number == 0 or self.rng.random() < 0.5 else self.rng.choice(self.clients)

    async def _bounce(self, victim: Mortal, gone_s: float) -> None:
        await victim.kill()
        await asyncio.sleep(gone_s)
        await victim.start(READY if victim is self.server else None)

    async def heal(self) -> None:
        """Nobody dies any more; wait until everything that was written is answered, or for long enough."""
        await self.server.until_ready()
        self._healed.append({"ns": time.monotonic_ns(), "device": "world", "kind": "healed"})
        await self._all_say("settled", {}, self.plan.drain_s)

    async def look(self, logs: Logs) -> None:
        """Everybody notes what they show once they have come to the end of each log, or for long enough."""
        ends = {room: entries[-1][0] if entries else 0 for room, entries in logs.items()}
        await self._all_say("shown", {"ends": ends}, 30)

    async def _all_say(self, word: str, command: dict[str, Any], deadline_s: float) -> None:
        async def says(client: Mortal) -> None:
            await client.child.write(json.dumps(command))
            await client.child.find(lambda line: True if f'"{word}"' in line else None, deadline_s=deadline_s)

        done = await asyncio.gather(*map(says, self.clients), return_exceptions=True)
        for client, error in zip(self.clients, done, strict=True):
            if isinstance(error, BaseException):
                text = f"it did not come to say {word!r}: {error}"
                client.lines.append(
                    {"ns": time.monotonic_ns(), "device": client.name, "kind": "complaint", "reason": text}
                )

    async def leave(self) -> None:
        """The end."""
        await asyncio.gather(*(each.stop() for each in (*self.clients, self.server, *self.proxies.values())))

    def lines(self) -> list[dict[str, Any]]:
        """All that happened."""
        lines = [*self._healed, *self.server.lines]
        for client in self.clients:
            lines += client.lines
            for life in range(1, client.lives + 1):
                lines += [line | {"device": client.name} for line in read_diary(self._diary(client.name, life))]
        return lines


def free_port(rng: random.Random) -> int:
    """A port that nobody listens on, and nobody else will get by chance."""
    while True:
        port = rng.choice(PORTS)
        with closing(socket.socket()) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


async def read_logs(url: str) -> Logs:
    """The rooms' logs as the server tells them to who asks page by page."""
    logs: Logs = {}
    async with SocketManager(url, auth={"userId": "auditor"}) as socket_manager:
        for room in ROOMS:
            await socket_manager.call("room:join", {"roomId": room})
            entries: list[tuple[int, str]] = []
            is_over = False
            while not is_over:
                after = entries[-1][0] if entries else 0
                page = await socket_manager.call("chat:history", {"roomId": room, "after": after, "limit": 200})
                entries += [(entry["offset"], entry["text"]) for entry in page["messages"]]
                is_over = not page["more"]
            logs[room] = entries
    return logs


class _Body(msgspec.Struct):
    text: str


def stored_logs(database: Path) -> Logs:
    """The rooms' logs as another program reads them from the file."""
    logs: Logs = {}
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as db:
        [damage] = db.execute("PRAGMA integrity_check").fetchone()
        assert damage == "ok", damage
        rows = db.execute("SELECT room_id, offset, body FROM messages JOIN rooms USING (room) ORDER BY room, offset")
        for room, offset, body in rows:
            logs.setdefault(room, []).append((offset, msgspec.json.decode(body, type=_Body).text))
    return logs
