"""The chat room shows the room as this phone knows it, and hands on what is typed into it."""

import pytest

from realtime.chat.message import Gap, MessageStatus, RoomState
from realtime.connection.errors import SendRefused
from tests.widgets.fakes import FakePhone, connection, message
from tests.widgets.waiting import eventually
from widgets.chat_room import PAGE, ChatRoom
from widgets.room_window import MOST, SIZE


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


def say(widget, **content):
    """A message as it comes from the page."""
    widget._handle_custom_msg(content, [])


def test_its_repr_is_stable(room, phone):
    assert repr(room) == "ChatRoom('ana', room='lobby')"
    assert room._repr_mimebundle_()[0]["text/plain"] == "ChatRoom('ana', room='lobby')"


def test_messages_are_shown_in_the_rooms_order(room, phone):
    own = message(2, "on my way", user_id="ana", offset=None, status=MessageStatus.PENDING, mine=True)
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=(message(1, "where are you?"), own)))
    first, second = shown(room)["messages"]
    assert (first["key"], first["text"], first["status"]) == ("ben:m1", "where are you?", "received")
    assert (second["key"], second["status"], second["mine"]) == ("ana:m2", "pending", True)


def test_only_the_newest_messages_are_shown_until_the_reader_goes_back(room, phone):
    """A window bounds what the page holds, however long the room's log is."""
    messages = tuple(message(n) for n in range(SIZE + 50))
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages))
    assert [m["id"] for m in shown(room)["messages"]] == [f"m{n}" for n in range(50, SIZE + 50)]
    assert shown(room)["older"] == "more"
    say(room, type="older")
    assert len(shown(room)["messages"]) == SIZE + 50
    assert shown(room)["older"] == "none"
    assert phone.chat.asked == []  # nothing had to come from the server
    say(room, type="newest")
    assert len(shown(room)["messages"]) == SIZE


def test_a_page_says_when_it_holds_as_many_as_it_may(room, phone):
    phone.chat.room("lobby").set(
        RoomState(room_id="lobby", messages=tuple(message(n) for n in range(MOST)), has_older=True)
    )
    say(room, type="show", key="ben:m0")
    assert shown(room)["older"] == "most"


def test_a_reader_who_looks_at_older_messages_keeps_them(room, phone):
    lobby = phone.chat.room("lobby")
    lobby.set(RoomState(room_id="lobby", messages=tuple(message(n) for n in range(SIZE))))
    say(room, type="hold")
    lobby.set(RoomState(room_id="lobby", messages=tuple(message(n) for n in range(SIZE + 9))))
    assert shown(room)["messages"][0]["id"] == "m0"


def test_what_is_not_in_memory_comes_from_the_server(room, phone):
    lobby = phone.chat.room("lobby")
    lobby.set(RoomState(room_id="lobby", messages=(message(7),), has_older=True))
    newer = RoomState(room_id="lobby", messages=tuple(message(n) for n in range(8)))
    phone.chat.on_older = lambda: lobby.set(newer)
    assert shown(room)["older"] == "more"
    say(room, type="older")
    eventually(lambda: len(shown(room)["messages"]) == 8)
    assert phone.chat.asked == [("older", "lobby", PAGE)]
    assert shown(room)["older"] == "none"


def test_why_older_messages_do_not_come_is_said(room, phone, monkeypatch):
    said = []
    monkeypatch.setattr(room, "send", lambda content, buffers=None: said.append(content))

    def fail():
        raise ConnectionError("there is no connection")

    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=(message(7),), has_older=True))
    phone.chat.on_older = fail
    say(room, type="older")
    eventually(lambda: {"type": "refused", "of": "older", "text": "there is no connection"} in said)
    assert shown(room)["older"] == "more"


def test_unread_messages_begin_at_a_divider(room, phone):
    own = message(3, user_id="ana", mine=True)
    deleted = message(4, "", is_deleted=True)
    messages = (message(1), message(2), own, deleted, message(5))
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages, unread=2, mentioned=1))
    state = shown(room)
    assert (state["unread"], state["mentioned"], state["first_unread"]) == (2, 1, "ben:m2")
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages))
    assert shown(room)["first_unread"] is None


def test_where_more_is_unread_than_is_shown_the_divider_stands_first(room, phone):
    messages = (message(1, user_id="ana", mine=True), message(2))
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages, unread=50))
    assert shown(room)["first_unread"] == "ana:m1"


def test_gaps_and_what_is_still_to_come_are_shown(room, phone):
    messages = (message(1), message(9))
    gaps = (Gap(1, 9),)
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages, gaps=gaps, behind=30, joined=True))
    state = shown(room)
    assert (state["gaps"], state["behind"], state["joined"]) == (["ben:m9"], 30, True)
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages, gaps=(Gap(9, 20),)))
    assert shown(room)["gaps"] == [None]  # at the end


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


def test_what_is_done_on_the_page_goes_to_the_phone(room, phone):
    say(room, type="typing", on=True)
    say(room, type="send", text="hello")
    say(room, type="send", text="yes", reply_to="m1")
    say(room, type="discard", id="m7")
    say(room, type="retry", id="m7")
    say(room, type="edit", id="m3", text="hullo")
    say(room, type="delete", id="m3")
    say(room, type="react", id="m1", emoji="👍", on=True)
    say(room, type="react", id="m1", emoji="👍", on=False)
    say(room, type="seen", up_to=9)
    assert phone.chat.asked == [
        ("typing", "lobby", True),
        ("send", "lobby", "hello"),
        ("send", "lobby", "yes", "m1"),
        ("discard", "m7"),
        ("retry", "m7"),
        ("edit", "m3", "hullo"),
        ("delete", "m3"),
        ("react", "m1", "👍"),
        ("unreact", "m1", "👍"),
        ("read", "lobby", 9),
    ]


def test_a_quoted_message_above_the_window_is_brought_into_it(room, phone):
    messages = tuple(message(n) for n in range(SIZE + 50))
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=messages))
    say(room, type="show", key="ben:m30")
    assert shown(room)["messages"][0]["id"] == "m10"


def test_a_change_that_the_server_refuses_is_said_when_it_is_known(room, phone, monkeypatch):
    """The bubble falls back to what it was, and the reader learns why."""
    said = []
    monkeypatch.setattr(room, "send", lambda content, buffers=None: said.append(content))
    say(room, type="edit", id="m3", text="hullo")
    phone.chat.changes[0].error = SendRefused("deleted", "the message was deleted")
    phone.chat.room("lobby").set(RoomState(room_id="lobby", messages=(message(1),)))
    eventually(lambda: {"type": "refused", "of": "change", "text": str(phone.chat.changes[0].error)} in said)


def test_in_the_background_nobody_sees_the_room(room, phone):
    assert not shown(room)["away"]
    phone.background()
    assert shown(room)["away"]


def test_a_refused_message_is_said_on_the_page(room, phone, monkeypatch):
    def refuse(room_id, text, reply_to=None):
        raise ValueError("the outbox is full")

    said = []
    monkeypatch.setattr(phone.chat, "send", refuse)
    monkeypatch.setattr(room, "send", lambda content, buffers=None: said.append(content))
    room._handle_custom_msg({"type": "send", "text": "hello"}, [])
    assert said == [{"type": "refused", "of": "send", "text": "the outbox is full"}]


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
