"""The connection in a component: through an outage, and by what the component asks for."""

import asyncio

from realtime.connection.connection_state import ConnectionState
from realtime.hooks.use_socket import use_socket
from tests.hooks.watching import Shows, followers
from tests.lab.sim_town import play
from tests.server.waiting import until


def test_it_shows_each_state_of_an_outage_once():
    async def script(town):
        ana = await town.phone("ana")
        shows = Shows(use_socket, ana.app.socket)
        with ana.inside(), shows.mounted():
            assert shows.last.connected
            town.world.kill_app("server", for_s=5)
            await town.world.until(town.world.now_s + 30)
            assert followers(ana.app.socket.connection_state) == 1
        assert followers(ana.app.socket.connection_state) == 0
        states = [value.state for value in shows.values]
        return [state for state, before in zip(states, [None, *states], strict=False) if state is not before]

    assert play(script) == [ConnectionState.CONNECTED, ConnectionState.RECONNECTING, ConnectionState.CONNECTED]


async def test_a_component_disconnects_and_connects_a_phone_on_the_labs_loop(lab):
    ana = lab.phone("ana")
    shows = Shows(use_socket, ana)
    with shows.mounted():
        shows.last.disconnect()
        await until(lambda: shows.last.state is ConnectionState.DISCONNECTED)
        shows.last.connect()
        await until(lambda: shows.last.connected)
        shows.last.probe()
        assert shows.last.error is None


async def test_what_is_emitted_arrives_and_what_cannot_be_sent_shows(lab, caplog):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    heard = []
    ben.chat.on("typing", lambda *args: heard.append(args))
    shows = Shows(use_socket, ana)
    with shows.mounted():
        shows.last.emit("chat:typing", {"roomId": "lobby", "isTyping": True}, volatile=True)
        await until(lambda: heard == [("lobby", "ana", True)])
        shows.last.emit("chat:typing", asyncio)
        await until(lambda: shows.last.error is not None)
    assert "cannot" in str(shows.last.error)
