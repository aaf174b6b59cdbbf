"""Each sender's messages are stored in the order they were sent, though the disk fails and the network is bad."""

import asyncio
import random

import pytest

from realtime.chat.message import MessageStatus
from realtime.server.engine.base import EngineError
from realtime.server.engine.memory import MemoryEngine
from realtime.server.realtime_server import RealtimeServer
from tests.server.fakes import FailingEngine
from tests.server.raw_client import raw_client
from tests.simulated_phones import play

COUNT = 80


class FailingCommits(MemoryEngine):
    """Stores many entries at a time, a while later; where that fails, so does all that waited behind it."""

    def __init__(self, rng, *, chance, most_s=0.05):
        super().__init__(rng=rng)
        self.chance = chance
        self.most_s = most_s
        self.failures = 0
        self._rng = rng
        self._waiting = []

    def append(self, draft, done):
        if not self._waiting:
            asyncio.get_running_loop().call_later(self._rng.uniform(0.001, self.most_s), self._commit)
        self._waiting.append((draft, done))

    def _commit(self):
        waiting, self._waiting = self._waiting, []
        fails = self._rng.random() < self.chance
        self.failures += fails
        for draft, done in waiting:
            if fails:
                done(EngineError("the disk is full"))
            else:
                super().append(draft, done)


async def chatter(phone, world, rng, *, away):
    for n in range(COUNT):
        phone.send(f"{phone.host} {n}")
        if away and n % 10 == 5:
            rng.choice([lambda: world.outage(phone.host, for_s=2), lambda: world.reset(phone.host), phone.background])()
        await asyncio.sleep(rng.choice([0, 0, 0.1, 0.8]))
        phone.foreground()


def check_order(town):
    """Nothing is lost or doubled, and of each sender everything is in order, for everybody."""
    texts = [message.text for message in town.phones[0].room.messages]
    for phone in town.phones:
        assert [message.text for message in phone.room.messages] == texts
        own = [text for text in texts if text.startswith(f"{phone.host} ")]
        assert own == [f"{phone.host} {n}" for n in range(COUNT)]
        assert all(message.status is not MessageStatus.FAILED for message in phone.room.messages)


@pytest.mark.clause("RT-CHAT-3")
@pytest.mark.parametrize("away", [False, True], ids=["staying", "coming and going"])
@pytest.mark.parametrize("seed", range(4))
def test_senders_keep_their_order_while_the_disk_fails_at_random(seed, away):
    async def script(world, town):
        engine = FailingCommits(world.rng("disk"), chance=0.4)
        await town.reopen(engine)
        phones = [await town.phone(name, profile=name) for name in ("very-bad", "3g", "lte")]
        rng = world.rng("chatter")
        await asyncio.gather(*(chatter(phone, world, rng, away=away) for phone in phones))
        engine.chance = 0
        await town.settle()
        check_order(town)
        return engine.failures, town.server.stats.refused

    failures, refused = play(script, seed=seed).result
    assert failures > 2
    assert refused > 2 * failures, "much was on its way when something failed"


@pytest.mark.clause("RT-CHAT-3")
@pytest.mark.parametrize("seed", range(3))
def test_who_comes_back_while_rooms_cannot_be_read_keeps_the_order(seed):
    """The session is gone by then, so the room must be joined anew; what is unsent goes out right behind the join."""

    class Unreadable(MemoryEngine):
        for_s = 0  # from the next read on
        until_s = 0.0

        def read(self, room_id, done, **span):
            now = asyncio.get_running_loop().time()
            if self.for_s:
                self.until_s, self.for_s = now + self.for_s, 0
            if now < self.until_s:
                done(EngineError("the disk is full"))
            else:
                super().read(room_id, done, **span)

    async def script(world, town):
        engine = Unreadable(rng=world.rng("engine"))
        await town.reopen(engine)
        ana, ben = await town.phone("ana", profile="3g"), await town.phone("ben", profile="wifi")
        world.unplug("ana")
        await asyncio.sleep(400)
        ana.send("ana 0", "ana 1")
        engine.for_s = 10 + 7 * seed
        world.replug("ana")
        for n in range(2, 60):
            await asyncio.sleep(0.7)
            ana.send(f"ana {n}")
        await town.settle()
        assert town.server.stats.refused > 4
        return [message.text for message in ben.room.messages]

    assert play(script, seed=seed).result == [f"ana {n}" for n in range(60)]


async def burst(client, numbers, timeout_s=10):
    """Send messages without waiting, and send again what is refused, each as soon as that is known."""
    asked = {}

    async def send(n):
        message = {"roomId": "lobby", "messageId": f"m{n}", "text": f"{n}"}
        asked[await client.ask("chat:message", message)] = n

    for n in numbers:
        await send(n)
    refused = 0
    while asked:
        ack_id = min(asked)
        reply = await client.answer(ack_id)
        n = asked.pop(ack_id)
        if not reply["ok"]:
            assert reply["error"]["code"] == "storage_failed"
            refused += 1
            await send(n)
    return refused


@pytest.mark.parametrize("nth", [0, 3, 9])
async def test_a_client_that_sends_again_what_is_refused_keeps_its_order(nth):
    """Ten at once; what is refused is sent again in the order of the refusals, as the stock client's user would."""
    failing = [f"m{nth}", "m5"]

    def fails(draft):
        return draft.message_id in failing and not failing.remove(draft.message_id)

    engine = FailingEngine(MemoryEngine(rng=random.Random(0)), fails)
    async with RealtimeServer(port=0, engine=engine) as server, raw_client(server, "ana", room="lobby") as ana:
        refused = await burst(ana, range(10))
        history = await ana.call("chat:history", {"roomId": "lobby"})
        assert [message["text"] for message in history["messages"]] == [f"{n}" for n in range(10)]
        assert refused >= 10 - nth
        assert server.stats.storage_failures == 2


async def test_a_client_that_never_sends_again_goes_on_after_a_round_trip():
    failing = ["m0"]
    engine = FailingEngine(MemoryEngine(rng=random.Random(0)), lambda draft: draft.message_id in failing)
    async with RealtimeServer(port=0, engine=engine) as server, raw_client(server, "ana", room="lobby") as ana:
        asked = [
            await ana.ask("chat:message", {"roomId": "lobby", "messageId": f"m{n}", "text": "x"}) for n in range(3)
        ]
        assert [(await ana.answer(ack_id))["ok"] for ack_id in asked] == [False, False, False]
        # The answers to these questions come behind the pings, so the pongs go before what follows.
        for _ in range(2):
            await ana.call("chat:history", {"roomId": "lobby"})
        reply = await ana.call("chat:message", {"roomId": "lobby", "messageId": "m3", "text": "x"})
        assert reply["ok"]
