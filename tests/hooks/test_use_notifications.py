"""What the user is told, in a component that opens, reads and dismisses it."""

import asyncio

import pytest

from realtime.hooks.use_notifications import use_notifications
from realtime.notifications.in_app_notifications import InAppNotifications
from realtime.notifications.notification import Notification
from realtime.protocol.errors import LocalProtocolError
from realtime.sim.world import simulate
from tests.hooks.watching import Shows, followers
from tests.server.waiting import until


def shown(shows):
    return [entry.notification.title for entry in shows.last.shown]


async def test_a_phones_notifications_are_read_dismissed_and_opened(lab):
    phone, tablet = lab.phone("phone", user_id="ana"), lab.phone("tablet", user_id="ana")
    went = []
    phone.notifications.links.add("room/:room", lambda room: went.append(room))
    phones, tablets = Shows(use_notifications, phone), Shows(use_notifications, tablet)
    before = followers(phone.notifications.in_app.state), followers(phone.notifications.state)
    with phones.mounted(), tablets.mounted():
        await until(lambda: phones.last.push.is_registered and tablets.last.push.is_registered)
        for number in ("one", "two", "three"):
            lab.notify("ana", number, data={"url": "room/tram"}, id=number)
        await until(lambda: shown(phones) == shown(tablets) == ["one", "two", "three"])
        assert (phones.last.badge, phones.last.tray) == (3, ())
        phones.last.read("one")
        await until(lambda: shown(phones) == shown(tablets) == ["two", "three"])
        phones.last.dismiss("two")
        await until(lambda: shown(phones) == ["three"])
        assert shown(tablets) == ["two", "three"], "one wipes away on one device"
        phones.last.open("three")
        await until(lambda: (shown(phones), shown(tablets), went) == ([], ["two"], ["tram"]))
        tablets.last.clear()
        await until(lambda: tablets.last.badge == 0)
    assert (followers(phone.notifications.in_app.state), followers(phone.notifications.state)) == before


async def test_pushes_to_a_phone_in_the_background_show_in_its_tray(lab):
    ana = lab.phone("ana")
    shows = Shows(use_notifications, ana)
    with shows.mounted():
        await until(lambda: shows.last.push.is_registered)
        ana.background()
        await until(lambda: not ana.connected)
        lab.notify("ana", "Your tram", "is late", id="n1")
        await until(lambda: [each.title for each in shows.last.tray] == ["Your tram"])
        assert (shown(shows), shows.last.badge) == ([], 1)
        shows.last.open("n1")
        await until(lambda: (shows.last.tray, shows.last.badge) == ((), 0))


def test_those_inside_an_app_are_enough_but_lead_nowhere():
    async def script(world):
        in_app = InAppNotifications(per_window=2, window_s=10)
        shows = Shows(use_notifications, in_app)
        with shows.mounted():
            for n in range(3):
                in_app.show(Notification(id=f"n{n}", title=f"{n}"))
            await asyncio.sleep(1)
            assert (shown(shows), shows.last.state.waiting, shows.last.badge) == (["0", "1"], 1, 3)
            assert (shows.last.push, shows.last.tray) == (None, ())
            assert len(shows.values) == 2, "three changes, one render"
            with pytest.raises(LocalProtocolError, match=r"use_notifications\(…, push=…\)"):
                shows.last.open("n0")
            shows.last.read("n0")
            shows.last.dismiss("n1")
            await asyncio.sleep(10)
            assert shown(shows) == ["2"]
            shows.last.clear()
            await asyncio.sleep(1)
            assert shows.last.badge == 0
        in_app.close()

    simulate(script, seed=0)


async def test_a_handler_of_pushes_is_given_beside_them(lab):
    ana = lab.phone("ana")
    in_app, handler, loop = ana.notifications.in_app, ana.notifications.handler, lab.background.loop
    shows = Shows(use_notifications, in_app, push=handler, loop=loop)
    with shows.mounted():
        lab.notify("ana", "Your tram", id="n1")
        await until(lambda: shown(shows) == ["Your tram"])
        shows.last.open("n1")
        await until(lambda: shown(shows) == [] and shows.last.badge == 0)
