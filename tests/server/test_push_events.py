"""Registering for pushes, and who gets one: over sessions of a namespace, in virtual time."""

import asyncio
import random

import pytest

from realtime.server.push.push_service import PushService
from realtime.server.push_events import PushEvents
from realtime.sim.world import simulate
from tests.server.rig import Rig


class PushRig(Rig):
    """A rig with pushes."""

    def __init__(self):
        super().__init__()
        self.service = PushService(rng=random.Random(0))
        self.events = PushEvents(self.namespace, self.rooms, self.receipts, self.service)
        self.got = {}

    def device(self, user_id, device_id="phone", *, token=True, room="lobby"):
        """A device that is in a room, and gets pushes into ``got``."""
        session = self.session(user_id, device_id, room=room)
        if token:
            name = f"{user_id} {device_id}"
            assert self.say(session, "push:register", {"platform": "local", "token": name}) == {"ok": True}
            if name not in self.got:
                self.got[name] = []
                self.service.gateways["local"].attach(name, self.got[name].append)
        return session

    def gone(self, session):
        self.namespace.remove(session, "transport close")

    def ids(self, name):
        return [payload.get("id") or payload["withdraw"] + " withdrawn" for payload in self.got[name]]


def told(session):
    """What it heard of notifications since the last call."""
    return [each for each in session.link.take() if str(each[0]).startswith("notification")]


def play(script):
    rig = PushRig()

    async def main(world):
        result = await script(rig)
        await rig.service.stop()
        return result

    return simulate(main, max_virtual_s=1e4).result


@pytest.mark.clause("RT-PUSH-1")
def test_who_has_left_the_app_is_pushed_and_who_looks_is_not():
    async def script(rig):
        ana, ben, cem = (rig.device(user) for user in ("ana", "ben", "cem"))
        rig.gone(ana)
        rig.write(ben, "m1")
        rig.say(cem, "chat:received", {"roomId": "lobby", "upTo": 1})
        await asyncio.sleep(60)
        return [rig.ids(f"{user} phone") for user in ("ana", "ben", "cem")]

    assert play(script) == [["m1"], [], []]


def test_who_is_connected_in_the_background_is_pushed():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        rig.say(ana, "app:state", {"state": "background"})
        rig.write(ben, "m1")
        rig.say(ana, "chat:received", {"roomId": "lobby", "upTo": 1})
        await asyncio.sleep(60)
        return rig.ids("ana phone")

    assert play(script) == ["m1"]


@pytest.mark.clause("RT-PUSH-1")
def test_one_device_that_is_looked_at_keeps_the_others_quiet():
    async def script(rig):
        phone, tablet, ben = rig.device("ana"), rig.device("ana", "tablet"), rig.device("ben")
        rig.gone(phone)
        rig.write(ben, "m1")
        rig.say(tablet, "chat:received", {"roomId": "lobby", "upTo": 1})
        await asyncio.sleep(60)
        return rig.got

    assert not any(play(script).values())


def test_what_is_read_on_the_tablet_cancels_and_withdraws_the_phones_push():
    async def script(rig):
        phone, tablet, ben = rig.device("ana"), rig.device("ana", "tablet", token=False), rig.device("ben")
        rig.gone(phone)
        rig.say(tablet, "app:state", {"state": "background"})
        rig.write(ben, "m1")
        await asyncio.sleep(2)
        rig.say(tablet, "app:state", {"state": "active"})
        rig.say(tablet, "chat:read", {"roomId": "lobby", "upTo": 1})
        rig.say(tablet, "app:state", {"state": "background"})
        rig.write(ben, "m2")
        await asyncio.sleep(10)
        rig.say(tablet, "chat:read", {"roomId": "lobby", "upTo": 2})
        await asyncio.sleep(10)
        return rig.ids("ana phone")

    assert play(script) == ["m2", "m2 withdrawn"]


def test_a_phone_that_vanished_without_a_word_is_pushed_when_that_is_known():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        rig.write(ben, "m1")
        await asyncio.sleep(30)
        before = rig.ids("ana phone")
        rig.gone(ana)
        await asyncio.sleep(0.01)
        return before, rig.ids("ana phone")

    assert play(script) == ([], ["m1"])


def test_who_left_the_room_by_will_hears_no_more_of_it():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        rig.say(ana, "room:leave", {"roomId": "lobby"})
        rig.gone(ana)
        rig.write(ben, "m1")
        await asyncio.sleep(60)
        return rig.ids("ana phone")

    assert play(script) == []


def test_rooms_joined_before_and_after_registering_count():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        for session in (ana, ben):
            rig.say(session, "room:join", {"roomId": "attic"})
        rig.gone(ana)
        rig.write(ben, "m1", room="attic")
        rig.write(ben, "m2")
        await asyncio.sleep(60)
        return rig.ids("ana phone")

    assert sorted(play(script)) == ["m1", "m2"]


