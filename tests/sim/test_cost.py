"""What a message costs the simulator, in calls of Python functions: load on the machine does not change that number."""

import asyncio
import sys
from collections import Counter

from realtime.network.link import MS, LinkConditions
from realtime.sim.world import simulate

MESSAGES = 100
LTE = LinkConditions(rate_bps=20_000_000, delay_ns=25 * MS, jitter_ns=5 * MS)


class Calls:
    """Counts calls in the simulator and its network."""

    def __init__(self):
        self.of = Counter()

    def __call__(self, frame, event, arg):
        code = frame.f_code
        if event == "call" and ("/realtime/sim/" in code.co_filename or "/realtime/network/" in code.co_filename):
            self.of[code.co_qualname] += 1


class Sink(asyncio.Protocol):
    """Reads, and says nothing."""

    received = 0

    def data_received(self, data):
        self.received += 1


async def one_way(world):
    """Messages from a server to an idle phone, a second apart; returns the calls that they took."""
    loop, sink, ends = world.loop, Sink(), []

    class Server(asyncio.Protocol):
        def connection_made(self, transport):
            ends.append(transport)

    with world.on("server"):
        await loop.create_server(Server, "server", 80)
    world.uplink("phone").change(0, LTE)
    world.downlink("phone").change(0, LTE)
    with world.on("phone"):
        await loop.create_connection(lambda: sink, "server", 80)
    await asyncio.sleep(1)
    calls = Calls()
    for number in range(MESSAGES):
        loop.call_later(number, ends[0].write, b"x" * 200)
    loop.call_later(-0.0, sys.setprofile, calls)
    await asyncio.sleep(MESSAGES)
    sys.setprofile(None)
    assert sink.received == MESSAGES
    return calls.of


def test_a_message_to_an_idle_phone_wakes_its_connection_three_times():
    """It arrives; 40 ms later its acknowledgement leaves; which arrives."""
    calls = simulate(one_way).result
    assert calls["SimConnection._on_timer"] == 3 * MESSAGES


def test_a_message_to_an_idle_phone_costs_few_calls():
    """Two packets, three wakes, one read; once it was 34. Whoever needs more has a reason, and says it here."""
    calls = simulate(one_way).result
    assert calls.total() <= 28 * MESSAGES
