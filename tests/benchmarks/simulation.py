"""How fast the simulated world turns: a town of phones, an hour of virtual time, on one core.

``python -m tests.benchmarks.simulation [sockets | phones …] [--minutes N] [--json]``. Phones on LTE, in rooms of ten,
write a message every 10 s each; bursts of loss and short outages hit all of them. ``sockets`` are bare connections with
heartbeats, acknowledged sends and an event handler; ``phones`` are whole chat clients. Each kind runs in a process of
its own, for its peak of memory, and then a shorter time under the profiler, for the shares of the layers.
"""

import argparse
import asyncio
import cProfile
import json
import math
import platform
import pstats
import random
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from realtime.chat.chat_client import ChatClient
from realtime.connection.socket_manager import SocketManager
from realtime.network.link import MS, NS, LossBursts
from realtime.server.engine.memory import MemoryEngine
from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import World, simulate

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("sockets", "phones")
URL = "http://server:8765"

MESSAGE_EVERY_S = 10.0
ROOM_SIZE = 10
OUTAGE_EVERY_S = 120.0  # facts of an LTE commute: 1.3 % of the time, median 1 s, at most 16 s
OUTAGE_MEDIAN_S, OUTAGE_SIGMA, OUTAGE_MAX_S = 1.0, 0.7, 16.0
BURSTS = LossBursts(mean_good_ns=10 * NS, mean_bad_ns=500 * MS, loss=0.5)  # 2.4 % of all packets

GOAL_CLIENT_HOURS_PER_S = 10.0
GOAL_MEGABYTES = 200.0
PROFILED_SHARE = 1 / 30  # of the minutes, for the run under the profiler
CALIBRATION_LOOPS = 10_000_000

LAYERS = {  # by the path of the code; the first that fits
    "realtime/network/tcp": "tcp",
    "realtime/network/congestion": "tcp",
    "realtime/network/retransmission": "tcp",
    "realtime/network/": "link",
    "realtime/sim/": "sim loop",
    "/websockets/": "websockets",
    "realtime/protocol/": "protocol",
    "realtime/connection/": "client",
    "realtime/chat/": "chat",
    "realtime/server/": "server",
    "realtime/utils/": "utils",
    "/pyee/": "utils",
}


@dataclass(frozen=True)
class Figures:
    """What one run came to."""

    kind: str
    clients: int
    minutes: float
    sent: int
    delivered: int
    wall_s: float
    cpu_s: float
    peak_megabytes: float
    hash: str

    @property
    def client_hours_per_s(self) -> float:
        """Virtual hours, times phones, per second of one core."""
        return self.clients * self.minutes / 60 / self.cpu_s

    @property
    def us_per_delivery(self) -> float:
        """Everything that the run cost, over the messages that phones received."""
        return self.cpu_s * 1e6 / self.delivered

    def __str__(self) -> str:
        return (
            f"{self.kind:8} {self.clients} clients, {self.minutes:g} min: "
            f"{self.client_hours_per_s:5.2f} client-hours/s, "
            f"{self.us_per_delivery:4.0f} µs per delivered message ({self.delivered} of {self.sent} sent), "
            f"{self.cpu_s:.1f} s CPU, {self.wall_s:.1f} s wall, peak {self.peak_megabytes:.0f} MB"
        )


class Crowd:
    """The script of a run, and what it counts."""

    def __init__(self, kind: str, clients: int, minutes: float) -> None:
        self.kind = kind
        self.clients = clients
        self.end_s = minutes * 60
        self.sent = 0
        self.delivered = 0

    async def main(self, world: World) -> None:
        """A server, and everybody's hour."""
        with world.on("server"):
            engine = MemoryEngine(rng=world.rng("engine"))
            server = RealtimeServer(
                host="server", port=8765, engine=engine, rng=world.rng("server"), allow_unauthenticated=True
            )
            await server.start()
        live = self._bare if self.kind == "sockets" else self._whole
        hosts = [f"phone{n}" for n in range(self.clients)]
        for host in hosts:
            world.set_profile(host, "lte")
            access = world.network.host(host).access
            up, down = (replace(link.conditions, bursts=BURSTS) for link in (access.up, access.down))
            access.set_conditions(world.loop.now_ns, up=up, down=down)
            world.spawn(host, self._weather(world, host))
        lives = [world.spawn(host, live(world, host, f"room{n // ROOM_SIZE}")) for n, host in enumerate(hosts)]
        await asyncio.gather(*lives)

    async def _bare(self, world: World, host: str, room: str) -> None:
        rng = world.rng(host)
        socket = SocketManager(
            URL, auth={"userId": host, "deviceId": host}, name=host, rng=world.rng(f"{host} retries")
        )
        socket.on("chat:message", self._count)
        await socket.connect()
        await socket.call("room:join", {"roomId": room})
        await asyncio.sleep(rng.uniform(0, MESSAGE_EVERY_S))
        while world.now_s < self.end_s:
            message = {"roomId": room, "messageId": f"{host}-{world.now_s}", "text": "are you on the train already?"}
            socket.emit("chat:message", message, ack=True)
            self.sent += 1
            await asyncio.sleep(MESSAGE_EVERY_S)

    async def _whole(self, world: World, host: str, room: str) -> None:
        rng = world.rng(host)
        socket = SocketManager(
            URL, auth={"userId": host, "deviceId": host}, name=host, rng=world.rng(f"{host} retries")
        )
        chat = ChatClient(socket, user_id=host, rng=world.rng(f"{host} ids"))
        chat.on("message", self._count)
        await socket.connect()
        await chat.join(room)
        await asyncio.sleep(rng.uniform(0, MESSAGE_EVERY_S))
        while world.now_s < self.end_s:
            chat.send_message(room, "are you on the train already?")
            self.sent += 1
            await asyncio.sleep(MESSAGE_EVERY_S)

    def _count(self, _: object) -> None:
        self.delivered += 1

    async def _weather(self, world: World, host: str) -> None:
        rng = world.rng(f"{host} weather")
        while True:
            await asyncio.sleep(rng.expovariate(1 / OUTAGE_EVERY_S))
            world.outage(host, for_s=outage_s(rng))


