"""Live location, geofences and notifications between the stock client and ours."""

import asyncio
import contextlib
import time

import pytest

from realtime.connection.socket_manager import SocketManager
from realtime.location.fix import Fix
from realtime.location.geofence import Circle
from realtime.location.geofence_alerts import GeofenceAlerts
from realtime.location.live_location_tracker import LiveLocationTracker
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.push_notification_handler import PushNotificationHandler
from realtime.server.push.local_gateway import LocalGateway
from realtime.server.push.push_service import PushService
from realtime.server.realtime_server import RealtimeServer
from tests.interop.heard import asked, dropped, events, heard
from tests.server.waiting import until

pytestmark = pytest.mark.node

LOBBY = {"roomId": "lobby"}
PHONE = {"userId": "ana", "deviceId": "ana-phone"}
TABLET = {"userId": "ana", "deviceId": "ana-tablet"}
HOME = (59.9127, 10.7461)


def fix(metres_north=0.0, **more):
    """As the wire's table has it, measured now."""
    at = {"latitude": HOME[0] + metres_north / 111_195, "longitude": HOME[1]}
    return at | {"accuracy": 5, "timestamp": int(time.time() * 1000)} | more


def measured(metres_north=0.0):
    return Fix.from_wire(fix(metres_north))


@pytest.fixture
def gateway():
    return LocalGateway()


@pytest.fixture
async def server(gateway):
    async with RealtimeServer(port=0, push=PushService({"local": gateway}, delay_s=0.02)) as server:
        yield server


@pytest.fixture
async def tracker(ben, chat):
    with contextlib.closing(LiveLocationTracker(ben, user_id="ben", interval_s=0.01)) as tracker:
        yield tracker


@pytest.fixture
async def phones(server, stock_client):
    """Two stock clients of one user, both in the lobby."""
    clients = []
    for auth in (PHONE, TABLET):
        client = await stock_client(server.url, auth=auth, reconnectionDelay=10)
        assert (await asked(client, "room:join", LOBBY))["ok"]
        clients.append(client)
    return clients


# positions


async def test_positions_go_both_ways_and_a_drop_does_not_end_them(tracker, phones):
    phone, tablet = phones
    stops = []
    tracker.on("stop", lambda user_id, room_id, reason: stops.append((user_id, reason)))
    shown = tracker.room("lobby")
    here = fix()
    assert await asked(phone, "location:update", LOBBY | {"fixes": [here]}) == {"ok": True, "accepted": 1}
    await until(lambda: "ana" in shown.snapshot.fixes, "ana is on the map")
    assert shown.snapshot.fixes["ana"] == Fix.from_wire(here)
    assert (await heard(tablet, "location:update"))["userId"] == "ana"
    await dropped(phone, recovered=True)
    later = [here, fix(10, timestamp=here["timestamp"] + 1000), fix(20, timestamp=here["timestamp"] + 2000)]
    assert await asked(phone, "location:update", LOBBY | {"fixes": later}) == {"ok": True, "accepted": 3}
    await until(lambda: len(shown.snapshot.trails["ana"]) == 3, "the way goes on, and the first fix is there once")
    assert stops == []

    async def way():
        yield measured(50)
        await asyncio.Event().wait()

    await tracker.start_tracking(way(), room_id="lobby")
    told = await heard(phone, "location:update", userId="ben")
    assert told["roomId"] == "lobby"
    assert set(told["fixes"][0]) >= {"latitude", "longitude", "accuracy", "timestamp"}
    again = await asked(tablet, "room:join", LOBBY)
    assert sorted(each["userId"] for each in again["locations"]) == ["ana", "ben"]
    tracker.stop_tracking()
    assert (await heard(phone, "location:stop", userId="ben"))["roomId"] == "lobby"
    assert await asked(phone, "location:stop", LOBBY) == {"ok": True}
    await until(lambda: ("ana", "stopped") in stops and "ana" not in shown.snapshot.fixes, "ana is off the map")


async def test_a_user_is_on_the_map_until_the_last_device_stops(tracker, phones):
    phone, tablet = phones
    shown = tracker.room("lobby")
    for client, north in ((phone, 0), (tablet, 30)):
        assert (await asked(client, "location:update", LOBBY | {"fixes": [fix(north)]}))["accepted"] == 1
    await until(lambda: "ana" in shown.snapshot.fixes, "ana is on the map")
    assert (await asked(tablet, "location:stop", LOBBY)) == {"ok": True}
    first = Fix.from_wire(events(tablet, "location:update")[0][1]["fixes"][0])
    await until(lambda: shown.snapshot.fixes.get("ana") == first, "the phone's position is left")
    await phone.do(disconnect=True)
    await until(lambda: "ana" not in shown.snapshot.fixes, "ana is off the map")


async def test_a_position_is_taken_as_the_phones_system_gives_it(tracker, phones):
    """iOS says -1 for a speed and a course that it does not know, and its times are fractions of a millisecond."""
    now = int(time.time() * 1000)
    as_given = fix(speed=-1, heading=-1, altitude=12.5, altitudeAccuracy=3, timestamp=now + 0.25)
    assert await asked(phones[0], "location:update", LOBBY | {"fixes": [as_given]}) == {"ok": True, "accepted": 1}
    await until(lambda: "ana" in tracker.room("lobby").snapshot.fixes, "ana is on the map")
    shown = tracker.room("lobby").snapshot.fixes["ana"]
    assert (shown.timestamp_ms, shown.speed_mps, shown.heading_deg) == (now, None, None)
    crossing = LOBBY | {"fenceId": "home", "transition": "enter", "fix": as_given}
    assert (await asked(phones[0], "geofence:event", crossing))["ok"]


