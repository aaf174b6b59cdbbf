"""The handler, with the test as its server and its device."""

import asyncio
import random

import pytest

from realtime.chat.chat_client import ChatClient
from realtime.notifications.notification import Notification
from realtime.notifications.permission import PermissionStatus
from realtime.notifications.push_notification_handler import PushNotificationHandler
from tests.fake_socket import FakeSocket
from tests.jumping_clock import jumping
from tests.notifications.handler_rig import App, Asked, push


@pytest.mark.clause("RT-PUSH-5")
async def test_the_token_is_registered_when_the_user_allows_it_and_again_when_it_changes():
    app = App(permission=Asked())
    app.handler.set_token("t1")
    assert app.socket.said() == []
    assert await app.handler.request_permission() is PermissionStatus.GRANTED
    assert app.socket.said("push:register") == [{"platform": "local", "token": "t1"}]
    assert not app.handler.state.snapshot.is_registered
    app.socket.answer("push:register")
    assert app.handler.state.snapshot.is_registered
    app.handler.set_token("t2")
    assert app.socket.said("push:register") == [{"platform": "local", "token": "t2"}]


async def test_it_is_registered_again_after_a_connection_that_did_not_answer():
    app = App()
    app.handler.set_token("t1")
    app.socket.said()
    app.socket.disconnect()
    app.socket.connect()
    assert [each["token"] for each in app.socket.said("push:register")] == ["t1"]
    app.socket.answer("push:register")
    app.socket.disconnect()
    app.socket.recovered = True
    app.socket.connect()
    assert app.socket.said("push:register") == []


async def test_logging_out_unregisters():
    app = App()
    app.handler.set_token("t1")
    app.socket.answer("push:register")
    app.socket.said()
    app.handler.log_out()
    assert app.socket.said("push:unregister") == [{"token": "t1"}]


@pytest.mark.clause("RT-PUSH-4")
async def test_in_the_foreground_it_shows_inside_the_app_instead():
    app = App()
    assert app.handler.received(push("m1")) is False, "the system shows nothing"
    assert (app.shown(), app.heard) == (["m1"], [("received", "m1")])


@pytest.mark.clause("RT-PUSH-4")
async def test_in_the_background_the_system_shows_it_and_the_badge_counts():
    app = App()
    app.socket.app_state.background()
    assert app.handler.received(push("m1")) is True
    assert app.handler.received(push("m2")) is True, "takes the first one's place"
    assert app.handler.received(push("n1", collapseKey="other")) is True
    assert (app.shown(), app.handler.badge) == ([], 2)


@pytest.mark.clause("RT-PUSH-3")
@pytest.mark.parametrize("first", ["push", "socket"])
async def test_what_comes_by_push_and_by_socket_is_shown_once(first):
    app = App()
    ways = [lambda: app.handler.received(push("m2", "m1")), lambda: (app.say("m1"), app.say("m2"))]
    for way in ways if first == "push" else reversed(ways):
        way()
    assert app.heard in ([("received", "m2")], [("received", "m1"), ("received", "m2")])
    assert app.shown() == ["m2"]


async def test_what_the_system_showed_is_not_shown_again_when_the_app_is_back():
    app = App()
    app.socket.app_state.background()
    app.handler.received(push("m2", "m1"))
    app.socket.app_state.foreground()
    for message_id in ("m1", "m2", "m3"):
        app.say(message_id)
    assert app.shown() == ["m3"]


async def test_a_message_that_comes_by_socket_in_the_background_is_left_to_the_push():
    app = App()
    app.socket.app_state.background()
    app.say("m1")
    app.socket.dispatch("notification", {"id": "n1", "title": "t"})
    assert app.heard == []
    assert app.handler.received(push("m1")) is True


async def test_who_is_back_before_the_push_sees_inside_the_app_what_came_by_socket():
    app = App()
    app.socket.app_state.background()
    app.say("m1")
    app.say("m2")
    app.socket.dispatch("notification", {"id": "n1", "title": "t"})
    app.handler.received(push("m1"))
    app.socket.app_state.foreground()
    assert app.heard == [("received", "m1"), ("received", "m2"), ("received", "n1")]
    assert app.shown() == ["m2", "n1"]
    assert app.handler.received(push("m2")) is False


async def test_a_restart_remembers_what_was_shown(tmp_path):
    app = App(seen_path=tmp_path / "seen")
    app.handler.received(push("m2", "m1"))
    again = App(seen_path=tmp_path / "seen")
    assert again.handler.received(push("m2")) is False
    again.say("m1")
    assert (again.shown(), again.heard) == ([], [])


