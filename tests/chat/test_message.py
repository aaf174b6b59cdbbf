"""Messages and room states are values; what the server would refuse is refused here."""

import msgspec
import pytest

from realtime.chat.message import (
    Gap,
    Marker,
    Message,
    MessageStatus,
    Position,
    Reaction,
    RoomState,
    check_change,
    check_edit,
    check_emoji,
    check_message,
    check_room_id,
)
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
    state = RoomState(room_id="lobby", gaps=(Gap(3, 7),), behind=12, unread=4, mentioned=1)
    assert repr(state) == "<RoomState 'lobby' not joined gap messages=0 behind=12 unread=4 mentioned=1>"


def test_a_room_state_has_a_gap_where_entries_are_missing():
    assert not RoomState(room_id="lobby").gap
    assert RoomState(room_id="lobby", gaps=(Gap(after=3, before=7),)).gap


def test_a_message_is_as_it_was_sent_until_it_is_amended():
    plain = message("hi @ana and @ben.b, not me@home")
    assert (plain.revision, plain.edited_ms, plain.is_deleted, plain.reactions) == (0, None, False, ())
    assert plain.mentions == ("ana", "ben.b"), "users named after an @"
    assert Reaction("👍", ("ana", "ben")) == Reaction("👍", ("ana", "ben"), pending=False)


def test_a_room_state_tells_who_has_a_message_and_who_read_it():
    markers = {
        user: Marker(user, received, read) for user, received, read in [("ana", 9, 9), ("ben", 1, 0), ("cleo", 4, 1)]
    }
    state = RoomState(room_id="lobby", markers=markers)
    first = message("a")  # of Ben's, at offset 1: he himself does not count
    assert state.delivered_to(first) == ("ana", "cleo")
    assert state.read_by(first) == ("ana", "cleo")
    assert state.read_by(message("b", MessageStatus.PENDING)) == (), "nobody has what is not sent"


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


def test_half_a_character_names_no_room():
    """JavaScript cuts emoji in two; UTF-8 has no way to write what is left."""
    with pytest.raises(LocalProtocolError, match="cannot be sent"):
        check_room_id("metro \ud83d")
    check_room_id("metro \U0001f687")


def test_an_edit_is_checked_as_a_message_is():
    check_edit("x" * 8000)
    for text, words in [("", "delete_message"), (" \n", "delete_message"), ("x" * 8001, "8001")]:
        with pytest.raises(LocalProtocolError, match=words):
            check_edit(text)


@pytest.mark.parametrize("emoji", ["", "x" * 65])
def test_an_emoji_has_1_to_64_characters(emoji):
    with pytest.raises(LocalProtocolError, match=f"this one has {len(emoji)}"):
        check_emoji(emoji)
    check_emoji("👩‍🚀")


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (None, "no message 'm1' in 'lobby'"),
        (message("m1", MessageStatus.FAILED), "not taken by the server: retry it, or discard it"),
        (message("m1"), "only its author may change it: ben wrote it"),
        (message("m1", MessageStatus.SENT), "was deleted"),
    ],
)
def test_what_cannot_be_changed_is_refused(found, words):
    if found is not None:
        changes = {MessageStatus.FAILED: {"error": "no"}, MessageStatus.SENT: {"mine": True, "is_deleted": True}}
        found = msgspec.structs.replace(found, **changes.get(found.status, {}))
    with pytest.raises(LocalProtocolError, match=words):
        check_change("lobby", "m1", found, authors_only=True)


def test_others_messages_take_reactions():
    assert check_change("lobby", "m1", message("m1"), authors_only=False) == message("m1")
