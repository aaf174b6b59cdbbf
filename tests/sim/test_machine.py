"""Machines: programs that can be started anew, with files that last."""

import asyncio
import gc

import pytest

from realtime.sim.process import current_host, current_process
from realtime.sim.world import SimTaskFailed, simulate

SEEN = "seen.txt"


class App:
    """Ticks once a second from the end of its start on, which takes half a second."""

    def __init__(self, machine, seen):
        self.machine = machine
        self.number = machine.process.number
        self.seen = seen
        self.note("made")

    def note(self, what):
        assert current_process.get() is self.machine.process
        assert current_host.get() == self.machine.name
        self.seen.append((now(), self.number, what))

    async def start(self):
        await asyncio.sleep(0.5)
        self.note("started")
        asyncio.get_running_loop().create_task(self.tick())

    async def tick(self):
        while True:
            await asyncio.sleep(1)
            self.note("tick")

    def background(self):
        self.note("background")

    async def foreground(self):
        await asyncio.sleep(0.25)
        self.note("foreground")

    def network_changed(self, kind):
        self.note(kind)


def now():
    return asyncio.get_running_loop().time()


def ticking(world, seen, name="ana"):
    return world.machine(name, lambda machine: App(machine, seen))


def test_a_machine_starts_at_once_and_is_ready_when_its_app_is():
    async def main(world):
        seen = []
        machine = ticking(world, seen)
        before = machine.is_running, machine.app.number, repr(machine)
        app = await machine.ready()
        return seen, before, app is machine.app, now()

    seen, before, same, ready = simulate(main).result
    assert before == (True, 1, "<Machine 'ana' running, start 1>")
    assert (same, ready) == (True, 0.5)
    assert seen == [(0.0, 1, "made"), (0.5, 1, "started")]


@pytest.mark.parametrize("verb", ["crash", "kill_app"])
def test_it_stops_in_mid_flight_and_starts_anew(verb):
    async def main(world):
        seen = []
        machine = ticking(world, seen)
        getattr(world.at(2.7), verb)("ana")
        world.at(10).restart("ana")
        await world.until(5)
        dead = machine.is_running, machine.app, machine.process.number, repr(machine)
        await world.until(12)
        return seen, dead

    seen, dead = simulate(main).result
    assert dead == (False, None, 1, "<Machine 'ana' not running, start 1>")
    assert seen == [
        (0.0, 1, "made"),
        (0.5, 1, "started"),
        (1.5, 1, "tick"),
        (2.5, 1, "tick"),
        (10.0, 2, "made"),
        (10.5, 2, "started"),
        (11.5, 2, "tick"),
    ]


def test_a_restart_of_a_running_machine_kills_it_before():
    async def main(world):
        seen = []
        ticking(world, seen)
        world.at(2).restart("ana")
        await world.until(4)
        return [(t, number) for t, number, what in seen if what != "tick"]

    assert simulate(main).result == [(0.0, 1), (0.5, 1), (2.0, 2), (2.5, 2)]


def test_ready_waits_for_the_next_start_if_this_one_comes_to_nothing():
    async def main(world):
        machine = ticking(world, [])
        world.at(0.2).crash("ana")
        world.at(3).restart("ana")
        world.at(3.1).kill_app("ana")
        world.at(7).restart("ana")
        first = (await machine.ready()).number, now()
        again = (await machine.ready()).number, now()
        return first, again

    assert simulate(main).result == ((3, 7.5), (3, 7.5))


def test_an_app_without_a_start_is_ready_at_once():
    async def main(world):
        made = []
        machine = world.machine("ana", made.append)
        await machine.ready()
        return made == [machine], now(), machine.app

    assert simulate(main).result == (True, 0.0, None)


def test_a_start_that_fails_is_told_to_whoever_waits_or_fails_the_run():
    class Broken:
        async def start(self):
            await asyncio.sleep(1)
            raise ZeroDivisionError("at the start")

    async def waits(world):
        machine = world.machine("ana", lambda machine: Broken())
        with pytest.raises(ZeroDivisionError):
            await machine.ready()

    async def does_not(world):
        world.machine("ana", lambda machine: Broken())
        await asyncio.sleep(5)

    simulate(waits)
    with pytest.raises(SimTaskFailed, match="at the start"):
        simulate(does_not)


def test_a_factory_that_fails_fails_where_it_is_called():
    async def main(world):
        calls = []

        def factory(machine):
            calls.append(machine.process.number)
            if len(calls) != 2:
                raise ZeroDivisionError("in the factory")

        with pytest.raises(ZeroDivisionError):
            world.machine("ana", factory)
        world.machine("ben", factory)
        world.restart("ben")

    with pytest.raises(ZeroDivisionError, match="in the factory"):
        simulate(main)


def test_background_and_foreground_are_told_once_each():
    async def main(world):
        seen = []
        machine = ticking(world, seen)
        await machine.ready()
        world.at(1).background("ana")
        world.at(1.1).background("ana")
        world.at(1.2, lambda: seen.append(repr(machine)))
        world.at(2).foreground("ana")
        world.at(2.1).foreground("ana")
        await world.until(4)
        return [entry for entry in seen if entry[-1] != "tick"][2:]

    assert simulate(main).result == [
        (1.0, 1, "background"),
        "<Machine 'ana' in the background, start 1>",
        (2.25, 1, "foreground"),
    ]


