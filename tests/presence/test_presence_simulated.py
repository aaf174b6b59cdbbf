"""Presence in the simulated world: drops, returns, crashes, the background, and chance."""

import asyncio
import random

import pytest

from realtime.chat.chat_client import ChatClient
from realtime.connection.app_state import AppState, BackgroundPolicy
from realtime.connection.net_info import NetInfo, NetType
from realtime.connection.socket_manager import SocketManager
from realtime.lab.sim_server import SimServer
from realtime.presence.online_status_sync import OnlineStatusSync
from realtime.presence.presence_tracker import PresenceTracker
from realtime.server.engine.memory import MemoryEngine
from realtime.sim.world import simulate

GRACE_S = 15.0
BATCH_S = 0.1
UNNOTICED_S = 45.0
"""A dead connection is found by its heartbeat: 25 s to the next ping, 20 s for its answer."""
LATE_S = 2.0
"""Packets on LTE, retransmissions included."""


class Phone:
    """An app with chat and presence in the lobby."""

    def __init__(self, world, machine, *, user_id, follows=(), background=BackgroundPolicy.DISCONNECT):
        name = machine.name
        self.app_state, self.net_info = AppState(), NetInfo(NetType.CELLULAR)
        number = machine.process.number
        self.socket = SocketManager(
            "http://server:8765",
            auth={"userId": user_id, "deviceId": name},
            name=name,
            rng=world.rng(f"{name} {number} backoff"),
            app_state=self.app_state,
            net_info=self.net_info,
            background=background,
        )
        self.online = OnlineStatusSync(self.socket)
        self.chat = ChatClient(self.socket, user_id=user_id, rng=world.rng(f"{name} {number} ids"))
        self.tracker = PresenceTracker(self.socket)
        self.told = []
        for event in ("join", "change", "leave"):
            self.tracker.on(event, lambda room, member, event=event: self._note(world, event, member))
        self.online.on("status", lambda status: self.told.append((world.now_s, status.status, status.user_id)))
        self._follows = follows

    def _note(self, world, event, member):
        self.told.append((world.now_s, event, member.device_id))

    async def start(self):
        await self.socket.connect(wait=False)
        await self.chat.join("lobby")
        self.tracker.enter("lobby")
        self.online.subscribe(self._follows)

    def background(self):
        self.app_state.background()

    def foreground(self):
        self.app_state.foreground()

    def network_changed(self, kind):
        self.net_info.update(type=NetType.NONE if kind == "none" else NetType.CELLULAR)

    @property
    def devices(self):
        return {member.device_id: member.status for member in self.tracker.room("lobby").snapshot.members}

    @property
    def is_settled(self):
        return self.tracker.room("lobby").snapshot.synced


class Town:
    def __init__(self, world):
        self.world = world
        engine = MemoryEngine(rng=world.rng("engine"))
        self.server = world.machine("server", lambda machine: SimServer(world, machine, engine=engine))

    async def phone(self, name, user_id=None, **options):
        self.world.set_profile(name, "lte")
        machine = self.world.machine(
            name, lambda machine: Phone(self.world, machine, user_id=user_id or name, **options)
        )
        await self.world.eventually(lambda: machine.app.is_settled, within_s=30)
        return machine

    async def people(self, *names):
        machines = [await self.phone(name) for name in names]
        await self.world.eventually(lambda: all(set(m.app.devices) == set(names) for m in machines), within_s=5)
        machines[0].app.told.clear()
        return machines

    async def pass_time(self, seconds):
        await self.world.until(self.world.now_s + seconds)


def play(script, *, seed=0):
    async def main(world):
        return await script(Town(world))

    return simulate(main, seed=seed, max_virtual_s=3600).result


@pytest.mark.clause("RT-PRES-3")
def test_an_abrupt_drop_is_a_leave_after_the_grace_and_not_earlier():
    async def script(town):
        ana, _ = await town.people("ana", "ben")
        began_s = town.world.now_s
        town.world.crash("ben")  # its system says reset
        await town.pass_time(GRACE_S + 60)
        return began_s, ana.app.told

    began_s, told = play(script)
    [(at_s, event, device)] = told
    assert (event, device) == ("leave", "ben")
    assert GRACE_S <= at_s - began_s <= UNNOTICED_S + GRACE_S + BATCH_S + LATE_S


@pytest.mark.clause("RT-PRES-5")
def test_a_killed_app_disappears_within_the_bound():
    async def script(town):
        ana, _ = await town.people("ana", "ben")
        began_s = town.world.now_s
        town.world.hold("ben", "server")  # and nobody hears that it died
        town.world.hold("server", "ben")
        town.world.kill_app("ben")
        await town.pass_time(UNNOTICED_S + GRACE_S + 10)
        return began_s, ana.app.told

    began_s, told = play(script)
    [(at_s, event, device)] = told
    assert (event, device) == ("leave", "ben")
    assert at_s - began_s <= UNNOTICED_S + GRACE_S + BATCH_S + LATE_S


