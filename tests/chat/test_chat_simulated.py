"""Chat between real clients and a real server, over modelled networks that fail."""

import asyncio

import pytest

from realtime.chat.message import MessageStatus
from realtime.server.engine.base import EngineError
from realtime.server.engine.memory import MemoryEngine
from tests.simulated_phones import play

SENT, DELIVERED = MessageStatus.SENT, MessageStatus.DELIVERED
THREE = ("ana", "ben", "cleo")


def assert_same_log(town, texts=None):
    """Everybody shows the same messages in one order, everything sent, and was told each of the others' once."""
    logs = [[(m.offset, m.user_id, m.text) for m in phone.room.messages] for phone in town.phones]
    assert all(log == logs[0] for log in logs)
    assert [offset for offset, _, _ in logs[0]] == list(range(1, len(logs[0]) + 1)), "offsets without holes"
    for phone in town.phones:
        assert phone.room.unsent == ()
        theirs = [m.offset for m in phone.room.messages if m.message_id not in phone.own_ids]
        assert phone.heard == theirs, "each once, in the room's order"
        assert len(phone.delivered) == len(set(phone.delivered)) == len(phone.own_ids)
    if texts is not None:
        assert [text for _, _, text in logs[0]] == texts


async def chatter(phone, count, every_s):
    for n in range(count):
        phone.send(f"{phone.host} {n}")
        await asyncio.sleep(every_s)


@pytest.mark.clause("RT-CHAT-1")
def test_a_message_is_pending_for_a_round_trip_and_then_sent():
    async def script(world, town):
        ana = await town.phone("ana", profile="3g")
        shown = []
        start_s = world.now_s
        unobserve = ana.chat.room("lobby").observe(
            lambda state: shown.append((state.messages[0].status.name, world.now_s - start_s))
        )
        [result] = ana.send("hello")
        await result
        unobserve()
        return shown

    (pending, at_s), (sent, later_s) = play(script).result
    assert (pending, at_s, sent) == ("PENDING", 0.0, "SENT")
    assert 0.2 < later_s < 1.0, "3G: a round trip of 0.3 s or 0.4 s, and the rate"


@pytest.mark.clause("RT-CHAT-3", "RT-DLV-4")
@pytest.mark.parametrize("seed", range(3))
def test_on_a_very_bad_network_every_message_reaches_everybody_once_in_one_order(seed):
    async def script(world, town):
        phones = [await town.phone(name, profile="very-bad") for name in THREE]
        await asyncio.gather(*(chatter(phone, 20, every_s=1.7) for phone in phones))
        await town.settle()
        assert_same_log(town)
        return len(phones[0].room.messages)

    assert play(script, seed=seed).result == 60


@pytest.mark.clause("RT-CHAT-2", "RT-CHAT-3")
def test_messages_survive_a_tunnel():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        start_s = world.now_s
        world.at(start_s + 2).outage("ana", for_s=40)
        await asyncio.sleep(3)
        ana.send("from the tunnel 1", "from the tunnel 2")
        ben.send("to the tunnel 1")
        await asyncio.sleep(20)
        assert ana.failed == ["from the tunnel 1", "from the tunnel 2"]
        assert [m.status.name for m in ana.room.messages] == ["FAILED", "FAILED"]
        assert ben.room.texts == ("to the tunnel 1",)
        ben.send("to the tunnel 2")
        await town.settle()
        assert_same_log(town)
        return ana, ben

    ana, ben = play(script).result
    assert sorted(ana.room.texts) == ["from the tunnel 1", "from the tunnel 2", "to the tunnel 1", "to the tunnel 2"]
    assert ana.delivered == ["from the tunnel 1", "from the tunnel 2"], "FIFO"
    assert [m.text for m in ana.room.messages if m.mine] == ["from the tunnel 1", "from the tunnel 2"]
    assert ana.heard == [m.offset for m in ana.room.messages if not m.mine]
    assert (ben.failed, ana.room.gap, ben.room.gap) == ([], False, False)


