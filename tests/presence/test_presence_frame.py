"""Members and users as frames."""

import pytest

from realtime.presence.presence_frame import MEMBER_COLUMNS, STATUS_COLUMNS, members_frame, statuses_frame
from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import Member, UserStatus


@pytest.mark.clause("RT-PRES-15")
def test_a_row_for_each_device_in_each_room():
    lobby = RoomPresence(
        "lobby", (Member("ana", "phone", since=7), Member("ana", "tablet", "background", "away")), True
    )
    attic = RoomPresence("attic", (Member("ben", "phone", status="busy", text="x", meta={"floor": 3}),))
    frame = members_frame([lobby, attic])
    assert frame[["room_id", "user_id", "device_id", "state", "status", "text", "meta"]].to_numpy().tolist() == [
        ["lobby", "ana", "phone", "active", "online", None, None],
        ["lobby", "ana", "tablet", "background", "away", None, None],
        ["attic", "ben", "phone", "active", "busy", "x", {"floor": 3}],
    ]
    assert frame["since"][0].isoformat() == "1970-01-01T00:00:00.007000+00:00"


@pytest.mark.clause("RT-PRES-15")
def test_a_row_for_each_user():
    frame = statuses_frame([UserStatus("ana", "busy", "x"), UserStatus("ben", "offline", None, 7)])
    assert frame[["user_id", "status", "text"]].to_numpy().tolist() == [["ana", "busy", "x"], ["ben", "offline", None]]
    assert frame["last_seen"].isna().tolist() == [True, False]


def test_without_rows_the_types_are_the_same():
    for empty, full, columns in (
        (members_frame([]), members_frame([RoomPresence("lobby", (Member("ana", "phone"),))]), MEMBER_COLUMNS),
        (statuses_frame([]), statuses_frame([UserStatus("ana", "online")]), STATUS_COLUMNS),
    ):
        assert empty.empty
        assert list(full.columns) == list(columns)
        assert (empty.dtypes == full.dtypes).all()
