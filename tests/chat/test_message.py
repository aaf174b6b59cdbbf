"""Messages and room states are values; what the server would refuse is refused here."""

import msgspec
import pytest

from realtime.chat.message import Message, MessageStatus, Position, RoomState, check_message
from realtime.protocol.errors import LocalProtocolError


def message(text, status=MessageStatus.RECEIVED):
    offset = 1 if status is MessageStatus.RECEIVED else None
    return Message(
        room_id="lobby", message_id=text, user_id="ben", text=text, timestamp_ms=1, offset=offset, status=status
    )


def test_a_room_state_tells_its_texts_and_its_outbox():
    state = RoomState(
        room_id="lobby",
        messages=(message("a"), message("b", MessageStatus.PENDING), message("c", MessageStatus.FAILED)),
    )
    assert state.texts == ("a", "b", "c")
    assert [m.text for m in state.unsent] == ["b", "c"]


def test_values_cannot_be_changed():
    with pytest.raises(AttributeError):
        message("a").text = "b"


def test_a_room_state_shows_itself_in_a_line():
    state = RoomState(room_id="lobby", messages=(message("a"),), typing=("ben",), unread=1, joined=True)
    assert repr(state) == "<RoomState 'lobby' joined messages=1 unread=1 typing=ben>"
    assert repr(RoomState(room_id="lobby", gap=True)) == "<RoomState 'lobby' not joined gap messages=0>"


@pytest.mark.parametrize("text", ["AB12:7", "a:b:7"])
def test_a_position_reads_and_writes_itself(text):
    position = Position.parse(text)
    assert position.offset == 7
    assert str(position) == text


@pytest.mark.parametrize("text", ["", "7", ":7", "e:", "e:x", "e:-1"])
def test_what_is_no_position_is_refused(text):
    with pytest.raises(msgspec.ValidationError, match="position"):
        Position.parse(text)


@pytest.mark.parametrize(
    ("room_id", "text", "reply_to", "words"),
    [
        ("", "hi", None, "room id"),
        ("r" * 257, "hi", None, "257"),
        ("lobby", "", None, "empty"),
        ("lobby", "  \n", None, "empty"),
        ("lobby", "x" * 8001, None, "8001"),
        ("lobby", "hi", "", "message id"),
    ],
)
def test_a_message_that_the_server_would_refuse_is_refused_before_it_is_sent(room_id, text, reply_to, words):
    with pytest.raises(LocalProtocolError, match=words):
        check_message(room_id, text, reply_to)


def test_a_message_within_the_limits_passes():
    check_message("r" * 256, "x" * 8000, "m1")
