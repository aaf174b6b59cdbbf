"""A phone of the simulated world: it comes in by itself, dies without a word, and comes back as another."""

import asyncio

import pytest

from realtime.chat.chat_client import ChatClient
from realtime.connection.connection_state import ConnectionState
from realtime.connection.net_info import NetType
from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_tray import SimTray
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.sources import SimulatedWalk
from realtime.utils import ambient
from realtime.utils.geo import destination
from tests.lab.sim_town import play


def test_it_comes_in_by_itself_and_talks():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        [result] = town.send(ana, "hello")
        await result
        await town.world.eventually(lambda: ben.app.chat.room("lobby").snapshot.texts == ("hello",), within_s=5)
        assert repr(ana.app) == "<SimPhone 'ana' of 'ana' CONNECTED>"
        return [message.user_id for message in ben.app.chat.room("lobby").snapshot.messages]

    assert play(script) == ["ana"]


def test_it_waits_for_a_server_that_is_not_there_yet():
    async def script(town):
        town.world.kill_app("server")
        town.world.at(30).restart("server")
        ana = await town.phone("ana")
        return town.world.now_s, ana.app.is_settled

    at_s, is_settled = play(script)
    assert 30 < at_s < 60
    assert is_settled


def test_after_a_crash_it_is_another_with_other_ids_and_no_memory():
    async def script(town):
        ana = await town.phone("ana")
        before, [first] = ana.app, town.send(ana, "one")
        await first
        town.world.crash("ana")
        town.world.restart("ana")
        await town.world.eventually(lambda: ana.app is not before and ana.app.is_settled, within_s=60)
        [second] = town.send(ana, "two")
        await second
        assert first.message_id != second.message_id
        return ana.app.chat.room("lobby").snapshot.texts

    assert play(script) == ("one", "two"), "the first comes with the history of the join"


def test_it_goes_to_sleep_and_wakes_up():
    async def script(town):
        ana = await town.phone("ana")
        states = []
        ana.app.socket.on("state_change", states.append)
        town.world.background("ana")
        await town.world.until(town.world.now_s + 20)
        town.world.foreground("ana")
        await town.world.eventually(lambda: ana.app.is_settled, within_s=20)
        return states

    assert play(script) == [ConnectionState.SUSPENDED, ConnectionState.RECONNECTING, ConnectionState.CONNECTED]


def test_it_is_told_of_another_network():
    async def script(town):
        ana = await town.phone("ana")
        kinds = [ana.app.net_info.type]
        for kind in ("wifi", "lte", "none", "edge"):
            ana.app.network_changed(kind)
            kinds.append(ana.app.net_info.type)
        return kinds

    cellular = NetType.CELLULAR
    assert play(script) == [cellular, NetType.WIFI, cellular, NetType.NONE, cellular]


def test_what_is_not_answered_is_not_settled():
    async def script(town):
        ana = await town.phone("ana")
        town.world.outage("ana", for_s=30)
        town.send(ana, "hello")
        assert not ana.app.is_settled
        await town.world.eventually(lambda: ana.app.is_settled, within_s=120)
        return town.world.now_s

    assert play(script) > 30


def test_it_shares_its_position_from_the_start_and_after_a_restart():
    async def script(town):
        walk = SimulatedWalk((59.9, 10.7), rng=town.world.rng("walk"), interval_s=5.0)
        ben = await town.phone("ben")
        ana = await town.phone("ana", shares=(walk, "lobby"))
        shown = ben.app.location.room("lobby")
        await town.world.eventually(lambda: "ana" in shown.snapshot.fixes, within_s=20)
        town.world.kill_app("ana")
        town.world.restart("ana")
        count = len(shown.snapshot.trails["ana"])
        await town.world.eventually(lambda: len(shown.snapshot.trails["ana"]) > count, within_s=30)
        return ana.app.location.tracking

    assert play(script)


def test_its_parts_can_be_replaced():
    class Mute(ChatClient):
        pass

    class MutePhone(SimPhone):
        def make_chat(self):
            return Mute(self.socket, user_id=self.user_id, rng=self.rng("ids"))

    async def script(town):
        ana = await town.phone("ana", kind=MutePhone)
        return type(ana.app.chat) is Mute

    assert play(script)


def test_its_chat_takes_options():
    async def script(town):
        ana = await town.phone("ana", chat_options={"failed_after_s": 1.0})
        town.world.outage("ana", for_s=10)
        town.send(ana, "hello")
        await town.world.until(town.world.now_s + 1.1)
        return ana.app.chat.room("lobby").snapshot.messages[0].status.value

    assert play(script) == "failed"


def test_without_a_history_it_notes_nothing():
    async def script(town):
        def make(machine):
            return SimPhone(town.world, machine, user_id="ana")

        ana = town.world.machine("ana", make)
        await town.world.eventually(lambda: ana.is_running and ana.app.is_settled, within_s=10)
        [result] = town.send(ana, "hello")
        await result
        ana.app.show()
        return town.history.records

    assert play(script) == []


