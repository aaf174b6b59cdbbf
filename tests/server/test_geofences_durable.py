"""Fences watched by a server that restarts: nobody enters twice, and no crossing is lost on the way to the disk."""

import asyncio
import json
import random

import pytest
from websockets.exceptions import WebSocketException

from realtime.lab.sim_server import SimServer
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.geofence_monitor import GeofenceMonitor
from realtime.server.engine.base import EngineError
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate
from tests.server.fakes import LateEngine
from tests.server.raw_client import raw_client
from tests.server.rig import Rig

pytestmark = pytest.mark.untraced

NOW = 1_700_000_000_000
HOME = Circle("home", (60.0, 10.0), radius_m=100)


def fix(metres_north, second):
    latitude = 60 + metres_north / 111_195
    return {"latitude": latitude, "longitude": 10.0, "accuracy": 5.0, "timestamp": NOW + 1000 * second}


def share(rig, session, *fixes):
    return rig.say(session, "location:update", {"roomId": "lobby", "fixes": list(fixes)})


def log(rig, session):
    entries = rig.say(session, "chat:history", {"roomId": "lobby"})["messages"]
    return [entry["transition"] for entry in entries if entry["event"] == "geofence:event"]


def started(engine, *users):
    """A server's process over an engine that has lived before."""
    rig = Rig(engine)
    rig.geofence_events._rng = random.Random()  # no process makes the ids of another one
    asyncio.run(rig.geofence_events.start())
    rig.geofences("lobby").add(HOME)
    return rig, *rig.sessions("lobby", *users)


def test_who_is_inside_does_not_enter_again_and_leaves_once():
    engine = MemoryEngine()
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(-300, 0), fix(0, 10), fix(10, 20))
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(10, 20), fix(0, 30))
    assert log(rig, ana) == ["enter"]
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(300, 40))
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(300, 40), fix(320, 50))
    assert log(rig, ana) == ["enter", "exit"]


def test_a_fence_that_was_crossed_wholly_while_the_server_was_away_is_told_of():
    engine = MemoryEngine()
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(-300, 0))
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(300, 60))
    assert log(rig, ana) == ["enter", "exit"]


def test_who_stopped_sharing_begins_anew_after_a_restart_too():
    engine = MemoryEngine()
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(0, 10))
    rig.say(ana, "location:stop", {"roomId": "lobby"})
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(0, 20))
    assert log(rig, ana) == ["enter", "enter"]
    rig, ana = started(engine, "ana")
    rig.say(ana, "location:stop", {"roomId": "lobby"})
    rig, ana = started(engine, "ana")
    share(rig, ana, fix(0, 30))
    assert log(rig, ana) == ["enter"] * 3, "also if it came back only to say so"


def test_a_position_is_acknowledged_when_what_it_crossed_is_durable():
    engine = LateEngine(MemoryEngine())
    rig = Rig(engine)
    rig.geofences("lobby").add(HOME)
    ana = rig.session("ana")
    rig.ask(ana, "room:join", {"roomId": "lobby"})
    engine.settle()
    ana.link.sent.clear()
    rig.ask(ana, "location:update", {"roomId": "lobby", "fixes": [fix(-300, 0), fix(0, 10)]})
    answer = [{"ok": True, "accepted": 2}]
    assert answer != [body for _, body in ana.link.sent if "accepted" in body]
    engine.settle()
    assert answer == [body for _, body in ana.link.sent if "accepted" in body]
    assert "geofence:event" in [event for event, _ in ana.link.sent]


def test_what_could_not_be_logged_for_a_while_is_logged_in_its_order(caplog):
    class Full(MemoryEngine):
        is_full = True

        def append(self, draft, done):
            done(EngineError("the disk is full")) if self.is_full else super().append(draft, done)

        def keep(self, notes, done):
            done(EngineError("the disk is full")) if self.is_full else super().keep(notes, done)

    engine = Full()
    rig, ana = started(engine, "ana")

    async def main(world):
        share(rig, ana, fix(-300, 0), fix(0, 10))
        await asyncio.sleep(3)
        share(rig, ana, fix(300, 20))
        share(rig, ana, fix(310, 30))
        engine.is_full = False
        share(rig, ana, fix(0, 40))
        before = log(rig, ana)
        await asyncio.sleep(3)
        return before, log(rig, ana), json.dumps(engine._notes["fence.way"].popitem()[1])

    before, after, note = simulate(main).result
    assert (before, after) == ([], ["enter", "exit", "enter"])
    assert "1700000040000" in note
    assert "disk is full" in caplog.text


def walk_of(rng):
    """In and out of the fence, by day's length, a fix every ten seconds."""
    metres, fixes = -300.0, []
    for n in range(90):
        metres = 0.9 * metres + rng.uniform(-120, 120)
        fixes.append(fix(metres, 10 * n))
    return fixes


def crossed_by(fixes):
    """What a server that lives for ever says."""
    monitor = GeofenceMonitor([HOME])
    measured = [
        Fix(latitude=each["latitude"], longitude=10.0, accuracy_m=5.0, timestamp_ms=each["timestamp"]) for each in fixes
    ]
    return [(each.kind, each.at_ms) for one in measured for each in monitor.feed(one)]


def test_whatever_crashes_when_the_log_has_each_crossing_once_as_if_nothing_had_happened():
    """A walk while the server's machine crashes again and again; the phone tells each batch until it is answered."""

    async def main(world):
        rng = world.rng("script")
        way = walk_of(rng)

        def program(machine):
            server = SimServer(world, machine)
            server.server.geofences("lobby").add(HOME)
            return server

        machine = world.machine("server", program)

        async def crashes():
            while True:
                await asyncio.sleep(rng.choice([0.35, 1.0, rng.uniform(0, 2)]))
                world.crash("server")
                await asyncio.sleep(rng.uniform(0, 1))
                world.restart("server")

        async def tell():
            sent = 0
            while sent < len(way):
                try:
                    server = (await machine.ready()).server
                    async with raw_client(server, "ana", device_id="phone", room="lobby", deadline_s=2) as client:
                        while sent < len(way):
                            batch = way[sent : sent + 3]
                            reply = await client.call("location:update", {"roomId": "lobby", "fixes": batch})
                            assert reply == {"ok": True, "accepted": len(batch)}
                            own = {"fenceId": "own", "transition": "enter", "fix": batch[0], "eventId": f"e{sent}"}
                            assert (await client.call("geofence:event", {"roomId": "lobby"} | own))["ok"]
                            sent += len(batch)
                            await asyncio.sleep(0.1)
                except (OSError, TimeoutError, WebSocketException):
                    await asyncio.sleep(0.1)

        world.set_profile("ana", "lte")
        crashing = asyncio.create_task(crashes())
        await world.spawn("ana", tell())
        crashing.cancel()
        if not machine.is_running:
            world.restart("server")
        server = (await machine.ready()).server
        with world.on("ben"):
            async with raw_client(server, "ben") as client:
                joined = await client.call("room:join", {"roomId": "lobby", "limit": 200})
        return way, joined["messages"], machine.process.number

    for seed in range(4):
        way, entries, processes = simulate(main, seed=seed, max_virtual_s=600).result
        by_server = [each for each in entries if each["fenceId"] == "home"]
        assert [(each["transition"], each["fix"]["timestamp"]) for each in by_server] == crossed_by(way), seed
        by_phone = [each["eventId"] for each in entries if each["fenceId"] == "own"]
        assert by_phone == [f"e{n}" for n in range(0, len(way), 3)], seed
        assert len(by_server) > 5
        assert processes > 5
