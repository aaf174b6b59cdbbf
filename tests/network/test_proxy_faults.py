"""What may happen to a network, live: to all connections at once, and while they run."""

import asyncio
import random
import time

import pytest

from realtime.network.link import MS, NS, LinkConditions
from realtime.network.profiles import Profile, load_profiles, profile
from realtime.network.proxy import ChaosProxy
from realtime.network.radio import Interruptions, Promotion, RadioConditions
from realtime.network.rate_trace import RateTrace
from realtime.network.traces import Trace, load_trace
from realtime.utils.share import share_path
from tests.network.sockets import Client, Server, nothing_comes, silent, until

KB = 1000
SLOW = LinkConditions(delay_ns=50 * MS)


@pytest.fixture
async def server():
    async with Server() as server:
        yield server


@pytest.fixture
async def proxy(server):
    """An unlimited proxy before an echo server."""
    async with ChaosProxy("127.0.0.1", server.port, rng=random.Random(7)) as proxy:
        yield proxy


def trace_of(rate_bps, up_bps=None):
    """A trace of one rate for ever."""
    up = None if up_bps is None else RateTrace([0], [up_bps], NS)
    return Trace(name="a ride", source="here", down=RateTrace([0], [rate_bps], NS), up=up, duration_ns=NS)


async def test_bytes_pass_through_every_profile(server):
    """Radio, bursts and hand-overs included: it may take its time, and nothing is lost."""

    async def try_out(name):
        async with ChaosProxy("127.0.0.1", server.port, profile=name, rng=random.Random(3)) as proxy:
            assert (proxy.label, proxy.state) == (name, "online")
            began = time.monotonic()
            async with Client(proxy.port) as client:
                await client.ask(b"hello")
            assert time.monotonic() - began >= 2 * profile(name).rtt_s, "the handshake and the question"

    async with asyncio.timeout(50), asyncio.TaskGroup() as all_at_once:
        for name in load_profiles():
            all_at_once.create_task(try_out(name))


async def test_an_outage_ends_by_itself(proxy):
    async with Client(proxy.port) as client:
        await client.ask()
        began = time.monotonic()
        proxy.outage(0.3)
        assert proxy.state == "outage"
        await client.ask()
        assert time.monotonic() - began >= 0.3
        assert proxy.state == "online"


async def test_outages_that_overlap_end_with_the_last(proxy):
    proxy.outage(0.05)
    proxy.outage(60)
    sample = proxy.sample()
    assert sample.is_down
    await asyncio.sleep(0.1)
    assert proxy.state == "outage"


@pytest.mark.parametrize("for_s", [0, -1, float("nan"), float("inf")])
async def test_an_outage_has_a_length(proxy, for_s):
    with pytest.raises(ValueError, match="for_s is a number of seconds above 0"):
        proxy.outage(for_s)
    assert proxy.state == "online"


async def test_a_partition_towards_the_phone_leaves_the_other_direction(server, proxy):
    server.handler = silent
    async with Client(proxy.port) as client:
        reader, writer = await server.peer()
        proxy.partition_oneway("down")
        assert proxy.state == "partitioned"
        client.writer.write(b"heard")
        assert await asyncio.wait_for(reader.readexactly(5), 20) == b"heard"
        writer.write(b"not heard")
        await nothing_comes(client.reader)
        proxy.repair()
        assert proxy.state == "online"
        assert await asyncio.wait_for(client.reader.readexactly(9), 20) == b"not heard"


async def test_a_partition_from_the_phone_leaves_the_other_direction(server, proxy):
    server.handler = silent
    async with Client(proxy.port) as client:
        reader, writer = await server.peer()
        proxy.partition_oneway("up")
        client.writer.write(b"not heard")
        writer.write(b"heard")
        assert await asyncio.wait_for(client.reader.readexactly(5), 20) == b"heard"
        await nothing_comes(reader)
        proxy.repair()
        assert await asyncio.wait_for(reader.readexactly(9), 20) == b"not heard"


async def test_a_partition_is_both_ways_unless_said_otherwise(proxy):
    async with Client(proxy.port) as client:
        await client.ask()
        proxy.partition()
        client.writer.write(b"x")
        await nothing_comes(client.reader)
        proxy.repair()
        assert await asyncio.wait_for(client.reader.readexactly(1), 20) == b"x"


