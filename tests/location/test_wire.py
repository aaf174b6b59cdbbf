"""Positions off the wire."""

import msgspec
import pytest

from realtime.location.fix import Fix
from realtime.location.wire import Known, LocationStop, LocationUpdate, Verdict, joined_locations

FIX = {"latitude": 59.9, "longitude": 10.7, "accuracy": 5, "timestamp": 1}


def test_an_update_is_read_in_the_order_of_its_times():
    wire = {"roomId": "lobby", "userId": "ben", "fixes": [FIX | {"timestamp": 9}, FIX], "offset": 7}
    update = LocationUpdate.from_wire(wire)
    assert (update.room_id, update.user_id) == ("lobby", "ben")
    assert [fix.timestamp_ms for fix in update.fixes] == [1, 9]


def test_a_stop_is_read():
    assert LocationStop.from_wire({"roomId": "lobby", "userId": "ben"}) == LocationStop("lobby", "ben")
    expired = {"roomId": "lobby", "userId": "ben", "reason": "expired"}
    assert LocationStop.from_wire(expired) == LocationStop("lobby", "ben", "expired")


@pytest.mark.parametrize("kind", [LocationUpdate, LocationStop])
@pytest.mark.parametrize("wire", [None, [], {"roomId": "lobby"}, {"roomId": 7, "userId": "ben", "fixes": []}])
def test_what_makes_no_sense_is_refused(kind, wire):
    with pytest.raises(msgspec.ValidationError):
        kind.from_wire(wire)


def test_one_wrong_fix_spoils_the_update():
    with pytest.raises(msgspec.ValidationError, match="latitude"):
        LocationUpdate.from_wire({"roomId": "lobby", "userId": "ben", "fixes": [FIX, FIX | {"latitude": 91}]})


@pytest.mark.parametrize(
    ("wire", "verdict"),
    [
        ({"ok": True, "accepted": 2}, Verdict()),
        ({"ok": True, "accepted": 1, "rejected": [{"index": 1, "reason": "late"}]}, Verdict(rejected=((1, "late"),))),
        ({"ok": False, "error": {"code": "not_member", "message": "join"}}, Verdict(refusal="not_member")),
        ({"ok": False}, Verdict(refusal="refused")),
        (None, Verdict(refusal="malformed_ack")),
        ({"ok": True, "rejected": 7}, Verdict(refusal="malformed_ack")),
    ],
)
def test_the_answer_to_an_update_is_read(wire, verdict):
    assert Verdict.from_wire(wire) == verdict


def test_who_shares_a_position_stands_in_the_answer_to_a_join():
    answer = {"ok": True, "locations": [{"userId": "ben", "fix": FIX, "until": 5}]}
    assert joined_locations(answer) == (Known("ben", Fix.from_wire(FIX)),)
    assert joined_locations({"ok": True, "locations": []}) == ()
    assert joined_locations({"ok": True}) is None, "an older server"
    assert joined_locations({"ok": False}) is None
    with pytest.raises(msgspec.ValidationError):
        joined_locations({"ok": True, "locations": [{"userId": "ben", "fix": {}}]})
