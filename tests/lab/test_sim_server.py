"""A server on a machine: its process dies, its engine stays."""

import pytest

from realtime.lab.sim_server import SimServer
from realtime.lab.sim_tray import SimTray
from realtime.server.realtime_server import RealtimeServer
from tests.lab.sim_town import play


def test_a_server_that_crashed_serves_again_what_it_had():
    async def script(town):
        ana = await town.phone("ana")
        [first] = town.send(ana, "one")
        await first
        before = town.server.app
        town.world.crash("server")
        town.send(ana, "two")
        await town.world.until(town.world.now_s + 3)
        town.world.restart("server")
        await town.world.eventually(lambda: ana.app.is_settled, within_s=200)
        assert town.server.app is not before
        ben = await town.phone("ben")
        state = ben.app.chat.room("lobby").snapshot
        return state.texts, [message.offset for message in state.messages], state.gap

    assert play(script) == (("one", "two"), [1, 2], False)


@pytest.mark.parametrize("end", ["kill_app", "crash"])
def test_without_an_engine_it_keeps_the_rooms_on_the_disk_of_its_machine(end):
    async def script(town):
        world = town.world
        machine = world.machine("other", lambda machine: SimServer(world, machine))
        ana = await town.phone("ana", url="http://other:8765")
        [first] = town.send(ana, "one")
        await first
        former = machine.app.engine
        getattr(world, end)("other")
        world.restart("other")
        assert machine.app.engine is not former
        [second] = town.send(ana, "two")
        await second
        ben = await town.phone("ben", url="http://other:8765")
        state = ben.app.chat.room("lobby").snapshot
        return state.texts, [message.offset for message in state.messages], state.gap

    assert play(script) == (("one", "two"), [1, 2], False)


def test_each_start_gives_other_session_ids():
    async def script(town):
        sids = []
        for _ in range(2):
            town.server.app.server.on("connect", lambda session: sids.append(session.sid))
            ana = await town.phone(f"ana {len(sids)}")
            assert ana.app.is_settled
            town.world.kill_app("server")
            town.world.restart("server")
            await town.server.ready()
        return sids

    first, second = play(script)[:2]
    assert first != second


def test_its_server_can_be_replaced():
    class Other(RealtimeServer):
        pass

    class OtherServer(SimServer):
        def make_server(self):
            server = super().make_server()
            server.__class__ = Other
            return server

    async def script(town):
        machine = town.world.machine("other", lambda m: OtherServer(town.world, m, engine=town.engine))
        await machine.ready()
        return repr(machine.app), type(machine.app.server) is Other

    text, is_other = play(script)
    assert is_other
    assert text.startswith("<SimServer <RealtimeServer http://other:8765 listening")


def test_its_push_service_is_beyond_its_own_life():
    """The gateway is the operating system maker's: what the server gave it arrives though the server is dead."""

    async def script(town):
        ben = SimTray(town.world, town.gateway, "ben")
        await town.phone("ben", tray=ben)
        ana = await town.phone("ana")
        town.world.kill_app("ben")
        await town.world.until(town.world.now_s + 1)  # the server hears of it
        town.world.unplug("ben")
        town.send(ana, "hello")
        await town.world.until(town.world.now_s + 10)
        town.world.crash("server")
        town.world.replug("ben")
        await town.world.until(town.world.now_s + 10)
        return [payload["body"] for payload in ben.on_screen]

    assert play(script) == ["hello"]
