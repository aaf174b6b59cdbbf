"""Several phones and rooms, a server, and every fault at random; then everything heals, and is judged.

What is promised is in the docstrings of :mod:`realtime.sim.checkers`: nothing lost, repeated, out of order, made up or
stuck, everybody shows the same, and who is there, and where.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from realtime.lab.scenarios.agreement import Logs, disagreements
from realtime.lab.scenarios.company import misjudged
from realtime.lab.scenarios.habits import Habits
from realtime.lab.scenarios.manners import Manners, notify
from realtime.lab.scenarios.nap import Nap
from realtime.lab.scenarios.networks import give_network
from realtime.lab.scenarios.truth import LOOKED_EVERY_S, Person, Truth
from realtime.lab.scenarios.variety import Variety
from realtime.lab.server_log import note_logs
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.lab.sim_tray import SimTray
from realtime.lab.sim_ways import SimWays
from realtime.location.fix import Fix
from realtime.location.geofence import Circle, shapely_module
from realtime.location.sources import SimulatedWalk
from realtime.server.engine.base import Engine
from realtime.server.engine.memory import MemoryEngine
from realtime.server.presence_events import GRACE_S
from realtime.server.push.local_gateway import LocalGateway
from realtime.sim.checkers import check, divergent, duplicated, lost, phantom, reordered, stuck
from realtime.sim.evidence import Evidence
from realtime.sim.fault_budget import FaultBudget
from realtime.sim.fault_plan import Fault, FaultPlan
from realtime.sim.history import History
from realtime.sim.report import DRIVEN, Report, Violation
from realtime.utils.geo import destination

if TYPE_CHECKING:
    from realtime.sim.machine import Machine
    from realtime.sim.world import World

SERVER = "server"
CHAOS_S = 120.0
"""How long faults are drawn for, and messages written."""
QUIET_S = 70.0
"""Afterwards at least so long: the server finds a silent phone dead within 45 s, and tells those who come back."""
DRAIN_S = 400.0
"""And at most so long: what is not settled by then is stuck. Linux's RTO and the clients' backoff end long before."""
TRACES = ("traces/bus-lte.log", "traces/tram-3g.log", "traces/drive-5g.csv")
BUDGET = FaultBudget(per_minute=8, unhealthy_share=0.7, at_once=3, longest_s=40.0, traces=TRACES)
COMMIT_S = 0.0005, 0.1
"""How long the server's disk takes: from a good flash disk to a busy cloud volume."""
PROFILES = ("wifi", "lte", "slow-4g", "3g", "edge")
FOUND_WITHIN_S = 120.0
"""Presence must be right after this: 45 s of heartbeat at each end, one attempt of 20 s, and the backoff of 20 s.

Who dropped out is shown for a grace longer.
"""


TYPING_S = 10.0
"""Typing ends by itself 3 s after the last sign, on both sides; what tells of it may be on its way for a while."""
CROSSING_CHECKERS = lost, duplicated, reordered, phantom, divergent
"""Crossings are judged as messages are."""


PEOPLE = (
    Person("ana-phone", "ana", ("lobby", "kitchen"), "lobby"),
    Person("ana-tablet", "ana", ("lobby",)),
    Person("ben", "ben", ("lobby", "kitchen")),
    Person("cleo", "cleo", ("lobby", "garden")),
    Person("dora", "dora", ("garden", "kitchen"), "garden"),
    Person("eli", "eli", ("garden", "lobby")),
)
"""Two devices of one user, three rooms, nobody in all of them."""
USERS = tuple(dict.fromkeys(person.user_id for person in PEOPLE))

HOME = 59.9127, 10.7461
"""Everybody's way begins there."""
SPEED_MPS = 8.0
"""On a bicycle, so that fences come often enough."""
_PLACES = {"home": HOME, **{f"{turn}°": destination(HOME, turn, 180.0) for turn in range(0, 360, 60)}}
FENCES = tuple(Circle(name, place, radius_m=70.0, dwell_s=10.0) for name, place in _PLACES.items())
"""Those that phones watch."""
SERVERS_FENCES = {
    person.shares_in: [Circle(f"{name}, seen by the server", place, radius_m=70.0) for name, place in _PLACES.items()]
    for person in PEOPLE
    if person.shares_in is not None
}
"""The same for the server, by room."""

_STOPS = ("crash", "kill_app")

MakeEngine = Callable[[random.Random], Engine]
Main = Callable[..., Coroutine[Any, Any, Report]]