@pytest.mark.clause("RT-PRES-4")
def test_ten_quick_reconnects_are_seen_by_nobody():
    async def script(town):
        ana, ben = await town.people("ana", "ben")
        reconnects = []
        ben.app.socket.on("reconnect", reconnects.append)
        for _ in range(10):
            town.world.reset("ben")
            await town.pass_time(8)
            with town.world.on("ben"):
                ben.app.socket.probe()  # whatever the backoff says by now
            await town.world.eventually(lambda: ben.app.socket.connected, within_s=5)
        await town.pass_time(UNNOTICED_S + GRACE_S)
        return len(reconnects), ana.app.told, ana.app.devices

    assert play(script) == (10, [], {"ana": "online", "ben": "online"})


@pytest.mark.clause("RT-PRES-4")
def test_ten_restarts_of_an_app_are_seen_by_nobody():
    """Each begins a new session, and the old one is found dead meanwhile."""

    async def script(town):
        ana, ben = await town.people("ana", "ben")
        for _ in range(10):
            town.world.kill_app("ben", for_s=3)
            await town.pass_time(4)
            await town.world.eventually(lambda: ben.is_running and ben.app.is_settled, within_s=8)
        await town.pass_time(UNNOTICED_S + GRACE_S + 5)
        return [record[1:] for record in ana.app.told], ana.app.devices

    assert play(script) == ([], {"ana": "online", "ben": "online"})


@pytest.mark.clause("RT-PRES-6")
def test_after_a_crash_of_the_server_nobody_is_there_who_did_not_come_back():
    async def script(town):
        ana, _, _ = await town.people("ana", "ben", "cem")
        town.world.partition("server", "ben")
        town.world.kill_app("server", for_s=2)
        await town.pass_time(60)
        return [record[1:] for record in ana.app.told], ana.app.devices

    assert play(script) == ([("leave", "ben")], {"ana": "online", "cem": "online"})


@pytest.mark.clause("RT-PRES-7")
def test_a_restart_of_the_server_is_no_leave_of_those_who_come_back():
    """Whoever comes first is told by the new server that nobody is there."""

    async def script(town):
        ana = await town.phone("ana", follows=["ben", "cem"])
        ben, cem = await town.phone("ben"), await town.phone("cem")
        await town.pass_time(1)
        ana.app.told.clear()
        for _ in range(5):
            town.world.kill_app("server", for_s=0.5)
            await town.pass_time(30)
        return ana.app.told, ana.app.devices, ben.app.is_settled and cem.app.is_settled

    assert play(script, seed=3) == ([], {"ana": "online", "ben": "online", "cem": "online"}, True)


@pytest.mark.clause("RT-PRES-9")
def test_who_comes_back_from_another_app_is_online_from_the_first_moment():
    async def script(town):
        ana, ben = await town.phone("ana", follows=["ben"]), await town.phone("ben")
        for pause_s in (5, 60, 400):
            with town.world.on("ben"):
                ben.app.background()
            await town.pass_time(pause_s)
            ana.app.told.clear()
            with town.world.on("ben"):
                ben.app.foreground()
            await town.pass_time(5)
            assert {event for _, event, _ in ana.app.told} <= {"online", "join", "change"}
            assert [event for _, event, _ in ana.app.told].count("online") == 1
            assert len(ana.app.told) == 2

    play(script)


@pytest.mark.clause("RT-PRES-9")
def test_the_background_is_away_for_the_grace_and_the_foreground_is_back():
    async def script(town):
        ana, ben = await town.people("ana", "ben")
        began_s = town.world.now_s
        with town.world.on("ben"):
            ben.app.background()
        await town.pass_time(60)
        with town.world.on("ben"):
            ben.app.foreground()
        await town.pass_time(5)
        return [(round(at_s - began_s), event) for at_s, event, _ in ana.app.told], ana.app.devices

    told, devices = play(script)
    assert told == [(0, "change"), (GRACE_S, "leave"), (60, "join")]
    assert devices == {"ana": "online", "ben": "online"}


def test_a_glance_at_another_app_is_a_change_and_its_end_too():
    async def script(town):
        ana, ben = await town.people("ana", "ben")
        for act in (ben.app.background, ben.app.foreground):
            with town.world.on("ben"):
                act()
            await town.pass_time(5)
        return [event for _, event, _ in ana.app.told], ana.app.devices

    assert play(script) == (["change", "change"], {"ana": "online", "ben": "online"})


