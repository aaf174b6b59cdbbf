"""Whatever a seed does to the network: every message that asks for an ack is acked, and the order holds."""

from __future__ import annotations

import asyncio
import functools
import random
from dataclasses import dataclass, field

import pytest

from realtime.connection.app_state import AppState, BackgroundPolicy
from realtime.connection.errors import SendRefused
from realtime.connection.net_info import NetInfo, NetType
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.sim.world import Run, World, simulate
from tests.connection.peer import Mood, Peer
from tests.connection.stage import Phone, open_server

FAULTY_S = 600
HEALED_S = FAULTY_S + 240
SEEDS = range(20)
MOODS = [Mood.SILENT, Mood.DROPPING, Mood.BUSY, Mood.MUTE, Mood.SLAMMING, Mood.GARBLED, Mood.SPEECHLESS]


@dataclass
class Tally:
    """What the faults have done, so that a run in which nothing happened fails."""

    reconnects: int = 0
    rewritten: int = 0
    reasons: set[str] = field(default_factory=set)
    faults: set[str] = field(default_factory=set)


class Storm:
    """Faults drawn from a seed; each ends by itself."""

    def __init__(self, world: World, peer: Peer, app: AppState, net: NetInfo, tally: Tally) -> None:
        self.world, self.peer, self.app, self.net, self.tally = world, peer, app, net, tally
        self.rng = world.rng("storm")

    async def rage(self) -> None:
        faults = [self.outage, self.unplug, self.reset, self.slow, self.mood, self.sleep, self.offline, self.wifi]
        faults += [self.crash, self.nonsense]
        while self.world.now_s < FAULTY_S:
            await asyncio.sleep(self.rng.expovariate(1 / 12))
            fault = self.rng.choice(faults)
            self.tally.faults.add(fault.__name__)
            await fault(self.rng.uniform(0.1, 40))
        self.world.restore("ana")
        self.world.replug("ana")
        self.world.set_conditions("ana", delay_ms=20, loss=0, jitter_ms=0)

    async def outage(self, span_s: float) -> None:
        self.world.outage("ana", for_s=span_s)

    async def unplug(self, span_s: float) -> None:
        self.world.unplug("ana")
        await asyncio.sleep(span_s)
        self.world.replug("ana")

    async def reset(self, span_s: float) -> None:
        self.world.reset("ana")

    async def slow(self, span_s: float) -> None:
        self.world.set_conditions("ana", delay_ms=self.rng.uniform(1, 800), loss=self.rng.choice([0, 0.02, 0.2]))

    async def mood(self, span_s: float) -> None:
        self.peer.mood = self.rng.choice(MOODS)
        await asyncio.sleep(span_s)
        self.peer.mood = Mood.FRIENDLY

    async def sleep(self, span_s: float) -> None:
        self.app.background()
        await asyncio.sleep(span_s)
        self.app.foreground()

    async def offline(self, span_s: float) -> None:
        self.net.update(is_connected=False)
        await asyncio.sleep(span_s)
        self.net.update(type=NetType.WIFI)

    async def wifi(self, span_s: float) -> None:
        self.net.update(type=self.rng.choice([NetType.WIFI, NetType.CELLULAR]))

    async def crash(self, span_s: float) -> None:
        await self.peer.crash()
        await asyncio.sleep(span_s)
        with self.world.on("server"):
            await self.peer.start()

    async def nonsense(self, span_s: float) -> None:
        if self.peer.callers:
            await self.peer.caller.say(self.rng.choice(["4abc", "42{}", "9", "2"]))


async def talk(world: World, ana: Phone, rng: random.Random) -> list[int]:
    """Say something every second or so; what the outbox refuses was never promised."""
    promised = []
    number = 0
    while world.now_s < FAULTY_S:
        await asyncio.sleep(rng.expovariate(1.5))
        number += 1
        try:
            ana.socket.emit("say", number, "x" * rng.choice([1, 100, 5000]), ack=True)
        except SendRefused:
            continue
        promised.append(number)
        if rng.random() < 0.1:
            ana.socket.emit("typing", volatile=True)
    return promised


async def survive(world: World) -> Tally:
    peer = await open_server(world)
    tally = Tally()
    rng = world.rng("people")
    app, net = AppState(), NetInfo(NetType.WIFI)
    policy = rng.choice([BackgroundPolicy.DISCONNECT, BackgroundPolicy.KEEP, BackgroundPolicy.keep_for(10)])
    ana = Phone(world, app_state=app, net_info=net, background=policy, reconnection=ReconnectionStrategy(cap_s=10))
    await ana.connect(wait=False)
    # An acknowledgement may be lost, too: now and then the server hears, and forgets to answer.
    forgetful = world.rng("forgetful")
    peer.answer = lambda event, args: {"ok": True} if forgetful.random() < 0.9 or world.now_s > FAULTY_S else None
    storm = world.spawn("main", Storm(world, peer, app, net, tally).rage())
    promised = await talk(world, ana, rng)
    await storm
    world.reset("ana")  # what the forgetful server owes is asked for again by the next connection
    await world.until(HEALED_S)

    heard = [event[1] for event in peer.events if event[0] == "say"]
    assert list(dict.fromkeys(heard)) == promised, "each message, in order of its first arrival"
    assert ana.socket.queued_messages == ()
    assert ana.socket.connected
    for caller in peer.callers:
        said = [event[1] for event in caller.events if event[0] == "say"]
        assert said == sorted(said), "in order within each connection"
    tally.reconnects = ana.diary.count("connect") - 1
    tally.rewritten = len(heard) - len(promised)
    tally.reasons = {word for word in ana.diary if word.startswith("disconnect(")}
    await ana.disconnect()
    return tally


@functools.cache
def storm(seed: int) -> Run[Tally]:
    return simulate(survive, seed=seed, max_virtual_s=2 * HEALED_S)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_message_survives_the_storm_in_order(seed: int) -> None:
    tally = storm(seed).result
    assert tally.reconnects >= 3
    assert len(tally.faults) >= 5


def test_the_storms_did_everything_that_they_can_do() -> None:
    tallies = [storm(seed).result for seed in SEEDS[:8]]
    assert {fault for tally in tallies for fault in tally.faults} == {
        *("outage", "unplug", "reset", "slow", "mood", "sleep", "offline", "wifi", "crash", "nonsense")
    }
    reasons = {reason for tally in tallies for reason in tally.reasons}
    for reason in ("ping timeout", "transport error", "parse error", "app background", "network offline"):
        assert f"disconnect({reason})" in reasons
    assert sum(tally.rewritten for tally in tallies) > 50


def test_one_seed_is_one_story() -> None:
    first, second = storm(7), storm.__wrapped__(7)
    assert first.hash == second.hash
    assert first.timing_hash == second.timing_hash
