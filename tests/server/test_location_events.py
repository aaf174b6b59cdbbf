"""Positions on their way to the others in a room, and to those who come later."""

import pytest

from tests.server.rig import Rig

FIX = {"latitude": 52.5, "longitude": 13.4, "accuracy": 5.0, "timestamp": 1_700_000_000_000}


def test_fixes_are_counted_and_broadcast_with_their_user():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    fixes = [FIX, FIX | {"timestamp": FIX["timestamp"] + 1000, "speed": 1.5}]
    assert rig.say(ana, "location:update", {"roomId": "lobby", "fixes": fixes}) == {"ok": True, "accepted": 2}
    assert ben.link.take() == [("location:update", {"roomId": "lobby", "userId": "ana", "fixes": fixes})]
    assert ana.link.take() == []


def test_a_fix_off_the_globe_is_refused_by_name():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    reply = rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX, FIX | {"latitude": 91}]})
    assert reply["error"]["code"] == "invalid_payload"
    assert "fixes[1].latitude" in reply["error"]["message"]
    assert ben.link.take() == []


def test_fixes_are_not_dropped_for_a_receiver_that_lags():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    ben.link.lags = True
    rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX]})
    assert len(ben.link.take()) == 1


def test_the_end_of_sharing_is_told():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX]})
    ben.link.take()
    assert rig.say(ana, "location:stop", {"roomId": "lobby"}) == {"ok": True}
    assert ben.link.take() == [("location:stop", {"roomId": "lobby", "userId": "ana"})]


def test_an_answer_says_what_was_not_taken_and_the_others_do_not_hear_it():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    wild = FIX | {"timestamp": FIX["timestamp"] + 1000, "latitude": -52.5}
    reply = rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX, wild]})
    assert reply == {"ok": True, "accepted": 1, "rejected": [{"index": 1, "reason": "too_fast"}]}
    assert ben.link.take() == [("location:update", {"roomId": "lobby", "userId": "ana", "fixes": [FIX]})]


def test_what_comes_again_is_acknowledged_again_and_told_once():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    for _ in range(2):
        assert rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX]}) == {"ok": True, "accepted": 1}
    assert len(ben.link.take()) == 1


def test_who_joins_learns_where_everybody_is():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX, FIX | {"timestamp": FIX["timestamp"] + 1}]})
    late = rig.session("cleo")
    answer = rig.say(late, "room:join", {"roomId": "lobby"})
    assert answer["locations"] == [{"userId": "ana", "fix": FIX | {"timestamp": FIX["timestamp"] + 1}}]
    rig.say(ana, "location:stop", {"roomId": "lobby"})
    assert rig.say(late, "room:join", {"roomId": "lobby"})["locations"] == []


def test_the_reason_of_an_end_is_passed_on():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX]})
    ben.link.take()
    rig.say(ana, "location:stop", {"roomId": "lobby", "reason": "expired"})
    assert ben.link.take() == [("location:stop", {"roomId": "lobby", "userId": "ana", "reason": "expired"})]


def test_while_another_device_of_the_user_shares_there_is_no_end():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    tablet = rig.session("ana", "tablet", room="lobby")
    for session in (ana, tablet):
        rig.say(session, "location:update", {"roomId": "lobby", "fixes": [FIX]})
    ben.link.take()
    rig.say(ana, "location:stop", {"roomId": "lobby"})
    assert ben.link.take() == []
    rig.say(tablet, "location:stop", {"roomId": "lobby"})
    assert [event for event, _ in ben.link.take()] == ["location:stop"]


@pytest.mark.parametrize("way", ["stops", "leaves the room", "is lost"])
def test_where_the_newest_position_ends_the_other_device_is_shown(way):
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    tablet = rig.session("ana", "tablet", room="lobby")
    later = FIX | {"timestamp": FIX["timestamp"] + 1000}
    for session, fix in ((ana, FIX), (tablet, later)):
        rig.say(session, "location:update", {"roomId": "lobby", "fixes": [fix]})
    ben.link.take()
    if way == "is lost":
        rig.lose(tablet)
    else:
        rig.say(tablet, "location:stop" if way == "stops" else "room:leave", {"roomId": "lobby"})
    assert [told for told in ben.link.take() if told[0].startswith("location:")] == [
        ("location:stop", {"roomId": "lobby", "userId": "ana"}),
        ("location:update", {"roomId": "lobby", "userId": "ana", "fixes": [FIX]}),
    ]


def test_who_leaves_the_room_is_on_no_map():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    rig.say(ana, "location:update", {"roomId": "lobby", "fixes": [FIX]})
    rig.say(ana, "room:leave", {"roomId": "lobby"})
    stops = [payload for event, payload in ben.link.take() if event == "location:stop"]
    assert stops == [{"roomId": "lobby", "userId": "ana", "reason": "gone"}]


def test_only_who_stops_is_forgotten_who_is_lost_may_come_back():
    rig = Rig()
    stopped = []
    rig.locations.when_stopped(lambda room_id, member: stopped.append(member.user_id))
    ana, ben = rig.sessions("lobby", "ana", "ben")
    for session in (ana, ben):
        rig.say(session, "location:update", {"roomId": "lobby", "fixes": [FIX]})
    rig.end(ana)
    assert stopped == []
    rig.say(ben, "location:stop", {"roomId": "lobby"})
    assert stopped == ["ben"]
