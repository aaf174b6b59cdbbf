"""Fixes: checked where they come in, on both sides of the wire."""

import msgspec
import pytest

from realtime.location.fix import Fix, LocationState

OSLO = Fix(latitude=59.91, longitude=10.75, accuracy_m=5.0, timestamp_ms=1_700_000_000_000)
WIRE = {"latitude": 59.91, "longitude": 10.75, "accuracy": 5.0, "timestamp": 1_700_000_000_000}


def test_a_fix_goes_over_the_wire_and_back():
    assert OSLO.to_wire() == WIRE
    moving = msgspec.structs.replace(OSLO, speed_mps=7.5, heading_deg=90.0)
    assert moving.to_wire() == WIRE | {"speed": 7.5, "heading": 90.0}
    for fix in (OSLO, moving):
        assert Fix.from_wire(fix.to_wire()) == fix


def test_whole_numbers_and_unknown_fields_are_read_too():
    fix = Fix.from_wire({"latitude": 60, "longitude": 10, "accuracy": 5, "timestamp": 1, "speed": None, "battery": 80})
    assert fix == Fix(latitude=60.0, longitude=10.0, accuracy_m=5.0, timestamp_ms=1)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"latitude": 90.5}, "latitude"),
        ({"longitude": -181}, "longitude"),
        ({"longitude": "10"}, "longitude"),
        ({"accuracy": -1}, "accuracy"),
        ({"timestamp": 1.5}, "timestamp"),
        ({"timestamp": -1}, "timestamp"),
        ({"speed": -0.1}, "speed"),
        ({"heading": 361}, "heading"),
    ],
)
def test_what_is_no_fix_is_refused_by_name(change, word):
    with pytest.raises(msgspec.ValidationError, match=word):
        Fix.from_wire(WIRE | change)


@pytest.mark.parametrize("missing", ["latitude", "longitude", "accuracy", "timestamp"])
def test_an_incomplete_fix_is_refused(missing):
    wire = dict(WIRE)
    del wire[missing]
    with pytest.raises(msgspec.ValidationError, match=missing):
        Fix.from_wire(wire)


@pytest.mark.parametrize(
    ("change", "word"),
    [({"latitude": 91.0}, "latitude"), ({"longitude": float("nan")}, "longitude"), ({"accuracy_m": -1.0}, "accuracy")],
)
def test_a_fix_of_this_device_is_checked_too(change, word):
    with pytest.raises(ValueError, match=word):
        Fix(**{"latitude": 59.9, "longitude": 10.7, "accuracy_m": 5.0, "timestamp_ms": 1} | change)


class TestLocationState:
    def test_the_newest_fix_is_the_users_place_and_the_older_ones_its_trail(self):
        state = LocationState(trail_length=3)
        for n in range(5):
            state = state.moved("ben", at(n))
        assert state.fixes == {"ben": at(4)}
        assert state.trails == {"ben": (at(2), at(3), at(4))}

    def test_a_repeated_fix_changes_nothing(self):
        state = LocationState().moved("ben", at(5))
        assert state.moved("ben", at(5)) is state
        assert state.moved("ben", at(5), at(5)) is state
        assert state.moved("ben") is state

    def test_an_older_fix_has_its_place_in_the_trail_and_moves_nobody_back(self):
        state = LocationState(trail_length=3).moved("ben", at(5), at(3)).moved("ben", at(4))
        assert state.fixes == {"ben": at(5)}
        assert state.trails == {"ben": (at(3), at(4), at(5))}
        assert state.moved("ben", at(1)) is state, "a full trail has no room for what is older"

    def test_users_are_independent_and_may_leave(self):
        state = LocationState().moved("ben", at(5)).moved("cleo", at(1))
        assert set(state.fixes) == {"ben", "cleo"}
        left = state.left("ben")
        assert (set(left.fixes), set(left.trails)) == ({"cleo"}, {"cleo"})
        assert left.left("ben") is left
        assert set(state.fixes) == {"ben", "cleo"}, "a snapshot never changes"

    def test_it_shows_itself_in_a_line(self):
        assert repr(LocationState().moved("ben", at(5)).moved("ana", at(5))) == "<LocationState ana, ben>"


def at(second):
    return msgspec.structs.replace(OSLO, timestamp_ms=OSLO.timestamp_ms + 1000 * second)
