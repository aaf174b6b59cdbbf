"""The list of people shows a room as this phone knows it, and says how old that is."""

import pytest

from realtime.presence.presence_state import RoomPresence
from realtime.presence.wire import UserStatus
from realtime.protocol.errors import LocalProtocolError
from realtime.utils.ambient import wall_time_ms
from tests.widgets.fakes import FakePhone, connection, member
from tests.widgets.waiting import eventually
from widgets.presence_list import PresenceList


@pytest.fixture
def phone():
    return FakePhone("ana")


@pytest.fixture
def people(phone):
    widget = PresenceList(phone)
    yield widget
    widget.close()


def say(widget, **content):
    """A message as it comes from the page."""
    widget._handle_custom_msg(content, [])


def there(phone, *members, synced=True):
    phone.presence.room("lobby").set(RoomPresence("lobby", members, synced))


def test_its_repr_is_stable(people):
    assert repr(people) == "PresenceList('ana', room='lobby')"


def test_who_is_there_is_shown(people, phone):
    there(phone, member("ana"), member("ben", status="busy", text="in a meeting"))
    state = people.compose()
    assert [(each["user"], each["status"], each["text"]) for each in state["people"]] == [
        ("ana", "online", None),
        ("ben", "busy", "in a meeting"),
    ]
    assert (state["room"], state["me"], state["connection"], state["more"]) == ("lobby", "ana", "connected", 0)


def test_those_who_are_shown_are_followed_once(people, phone):
    there(phone, member("ana"), member("ben"))
    eventually(lambda: phone.presence.asked == [("subscribe", "ana", "ben")])
    there(phone, member("ana"))
    phone.presence.users.set({"ben": UserStatus("ben", "offline", last_seen=7)})
    eventually(lambda: people.compose()["people"][-1]["last_seen_ms"] == 7)
    there(phone, member("ana"), member("cleo"))
    eventually(lambda: phone.presence.asked[1:] == [("subscribe", "cleo")])
    people.close()
    people.close()
    assert phone.presence.asked[2:] == [("unsubscribe", "ana", "ben", "cleo")]


def test_who_is_followed_already_is_left_to_whoever_did_it(people, phone):
    phone.presence.subscribe(["ben"])
    there(phone, member("ana"), member("ben"))
    eventually(lambda: phone.presence.asked[1:] == [("subscribe", "ana")])
    people.close()
    assert phone.presence.asked[2:] == [("unsubscribe", "ana")]


@pytest.mark.clause("RT-WID-2")
def test_what_is_old_says_since_when(people, phone):
    there(phone, member("ben"))
    assert people.compose()["as_of_ms"] is None
    before = wall_time_ms()
    phone.socket.connection_state.set(connection("reconnecting"))
    there(phone, member("ben"), synced=False)
    state = people.compose()
    assert before <= state["as_of_ms"] <= wall_time_ms()
    assert (state["synced"], state["people"][0]["user"]) == (False, "ben")
    assert people.compose()["as_of_ms"] == state["as_of_ms"], "it does not get younger"
    there(phone, member("ben"))
    assert (people.compose()["synced"], people.compose()["as_of_ms"]) == (True, None)


def test_a_room_that_was_never_seen_has_no_time(phone):
    there(phone, synced=False)
    widget = PresenceList(phone)
    assert (widget.compose()["synced"], widget.compose()["as_of_ms"]) == (False, None)
    widget.close()


def test_the_own_status_is_chosen_and_shows_at_once(people, phone):
    say(people, type="status", status="busy")
    say(people, type="status", status="away", text="at lunch")
    say(people, type="status", status="away", text="")
    assert phone.presence.asked == [("status", "busy"), ("status", "away", "at lunch"), ("status", "away", None)]
    assert people.compose()["own"] == {"status": "away", "chosen": "away", "text": None}


def test_what_is_chosen_offline_is_shown_as_chosen(people, phone, monkeypatch):
    said = []
    monkeypatch.setattr(people, "send", lambda content, buffers=None: said.append(content))
    monkeypatch.setattr(phone.presence, "set_status", lambda status: setattr(phone.presence, "chosen", status))
    say(people, type="status", status="invisible")
    eventually(lambda: said and said[-1]["state"]["own"]["chosen"] == "invisible")


def test_a_refused_status_is_said_on_the_page(people, phone, monkeypatch):
    said = []

    def refuse(status, text=None):
        raise LocalProtocolError("the text of a status has at most 140 characters")

    monkeypatch.setattr(phone.presence, "set_status", refuse)
    monkeypatch.setattr(people, "send", lambda content, buffers=None: said.append(content))
    say(people, type="status", status="busy", text="x" * 141)
    assert {"type": "refused", "of": "status", "text": "the text of a status has at most 140 characters"} in said


def test_changes_reach_the_page_by_themselves(people, phone, monkeypatch):
    said = []
    monkeypatch.setattr(people, "send", lambda content, buffers=None: said.append(content))
    there(phone, member("ben"))
    eventually(lambda: said and said[-1]["state"]["people"][0]["user"] == "ben")


def test_closing_ends_its_subscriptions(phone):
    widget = PresenceList(phone)
    widget.close()
    for watched in (phone.presence.room("lobby"), phone.presence.users, phone.presence.own):
        assert watched._observers == {}


def test_options_are_set_and_unknown_ones_refused(phone):
    widget = PresenceList(phone, "tram", title="Tram 12", height_px=200)
    assert repr(widget) == "PresenceList('ana', room='tram')"
    assert (widget.compose()["title"], widget.compose()["height_px"]) == ("Tram 12", 200)
    widget.close()
    with pytest.raises(TypeError, match="did you mean 'height_px'"):
        PresenceList(phone, height=200)
    with pytest.raises(ValueError, match="height_px"):
        PresenceList(phone, height_px=20)
