"""The chaos proxy between real sockets."""

import asyncio
import random
import socket
import time

import pytest

from realtime.network.link import MS, LinkConditions
from realtime.network.profiles import ProfileError, profile
from realtime.network.proxy import ChaosProxy
from tests.network.sockets import Client, Server, nothing_comes, silent, until

SLOW_MS = 50
SLOW = LinkConditions(delay_ns=SLOW_MS * MS)
KB = 1000


@pytest.fixture
async def server():
    async with Server() as server:
        yield server


@pytest.fixture
async def proxy(server):
    """An unlimited proxy before an echo server."""
    async with ChaosProxy("127.0.0.1", server.port, rng=random.Random(7)) as proxy:
        yield proxy


async def test_without_a_profile_it_only_passes_bytes_on(proxy):
    async with Client(proxy.port) as client:
        assert min([await client.ask(b"hello") for _ in range(5)]) < 1  # the machine may be busy
    assert proxy.url == f"http://127.0.0.1:{proxy.port}"
    assert proxy.profile is None
    assert proxy.state == "online"


async def test_what_passes_is_counted(proxy):
    async with Client(proxy.port) as client:
        await client.ask(b"x" * 1234)
        stats = proxy.stats
        assert (stats.connections, stats.bytes_up, stats.bytes_down) == (1, 1234, 1234)
    await until(lambda: proxy.stats.connections == 0, "the connection ends")
    assert proxy.stats.accepted == 1


async def test_the_end_of_each_direction_comes_after_its_last_byte(proxy):
    """A client may end its direction and still read the answer."""
    payload = random.Random(3).randbytes(300_000)
    async with Client(proxy.port) as client:
        client.writer.write(payload)
        client.writer.write_eof()
        assert await client.reader.read(-1) == payload


async def test_a_server_that_closes_first_is_seen_to(server, proxy):
    async def greet(reader, writer):
        writer.write(b"bye")

    server.handler = greet
    async with Client(proxy.port) as client:
        assert await client.reader.read(-1) == b"bye"


async def test_every_byte_is_delayed_in_each_direction(proxy):
    proxy.set_conditions(down=SLOW, up=SLOW)
    async with Client(proxy.port) as client:
        connected = await client.ask()
        assert connected >= 4 * SLOW_MS / 1000, "two round trips: the connection's own handshake comes first"
        assert 2 * SLOW_MS / 1000 <= min([await client.ask() for _ in range(5)]) < 2


async def test_a_delay_in_one_direction_leaves_the_other_alone(server, proxy):
    proxy.set_conditions(up=SLOW)
    assert proxy.conditions("up") == SLOW
    assert proxy.conditions("down") == LinkConditions()
    async with Client(proxy.port) as client:
        await client.ask()
        assert SLOW_MS / 1000 <= min([await client.ask() for _ in range(5)]) < 2


async def test_a_profile_sets_both_directions(server):
    async with ChaosProxy("127.0.0.1", server.port, profile="lte") as proxy:
        assert proxy.profile == profile("lte")
        assert proxy.conditions("down") == profile("lte").down
        proxy.set_profile("3g")
        assert proxy.profile == profile("3g")
        assert proxy.conditions("up") == profile("3g").up
        proxy.set_profile(profile("wifi"))
        assert proxy.conditions("up") == profile("wifi").up
        proxy.set_conditions(down=SLOW)
        assert proxy.profile is None, "the figures are no longer those of the profile"
        assert proxy.conditions("up") == profile("wifi").up
        proxy.set_profile(None)
        assert proxy.conditions("down") == LinkConditions()


async def test_an_unknown_profile_or_direction_is_refused(proxy):
    with pytest.raises(ProfileError, match="lte"):
        ChaosProxy("127.0.0.1", 1, profile="lteee")
    with pytest.raises(ProfileError):
        proxy.set_profile("nope")
    with pytest.raises(ValueError, match="'down' or 'up'"):
        proxy.conditions("left")


@pytest.mark.clause("RT-NET-2")
async def test_loss_is_a_stall_and_never_a_missing_byte(proxy):
    lossy = LinkConditions(delay_ns=MS, loss=0.05)
    proxy.set_conditions(down=lossy, up=lossy)
    payload = random.Random(5).randbytes(1_000_000)
    async with Client(proxy.port) as client:
        await client.ask()
        asked = asyncio.ensure_future(client.reader.readexactly(len(payload)))
        client.writer.write(payload)
        assert await asyncio.wait_for(asked, 50) == payload
    assert proxy.stats.drops_up > 10
    assert proxy.stats.drops_down > 10


