"""``app:state``, ``presence:update``, ``presence:sync``, and following the status of users."""

import pytest

from realtime.server.presence_events import MAX_SUBSCRIPTIONS
from tests.server.fakes import LateEngine
from tests.server.rig import Rig

GRACE_S = 15.0


@pytest.fixture
def rig():
    return Rig(batch_s=0.1, grace_s=GRACE_S)


def diffs(session):
    """Who came and went, by what it was told."""
    told = [body for event, body in session.link.take() if event == "presence:diff"]
    return [([m["userId"] for m in body["joins"]], [m["userId"] for m in body["leaves"]]) for body in told]


def quiet(rig, *sessions, seconds=0.1):
    rig.clock.pass_time(seconds)
    for session in sessions:
        session.link.take()


def members(rig, session, room="lobby"):
    return {m["userId"]: m["status"] for m in rig.say(session, "presence:sync", {"roomId": room})["members"]}


def statuses(session):
    return [body for event, body in session.link.take() if event == "presence:status"]


class TestRooms:
    @pytest.mark.clause("RT-PRES-3")
    def test_a_drop_is_told_after_the_grace_and_a_goodbye_at_once(self, rig):
        ana, ben, cem = rig.sessions("lobby", "ana", "ben", "cem")
        quiet(rig, ana)
        rig.lose(ben)
        rig.end(cem)
        rig.clock.pass_time(0.1)
        assert diffs(ana) == [([], ["cem"])]
        rig.clock.pass_time(GRACE_S - 0.2)
        assert diffs(ana) == []
        assert members(rig, ana) == {"ana": "online", "ben": "online"}
        rig.clock.pass_time(0.2)
        assert diffs(ana) == [([], ["ben"])]

    def test_ten_quick_returns_are_invisible(self, rig):
        ana, ben = rig.sessions("lobby", "ana", "ben")
        quiet(rig, ana)
        for n in range(10):
            rig.lose(ben)
            rig.clock.pass_time(GRACE_S - 1)
            ben = rig.session("ben", sid=f"ben {n}", room="lobby")
            rig.clock.pass_time(1)
        assert diffs(ana) == []

    def test_the_background_is_away_and_then_nobody(self, rig):
        ana, ben = rig.sessions("lobby", "ana", "ben")
        quiet(rig, ana)
        rig.say(ben, "app:state", {"state": "background"})
        rig.lose(ben)
        rig.clock.pass_time(1)
        assert members(rig, ana) == {"ana": "online", "ben": "away"}
        assert diffs(ana) == [(["ben"], [])]
        rig.clock.pass_time(GRACE_S)
        assert diffs(ana) == [([], ["ben"])]

    def test_an_update_reaches_all_rooms_and_only_what_it_names_changes(self, rig):
        ana, ben = rig.sessions("lobby", "ana", "ben")
        rig.say(ben, "room:join", {"roomId": "attic"})
        quiet(rig, ana, ben)
        assert rig.say(ben, "presence:update", {"status": "busy", "text": "in a lift"}) == {"ok": True}
        assert rig.say(ben, "presence:update", {"meta": {"floor": 3}}) == {"ok": True}
        rig.clock.pass_time(0.1)
        told = [body for _, body in ben.link.take()]
        assert {body["roomId"] for body in told} == {"lobby", "attic"}
        for body in told:
            [ben_now] = body["joins"]
            assert (ben_now["status"], ben_now["text"], ben_now["meta"]) == ("busy", "in a lift", {"floor": 3})
        rig.say(ben, "presence:update", {"text": None, "meta": None})
        rig.clock.pass_time(0.1)
        [[_, body]] = ana.link.take()[-1:]
        assert body["joins"][0].keys() == {"userId", "deviceId", "state", "status", "since"}

    def test_a_session_begins_with_what_its_client_says_at_the_handshake(self, rig):
        """A status that follows the connection comes a round trip later: who is invisible would be seen meanwhile."""
        [ana] = rig.sessions("lobby", "ana")
        rig.say(ana, "presence:subscribe", {"userIds": ["ben"]})
        rig.session("ben", room="lobby", auth={"presence": {"status": "invisible", "text": "in a lift"}})
        quiet(rig, seconds=1)
        assert [event for event, _ in ana.link.take() if event == "presence:status"] == []
        rig.session("ben", "tablet", room="lobby", auth={"presence": {"state": "background", "meta": {"floor": 3}}})
        assert members(rig, ana) == {"ana": "online", "ben": "away"}
        rig.clock.pass_time(0.1)
        assert [body["status"] for body in statuses(ana)] == ["away"]

    def test_a_session_that_goes_on_says_anew_whether_it_is_looked_at(self, rig):
        [ana] = rig.sessions("lobby", "ana")
        ben = rig.session("ben", room="lobby", auth={"presence": {"state": "background", "status": "busy"}})
        assert members(rig, ana) == {"ana": "online", "ben": "busy"}
        ben.auth = {"presence": {"state": "active", "status": "online"}}
        rig.namespace.add(ben)  # as after its return
        assert members(rig, ana) == {"ana": "online", "ben": "online"}
        ben.auth = {}
        rig.namespace.add(ben)
        assert members(rig, ana) == {"ana": "online", "ben": "online"}

    @pytest.mark.parametrize("presence", ["busy", {"status": "gone"}, {"meta": {"x": "y" * 1024}}, None])
    def test_nonsense_at_the_handshake_is_as_if_nothing_were_said(self, rig, presence):
        [ana] = rig.sessions("lobby", "ana")
        rig.session("ben", room="lobby", auth={"presence": presence})
        assert members(rig, ana) == {"ana": "online", "ben": "online"}

    @pytest.mark.parametrize(
        "update",
        [{"status": "offline"}, {"text": "x" * 141}, {"meta": {"x": "y" * 1024}}, {"meta": [1]}, {"status": None}],
    )
    def test_an_update_out_of_bounds_is_refused_and_changes_nothing(self, rig, update):
        [ana] = rig.sessions("lobby", "ana")
        quiet(rig, ana)
        assert rig.say(ana, "presence:update", update)["error"]["code"] == "invalid_payload"
        rig.clock.pass_time(0.1)
        assert diffs(ana) == []

    @pytest.mark.clause("RT-PRES-10")
    def test_the_invisible_are_there_for_their_own_devices_only(self, rig):
        [ana, phone] = rig.sessions("lobby", "ana", "ben")
        tablet = rig.session("ben", "tablet", room="lobby")
        quiet(rig, ana, tablet)
        rig.say(phone, "presence:update", {"status": "invisible"})
        rig.clock.pass_time(0.1)
        assert diffs(ana) == [([], ["ben"])]
        assert diffs(tablet) == [([], ["ben"]), (["ben"], [])]
        seen = [m["deviceId"] for m in rig.say(ana, "presence:sync", {"roomId": "lobby"})["members"]]
        assert seen == ["phone", "tablet"], "hers, and his tablet"
        own = rig.say(tablet, "presence:sync", {"roomId": "lobby"})["members"]
        assert [(m["deviceId"], m["status"]) for m in own if m["userId"] == "ben"] == [
            ("phone", "invisible"),
            ("tablet", "online"),
        ]

    def test_a_session_that_the_server_ends_is_gone_at_once_though_its_connection_was_lost_before(self, rig):
        ana, ben = rig.sessions("lobby", "ana", "ben")
        quiet(rig, ana)
        rig.lose(ben)
        rig.namespace.dismiss(ben)  # without recovery it has nothing to end
        assert diffs(ana) == []

    def test_who_leaves_a_room_after_an_unnoticed_reconnect_is_gone_at_once(self, rig):
        ana, ben = rig.sessions("lobby", "ana", "ben")
        quiet(rig, ana)
        rig.lose(ben)
        back = rig.session("ben", sid="another")
        rig.say(back, "room:leave", {"roomId": "lobby"})
        rig.clock.pass_time(0.1)
        assert diffs(ana) == [([], ["ben"])]

    def test_of_two_sessions_of_a_device_the_newer_one_knows(self, rig):
        ana, old = rig.sessions("lobby", "ana", "ben")
        new = rig.session("ben", sid="new", room="lobby")
        quiet(rig, ana)
        rig.say(old, "presence:update", {"status": "busy"})
        rig.clock.pass_time(0.1)
        assert diffs(ana) == []
        rig.end(new)
        rig.clock.pass_time(0.1)
        assert diffs(ana) == [(["ben"], [])]
        assert members(rig, ana)["ben"] == "busy"

    def test_one_must_be_in_a_room_to_ask_who_is(self, rig):
        rig.sessions("lobby", "ana")
        answer = rig.say(rig.session("ben"), "presence:sync", {"roomId": "lobby"})
        assert answer["error"]["code"] == "not_member"

    @pytest.mark.clause("RT-PRES-1")
    def test_who_asks_while_joining_hears_every_diff_after_the_answer(self):
        rig = Rig(LateEngine(Rig().engine), batch_s=0.1)
        ana, ben = rig.session("ana"), rig.session("ben")
        rig.ask(ana, "room:join", {"roomId": "lobby"})
        rig.engine.settle()
        rig.ask(ben, "room:join", {"roomId": "lobby"})
        assert rig.say(ben, "presence:sync", {"roomId": "lobby"})["n"] == 0
        rig.clock.pass_time(0.1)
        rig.engine.settle()
        rig.clock.pass_time(0.1)
        [_, *told] = [sent[1] for sent in ben.link.take()]
        assert [body["n"] for body in told] == [1, 2]

    def test_after_a_stop_nobody_of_before_is_there(self, rig):
        rig.lose(rig.sessions("lobby", "ana")[0])
        rig.presence.stop("next life")
        [ben] = rig.sessions("lobby", "ben")
        answer = rig.say(ben, "presence:sync", {"roomId": "lobby"})
        assert ([m["userId"] for m in answer["members"]], answer["epoch"]) == (["ben"], "next life")


