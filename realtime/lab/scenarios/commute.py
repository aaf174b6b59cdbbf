"""A phone's day: on foot, by bus, by metro, asleep in a pocket at work, and home by train; someone waits there.

Ana shares her position on the way and writes to Ben, who is at home and writes to her. What he shows must be right in
the end, and all that either of them wrote must have arrived, once and in order.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.location.sources import GpxSource, LocationSource
from realtime.location.track import Track, TrackPoint
from realtime.network.profiles import profile as profile_named
from realtime.network.traces import Trace, load_trace
from realtime.network.units import NS
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.checkers import check
from realtime.sim.history import History
from realtime.sim.report import Report
from realtime.utils.share import share_path

if TYPE_CHECKING:
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

ROOM = "family"
DAY_S = 8 * 3600.0
GLANCE_EVERY_S = 25 * 60.0
"""A phone in a pocket is looked at this often, …"""
GLANCE_S = 90.0
"""… and for so long."""
ANA_WRITES_EVERY_S = 120.0  # on average, while she looks at the phone
BEN_WRITES_EVERY_S = 300.0
FIX_EVERY_S = 2.0
SHARE_EVERY_S = 5.0
QUIET_S = 120.0
"""At the end of the day: the last messages and positions arrive."""


class Stage(NamedTuple):
    """A part of the day.

    Args:
        title: for people.
        lasts_s: how long.
        network: a profile.
        ride: a file under ``data``: where Ana is, and her network's rate if the file has one.
        is_in_pocket: nobody looks at the phone, except every now and then.
    """

    title: str
    lasts_s: float
    network: str
    ride: str | None = None
    is_in_pocket: bool = False


STAGES = (
    Stage("at home", 1800, "wifi"),
    Stage("on foot to the stop", 475, "lte-commute", "traces/way.gpx"),
    Stage("on the bus", 360, "lte", "traces/bus-lte.log"),
    Stage("in the metro", 525, "subway", "tracks/tram.gpx"),
    Stage("in the lift", 120, "lift"),
    Stage("at work", 0, "sleeping-phone", is_in_pocket=True),
    Stage("on the train", 1200, "train", "traces/drive-5g.csv"),
    Stage("on foot home", 475, "lte-commute", "traces/way.gpx"),
    Stage("at home", 1800, "wifi"),
)
"""Work takes what is left of :data:`DAY_S`."""


async def main(world: World, *, profile: str | None = None, trace: str | None = None) -> Report:
    """Live through the day.

    Args:
        world: where.
        profile: Ana's network on the way and at work, instead of that of each stage.
        trace: a file that it follows on the way instead; its places are hers, if it has any.
    """
    history = History(lambda: world.now_s)
    engine = MemoryEngine(rng=world.rng("engine"))
    world.machine("server", lambda machine: SimServer(world, machine, engine=engine))
    ana, ben = (_phone(world, history, name) for name in ("ana", "ben"))
    world.on_fault = lambda verb, args: history.fault(verb)
    await world.eventually(lambda: ana.app.is_settled and ben.app.is_settled, within_s=60)
    day = _Day(world, ana, ben)
    for stage in STAGES:
        await day.spend(_changed(stage, profile, trace))
    await world.until(DAY_S)
    day.is_over = True
    history.healed()
    await world.until(DAY_S + QUIET_S)
    for machine in (ana, ben):
        machine.app.show()
    return check(history)


def _phone(world: World, history: History, name: str) -> Machine:
    def make(machine: Machine) -> SimPhone:
        return SimPhone(world, machine, user_id=name, rooms=(ROOM,), history=history, location_interval_s=SHARE_EVERY_S)

    return world.machine(name, make, profile="wifi")


def _changed(stage: Stage, profile: str | None, trace: str | None) -> Stage:
    """The stage with the network that the user asked for; at home there is Wi-Fi."""
    if stage.network == "wifi":
        return stage
    network = stage.network if profile is None else profile
    return stage._replace(network=network, ride=stage.ride if trace is None or stage.ride is None else trace)


class _Day:
    """What happens to whom.

    Args:
        world: where.
        ana: goes out.
        ben: stays at home.
    """

    def __init__(self, world: World, ana: Machine, ben: Machine) -> None:
        self.is_over = False
        self._world = world
        self._ana = ana
        self._is_looking = True
        self._traces: dict[str, Trace] = {}
        world.spawn("main", self._write(ana, ANA_WRITES_EVERY_S), name="ana writes")
        world.spawn("main", self._write(ben, BEN_WRITES_EVERY_S), name="ben writes")

    async def spend(self, stage: Stage) -> None:
        """Live through one stage."""
        world, phone = self._world, self._ana.app
        others_s = sum(other.lasts_s for other in STAGES)
        end_s = world.now_s + (stage.lasts_s or DAY_S - others_s - 60)
        if profile_named(stage.network) != world.network.host("ana").access.profile:
            world.change_network("ana", stage.network)
        if stage.ride is not None:
            ride = self._trace(stage.ride)
            if ride.down is not None or ride.up is not None:
                world.follow("ana", ride)
            if ride.positions:
                with world.on("ana"):
                    await phone.location.start_tracking(_source(ride), room_id=ROOM)
        if stage.is_in_pocket:
            await self._doze(end_s)
        await world.until(end_s)
        world.follow("ana", None)
        with world.on("ana"):
            phone.location.stop_tracking()

    async def _doze(self, until_s: float) -> None:
        world = self._world
        while world.now_s + GLANCE_EVERY_S < until_s:
            self._look(False)
            await asyncio.sleep(GLANCE_EVERY_S - GLANCE_S)
            self._look(True)
            await asyncio.sleep(GLANCE_S)

    def _look(self, is_looking: bool) -> None:
        self._is_looking = is_looking
        (self._world.foreground if is_looking else self._world.background)("ana")

    async def _write(self, machine: Machine, every_s: float) -> None:
        world, draw = self._world, self._world.rng(f"{machine.name} writes")
        count = 0
        while not self.is_over:
            await asyncio.sleep(draw.expovariate(1 / every_s))
            if not self.is_over and (machine is not self._ana or self._is_looking):
                count += 1
                with world.on(machine.name):
                    machine.app.send(ROOM, f"{machine.name} {count}")

    def _trace(self, name: str) -> Trace:
        if name not in self._traces:
            shipped = share_path("data") / name
            self._traces[name] = load_trace(shipped if shipped.exists() else Path(name))
        return self._traces[name]


def _source(ride: Trace) -> LocationSource:
    points = tuple(TrackPoint(point.t_ns / NS, point.latitude, point.longitude) for point in ride.positions)
    return GpxSource(Track(points), interval_s=FIX_EVERY_S)
