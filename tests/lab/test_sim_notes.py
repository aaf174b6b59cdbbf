"""What a phone's user sees becomes records: all of it, in order, and nothing that they do not see."""

import asyncio

from realtime.connection.errors import SendRefused
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.sources import SimulatedWalk
from realtime.server.engine.base import NotApplied
from realtime.sim.history import Acked, Attempt, Delivery, History, Joined, Reconnect, Refused, View
from realtime.utils import ambient
from realtime.utils.geo import destination
from tests.lab.sim_town import play


def test_a_message_from_its_attempt_to_the_final_views():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        [result] = town.send(ana, "hello")
        await result
        await town.world.until(town.world.now_s + 5)
        for machine in (ana, ben):
            machine.app.show()
        records = town.records("Attempt", "Acked", "Delivery", "Joined", "View")
        times = [record.t_s for record in records]
        assert times == sorted(times)
        return result.message_id, records

    message_id, records = play(script)
    joined_ana, joined_ben, attempt, *middle, view_ana, view_ben = records
    assert joined_ana == Joined(joined_ana.t_s, "ana", "lobby")
    assert joined_ben == Joined(joined_ben.t_s, "ben", "lobby")
    assert attempt == Attempt(attempt.t_s, "ana", "lobby", message_id, "ana: hello")
    acked, delivery = sorted(middle, key=lambda record: type(record).__name__)
    assert acked == Acked(acked.t_s, message_id, 1)
    assert delivery == Delivery(delivery.t_s, "ben", "lobby", message_id, 1, "ana", "ana: hello")
    assert view_ana == View(view_ana.t_s, "ana", "lobby", ((1, message_id),))
    assert view_ben == View(view_ben.t_s, "ben", "lobby", ((1, message_id),))


def test_a_message_that_is_late_has_not_failed():
    async def script(town):
        ana = await town.phone("ana")
        town.world.outage("ana", for_s=20)
        town.send(ana, "hello")
        await town.world.until(town.world.now_s + 15)
        assert ana.app.chat.room("lobby").snapshot.messages[0].status == "failed"
        return town.records("Refused", "Acked")

    assert play(script) == []


def test_a_message_that_the_server_refuses_has_failed():
    async def script(town):
        ana = await town.phone("ana")
        town.engine.append = lambda draft, done: done(NotApplied("forbidden", "not today"))
        [result] = town.send(ana, "hello")
        await town.world.until(town.world.now_s + 20)
        return result.message_id, town.records("Refused", "Acked")

    message_id, [record] = play(script)
    assert (record.message_id, type(record)) == (message_id, Refused)


def test_who_comes_and_goes():
    async def script(town):
        await town.phone("ana")
        ben = await town.phone("ben", profile="wifi")
        await town.world.until(town.world.now_s + 5)  # who comes and goes at once is not told
        with town.world.on("ben"):
            await ben.app.stop()
        await town.world.until(town.world.now_s + 5)
        return [(record.observer, record.subject, record.is_online) for record in town.records("Shown")]

    assert sorted(play(script)[:2]) == [("ana", "ben in lobby", True), ("ben", "ana in lobby", True)]
    assert play(script)[2:] == [("ana", "ben in lobby", False)]


def test_positions_of_others_as_shown_and_ones_own_as_acked():
    async def script(town):
        walk = SimulatedWalk((59.9, 10.7), rng=town.world.rng("walk"), interval_s=5.0)
        await town.phone("ben")
        await town.phone("ana", shares=(walk, "lobby"))
        await town.world.until(town.world.now_s + 22)
        shown, acked = town.records("PositionShown"), town.records("PositionAcked")
        assert {(record.observer, record.subject) for record in shown} == {("ben", "ana")}
        assert {record.subject for record in acked} == {"ana"}
        return [record.timestamp_ms for record in shown], [record.timestamp_ms for record in acked]

    shown, acked = play(script)
    assert shown == acked, "every fix that the server has reached ben, in order"
    assert len(shown) == 5, "at 0, 5, 10, 15 and 20 s"


