"""A server that takes few events a second, and phones that send many: all of it arrives once, in its order."""

import asyncio
import random

import pytest

from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.raw_client import raw_client
from tests.simulated_phones import Town


class TightTown(Town):
    """Three events a second of each session, 15 at once: a join and its questions take some."""

    async def open(self):
        with self.world.on("server"):
            self.server = RealtimeServer(
                host="server",
                port=8765,
                engine=self.engine,
                rng=self.world.rng("server"),
                allow_unauthenticated=True,
                events_per_s=3,
            )
            await self.server.start()


def play(script, *, seed=0):
    async def main(world):
        town = TightTown(world)
        await town.open()
        result = await script(world, town)
        await town.close()
        return result

    return simulate(main, seed=seed, max_virtual_s=7200).result


def assert_all_arrived(town, sent):
    """Everybody shows all, each sender's in the order in which it sent them."""
    for phone in town.phones:
        shown = [(message.user_id, message.text) for message in phone.room.messages]
        for user_id, texts in sent.items():
            assert [text for author, text in shown if author == user_id] == texts, (phone.host, user_id)
        assert not phone.room.unsent
        assert [message.error for message in phone.room.messages if message.error] == []
        assert phone.heard == sorted(set(phone.heard))


@pytest.mark.parametrize("profile", ["lte", "gprs"])
def test_a_hundred_at_once_arrive_in_their_order_as_fast_as_the_server_takes_them(profile):
    """On a slow line some come when there is credit again, behind what was refused."""

    async def script(world, town):
        ana, _ = await town.phone("ana", profile=profile), await town.phone("ben")
        texts = [f"a{n}" for n in range(100)]
        start_s = world.now_s
        ana.send(*texts)
        await town.settle()
        assert_all_arrived(town, {"ana": texts})
        return world.now_s - start_s, town.server.stats.refused

    took_s, refused = play(script)
    assert refused > 0
    assert 25 < took_s < 90, "100 messages at 3 a second are 33 s"


@pytest.mark.parametrize("seeds", [range(6), range(6, 12)], ids=str)
def test_nothing_is_lost_or_overtaken_whatever_else_goes_wrong(seeds):
    """Naps of the app, outages and resets, drawn by the seed, while everybody sends more than the server takes."""

    async def script(world, town):
        rng = random.Random(world.seed)
        lines = {"ana": "lte", "ben": "edge", "cem": "very-bad"}
        phones = [await town.phone(name, profile=profile) for name, profile in lines.items()]
        sent = {phone.user_id: [] for phone in phones}
        for turn in range(12):
            phone = rng.choice(phones)
            texts = [f"{phone.user_id} {turn}.{n}" for n in range(rng.choice([1, 5, 25]))]
            sent[phone.user_id] += texts
            phone.send(*texts)
            match rng.choice(["nap", "outage", "reset", "nothing"]):
                case "nap":
                    phone.background()
                    world.at(world.now_s + rng.uniform(1, 20), phone.foreground)
                case "outage":
                    world.outage(phone.host, for_s=rng.uniform(0.2, 10))
                case "reset":
                    world.reset(phone.host)
            await asyncio.sleep(rng.uniform(0, 4))
        await asyncio.sleep(20)
        await town.settle(for_s=600)
        assert_all_arrived(town, sent)
        return town.server.stats.refused

    assert sum(play(script, seed=seed) for seed in seeds) > 0


def test_the_refusal_says_after_how_long_it_may_come_again_and_no_connection_ends():
    async def script(world, town):
        with world.on("zoe"):
            async with raw_client(town.server, "zoe", room="lobby") as zoe:
                asked = [await zoe.ask("room:leave", {"roomId": "attic"}) for _ in range(20)]
                answers = [await zoe.answer(each) for each in asked]
                await asyncio.sleep(answers[-1]["error"]["retryAfter"] / 1000)
                answers.append(await zoe.call("room:leave", {"roomId": "attic"}))
        return answers

    *answers, later = play(script)
    refused = [answer["error"] for answer in answers if not answer["ok"]]
    assert len(refused) == 20 - 14, "a burst of 15, of which the join took one"
    assert {error["code"] for error in refused} == {"rate_limited"}
    assert later == {"ok": True}


def test_who_floods_without_asking_for_answers_is_hung_up_on_in_words():
    async def script(world, town):
        with world.on("zoe"):
            async with raw_client(town.server, "zoe", room="lobby") as zoe:
                for _ in range(40):
                    await zoe.send('42["chat:typing",{"roomId":"lobby","isTyping":true}]')
                await zoe.websocket.wait_closed()
                return zoe.websocket.close_code, zoe.websocket.close_reason

    code, reason = play(script)
    assert code == 1013
    assert "too many events" in reason
