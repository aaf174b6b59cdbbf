"""A server with a limit to handshakes per second: what a socket is told, and what a phone makes of it."""

import asyncio

import pytest

from realtime.connection.connection_state import ConnectionState
from realtime.connection.reconnection_strategy import ReconnectionStrategy
from realtime.connection.socket_manager import SocketManager
from realtime.server.realtime_server import RealtimeServer
from realtime.sim.world import simulate
from tests.server.raw_client import raw_client

UPGRADE = (
    b"GET /socket.io/?EIO=4&transport=%s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
WEBSOCKET = UPGRADE % b"websocket"


async def answered(server, request, host="127.0.0.1"):
    """Status and headers of the answer to a request, and a writer that keeps the connection."""
    reader, writer = await asyncio.open_connection(host, server.port)
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 30)
    status, *fields = head.decode().split("\r\n")
    return int(status.split()[1]), dict(field.split(": ", 1) for field in fields if field), reader, writer


@pytest.mark.clause("RT-CON-10")
def test_beyond_the_limit_a_handshake_is_answered_with_503_and_a_time():
    async def main(world):
        async with RealtimeServer(host="server", allow_unauthenticated=True, handshakes_per_s=1) as server:
            answers = [await answered(server, WEBSOCKET, "server") for _ in range(4)]
            assert [status for status, *_ in answers] == [101, 503, 503, 503]
            # The first one refused gets the next second's place, and each further one that of a second later.
            assert [int(fields["Retry-After"]) for _, fields, *_ in answers[1:]] == [1, 2, 3]
            assert (server.stats.handshakes, server.stats.handshakes_refused) == (1, 3)
            for status, fields, reader, writer in answers:
                if status == 503:
                    assert fields["Connection"] == "close"
                    assert len(await reader.read()) == int(fields["Content-Length"])
                writer.close()

    simulate(main)


async def test_what_is_no_handshake_takes_no_place():
    async with RealtimeServer(port=0, handshakes_per_s=1) as server:
        for _ in range(3):
            status, *_, writer = await answered(server, UPGRADE % b"polling")
            assert status == 400
            writer.close()
            status, *_, writer = await answered(server, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status == 200
            writer.close()
        async with raw_client(server, "ana"):
            assert (server.stats.handshakes, server.stats.handshakes_refused) == (1, 0)


async def test_no_limit_can_be_set():
    async with RealtimeServer(port=0, handshakes_per_s=None) as server:
        for _ in range(20):
            status, *_, writer = await answered(server, WEBSOCKET)
            assert status == 101
            writer.close()


@pytest.mark.parametrize("nonsense", [0, -1, 2.5])
def test_a_limit_that_makes_no_sense_is_refused_at_once(nonsense):
    with pytest.raises(ValueError, match="handshakes_per_s"):
        RealtimeServer(handshakes_per_s=nonsense)


@pytest.mark.clause("RT-CON-9", "RT-CON-10")
def test_a_phone_that_is_refused_comes_back_at_its_place_and_a_little_later():
    """One in a second: ben is refused, told 1 s, and adds up to 0.5 s, the window of his first retry."""

    async def main(world):
        with world.on("server"):
            server = RealtimeServer(host="server", allow_unauthenticated=True, handshakes_per_s=1)
            await server.start()
        phones, story = {}, []
        for name in ("ana", "ben"):
            world.set_conditions(name, delay_ms=10)
            with world.on(name):
                strategy = ReconnectionStrategy(base_s=0.5, rng=world.rng(name))
                phone = phones[name] = SocketManager(server.url, auth={"userId": name}, reconnection=strategy)
                phone.on("connect_error", lambda error: story.append((world.now_s, error.retry_after_s)))
                await phone.connect(wait=False)
                await world.until(world.now_s + 0.1)
        await world.eventually(lambda: phones["ben"].state is ConnectionState.CONNECTED, within_s=10)
        refused_s, wished_s = story[0]
        connected_s = world.now_s
        with world.on("server"):
            counts = server.stats
            await server.stop()
        return refused_s, wished_s, connected_s, len(story), counts.handshakes, counts.handshakes_refused

    refused_s, wished_s, connected_s, refusals, handshakes, counted = simulate(main, seed=1).result
    assert (refusals, handshakes, counted, wished_s) == (1, 2, 1, 1)
    assert 1 <= connected_s - refused_s <= 1 + 0.5 + 0.1  # five one-way delays until the CONNECT reply
