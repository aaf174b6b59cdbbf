"""Joining with what was missed, leaving, and who is present."""

import random

import pytest

from realtime.server.room_events import MAX_ROOMS, MOST_RECEIPTS
from realtime.utils import ambient
from tests.server.fakes import BrokenEngine, LateEngine
from tests.server.rig import Rig

ANA = {"userId": "ana", "deviceId": "phone", "state": "active", "status": "online", "since": 7}
BEN = {"userId": "ben", "deviceId": "phone", "state": "active", "status": "online", "since": 7}
BEN_TABLET = BEN | {"deviceId": "tablet"}

LEFT = ("userId", "deviceId")


@pytest.fixture(autouse=True)
def at_seven():
    """Everybody is there since 7 ms after the beginning of time."""
    with ambient.installed(wall_clock=lambda: 0.0071, source=random.Random(0)):
        yield


def ids(reply):
    return [message["messageId"] for message in reply["messages"]]


def diff(n, joins=(), leaves=(), room="lobby"):
    gone = [{key: member[key] for key in LEFT} for member in leaves]
    return ("presence:diff", {"roomId": room, "joins": list(joins), "leaves": gone, "n": n})


def messages(session):
    """What was written to it beside presence."""
    return [sent for sent in session.link.take() if sent[0] != "presence:diff"]


def test_the_first_to_join_finds_an_empty_room_and_oneself():
    rig = Rig()
    reply = rig.say(rig.session("ana"), "room:join", {"roomId": "lobby"})
    assert reply == {
        "ok": True,
        "position": f"{rig.engine.epoch}:0",
        "recovered": False,
        "horizon": 0,
        "messages": [],
        "more": False,
        "members": [ANA],
        "presence": {"epoch": "life", "n": 0},
        "receipts": [],
        "locations": [],
    }


def test_others_are_told_who_comes_and_goes():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    ben = rig.session("ben")
    assert rig.say(ben, "room:join", {"roomId": "lobby"})["members"] == [ANA, BEN]
    assert ana.link.take() == [diff(2, joins=[BEN])]
    assert ben.link.take() == [diff(2, joins=[BEN])], "so that she misses no number"
    assert rig.say(ben, "room:leave", {"roomId": "lobby"}) == {"ok": True}
    assert ana.link.take() == [diff(3, leaves=[BEN])]
    assert ben.link.take() == []


def test_a_dropped_session_leaves_every_room():
    rig = Rig()
    [ana, ben] = rig.sessions("lobby", "ana", "ben")
    rig.say(ben, "room:join", {"roomId": "attic"})
    rig.say(ana, "room:join", {"roomId": "attic"})
    for session in (ana, ben):
        session.link.take()
    rig.lose(ben)
    assert ana.link.take() == [diff(3, leaves=[BEN]), diff(5, leaves=[BEN], room="attic")]
    assert ben.link.take() == []


def test_each_device_is_present_by_itself():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    phone = rig.session("ben", room="lobby")
    tablet = rig.session("ben", "tablet", room="lobby")
    assert ana.link.take() == [diff(2, joins=[BEN]), diff(3, joins=[BEN_TABLET])]
    rig.end(phone)
    rig.end(tablet)
    assert ana.link.take() == [diff(4, leaves=[BEN]), diff(5, leaves=[BEN_TABLET])]


def test_a_device_that_is_back_before_its_old_connection_is_known_dead_does_not_flicker():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    zombie = rig.session("ben", room="lobby")
    ana.link.take()
    rig.session("ben", sid="second", room="lobby")
    rig.lose(zombie)
    assert ana.link.take() == []
    assert rig.say(ana, "room:join", {"roomId": "lobby"})["members"] == [ANA, BEN]


def test_joining_and_leaving_twice_change_nothing():
    rig = Rig()
    [ana, ben] = rig.sessions("lobby", "ana", "ben")
    assert rig.say(ben, "room:join", {"roomId": "lobby"})["ok"]
    rig.say(ben, "room:leave", {"roomId": "lobby"})
    ana.link.take()
    assert rig.say(ben, "room:leave", {"roomId": "lobby"}) == {"ok": True}
    assert ana.link.take() == []