async def test_what_the_system_shows_when_the_app_starts_is_known_and_counted():
    app = App()
    app.handler.delivered([push("m1"), {"nonsense": 1}])
    app.say("m1")
    assert (app.shown(), app.handler.badge) == ([], 1)


@pytest.mark.clause("RT-PUSH-10")
async def test_a_tap_leads_to_its_place_tells_the_server_and_is_read():
    app = App()
    app.handler.received(push("m1"))
    app.handler.opened(push("m1"))
    assert (app.went, app.shown(), app.handler.badge) == (["lobby"], [], 0)
    assert app.socket.said("push:opened") == [{"id": "m1"}]
    app.handler.opened(push("n1", data={}))
    app.handler.opened(push("n2", data={"url": "nowhere"}))
    assert app.went[1:] == [("fallback", "nowhere")]
    assert app.heard == [("received", "m1"), ("opened", "m1"), ("opened", "n1"), ("opened", "n2")]


async def test_read_on_another_device_takes_it_away_by_push_by_socket_and_by_the_chat():
    app = App()
    for n in (1, 2, 3):
        app.handler.received(push(f"m{n}", collapseKey=f"k{n}"))
    app.say("m4", offset=4)
    app.socket.app_state.background()
    app.handler.received(push("m5", collapseKey="k5"))
    assert app.handler.badge == 5
    assert app.handler.received({"withdraw": "m1"}) is False
    app.handler.received({"withdraw": "m5"})
    app.socket.dispatch("notification:withdrawn", {"id": "m2"})
    assert app.handler.badge == 2
    app.chat.dispatch("read", "lobby", "ben", 9)
    app.chat.dispatch("read", "lobby", "ana", 3)
    assert app.handler.badge == 2
    app.chat.dispatch("read", "lobby", "ana", 4)
    assert app.shown() == ["m3"], "a push says nothing of its offset here"
    app.handler.received(push("m2"))
    assert app.shown() == ["m3"], "withdrawn before it came again"


async def test_nobody_is_told_of_what_they_see_and_say():
    app = App()
    app.handler.looking_at = "lobby"
    app.say("m1")
    app.say("mine", user_id="ana")
    app.handler.looking_at = None
    app.handler.received(push("m1"))
    assert (app.heard, app.shown()) == ([], [])


async def test_a_mention_is_urgent():
    app = App()
    app.say("m1", text="look, @ana")
    assert [each.notification.priority.name for each in app.in_app.state.snapshot.shown] == ["URGENT"]


async def test_the_servers_own_notifications_are_shown_once_too():
    app = App()
    for _ in range(2):
        app.socket.dispatch("notification", {"id": "n1", "title": "Sale"})
    app.socket.dispatch("notification", {"title": "no id"})
    assert app.shown() == ["n1"]


@pytest.mark.parametrize("payload", [None, {}, {"id": 3}, {"withdraw": 3}, "x"])
async def test_nonsense_is_ignored(payload, caplog):
    app = App()
    assert app.handler.received(payload) is False
    app.handler.opened(payload)
    assert (app.heard, app.went) == ([], [])


async def test_a_closed_handler_hears_nothing():
    app = App()
    app.handler.close()
    app.socket.dispatch("notification", {"id": "n1", "title": "Sale"})
    app.say("m1")
    app.socket.connect()
    assert (app.heard, app.socket.asked) == ([], [])


async def test_it_takes_a_real_chat():
    socket = FakeSocket()
    chat = ChatClient(socket, user_id="ana", rng=random.Random(0))
    handler = PushNotificationHandler(socket, user_id="ana", chat=chat)
    assert repr(handler) == "<PushNotificationHandler 'ana' granted not registered badge=0>"
    handler.close()
    chat.close()


async def test_what_the_system_shows_is_seen():
    app = App()
    app.socket.app_state.background()
    app.handler.received(push("m1"))
    app.handler.received(push("m2"))
    app.handler.received(push("n1", collapseKey="other"))
    assert [each.id for each in app.handler.state.snapshot.tray] == ["m2", "n1"]
    app.handler.received({"withdraw": "m2"})
    assert [each.id for each in app.handler.state.snapshot.tray] == ["n1"]


