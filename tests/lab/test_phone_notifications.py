"""Notifications from any thread and cell, over the real handler, with pushes that come without a connection."""

import pytest

import realtime.lab
from realtime.connection.connection_state import ConnectionState
from realtime.notifications.quiet_hours import QuietHours
from realtime.server.push.push_service import PushService


@pytest.fixture
def lab():
    """A lab whose pushes do not wait long for somebody to look."""
    with realtime.lab.start(seed=7, push=PushService(delay_s=0.05)) as lab:
        yield lab


def shown(phone):
    return [entry.notification.title for entry in phone.notifications.in_app.state.snapshot.shown]


def tray(phone):
    return [notification.title for notification in phone.notifications.state.snapshot.tray]


def sleep(lab, phone):
    """Its app goes out of sight, and the server knows."""
    others = lab.server.stats.connections - 1
    phone.background()
    lab.wait_until(lambda: phone.state is ConnectionState.SUSPENDED and lab.server.stats.connections == others)


def test_a_notification_shows_inside_the_app_that_is_looked_at(lab):
    ana = lab.phone("ana")
    lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)
    lab.notify("ana", "Your tram", "is late", data={"url": "room/tram"})
    lab.wait_until(lambda: shown(ana) == ["Your tram"])
    assert tray(ana) == []
    assert ana.notifications.badge == 1
    assert repr(ana.notifications) == "<PhoneNotifications 'ana' granted registered badge=1>"


def test_a_phone_whose_app_is_in_the_background_gets_a_push_without_a_connection(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)
    sleep(lab, ana)
    ben.chat.send("lobby", "are you there?").wait(10)
    lab.wait_until(lambda: tray(ana) == ["ben"])
    lab.notify("ana", "Your tram", "is late")
    lab.wait_until(lambda: tray(ana) == ["ben", "Your tram"])
    assert ana.state is ConnectionState.SUSPENDED
    assert shown(ana) == []
    assert ana.notifications.badge == 2


def test_a_tap_opens_the_app_at_its_place_and_takes_it_off_the_other_phone(lab):
    phone, tablet = lab.phone("phone", user_id="ana"), lab.phone("tablet", user_id="ana")
    went = []

    def went_to(roomId):  # noqa: N803 - as the link names it
        went.append(roomId)

    phone.notifications.links.add("room/:roomId", went_to)
    for each in (phone, tablet):
        lab.wait_until(lambda each=each: each.notifications.state.snapshot.is_registered)
        sleep(lab, each)
    lab.notify("ana", "Your tram", data={"url": "room/tram"}, id="n1")
    lab.wait_until(lambda: tray(phone) == tray(tablet) == ["Your tram"])
    assert phone.notifications.open("n1")
    assert phone.app_state.value.value == "active", "a tap brings the app to the foreground"
    assert went == ["tram"]
    lab.wait_until(lambda: tray(phone) == tray(tablet) == [])
    assert not phone.notifications.open("n1")


def test_without_a_network_pushes_wait_and_come_with_it(lab):
    ana = lab.phone("ana", profile="3g")
    lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)
    sleep(lab, ana)
    ana.network.offline()
    for number in (1, 2):
        lab.notify("ana", f"number {number}", collapse_key="tram")
    lab.notify("ana", "another")
    lab.wait_until(lambda: lab.server.push.gateways["local"].waiting == 2, what="only the newest of a kind waits")
    assert tray(ana) == []
    ana.network.online()
    lab.wait_until(lambda: tray(ana) == ["number 2", "another"])


def test_an_outage_ends_for_pushes_too_by_itself(lab):
    ana = lab.phone("ana")
    lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)
    sleep(lab, ana)
    ana.network.outage(0.2)
    lab.notify("ana", "late")
    lab.wait_until(lambda: tray(ana) == ["late"])
    assert ana.network.state == "online"


