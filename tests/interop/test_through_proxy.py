"""Neither end is ours: the stock client and the stock server, and the chaos proxy between them."""

import random

import pytest

from realtime.network.proxy import ChaosProxy
from tests.network.sockets import until

pytestmark = pytest.mark.node


@pytest.fixture
def network_of():
    """``async with network_of(server) as network``: a proxy before a server."""

    def make(server):
        return ChaosProxy("127.0.0.1", server.port, profile="fast-4g", rng=random.Random(5))

    return make


async def test_messages_sent_in_a_tunnel_arrive_once_and_in_order(network_of, stock_server, stock_client):
    """The tunnel is shorter than the heartbeat's patience: nobody notices, and TCP repeats what was lost."""
    async with network_of(await stock_server()) as network:
        client = await stock_client(network.url)
        await client.tells("connect")
        network.offline()
        for number in range(20):
            await client.do(emit=["message", number])
        await until(lambda: network.stats.drops_up > 0, "a packet is lost in the tunnel")
        network.online()
        events = await client.tells_times(21, "event")  # the first is the server's greeting
        assert [told["event"] for told in events[1:]] == [["message-back", number] for number in range(20)]
        assert not [told for told in client.told if "disconnect" in told]
        assert network.stats.accepted == 1


@pytest.mark.parametrize("fault", ["change_address", "unplug"])
async def test_a_connection_that_died_without_a_word_is_missed_and_replaced(
    network_of, stock_server, stock_client, fault
):
    async with network_of(await stock_server(pingInterval=500, pingTimeout=2500)) as network:
        client = await stock_client(network.url, reconnectionDelay=10)
        await client.tells("connect")
        getattr(network, fault)()
        await client.tells(disconnect="ping timeout")
        network.replug()
        await client.tells_times(2, "connect")
        await client.do(call=["message-with-ack", "still here"])
        assert (await client.tells(ack="message-with-ack"))["args"] == ["still here"]


async def test_a_reset_is_noticed_at_once(network_of, stock_server, stock_client):
    """The heartbeat would take 45 s."""
    async with network_of(await stock_server()) as network:
        client = await stock_client(network.url, reconnectionDelay=10)
        await client.tells("connect")
        network.reset()
        assert (await client.tells("disconnect"))["disconnect"] == "transport close"
        await client.tells_times(2, "connect")
