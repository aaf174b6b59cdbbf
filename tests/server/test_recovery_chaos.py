"""Whatever a seed does to phones: who is recovered has heard every event once and in order; who is not is told."""

from __future__ import annotations

import asyncio
import functools
from collections import Counter
from dataclasses import dataclass, field

import pytest

from realtime.connection.app_state import AppState
from realtime.connection.net_info import NetInfo, NetType
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.connection.socket_manager import SocketManager
from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.waiting import until

NAMES = ("ana", "ben", "cem")
FAULTY_S = 300
SEEDS = range(6)
NEW, AGAIN = "a new session", "recovered"


class App:
    """Counts for each room and for each session: an event is ``(number,)``, and the next one is one higher."""

    def __init__(self, world, server):
        self.world, self.server = world, server
        self.main = server.namespace("/")
        self.main.on("connect", self.connected)
        self.sessions = {}
        self.own = Counter()
        self.room = self.all = 0

    def connected(self, session):
        if not session.recovered:
            self.main.rooms.join("room", session, session.member)
            self.sessions[session.user_id] = session

    async def emit(self):
        rng = self.world.rng("app")
        while self.world.now_s < FAULTY_S + 60:
            await asyncio.sleep(rng.expovariate(4) if rng.random() < 0.95 else rng.uniform(5, 30))  # also quiet times
            kind = rng.choice(["room", "own", "own", "all", "volatile"])
            if kind == "room":
                self.room += 1
                self.server.emit("room", self.room, "x" * rng.choice([0, 500]), room="room")
            elif kind == "all":
                self.all += 1
                self.server.emit("all", self.all)
            elif kind == "volatile":
                self.main.broadcast("room", self.main.frame("typing", b'"alice"'), volatile=True)
            elif self.sessions:
                session = self.sessions[rng.choice(sorted(self.sessions))]
                self.own[session.sid] += 1
                session.emit("own", self.own[session.sid])


class Phone:
    """A client with plain handlers, which writes down what they are told."""

    def __init__(self, world, name):
        self.world, self.name = world, name
        self.told = []
        self.app_state, self.net = AppState(), NetInfo(NetType.WIFI)
        with world.on(name):
            self.socket = SocketManager(
                "http://server:8765",
                auth={"userId": name, "deviceId": name},
                rng=world.rng(f"{name}: backoff"),
                app_state=self.app_state,
                net_info=self.net,
                reconnection=ReconnectionStrategy(cap_s=5),
            )
        self.socket.on("connect", lambda: self.told.append(AGAIN if self.socket.recovered else NEW))
        for event in ("room", "own", "all"):
            self.socket.on(event, lambda number, *padding, event=event: self.told.append((event, number)))
        self.socket.on("typing", lambda who: self.told.append(("typing", who)))

    async def suffer(self, tally):
        rng = self.world.rng(f"{self.name}: faults")
        while self.world.now_s < FAULTY_S:
            await asyncio.sleep(rng.expovariate(1 / 12))
            fault = rng.choice([self.reset, self.outage, self.zombie, self.zombie, self.unplug, self.sleep, self.lift])
            tally.faults[fault.__name__] += 1
            await fault(rng.uniform(0.1, 25))
        self.world.restore(self.name)
        self.world.replug(self.name)
        self.app_state.foreground()

    async def reset(self, span_s):
        self.world.reset(self.name)

    async def outage(self, span_s):
        self.world.outage(self.name, for_s=span_s)

    async def unplug(self, span_s):
        self.world.unplug(self.name)
        await asyncio.sleep(span_s)
        self.world.replug(self.name)

    async def zombie(self, span_s):
        """Another address at once: the server believes in the connection before."""
        self.world.unplug(self.name)
        self.world.replug(self.name)
        with self.world.on(self.name):
            self.net.update(type=NetType.CELLULAR if span_s < 12 else NetType.WIFI)
        await asyncio.sleep(span_s / 5)

    async def sleep(self, span_s):
        with self.world.on(self.name):
            self.app_state.background()
            await asyncio.sleep(span_s)
            self.app_state.foreground()

    async def lift(self, span_s):
        with self.world.on(self.name):
            self.net.update(is_connected=False)
            await asyncio.sleep(min(span_s, 10))
            self.net.update(type=NetType.WIFI)


