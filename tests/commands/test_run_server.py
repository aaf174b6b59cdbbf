"""`realtime serve`: one ready line, a clean end, clear refusals."""

import asyncio
import signal
import socket

import pytest

from tests.processes import REALTIME, Child, serving


async def test_one_ready_line_says_where():
    async with serving() as served:
        served.process.signal(signal.SIGTERM)
        assert await served.process.ended() == 0
        [line] = served.process.lines
        assert line.startswith(f"Serving {served.url} ")
        assert "memory" in line


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_cleanly_with_a_client_connected(number):
    async with serving() as served:
        host, port = served.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert b" 101 " in await reader.readline()
        served.process.signal(number)
        assert await served.process.ended(deadline_s=15) == 0
        assert served.process.errors == []
        writer.close()


async def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with Child(REALTIME, "serve", "--port", str(port)) as child:
            assert await child.ended() == 1
            [error] = child.errors
            assert error.startswith(f"realtime serve: 127.0.0.1:{port} is taken")
            assert "--port" in error


@pytest.mark.parametrize("store", ["sqlite:chat.db", "nats://127.0.0.1:4222", "redis"])
async def test_a_store_that_does_not_exist_is_refused(store):
    async with Child(REALTIME, "serve", "--port", "0", "--store", store) as child:
        assert await child.ended() == 2
        assert store in child.errors[0]
        assert "--store memory" in child.errors[0]


async def test_other_machines_are_not_served_by_accident():
    async with Child(REALTIME, "serve", "--host", "0.0.0.0", "--port", "0") as child:
        assert await child.ended() == 2
        [error] = child.errors
        assert "--allow-unauthenticated" in error
    async with Child(REALTIME, "serve", "--host", "0.0.0.0", "--port", "0", "--allow-unauthenticated") as child:
        await child.matching("Serving")
