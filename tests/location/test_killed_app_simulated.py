"""An app is killed while its user types, is present and shares a position: all of it goes, everywhere, and for good."""

import asyncio

import pytest

from realtime.lab.sim_phone import SimPhone
from realtime.lab.sim_server import SimServer
from realtime.location.sources import SimulatedWalk
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate

OSLO = (59.9139, 10.7522)
TYPING_S = 3.0
"""Who hears no more of it stops showing it after this."""
PING_S, GRACE_S, BATCH_S = 25 + 20, 15, 0.1
"""The server's ping interval and timeout, until a silent connection is dead; until a member is gone; until it tells."""


class App(SimPhone):
    """With presence; it shares its position from the start, if it is to."""

    def __init__(self, *args, follows=(), **options):
        super().__init__(*args, **options)
        self.members = PresenceTracker(self.socket)
        self.online = OnlineStatusSync(self.socket)
        self.follows = follows

    async def start(self):
        await super().start()
        self.members.enter("lobby")
        self.online.subscribe(self.follows)

    @property
    def shows(self):
        """What it shows of ana's phone: is it there, where is it, does it type?"""
        devices = {member.device_id for member in self.members.room("lobby").snapshot.members}
        status = self.online.users.snapshot.get("ana")
        return {
            "present": "ana" in devices,
            "status": None if status is None else status.status,
            "located": "ana" in self.location.room("lobby").snapshot.fixes,
            "typing": "ana" in self.chat.room("lobby").snapshot.typing,
        }


def watched(world, app):
    """Every change of what an app shows of ana's phone, with its time; see :attr:`App.shows`."""
    seen = []

    def look(*_):
        if not seen or seen[-1][1] != app.shows:
            seen.append((world.now_s, app.shows))

    app.chat.room("lobby").observe(look)
    app.location.room("lobby").observe(look)
    app.members.room("lobby").observe(look)
    app.online.users.observe(look)
    return seen


ALL = {"present": True, "status": "online", "located": True, "typing": True}
GONE = {"present": False, "status": "offline", "located": False, "typing": False}


def story(death, *, profile="lte", seed=0):
    """Ana's app dies; ben, on Wi-Fi, and cem, on another network, look on; dora comes later."""

    async def main(world):
        engine = MemoryEngine(rng=world.rng("engine"))
        world.machine("server", lambda machine: SimServer(world, machine, engine=engine))

        def phone(name, its_profile, **options):
            def make(machine):
                return App(world, machine, user_id=name, follows=("ana",), **options)

            return world.machine(name, make, profile=its_profile)

        walk = SimulatedWalk(OSLO, rng=world.rng("walk"))
        ana = phone("ana", profile, shares=(walk, "lobby"), location_interval_s=1.0)
        ben, cem = phone("ben", "wifi"), phone("cem", profile)
        await world.eventually(
            lambda: all(each.is_running and each.app.is_settled for each in (ana, ben, cem)), within_s=60
        )
        await asyncio.sleep(20)
        seen = {each.name: watched(world, each.app) for each in (ben, cem)}

        async def types():
            while ana.is_running:
                with world.on("ana"):
                    ana.app.chat.set_typing("lobby", True)
                await asyncio.sleep(0.3)

        typing = asyncio.create_task(types())
        await asyncio.sleep(8)
        assert {each.name: each.app.shows for each in (ben, cem)} == {"ben": ALL, "cem": ALL}
        for each in seen.values():
            each.clear()
        died_s = world.now_s
        if death == "unheard":  # the last words of its system are lost
            world.unplug("ana")
        if death == "crash":
            world.crash("ana")
        else:
            world.kill_app("ana")
        await typing
        await asyncio.sleep(300)
        dora = phone("dora", "wifi")
        await asyncio.sleep(20)
        assert {each.app.name: each.app.shows for each in (ben, cem, dora)} == dict.fromkeys(
            ("ben", "cem", "dora"), GONE
        )
        return {name: [(at_s - died_s, shown) for at_s, shown in each] for name, each in seen.items()}

    return simulate(main, seed=seed, max_virtual_s=3600).result


def check(death, *, profile="lte", seed=0):
    found_s = 0 if death == "kill" else PING_S
    late_s = 5.0  # packets that were on their way, and TCP's retransmissions
    for seen in story(death, profile=profile, seed=seed).values():
        for flag in ALL:
            values = [shown[flag] for _, shown in seen]
            went = [at for at, value in enumerate(values) if value == GONE[flag]]
            assert went, f"{flag} stays"
            assert values == [ALL[flag]] * went[0] + [GONE[flag]] * (len(values) - went[0]), f"{flag} flickers"
            bound_s = TYPING_S if flag == "typing" else found_s + GRACE_S + BATCH_S
            at_s = seen[went[0]][0]
            assert at_s <= bound_s + late_s, f"{flag} goes within its bound"
            assert flag == "typing" or at_s >= GRACE_S, f"{flag} waits for a quick return"
        assert seen[-1][1] == GONE
        assert next(shown for _, shown in seen if shown != ALL) == ALL | {"typing": False}, "typing is the first to go"


@pytest.mark.clause("RT-LOC-12")
@pytest.mark.parametrize("death", ["kill", "unheard", "crash"])
@pytest.mark.parametrize("profile", ["wifi", "lte", "3g"])
def test_typing_presence_and_position_of_a_killed_app_disappear_everywhere_within_the_bound(death, profile):
    check(death, profile=profile)