@dataclass
class Tally:
    faults: Counter = field(default_factory=Counter)
    told: dict = field(default_factory=dict)
    taken_over: int = 0


async def storm(world):
    tally = Tally()
    with world.on("server"):
        # A window shorter than some absences, and a return that takes at most 10 kB: some are refused.
        server = RealtimeServer(
            host="server", port=8765, allow_unauthenticated=True, recovery_s=20, max_backlog=20_000,
            ping_interval_s=10, ping_timeout_s=8,
        )  # fmt: skip
        app = App(world, server)
        reasons = Counter()
        server.on("disconnect", lambda session, reason: reasons.update([reason]))
        await server.start()
    phones = [Phone(world, name) for name in NAMES]
    for phone in phones:
        with world.on(phone.name):
            await phone.socket.connect()
    emitting = world.spawn("server", app.emit())
    await asyncio.gather(*(world.spawn("main", phone.suffer(tally)) for phone in phones))
    await emitting
    await until(lambda: all(phone.socket.connected for phone in phones), deadline_s=120)
    with world.on("server"):
        server.emit("all", app.all + 1)
        server.emit("room", app.room + 1, room="room")
    await asyncio.sleep(30)
    for phone in phones:
        assert ("all", app.all + 1) in phone.told[-2:]
        assert ("room", app.room + 1) in phone.told[-2:]
        tally.told[phone.name] = phone.told
        await phone.socket.disconnect()
    tally.taken_over = reasons["taken over by a new connection"]
    with world.on("server"):
        await server.stop()
    return tally


def mistakes(told):
    """What is wrong with what one phone was told."""
    heard, found = {}, []
    for entry in told:
        if entry == NEW:
            heard = {"own": 0}  # of a new session's own events the first is the first
        elif entry != AGAIN and entry[0] != "typing":
            event, number = entry
            if heard.get(event, number - 1) != number - 1:
                found.append(f"{event} {number} after {heard[event]}")
            heard[event] = number
    return found


@functools.cache
def run(seed):
    return simulate(storm, seed=seed, max_virtual_s=3600)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_event_is_heard_once_and_in_order_by_who_is_recovered(seed):
    for name, told in run(seed).result.told.items():
        assert mistakes(told) == [], name
        assert {entry[1] for entry in told if entry[0] == "typing"} <= {"alice"}


def test_the_storms_recovered_took_over_and_refused():
    tallies = [run(seed).result for seed in SEEDS]
    told = Counter(entry for tally in tallies for log in tally.told.values() for entry in log if entry in (NEW, AGAIN))
    faults = sum((tally.faults for tally in tallies), Counter())
    assert set(faults) == {"reset", "outage", "zombie", "unplug", "sleep", "lift"}
    assert told[AGAIN] > 100
    assert told[NEW] > len(SEEDS) * len(NAMES) + 10, "each phone began once; the others were refused"
    assert sum(tally.taken_over for tally in tallies) > 30


def test_a_mistake_would_be_seen():
    assert mistakes([NEW, ("room", 4), ("own", 1), AGAIN, ("room", 5), ("own", 2), NEW, ("room", 9), ("own", 1)]) == []
    assert mistakes([NEW, ("room", 4), AGAIN, ("room", 6)]) == ["room 6 after 4"]
    assert mistakes([NEW, ("room", 4), AGAIN, ("room", 4)]) == ["room 4 after 4"]
    assert mistakes([NEW, ("own", 2)]) == ["own 2 after 0"]
    assert mistakes([AGAIN, ("all", 2), ("all", 1)]) == ["all 1 after 2"]
