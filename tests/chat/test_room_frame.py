"""The messages of rooms as a frame: the same columns and types, whatever is in them."""

import subprocess
import sys

import pandas as pd
import pytest

from realtime.chat.message import Message, MessageStatus, Reaction, RoomState
from realtime.chat.room_frame import messages_frame

DTYPES = {
    "room_id": "object",
    "message_id": "object",
    "user_id": "object",
    "text": "object",
    "timestamp": "datetime64[ms, UTC]",
    "offset": "Int64",
    "status": "category",
    "mine": "bool",
    "reply_to": "object",
    "edited": "bool",
    "deleted": "bool",
    "reactions": "int64",
    "mentions": "object",
    "error": "object",
}


def message(text, offset, **changes):
    status = MessageStatus.RECEIVED if offset else MessageStatus.PENDING
    fields = {"room_id": "lobby", "message_id": text, "user_id": "ben", "timestamp_ms": 1_000, "status": status}
    return Message(text=text, offset=offset, **fields | changes)


def types(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def test_an_empty_frame_has_the_same_columns_and_types():
    frame = RoomState(room_id="lobby").to_frame()
    assert len(frame) == 0
    assert types(frame) == DTYPES
    assert list(frame["status"].cat.categories) == [status.value for status in MessageStatus]


@pytest.mark.clause("RT-CHAT-20")
def test_a_row_per_message():
    amended = {"edited_ms": 2_000, "reactions": (Reaction("👍", ("ana", "cleo")), Reaction("🎉", ("ana",)))}
    messages = (
        message("hi @ana, @cleo", 3, **amended),
        message("", 4, is_deleted=True, reply_to="m3"),
        message("mine", None, mine=True, user_id="ana"),
    )
    frame = RoomState(room_id="lobby", messages=messages).to_frame()
    assert types(frame) == DTYPES
    first, second, third = frame.to_dict("records")
    assert first == {
        "room_id": "lobby",
        "message_id": "hi @ana, @cleo",
        "user_id": "ben",
        "text": "hi @ana, @cleo",
        "timestamp": pd.Timestamp("1970-01-01T00:00:01Z"),
        "offset": 3,
        "status": "received",
        "mine": False,
        "reply_to": None,
        "edited": True,
        "deleted": False,
        "reactions": 3,
        "mentions": ("ana", "cleo"),
        "error": None,
    }
    assert (second["deleted"], second["reply_to"], second["mentions"]) == (True, "m3", ())
    assert (third["status"], third["mine"]) == ("pending", True)
    assert frame["offset"][2] is pd.NA


def test_rooms_come_one_after_the_other():
    states = [RoomState(room_id=room, messages=(message("a", 1, room_id=room),)) for room in ("lobby", "tram")]
    frame = messages_frame(states)
    assert list(frame["room_id"]) == ["lobby", "tram"]
    assert list(frame.index) == [0, 1]


def test_pandas_is_not_loaded_before_somebody_asks_for_a_frame():
    code = "import sys, realtime.chat.message, realtime.chat.room_frame; print('pandas' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"