class TestUsers:
    @pytest.mark.clause("RT-PRES-11")
    def test_followers_are_told_and_nobody_else(self, rig):
        ana, ben, cem = rig.session("ana"), rig.session("ben"), rig.session("cem")
        answer = rig.say(ana, "presence:subscribe", {"userIds": ["ben", "dora", "ben"]})
        assert answer["users"] == [{"userId": "ben", "status": "online"}, {"userId": "dora", "status": "offline"}]
        quiet(rig, ana, cem)
        rig.say(ben, "presence:update", {"status": "busy", "text": "in a lift"})
        rig.clock.pass_time(0.1)
        assert statuses(ana) == [{"userId": "ben", "status": "busy", "text": "in a lift"}]
        assert statuses(cem) == []
        assert rig.say(ana, "presence:unsubscribe", {"userIds": ["ben", "nobody"]}) == {"ok": True}
        rig.say(ben, "presence:update", {"status": "away"})
        rig.clock.pass_time(0.1)
        assert statuses(ana) == []

    def test_a_drop_shows_after_the_grace(self, rig):
        ana, ben = rig.session("ana"), rig.session("ben")
        rig.say(ana, "presence:subscribe", {"userIds": ["ben"]})
        quiet(rig, ana)
        rig.lose(ben)
        rig.clock.pass_time(GRACE_S)
        assert statuses(ana) == []
        rig.clock.pass_time(0.1)
        [told] = statuses(ana)
        assert told["status"] == "offline"
        assert told["lastSeen"] > 0

    def test_a_follower_that_is_gone_is_forgotten(self, rig):
        ana, ben = rig.session("ana"), rig.session("ben")
        rig.say(ana, "presence:subscribe", {"userIds": ["ben"]})
        quiet(rig, ana)
        rig.lose(ana)
        rig.say(ben, "presence:update", {"status": "busy"})
        rig.clock.pass_time(100.0)
        assert statuses(ana) == []
        assert (rig.presence._followers, rig.presence._follows) == ({}, {})

    def test_there_is_a_bound(self, rig):
        ana = rig.session("ana")
        for start in range(0, MAX_SUBSCRIPTIONS, 500):
            ids = [f"u{n}" for n in range(start, start + 500)]
            assert rig.say(ana, "presence:subscribe", {"userIds": ids})["ok"]
        one_more = rig.say(ana, "presence:subscribe", {"userIds": ["one more"]})
        assert one_more["error"]["code"] == "too_many_subscriptions"
        assert rig.say(ana, "presence:subscribe", {"userIds": ["u0"]})["ok"]
        too_many = rig.say(ana, "presence:subscribe", {"userIds": [f"u{n}" for n in range(501)]})
        assert too_many["error"]["code"] == "invalid_payload"
