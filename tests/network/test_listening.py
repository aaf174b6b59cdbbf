"""One port, whatever a name stands for."""

import asyncio
import errno
import os
import socket

import pytest

from realtime.network.listening import listen


class Resolver:
    """Answers with these addresses for every name."""

    def __init__(self, loop, *addresses):
        self.real, self.addresses = loop.getaddrinfo, addresses

    async def __call__(self, host, port, **options):
        found = [await self.real(address, port, **options) for address in self.addresses]
        return [info for infos in found for info in infos]


@pytest.fixture
def resolve(monkeypatch):
    """``resolve("127.0.0.1", "127.0.0.2")``: names stand for these from now on."""

    def install(*addresses):
        running = asyncio.get_running_loop()
        monkeypatch.setattr(running, "getaddrinfo", Resolver(running, *addresses), raising=False)

    return install


def addresses(servers):
    return [listening.getsockname()[:2] for server in servers for listening in server.sockets]


async def closed(servers):
    for server in servers:
        server.close()
        await server.wait_closed()


async def test_a_free_port_is_the_same_for_every_address_of_a_name(resolve):
    resolve("127.0.0.1", "127.0.0.2")
    servers = await listen(asyncio.Protocol, "localhost", 0)
    (first, port), (second, same_port) = addresses(servers)
    assert (first, second) == ("127.0.0.1", "127.0.0.2")
    assert port == same_port != 0
    await closed(servers)


async def test_the_name_of_this_machine_is_one_port():
    servers = await listen(asyncio.Protocol, "localhost", 0)
    assert len({port for _, port in addresses(servers)}) == 1
    await closed(servers)


async def test_an_address_that_this_machine_does_not_have_is_left_out(resolve):
    """As ::1 where IPv6 is switched off. 192.0.2.1 is nobody's (RFC 5737)."""
    resolve("127.0.0.1", "192.0.2.1")
    servers = await listen(asyncio.Protocol, "localhost", 0)
    assert [address for address, _ in addresses(servers)] == ["127.0.0.1"]
    await closed(servers)


async def test_no_address_at_all_is_an_error(resolve):
    resolve("192.0.2.1")
    with pytest.raises(OSError, match=os.strerror(errno.EADDRNOTAVAIL)):
        await listen(asyncio.Protocol, "elsewhere", 0)


async def test_another_free_port_is_tried_when_one_is_taken_at_the_second_address(resolve, monkeypatch):
    resolve("127.0.0.1", "127.0.0.2")
    real, taken = socket.create_server, []

    def create_server(address, **options):
        if address[0] == "127.0.0.2" and not taken:
            taken.append(real(address))
        return real(address, **options)

    monkeypatch.setattr(socket, "create_server", create_server)
    servers = await listen(asyncio.Protocol, "localhost", 0)
    [other] = taken
    with other:
        found = addresses(servers)
        assert len({port for _, port in found}) == 1
        assert found[0][1] != other.getsockname()[1]
    await closed(servers)


async def test_a_port_that_is_taken_at_one_address_is_taken(resolve):
    resolve("127.0.0.1", "127.0.0.2")
    with socket.create_server(("127.0.0.2", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
            await listen(asyncio.Protocol, "localhost", port)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