def test_it_says_goodbye():
    async def script(town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        with town.world.on("ana"):
            await ana.app.stop()
        await town.world.eventually(lambda: ben.app.chat.room("lobby").snapshot.members == ("ben",), within_s=2)
        return ana.app.socket.state

    assert play(script) is ConnectionState.DISCONNECTED


@pytest.mark.clause("RT-QUEUE-3")
@pytest.mark.parametrize("end", ["kill_app", "crash"])
def test_with_its_outbox_on_disk_nothing_that_it_said_is_lost_with_the_app(end):
    """Amid an outage, twice, and once more between the server's having it and the ack."""

    async def script(town):
        world = town.world
        ana, ben = await town.phone("ana", on_disk=True), await town.phone("ben")
        [first] = town.send(ana, "zero")
        await first
        world.outage("ana", for_s=90)
        for texts in (("one", "two"), ("three",)):
            town.send(ana, *texts)
            await world.until(world.now_s + 10)
            former = ana.app
            getattr(world, end)("ana")
            world.restart("ana")
            await world.eventually(lambda former=former: ana.app is not former and ana.app.chat.rooms, within_s=30)
        unsent = [message.text for message in ana.app.chat.room("lobby").snapshot.unsent]
        await world.eventually(lambda: ben.app.chat.room("lobby").snapshot.texts[-1:] == ("three",), within_s=200)
        town.send(ana, "four")
        while "four" not in ben.app.chat.room("lobby").snapshot.texts:
            await asyncio.sleep(0.001)
        getattr(world, end)("ana")  # LTE: the ack needs 35 ms more
        world.restart("ana")
        await world.until(world.now_s + 60)
        await world.eventually(lambda: ana.app.is_settled, within_s=60)
        assert ana.app.socket.queued_messages == ()
        rooms = [phone.app.chat.room("lobby").snapshot for phone in (ana, ben)]
        attempted = [record.message_id for record in town.records("Attempt")]
        delivered = [record.message_id for record in town.records("Delivery") if record.receiver == "ben"]
        assert all(record.is_durable for record in town.records("Attempt"))
        return unsent, [room.texts for room in rooms], attempted == delivered

    everything = ("zero", "one", "two", "three", "four")
    assert play(script) == (["one", "two", "three"], [everything, everything], True)


def test_it_shows_who_is_there_and_how_they_are():
    async def script(town):
        ana = await town.phone("ana", tracks_presence=True, follows=("ben",))
        ben = await town.phone("ben")
        with town.world.on("ben"):
            ben.app.status.set_status("busy", "in a meeting")
        await town.world.until(town.world.now_s + 5)
        members = {member.user_id: member.text for member in ana.app.presence.room("lobby").snapshot.members}
        status = ana.app.status.users.snapshot["ben"].status
        with town.world.on("ana"):
            await ana.app.leave("lobby")
        assert ana.app.presence.room("lobby").snapshot.members == ()
        with town.world.on("ana"):
            await ana.app.join("lobby")
        await town.world.until(town.world.now_s + 5)
        assert len(ana.app.presence.room("lobby").snapshot.members) == 2
        return members, status

    assert play(script) == ({"ana": None, "ben": "in a meeting"}, "busy")


def test_by_itself_it_asks_nobody_who_is_there():
    async def script(town):
        ana = await town.phone("ana")
        assert ana.app.fences is None
        return ana.app.presence.rooms, ana.app.status.subscriptions, ana.app.push.state.snapshot.is_registered

    assert play(script) == ((), (), False)


def test_a_fence_on_its_way_is_told_to_the_room():
    """From 200 m south of the middle to 390 m north of it, at 10 m/s; the border is at 50 m."""
    place = (59.9, 10.7)
    start = destination(place, 180, 200)

    class Ride:
        async def __aiter__(self):
            for step in range(60):
                here = destination(start, 0, 10.0 * step)
                yield Fix(latitude=here[0], longitude=here[1], accuracy_m=5.0, timestamp_ms=ambient.wall_time_ms())
                await asyncio.sleep(1)

    async def script(town):
        crossed = []
        ana = await town.phone(
            "ana", shares=(Ride(), "lobby"), fences=[Circle("home", place, radius_m=50.0)], fence_room="lobby"
        )
        for kind in ("enter", "exit"):
            ana.app.fences.on(kind, lambda transition: crossed.append((transition.fence_id, transition.kind.value)))
        await town.world.until(town.world.now_s + 60)
        entries = town.engine._log("lobby").records
        return crossed, [record.event for record in entries]

    assert play(script) == ([("home", "enter"), ("home", "exit")], ["geofence:event"] * 2)


def test_pushes_are_remembered_on_its_disk():
    async def script(town):
        tray = SimTray(town.world, town.gateway, "ben")
        ben = await town.phone("ben", tray=tray, on_disk=True)
        ana = await town.phone("ana")
        [result] = town.send(ana, "hello")
        await town.world.until(town.world.now_s + 5)
        town.world.kill_app("ben")
        town.world.restart("ben")
        await town.world.eventually(lambda: ben.is_running and ben.app.is_settled, within_s=20)
        payload = {"id": result.message_id, "title": "ana", "body": "hello"}
        with town.world.on("ben"):
            return ben.app.push.received(payload)

    assert play(script) is False