async def test_what_is_read_is_taken_off_the_other_devices_and_what_is_dismissed_is_not():
    app = App()
    app.handler.received(push("m1", collapseKey="k1"))
    app.handler.received(push("m2", collapseKey="k2"))
    app.socket.app_state.background()
    app.handler.received(push("m3", collapseKey="k3"))
    assert app.handler.read("m1")
    assert app.handler.dismiss("m2")
    assert app.handler.dismiss("m3")
    assert not app.handler.read("m1"), "it is not open any more"
    assert app.handler.badge == 0
    assert app.socket.said("push:read") == [{"id": "m1"}]
    statuses = [entry.status.value for entry in app.in_app.state.snapshot.entries]
    assert statuses == ["read", "dismissed"]


async def test_what_is_open_is_opened_by_its_id():
    app = App()
    app.handler.received(push("m1"))
    assert app.handler.open("m1")
    assert not app.handler.open("m1")
    assert (app.went, app.handler.badge) == (["lobby"], 0)
    assert app.socket.said("push:opened") == [{"id": "m1"}]


async def test_who_comes_back_to_a_room_is_not_told_of_what_is_on_the_screen():
    app = App()
    app.handler.looking_at = "lobby"
    app.socket.app_state.background()
    app.say("m1")
    app.socket.dispatch("notification", {"id": "n1", "title": "about it", "roomId": "lobby"})
    app.socket.app_state.foreground()
    assert app.handler.received(push("m2", data={"offset": 2})) is False
    assert app.shown() == ["n1"], "no message of the room"


async def test_another_permission_takes_the_place_of_the_former_one():
    """A browser page that becomes the device has a user of its own to ask."""
    app, asked = App(), Asked()
    app.handler.permission = asked
    assert app.handler.state.snapshot.permission is PermissionStatus.UNDETERMINED
    app.handler.set_token("t1")
    assert app.socket.said() == []
    asked.status = PermissionStatus.GRANTED
    app.handler.permission = asked  # it has changed
    assert app.handler.permission is asked
    assert app.handler.state.snapshot.permission is PermissionStatus.GRANTED
    assert app.socket.said() == ["push:register"]


@pytest.mark.clause("RT-PUSH-8")
async def test_what_the_system_shows_is_not_shown_again_by_the_app_where_it_waited_for_its_turn():
    app = App()
    app.say("m1")
    app.socket.app_state.background()
    app.in_app.show(Notification(id="m2", title="ben", room_id="lobby"))  # waits: nobody looks
    app.in_app.show(Notification(id="m3", title="ben", collapse_key="room:lobby"))
    app.in_app.show(Notification(id="m4", title="ben", room_id="kitchen"))
    assert app.handler.received(push("m5", "m1", "m2"))
    app.socket.app_state.foreground()
    assert app.shown() == ["m4"], "m5 stands for m1 and m2, and takes the place of m3"
    assert app.handler.badge == 2, "a room is one notification"


async def test_a_push_to_an_app_that_is_looked_at_makes_it_look_at_its_connection():
    """The server pushes to it because the connection is dead, and where a push comes there is a network."""
    app = App()
    assert not app.handler.received(push("m1"))
    assert app.socket.probed == 1
    assert not app.handler.received(push("m1"))
    app.handler.received({"withdraw": "m1"})
    app.socket.app_state.background()
    assert app.handler.received(push("m2"))
    assert app.socket.probed == 1


async def test_what_is_seen_to_elsewhere_is_taken_off_the_screen_also_where_the_socket_says_so():
    app = App()
    gone = []
    app.handler.on("withdrawn", lambda notification: gone.append(notification.id))
    app.socket.app_state.background()
    app.handler.received(push("m1", collapseKey="k1"))
    app.handler.received(push("m2", collapseKey="k2") | {"data": {"offset": 7}})
    app.handler.received(push("m3", collapseKey="k3"))
    app.socket.dispatch("notification:withdrawn", {"id": "m1"})
    app.chat.dispatch("read", "lobby", "ana", 7)
    app.handler.received({"withdraw": "m3"})
    app.handler.received({"withdraw": "m3"})
    assert gone == ["m1", "m2", "m3"]
    assert app.handler.badge == 0


@pytest.mark.clause("RT-PUSH-8")
async def test_a_newer_one_inside_the_app_takes_the_place_of_an_older_one_of_the_system():
    app = App()
    gone = []
    app.handler.on("withdrawn", lambda notification: gone.append(notification.id))
    app.socket.app_state.background()
    app.handler.received(push("m1"))
    app.socket.app_state.foreground()
    app.say("m2")
    assert gone == ["m1"]
    assert (app.shown(), app.handler.badge) == (["m2"], 1)


