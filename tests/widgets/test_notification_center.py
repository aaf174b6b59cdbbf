"""The notification centre shows what this phone tells its user, and hands on what is done with it."""

import pytest

from realtime.notifications.notification import Priority
from realtime.notifications.quiet_hours import QuietHours
from tests.widgets.fakes import FakePhone, connection, entry, notification
from tests.widgets.waiting import eventually
from widgets.notification_center import MOST, PAST, NotificationCenter


@pytest.fixture
def phone():
    return FakePhone("ana")


@pytest.fixture
def center(phone):
    widget = NotificationCenter(phone)
    yield widget
    widget.close()


def say(widget, **content):
    """A message as it comes from the page."""
    widget._handle_custom_msg(content, [])


def titles(items):
    return [item["title"] for item in items]


def test_its_repr_is_stable(center):
    assert repr(center) == "NotificationCenter('ana')"


def test_the_important_ones_come_first_and_of_the_others_the_newest(center, phone):
    phone.notifications.show(
        entry(1, "old"),
        entry(2, "fire", priority=Priority.URGENT),
        entry(3, "sale", priority=Priority.LOW),
        entry(4, "new"),
    )
    state = center.compose()
    assert titles(state["items"]) == ["fire", "new", "old", "sale"]
    assert state["items"][0]["priority"] == "urgent"
    assert state["badge"] == 4


def test_one_has_what_is_needed_to_draw_it(center, phone):
    phone.notifications.show(entry(1, body="is late", data={"url": "room/tram"}, room_id="tram"))
    assert center.compose()["items"] == [
        {
            "id": "n1",
            "title": "Your tram",
            "body": "is late",
            "room": "tram",
            "url": "room/tram",
            "priority": "normal",
            "status": "shown",
            "at_ms": 1_700_000_001_000,
            "wait": None,
        }
    ]


def test_a_link_that_is_no_text_and_a_long_text_do_no_harm(center, phone):
    phone.notifications.show(entry(1, data={"url": 7}, body="x" * 5000))
    [item] = center.compose()["items"]
    assert item["url"] is None
    assert len(item["body"]) == 500


def test_what_waits_says_what_for(center, phone):
    phone.notifications.show(entry(1, status="waiting"), entry(2, "fire", status="waiting", priority=Priority.URGENT))
    assert [item["wait"] for item in center.compose()["items"]] == ["turn", "turn"]
    phone.notifications.quiet = QuietHours("00:00", "23:59")
    assert [item["wait"] for item in center.compose()["items"]] == ["turn", "quiet"]
    phone.background()
    assert [item["wait"] for item in center.compose()["items"]] == ["background", "background"]


def test_what_is_over_stays_for_a_while_newest_first(center, phone):
    phone.notifications.show(entry(1, "one", status="read"), entry(2, "two", status="expired"), entry(3, "three"))
    state = center.compose()
    assert titles(state["items"]) == ["three"]
    assert [(item["title"], item["status"]) for item in state["past"]] == [("two", "expired"), ("one", "read")]


def test_both_lists_are_bounded(center, phone):
    gone = [entry(n, status="read") for n in range(PAST + 5)]
    phone.notifications.show(*gone, *(entry(n) for n in range(1000, 1000 + MOST + 7)))
    state = center.compose()
    assert (len(state["items"]), state["more"], len(state["past"])) == (MOST, 7, PAST)


def test_the_systems_tray_is_shown_while_the_app_is_in_the_background(center, phone):
    phone.background()
    phone.notifications.show(tray=(notification(1, "ben", body="hi"), notification(2, "cleo")))
    state = center.compose()
    assert titles(state["tray"]) == ["cleo", "ben"], "the newest first"
    assert (state["background"], state["badge"], state["items"]) == (True, 2, [])


def test_what_is_done_on_the_page_goes_to_the_phone(center, phone):
    say(center, type="open", id="n1")
    say(center, type="read", id="n2")
    say(center, type="dismiss", id="n3")
    say(center, type="clear")
    assert phone.notifications.asked == [("open", "n1"), ("read", "n2"), ("dismiss", "n3"), ("clear",)]


def test_quiet_hours_are_set_on_the_page(center, phone):
    assert center.compose()["quiet"] is None
    say(center, type="quiet", on=True, start="22:00", end="07:00")
    quiet = center.compose()["quiet"]
    assert (quiet["start"], quiet["end"]) == ("22:00", "07:00")
    say(center, type="quiet", on=True, start="00:00", end="23:59")
    assert center.compose()["quiet"]["until_ms"] > 0
    say(center, type="quiet", on=False)
    assert phone.notifications.quiet is None


def test_quiet_hours_that_make_no_sense_are_refused(center, phone, monkeypatch):
    said = []
    monkeypatch.setattr(center, "send", lambda content, buffers=None: said.append(content))
    say(center, type="quiet", on=True, start="22:00", end="22:00")
    assert said[0]["of"] == "quiet"
    assert phone.notifications.quiet is None


def test_where_a_tap_leads_is_said(center, phone, monkeypatch):
    assert center.compose()["opened"] is None
    phone.notifications.dispatch("opened", notification(1, data={"url": "room/tram"}))
    assert center.compose()["opened"] == {"id": "n1", "title": "Your tram", "url": "room/tram"}


def test_how_pushes_and_the_connection_stand_is_shown(center, phone):
    state = center.compose()
    assert (state["permission"], state["registered"], state["connection"]) == ("granted", True, "connected")
    phone.socket.connection_state.set(connection("suspended"))
    assert center.compose()["connection"] == "offline"


def test_changes_reach_the_page_by_themselves(center, phone, monkeypatch):
    said = []
    monkeypatch.setattr(center, "send", lambda content, buffers=None: said.append(content))
    phone.notifications.show(entry(1, "news"))
    eventually(lambda: said and titles(said[-1]["state"]["items"]) == ["news"])


def test_closing_ends_its_subscriptions(phone):
    widget = NotificationCenter(phone)
    widget.close()
    for watched in (phone.notifications.state, phone.notifications.in_app.state):
        assert watched._observers == {}
    phone.notifications.dispatch("opened", notification(1))
    assert widget._opened is None


def test_options_are_set_and_unknown_ones_refused(phone):
    widget = NotificationCenter(phone, title="Tram 12", height_px=200)
    assert (widget.compose()["title"], widget.compose()["height_px"]) == ("Tram 12", 200)
    widget.close()
    with pytest.raises(TypeError, match="did you mean 'height_px'"):
        NotificationCenter(phone, height=200)
    with pytest.raises(ValueError, match="banner_s"):
        NotificationCenter(phone, banner_s=0)
    with pytest.raises(ValueError, match="height_px"):
        NotificationCenter(phone, height_px=20)
