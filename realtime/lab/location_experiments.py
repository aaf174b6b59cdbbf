"""What those go through in the simulated world who share their position: rides, tunnels, and what others see."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from realtime.connection.net_info import NetType
from realtime.lab.experiments import DRAIN_S, ROOM
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.location.fix import Fix
from realtime.location.sources import SimulatedWalk, TraceSource
from realtime.network.traces import load_trace
from realtime.network.units import NS
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate
from realtime.utils import ambient
from realtime.utils.share import share_path

if TYPE_CHECKING:
    from realtime.chat.message import Message
    from realtime.network.trace_model import Trace
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

OSLO = (59.9139, 10.7522)
Tunnels = Sequence[tuple[float, float]]
"""When each begins and how long it is, in seconds."""


class Moment(NamedTuple):
    """A fix of a ride.

    Args:
        at_s: since the start of the ride, like all times here.
        latitude: where.
        longitude: where.
        rate_bps: what the network was good for there, towards the phone.
        has_network: not in a tunnel.
        shown_after_s: when it was on the other's map, after it was measured; None: it never was.
    """

    at_s: float
    latitude: float
    longitude: float
    rate_bps: float
    has_network: bool
    shown_after_s: float | None


class Sent(NamedTuple):
    """A message that was written on the way: when and where, and how long it took to the other's screen."""

    at_s: float
    latitude: float
    longitude: float
    wait_s: float


class Ride(NamedTuple):
    """A ride and what was written on it."""

    moments: list[Moment]
    messages: list[Sent]


class Age(NamedTuple):
    """What stands on the other's map at a time: how old it is, None if nothing is there; and how many fixes wait."""

    at_s: float
    age_s: float | None
    kept: int


def ride(
    trace: str = "drive-5g.csv",
    *,
    tunnels: Tunnels = (),
    interval_s: float = 1.0,
    writes_every_s: float = 10,
    seed: int = 0,
) -> Ride:
    """Ana rides where a trace was recorded, on the network that it recorded, and shares her position with ben.

    Args:
        trace: of the installation's ``data/traces``, with rates and places.
        tunnels: there is no network in them.
        interval_s: the least time between two updates.
        writes_every_s: from one of her messages to the next.
        seed: of the run.
    """
    followed = load_trace(share_path("data") / "traces" / trace)
    return simulate(functools.partial(_ride, followed, tunnels, interval_s, writes_every_s), seed=seed).result


def marker_ages(
    *, tunnels: Tunnels, end_s: float, reported: bool, interval_s: float = 5.0, profile: str = "lte", seed: int = 0
) -> list[Age]:
    """Second by second, how old the marker is that ben sees of ana, who walks around.

    Args:
        tunnels: there is no network in them.
        end_s: how long it goes on.
        reported: her phone notices when a tunnel begins and ends; otherwise it finds out by silence.
        interval_s: the least time between two updates.
        profile: of her network.
        seed: of the run.
    """
    story = functools.partial(_age, tunnels, end_s, reported, interval_s, profile)
    return simulate(story, seed=seed).result


async def _ride(trace: Trace, tunnels: Tunnels, interval_s: float, writes_every_s: float, world: World) -> Ride:
    assert trace.down is not None
    ana, ben = await _two(world, "lte", interval_s)
    measured: dict[int, tuple[float, Fix]] = {}
    shown_s: dict[int, float] = {}
    sent: dict[str, tuple[float, Fix]] = {}
    read_s: dict[str, float] = {}

    def heard(update: Any, *rest: object) -> None:
        for fix in update["fixes"]:
            shown_s.setdefault(fix["timestamp"], world.now_s - start_s)

    def received(message: Message) -> None:
        read_s[message.message_id] = world.now_s - start_s

    start_s = world.now_s
    ana.app.location.on("fix", lambda fix: measured.update({fix.timestamp_ms: (world.now_s - start_s, fix)}))
    ben.app.socket.on("location:update", heard)
    ben.app.chat.on("message", received)
    world.follow("ana", trace)
    for at_s, length_s in tunnels:
        world.at(start_s + at_s).outage("ana", for_s=length_s)
    with world.on("ana"):
        await ana.app.location.start_tracking(TraceSource(trace), room_id=ROOM)
    end_s = trace.duration_ns / NS
    for n in range(1, int(end_s / writes_every_s)):
        await world.until(start_s + n * writes_every_s)
        with world.on("ana"):
            sent[ana.app.send(ROOM, f"message {n}").message_id] = (n * writes_every_s, list(measured.values())[-1][1])
    await world.eventually(
        lambda: not ana.app.location.tracking and not ana.app.location.kept and read_s.keys() == sent.keys(),
        within_s=DRAIN_S,
    )
    await asyncio.sleep(10)
    moments = []
    for timestamp_ms, (at_s, fix) in measured.items():
        on_map_s = min((each for its, each in shown_s.items() if its >= timestamp_ms), default=None)
        has_network = not any(begin <= at_s <= begin + length for begin, length in tunnels)
        rate_bps = trace.down.rate_at(round(at_s * NS))
        shown_after_s = None if on_map_s is None else on_map_s - at_s
        moments.append(Moment(at_s, fix.latitude, fix.longitude, rate_bps, has_network, shown_after_s))
    messages = [
        Sent(at_s, fix.latitude, fix.longitude, read_s[message_id] - at_s) for message_id, (at_s, fix) in sent.items()
    ]
    return Ride(moments, messages)


async def _age(
    tunnels: Tunnels, end_s: float, reported: bool, interval_s: float, profile: str, world: World
) -> list[Age]:
    ana, ben = await _two(world, profile, interval_s)
    start_s = world.now_s
    with world.on("ana"):
        await ana.app.location.start_tracking(SimulatedWalk(OSLO, rng=world.rng("walk")), room_id=ROOM)

    def report(net_type: NetType) -> None:
        with world.on("ana"):
            ana.app.net_info.update(type=net_type)

    for at_s, length_s in tunnels:
        world.at(start_s + at_s).outage("ana", for_s=length_s)
        if reported:
            world.at(start_s + at_s, report, NetType.NONE)
            world.at(start_s + at_s + length_s, report, NetType.CELLULAR)
    ages = []
    while world.now_s < start_s + end_s:
        await asyncio.sleep(1)
        fix = ben.app.location.room(ROOM).snapshot.fixes.get("ana")
        age_s = None if fix is None else (ambient.wall_time_ms() - fix.timestamp_ms) / 1000
        ages.append(Age(world.now_s - start_s, age_s, len(ana.app.location.kept)))
    return ages


async def _two(world: World, profile: str, interval_s: float) -> tuple[Machine, Machine]:
    """Ana, and ben at home, in the room."""
    engine = MemoryEngine(rng=world.rng("engine"))
    world.machine("server", lambda machine: SimServer(world, machine, engine=engine))

    def phone(machine: Machine) -> SimPhone:
        return SimPhone(world, machine, user_id=machine.name, rooms=(ROOM,), location_interval_s=interval_s)

    ana, ben = world.machine("ana", phone, profile=profile), world.machine("ben", phone, profile="wifi")
    await world.eventually(lambda: ana.app.is_settled and ben.app.is_settled, within_s=DRAIN_S)
    return ana, ben