def test_whoever_starts_an_app_looks_at_it():
    """It was in the background when it crashed; the end of that background must not be told to the new one."""

    async def main(world):
        seen = []
        machine = ticking(world, seen)
        await machine.ready()
        world.at(1).background("ana", for_s=10)
        world.at(2).crash("ana", for_s=1)
        world.at(2.5).background("ana", for_s=60)
        await world.until(30)
        return [what for _, _, what in seen if what != "tick"], machine.is_in_background

    assert simulate(main).result == (["made", "started", "background", "made", "started"], False)


def test_what_is_run_on_a_machine_is_a_part_of_its_program():
    async def main(world):
        seen = []
        machine = ticking(world, [])

        async def counts(name):
            while True:
                await asyncio.sleep(1)
                seen.append((now(), name, current_process.get() is machine.process))

        with world.on("ana"):
            inside = asyncio.create_task(counts("on"))
        spawned = world.spawn("ana", counts("spawn"))
        with world.on("ana"), world.on("ben"):
            outside = asyncio.create_task(counts("ben"))
        world.at(2.5).crash("ana")
        await world.until(4.5)
        return seen, [task.done() for task in (inside, spawned, outside)]

    seen, done = simulate(main).result
    assert [entry[:2] for entry in seen] == [
        (1.0, "on"),
        (1.0, "spawn"),
        (1.0, "ben"),
        (2.0, "on"),
        (2.0, "spawn"),
        (2.0, "ben"),
        (3.0, "ben"),
        (4.0, "ben"),
    ]
    assert all(is_inside == (name != "ben") for _, name, is_inside in seen)
    assert done == [False] * 3


def test_nothing_can_be_run_on_a_machine_that_does_not_run():
    async def main(world):
        ticking(world, [])
        world.crash("ana")
        with pytest.raises(RuntimeError, match="'ana' does not run; restart it"), world.on("ana"):
            pass
        with pytest.raises(RuntimeError, match="'ana' does not run"):
            world.spawn("ana", asyncio.sleep(1))

    simulate(main)


def test_a_machine_has_a_name_of_its_own():
    async def main(world):
        ticking(world, [])
        with pytest.raises(ValueError, match="there is a machine 'ana' already"):
            ticking(world, [])
        with pytest.raises(ValueError, match="'main' is where the script itself runs"):
            ticking(world, [], "main")
        with pytest.raises(ValueError, match=r"no machine 'anna'; there are ana. .*world.machine\('anna', factory\)"):
            world.machines["anna"]
        assert world.machines.get("anna") is None
        assert list(world.machines) == ["ana"]

    simulate(main)


def test_a_machine_may_be_given_its_network():
    async def main(world):
        world.machine("ana", lambda machine: None, profile="edge")
        with pytest.raises(ValueError, match="no profile 'egde'"):
            world.machine("ben", lambda machine: None, profile="egde")
        return world.network.host("ana").access.profile.name, "ben" in world.machines

    assert simulate(main).result == ("edge", False)


# -- files


class Writer:
    """At its start it notes what it finds; then it writes without a sync, and lives on."""

    def __init__(self, machine, found):
        self.path = machine.disk.path / SEEN
        found.append(self.path.read_text() if self.path.exists() else None)
        with self.path.open("a") as file:
            file.write(f"{machine.process.number} ")


@pytest.mark.clause("RT-SIM-5")
@pytest.mark.parametrize(("verb", "expected"), [("crash", [None, None]), ("kill_app", [None, "1 "])])
def test_a_crash_loses_what_a_kill_does_not(verb, expected):
    async def main(world):
        found = []
        world.machine("ana", lambda machine: Writer(machine, found))
        getattr(world.at(1), verb)("ana", for_s=1)
        await world.until(3)
        return found

    assert simulate(main).result == expected


@pytest.mark.parametrize(("verb", "crashes"), [("kill_app", 0), ("crash", 1)])
def test_a_device_without_power_is_not_one_whose_app_was_killed(verb, crashes):
    async def main(world):
        machine = ticking(world, [])
        assert (machine.has_power, machine.crashes) == (True, 0)
        getattr(world, verb)("ana")
        dead = machine.has_power, machine.crashes
        world.restart("ana")
        return dead, machine.has_power, machine.crashes

    assert simulate(main).result == ((not crashes, crashes), True, crashes)


def test_a_crash_after_a_kill_loses_the_files_all_the_same():
    async def main(world):
        found = []
        world.machine("ana", lambda machine: Writer(machine, found))
        world.at(1).kill_app("ana")
        world.at(2).crash("ana")
        world.at(3).restart("ana")
        await world.until(4)
        return found

    assert simulate(main).result == [None, None]


@pytest.mark.filterwarnings("ignore:unclosed file")
def test_nothing_of_the_dead_reaches_a_file():
    """Python writes the rest of a buffer when it forgets a file; the dead must not be forgotten before the end."""

    class Careless:
        def __init__(self, machine):
            self.file = (machine.disk.path / SEEN).open("a")
            self.file.write("never flushed")

    async def main(world):
        machine = world.machine("ana", Careless)
        world.kill_app("ana")
        await asyncio.sleep(1)
        world.restart("ana")
        return (machine.disk.path / SEEN).read_text()

    result = simulate(main).result
    gc.collect()  # here, where the warning is expected
    assert result == ""
