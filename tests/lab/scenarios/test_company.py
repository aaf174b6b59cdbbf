"""In the end everybody sees those who are there, as they are: in rooms, by their status, on the map, on the screen."""

import asyncio

import pytest

from realtime.lab.scenarios.company import misjudged
from realtime.lab.sim_tray import SimTray
from realtime.location.sources import SimulatedWalk
from tests.lab.sim_town import play


def judged(act=lambda town, phones: None, spoil=lambda phones: None, wait_s=5.0):
    """What is wrong when this was done to the town, or to what a phone shows."""

    async def script(town):
        phones = {}
        for device, user_id in {"ana": "ana", "ben-phone": "ben", "ben-tablet": "ben"}.items():
            walk = SimulatedWalk((59.9, 10.7), rng=town.world.rng(f"{device}: walk"), interval_s=1.0)
            phones[device] = await town.phone(
                device,
                user_id=user_id,
                tray=SimTray(town.world, town.gateway, device),
                tracks_presence=True,
                follows=("ana", "ben"),
                shares=None if device == "ben-tablet" else (walk, "lobby"),
            )
        await asyncio.sleep(5)
        result = act(town, phones)
        if asyncio.iscoroutine(result):
            await result
        await asyncio.sleep(wait_s)
        living = [machine.app for machine in phones.values() if machine.is_running]
        spoil({phone.name: phone for phone in living})
        return [(each.kind, each.text) for each in misjudged(living, now_s=town.world.now_s)]

    return play(script)


def on(town, phone, call):
    with town.world.on(phone.name):
        call(phone.app)


def statuses(town, phones):
    on(town, phones["ben-phone"], lambda app: app.status.set_status("busy", "working"))
    on(town, phones["ben-tablet"], lambda app: app.status.set_status("away"))
    on(town, phones["ana"], lambda app: app.status.set_status("invisible", "hiding"))


def stops(town, phones):
    on(town, phones["ana"], lambda app: app.stop_sharing())


def dies(town, phones):
    town.world.crash("ben-phone")


@pytest.mark.parametrize(("act", "wait_s"), [(lambda *_: None, 5), (statuses, 5), (stops, 5), (dies, 90)])
def test_what_is_so_is_not_complained_of(act, wait_s):
    assert judged(act, wait_s=wait_s) == []


def hides(name):
    return lambda phones: setattr(phones[name].status, "_chosen", "invisible")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda phones: phones.pop("ben-phone").presence.leave("lobby"), "ben-phone shows in lobby no ana, who is"),
        (hides("ana"), "ben-phone shows in lobby ana, who is not there"),
        (hides("ana"), "ben-tablet shows ana as online, who is offline"),
        (lambda phones: setattr(phones["ana"].status, "_chosen", "busy"), "ben-phone shows ana as online, who is busy"),
        (
            lambda phones: setattr(phones["ana"], "is_sharing", False),
            "the map of ben-tablet shows in lobby ana, who is",
        ),
        (lambda phones: phones["ana"].status.users.set({}), "ana does not know how ben is, who is online"),
    ],
)
def test_what_is_not_so_is_stale(spoil, words):
    found = judged(spoil=spoil)
    assert {kind for kind, _ in found} == {"stale"}
    assert any(text.startswith(f"in the end {words}") for _, text in found), found


def test_other_words_are_not_ones_own():
    def spoil(phones):
        shown = phones["ana"].status.users
        shown.set({name: type(user)(name, user.status, "hello") for name, user in shown.snapshot.items()})

    assert ("stale", "in the end ana shows ben with the words 'hello', who says ['None']") in judged(spoil=spoil)


async def pushed(town, phones):
    """Ana's app is in the background when ben writes, and comes back."""
    town.world.background("ana")
    town.world.background("ben-tablet")
    await asyncio.sleep(1)
    town.send(phones["ben-phone"], "hello")
    await asyncio.sleep(10)
    for name in ("ana", "ben-tablet"):
        town.world.foreground(name)
    await asyncio.sleep(10)
    assert len(phones["ana"].app.tray.on_screen) == 1


def test_a_lock_screen_may_show_what_was_not_read_and_nothing_else():
    def forgets(phones):
        phones["ana"].tray._screen.clear()

    assert judged(pushed) == []
    [(_, text)] = judged(pushed, forgets)
    assert text == "in the end ana has 0 notifications open, and 1 on its badge"


def test_what_was_read_is_on_no_lock_screen():
    async def read_and_kept(town, phones):
        await pushed(town, phones)
        phones["ana"].app.tray.take_off = lambda name: None  # the system does not do what it is told
        on(town, phones["ana"], lambda app: app.chat.mark_read("lobby"))

    texts = [text for _, text in judged(read_and_kept)]
    assert any("on its lock screen, and ana has read lobby" in text for text in texts)


def test_what_was_read_is_not_open_in_the_app():
    async def kept(town, phones):
        phones["ana"].app.in_app.read = lambda name: False  # it does not do what it is told
        town.send(phones["ben-phone"], "hello")
        await asyncio.sleep(2)
        on(town, phones["ana"], lambda app: app.chat.mark_read("lobby"))

    [(_, text)] = judged(kept)
    assert text.endswith("open in its app, and ana has read lobby")
