"""Positions off the wire."""

import msgspec
import pytest

from realtime.location.wire import LocationStop, LocationUpdate

FIX = {"latitude": 59.9, "longitude": 10.7, "accuracy": 5, "timestamp": 1}


def test_an_update_is_read_in_the_order_of_its_times():
    wire = {"roomId": "lobby", "userId": "ben", "fixes": [FIX | {"timestamp": 9}, FIX], "offset": 7}
    update = LocationUpdate.from_wire(wire)
    assert (update.room_id, update.user_id) == ("lobby", "ben")
    assert [fix.timestamp_ms for fix in update.fixes] == [1, 9]


def test_a_stop_is_read():
    assert LocationStop.from_wire({"roomId": "lobby", "userId": "ben"}) == LocationStop("lobby", "ben")


@pytest.mark.parametrize("kind", [LocationUpdate, LocationStop])
@pytest.mark.parametrize("wire", [None, [], {"roomId": "lobby"}, {"roomId": 7, "userId": "ben", "fixes": []}])
def test_what_makes_no_sense_is_refused(kind, wire):
    with pytest.raises(msgspec.ValidationError):
        kind.from_wire(wire)


def test_one_wrong_fix_spoils_the_update():
    with pytest.raises(msgspec.ValidationError, match="latitude"):
        LocationUpdate.from_wire({"roomId": "lobby", "userId": "ben", "fixes": [FIX, FIX | {"latitude": 91}]})