@pytest.mark.clause("RT-NET-2")
async def test_a_lost_byte_costs_a_retransmission_timeout(server, proxy):
    async with Client(proxy.port) as client:
        await client.ask()
        proxy.set_conditions(up=LinkConditions(loss=1.0))
        began = time.monotonic()
        client.writer.write(b"x")
        await until(lambda: proxy.stats.drops_up > 0, "the byte is lost")
        proxy.set_conditions(up=LinkConditions())
        assert await client.reader.readexactly(1) == b"x"
        assert time.monotonic() - began >= 0.2, "it waits for the sender's timer"


async def test_the_rate_limits_a_transfer(proxy):
    proxy.set_conditions(down=LinkConditions(rate_bps=1_600_000, queue_bytes=10**6))
    async with Client(proxy.port) as client:
        assert 0.5 <= await client.ask(bytes(100 * KB)) < 20, "100 kB at 200 kB/s"


async def test_the_rate_is_shared_by_all_connections(proxy):
    proxy.set_conditions(down=LinkConditions(rate_bps=1_600_000, queue_bytes=10**6))
    async with Client(proxy.port) as one, Client(proxy.port) as other:
        times = await asyncio.gather(one.ask(bytes(50 * KB)), other.ask(bytes(50 * KB)))
        assert 0.5 <= max(times) < 20, "100 kB at 200 kB/s"


async def test_a_sender_is_held_back_when_the_path_is_slow(server, proxy):
    proxy.set_conditions(up=LinkConditions(rate_bps=80_000))
    loop = asyncio.get_running_loop()
    with socket.create_connection(("127.0.0.1", proxy.port)) as sender:
        sender.setblocking(False)
        sent, full_since = 0, None
        while full_since is None or loop.time() - full_since < 0.5:
            try:
                sent += sender.send(bytes(65536))
                full_since = None
            except BlockingIOError:
                full_since = full_since or loop.time()
                await asyncio.sleep(0.01)
            assert sent < 64_000_000, "the proxy takes everything"
        assert proxy.stats.bytes_up < 1_000_000


async def test_a_receiver_that_does_not_read_holds_the_sender_back():
    async with Server(silent) as server, ChaosProxy("127.0.0.1", server.port) as proxy, Client(proxy.port) as client:
        await server.peer()
        sent = 0
        while client.writer.transport.get_write_buffer_size() == 0:
            client.writer.write(bytes(65536))
            sent += 65536
            await asyncio.sleep(0)
            assert sent < 256_000_000, "the proxy takes everything"
        client.writer.transport.abort()


@pytest.mark.clause("RT-NET-1")
async def test_conditions_change_for_all_live_connections_at_once(proxy):
    async with Client(proxy.port) as one, Client(proxy.port) as other:
        await asyncio.gather(one.ask(), other.ask())
        proxy.set_conditions(down=SLOW, up=SLOW)
        slow = await asyncio.gather(one.ask(), other.ask())
        proxy.set_profile(None)
        fast = [min([await client.ask() for _ in range(5)]) for client in (one, other)]  # the machine may be busy
    assert min(slow) >= 2 * SLOW_MS / 1000
    assert max(fast) < min(slow)


@pytest.mark.clause("RT-NET-3")
async def test_offline_stalls_and_online_resumes(server, proxy):
    async with Client(proxy.port) as old:
        await old.ask()
        proxy.offline()
        assert proxy.state == "offline"
        old.writer.write(b"waits")
        async with Client(proxy.port) as new:
            new.writer.write(b"hello?")
            await asyncio.gather(nothing_comes(old.reader), nothing_comes(new.reader))
            assert len(server.peers) == 1, "a new connection is not answered"
            proxy.online()
            assert proxy.state == "online"
            assert await asyncio.wait_for(old.reader.readexactly(5), 10) == b"waits"
            assert await asyncio.wait_for(new.reader.readexactly(6), 10) == b"hello?"


@pytest.mark.clause("RT-NET-3")
async def test_unplugged_connections_stay_half_open_for_ever(server, proxy):
    async with Client(proxy.port) as old:
        await old.ask()
        _, at_server = server.peers[0]
        proxy.unplug()
        assert proxy.state == "unplugged"
        old.writer.write(b"into the void")
        at_server.write(b"into the void")
        async with Client(proxy.port) as new:
            new.writer.write(b"hello?")
            await asyncio.gather(nothing_comes(old.reader), nothing_comes(new.reader))
            proxy.replug()
            assert proxy.state == "online"
            assert await asyncio.wait_for(new.reader.readexactly(6), 10) == b"hello?"
            old.writer.write(b"still there?")
            await nothing_comes(old.reader)
            assert not at_server.is_closing()


