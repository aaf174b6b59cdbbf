"""A simulated device's lock screen: pushes come to it by a channel of their own, whatever the app does."""

import pytest

from realtime.lab.sim_tray import SimTray
from tests.lab.sim_town import play


async def asleep(town, name="ben", **options):
    """Somebody who is pushed, and somebody who writes."""
    tray = SimTray(town.world, town.gateway, name)
    ben = await town.phone(name, tray=tray, **options)
    ana = await town.phone("ana")
    await town.world.eventually(lambda: ben.app.push.state.snapshot.is_registered, within_s=10)
    return tray, ana, ben


def titles(tray):
    return [payload["body"] for payload in tray.on_screen]


def test_the_app_sleeps_and_the_lock_screen_shows_what_is_said():
    async def script(town):
        tray, ana, ben = await asleep(town)
        town.world.background("ben")
        town.send(ana, "wake up")
        await town.world.until(town.world.now_s + 10)
        assert titles(tray) == ["wake up"]
        town.world.foreground("ben")
        await town.world.until(town.world.now_s + 10)
        assert [entry.notification.body for entry in ben.app.in_app.state.snapshot.entries] == []
        return repr(tray)

    assert play(script) == "<SimTray 'ben' on_screen=1>"


def test_an_app_that_does_not_run_learns_at_its_start_what_is_on_the_screen():
    async def script(town):
        tray, ana, ben = await asleep(town)
        town.world.kill_app("ben")
        town.send(ana, "hello")
        await town.world.until(town.world.now_s + 10)
        assert titles(tray) == ["hello"]
        town.world.restart("ben")
        await town.world.eventually(lambda: ben.is_running and ben.app.is_settled, within_s=20)
        return ben.app.push.badge

    assert play(script) == 1


def test_without_a_network_pushes_wait():
    async def script(town):
        tray, ana, _ = await asleep(town)
        town.world.kill_app("ben")
        await town.world.until(town.world.now_s + 1)  # the server hears of it
        town.world.outage("ben", for_s=30)
        town.send(ana, "hello")
        await town.world.until(town.world.now_s + 20)
        assert titles(tray) == []
        await town.world.until(town.world.now_s + 20)
        return titles(tray)

    assert play(script) == ["hello"]


def test_a_device_without_power_gets_them_when_it_is_on_again_and_its_screen_is_empty_before():
    async def script(town):
        tray, ana, ben = await asleep(town)
        town.world.kill_app("ben")
        town.send(ana, "before")
        await town.world.until(town.world.now_s + 10)
        assert titles(tray) == ["before"]
        town.world.crash("ben")
        assert titles(tray) == []
        town.send(ana, "hello")
        await town.world.until(town.world.now_s + 20)
        assert titles(tray) == []
        town.world.restart("ben")
        await town.world.until(town.world.now_s + 20)
        return [entry.notification.body for entry in ben.app.in_app.state.snapshot.entries]

    assert play(script) == ["hello"], "the app is looked at when it comes"


def test_what_is_tapped_leaves_the_screen_and_comes_to_the_app():
    async def script(town):
        tray, ana, ben = await asleep(town)
        opened = []
        ben.app.push.on("opened", lambda notification: opened.append(notification.body))
        town.world.background("ben")
        town.send(ana, "look")
        await town.world.until(town.world.now_s + 10)
        [payload] = tray.on_screen
        assert not tray.tap("another")
        assert tray.tap(payload["id"])
        assert tray.on_screen == ()
        return opened

    assert play(script) == ["look"]


@pytest.mark.parametrize("is_asleep", [True, False])
def test_what_is_read_elsewhere_leaves_the_screen(is_asleep):
    async def script(town):
        tray, ana, _ = await asleep(town, "tablet", user_id="ben")
        phone = await town.phone("phone", user_id="ben")
        for name in ("tablet", "phone"):
            town.world.background(name)
        [result] = town.send(ana, "look")
        await result
        await town.world.until(town.world.now_s + 10)
        assert titles(tray) == ["look"]
        for name in ("phone",) if is_asleep else ("phone", "tablet"):
            town.world.foreground(name)
        await town.world.eventually(lambda: phone.app.is_settled, within_s=20)
        with town.world.on("phone"):
            phone.app.chat.mark_read("lobby")
        await town.world.until(town.world.now_s + 10)
        return titles(tray)

    assert play(script) == []


def test_what_comes_to_the_screen_is_noted():
    async def script(town):
        tray = SimTray(town.world, town.gateway, "ben", history=town.history)
        ben = await town.phone("ben", tray=tray)
        ana = await town.phone("ana")
        await town.world.eventually(lambda: ben.app.push.state.snapshot.is_registered, within_s=10)
        [first] = town.send(ana, "in the app")
        await town.world.until(town.world.now_s + 5)
        town.world.background("ben")
        [second] = town.send(ana, "on the screen")
        await town.world.until(town.world.now_s + 10)
        noted = [(record.device, record.names, record.way) for record in town.records("Notified")]
        return noted, (first.message_id, second.message_id)

    noted, (first, second) = play(script)
    assert noted == [("ben", (first,), "app"), ("ben", (second,), "push")]


def test_while_the_app_does_not_run_its_extension_knows_what_the_app_has_shown():
    async def script(town):
        tray, ana, ben = await asleep(town, on_disk=True)
        town.send(ana, "in the app")
        await town.world.until(town.world.now_s + 2)
        town.world.kill_app("ben")
        await town.world.until(town.world.now_s + 10)
        assert titles(tray) == [], "the server pushes it, since nobody looks any more when it would"
        town.send(ana, "on the screen")
        await town.world.until(town.world.now_s + 10)
        town.world.restart("ben")
        await town.world.eventually(lambda: ben.is_running and ben.app.is_settled, within_s=20)
        payload = dict(tray.on_screen[0])
        with town.world.on("ben"):
            assert not ben.app.push.received(payload)
        return titles(tray)

    assert play(script) == ["on the screen"]
