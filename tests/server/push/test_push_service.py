"""The service on a loop, in virtual time: plan, gateways, tries and tokens together."""

import asyncio
import random

import pytest

from realtime.server.push.gateway import DELIVERED, Gone, Push, Rejected, TryAgain
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.push.push_plan import News
from realtime.server.push.push_service import PushService
from realtime.sim.world import simulate


class FakeGateway(LocalGateway):
    """Answers with what the test put into ``outcomes``, and then with success."""

    def __init__(self, *outcomes, max_batch=1000):
        super().__init__()
        self.outcomes = list(outcomes)
        self.batches = []
        self.max_batch = max_batch

    async def send(self, batch):
        self.batches.append((asyncio.get_running_loop().time(), [(each.token.token, each.push.id) for each in batch]))
        outcome = self.outcomes.pop(0) if self.outcomes else DELIVERED
        if isinstance(outcome, Exception):
            raise outcome
        return [outcome] * len(batch)


def play(script, gateway=None, *, active=(), **options):
    """Run ``script(service, gateway)``; ``active`` are the users who are looking at every room."""

    async def main(world):
        box = FakeGateway() if gateway is None else gateway
        service = PushService({"local": box}, rng=random.Random(0), **options)
        service.looking = lambda room_id: active
        for user in ("ana", "cem"):
            assert service.register(user, "phone", "local", f"{user} 1") is None
            service.subscribe("lobby", user, "phone")
        result = await script(service, box)
        await service.stop()
        return result

    return simulate(main, max_virtual_s=1e5).result


def news(offset, author="ben", text="hello", mentions=()):
    return News(offset, f"m{offset}", author, text, frozenset(mentions))


def test_everybody_with_a_device_but_the_author_is_pushed_after_three_seconds():
    async def script(service, gateway):
        service.logged("lobby", news(1, author="cem"))
        await asyncio.sleep(10)
        return gateway.batches

    assert play(script) == [(3.0, [("ana 1", "m1")])]


def test_what_the_phone_gets_says_who_what_and_where_and_collapses_by_room():
    async def script(service, gateway):
        got = []
        gateway.attach("ana 1", got.append)
        service.logged("lobby", news(1))
        service.logged("lobby", news(2, text="@ana " + "x" * 5000, mentions=["ana"]))
        await asyncio.sleep(10)
        return got

    [payload] = play(script, LocalGateway())
    assert payload.pop("body") == "@ana " + "x" * 194 + "…"
    data = {"url": "room/lobby", "messageIds": ["m1", "m2"], "count": 2, "offset": 2, "userId": "ben"}
    assert payload == {
        "id": "m2",
        "title": "ben",
        "data": data,
        "roomId": "lobby",
        "collapseKey": "room:lobby",
        "urgent": True,
    }


def test_who_is_looking_is_not_pushed():
    async def script(service, gateway):
        service.logged("lobby", news(1))
        service.received("ana", "lobby", 1)
        await asyncio.sleep(10)
        return gateway.batches

    assert play(script, active={"ana"}) == [(3.0, [("cem 1", "m1")])]


def test_reading_elsewhere_cancels_and_reading_later_withdraws():
    async def script(service, gateway):
        got = []
        gateway.attach("ana 1", got.append)
        service.logged("lobby", news(1))
        await asyncio.sleep(2.9)
        service.read("ana", "lobby", 1)
        await asyncio.sleep(10)
        service.logged("lobby", news(2))
        await asyncio.sleep(10)
        service.read("ana", "lobby", 2)
        service.read("ana", "lobby", 2)
        await asyncio.sleep(1)
        return [payload.get("id") or payload for payload in got]

    assert play(script, LocalGateway()) == ["m2", {"withdraw": "m2", "roomId": "lobby"}]


def test_a_service_that_fails_is_asked_again_and_a_read_message_is_not():
    gateway = FakeGateway(OSError("no network"), TryAgain("status 503"), TryAgain("status 429", after_s=60.0))

    async def script(service, _):
        service.unsubscribe("lobby", "cem", "phone")
        service.logged("lobby", news(1))
        await asyncio.sleep(200)
        gateway.outcomes = [TryAgain("status 503")] * 100
        service.logged("lobby", news(2))
        await asyncio.sleep(3.1)
        gateway.outcomes = []
        service.read("ana", "lobby", 2)
        await asyncio.sleep(1000)
        return gateway.batches, service.dead_letters

    batches, dead = play(script, gateway)
    first = [at for at, batch in batches if batch == [("ana 1", "m1")]]
    assert len(first) == 4
    assert first[3] - first[2] >= 60
    assert [batch for _, batch in batches[4:]] == [[("ana 1", "m2")], [("ana 1", "m2")]], "one try, and a withdrawal"
    assert dead == ()


def test_a_dead_token_is_removed_and_a_refused_push_is_reported():
    gateway = FakeGateway(Gone("uninstalled"))

    async def script(service, _):
        service.unsubscribe("lobby", "cem", "phone")
        service.logged("lobby", news(1))
        await asyncio.sleep(10)
        service.logged("lobby", news(2))
        await asyncio.sleep(10)
        gateway.outcomes = [Rejected("too large")]
        service.register("ana", "phone", "local", "ana 2")
        service.subscribe("lobby", "ana", "phone")
        service.logged("lobby", news(3))
        await asyncio.sleep(10)
        return [batch for _, batch in gateway.batches], [letter.reason for letter in service.dead_letters]

    assert play(script, gateway) == ([[("ana 1", "m1")], [("ana 2", "m3")]], ["too large"])


def test_many_go_in_batches():
    gateway = FakeGateway(max_batch=2)

    async def script(service, _):
        for n in range(5):
            service.register(f"user {n}", "phone", "local", f"t{n}")
            service.subscribe("attic", f"user {n}", "phone")
        service.logged("attic", news(1))
        await asyncio.sleep(10)
        return [len(batch) for _, batch in gateway.batches]

    assert play(script, gateway) == [2, 2, 1]


def test_what_was_opened_on_one_device_is_taken_off_the_others():
    async def script(service, gateway):
        got = []
        service.register("ana", "tablet", "local", "ana's tablet")
        gateway.attach("ana 1", got.append)
        gateway.attach("ana's tablet", got.append)
        service.push("ana", Push(id="n1", title="hello"))
        await asyncio.sleep(1)
        service.opened("ana", "n1", but="phone")
        await asyncio.sleep(1)
        return [payload.get("id") or payload for payload in got]

    assert play(script, LocalGateway()) == ["n1", "n1", {"withdraw": "n1"}]


@pytest.mark.parametrize(
    ("platform", "token", "words"), [("expo", "x", "no expo pushes"), ("local", "x" * 300, "256 characters")]
)
def test_what_cannot_be_pushed_is_refused(platform, token, words):
    async def script(service, gateway):
        return service.register("ana", "phone", platform, token)

    assert words in play(script)


def test_a_token_is_unregistered_by_its_user_only():
    async def script(service, gateway):
        service.unregister("cem", "ana 1")
        service.logged("lobby", news(1))
        service.unregister("cem", "cem 1")
        await asyncio.sleep(10)
        return gateway.batches

    assert play(script) == [(3.0, [("ana 1", "m1")])]


def test_it_tells_what_it_does():
    async def script(service, gateway):
        service.logged("lobby", news(1))
        return repr(service)

    assert play(script) == "<PushService local planned=2 on_the_way=0 dead_letters=0>"
