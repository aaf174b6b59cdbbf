"""Positions and crossings on the wire: what is read, what is refused with words, what stands in the answer."""

import json

import msgspec
import pytest
from msgspec import UNSET

from realtime.server.location_messages import (
    FenceBody,
    FenceEvent,
    Rejected,
    SharedFix,
    SharedReply,
    ShareStop,
    ShareStopped,
    ShareUpdate,
)
from realtime.server.messages import encode

FIX = {"latitude": 59.9, "longitude": 10.7, "accuracy": 5.0, "timestamp": 1_700_000_000_000}
UPDATE = {"roomId": "lobby", "fixes": [FIX]}
EVENT = {"roomId": "lobby", "fenceId": "home", "transition": "dwell", "fix": FIX, "eventId": "e1"}


def read(kind, value):
    return msgspec.json.decode(json.dumps(value), type=kind)


def test_an_update_is_read_with_what_may_be_left_out():
    update = read(ShareUpdate, UPDATE)
    assert (update.room_id, update.until, update.sent_at) == ("lobby", None, None)
    [fix] = update.fixes
    assert (fix.latitude, fix.longitude, fix.accuracy, fix.timestamp) == tuple(FIX.values())
    assert (fix.speed, fix.heading) == (UNSET, UNSET)
    full = read(ShareUpdate, {"roomId": "r", "fixes": [FIX | {"speed": 1.5, "heading": 90.0}], "until": 5, "sentAt": 4})
    assert (full.until, full.sent_at, full.fixes[0].speed, full.fixes[0].heading) == (5, 4, 1.5, 90.0)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"timestamp": 1_700_000_000_000.6}, {"timestamp": 1_700_000_000_001}),
        ({"speed": -1, "heading": -1.0}, {}),
        ({"speed": 0, "heading": 0, "altitude": -3}, {"speed": 0.0, "heading": 0.0, "altitude": -3.0}),
        ({"speed": None, "heading": None}, {"speed": None, "heading": None}),
    ],
)
def test_what_phones_give_is_put_right(given, taken):
    [fix] = read(ShareUpdate, {"roomId": "r", "fixes": [FIX | given]}).fixes
    assert isinstance(fix.timestamp, int)
    assert json.loads(encode(fix)) == FIX | taken


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"fixes": []}, "fixes"),
        ({"fixes": [FIX] * 101}, "fixes"),
        ({"fixes": [FIX | {"latitude": 91}]}, "fixes"),
        ({"fixes": [FIX | {"longitude": -181}]}, "fixes"),
        ({"fixes": [FIX | {"accuracy": -1}]}, "fixes"),
        ({"fixes": [FIX | {"timestamp": -0.5}]}, "timestamp"),
        ({"fixes": [FIX | {"timestamp": 1e300}]}, "timestamp"),
        ({"fixes": [{"latitude": 1}]}, "fixes"),
        ({"until": -1}, "until"),
        ({"sentAt": "now"}, "sentAt"),
        ({"roomId": ""}, "roomId"),
    ],
)
def test_an_update_that_makes_no_sense_is_refused_by_the_name_of_the_field(change, words):
    with pytest.raises(msgspec.ValidationError, match=words):
        read(ShareUpdate, UPDATE | change)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"transition": "leave"}, "transition"),
        ({"fenceId": ""}, "fenceId"),
        ({"fenceId": "x" * 201}, "fenceId"),
        ({"eventId": "x" * 201}, "eventId"),
        ({"fix": {}}, "fix"),
    ],
)
def test_a_crossing_that_makes_no_sense_is_refused_by_the_name_of_the_field(change, words):
    assert read(FenceEvent, EVENT).transition == "dwell"
    with pytest.raises(msgspec.ValidationError, match=words):
        read(FenceEvent, EVENT | change)


def test_a_reason_may_be_given_for_an_end_and_is_passed_on():
    assert read(ShareStop, {"roomId": "lobby"}).reason is UNSET
    with pytest.raises(msgspec.ValidationError, match="reason"):
        read(ShareStop, {"roomId": "lobby", "reason": "x" * 65})
    assert json.loads(encode(ShareStopped("lobby", "ana"))) == {"roomId": "lobby", "userId": "ana"}
    assert json.loads(encode(ShareStopped("lobby", "ana", "gone")))["reason"] == "gone"


def test_an_answer_names_what_was_rejected_only_if_something_was():
    assert json.loads(encode(SharedReply(accepted=2))) == {"ok": True, "accepted": 2}
    reply = SharedReply(accepted=0, rejected=[Rejected(0, "too_fast")])
    assert json.loads(encode(reply)) == {"ok": True, "accepted": 0, "rejected": [{"index": 0, "reason": "too_fast"}]}


def test_what_is_logged_has_the_names_of_the_wire():
    fix = read(SharedFix, FIX)
    body = FenceBody("geofence:event", "lobby", "e1", "ana", "home", "enter", fix)
    assert json.loads(encode(body)) == {
        "event": "geofence:event",
        "roomId": "lobby",
        "eventId": "e1",
        "userId": "ana",
        "fenceId": "home",
        "transition": "enter",
        "fix": FIX,
    }