@pytest.mark.clause("RT-CHAT-3", "RT-DLV-3")
def test_a_message_whose_ack_is_lost_is_not_sent_twice():
    """LTE, 35 ms one way: the line is cut when the message has arrived, and its ack has not."""

    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben", profile="wifi")
        start_s = world.now_s
        [result] = ana.send("hello")
        while not town.server.stats.messages_logged:
            await asyncio.sleep(0.001)
        world.unplug("ana")
        world.at(start_s + 30).replug("ana")
        assert not result.done
        message = await result
        assert world.now_s > start_s + 30
        await town.settle()
        assert_same_log(town, ["hello"])
        assert (message.offset, ana.failed, ana.delivered) == (1, ["hello"], ["hello"])
        return list(ana.states), ben.heard

    states, heard = play(script).result
    assert states == ["CONNECTING", "CONNECTED", "RECONNECTING", "CONNECTED"]
    assert heard == [1]


@pytest.mark.clause("RT-CHAT-3")
def test_a_phone_that_returns_from_the_background_catches_up_page_by_page():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben", profile="wifi")
        ana.background()
        await asyncio.sleep(1)
        texts = [f"while you were away {n}" for n in range(450)]
        for text in texts:
            ben.send(text)
            await asyncio.sleep(0.05)
        assert ana.heard == []
        ana.send("typed in the background")
        await asyncio.sleep(200)
        ana.foreground()
        ben.send("welcome back")
        await town.settle()
        assert_same_log(town)
        assert ana.room.texts[:450] == tuple(texts)
        assert sorted(ana.room.texts[450:]) == ["typed in the background", "welcome back"]
        assert (ana.room.unread, ana.room.gap) == (451, False)
        return list(ana.states)

    states = play(script).result
    assert states == ["CONNECTING", "CONNECTED", "SUSPENDED", "RECONNECTING", "CONNECTED"]


@pytest.mark.clause("RT-CHAT-3")
@pytest.mark.parametrize("breaks_after_s", [None, 4.0, 12.0])
def test_a_catch_up_goes_on_while_the_others_do_and_may_break(breaks_after_s):
    """Pages come slowly over 2G, broadcasts between them: told are all of them in the room's order."""

    async def script(world, town):
        ana, ben = await town.phone("ana", profile="2g"), await town.phone("ben", profile="wifi")
        ana.background()
        for n in range(450):
            ben.send(f"missed {n}")
            await asyncio.sleep(0.05)
        await asyncio.sleep(200)
        ana.foreground()
        if breaks_after_s is not None:
            world.at(world.now_s + breaks_after_s).reset("ana")
        ana.send("I am back")
        await chatter(ben, 100, every_s=0.2)
        assert len(ana.heard) < 450, "still catching up, or the test proves nothing"
        await town.settle()
        assert_same_log(town)
        assert not ana.room.gap
        return len(ana.heard)

    assert play(script).result == 550


@pytest.mark.clause("RT-CHAT-3", "RT-CHAT-18")
def test_two_devices_of_one_user_show_the_same():
    async def script(world, town):
        phone = await town.phone("ana", device="ana-phone")
        tablet = await town.phone("ana", device="ana-tablet", profile="wifi")
        ben = await town.phone("ben", profile="slow-4g")
        world.at(world.now_s + 3).outage("ana-phone", for_s=15)
        await asyncio.gather(*(chatter(device, 10, every_s=1.1) for device in (phone, tablet, ben)))
        await town.settle()
        assert_same_log(town)
        for device in (phone, tablet):
            assert all(m.mine == (m.user_id == "ana") for m in device.room.messages)
            assert all(m.status in (SENT, DELIVERED) for m in device.room.messages if m.mine)
            assert device.room.members == ("ana", "ben")
            assert device.room.unread == 10
        return len(phone.room.messages)

    assert play(script).result == 30


@pytest.mark.clause("RT-CHAT-3", "RT-DLV-6", "RT-CHAT-17")
def test_a_server_that_lost_its_memory_makes_a_gap_and_the_outbox_still_arrives():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        await asyncio.gather(*ana.send("before"))
        await asyncio.sleep(1)
        with world.on("server"):
            await town.server.stop()
        town.engine = MemoryEngine(rng=world.rng("another engine"))
        [result] = ana.send("meanwhile")
        await asyncio.sleep(10)
        await town.open()
        await result
        await town.settle()
        assert ana.room.texts == ben.room.texts == ("before", "meanwhile")
        assert (ana.room.gap, ben.room.gap) == (True, True)
        assert (ana.delivered, ben.heard) == (["before", "meanwhile"], [1, 1])

    play(script)