def outage_s(rng: random.Random) -> float:
    """The length of one."""
    return min(OUTAGE_MAX_S, rng.lognormvariate(math.log(OUTAGE_MEDIAN_S), OUTAGE_SIGMA))


def run(kind: str, *, clients: int = 100, minutes: float = 60.0, seed: int = 1) -> Figures:
    """One run, in this process."""
    crowd = Crowd(kind, clients, minutes)
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    done = simulate(crowd.main, seed=seed)
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    return Figures(kind, clients, minutes, crowd.sent, crowd.delivered, wall_s, cpu_s, peak, done.hash)


def calibrate(loops: int = CALIBRATION_LOOPS) -> float:
    """Seconds of CPU that this machine takes, now, for ten million additions in a loop: compare figures with it."""
    began_s = time.process_time()
    total = 0
    for n in range(loops):
        total += n
    return (time.process_time() - began_s) * CALIBRATION_LOOPS / loops


def layers(kind: str, *, clients: int = 100, minutes: float = 4.0) -> list[tuple[str, float]]:
    """Shares of the layers in the time of a run under the profiler, largest first; they add up to 1."""
    profiler = cProfile.Profile()
    profiler.runcall(run, kind, clients=clients, minutes=minutes)
    spent: dict[str, float] = {}
    stats = pstats.Stats(profiler).stats  # type: ignore[attr-defined]
    for (file, _, _), (_, _, own_s, _, callers) in stats.items():
        if file.startswith("~") and callers:  # a builtin counts for who called it
            for (caller, _, _), (_, _, share_s, _) in callers.items():
                layer = layer_of(caller)
                spent[layer] = spent.get(layer, 0.0) + share_s
        else:
            layer = layer_of(file)
            spent[layer] = spent.get(layer, 0.0) + own_s
    total_s = sum(spent.values())
    return sorted(((layer, s / total_s) for layer, s in spent.items()), key=lambda row: -row[1])


def layer_of(file: str) -> str:
    """The layer that a source file belongs to."""
    return next((layer for part, layer in LAYERS.items() if part in file), "stdlib")


def report(kind: str, clients: int, minutes: float) -> dict[str, object]:
    """A run and a profiled run of one kind, as JSON takes it."""
    loops = round(CALIBRATION_LOOPS * min(1.0, minutes))
    before_s = calibrate(loops)
    figures = run(kind, clients=clients, minutes=minutes)
    after_s = calibrate(loops)
    shares = layers(kind, clients=clients, minutes=max(minutes * PROFILED_SHARE, 0.05))
    derived = {"client_hours_per_s": figures.client_hours_per_s, "us_per_delivery": figures.us_per_delivery}
    return (
        asdict(figures) | derived | {"calibration_s": [before_s, after_s], "layers": dict(shares), "text": str(figures)}
    )


def table(reports: list[dict[str, object]]) -> str:
    """The reports for people."""
    lines = [f"simulation, Python {platform.python_version()}"]
    for told in reports:
        before_s, after_s = told["calibration_s"]
        shares = ", ".join(f"{layer} {share:.0%}" for layer, share in told["layers"].items())
        fast = told["client_hours_per_s"] >= GOAL_CLIENT_HOURS_PER_S
        small = told["peak_megabytes"] < GOAL_MEGABYTES
        lines += [
            told["text"],
            f"{'':8} time by layer: {shares}",
            f"{'':8} at least {GOAL_CLIENT_HOURS_PER_S:g} client-hours/s: {'yes' if fast else 'no'}; "
            f"under {GOAL_MEGABYTES:g} MB: {'yes' if small else 'no'}; "
            f"ten million additions took {before_s:.2f} s before and {after_s:.2f} s after",
        ]
    return "\n".join(lines)


def bench(kinds: tuple[str, ...] = KINDS, *, clients: int = 100, minutes: float = 60.0) -> list[dict[str, object]]:
    """Each kind in a process of its own."""
    reports = []
    for kind in kinds:
        command = [sys.executable, "-m", __spec__.name, kind, "--inside"]
        command += ["--minutes", str(minutes), "--clients", str(clients)]
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            raise SystemExit(f"the simulated {kind} failed")
        reports.append(json.loads(done.stdout))
    return reports


def main() -> None:
    """Measure and show."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.simulation", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], help="(default: both)")
    parser.add_argument("--minutes", type=float, default=60.0, help="of virtual time (default: 60)")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(report(options.kinds[0], options.clients, options.minutes)))
        return
    reports = bench(tuple(options.kinds) or KINDS, clients=options.clients, minutes=options.minutes)
    print(json.dumps(reports, indent=1) if options.json else table(reports))


if __name__ == "__main__":
    main()
