"""What a room's log tells of a whole story: each thing once, in the room's order, with the message as it stands."""

import pytest

from realtime.chat.amendments import Kind
from realtime.chat.log_events import NEWS, Deleted, Delivered, Edited, Failed, Other, Reacted, Received
from realtime.chat.message import Position
from realtime.chat.room_log import RoomLog
from realtime.chat.wire import LoggedAmendment, LoggedOther
from tests.chat.logs import ANA, BEN, joined_log, logged


def change(offset, event, about, user_id=BEN, **fields):
    return LoggedAmendment(
        event=event, message_id=about, user_id=user_id, timestamp=1000 + offset, offset=offset, **fields
    )


def crossing(offset):
    body = {"event": "geofence:event", "offset": offset}
    return LoggedOther(event="geofence:event", offset=offset, room_id="lobby", body=body)


def test_a_story_live_is_told_in_its_order_and_each_thing_once():
    log = joined_log()
    log.send("own", "own", timestamp_ms=7, now=0.0)
    story = [
        logged(1),
        change(2, "chat:edit", "ben-1", text="better"),
        change(3, "chat:reaction", "ben-1", emoji="👍", action="add"),
        crossing(4),
        change(5, "chat:delete", "ben-1"),
    ]
    events = log.handle_timer(5.0)
    for entry in [*story, *story]:  # and all of it comes again
        events += log.received(entry)
    events += log.acked("own", offset=6, timestamp_ms=1006)
    events += log.acked("own", offset=6, timestamp_ms=1006)
    assert [type(event) for event in events] == [Failed, Received, Edited, Reacted, Other, Deleted, Delivered]
    assert events[2].message.text == "better"
    assert [each.emoji for each in events[3].message.reactions] == ["👍"]
    assert events[4].entry.offset == 4
    assert (events[5].message.is_deleted, events[5].message.text) == (True, "")
    assert (events[6].message.offset, events[6].message.mine) == (6, True)


def test_what_is_told_is_what_is_to_be_seen_right_then():
    log = joined_log()
    for entry in (logged(1), change(2, "chat:edit", "ben-1", text="better")):
        [event] = log.received(entry)
        assert event.message == log.messages()[0]


def test_the_first_page_of_a_joiner_is_history_and_no_news():
    log = RoomLog("lobby", ANA)
    assert log.joined(Position("e", 3), [logged(1), logged(2), crossing(3)], recovered=False, more=False) == []
    assert [type(event) for event in log.received(logged(4))] == [Received]


def test_what_came_while_one_was_away_is_news():
    log = joined_log(logged(1))
    log.disconnected()
    missed = [logged(2), crossing(3), change(4, "chat:edit", "ben-1", text="better")]
    events = log.joined(Position("e", 4), missed, recovered=True, more=False)
    assert [type(event) for event in events] == [Received, Other, Edited]


def test_an_own_message_that_is_refused_for_good_fails_with_the_reason():
    log = joined_log()
    log.send("own", "own", timestamp_ms=7, now=0.0)
    [event] = log.refused("own", ValueError("no"))
    assert isinstance(event, Failed)
    assert str(event.message.error) == "no"
    assert log.handle_timer(99.0) == []


@pytest.mark.parametrize(
    ("kind", "entry"),
    [
        (Kind.EDIT, {"event": "chat:edit", "text": "x"}),
        (Kind.DELETE, {"event": "chat:delete"}),
        (Kind.REACTION, {"event": "chat:reaction", "emoji": "👍", "action": "add"}),
    ],
)
def test_every_kind_of_amendment_has_its_news(kind, entry):
    log = joined_log(logged(1))
    [event] = log.received(change(2, entry.pop("event"), "ben-1", **entry))
    assert type(event) is NEWS[kind]
    assert set(NEWS) == set(Kind)