@pytest.mark.clause("RT-NET-3")
async def test_an_end_does_not_cross_an_unplugged_path(server, proxy):
    async with Client(proxy.port) as leaving, Client(proxy.port) as staying:
        await leaving.ask()
        await staying.ask()
        proxy.unplug()
        leaving.writer.close()
        server.peers[1][1].close()
        await nothing_comes(staying.reader)
        reader, at_server = server.peers[0]
        assert not reader.at_eof()
        assert not at_server.is_closing()


@pytest.mark.clause("RT-NET-3")
async def test_reset_reaches_both_ends_as_a_reset(server, proxy):
    async with Client(proxy.port) as one, Client(proxy.port) as other:
        await asyncio.gather(one.ask(), other.ask())
        proxy.reset()
        for client in (one, other):
            with pytest.raises(ConnectionResetError):
                await client.reader.read(1)
        await until(lambda: len(server.errors) == 2, "the server sees both resets")
        assert all(isinstance(error, ConnectionResetError) for error in server.errors)
        assert proxy.stats.connections == 0
        async with Client(proxy.port) as next_one:
            await next_one.ask()


async def test_a_peers_reset_reaches_the_other_end(server, proxy):
    async with Client(proxy.port) as client:
        await client.ask()
        at_server = server.peers[0][1]
        at_server.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        at_server.transport.abort()
        with pytest.raises(ConnectionResetError):
            await client.reader.read(1)


async def test_a_refused_upstream_resets_the_client():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: connections are refused
        async with ChaosProxy("127.0.0.1", taken.getsockname()[1]) as proxy, Client(proxy.port) as client:
            with pytest.raises(ConnectionResetError):
                await client.reader.read(1)
            await until(lambda: proxy.stats.connections == 0, "the connection is forgotten")


async def test_a_client_that_gives_up_while_offline_is_forgotten(server, proxy):
    proxy.offline()
    async with Client(proxy.port) as client:
        await until(lambda: proxy.stats.connections == 1, "it is accepted")
        client.writer.transport.abort()
    proxy.online()
    await until(lambda: proxy.stats.connections == 0, "the connection is forgotten")
    assert server.peers == [], "a server hears nothing of a client that is long gone"


async def test_large_transfers_through_an_unlimited_proxy_are_fast(proxy):
    payload = random.Random(9).randbytes(1_000_000) * 16
    async with Client(proxy.port) as client:
        asked = asyncio.ensure_future(client.reader.readexactly(len(payload)))
        began = time.monotonic()
        client.writer.write(payload)
        assert await asyncio.wait_for(asked, 50) == payload
    assert time.monotonic() - began < 32, "0.5 MB/s each way is a broken proxy, whatever else this machine does"


@pytest.mark.parametrize("state", ["online", "offline", "unplugged"])
async def test_stop_leaves_no_task_and_no_socket(server, state):
    proxy = ChaosProxy("127.0.0.1", server.port, profile="2g")
    await proxy.start()
    async with Client(proxy.port) as client:
        client.writer.write(bytes(100_000))
        await until(lambda: proxy.stats.connections == 1, "it is accepted")
        if state != "online":
            {"offline": proxy.offline, "unplugged": proxy.unplug}[state]()
        port = proxy.port
        await proxy.stop()
        await proxy.stop()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert proxy.stats.connections == 0
        mine = {task for task in asyncio.all_tasks() if "proxy" in repr(task.get_coro())}
        assert not mine - {asyncio.current_task()}


async def test_a_stopped_proxy_keeps_its_port_when_started_again(server):
    proxy = ChaosProxy("127.0.0.1", server.port)
    async with proxy:
        port = proxy.port
    async with proxy:
        assert proxy.port == port
        async with Client(port) as client:
            await client.ask()


async def test_before_start_it_has_no_port():
    with pytest.raises(RuntimeError, match="start"):
        _ = ChaosProxy("127.0.0.1", 1).port


async def test_its_repr_tells_the_state(proxy, server):
    assert proxy.label == "unlimited"
    proxy.set_conditions(up=SLOW)
    assert proxy.label == "custom"
    proxy.set_profile("lte")
    proxy.offline()
    assert repr(proxy) == f"<ChaosProxy 127.0.0.1:{proxy.port} → 127.0.0.1:{server.port} lte offline connections=0>"
