"""The service on a loop, in virtual time: plan, gateways, tries and tokens together."""

import asyncio
import random

import pytest

from realtime.server.engine.base import Marker
from realtime.server.engine.memory import MemoryEngine
from realtime.server.push.gateway import DELIVERED, Delivered, Gone, Push, Rejected, TryAgain
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.push.push_plan import News
from realtime.server.push.push_service import PushService
from realtime.server.push.push_store import EngineStore
from realtime.sim.world import simulate
from realtime.utils.ambient import installed


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


@pytest.mark.clause("RT-PUSH-8")
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
    data = {"url": "room/lobby", "messageIds": ["m1", "m2"], "count": 2, "offset": 2, "timestamp": 0, "userId": "ben"}
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


@pytest.mark.clause("RT-PUSH-2")
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

    assert play(script, LocalGateway()) == ["m2", {"withdraw": "m2", "roomId": "lobby", "data": {"offset": 2}}]


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


@pytest.mark.clause("RT-PUSH-6")
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


@pytest.mark.clause("RT-PUSH-13")
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


class Ticketing(FakeGateway):
    """Gives tickets, and tells of them what the test put into ``known``."""

    receipts_after_s, max_receipts = 900.0, 2

    def __init__(self):
        super().__init__()
        self.known, self.asked = {}, []

    async def send(self, batch):
        await super().send(batch)
        return [Delivered(f"ticket {each.push.id} {each.token.user_id}") for each in batch]

    async def receipts(self, tickets):
        self.asked.append((asyncio.get_running_loop().time(), list(tickets)))
        return {ticket: self.known[ticket] for ticket in tickets if ticket in self.known}


class Machine:
    """Services one after the other over one engine, each killed without a word. The wall clock goes on."""

    def __init__(self, *gateways, **options):
        self.engine = MemoryEngine()
        self.gateways = gateways
        self.options = options

    def run(self, script, gateway=None, *, at_s=0.0, logged=(), markers=()):
        """One life: start, look into the log, ``script(service)``, crash; returns what the gateway sent."""
        box = FakeGateway() if gateway is None else gateway

        async def main(world):
            loop = asyncio.get_running_loop()
            with installed(wall_clock=lambda: at_s + loop.time(), source=random.Random(0)):
                service = PushService({"local": box}, rng=random.Random(0), **self.options)
                for room_id in await service.start(EngineStore(self.engine)):
                    service.missed(room_id, [(each, round(1000 * logged_s)) for each, logged_s in logged], markers)
                service.resume()
                self.result = await script(service)
            return box.batches

        return simulate(main, max_virtual_s=1e6).result


async def settles(service):
    service.register("ana", "phone", "local", "ana 1", rooms=["lobby"])
    await asyncio.sleep(0.1)


async def waits(service):
    await asyncio.sleep(10_000)


@pytest.mark.clause("RT-PUSH-11")
def test_a_message_that_waited_when_the_server_crashed_is_pushed_after_its_start():
    machine = Machine()

    async def crashes_after_a_second(service):
        await settles(service)
        service.logged("lobby", news(1))
        await asyncio.sleep(1)

    assert machine.run(crashes_after_a_second) == []
    log = [(news(1), 0.1)]
    assert machine.run(waits, at_s=60, logged=log) == [(3.0, [("ana 1", "m1")])]
    assert machine.run(waits, at_s=600, logged=log) == [], "once"


def test_what_was_read_or_written_by_oneself_or_before_one_came_or_long_ago_is_not_pushed():
    log = [(news(1), -5), (news(2, author="ana"), 1), (news(3), 2), (news(4), 3)]

    def sent(at_s, markers=()):
        machine = Machine()
        machine.run(settles)
        return [[id for _, id in batch] for _, batch in machine.run(waits, at_s=at_s, logged=log, markers=markers)]

    assert sent(60) == [["m4"]]
    assert sent(60, [Marker("ana", 4, 3)]) == [["m4"]]
    assert sent(60, [Marker("ana", 4, 4)]) == []
    assert sent(86_402.5) == [["m4"]], "the oldest are too old"
    assert sent(86_500) == []


def test_a_push_that_was_sent_and_not_noted_is_sent_again_by_its_id_and_one_that_was_noted_is_not():
    class Dies(FakeGateway):
        async def send(self, batch):
            await super().send(batch)
            await asyncio.sleep(1e9)

    machine = Machine()

    async def sends(service):
        await settles(service)
        service.push("ana", Push(id="n1", title="hello"))
        await asyncio.sleep(5)

    assert machine.run(sends, Dies()) == [(0.1, [("ana 1", "n1")])]
    assert machine.run(waits, at_s=60) == [(0.0, [("ana 1", "n1")])]
    assert machine.run(waits, at_s=120) == []


def test_a_retry_waits_on_across_a_crash_and_what_was_read_meanwhile_is_taken_back():
    machine = Machine()

    async def sends(service):
        await settles(service)
        service.logged("lobby", news(1))
        await asyncio.sleep(5)
        service.push("ana", Push(id="n1"))
        await asyncio.sleep(1)

    gateway = FakeGateway(*[TryAgain("status 429", after_s=100.0)] * 2)
    assert len(machine.run(sends, gateway)) == 2
    log = [(news(1), 0.1)]
    after = machine.run(waits, at_s=50, logged=log, markers=[Marker("ana", 1, 1)])
    assert after[0] == (0.0, [("ana 1", "m1")]), "its withdrawal"
    assert [(round(at), batch) for at, batch in after[1:]] == [(55, [("ana 1", "n1")])]


