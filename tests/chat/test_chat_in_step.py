"""Edits, deletions, reactions, receipts and unread counts: in the end everybody is in step, whatever happened."""

import asyncio

import pytest

from realtime.connection.app_state import BackgroundPolicy
from tests import simulated_phones
from tests.chat.in_step import ROOMS, contents, play

pytestmark = pytest.mark.untraced  # long simulations


@pytest.mark.clause("RT-CHAT-10", "RT-CHAT-18")
@pytest.mark.parametrize("seed", range(5))
def test_all_devices_and_the_server_are_in_step_after_the_heal(seed):
    async def script(town):
        await town.come_in()
        town.faults(for_s=80)
        await town.live(for_s=80)
        await town.heal()
        await town.page_in()
        assert town.disagreements() == []
        for room_id in ROOMS:
            log = await town.server_has(room_id)
            for name, app in town.apps().items():
                assert contents(app.chat.room(room_id).snapshot) == log, f"{room_id} at {name} and at the server"
        ana = {(room_id, shown) for room_id, name, shown, _ in town.unread() if name.startswith("ana")}
        assert len(ana) == len(ROOMS), "her two devices count the same"
        assert all(not app.chat.room(room_id).snapshot.gap for app in town.apps().values() for room_id in ROOMS)
        return town.done

    done = play(script, seed=seed)
    assert done.sent > 20
    assert min(done.edited, done.deleted, done.reacted, done.read) >= 2
    assert done.faults > 5


@pytest.mark.clause("RT-CHAT-5", "RT-CHAT-9")
def test_a_message_to_a_sleeping_phone_is_sent_then_delivered_then_read():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben", profile="3g")
        shown = []
        ana.chat.room("lobby").observe(lambda state: shown.append(state.messages[0].status.value))
        ben.background()
        await asyncio.sleep(1)
        ana.send("are you there?")
        await asyncio.sleep(60)
        assert ana.room.messages[0].status == "sent"
        ben.foreground()
        await asyncio.sleep(10)  # a reconnection over 3G, a join, a receipt: some ten round trips of 0.4 s
        assert ana.room.delivered_to(ana.room.messages[0]) == ("ben",)
        with world.on("ben"):
            ben.chat.mark_read("lobby")
        await asyncio.sleep(5)
        assert ana.room.read_by(ana.room.messages[0]) == ("ben",)
        return list(dict.fromkeys(shown))

    assert simulated_phones.play(script).result == ["pending", "sent", "delivered", "read"]


def test_an_app_that_hears_in_the_background_has_the_message_and_has_not_read_it():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben", background=BackgroundPolicy.KEEP)
        ben.background()
        ana.send("are you there?")
        await asyncio.sleep(5)
        with world.on("ben"):
            assert not ben.chat.mark_read("lobby")
        await asyncio.sleep(5)
        return ana.room.messages[0].status.value, ben.room.unread

    assert simulated_phones.play(script).result == ("delivered", 1)


@pytest.mark.clause("RT-CHAT-13", "RT-CHAT-14")
def test_what_was_read_on_the_phone_is_read_on_the_tablet_that_was_away():
    async def script(world, town):
        phone = await town.phone("ana", device="phone")
        tablet = await town.phone("ana", device="tablet", profile="wifi")
        ben = await town.phone("ben")
        ben.send("one", "two @ana", "three")
        await asyncio.sleep(2)
        assert [(each.room.unread, each.room.mentioned) for each in (phone, tablet)] == [(3, 1), (3, 1)]
        world.unplug("tablet")
        with world.on("phone"):
            phone.chat.mark_read("lobby", up_to=2)
        await asyncio.sleep(60)
        assert (phone.room.unread, tablet.room.unread) == (1, 3)
        world.replug("tablet")
        await town.settle()
        return [(each.room.unread, each.room.mentioned) for each in (phone, tablet)]

    assert simulated_phones.play(script).result == [(1, 0), (1, 0)]
