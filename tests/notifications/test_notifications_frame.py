"""The frame of notifications."""

from realtime.notifications.notification import Notification, Priority
from realtime.notifications.notification_queue import Entry, Status
from realtime.notifications.notifications_frame import COLUMNS, notifications_frame


def test_times_are_times_and_priorities_are_in_order():
    entries = [
        Entry(notification=Notification(id="a", title="t"), status=Status.SHOWN, received_ms=0, shown_ms=1500),
        Entry(
            notification=Notification(id="b", title="t", priority=Priority.URGENT),
            status=Status.WAITING,
            received_ms=1000,
        ),
    ]
    frame = notifications_frame(entries)
    assert list(frame.columns) == list(COLUMNS)
    assert (frame["shown"] - frame["received"]).dt.total_seconds().tolist()[0] == 1.5
    assert frame["priority"].max() == "URGENT"


def test_no_notifications_make_an_empty_frame_of_the_same_types():
    frame = notifications_frame([])
    assert len(frame) == 0
    assert str(frame["received"].dtype) == "datetime64[ms, UTC]"