@pytest.mark.clause("RT-CHAT-4", "RT-CHAT-7")
def test_typing_is_seen_and_ends_also_when_its_author_vanishes():
    async def script(world, town):
        ana, ben = await town.phone("ana"), await town.phone("ben")
        seen = []
        ben.chat.on("typing", lambda room_id, user_id, is_typing: seen.append((is_typing, world.now_s)))
        with world.on("ana"):
            ana.chat.set_typing("lobby", True)
        await asyncio.sleep(1)
        assert ben.room.typing == ("ana",)
        world.unplug("ana")
        await asyncio.sleep(5)
        assert ben.room.typing == ()
        (started, at_s), (ended, later_s) = seen
        assert (started, ended) == (True, False)
        assert later_s - at_s == pytest.approx(3.0)
        world.replug("ana")

    play(script)


@pytest.mark.clause("RT-CHAT-3")
@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_to_the_networks_in_the_end_everybody_has_everything(seed):
    """Outages, resets, half-open deaths, naps, drawn by the seed; then everything heals."""

    async def script(world, town):
        rng = world.rng("faults")
        profiles = ["lte", "slow-4g", "3g", "very-bad", "edge"]
        phones = [await town.phone(name, profile=rng.choice(profiles)) for name in THREE]
        start_s, faults = world.now_s, 0
        for phone in phones:
            at_s = start_s
            while (at_s := at_s + rng.expovariate(1 / 15)) < start_s + 90:
                length_s = rng.uniform(0.5, 20)
                match rng.choice(["outage", "reset", "unplug", "nap"]):
                    case "outage":
                        world.at(at_s).outage(phone.host, for_s=length_s)
                    case "reset":
                        world.at(at_s).reset(phone.host)
                    case "unplug":
                        world.at(at_s).unplug(phone.host)
                        world.at(at_s + length_s).replug(phone.host)
                    case "nap":
                        world.at(at_s, phone.background)
                        world.at(at_s + length_s, phone.foreground)
                faults += 1
                at_s += length_s
        await asyncio.gather(*(chatter(phone, 60, every_s=rng.uniform(1.0, 2.0)) for phone in phones))
        for phone in phones:
            world.restore(phone.host)
            world.replug(phone.host)
            phone.foreground()
        await town.settle(for_s=600)
        assert_same_log(town)
        assert all(not phone.room.gap for phone in phones)
        reconnects = sum(phone.states.count("RECONNECTING") for phone in phones)
        return len(phones[0].room.messages), faults, reconnects

    messages, faults, reconnects = play(script, seed=seed).result
    assert messages == 180
    assert faults > 3
    assert reconnects > 0


class FailingForAWhile(MemoryEngine):
    """An engine whose disk is full as long as ``is_full``."""

    is_full = False
    refused = 0

    def append(self, draft, done):
        if self.is_full:
            self.refused += 1
            done(EngineError("the disk is full"))
        else:
            super().append(draft, done)

    def read(self, room_id, done, **span):
        if self.is_full:
            done(EngineError("the disk is full"))
        else:
            super().read(room_id, done, **span)


@pytest.mark.clause("RT-CHAT-2", "RT-CHAT-3")
def test_a_server_that_cannot_store_for_a_while_loses_nothing():
    """The messages show as failed after 5 s, and turn to sent when its disk has room again."""

    async def script(world, town):
        engine = FailingForAWhile(rng=world.rng("failing"))
        await town.reopen(engine)
        ana = await town.phone("ana", profile="wifi")
        await town.phone("ben", profile="wifi")
        start_s = world.now_s
        engine.is_full = True
        ana.send("one", "two")
        await asyncio.sleep(10)
        shown = [m.status.name for m in ana.room.messages], [m.error for m in ana.room.messages]
        world.unplug("ben")  # and whoever comes back meanwhile is let in later
        await asyncio.sleep(60)
        world.replug("ben")
        ana.send("three")
        await asyncio.sleep(20)
        refused = engine.refused
        engine.is_full = False
        while not town.is_settled():
            await asyncio.sleep(0.1)
            assert world.now_s < start_s + 90 + 35, "the longest pause is 30 s"
        assert_same_log(town, ["one", "two", "three"])
        return shown, refused, ana.failed

    shown, refused, failed = play(script).result
    assert shown == (["FAILED", "FAILED"], [None, None])
    assert failed == ["one", "two", "three"]
    # Tries at 0, 1, 3, 7, 15, 31, 61 s, of the first message each: the second one must not be stored before it
    assert refused == 7