def scenario(
    *,
    phone: type[SimPhone] = SimPhone,
    server: type[SimServer] = SimServer,
    engine: MakeEngine | None = None,
    on_disk: bool = True,
) -> Main:
    """The scenario with other parts, to see that a broken one is caught.

    Args:
        phone: made for every start of a phone.
        server: made for every start of the server.
        engine: made once from a random stream: it keeps the rooms instead of the server's disk.
        on_disk: the server has a database, and each phone an outbox on its disk. Otherwise the rooms are in an engine
            that outlives the server, and what a phone has to send dies with its app.
    """
    if engine is None and not on_disk:
        engine = _in_memory

    async def main(
        world: World, *, profile: str | None = None, trace: str | None = None, faults: FaultPlan | None = None
    ) -> Report:
        """Chaos, healing, verdict.

        Args:
            world: where.
            profile: the phones' network; one drawn for each by default.
            trace: a file that the phones' networks follow instead.
            faults: instead of those that the seed draws.

        Raises:
            ImportError: ``shapely`` is not installed.
        """
        shapely_module()  # without it phones would fail one by one
        if on_disk:
            world.slow_work(*COMMIT_S)
        variety = Variety.drawn(world.rng("variety"), [person.device for person in PEOPLE])
        play = _Play(world, phone, variety, on_disk=on_disk)
        kept, options = None if engine is None else engine(world.rng("engine")), variety.server_options()
        options |= {"gateway": play.gateway, "fences": SERVERS_FENCES, "crossings": play.crossings}
        options["ways"] = play.ways
        host = world.machine(SERVER, lambda machine: server(world, machine, engine=kept, **options))
        play.move_in(profile, trace)
        await play.storm(faults)
        await Nap(world, PEOPLE, play.machines, host, play.history).pass_by(world.rng("nap"))
        await play.settle()
        rooms = dict.fromkeys(room for person in PEOPLE for room in person.rooms)
        logs = await note_logs(play.history, host.app.engine, rooms, crossings=play.crossings)
        return play.judged(logs, may_be_vacuous=faults is not None)

    return main


def drawn_plan(rng: random.Random) -> FaultPlan:
    """The faults of one run. The server stops at least once, so that somebody has to come back."""
    devices = [person.device for person in PEOPLE]
    plan = FaultPlan.draw(rng, hosts=devices, servers=[SERVER], duration_s=CHAOS_S, budget=BUDGET)
    if any(fault.verb in _STOPS and fault.args == (SERVER,) for fault in plan.faults):
        return plan
    at_s, for_s = round(rng.uniform(0.3, 0.7) * CHAOS_S, 3), round(rng.uniform(0.5, 10), 3)
    stop = Fault(at_s, rng.choice(_STOPS), (SERVER,), for_s=for_s)
    return FaultPlan(tuple(sorted((*plan.faults, stop), key=lambda fault: fault.at_s)))


