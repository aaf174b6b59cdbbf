"""Pushes to simulated phones that sleep, die and lose their network: each message is shown once, and none is lost."""

import pytest

from realtime.connection.app_state import BackgroundPolicy
from realtime.server.engine.base import Note
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
    assert (shown, by_system, badge) == (expected, first, 1), "a room is one notification"


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


@pytest.mark.clause("RT-PUSH-2")
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


@pytest.mark.clause("RT-PUSH-5")
def test_a_server_that_restarts_hears_the_tokens_again():
    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.crash("server")
        town.engine.keep([Note("push.token", "ana's token", None)], lambda error: None)  # it had forgotten
        town.world.restart("server")
        await passes(120)
        town.world.background("ana")
        await passes(5)
        first = await town.say(ben)
        await passes(10)
        return ana.by_system, [first]

    by_system, expected = play(script)
    assert by_system == expected


@pytest.mark.clause("RT-PUSH-3")
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


def test_a_phone_that_sleeps_while_the_server_restarts_is_pushed_by_the_new_one():
    """What waited its 3 s when the server's machine crashed is pushed once it is back; the phone has not woken up."""

    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.background("ana")
        await passes(5)
        first = await town.say(ben)
        town.world.crash("server")
        await passes(60)
        before = list(ana.by_system)
        town.world.restart("server")
        await passes(60)
        second = await town.say(ben)
        await passes(60)
        town.world.foreground("ana")
        await passes(60)
        ana.read()
        await passes(10)
        return before, ana.by_system, [first, second], dict(ana.shown), ana.tray

    before, by_system, sent, shown, tray = play(script, on_disk=True)
    assert (before, by_system) == ([], sent)
    assert shown == dict.fromkeys(sent, 1)
    assert tray == {}


@pytest.mark.clause("RT-PUSH-11")
@pytest.mark.parametrize("after_ms", [0, 5, 20, 100, 1000, 2990, 3000, 3001, 3005, 3020, 3100, 8000])
def test_a_crash_at_every_step_of_a_push_loses_nothing_and_shows_nothing_twice(after_ms):
    """From the message's answer over its delay, the note of the push and its sending to the note that it was sent."""

    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.background("ana")
        await passes(5)
        sent = [await town.say(ben)]
        await passes(after_ms / 1000)
        town.world.crash("server")
        await passes(5)
        town.world.restart("server")
        await passes(60)
        covered = set(ana.covered)
        sent.append(await town.say(ben))
        await passes(60)
        town.world.foreground("ana")
        await passes(60)
        return sent, covered, ana

    sent, covered, ana = play(script, on_disk=True, seed=after_ms)
    assert covered == {sent[0]}, "pushed while the phone slept"
    assert set(ana.shown.values()) == {1}
    assert ana.covered == set(sent)


@pytest.mark.parametrize("seeds", [range(first, first + 8) for first in range(0, 24, 8)], ids=str)
def test_the_server_crashes_again_and_again_and_each_message_is_shown_once(seeds):
    """Naps of a phone, crashes of the server's machine and a late push channel, drawn by the seed; then all heals."""

    async def script(town):
        world = town.world
        rng = world.rng("script")
        ana = await town.device("ana", lag_s=(0.0, 3.0), background=BackgroundPolicy.DISCONNECT)
        ben = await town.device("ben")
        sent = []
        for _ in range(8):
            match rng.choice(["nap", "wake", "crash", "crash", "nothing"]):
                case "nap":
                    world.background("ana")
                case "wake":
                    world.foreground("ana")
                case "crash":
                    world.crash("server")
                    await passes(rng.uniform(0.1, 2))
                    world.restart("server")
            await passes(rng.choice([0.0, 0.02, rng.uniform(0, 4)]))
            sent.append(await town.say(ben))
            await passes(rng.choice([0.0, 3.0, 3.01, rng.uniform(0, 5)]))
        world.background("ana")
        await passes(120)
        asleep = set(ana.covered)
        world.foreground("ana")
        await passes(60)
        return sent, asleep, ana

    by_system = 0
    for seed in seeds:
        sent, asleep, ana = play(script, seed=seed, on_disk=True)
        assert set(ana.shown.values()) == {1}, f"seed {seed}: twice"
        assert set(sent) == ana.covered, f"seed {seed}: lost"
        assert asleep == ana.covered, f"seed {seed}: not before the phone woke up"
        by_system += len(ana.by_system)
    assert by_system, "the seeds prove something"


def test_a_crash_between_sending_and_noting_it_sends_the_same_id_again_and_the_phone_shows_it_once():
    async def script(town):
        ana, ben = await town.device("ana"), await town.device("ben")
        town.world.background("ana")
        await passes(5)
        send, ids = town.gateway.send, []

        async def send_and_die(batch):
            ids.extend(parcel.push.id for parcel in batch)
            if len(ids) == 1:
                town.world.at(town.world.now_s, town.world.crash, "server")
            return await send(batch)

        town.gateway.send = send_and_die
        first = await town.say(ben)
        await passes(10)
        town.world.restart("server")
        await passes(60)
        return ids, [first] * 2, dict(ana.shown)

    ids, expected, shown = play(script, on_disk=True)
    assert ids == expected
    assert set(shown.values()) == {1}


def test_who_reads_a_room_sees_no_notification_of_it_on_this_device_either():
    async def script(town):
        ben = await town.device("ben")
        phones = [await town.device(name, "ana") for name in ("phone", "tablet")]
        await town.say(ben)
        await passes(10)
        before = [each.app.handler.badge for each in phones]
        phones[0].read()
        at_once = phones[0].app.handler.badge
        await passes(10)
        return before, at_once, [each.app.handler.badge for each in phones]

    assert play(script) == ([1, 1], 0, [0, 0])


def test_what_was_read_on_the_tablet_is_not_shown_on_a_phone_that_comes_back():
    """The socket brings markers and messages at once; and a tray that the system kept is looked through."""

    async def script(town):
        ben = await town.device("ben")
        phone, tablet = [await town.device(name, "ana") for name in ("phone", "tablet")]
        phone.detach()  # no pushes, and so no withdrawals
        with town.world.on("phone"):
            phone.app.app_state.background()
        await passes(200)
        first = await town.say(ben)
        await passes(10)
        tablet.read()
        await passes(5)
        with town.world.on("phone"):
            phone.app.app_state.foreground()
        await passes(20)
        back = dict(phone.shown), phone.app.handler.badge
        phone.machine.kill()
        second = await town.say(ben)
        phone._arrived({"id": second, "title": "ben", "roomId": "lobby", "data": {"offset": 2}})
        await passes(10)
        tablet.read()
        await passes(5)
        phone.machine.start()
        await passes(20)
        return first, second, back, dict(phone.shown), phone.app.handler.badge

    first, second, back, shown, badge = play(script)
    assert back == ({}, 0)
    assert (shown, badge) == ({second: 1}, 0)
