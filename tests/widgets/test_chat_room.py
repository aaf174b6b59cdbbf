"""The chat room shows the room as this phone knows it, and hands on what is typed into it."""

import pytest

from realtime.chat.message import MessageStatus, RoomState
from tests.widgets.fakes import FakePhone, connection, message
from tests.widgets.waiting import eventually
from widgets.chat_room import WINDOW, ChatRoom


@pytest.fixture
def phone():
    return FakePhone("ana")


@pytest.fixture
def room(phone):
    widget = ChatRoom(phone)
    yield widget
    widget.close()


def shown(widget):
    return widget.compose()


def test_its_repr_is_stable(room, phone):
    assert repr(room) == "ChatRoom('ana', room='lobby')"
    assert room._repr_mimebundle_()[0]["text/plain"] == "ChatRoom('ana', room='lobby')"


def test_messages_are_shown_with_author_time_and_status(room, phone):
    own = message(2, "on my way", user_id="ana", offset=None, status=MessageStatus.PENDING, mine=True)
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=(message(1, "where are you?"), own)))
    first, second = shown(room)["messages"]
    assert first == {
        "id": "m1",
        "user": "ben",
        "text": "where are you?",
        "at_ms": 1_700_000_001_000,
        "status": "received",
        "mine": False,
        "error": None,
    }
    assert second["status"] == "pending"
    assert second["mine"]


def test_only_the_newest_messages_are_shown(room, phone):
    """A window bounds what the page holds, however long the room's log is."""
    messages = tuple(message(n) for n in range(WINDOW + 50))
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages))
    assert [m["id"] for m in shown(room)["messages"]] == [f"m{n}" for n in range(50, WINDOW + 50)]
    assert shown(room)["earlier"] == 50


def test_typing_and_the_connection_are_shown(room, phone):
    phone.chat.room("lobby").set(RoomState(room_id="lobby", typing=("ben", "cleo")))
    phone.socket.connection_state.set(connection("reconnecting", queued=2, unacked=1))
    assert shown(room)["typing"] == ["ben", "cleo"]
    assert shown(room)["connection"] == "reconnecting"
    phone.socket.connection_state.set(connection("suspended"))
    assert shown(room)["connection"] == "offline"


def test_waiting_messages_are_the_rooms_own(room, phone):
    """What the reader cares for is the messages; a location update in the outbox is none."""
    unsent = message(1, user_id="ana", offset=None, status=MessageStatus.FAILED, mine=True)
    refused = message(2, user_id="ana", offset=None, status=MessageStatus.FAILED, mine=True, error="too long")
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=(unsent, refused)))
    assert shown(room)["waiting"] == 1


def test_what_is_typed_goes_to_the_phone(room, phone):
    room._handle_custom_msg({"type": "typing", "on": True}, [])
    room._handle_custom_msg({"type": "send", "text": "hello"}, [])
    room._handle_custom_msg({"type": "discard", "id": "m7"}, [])
    assert phone.chat.asked == [("typing", "lobby", True), ("send", "lobby", "hello"), ("discard", "m7")]


def test_a_refused_message_is_said_on_the_page(room, phone, monkeypatch):
    def refuse(room_id, text):
        raise ValueError("the outbox is full")

    said = []
    monkeypatch.setattr(phone.chat, "send", refuse)
    monkeypatch.setattr(room, "send", lambda content, buffers=None: said.append(content))
    room._handle_custom_msg({"type": "send", "text": "hello"}, [])
    assert said == [{"type": "refused", "text": "the outbox is full"}]


def test_changes_reach_the_page_by_themselves(room, phone, monkeypatch):
    said = []
    monkeypatch.setattr(room, "send", lambda content, buffers=None: said.append(content))
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=(message(1, "ping"),)))
    eventually(lambda: said and said[-1]["state"]["messages"][0]["text"] == "ping")


def test_closing_ends_both_subscriptions(phone):
    room = ChatRoom(phone)
    room.close()
    assert phone.chat.room("lobby")._observers == {}
    assert phone.socket.connection_state._observers == {}


def test_options_are_set_and_unknown_ones_refused(phone):
    room = ChatRoom(phone, "tram", title="Tram 12", height_px=200, layout={"width": "300px"})
    assert repr(room) == "ChatRoom('ana', room='tram')"
    assert (shown(room)["title"], shown(room)["height_px"]) == ("Tram 12", 200)
    assert room.layout.width == "300px"
    room.close()
    with pytest.raises(TypeError, match="did you mean 'height_px'"):
        ChatRoom(phone, height=200)
    with pytest.raises(ValueError, match="height_px"):
        ChatRoom(phone, height_px=20)