def test_a_newcomer_is_shown_the_newest_messages():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 61):
        rig.write(ana, f"m{n}")
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby"})
    assert ids(reply) == [f"m{n}" for n in range(11, 61)]
    assert reply["more"]
    assert not reply["recovered"]
    assert reply["position"] == reply["messages"][-1]["position"]


def test_who_comes_back_gets_what_was_missed():
    rig = Rig()
    [ana, ben] = rig.sessions("lobby", "ana", "ben")
    rig.write(ana, "m1")
    [(_, last)] = ben.link.take()
    rig.namespace.remove(ben, "tunnel")
    rig.write(ana, "m2")
    rig.write(ana, "m3")
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": last["position"]})
    assert reply["recovered"]
    assert ids(reply) == ["m2", "m3"]
    assert not reply["more"]
    again = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": reply["position"]})
    assert (again["recovered"], again["messages"]) == (True, [])


def test_a_long_absence_is_covered_in_pages():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 451):
        rig.write(ana, f"m{n}")
    ben = rig.session("ben")
    reply = rig.say(ben, "room:join", {"roomId": "lobby", "since": f"{rig.engine.epoch}:0"})
    got = ids(reply)
    assert len(got) == 200
    while reply["more"]:
        after = reply["messages"][-1]["offset"]
        reply = rig.say(ben, "chat:history", {"roomId": "lobby", "after": after, "limit": 200})
        assert reply["recovered"]
        got += ids(reply)
    assert got == [f"m{n}" for n in range(1, 451)]


def trimmed_rig():
    """The lobby's log has entries 6 to 10."""
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 11):
        rig.write(ana, f"m{n}")
    rig.engine.trim("lobby", keep=5)
    return rig


def test_where_only_a_part_is_gone_the_rest_comes_in_order_and_the_gap_is_named():
    rig = trimmed_rig()
    since = f"{rig.engine.epoch}:2"
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": since, "limit": 2})
    assert (reply["recovered"], reply["horizon"]) == (False, 5)  # 3, 4 and 5 are gone
    assert (ids(reply), reply["more"]) == (["m6", "m7"], True)
    assert reply["position"] == f"{rig.engine.epoch}:10"


@pytest.mark.parametrize(("offset", "recovered"), [(4, False), (5, True), (10, True)])
def test_what_the_client_has_may_be_gone_without_a_gap(offset, recovered):
    rig = trimmed_rig()
    since = f"{rig.engine.epoch}:{offset}"
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": since})
    assert (reply["recovered"], reply["horizon"]) == (recovered, 5)


@pytest.mark.parametrize("since", ["another:3", "{epoch}:99"])
def test_the_position_of_another_log_gets_the_newest_page(since):
    rig = trimmed_rig()
    since = since.format(epoch=rig.engine.epoch)
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": since, "limit": 2})
    assert (ids(reply), reply["recovered"], reply["more"], reply["horizon"]) == (["m9", "m10"], False, True, 5)


def test_a_newcomer_may_ask_for_a_smaller_or_larger_page():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 251):
        rig.write(ana, f"m{n}")
    for limit in (1, 7, 200):
        reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "limit": limit})
        assert (ids(reply), reply["more"]) == ([f"m{n}" for n in range(251 - limit, 251)], True)
    for limit in (0, 201, "5"):
        reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "limit": limit})
        assert reply["error"]["code"] == "invalid_payload"
        assert "limit" in reply["error"]["message"]


def test_who_comes_back_may_ask_for_a_smaller_page():
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 11):
        rig.write(ana, f"m{n}")
    since = f"{rig.engine.epoch}:3"
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": since, "limit": 2})
    assert (ids(reply), reply["recovered"], reply["more"]) == (["m4", "m5"], True, True)


@pytest.mark.parametrize("since", ["another:3", "{epoch}:2", "{epoch}:99"])
def test_what_cannot_be_covered_is_said_to_be_a_gap(since):
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 11):
        rig.write(ana, f"m{n}")
    rig.engine.trim("lobby", keep=5)
    since = since.format(epoch=rig.engine.epoch)
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": since})
    assert reply["ok"]
    assert not reply["recovered"]
    assert ids(reply) == ["m6", "m7", "m8", "m9", "m10"]