@pytest.mark.clause("RT-PRES-8")
def test_two_devices_of_a_user_are_one_status_and_two_members():
    async def script(town):
        ana = await town.phone("ana", follows=["ben"])
        phone, _ = await town.phone("ben-phone", "ben"), await town.phone("ben-laptop", "ben")
        await town.pass_time(1)
        ana.app.told.clear()
        with town.world.on("ben-phone"):
            phone.app.online.set_status("busy", "in a lift")
        await town.pass_time(1)
        town.world.crash("ben-phone")
        await town.pass_time(UNNOTICED_S + GRACE_S + 5)
        town.world.crash("ben-laptop")
        await town.pass_time(UNNOTICED_S + GRACE_S + 5)
        status = ana.app.online.users.snapshot["ben"]
        return [record[1:] for record in ana.app.told], status.status, status.last_seen is not None

    told, status, is_seen = play(script)
    assert sorted(told[:2]) == [("busy", "ben"), ("change", "ben-phone")]
    assert sorted(told[2:4]) == [("leave", "ben-phone"), ("online", "ben")]
    assert sorted(told[4:]) == [("leave", "ben-laptop"), ("offline", "ben")]
    assert (status, is_seen) == ("offline", True)


@pytest.mark.clause("RT-PRES-7")
def test_a_chosen_status_survives_a_restart_of_the_server_and_who_follows_hears_of_it():
    async def script(town):
        ana = await town.phone("ana", follows=["ben"])
        ben = await town.phone("ben")
        with town.world.on("ben"):
            ben.app.online.set_status("invisible")
        await town.pass_time(1)
        first = dict(ana.app.devices), ana.app.online.users.snapshot["ben"].status
        town.world.kill_app("server", for_s=2)
        await town.pass_time(40)
        with town.world.on("ben"):
            ben.app.online.set_status("away")
        await town.pass_time(1)
        return first, (dict(ana.app.devices), ana.app.online.users.snapshot["ben"].status)

    assert play(script) == (({"ana": "online"}, "offline"), ({"ana": "online", "ben": "away"}, "away"))


@pytest.mark.clause("RT-PRES-10")
def test_the_invisible_are_never_seen_not_even_for_a_moment_when_a_new_session_begins():
    """The session is forgotten, then the server is another one: both times the status must come with the handshake."""

    async def script(town):
        ana, ben = await town.phone("ana", follows=["ben"]), await town.phone("ben")
        with town.world.on("ben"):
            ben.app.online.set_status("invisible")
        await town.pass_time(1)
        shown = ana.app.online.users.snapshot["ben"]
        ana.app.told.clear()
        town.world.partition("ben", "server")
        await town.pass_time(400)
        town.world.repair("ben", "server")
        await town.pass_time(60)
        town.world.kill_app("server", for_s=2)
        await town.pass_time(60)
        return shown.status, shown.last_seen is not None, ana.app.told, ben.app.is_settled

    assert play(script) == ("offline", True, [], True)


@pytest.mark.clause("RT-PRES-14")
@pytest.mark.parametrize("seed", range(20))
def test_after_any_faults_everybody_shows_the_truth(seed):
    """Sixty seconds of chance, then all is well again; two phones stay dead."""

    async def script(town):
        names = ["ana", "ben", "cem", "dora"]
        machines = {name: await town.phone(name, follows=names) for name in names}
        rng = random.Random(seed)
        for _ in range(8):
            await town.pass_time(rng.uniform(0, 8))
            disturb(town.world, rng, names, machines)
        await town.pass_time(30)
        gone = rng.sample(names, 2)
        for name in gone:
            town.world.crash(name)
        # who came back waits for at most 20 s of backoff and one attempt of 20 s
        await asyncio.sleep(UNNOTICED_S + GRACE_S + 40)
        left = [machines[name].app for name in names if name not in gone]
        for app, name in zip(left, [name for name in names if name not in gone], strict=True):
            with town.world.on(name):
                app.foreground()
        await asyncio.sleep(30)
        truth = {name: "online" for name in names if name not in gone}
        statuses = {name: "online" if name in truth else "offline" for name in names}
        for app in left:
            assert app.devices == truth
            assert {user: status.status for user, status in app.online.users.snapshot.items()} == statuses
            assert set(app.chat.room("lobby").snapshot.members) == set(truth)

    play(script, seed=seed)


def disturb(world, rng, names, machines):
    name, fault = rng.choice(names), rng.choice(["reset", "outage", "kill", "server", "background", "foreground"])
    app = machines[name].app if machines[name].is_running else None
    if fault == "reset":
        world.reset(name)
    elif fault == "outage":
        world.outage(name, for_s=rng.uniform(1, 30))
    elif fault == "kill" and app is not None:
        world.kill_app(name, for_s=rng.uniform(0.5, 20))
    elif fault == "server" and world.machines["server"].is_running:
        world.kill_app("server", for_s=rng.uniform(0.5, 5))
    elif fault in ("background", "foreground") and app is not None:
        with world.on(name):
            getattr(app, fault)()