def test_a_mention_is_urgent_and_a_deleted_message_is_not_pushed():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        rig.gone(ana)
        rig.write(ben, "m1", text="look here, @ana: no. @anatol")
        rig.write(ben, "m2")
        rig.say(ben, "chat:delete", {"roomId": "lobby", "messageId": "m2"})
        await asyncio.sleep(60)
        return [(each["id"], each["urgent"]) for each in rig.got["ana phone"]]

    assert play(script) == [("m1", True)]


@pytest.mark.clause("RT-PUSH-10")
def test_what_was_opened_or_read_here_is_taken_off_elsewhere_by_socket_and_push():
    async def script(rig):
        phone, tablet = rig.device("ana"), rig.device("ana", "tablet")
        ben = rig.device("ben")
        for event, id in (("push:opened", "n1"), ("push:read", "n2")):
            assert rig.say(phone, event, {"id": id}) == {"ok": True}
        await asyncio.sleep(1)
        return told(tablet), told(ben), rig.ids("ana phone"), rig.ids("ana tablet")

    tablet, ben, on_phone, on_tablet = play(script)
    assert tablet == [("notification:withdrawn", {"id": id}) for id in ("n1", "n2")]
    assert (ben, on_phone, on_tablet) == ([], [], ["n1 withdrawn", "n2 withdrawn"])


def test_unregistering_ends_it():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        assert rig.say(ana, "push:unregister", {"token": "ana phone"}) == {"ok": True}
        assert rig.say(ana, "push:unregister", {"token": "ana phone"}) == {"ok": True}
        rig.gone(ana)
        rig.write(ben, "m1")
        await asyncio.sleep(60)
        return rig.ids("ana phone")

    assert play(script) == []


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"platform": "pigeon", "token": "t"}, "invalid_payload"),
        ({"platform": "local", "token": ""}, "invalid_payload"),
        ({"platform": "local", "token": "t" * 5000}, "invalid_payload"),
        ({"platform": "local", "token": "t" * 300}, "invalid_token"),
        ({"platform": "expo", "token": "ExponentPushToken[x]"}, "invalid_token"),
    ],
)
def test_what_cannot_be_registered_is_refused(payload, code):
    async def script(rig):
        return rig.say(rig.device("ana"), "push:register", payload)

    reply = play(script)
    assert reply["error"]["code"] == code
    assert "ttt" not in reply["error"]["message"], "a token is nobody's business"


def test_what_nobody_needs_for_long_says_so_by_socket_and_to_the_push_service():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        rig.say(ben, "app:state", {"state": "background"})
        for user in ("ana", "ben"):
            rig.events.notify(user, id="taxi", title="Your taxi is here", ttl_s=300)
        await asyncio.sleep(1)
        [(_, by_socket)], [by_push] = told(ana), rig.got["ben phone"]
        return by_socket["ttl"], by_push["ttl"]

    assert play(script) == (300_000, 300_000)
    with pytest.raises(ValueError, match="ttl_s"):
        PushRig().events.notify("ana", id="taxi", title="Your taxi is here", ttl_s=0)


def test_the_application_notifies_a_user_by_socket_and_who_does_not_look_by_push():
    async def script(rig):
        ana, ben = rig.device("ana"), rig.device("ben")
        rig.say(ben, "app:state", {"state": "background"})
        for user in ("ana", "ben"):
            rig.events.notify(user, id="n1", title="Sale", body="today")
        await asyncio.sleep(1)
        return told(ana), told(ben), rig.ids("ana phone"), rig.ids("ben phone")

    news = ("notification", {"id": "n1", "title": "Sale", "body": "today", "data": {}})
    assert play(script) == ([news], [news], [], ["n1"])


@pytest.mark.clause("RT-PUSH-9")
def test_what_a_user_is_told_into_a_dead_connection_is_pushed_once_it_is_known_to_be_dead():
    async def script(rig):
        ana = rig.device("ana")
        rig.events.notify("ana", id="taxi", title="Your taxi is here")
        await asyncio.sleep(40)
        before = rig.ids("ana phone")
        rig.lose(ana)
        await asyncio.sleep(1)
        return before, rig.ids("ana phone")

    assert play(script) == ([], ["taxi"])


def test_what_a_user_was_shown_or_has_opened_is_not_pushed_later():
    async def script(rig):
        phone, tablet = rig.device("ana"), rig.device("ana", "tablet")
        rig.events.notify("ana", id="seen", title="Seen")
        phone.link.pass_fences()
        rig.events.notify("ana", id="opened", title="Opened")
        rig.say(tablet, "push:opened", {"id": "opened"})
        rig.lose(phone)
        rig.lose(tablet)
        await asyncio.sleep(60)
        return [each for each in rig.ids("ana phone") + rig.ids("ana tablet") if "withdrawn" not in each]

    assert play(script) == []