def test_a_connection_that_comes_back():
    async def script(town):
        ana = await town.phone("ana")
        town.world.reset("ana")
        await town.world.eventually(lambda: not ana.app.socket.connected, within_s=5)
        await town.world.eventually(lambda: ana.app.is_settled, within_s=30)
        return town.records("Reconnect", "Joined")

    joined, reconnect = play(script)
    assert joined == Joined(joined.t_s, "ana", "lobby")
    assert reconnect == Reconnect(reconnect.t_s, "ana")


def test_each_incarnation_joins_anew():
    async def script(town):
        ana = await town.phone("ana")
        town.world.kill_app("ana")
        town.world.restart("ana")
        await town.world.until(town.world.now_s + 10)
        assert ana.app.is_settled
        return [record.receiver for record in town.records("Joined")]

    assert play(script) == ["ana", "ana"]


def test_gaps_are_noted_when_they_are_shown():
    """The server keeps four messages, at most a quarter more, and no session; ten are written while ben is away."""

    async def script(town):
        world = town.world
        options = {"engine_options": {"messages_per_room": 4}, "recovery_s": 0}
        world.machine("other", lambda machine: SimServer(world, machine, **options))
        ana, ben = [await town.phone(name, url="http://other:8765") for name in ("ana", "ben")]
        town.send(ana, "one")
        await world.eventually(lambda: ben.app.chat.room("lobby").snapshot.texts, within_s=20)
        world.outage("ben", for_s=60)
        town.send(ana, *(f"more {n}" for n in range(10)))
        await world.until(world.now_s + 180)
        assert ben.app.is_settled
        [gap] = town.records("GapShown")
        return gap.receiver, gap.room, gap.after, gap.before

    receiver, room, after, before = play(script)
    assert (receiver, room, after) == ("ben", "lobby", 1)
    assert 7 <= before <= 8, "of offsets 1 to 11 the newest 4 are kept, or 5"


class Ride:
    """From 200 m south of home to 390 m north of it, at 10 m/s."""

    async def __aiter__(self):
        start = destination((59.9, 10.7), 180, 200)
        for step in range(60):
            here = destination(start, 0, 10.0 * step)
            yield Fix(latitude=here[0], longitude=here[1], accuracy_m=5.0, timestamp_ms=ambient.wall_time_ms())
            await asyncio.sleep(1)


def crossed(kind=SimPhone):
    """What a phone owes of a fence around home, and what it was told that the server has of it."""

    async def script(town):
        crossings = History(lambda: town.world.now_s)
        fences = {"fences": [Circle("home", (59.9, 10.7), radius_m=50.0)], "fence_room": "lobby"}
        await town.phone("ana", kind=kind, shares=(Ride(), "lobby"), crossings=crossings, **fences)
        await town.world.until(town.world.now_s + 60)
        attempted = [each for each in crossings.records if isinstance(each, Attempt)]
        acked = {each.message_id for each in crossings.records if isinstance(each, Acked)}
        return [each.message_id.split(" at ")[0] for each in attempted if each.message_id not in acked], len(acked)

    return play(script)


def test_crossings_are_owed_until_the_server_has_them():
    assert crossed() == ([], 2)


def test_a_crossing_that_was_overlooked_is_owed():
    class Blind(SimPhone):
        def make_fences(self, fences):
            alerts = super().make_fences(fences)
            alerts.monitor.feed = lambda fix: []
            return alerts

    assert crossed(Blind) == (["ana: enter home", "ana: exit home"], 0)


def test_what_the_outbox_refused_is_not_owed():
    class Full(SimPhone):
        def make_fences(self, fences):
            alerts = super().make_fences(fences)
            emit = alerts._socket.emit

            def refuse(event, *args, **options):
                if args[0]["transition"] == "enter":
                    raise SendRefused("full", "the outbox is full")
                return emit(event, *args, **options)

            alerts._socket.emit = refuse
            return alerts

    assert crossed(Full) == ([], 1)
