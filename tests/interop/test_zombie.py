"""A phone changes its network: its connection is dead, its server still believes in it, and it is back at once.

The same stock client, behind the same proxy, before our server and before the reference server.
"""

import contextlib
import json
import random

import pytest

from realtime.network.proxy import ChaosProxy
from realtime.server.realtime_server import RealtimeServer

pytestmark = pytest.mark.node

MISSED = ["missed 0", "missed 1", "missed 2"]


@contextlib.asynccontextmanager
async def phone(stock_client, port):
    """A stock client, connected through a proxy, and the proxy."""
    async with ChaosProxy("127.0.0.1", port, profile="fast-4g", rng=random.Random(5)) as network:
        client = await stock_client(network.url, auth={"userId": "ana"}, reconnectionDelay=10)
        await client.tells("connect")
        yield client, network


async def unplugged_and_back(client, network, emit):
    """Events before, during and after; returns both of the client's ``connect``."""
    await emit("before")
    await heard(client, "before")
    network.unplug()  # for good: neither end learns that this connection is dead
    for text in MISSED:
        await emit(text)
    network.replug()
    await client.do(drop=True)
    connects = await client.tells_times(2, "connect")
    await emit("after")
    await heard(client, "after")
    return connects


async def heard(client, text):
    await client.find(lambda line: f'"news",{json.dumps(text)}' in line or None)


def news(client):
    """All that the client has heard, without the offsets."""
    return [told["event"][1] for told in client.told if told.get("event", [""])[0] == "news"]


async def test_our_server_gives_the_session_to_the_new_connection_and_nothing_is_lost(stock_client):
    reasons = []
    async with RealtimeServer(port=0) as server:
        server.on("disconnect", lambda session, reason: reasons.append(reason))

        async def emit(text):
            server.emit("news", text)

        async with phone(stock_client, server.port) as (client, network):
            first, second = await unplugged_and_back(client, network, emit)
            assert (first["recovered"], second["recovered"]) == (False, True)
            assert second["connect"] == first["connect"], "the same session"
            assert news(client) == ["before", *MISSED, "after"]
            assert reasons == ["taken over by a new connection"]
            assert server.stats.connections == 1


async def test_the_reference_server_loses_what_it_wrote_to_the_dead_connection(stock_server, stock_client):
    """The day this fails, the reference does as well, and the documentation must say so."""
    server = await stock_server(connectionStateRecovery={"maxDisconnectionDuration": 120_000})

    async def emit(text):
        await server.do(emit=["news", text])

    async with phone(stock_client, server.port) as (client, network):
        first, second = await unplugged_and_back(client, network, emit)
        assert (first["recovered"], second["recovered"]) == (False, False)
        assert second["connect"] != first["connect"]
        assert news(client) == ["before", "after"]


async def test_a_stock_client_is_recovered_again_and_again_by_our_server(stock_client):
    """Also before the first event, and with a string at the end of a volatile event, which is no offset."""
    async with RealtimeServer(port=0) as server:
        main = server.namespace("/")
        server.on("connect", lambda session: session.recovered or main.rooms.join("lobby", session, session.member))
        async with phone(stock_client, server.port) as (client, network):
            for turn in range(3):
                network.unplug()
                server.emit("news", f"missed {turn}", room="lobby")
                network.replug()
                await client.do(drop=True)
                await client.tells_times(turn + 2, "connect")
                await heard(client, f"missed {turn}")
                main.broadcast("lobby", main.frame("typing", b'"alice"'), volatile=True)
                await client.find(lambda line: '"typing"' in line or None)
            assert [told["recovered"] for told in client.told if "recovered" in told] == [False, True, True, True]
            assert news(client) == ["missed 0", "missed 1", "missed 2"]