@pytest.mark.clause("RT-WID-3")
def test_what_came_by_push_and_comes_by_socket_is_shown_once(lab):
    ana, ben = lab.phone("ana", rooms=("lobby", "tram")), lab.phone("ben", rooms=("lobby", "tram"))
    lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)
    sleep(lab, ana)
    ben.chat.send("tram", "one").wait(10)
    lab.wait_until(lambda: tray(ana) == ["ben"])
    ana.foreground()
    lab.wait_until(lambda: ana.chat.room("tram").snapshot.texts == ("one",))
    ben.chat.send("tram", "two").wait(10)
    lab.wait_until(lambda: shown(ana) == ["ben"])
    assert ana.notifications.state.snapshot.tray == (), "a room is one notification: the newest"
    assert [entry.notification.body for entry in ana.notifications.in_app.state.snapshot.shown] == ["two"]


def test_the_room_on_the_screen_is_not_told_of_and_reading_another_takes_its_notifications_away(lab):
    ana, ben = lab.phone("ana", rooms=("lobby", "tram")), lab.phone("ben", rooms=("lobby", "tram"))
    assert ana.notifications.looking_at == "lobby", "the first room"
    ben.chat.send("lobby", "seen").wait(10)
    ben.chat.send("tram", "told").wait(10)
    lab.wait_until(lambda: shown(ana) == ["ben"])
    ana.notifications.looking_at = "tram"
    assert shown(ana) == []
    assert ana.chat.room("lobby").snapshot.texts == ("seen",)


def test_reading_dismissing_and_clearing(lab):
    ana = lab.phone("ana")
    for number in (1, 2, 3):
        lab.notify("ana", f"number {number}", id=f"n{number}")
    lab.wait_until(lambda: len(shown(ana)) == 3)
    assert ana.notifications.read("n1")
    assert ana.notifications.dismiss("n2")
    assert shown(ana) == ["number 3"]
    ana.notifications.clear()
    assert ana.notifications.badge == 0
    assert list(ana.notifications.to_frame().status) == ["read", "dismissed", "dismissed"]


def test_quiet_hours_let_only_urgent_ones_through(lab):
    ana = lab.phone("ana")
    ana.notifications.quiet = QuietHours("00:00", "23:59")
    assert repr(ana.notifications.quiet) == "<QuietHours 00:00 to 23:59>"
    lab.notify("ana", "sale")
    lab.notify("ana", "fire", urgent=True)
    lab.wait_until(lambda: shown(ana) == ["fire"])
    ana.notifications.quiet = None
    assert shown(ana) == ["sale", "fire"], "in the order in which they came"


def test_handlers_hear_of_them(lab):
    ana = lab.phone("ana")
    heard = []
    for event in ("received", "opened"):
        ana.notifications.on(event, lambda each, event=event: heard.append((event, each.title)))
    handler = ana.notifications.on("shown", lambda each: heard.append(("shown", each.title)))
    notification_id = lab.notify("ana", "one")
    lab.wait_until(lambda: len(heard) == 2)
    ana.notifications.off("shown", handler)
    ana.notifications.open(notification_id)
    assert heard == [("shown", "one"), ("received", "one"), ("opened", "one")]


def test_a_phone_that_is_out_of_the_lab_gets_its_pushes_when_it_is_back(lab):
    ana = lab.phone("ana")
    lab.wait_until(lambda: ana.notifications.state.snapshot.is_registered)
    ana.close()
    lab.notify("ana", "while you were out")
    lab.wait_until(lambda: lab.server.push.gateways["local"].waiting == 1)
    again = lab.phone("ana")
    lab.wait_until(lambda: shown(again) == ["while you were out"])


def test_another_server_has_no_such_pushes(lab):
    with realtime.lab.start(url=lab.url) as other:
        ana = other.phone("ana")
        assert not ana.notifications.state.snapshot.is_registered
        with pytest.raises(RuntimeError, match="server of its own"):
            other.notify("ana", "hi")
        lab.notify("ana", "hi")
        other.wait_until(lambda: shown(ana) == ["hi"], what="by socket it comes")


def test_what_happened_to_them_is_recorded(lab):
    ana = lab.phone("ana")
    lab.notify("ana", "one", id="n1")
    lab.wait_until(lambda: shown(ana) == ["one"])
    ana.notifications.open("n1")
    table = lab.notifications()
    assert list(table.event) == ["shown", "received", "read", "opened"]
    assert set(table.id) == {"n1"}
    assert list(lab.session().query("event == 'opened'").detail) == ["one"]
