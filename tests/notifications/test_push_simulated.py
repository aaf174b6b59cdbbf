"""Pushes to simulated phones that sleep, die and lose their network: each message is shown once, and none is lost."""

import pytest

from realtime.connection.app_state import BackgroundPolicy
from tests.notifications.pushed_phones import passes, play


def test_a_phone_in_the_background_gets_one_push_and_shows_the_message_once_when_it_is_back():
    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.background("ana")
        await passes(5)
        first = await town.say(ben)
        await passes(30)
        before = list(ana.by_system), ana.app.handler.badge
        town.world.foreground("ana")
        await passes(30)
        texts = ana.app.chat.room("lobby").snapshot.texts
        ana.read()
        await passes(10)
        return before, dict(ana.shown), texts, dict(ben.shown), ana.tray, ana.app.handler.badge, first

    before, shown, texts, of_ben, tray, badge, first = play(script)
    assert before == ([first], 1)
    assert (shown, texts, of_ben) == ({first: 1}, ("hi",), {})
    assert (tray, badge) == ({}, 0), "read: it is taken off the lock screen"


def test_a_killed_app_is_pushed_and_its_restart_shows_nothing_again():
    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.kill_app("ana")
        await passes(60)
        first = await town.say(ben)
        await passes(10)
        town.world.restart("ana")
        await passes(30)
        second = await town.say(ben)
        await passes(10)
        return dict(ana.shown), {first: 1, second: 1}, ana.by_system, [first], ana.app.handler.badge

    shown, expected, by_system, first, badge = play(script)
    assert (shown, by_system, badge) == (expected, first, 2)


def test_a_phone_in_a_tunnel_is_pushed_once_the_server_knows_and_catches_up_without_a_second_one():
    """The server gives up a silent connection after 25 s and 20 s more; the push channel is in the same tunnel."""

    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.unplug("ana")
        ana.detach()
        first = await town.say(ben)
        await passes(120)
        assert not ana.shown
        town.world.replug("ana")
        ana.attach()
        await passes(60)
        return dict(ana.shown), {first: 1}, ana.app.chat.room("lobby").snapshot.texts

    shown, expected, texts = play(script)
    assert (shown, texts) == (expected, ("hi",))


def test_a_phone_that_dies_without_a_word_is_pushed_once_the_server_gives_up_its_connection():
    """The server pings every 25 s and waits 20 s: until then the user seems to be looking."""

    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.crash("ana")
        sent_s = town.world.now_s
        first = await town.say(ben)
        await town.world.eventually(lambda: ana.by_system == [first], within_s=60)
        took_s = town.world.now_s - sent_s
        town.world.restart("ana")
        await passes(60)
        return took_s, dict(ana.shown), {first: 1}

    took_s, shown, expected = play(script)
    assert 3 < took_s < 46
    assert shown == expected


def test_what_is_read_on_the_tablet_is_not_pushed_to_the_phone_and_what_was_is_withdrawn():
    async def script(town):
        phone, tablet = await town.device("phone", "ana"), await town.device("tablet", "ana")
        ben = await town.device("ben")
        town.world.background("phone")
        await passes(5)
        await town.say(ben, "one")
        await passes(1)
        tablet.read()
        await passes(30)
        quiet = list(phone.by_system)
        town.world.background("tablet")
        await passes(5)
        second = await town.say(ben, "two")
        await passes(10)
        pushed = list(phone.by_system), len(phone.tray), len(tablet.tray)
        town.world.foreground("tablet")
        await passes(10)
        tablet.read()
        await passes(10)
        return quiet, pushed, ([second], 1, 1), phone.tray, tablet.tray

    quiet, pushed, expected, on_phone, on_tablet = play(script)
    assert quiet == []
    assert pushed == expected
    assert (on_phone, on_tablet) == ({}, {})


def test_a_server_that_restarts_hears_the_tokens_again():
    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.store.remove("ana's token")  # it was in its memory
        town.world.crash("server")
        town.world.restart("server")
        await passes(120)
        town.world.background("ana")
        await passes(5)
        first = await town.say(ben)
        await passes(10)
        return ana.by_system, [first]

    by_system, expected = play(script)
    assert by_system == expected


@pytest.mark.parametrize("seeds", [range(first, first + 10) for first in range(0, 50, 10)], ids=str)
def test_push_and_socket_race_and_each_message_is_shown_once(seeds):
    """Naps, outages, resets and a push channel that is up to 6 s late, drawn by the seed; then everything heals."""

    async def script(town):
        world = town.world
        rng = world.rng("script")
        policy = BackgroundPolicy.KEEP if world.seed % 2 else BackgroundPolicy.DISCONNECT
        ana = await town.device("ana", lag_s=(0.0, 6.0), background=policy)
        ben = await town.device("ben")
        sent = []
        for _ in range(8):
            match rng.choice(["nap", "wake", "outage", "reset", "nothing"]):
                case "nap":
                    world.background("ana")
                case "wake":
                    world.foreground("ana")
                case "outage":
                    world.outage("ana", for_s=rng.uniform(0.5, 8))
                case "reset":
                    world.reset("ana")
            await passes(rng.uniform(0.0, 3))
            sent.append(await town.say(ben))
            await passes(rng.uniform(0.0, 5))
        await passes(60)
        world.foreground("ana")
        await passes(60)
        return sent, ana

    by_system = by_app = 0
    for seed in seeds:
        sent, ana = play(script, seed=seed)
        assert set(ana.shown.values()) == {1}, f"seed {seed}: twice"
        assert set(sent) == ana.covered, f"seed {seed}: lost"
        by_system += len(ana.by_system)
        by_app += sum(ana.shown.values()) - len(ana.by_system)
    assert by_system, "the seeds prove something"
    assert by_app