def test_of_very_many_receipts_the_furthest_and_ones_own_are_told():
    """All of them would be more than a phone can take, and than may wait for it."""
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 1101):
        rig.write(ana, f"m{n}")
    for n in range(1, 1101):
        rig.engine.mark("lobby", f"user-{n:04}", received=n, read=0, done=lambda marker: None)
    ben = rig.session("user-0001", room="lobby")
    receipts = rig.say(ben, "room:join", {"roomId": "lobby"})["receipts"]
    assert len(receipts) == MOST_RECEIPTS + 1
    told = [(receipt["userId"], receipt["received"]) for receipt in receipts]
    assert told == [(f"user-{n:04}", n) for n in (1, *range(1101 - MOST_RECEIPTS, 1101))]


def test_a_position_of_another_form_is_refused():
    rig = Rig()
    reply = rig.say(rig.session("ben"), "room:join", {"roomId": "lobby", "since": "yesterday"})
    assert reply["error"]["code"] == "invalid_payload"
    assert "epoch:offset" in reply["error"]["message"]


def test_a_session_may_not_be_in_any_number_of_rooms():
    rig = Rig()
    ana = rig.session("ana")
    for n in range(MAX_ROOMS):
        assert rig.say(ana, "room:join", {"roomId": f"r{n}"})["ok"]
    assert rig.say(ana, "room:join", {"roomId": "r0"})["ok"]
    assert rig.say(ana, "room:join", {"roomId": "one more"})["error"]["code"] == "too_many_rooms"


def test_a_log_that_cannot_be_read_makes_no_room_for_more_rooms():
    rig = Rig(BrokenEngine())
    ana = rig.session("ana")
    for n in range(MAX_ROOMS):
        assert rig.say(ana, "room:join", {"roomId": f"r{n}"})["error"]["code"] == "storage_failed"
    assert rig.say(ana, "room:join", {"roomId": "one more"})["error"]["code"] == "too_many_rooms"
    assert rig.say(ana, "room:join", {"roomId": "r0"})["error"]["code"] == "storage_failed", "which may be tried again"
    assert rig.say(ana, "room:leave", {"roomId": "r1"})["ok"]
    assert rig.say(ana, "room:join", {"roomId": "one more"})["error"]["code"] == "storage_failed"
    assert sum(map(len, rig.rooms._shut_out.values())) == MAX_ROOMS


def test_going_to_the_background_is_seen():
    rig = Rig()
    [ana, ben] = rig.sessions("lobby", "ana", "ben")
    asleep = BEN | {"state": "background", "status": "away"}
    assert rig.say(ben, "app:state", {"state": "background"}) == {"ok": True}
    assert ana.link.take() == [diff(3, joins=[asleep])]
    assert rig.say(ben, "app:state", {"state": "background"}) == {"ok": True}
    assert ana.link.take() == []
    assert rig.say(ana, "room:join", {"roomId": "lobby"})["members"] == [ANA, asleep]


def test_a_join_without_an_ack_joins():
    rig = Rig()
    ana = rig.session("ana")
    rig.namespace.events.receive_raw(ana, "room:join", b'["room:join",{"roomId":"lobby"}]', None)
    assert rig.namespace.rooms.of(ana) == ("lobby",)
    assert ana.link.take() == []