async def test_a_direction_has_a_name(proxy):
    with pytest.raises(ValueError, match="'down' or 'up', not 'left'"):
        proxy.partition_oneway("left")


async def test_what_is_held_comes_at_once_when_it_is_released(proxy):
    """Unlike after an outage: nothing was lost, so nobody waits for a retransmission."""
    async with Client(proxy.port) as one, Client(proxy.port) as other:
        await asyncio.gather(one.ask(), other.ask())
        proxy.hold()
        assert proxy.state == "held"
        one.writer.write(b"1")
        other.writer.write(b"2")
        await asyncio.gather(nothing_comes(one.reader), nothing_comes(other.reader))
        proxy.release()
        assert proxy.state == "online"
        async with asyncio.timeout(20):
            assert (await one.reader.readexactly(1), await other.reader.readexactly(1)) == (b"1", b"2")


@pytest.mark.parametrize("fault", ["change_address", "nat_expire"])
@pytest.mark.parametrize("conditions", [None, SLOW], ids=["unlimited", "slow"])
async def test_a_lost_address_leaves_live_connections_half_open_and_new_ones_work(server, proxy, fault, conditions):
    proxy.set_conditions(down=conditions, up=conditions)
    async with Client(proxy.port) as old:
        await old.ask()
        reader, at_server = server.peers[0]
        getattr(proxy, fault)()
        assert proxy.state == "online"
        old.writer.write(b"still there?")
        at_server.write(b"still there?")
        async with Client(proxy.port) as new:
            await asyncio.gather(new.ask(), nothing_comes(old.reader))
        assert not reader.at_eof()
        assert not at_server.is_closing()


async def test_a_nat_forgets_a_connection_that_is_silent_for_too_long(server):
    brief = Profile("brief", "Brief", SLOW, SLOW, "here", radio=RadioConditions(nat_idle_ns=300 * MS))
    async with ChaosProxy("127.0.0.1", server.port) as proxy, Client(proxy.port) as client:
        await client.ask()
        proxy.set_profile(brief)
        await nothing_comes(client.reader, for_s=0.5)
        client.writer.write(b"x")
        await nothing_comes(client.reader)


async def test_an_idle_radio_has_to_wake(server):
    sleepy = Profile(
        "sleepy", "Sleepy", SLOW, SLOW, "here", radio=RadioConditions(promotions=(Promotion(300 * MS, 400 * MS),))
    )
    async with ChaosProxy("127.0.0.1", server.port, profile=sleepy) as proxy, Client(proxy.port) as client:
        await client.ask()
        await nothing_comes(client.reader, for_s=0.5)
        before = proxy.sample()
        assert before.radio == "idle"
        assert await client.ask() >= 0.5, "0.4 s to wake, and a round trip of 0.1 s"
        assert 0 < before.radio_on_ns < proxy.sample().radio_on_ns < 50 * NS, "its clock begins with the proxy"


async def test_a_radio_that_is_out_of_coverage_stalls_and_loses_nothing(server):
    """One packet in ten meets an outage of 30 ms, as many a hand-over."""
    holes = Interruptions(mean_between_ns=270 * MS, median_ns=30 * MS)
    patchy = Profile("patchy", "Patchy", SLOW, SLOW, "here", radio=RadioConditions(outages=holes, handovers=holes))
    proxy = ChaosProxy("127.0.0.1", server.port, profile=patchy, rng=random.Random(5))
    async with asyncio.timeout(50), proxy, Client(proxy.port) as client:
        while proxy.stats.drops_up + proxy.stats.drops_down == 0:
            await client.ask(random.Random(1).randbytes(5 * KB))
        await client.ask(b"and goes on")


async def test_a_trace_sets_the_rate_of_each_direction(proxy):
    """100 kB take 0.5 s at 200 kB/s; the server answers while it reads."""
    proxy.follow(trace_of(1_600_000, 1_600_000))
    assert (proxy.label, proxy.trace.name) == ("a ride", "a ride")
    assert proxy.sample().down_rate_bps == proxy.sample().up_rate_bps == 1_600_000
    async with Client(proxy.port) as client:
        assert 0.5 <= await client.ask(bytes(100 * KB)) < 20
    proxy.follow(None)
    assert (proxy.label, proxy.trace) == ("unlimited", None)