@jumping
async def test_a_token_that_comes_too_soon_after_too_many_events_is_told_again_later():
    """``invalid_token`` is final, ``rate_limited`` and ``storage_failed`` are not."""
    app = App()
    app.handler.set_token("t1")
    for code in ("rate_limited", "storage_failed"):
        assert app.socket.said("push:register") == [{"platform": "local", "token": "t1"}]
        app.socket.refuse("push:register", code=code)
        assert not app.handler.state.snapshot.is_registered
        await asyncio.sleep(10)
    assert app.socket.said("push:register") == [{"platform": "local", "token": "t1"}]
    app.socket.refuse("push:register", code="invalid_token")
    await asyncio.sleep(100)
    assert app.socket.said("push:register") == []


@pytest.mark.clause("RT-PUSH-3")
async def test_what_a_push_stands_for_is_not_told_again_also_where_it_does_not_name_it():
    """A push names 32 messages, and may stand for more."""
    app = App()
    app.socket.app_state.background()
    app.handler.received(push("m60", data={"messageIds": ["m60"], "offset": 60, "timestamp": 6000}))
    app.socket.app_state.foreground()
    for n in (1, 2, 59, 60):
        app.say(f"m{n}", offset=n, timestamp_ms=100 * n)
    assert (app.heard, app.shown(), app.handler.badge) == ([("received", "m60")], [], 1)
    app.say("m61", offset=61, timestamp_ms=6100)
    assert (app.shown(), app.handler.badge) == (["m61"], 1)
    app.say("n1", offset=1, timestamp_ms=6200)
    assert app.shown() == ["n1"], "a log that began anew"


async def test_what_was_read_elsewhere_before_it_came_is_no_news_by_any_way():
    app = App()
    app.chat.read = 2
    for n in (1, 2, 3):
        app.say(f"m{n}", offset=n)
    app.socket.app_state.background()
    assert app.handler.received(push("m2")) is False
    assert app.heard == [("received", "m3")]


async def test_who_looks_at_a_room_has_seen_what_was_told_of_it():
    app = App()
    gone = []
    app.handler.on("withdrawn", lambda notification: gone.append(notification.id))
    app.say("m1")
    app.socket.dispatch("notification", {"id": "n1", "title": "about it", "roomId": "lobby"})
    app.handler.looking_at = "lobby"
    assert app.shown() == ["n1"], "no message of the room"
    app.socket.app_state.background()
    app.handler.received(push("m2", data={"offset": 2}))
    assert app.handler.badge == 2
    app.socket.app_state.foreground()
    assert (gone, app.handler.badge) == (["m2"], 1)


@jumping
async def test_what_nobody_needs_any_more_is_not_shown_to_who_comes_back():
    app = App()
    app.socket.app_state.background()
    app.socket.dispatch("notification", {"id": "n1", "title": "taxi", "ttl": 5000})
    app.socket.dispatch("notification", {"id": "n2", "title": "train", "ttl": 60_000})
    await asyncio.sleep(10)
    app.socket.app_state.foreground()
    assert app.shown() == ["n2"]


async def test_what_is_cleared_is_taken_off_the_systems_screen_and_what_nobody_saw_is_still_shown():
    app = App()
    gone = []
    app.handler.on("withdrawn", lambda notification: gone.append(notification.id))
    app.socket.app_state.background()
    app.handler.received(push("m1"))
    app.say("m2")
    app.handler.clear()
    assert (gone, app.handler.badge) == (["m1"], 0)
    app.socket.app_state.foreground()
    assert app.shown() == ["m2"]


async def test_what_was_read_elsewhere_goes_also_where_its_newer_push_never_came():
    app = App()
    app.socket.app_state.background()
    app.handler.received(push("m1", data={"offset": 1}))
    app.handler.received(push("x1", roomId="kitchen", collapseKey="room:kitchen", data={"offset": 1}))
    app.handler.received({"withdraw": "m2", "roomId": "lobby", "data": {"offset": 2}})
    assert [each.id for each in app.handler.state.snapshot.tray] == ["x1"]


@jumping
async def test_a_closed_handler_tells_the_server_nothing_more():
    app = App()
    app.handler.set_token("t1")
    app.socket.said()
    app.handler.close()
    app.socket.refuse("push:register", code="rate_limited")
    await asyncio.sleep(100)
    assert app.socket.said() == []


async def test_a_tap_leads_to_the_room_whatever_its_name():
    app = App()
    app.say("m1", room_id="c# / 50 %")
    app.handler.open("m1")
    assert app.went == ["c# / 50 %"]
