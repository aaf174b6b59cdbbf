"""What fences were crossed is known from the fixes that a server took, whatever the server made of them."""

import asyncio

import pytest

from realtime.lab.sim_server import SimServer
from realtime.lab.sim_ways import SimWays
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.server.location_messages import SharedFix
from realtime.server.rooms import Member
from realtime.utils import ambient
from realtime.utils.geo import destination
from tests.lab.sim_town import play

HOME = (59.9, 10.7)
URL = "http://other:8765"


class Ride:
    """From 200 m south of home to 390 m north of it, at 10 m/s."""

    async def __aiter__(self):
        start = destination(HOME, 180, 200)
        for step in range(60):
            here = destination(start, 0, 10.0 * step)
            yield Fix(latitude=here[0], longitude=here[1], accuracy_m=5.0, timestamp_ms=ambient.wall_time_ms())
            await asyncio.sleep(1)


class Kinds(tuple):
    """All crossings of some kinds."""

    def __contains__(self, name):
        return any(f": {kind} " in name for kind in self)


def owed(*logged_kinds, server=SimServer, act=lambda town, phone: None, wait_s=60):
    """What the ways say is missing when crossings of these kinds were logged, after ``act`` in the middle of home."""

    async def script(town):
        fences = {"lobby": [Circle("home", HOME, radius_m=50.0)]}
        ways = SimWays(fences, lambda: town.world.now_s)
        town.world.machine("other", lambda machine: server(town.world, machine, fences=fences, ways=ways))
        phone = await town.phone("ana", url=URL, shares=(Ride(), "lobby"), location_interval_s=1.0)
        await asyncio.sleep(20)
        act(town, phone)
        await asyncio.sleep(wait_s)
        return [(each.kind, each.text.partition(" at ")[0]) for each in ways.lost(Kinds(logged_kinds))]

    return play(script)


def restart(town, phone):
    town.world.kill_app("other")
    town.world.restart("other")


ENTER = ("lost", "'ana: enter home")
EXIT = ("lost", "'ana: exit home")


def test_what_is_in_the_log_is_not_lost():
    assert owed("enter", "exit") == []
    assert owed("exit") == [ENTER]
    assert owed() == [ENTER, EXIT]


def test_a_way_goes_on_behind_a_restart_of_the_server():
    assert owed(act=restart) == [ENTER, EXIT]


def test_it_does_not_trust_what_the_server_finds():
    class Blind(SimServer):
        def make_server(self):
            server = super().make_server()
            server.geofences("lobby").feed = lambda fix, subject=None: []
            return server

    assert owed(server=Blind) == [ENTER, EXIT]


def test_who_stops_sharing_is_watched_no_more():
    def stops(town, phone):
        with town.world.on("ana"):
            phone.app.stop_sharing()

    assert owed(act=stops) == [ENTER]


def test_fixes_that_the_server_did_not_answer_prove_nothing():
    """It never says that it has them, and then is another one, which has not."""

    class Mute(SimServer):
        def make_server(self):
            server = super().make_server()
            server._locations.when_moved = lambda room_id, member, fixes, done: None
            return server

    assert owed(server=Mute, act=restart) == []


class Process:
    """Positions on their way to a server, which answers them or is killed before."""

    def __init__(self, ways, *, answers=True):
        self.when_moved = lambda room_id, member, fixes, done: done() if answers else None
        self.when_stopped = lambda callback: None
        ways.watch(self)

    def moved(self, *places):
        """Fixes of ana's, as (metres north of home, second)."""
        there = [(*destination(HOME, 0, north_m), 1000 * second) for north_m, second in places]
        fixes = [SharedFix(latitude=lat, longitude=lon, accuracy=5.0, timestamp=at_ms) for lat, lon, at_ms in there]
        self.when_moved("lobby", Member("ana", "phone"), fixes, lambda: None)


def of_two_processes(unanswered, answered):
    """What the ways say is lost, given what is logged: ana was 200 m south of home, answered, at second 0."""
    ways = SimWays({"lobby": [Circle("home", HOME, radius_m=50.0)]}, lambda: 0.0)
    Process(ways).moved((-200, 0))
    Process(ways, answers=False).moved(unanswered)
    Process(ways).moved(*answered)
    return lambda *logged: [each.text.partition("'")[2].partition("'")[0] for each in ways.lost(logged)]


@pytest.mark.parametrize("second", [15, 18], ids=["had not", "had"])
def test_what_a_killed_server_did_not_answer_it_had_or_had_not(second):
    """At 10 m/s she comes to the border at second 15; from -60 m at second 18, at 30 m/s, it is a third after that."""
    lost = of_two_processes((-60, 18), [(0, 20)])
    names = lost()
    assert [name.partition(" at ")[0] for name in names] == ["ana: enter home"]
    at_ms = {15: 15_000, 18: 18_333}[second]
    assert lost(f"ana: enter home at {at_ms} ms") == []
    assert lost("ana: enter home at 17000 ms") == names


def test_what_it_found_without_an_answer_is_owed_once_the_next_one_goes_on_from_there():
    lost = of_two_processes((0, 20), [(0, 25), (200, 45)])
    enter, leave = "ana: enter home at 15000 ms", "ana: exit home at 30000 ms"
    assert lost(enter, leave) == []
    assert [name.partition(" at ")[0] for name in lost(leave)] == ["ana: enter home"]
    assert lost(enter) == [leave]