async def test_a_trace_keeps_the_delay_of_the_profile(server):
    async with ChaosProxy("127.0.0.1", server.port, profile="3g") as proxy:
        proxy.follow(trace_of(64_000))
        assert proxy.sample().rtt_ns == 300 * MS
        assert proxy.sample().down_rate_bps == 64_000
        assert proxy.sample().up_rate_bps == 768_000
        proxy.follow(None)
        assert (proxy.label, proxy.sample().down_rate_bps) == ("3g", 1_600_000)


async def test_bytes_pass_through_every_trace_that_has_rates(server):
    traces = [load_trace(path) for path in sorted((share_path("data") / "traces").iterdir())]
    traces = [trace for trace in traces if trace.down is not None or trace.up is not None]
    assert len(traces) >= 3

    async def try_out(trace):
        async with ChaosProxy("127.0.0.1", server.port, trace=trace, rng=random.Random(3)) as proxy:
            async with Client(proxy.port) as client:
                await client.ask(bytes(2 * KB))
            assert proxy.label == trace.name

    async with asyncio.timeout(50), asyncio.TaskGroup() as all_at_once:
        for trace in traces:
            all_at_once.create_task(try_out(trace))


async def test_a_trace_of_the_constructor_begins_with_the_proxy(server):
    async with ChaosProxy("127.0.0.1", server.port, profile="3g", trace=trace_of(64_000)) as proxy:
        assert (proxy.label, proxy.profile.name, proxy.sample().down_rate_bps) == ("a ride", "3g", 64_000)


async def test_a_rate_chosen_by_hand_ends_a_trace(proxy):
    proxy.follow(trace_of(64_000, 64_000))
    proxy.set_conditions(down=LinkConditions(rate_bps=1000), up=LinkConditions())
    assert (proxy.trace, proxy.label) == (None, "custom")


async def test_a_change_of_one_direction_leaves_the_trace_of_the_other(proxy):
    proxy.follow(trace_of(64_000, 32_000))
    proxy.set_conditions(down=LinkConditions(rate_bps=1000))
    assert (proxy.sample().down_rate_bps, proxy.sample().up_rate_bps) == (1000, 32_000)
    assert proxy.label == "custom"


async def test_a_trace_without_rates_is_refused(proxy):
    with pytest.raises(ValueError, match="'a walk' has no rates"):
        proxy.follow(Trace(name="a walk", source="here", duration_ns=NS))


async def test_a_change_reaches_what_is_already_waiting(proxy):
    """100 kB at 4 kB/s would take 25 seconds."""
    proxy.set_conditions(down=LinkConditions(rate_bps=32_000, queue_bytes=10**6))
    async with Client(proxy.port) as client:
        asked = asyncio.ensure_future(client.ask(bytes(100 * KB)))
        await until(lambda: proxy.stats.bytes_down > 0, "it trickles")
        proxy.set_profile(None)
        assert await asyncio.wait_for(asked, 40) < 20


async def test_a_server_that_speaks_first_is_heard_after_two_round_trips(server, proxy):
    """SYN, SYN+ACK and ACK must have passed before a server knows of the connection."""

    async def greet(reader, writer):
        writer.write(b"220 welcome")
        await reader.read()

    server.handler = greet
    proxy.set_conditions(down=SLOW, up=SLOW)
    began = time.monotonic()
    async with Client(proxy.port) as client:
        assert await asyncio.wait_for(client.reader.readexactly(11), 20) == b"220 welcome"
        assert time.monotonic() - began >= 0.2


async def test_time_stands_still_while_it_is_stopped(server):
    """An outage of a minute is not over because nobody was there to see it."""
    proxy = ChaosProxy("127.0.0.1", server.port)
    async with proxy:
        proxy.outage(60)
        before_ns = proxy.now_ns()
    assert proxy.state == "outage"
    async with proxy:
        assert before_ns <= proxy.now_ns() < before_ns + 50 * NS
        assert proxy.state == "outage"