class _Play:
    """One run.

    Args:
        world: where.
        phone: what runs on the machines.
        variety: the traits of this run.
        on_disk: what phones have to send is on their disks.
    """

    def __init__(self, world: World, phone: type[SimPhone], variety: Variety, *, on_disk: bool) -> None:
        self.world = world
        self.history = History(lambda: world.now_s)
        self.crossings = History(lambda: world.now_s)
        self.ways = SimWays(SERVERS_FENCES, lambda: world.now_s)
        self.gateway = LocalGateway()
        self.machines: dict[str, Machine] = {}
        self._phone = phone
        self._variety = variety
        self._on_disk = on_disk
        self._is_riding = True
        self._truth = Truth(world, SERVER, self.machines, PEOPLE, self.history)

    def move_in(self, profile: str | None, trace: str | None) -> None:
        """Everybody comes, each to a network of their own."""
        draw = self.world.rng("networks")
        for person in PEOPLE:
            chosen = draw.choice(PROFILES)
            give_network(self.world, person.device, chosen if profile is None else profile, trace)
            self.machines[person.device] = self.world.machine(person.device, self._factory(person))
        self.world.on_fault = self._noted
        self._truth.watch()

    def _factory(self, person: Person) -> Callable[[Machine], SimPhone]:
        rng = self.world.rng(f"{person.device}: walk")
        walk = SimulatedWalk(HOME, rng=rng, interval_s=5.0, speed_mps=SPEED_MPS, radius_m=300.0)
        tray = SimTray(self.world, self.gateway, person.device, history=self.history)
        others = [user_id for user_id in USERS if user_id != person.user_id]

        def make(machine: Machine) -> SimPhone:
            return self._phone(
                self.world,
                machine,
                user_id=person.user_id,
                rooms=person.rooms,
                history=self.history,
                on_disk=self._on_disk,
                background=self._variety.policies[person.device],
                shares=None if person.shares_in is None else (_While(walk, lambda: self._is_riding), person.shares_in),
                fences=() if person.shares_in is None else FENCES,
                fence_room=person.shares_in,
                crossings=self.crossings,
                tracks_presence=True,
                follows=others,
                tray=tray,
            )

        return make

    def _noted(self, verb: str, args: tuple[object, ...]) -> None:
        self.history.fault(verb)
        if verb not in _STOPS:
            return
        device = str(args[0])
        self.crossings.killed(device)
        if device in self.machines:
            self.history.killed(device)
            if verb == "crash" or not self._on_disk:
                self.history.forgot(device)

    async def storm(self, faults: FaultPlan | None) -> None:
        """Everybody writes, and nothing is certain. At the end all networks are good, and one battery is empty."""
        world = self.world
        began_s = world.now_s
        (drawn_plan(world.rng("faults")) if faults is None else faults).apply(world)
        for person in PEOPLE:
            machine = self.machines[person.device]
            Habits(world, person, machine, self._variety).begin(began_s + CHAOS_S)
            Manners(world, person, machine).begin(began_s + CHAOS_S)
        news = notify(world, world.machines[SERVER], list(USERS), began_s + CHAOS_S)
        world.spawn("main", news, name="the server notifies")
        await world.until(began_s + CHAOS_S)
        for person in PEOPLE:  # profiles and traces have outages of their own
            world.follow(person.device, None)
            world.set_profile(person.device, "wifi")
        world.crash(world.rng("the empty battery").choice([person.device for person in PEOPLE]))
        self.history.healed()
        self._healed_s = world.now_s

    async def settle(self) -> None:
        """Wait until everything that was said is answered, and everybody is where they want to be."""
        world = self.world
        await world.until(self._healed_s + QUIET_S)
        deadline_s = self._healed_s + DRAIN_S
        while world.now_s < deadline_s and not all(phone.is_settled for phone in self._living()):  # noqa: ASYNC110
            await asyncio.sleep(1)
        self._is_riding = False
        await asyncio.sleep(15)  # the last fix, its ack and its broadcast
        self._truth.look()

    def judged(self, logs: Logs, *, may_be_vacuous: bool) -> Report:
        """What everybody shows in the end, and what the checkers say to all of it."""
        phones = self._living()
        for phone in phones:
            phone.show()
        states = {phone.name: {room: phone.chat.room(room).snapshot for room in phone.rooms} for phone in phones}
        report = check(
            self.history,
            offline_within_s=FOUND_WITHIN_S + GRACE_S,
            online_within_s=FOUND_WITHIN_S,
            looked_every_s=LOOKED_EVERY_S,
            typing_within_s=TYPING_S,
            may_be_vacuous=may_be_vacuous,
        )
        crossed = Evidence(self.crossings, is_told_own=False)
        counts = {**report.counts, "crossings": len(crossed.letters)}
        now_s = self.world.now_s
        return msgspec.structs.replace(report, counts=counts).with_further(
            [
                *disagreements(states, logs, now_s=now_s),
                *misjudged(phones, now_s=now_s),
                *(violation for judge in CROSSING_CHECKERS for violation in judge(crossed)),
                *([] if self._variety.is_forgetful else self._forgotten(crossed)),
                *([] if may_be_vacuous else self._vacuous(counts, now_s)),
            ]
        )

    def _forgotten(self, crossed: Evidence) -> Iterator[Violation]:
        """Crossings that no log has: not answered, refused, though nothing is wrong with them, or never found."""
        yield from stuck(crossed)
        for letter in crossed.letters.values():
            if letter.refused is not None:
                text = f"{crossed.name(letter.attempt.message_id)} was refused: {letter.refused.reason}"
                yield Violation("lost", text, letter.refused.t_s)
        yield from self.ways.lost({name for kept in crossed.kept.values() for _, name in kept.entries})

    def _vacuous(self, counts: Mapping[str, int], now_s: float) -> Iterator[Violation]:
        plan = self.world.fault_plan
        if plan is None or not plan.faults:
            yield Violation("vacuous", "no fault was drawn", now_s)
        for what in DRIVEN:
            if not counts[what]:
                yield Violation("vacuous", f"there were no {what}", now_s)

    def _living(self) -> list[SimPhone]:
        return [machine.app for machine in self.machines.values() if machine.is_running]


class _While:
    """A source of positions that ends when it is told to.

    Args:
        source: where they come from.
        goes_on: asked at each of them.
    """

    def __init__(self, source: SimulatedWalk, goes_on: Callable[[], bool]) -> None:
        self._source = source
        self._goes_on = goes_on

    async def __aiter__(self) -> AsyncIterator[Fix]:
        async for fix in self._source:
            if not self._goes_on():
                return
            yield fix


def _in_memory(rng: random.Random) -> Engine:
    return MemoryEngine(rng=rng)


main = scenario()
in_memory = scenario(on_disk=False)
