"""Listening in a simulated world."""

import asyncio
import errno

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.sim.world import simulate
from tests.sim.websockets_pair import URL, echo


def test_a_port_is_bound_once():
    async def main(world):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "server", 80)
        with pytest.raises(OSError, match="in use") as caught:
            await loop.create_server(asyncio.Protocol, "server", 80)
        server.close()
        await loop.create_server(asyncio.Protocol, "server", 80)
        await loop.create_server(asyncio.Protocol, "elsewhere", 80)
        return caught.value.errno

    assert simulate(main).result == errno.EADDRINUSE


def test_the_server_of_websockets_closes_its_connections():
    async def main(world):
        with world.on("ana"):
            async with serve(echo, "server", 8765):
                ws = await connect(URL)
        await ws.wait_closed()
        return ws.close_code

    assert simulate(main).result == 1001


def test_a_server_may_start_later():
    async def main(world):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(asyncio.Protocol, "server", 80, start_serving=False)
        with pytest.raises(ConnectionRefusedError):
            await loop.create_connection(asyncio.Protocol, "server", 80)
        assert not server.is_serving()
        await server.start_serving()
        await loop.create_connection(asyncio.Protocol, "server", 80)
        assert server.is_serving()
        assert server.get_loop() is loop
        assert [socket.getsockname() for socket in server.sockets] == [("server", 80)]
        forever = asyncio.create_task(server.serve_forever())
        await asyncio.sleep(1)
        forever.cancel()
        await server.wait_closed()
        assert server.sockets == ()

    simulate(main)


def test_port_zero_means_any():
    async def main(world):
        servers = [await asyncio.get_running_loop().create_server(asyncio.Protocol, "server", 0) for _ in range(2)]
        return [server.sockets[0].getsockname() for server in servers]

    first, second = simulate(main).result
    assert first != second
    assert first[0] == second[0] == "server"


@pytest.mark.parametrize(("how", "expected"), [("close_clients", b""), ("abort_clients", ConnectionResetError)])
def test_it_can_end_what_is_connected(how, expected):
    async def main(world):
        server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "server", 80)
        with world.on("ana"):
            reader, writer = await asyncio.open_connection("server", 80)
        await asyncio.sleep(1)
        getattr(server, how)()
        try:
            return await reader.read()
        except ConnectionError as error:
            return type(error)
        finally:
            writer.close()

    assert simulate(main).result == expected
