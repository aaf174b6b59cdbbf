"""Positions on their way to the others in a room."""

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
    assert rig.say(ana, "location:stop", {"roomId": "lobby"}) == {"ok": True}
    assert ben.link.take() == [("location:stop", {"roomId": "lobby", "userId": "ana"})]
