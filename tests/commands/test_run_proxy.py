"""`realtime proxy`: someone's app, someone's server, and a bad network in between."""

import asyncio
import contextlib
import signal
import socket

import pytest

from realtime.commands.run_proxy import describe
from realtime.network.link import LinkConditions
from realtime.network.profiles import Profile, profile
from tests.processes import REALTIME, Child


async def echo(reader, writer):
    with contextlib.suppress(ConnectionResetError):
        while data := await reader.read(1000):
            writer.write(data)
    writer.close()


@pytest.fixture
async def upstream():
    """The address of an echo server."""
    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


def proxy_to(upstream, *options):
    return Child(REALTIME, "proxy", "--listen", "127.0.0.1:0", "--upstream", upstream, *options)


async def connected(child):
    port = int((await child.matching(r"http://127\.0\.0\.1:(\d+)"))[1])
    return await asyncio.open_connection("127.0.0.1", port)


async def test_bytes_pass_with_the_delay_of_the_profile(upstream):
    async with proxy_to(upstream, "--profile", "lte") as child:
        reader, writer = await connected(child)
        loop = asyncio.get_running_loop()
        began = loop.time()
        writer.write(b"hello")
        assert await asyncio.wait_for(reader.readexactly(5), 20) == b"hello"
        assert loop.time() - began >= profile("lte").rtt_s
        writer.close()
        child.signal(signal.SIGTERM)
        assert await child.ended() == 0
        assert child.errors == []
        assert child.lines[0].startswith("Proxy http://127.0.0.1:")
        assert f"to {upstream}, {describe(profile('lte'))}. " in child.lines[0]


def test_a_profile_is_described_in_units_for_people():
    down = LinkConditions(rate_bps=12_000_000, delay_ns=25_000_000)
    up = LinkConditions(rate_bps=768_000, delay_ns=40_000_000, loss=0.015)
    assert describe(Profile("x", "X", down, up, "nowhere")) == (
        "profile x: down 12 Mbit/s, up 768 kbit/s, RTT 65 ms, loss 1.5 %"
    )
    assert describe(Profile("y", "Y", LinkConditions(), LinkConditions(), "nowhere")) == (
        "profile y: down unlimited, up unlimited, RTT 0 ms"
    )
    assert describe(None) == "without limits"


async def test_lines_on_standard_input_change_the_network(upstream):
    async with proxy_to(upstream) as child:
        reader, writer = await connected(child)
        writer.write(b"a")
        assert await asyncio.wait_for(reader.readexactly(1), 20) == b"a"
        await child.write("offline")
        await child.matching("offline")
        await child.write("online")
        await child.matching("online")
        await child.write("profile 3g")
        await child.matching("profile 3g")
        await child.write("reset")
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1), 20)
        writer.close()
        await child.write("dance")
        await child.matching("offline, online, unplug, replug, reset, profile NAME, stats")
        await child.write("profile 9g")
        await child.matching("no profile '9g'")
        await child.write("stats")
        await child.matching("0 open of 1 connections, 1 bytes up, 1 bytes down")


async def test_the_end_of_standard_input_is_not_the_end_of_the_proxy(upstream):
    async with proxy_to(upstream) as child:
        await child.matching("Proxy")
        child.close_input()
        reader, writer = await connected(child)
        writer.write(b"a")
        assert await asyncio.wait_for(reader.readexactly(1), 20) == b"a"
        writer.close()


async def test_an_unknown_profile_is_refused_with_the_names_there_are(upstream):
    async with proxy_to(upstream, "--profile", "9g") as child:
        assert await child.ended() == 2
        assert "lte" in child.errors[0]


async def test_a_port_that_is_taken_is_named(upstream):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        async with Child(REALTIME, "proxy", "--listen", f":{port}", "--upstream", upstream) as child:
            assert await child.ended() == 1
            assert child.errors[0].startswith(f"realtime proxy: 127.0.0.1:{port} is taken")
