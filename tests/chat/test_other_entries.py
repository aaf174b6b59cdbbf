"""Entries of a room's log that are no messages: the chat tells of them in their turn, and shows nothing."""

import asyncio

import pytest

from realtime.chat.message import MessageStatus
from realtime.chat.wire import HistoryReply, LoggedOther, read_reply
from tests.lab.sim_town import play as lab_play
from tests.simulated_phones import play

EVENT = {
    "roomId": "lobby",
    "fenceId": "home",
    "transition": "enter",
    "fix": {"latitude": 60.0, "longitude": 10.0, "accuracy": 5.0, "timestamp": 1},
}


def crosses(world, phone, event_id):
    with world.on(phone.host):
        phone.socket.emit("geofence:event", EVENT | {"eventId": event_id}, ack=True)


@pytest.mark.parametrize("extra", [{}, {"body": 1, "roomId": "lobby"}])
@pytest.mark.parametrize("entry", [{"event": "geofence:event", "offset": 3}, {"event": "newer:thing", "offset": 3}])
def test_in_a_page_they_are_entries_with_an_offset(entry, extra):
    entry = entry | extra
    page = read_reply({"ok": True, "messages": [entry], "more": False}, HistoryReply)
    [other] = page.messages
    assert other == LoggedOther(event=entry["event"], offset=3, room_id=extra.get("roomId"), body=entry)


def test_live_offline_and_in_the_first_page_of_a_joiner():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        ana.send("one")
        crosses(world, ana, "e1")
        ana.send("two")
        crosses(world, ana, "e2")
        await asyncio.sleep(5)
        live = ben.room
        assert [message.offset for message in live.messages] == [1, 3]
        world.unplug("ben")
        await asyncio.sleep(200)  # longer than a session is kept
        crosses(world, ana, "e3")
        ana.send("three")
        crosses(world, ana, "e4")
        await asyncio.sleep(1)
        world.replug("ben")
        cleo = await town.phone("cleo")
        await town.settle()
        ends = []
        for phone in (ana, ben, cleo):
            with world.on(phone.host):
                answer = await phone.socket.call("room:join", {"roomId": "lobby"})
                ends.append(answer["position"].rpartition(":")[2])
            assert [message.text for message in phone.room.messages] == ["one", "two", "three"]
            assert not phone.room.gap
            assert phone.room.behind == 0
        assert ends == ["7"] * 3
        return ben.heard

    assert play(script).result == [1, 3, 6]


def test_each_is_told_once_in_its_turn_also_to_who_was_away():
    """But for the history that comes with the first join."""

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        told = []
        ben.chat.on("logged", lambda room_id, entry: told.append((room_id, entry["eventId"], entry["userId"])))
        ben.chat.on("message", lambda message: told.append(message.text))
        crosses(world, ana, "e1")
        ana.send("one")
        await asyncio.sleep(5)
        world.unplug("ben")
        await asyncio.sleep(200)
        crosses(world, ana, "e2")
        ana.send("two")
        crosses(world, ana, "e3")
        await asyncio.sleep(1)
        world.replug("ben")
        await town.settle()
        for _ in range(3):
            world.reset("ben")
            await asyncio.sleep(30)
        cleo = await town.phone("cleo")
        cleo.chat.on("logged", lambda *args: told.append(args))
        await asyncio.sleep(5)
        return told

    e1, e2, e3 = (("lobby", name, "ana") for name in ("e1", "e2", "e3"))
    assert play(script).result == [e1, "one", e2, "two", e3]


def test_own_ones_leave_no_hole_before_what_is_said_next():
    """Ana's device hears only from their acknowledgements where they stand."""

    async def script(world, town):
        ana, _ = await town.phone("ana"), await town.phone("ben")
        crosses(world, ana, "e1")
        await asyncio.sleep(5)
        ana.send("one")
        await town.settle()
        await asyncio.sleep(5)
        [message] = ana.room.messages
        return message.offset, message.status

    assert play(script).result == (2, MessageStatus.DELIVERED)


def test_nor_do_those_that_an_earlier_run_of_the_app_left_in_its_outbox():
    """That of an earlier server may be refused at first: the join comes first."""

    async def script(town):
        ana = await town.phone("ana", on_disk=True)
        await town.phone("ben")
        town.world.unplug("ana")
        await asyncio.sleep(1)
        with town.world.on("ana"):
            ana.app.socket.emit("geofence:event", EVENT | {"eventId": "e1"}, ack=True)
        await asyncio.sleep(1)
        town.world.kill_app("ana")
        town.world.replug("ana")
        town.world.restart("ana")
        await town.world.eventually(lambda: ana.is_running and ana.app.is_settled, within_s=60)
        await asyncio.sleep(5)
        [result] = town.send(ana, "one")
        await result
        await asyncio.sleep(5)
        [message] = ana.app.chat.room("lobby").snapshot.messages
        return message.offset, message.status

    assert lab_play(script) == (2, MessageStatus.DELIVERED)
