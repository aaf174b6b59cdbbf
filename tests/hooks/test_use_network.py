"""What the device reports, in a component."""

from realtime.connection.app_state import AppStateValue
from realtime.connection.net_info import NetType
from realtime.hooks.use_network import Network, use_network
from tests.hooks.watching import Shows, followers
from tests.server.waiting import until

ACTIVE, BACKGROUND = AppStateValue.ACTIVE, AppStateValue.BACKGROUND


async def test_the_network_and_the_app_of_a_phone(lab):
    ana = lab.phone("ana")
    before = followers(ana.app_state), followers(ana.net_info)
    shows = Shows(use_network, ana)
    with shows.mounted():
        assert shows.last == Network(True, NetType.WIFI, ACTIVE)
        ana.network.offline()
        await until(lambda: shows.last == Network(False, NetType.NONE, ACTIVE))
        ana.background()
        await until(lambda: shows.last == Network(False, NetType.NONE, BACKGROUND))
    assert (followers(ana.app_state), followers(ana.net_info)) == before


async def test_of_a_connection_as_well(lab):
    shows = Shows(use_network, lab.phone("ana").socket)
    with shows.mounted():
        assert shows.last.is_connected