class TestWithAnEngineThatAnswersLater:
    """As with a disk: between asking and being answered, the world goes on."""

    @pytest.fixture
    def rig(self):
        rig = Rig(LateEngine(Rig().engine))
        settle = rig.engine.settle
        rig.engine.settle = lambda: (settle(), rig.clock.pass_time())
        return rig

    @pytest.fixture
    def ana(self, rig):
        ana = rig.session("ana")
        rig.ask(ana, "room:join", {"roomId": "lobby"})
        rig.engine.settle()
        ana.link.take()
        return ana

    def send(self, rig, session, message_id):
        rig.ask(session, "chat:message", {"roomId": "lobby", "messageId": message_id, "text": message_id})

    def test_nothing_is_acknowledged_or_broadcast_before_it_is_durable(self, rig, ana):
        ben = rig.session("ben")
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        rig.engine.settle()
        ana.link.take(), ben.link.take()
        self.send(rig, ana, "m1")
        assert (ana.link.sent, ben.link.sent) == ([], [])
        rig.engine.settle()
        assert ana.link.take()[0][1]["ok"]
        assert ben.link.take()[0][1]["messageId"] == "m1"

    def test_what_is_logged_while_a_join_waits_comes_once_and_after_the_answer(self, rig, ana):
        self.send(rig, ana, "m1")
        rig.engine.settle()
        ben = rig.session("ben")
        self.send(rig, ana, "m2")
        ack_id = rig.ask(ben, "room:join", {"roomId": "lobby"})  # its page ends before m2
        self.send(rig, ana, "m3")
        rig.engine.settle()
        (answered, reply), *after = messages(ben)
        assert answered == ack_id
        assert ids(reply) == ["m1"]
        assert [message["messageId"] for _, message in after] == ["m2", "m3"]
        self.send(rig, ana, "m4")
        rig.engine.settle()
        assert [message["messageId"] for _, message in messages(ben)] == ["m4"]

    def test_who_is_joining_may_already_send(self, rig, ana):
        ben = rig.session("ben")
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        self.send(rig, ben, "m1")
        rig.engine.settle()
        answers = [sent[1] for sent in messages(ben)]
        assert [answer["ok"] for answer in answers] == [True, True]

    def test_leaving_before_the_join_is_answered_leaves(self, rig, ana):
        ben = rig.session("ben")
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        rig.ask(ben, "room:leave", {"roomId": "lobby"})
        rig.engine.settle()
        left, joined = [sent[1] for sent in messages(ben)]
        assert left == {"ok": True}
        assert joined["error"]["code"] == "left"
        assert rig.namespace.rooms.of(ben) == ()
        assert ana.link.take() == []

    def test_a_session_that_ends_while_joining_is_not_joined(self, rig, ana):
        ben = rig.session("ben")
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        rig.namespace.remove(ben, "gone")
        rig.engine.settle()
        assert rig.namespace.rooms.of(ben) == ()
        assert (ana.link.take(), ben.link.take()) == ([], [])

    def test_joining_twice_at_once_joins_once(self, rig, ana):
        ben = rig.session("ben")
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        rig.engine.settle()
        assert [sent[1]["ok"] for sent in messages(ben)] == [True, True]
        assert len(ana.link.take()) == 1

    def test_asking_for_many_rooms_at_once_is_no_way_into_more_of_them(self, rig):
        ben = rig.session("ben")
        for n in range(MAX_ROOMS + 2):
            rig.ask(ben, "room:join", {"roomId": f"r{n}"})
        rig.ask(ben, "room:join", {"roomId": "r0"})  # where it is by then
        rig.engine.settle()
        answers = [sent[1] for sent in messages(ben)]
        refused = [n for n, answer in enumerate(answers) if not answer["ok"]]
        assert refused == [MAX_ROOMS, MAX_ROOMS + 1]
        assert {answers[n]["error"]["code"] for n in refused} == {"too_many_rooms"}
        assert len(rig.namespace.rooms.of(ben)) == MAX_ROOMS

    def test_a_gap_is_found_out_late_too(self, rig, ana):
        self.send(rig, ana, "m1")
        rig.engine.settle()
        ben = rig.session("ben")
        rig.ask(ben, "room:join", {"roomId": "lobby", "since": "another:0"})
        self.send(rig, ana, "m2")
        rig.engine.settle()
        (_, reply), *after = messages(ben)
        assert not reply["recovered"]
        assert ids(reply) + [message["messageId"] for _, message in after] == ["m1", "m2"]


def test_an_engine_that_fails_is_answered_for():
    rig = Rig(BrokenEngine())
    ana = rig.session("ana")
    reply = rig.say(ana, "room:join", {"roomId": "lobby"})
    assert reply["error"] == {"code": "storage_failed", "message": "the disk is full"}
    assert rig.namespace.rooms.of(ana) == ()


def test_who_wants_to_know_is_told_who_joined_and_who_left_by_their_own_will():
    rig, moved = Rig(), []
    rig.rooms.when_moved(lambda session, room_id, is_in: moved.append((session.user_id, room_id, is_in)))
    ana, ben = rig.session("ana", room="lobby"), rig.session("ben", room="lobby")
    rig.namespace.remove(ben, "away")
    rig.say(ana, "room:leave", {"roomId": "lobby"})
    assert moved == [("ana", "lobby", True), ("ben", "lobby", True), ("ana", "lobby", False)]
