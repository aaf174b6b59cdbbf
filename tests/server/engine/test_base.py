"""Positions, records and pages: what every engine stores and answers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.protocol.errors import RealtimeError
from realtime.server.engine.base import Draft, EngineError, Marker, NotApplied, Page, Position, Record, stamped


def draft(**changes):
    return Draft(
        **{
            "room_id": "lobby",
            "user_id": "ana",
            "message_id": "m1",
            "event": "chat:message",
            "body": b'{"text":"hi"}',
            "timestamp_ms": 1_700_000_000_000,
            "origin": "sid-1",
        }
        | changes
    )


@given(epoch=st.text(min_size=1), offset=st.integers(min_value=0))
def test_a_position_survives_the_wire(epoch, offset):
    assert Position.parse(str(Position(epoch, offset))) == Position(epoch, offset)


@pytest.mark.parametrize("text", ["", "7", ":7", "e:", "e:-1", "e:x", "e:1.5", "e:²"])
def test_a_position_of_another_form_is_refused(text):
    with pytest.raises(ValueError, match="epoch:offset"):
        Position.parse(text)


def test_a_record_says_where_and_when_it_stands():
    record = stamped(draft(), "e1", 7)
    assert json.loads(record.body) == {
        "text": "hi",
        "timestamp": 1_700_000_000_000,
        "offset": 7,
        "position": "e1:7",
    }
    assert (record.room_id, record.event, record.origin, record.offset) == ("lobby", "chat:message", "sid-1", 7)


def test_stamping_an_empty_body_gives_valid_json():
    assert json.loads(stamped(draft(body=b"{}"), "e1", 1).body)["offset"] == 1


@pytest.mark.parametrize(
    ("since", "covered"),
    [
        (Position("e1", 4), True),  # the oldest that is kept comes next
        (Position("e1", 3), False),  # 4 is gone
        (Position("e1", 9), True),  # nothing new
        (Position("e1", 10), False),  # from a future that this log never had
        (Position("e0", 9), False),  # another log
    ],
)
def test_a_page_says_whether_it_covers_an_absence(since, covered):
    assert Page(epoch="e1", last=9, horizon=4, records=(), more=False).covers(since) is covered


def test_a_page_knows_the_position_of_its_log():
    assert Page(epoch="e1", last=9, horizon=0, records=(), more=False).position == Position("e1", 9)


def test_an_engine_failure_is_one_of_our_errors():
    assert issubclass(EngineError, RealtimeError)
    assert Record.__struct_config__.frozen


def test_what_is_refused_for_good_says_why_in_a_word():
    refused = NotApplied("not_author", "only its author edits a message")
    assert isinstance(refused, EngineError)
    assert (refused.code, str(refused)) == ("not_author", "only its author edits a message")


def test_a_marker_only_moves_forward_and_reading_is_receiving():
    marker = Marker("ana", 4, 2)
    assert marker.moved(received=3, read=1, last=9) == marker
    assert marker.moved(received=6, read=0, last=9) == Marker("ana", 6, 2)
    assert marker.moved(received=0, read=5, last=9) == Marker("ana", 5, 5)
    assert marker.moved(received=99, read=0, last=9) == Marker("ana", 9, 2)


def test_markers_come_with_a_page_when_they_are_asked_for():
    assert Page(epoch="e1", last=9, horizon=0, records=(), more=False).markers == ()


def test_a_draft_is_about_no_other_message():
    assert draft().about is None
