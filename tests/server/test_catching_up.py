"""After a long absence: thousands of entries in pages, each small, whichever way one reads."""

import asyncio
import json
import random

import pytest

from realtime.server.engine.base import Draft
from realtime.server.engine.memory import MemoryEngine
from realtime.server.engine.sqlite import SqliteEngine
from realtime.server.paging import PAGE_BYTES
from realtime.server.realtime_server import RealtimeServer
from tests.server.raw_client import raw_client
from tests.server.rig import Rig

COUNT = 10_000
ALL = list(range(1, COUNT + 1))


class CountingEngine:
    """Keeps how many entries every read was answered with."""

    def __init__(self, engine):
        self.engine = engine
        self.pages = []

    def __getattr__(self, name):
        return getattr(self.engine, name)

    def read(self, room_id, done, **span):
        def answered(page):
            self.pages.append(len(page.records))
            done(page)

        self.engine.read(room_id, answered, **span)


def draft(n, text):
    body = {"roomId": "lobby", "messageId": f"m{n}", "userId": "ana", "text": text}
    return Draft(
        room_id="lobby",
        user_id="ana",
        message_id=f"m{n}",
        event="chat:message",
        body=json.dumps(body).encode(),
        timestamp_ms=n,
        origin="",
    )


def rig_with(count, text):
    engine = MemoryEngine(rng=random.Random(0), messages_per_room=count)
    for n in range(1, count + 1):
        engine.append(draft(n, text(n)), lambda result: None)
    rig = Rig(CountingEngine(engine))
    return rig, rig.session("ben")


@pytest.fixture(scope="module")
def long_log():
    """10 000 messages, every hundredth of the greatest length."""
    return rig_with(COUNT, lambda n: "x" * 8000 if n % 100 == 0 else "hello")


def checked(reply):
    """The offsets of a page that a phone can take."""
    assert reply["ok"]
    bodies = [json.dumps(message, separators=(",", ":"), ensure_ascii=False) for message in reply["messages"]]
    assert len(bodies) <= 200
    assert len(bodies) == 1 or sum(map(len, bodies)) <= PAGE_BYTES
    return [message["offset"] for message in reply["messages"]]


@pytest.mark.parametrize("limit", [50, 200])
def test_forward_from_where_one_was(long_log, limit):
    rig, ben = long_log
    rig.engine.pages.clear()
    since = f"{rig.engine.epoch}:0"
    reply = rig.say(ben, "room:join", {"roomId": "lobby", "since": since, "limit": limit})
    offsets = checked(reply)
    while reply["more"]:
        reply = rig.say(ben, "chat:history", {"roomId": "lobby", "after": offsets[-1], "limit": limit})
        assert reply["recovered"]
        offsets += checked(reply)
    assert offsets == ALL
    assert max(rig.engine.pages) <= limit  # never more of the log in memory than one page
    assert len(rig.engine.pages) == COUNT // limit  # and no page is read twice


def test_backward_from_the_newest(long_log):
    rig, ben = long_log
    reply = rig.say(ben, "room:join", {"roomId": "lobby"})
    offsets = checked(reply)
    assert offsets == ALL[-50:]
    while reply["more"]:
        reply = rig.say(ben, "chat:history", {"roomId": "lobby", "before": offsets[0], "limit": 200})
        offsets = checked(reply) + offsets
    assert offsets == ALL


def test_the_newest_first_and_then_what_is_between():
    """A screen shows the newest page at once; what was missed before it follows."""
    rig, ben = rig_with(1000, str)
    rig.say(ben, "room:join", {"roomId": "lobby", "since": f"{rig.engine.epoch}:400", "limit": 1})
    newest = checked(rig.say(ben, "chat:history", {"roomId": "lobby", "limit": 50}))
    assert newest == list(range(951, 1001))
    offsets, more = [400], True
    while more:
        reply = rig.say(ben, "chat:history", {"roomId": "lobby", "after": offsets[-1], "before": 951, "limit": 200})
        offsets, more = offsets + checked(reply), reply["more"]
    assert offsets[1:] + newest == list(range(401, 1001))


async def test_ten_thousand_from_the_disk_while_others_go_on_writing(tmp_path):
    """What is read in pages and what is heard meanwhile is everything, once, in one order."""
    engine = CountingEngine(SqliteEngine(tmp_path / "rooms.db", rng=random.Random(0)))
    async with RealtimeServer(port=0, engine=engine) as server:
        stored = asyncio.Queue()
        for n in range(1, COUNT + 1):
            engine.append(draft(n, "hello"), stored.put_nowait)
        for _ in range(COUNT):
            await stored.get()
        async with raw_client(server, "ana", room="lobby") as ana, raw_client(server, "ben") as ben:
            epoch = (await ana.call("chat:history", {"roomId": "lobby", "limit": 1}))["position"].rpartition(":")[0]
            engine.pages.clear()
            reply = await ben.call("room:join", {"roomId": "lobby", "since": f"{epoch}:0"})
            offsets = checked(reply)
            while reply["more"]:
                message = {"roomId": "lobby", "messageId": f"new {len(offsets)}", "text": "x"}
                await ana.send(f'42["chat:message",{json.dumps(message)}]')
                reply = await ben.call("chat:history", {"roomId": "lobby", "after": offsets[-1], "limit": 200})
                offsets += checked(reply)
            last = (await ana.call("chat:message", {"roomId": "lobby", "messageId": "last", "text": "x"}))["offset"]
            heard = []
            while not heard or heard[-1] < last:
                heard.append((await ben.event("chat:message"))[1]["offset"])
    assert max(engine.pages) <= 200
    assert offsets == list(range(1, offsets[-1] + 1))
    assert heard == list(range(COUNT + 1, last + 1))
    assert offsets[-1] >= COUNT


@pytest.mark.parametrize("character", ["x", "ü", "👋"])
def test_pages_of_long_messages_are_cut_by_bytes_in_both_directions(character):
    rig, ben = rig_with(100, lambda n: character * 8000)
    reply = rig.say(ben, "room:join", {"roomId": "lobby", "since": f"{rig.engine.epoch}:0"})
    offsets = checked(reply)
    while reply["more"]:
        reply = rig.say(ben, "chat:history", {"roomId": "lobby", "after": offsets[-1], "limit": 200})
        offsets += checked(reply)
    assert offsets == list(range(1, 101))
    reply = rig.say(ben, "chat:history", {"roomId": "lobby", "limit": 200})
    back = checked(reply)
    while reply["more"]:
        reply = rig.say(ben, "chat:history", {"roomId": "lobby", "before": back[0], "limit": 200})
        back = checked(reply) + back
    assert back == offsets
