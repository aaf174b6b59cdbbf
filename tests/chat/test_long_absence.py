"""Ten thousand messages were missed: the end shows first, all are told once and in order, memory stays bounded."""

import asyncio
import json

import pytest

from realtime.chat.ahead import MOST
from realtime.chat.log_book import MAX_MESSAGES
from realtime.chat.pages import PAGE, SCREEN
from realtime.network.profiles import profile as profile_of
from realtime.server.engine.base import Draft
from tests.simulated_phones import play

pytestmark = pytest.mark.untraced  # long simulations

MISSED = 10_000
MOST_KEPT = MAX_MESSAGES * 5 // 4 + 1 + MOST  # a quarter is let go at once; what shows ahead is bounded for itself
TEXT = "are you on the train already? "


def write(town, count):
    """Messages of somebody who is on another server, so that no phone is needed for them."""
    for n in range(count):
        body = {"roomId": "lobby", "messageId": f"m{n}", "userId": "zoe", "text": f"{TEXT}{n}"}
        draft = Draft(
            room_id="lobby", user_id="zoe", message_id=f"m{n}", event="chat:message",
            body=json.dumps(body).encode(), timestamp_ms=1_800_000_000_000 + n, origin="",
        )  # fmt: skip
        town.engine.append(draft, lambda done: None)


async def come_back(world, town, *, profile, faults=lambda at_s: None):
    """Ana's phone was away while they were written; returns it, and when it showed and told what."""
    ana = await town.phone("ana", profile=profile)
    ana.background()
    await asyncio.sleep(200)  # longer than the server keeps a session for it
    with world.on("server"):
        write(town, MISSED)
    log = ana.chat._seats["lobby"].room._log
    seen = {"kept": 0}
    start_s = world.now_s

    def look(state):
        if state.texts and state.texts[-1].endswith(f" {MISSED - 1}"):
            seen.setdefault("end_s", world.now_s - start_s)
            seen.setdefault("behind", state.behind)
        seen["kept"] = max(seen["kept"], log._window.kept + len(log._ahead.shown(0)))
        assert len(state.messages) <= MAX_MESSAGES + MOST

    unobserve = ana.chat.room("lobby").observe(look)
    faults(start_s)
    ana.foreground()
    return ana, seen, unobserve


async def until(condition):
    while not condition():
        await asyncio.sleep(0.5)


ENTRY_BYTES = 250  # of an entry of 190 bytes, with what frames, packets and acknowledgements add
SETTLES_RTTS = 2  # of slow start, at the beginning


@pytest.mark.clause("RT-CHAT-16")
@pytest.mark.parametrize("profile", ["lte", "edge"])
def test_after_ten_thousand_missed_messages(profile):
    """The handshake takes 4 round trips (TCP, WebSocket, open, connect), the join and the log's end one each.

    Before the end comes the first page, of 200 entries. The rest are pages of 200, a round trip each.
    """
    link = profile_of(profile)
    rtt_s = (link.down.delay_ns + link.up.delay_ns) / 1e9
    entry_s = ENTRY_BYTES * 8 / link.down.rate_bps
    shows_in_s = (6 + SETTLES_RTTS) * rtt_s + (PAGE + SCREEN) * entry_s
    is_told_in_s = shows_in_s + MISSED * entry_s + MISSED / PAGE * rtt_s * (1 + SETTLES_RTTS)

    async def script(world, town):
        ana, seen, unobserve = await come_back(world, town, profile=profile)
        start_s = world.now_s
        await until(lambda: ana.room.joined and len(ana.heard) == MISSED)
        took_s = world.now_s - start_s
        unobserve()
        assert ana.heard == list(range(1, MISSED + 1)), "each once, in order"
        assert (ana.room.gap, ana.room.behind, ana.room.has_older) == (False, 0, True)
        first = ana.room.messages[0].offset
        assert MISSED - MAX_MESSAGES < first <= MISSED - MAX_MESSAGES * 15 // 16 + 1, "a sixteenth is let go at once"
        with world.on("ana"):
            assert await ana.chat.load_older("lobby", limit=PAGE)
        assert ana.room.messages[0].offset == first - PAGE
        return seen, took_s

    seen, took_s = play(script).result
    assert seen["end_s"] < shows_in_s
    assert seen["behind"] == MISSED - PAGE - SCREEN, "the end is shown first"
    assert seen["kept"] <= MOST_KEPT
    assert took_s < is_told_in_s


@pytest.mark.clause("RT-CHAT-16")
def test_the_catch_up_survives_breaks_naps_and_what_is_written_meanwhile():
    async def script(world, town):
        ben = await town.phone("ben", profile="wifi")

        def faults(at_s):
            world.at(at_s + 8).outage("ana", for_s=20)
            world.at(at_s + 60).reset("ana")
            world.at(at_s + 90, ana_naps)

        def ana_naps():
            town.phones[1].background()
            world.at(world.now_s + 40, town.phones[1].foreground)

        ana, seen, unobserve = await come_back(world, town, profile="3g", faults=faults)
        for n in range(100):
            ben.send(f"live {n}")
            await asyncio.sleep(1.0)
        ana.send("I am back")
        await until(lambda: ana.room.joined and not ana.room.unsent)
        await asyncio.sleep(5)
        unobserve()
        mine = next(message.offset for message in ana.room.messages if message.mine)
        assert ana.heard == [offset for offset in range(1, MISSED + 102) if offset != mine]
        assert not ana.room.gap
        assert ana.room.texts[-1] in ("I am back", "live 99")
        return ana.states.count("CONNECTED"), seen

    connections, seen = play(script).result
    assert connections >= 4
    assert seen["kept"] <= MOST_KEPT