# fences


async def test_a_crossing_that_is_told_twice_is_heard_once_also_after_a_drop(ben, chat, phones):
    told = []
    ben.on("geofence:event", lambda payload, *_: told.append(payload))
    crossing = LOBBY | {"fenceId": "home", "transition": "enter", "fix": fix(), "eventId": "e-1"}
    first = await asked(phones[0], "geofence:event", crossing)
    assert first["ok"]
    assert await asked(phones[0], "geofence:event", crossing) == first
    await dropped(phones[0], recovered=True)
    assert await asked(phones[0], "geofence:event", crossing) == first
    assert (await asked(phones[0], "geofence:event", crossing | {"eventId": "e-2", "transition": "exit"}))["ok"]
    await until(lambda: "exit" in [each["transition"] for each in told], "ben has heard the second one")
    assert [(each["userId"], each["fenceId"], each["transition"]) for each in told] == [
        ("ana", "home", "enter"),
        ("ana", "home", "exit"),
    ]
    assert told[0]["fix"] == crossing["fix"]
    assert (await heard(phones[1], "geofence:event", eventId="e-1"))["userId"] == "ana"
    assert events(phones[0], "geofence:event") == []

    alerts = GeofenceAlerts(ben, [Circle("work", HOME, radius_m=100)], room_id="lobby")
    assert [each.kind for each in alerts.feed(measured())] == ["enter"]
    heard_of = await heard(phones[0], "geofence:event", userId="ben")
    assert (heard_of["fenceId"], heard_of["transition"]) == ("work", "enter")


async def test_the_servers_fences_are_crossed_by_a_stock_client(server, chat, phones):
    server.geofences("lobby").add(Circle("home", HOME, radius_m=100))
    now = int(time.time() * 1000)
    way = [fix(north, timestamp=now + 60_000 * n) for n, north in enumerate((-900, 0, 900))]
    assert (await asked(phones[0], "location:update", LOBBY | {"fixes": way}))["accepted"] == 3
    for transition in ("enter", "exit"):
        told = await heard(phones[0], "geofence:event", transition=transition)
        assert (told["userId"], told["fenceId"]) == ("ana", "home")


# notifications


async def test_a_stock_client_in_the_background_gets_pushes_until_it_unregisters(gateway, chat, server, stock_client):
    pushes = []
    gateway.attach("token-1", pushes.append)
    token = {"platform": "local", "token": "token-1"}
    phone = await stock_client(server.url, auth=PHONE, reconnectionDelay=10)
    assert await asked(phone, "push:register", token) == {"ok": True}
    assert (await asked(phone, "room:join", LOBBY))["ok"]
    assert await asked(phone, "app:state", {"state": "background"}) == {"ok": True}
    await dropped(phone, recovered=True)
    sent = await chat.send_message("lobby", "are you there?")
    await until(lambda: pushes, "a push")
    assert (pushes[0]["id"], pushes[0]["title"], pushes[0]["body"]) == (sent.message_id, "ben", "are you there?")
    assert pushes[0]["roomId"] == "lobby"
    _, message, *_ = events(phone, "chat:message")[0]
    assert await asked(phone, "chat:read", LOBBY | {"upTo": message["offset"]}) == {"ok": True}
    await until(lambda: pushes[1:], "read: the push is taken back")
    assert pushes[1]["withdraw"] == sent.message_id
    assert await asked(phone, "push:unregister", token) == {"ok": True}
    server.notify("ana", id="n-1", title="ping")
    assert (await heard(phone, "notification", id="n-1"))["title"] == "ping"
    assert len(pushes) == 2


async def test_a_notification_is_told_to_all_devices_and_taken_off_the_others_when_it_is_seen(server, phones):
    phone, tablet = phones
    async with SocketManager(server.url, auth={"userId": "ana", "deviceId": "ana-laptop"}) as laptop:
        in_app = InAppNotifications()
        with contextlib.closing(PushNotificationHandler(laptop, user_id="ana", in_app=in_app)) as handler:
            server.notify("ana", id="n-1", title="Tram", body="in 3 min", data={"url": "room/lobby"}, room_id="lobby")
            for client in phones:
                told = await heard(client, "notification", id="n-1")
                assert (told["title"], told["body"], told["data"]) == ("Tram", "in 3 min", {"url": "room/lobby"})
                assert told["roomId"] == "lobby"
            await until(lambda: handler.badge == 1, "ours shows it")
            assert await asked(phone, "push:opened", {"id": "n-1"}) == {"ok": True}
            await heard(tablet, "notification:withdrawn", id="n-1")
            await until(lambda: handler.badge == 0, "ours shows it no more")
            assert events(phone, "notification:withdrawn") == []
            server.notify("ana", id="n-2", title="Bus")
            await until(lambda: handler.badge == 1, "ours shows the next one")
            assert handler.read("n-2")
            await heard(phone, "notification:withdrawn", id="n-2")


async def test_a_notification_of_the_time_away_is_told_when_the_session_is_recovered(server, stock_client):
    phone = await stock_client(server.url, auth=PHONE, reconnectionDelay=400, randomizationFactor=0)
    await phone.tells("connect")
    await phone.do(drop=True)
    await until(lambda: server.stats.sessions == 0, "the server knows that ana is away")
    server.notify("ana", id="n-1", title="Tram")
    await phone.tells(recovered=True)
    assert (await heard(phone, "notification"))["id"] == "n-1"