def test_dead_letters_and_receipts_to_be_asked_for_outlive_the_server():
    machine = Machine()
    first, second = Ticketing(), Ticketing()

    async def sends(service):
        await settles(service)
        for n in range(3):
            service.push("ana", Push(id=f"n{n}"))
        service.gateways["local"].outcomes = []
        await asyncio.sleep(1)

    async def looks(service):
        await asyncio.sleep(10_000)
        return service.dead_letters, service.register("ana", "phone", "local", "ana 2")

    async def reports(service):
        return [(letter.push_id, letter.reason) for letter in service.dead_letters]

    machine.run(sends, first)
    assert first.asked == []
    second.known = {"ticket n0 ana": DELIVERED, "ticket n1 ana": Rejected("too large"), "ticket n2 ana": Gone("away")}
    machine.run(looks, second, at_s=300)
    assert [(round(at), len(tickets)) for at, tickets in second.asked] == [(600, 2), (600, 1)]
    machine.run(reports, at_s=20_000)
    assert machine.result == [("n1", "too large")]


def test_pushes_of_a_platform_that_is_not_there_any_more_are_reported():
    machine = Machine()

    async def fails(service):
        await settles(service)
        service.push("ana", Push(id="n1"))
        await asyncio.sleep(1)

    machine.run(fails, FakeGateway(TryAgain("status 500", after_s=100.0)))

    async def main(world):
        with installed(wall_clock=lambda: 5.0, source=random.Random(0)):
            service = PushService({}, rng=random.Random(0))
            await service.start(EngineStore(machine.engine))
            service.resume()
            service.push("ana", Push(id="n2"))
            return [letter.reason for letter in service.dead_letters]

    assert simulate(main).result == ["this server sends no local pushes any more"]


@pytest.mark.parametrize("at_s", [0.0, 3.5], ids=["registered", "pushed"])
def test_a_device_that_left_or_unregistered_hears_nothing_after_a_crash(at_s):
    async def leaves(service):
        await settles(service)
        service.register("ben", "phone", "local", "ben 1", rooms=["lobby"])
        service.logged("lobby", news(1, author="cem"))
        await asyncio.sleep(at_s)
        service.unsubscribe("lobby", "ana", "phone")
        service.unregister("ben", "ben 1")
        await asyncio.sleep(0.1)

    machine = Machine()
    machine.run(leaves)
    assert machine.run(waits, at_s=60, logged=[(news(1, author="cem"), 0.1), (news(2, author="cem"), 9)]) == []


@pytest.mark.parametrize("bad", [Push(id="x", data={"of": object()}), Push(id="x", ttl_s=float("inf"))])
def test_a_push_that_cannot_be_stored_is_refused_at_once_and_harms_no_other(bad):
    async def script(service, gateway):
        with pytest.raises(ValueError, match="as JSON"):
            service.push("ana", bad)
        service.push("ana", Push(id="good"))
        await asyncio.sleep(1)
        return gateway.batches

    assert play(script) == [(0.0, [("ana 1", "good")])]


def test_a_compose_that_fails_costs_its_own_push_only(caplog):
    def compose(due):
        if due.user_id == "ana":
            raise RuntimeError("no such template")
        return Push(id="for cem")

    async def script(service, gateway):
        service.logged("lobby", news(1))
        await asyncio.sleep(10)
        return [each for _, each in gateway.batches]

    assert play(script, compose=compose) == [[("cem 1", "for cem")]]
    assert "compose" in caplog.text


def test_a_gateway_that_answers_too_little_is_asked_again():
    class Terse(FakeGateway):
        async def send(self, batch):
            outcomes = await super().send(batch)
            return outcomes if len(self.batches) > 1 else []

    async def script(service, gateway):
        service.push("ana", Push(id="a"))
        await asyncio.sleep(10)
        return [each for _, each in gateway.batches]

    assert play(script, Terse()) == [[("ana 1", "a")], [("ana 1", "a")]]


def test_a_withdrawal_says_how_far_the_room_was_read_and_a_link_survives_its_rooms_name():
    async def script(service, gateway):
        got = []
        gateway.attach("ana 1", got.append)
        service.subscribe("c# / 50 %", "ana", "phone")
        service.logged("c# / 50 %", news(3))
        await asyncio.sleep(4)
        service.read("ana", "c# / 50 %", 5)
        await asyncio.sleep(1)
        return got

    gateway = LocalGateway()
    pushed, withdrawn = play(script, gateway)
    assert pushed["data"]["url"] == "room/c%23%20%2F%2050%20%25"
    assert withdrawn == {"withdraw": "m3", "roomId": "c# / 50 %", "data": {"offset": 5}}


def test_what_fails_together_is_tried_again_together():
    """A push service takes 100 in a request, and counts requests."""

    async def script(service, gateway):
        for n in range(50):
            service.push("ana", Push(id=f"n{n}"))
        await asyncio.sleep(100)
        return [len(each) for _, each in gateway.batches]

    assert play(script, FakeGateway(TryAgain("busy"), TryAgain("busy"))) == [50, 50, 50]
