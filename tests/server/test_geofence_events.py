"""Crossings of fences in the room's log: those that phones tell of, and those that the server finds."""

import pytest

from realtime.location.geofence import Circle
from tests.server.rig import Rig

NOW = 1_700_000_000_000
CROSSED = {"latitude": 60.0, "longitude": 10.0, "accuracy": 5.0, "timestamp": NOW}
EVENT = {"roomId": "lobby", "fenceId": "home", "transition": "enter", "fix": CROSSED, "eventId": "e1"}


def pages(rig, session):
    return rig.say(session, "chat:history", {"roomId": "lobby"})["messages"]


def test_a_crossing_is_logged_and_told_to_the_others():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    reply = rig.say(ana, "geofence:event", EVENT)
    assert reply == {"ok": True, "offset": 1, "timestamp": reply["timestamp"]}
    [(event, told)] = ben.link.take()
    assert event == "geofence:event"
    assert told == EVENT | {
        "event": "geofence:event",
        "userId": "ana",
        "timestamp": reply["timestamp"],
        "offset": 1,
        "position": told["position"],
    }
    assert pages(rig, ben) == [told]
    assert ana.link.take() == []


@pytest.mark.clause("RT-GEO-4")
def test_a_retry_is_logged_once():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    assert rig.say(ana, "geofence:event", EVENT) == rig.say(ana, "geofence:event", EVENT)
    assert len(pages(rig, ana)) == 1
    rig.say(ben, "geofence:event", EVENT)
    assert len(pages(rig, ana)) == 2, "of another user it is another event"


def test_who_gives_no_id_tells_of_another_crossing_each_time():
    rig = Rig()
    ana, ben = rig.sessions("lobby", "ana", "ben")
    event = {key: value for key, value in EVENT.items() if key != "eventId"}
    assert [rig.say(ana, "geofence:event", event)["offset"] for _ in range(2)] == [1, 2]
    assert len({told["eventId"] for _, told in ben.link.take()}) == 2


def test_it_takes_no_id_from_a_message():
    rig = Rig()
    ana, _ = rig.sessions("lobby", "ana", "ben")
    rig.say(ana, "geofence:event", EVENT)
    rig.write(ana, "e1")
    assert [entry["offset"] for entry in pages(rig, ana)] == [1, 2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"transition": "jump"}, "invalid_payload"),
        ({"fix": {}}, "invalid_payload"),
        ({"eventId": ""}, "invalid_payload"),
        ({"roomId": "elsewhere"}, "not_member"),
    ],
)
def test_what_is_wrong_is_refused(change, code):
    rig = Rig()
    ana, _ = rig.sessions("lobby", "ana", "ben")
    assert rig.say(ana, "geofence:event", EVENT | change)["error"]["code"] == code


class TestTheServersOwn:
    @staticmethod
    def drive(rig, session, *metres_north):
        """A fix every ten seconds."""
        fixes = [
            CROSSED | {"latitude": 60 + metres / 111_195, "timestamp": NOW + 10_000 * n}
            for n, metres in enumerate(metres_north)
        ]
        for fix in fixes:
            rig.say(session, "location:update", {"roomId": "lobby", "fixes": [fix]})

    def test_a_fence_of_a_room_is_watched_by_the_server(self):
        rig = Rig()
        ana, ben = rig.sessions("lobby", "ana", "ben")
        rig.geofences("lobby").add(Circle("home", (60.0, 10.0), radius_m=100))
        self.drive(rig, ana, -300, 0, 300)
        told = [payload for event, payload in ben.link.take() if event == "geofence:event"]
        assert [(each["userId"], each["fenceId"], each["transition"]) for each in told] == [
            ("ana", "home", "enter"),
            ("ana", "home", "exit"),
        ]
        assert [(each["fix"]["timestamp"] - NOW) / 1000 for each in told] == pytest.approx([6.67, 13.33], abs=0.01)
        assert len({each["eventId"] for each in told}) == 2
        assert pages(rig, ben) == told
        assert [event for event, _ in ana.link.take()].count("geofence:event") == 2, "who crosses it is told as well"

    def test_other_rooms_have_fences_of_their_own(self):
        rig = Rig()
        ana, ben = rig.sessions("lobby", "ana", "ben")
        rig.geofences("tram").add(Circle("home", (60.0, 10.0), radius_m=100))
        self.drive(rig, ana, 0)
        assert pages(rig, ana) == []
        assert rig.geofences("tram") is rig.geofences("tram")

    def test_who_stops_sharing_and_begins_again_enters_again(self):
        rig = Rig()
        ana, ben = rig.sessions("lobby", "ana", "ben")
        rig.geofences("lobby").add(Circle("home", (60.0, 10.0), radius_m=100))
        self.drive(rig, ana, 0)
        rig.say(ana, "location:stop", {"roomId": "lobby"})
        self.drive(rig, ana, 0)
        assert [entry["transition"] for entry in pages(rig, ana)] == ["enter", "enter"]
