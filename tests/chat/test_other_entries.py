"""Entries of a room's log that are no messages: the chat skips them, and its position moves on."""

import asyncio

import pytest

from realtime.chat.wire import HistoryReply, LoggedOther, read_reply
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


@pytest.mark.parametrize("entry", [{"event": "geofence:event", "offset": 3}, {"event": "newer:thing", "offset": 3}])
def test_in_a_page_they_are_entries_with_an_offset(entry):
    page = read_reply({"ok": True, "messages": [entry], "more": False}, HistoryReply)
    assert page.messages == (LoggedOther(event=entry["event"], offset=3),)


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
