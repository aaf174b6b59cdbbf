"""What a notification is, and how it comes over the wire."""

import msgspec
import pytest

from realtime.notifications.notification import Notification, Priority
from realtime.protocol.errors import LocalProtocolError


def test_it_is_read_from_the_wire_with_what_is_missing_left_out():
    wire = {"id": "n1", "title": "ben", "body": "hi", "data": {"url": "room/lobby"}, "roomId": "lobby", "urgent": True}
    read = Notification.from_wire(wire | {"collapseKey": "room:lobby", "unknown": 1})
    assert read == Notification(
        id="n1",
        title="ben",
        body="hi",
        data={"url": "room/lobby"},
        room_id="lobby",
        collapse_key="room:lobby",
        priority=Priority.URGENT,
    )
    assert Notification.from_wire({"id": "n2", "title": "t"}) == Notification(id="n2", title="t")


def test_how_long_somebody_needs_it_comes_with_it():
    assert Notification.from_wire({"id": "n1", "title": "t", "ttl": 1500}).ttl_s == 1.5


@pytest.mark.parametrize(
    "wire",
    [None, [], {"title": "t"}, {"id": "", "title": "t"}, {"id": 1, "title": "t"}, {"id": "n", "title": "t", "ttl": 0}],
)
def test_what_makes_no_sense_is_refused(wire):
    with pytest.raises(msgspec.ValidationError):
        Notification.from_wire(wire)


@pytest.mark.parametrize("bad", [{"id": ""}, {"id": "x" * 257}, {"ttl_s": 0}, {"ttl_s": float("nan")}])
def test_a_mistake_is_named(bad):
    with pytest.raises(LocalProtocolError, match=next(iter(bad))):
        Notification(**{"id": "n", "title": "t"} | bad)


def test_its_text_stays_out_of_logs():
    assert repr(Notification(id="n1", title="secret", body="secret", room_id="lobby")) == (
        "<Notification 'n1' NORMAL room='lobby'>"
    )
