"""What can be done to the hosts of a world."""

import asyncio
import math

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

from realtime.network.link import MS, NS, LinkConditions
from realtime.network.rate_trace import RateTrace
from realtime.network.traces import Trace
from realtime.sim.world import simulate
from tests.sim.websockets_pair import URL, echo, opened


def now():
    return asyncio.get_running_loop().time()


def test_a_reset_is_felt_at_both_ends_at_once():
    async def main(world):
        ws, ends = await opened(world)
        world.at(5).reset("ana")
        with pytest.raises(websockets.ConnectionClosedError) as caught:
            await ws.recv()
        felt = now()
        await ends[0].wait_closed()
        return felt, now(), type(caught.value.__cause__)

    assert simulate(main).result == (5.0, 5.0, ConnectionResetError)


def test_unplugged_both_ends_believe_in_the_connection():
    async def main(world):
        ws, ends = await opened(world)
        world.unplug("ana")
        await ws.send("into the void")
        await ends[0].send("into the void")
        await asyncio.sleep(600)
        states = ws.state.name, ends[0].state.name
        world.replug("ana")
        with world.on("ana"):
            second = await connect(URL, ping_interval=None)
        await second.send("again")
        assert await second.recv() == "again"
        await asyncio.sleep(600)
        return states, ws.state.name, ends[0].state.name

    assert simulate(main).result == (("OPEN", "OPEN"), "CLOSED", "CLOSED"), "after 924 s TCP gives up"


def test_unplugged_and_silent_it_stays_open_for_ever():
    async def main(world):
        ws, ends = await opened(world)
        await asyncio.sleep(1)
        world.unplug("ana")
        await asyncio.sleep(86_400)
        return ws.state.name, ends[0].state.name

    assert simulate(main).result == ("OPEN", "OPEN")


def test_while_unplugged_nobody_answers():
    async def main(world):
        await opened(world)
        world.unplug("ana")
        started = now()
        world.at(started + 4).replug("ana")
        with world.on("ana"):
            await connect(URL)
        return now() - started

    assert simulate(main).result == pytest.approx(7.2), "SYN at 0, 1, 3 and 7 s; then HTTP"


def test_a_partition_cuts_two_hosts_and_no_others():
    async def main(world):
        ws, _ = await opened(world)
        with world.on("ben"):
            other = await connect(URL, ping_interval=None)
        world.partition("ana", "server")
        await ws.send("a")
        await other.send("b")
        assert await other.recv() == "b"
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(60):
                await ws.recv()
        world.repair("ana", "server")
        return await ws.recv()

    assert simulate(main).result == "a"


def test_overlapping_outages_end_with_the_last():
    async def main(world):
        states = []
        world.at(1).outage("ana", for_s=10)
        world.at(2).outage("ana", for_s=2)
        world.at(20).outage("ana")
        world.at(21).outage("ana", for_s=100)
        world.at(30).restore("ana")
        for t in (0, 3, 5, 10.5, 11.5, 25, 31):
            await world.until(t)
            states.append(bool(world.uplink("ana").down and world.downlink("ana").down))
        return states

    assert simulate(main).result == [False, True, True, True, False, True, False]


def test_restore_does_not_replug():
    async def main(world):
        world.unplug("ana")
        world.outage("ana")
        world.restore("ana")
        down = bool(world.uplink("ana").down)
        world.replug("ana")
        return down, bool(world.uplink("ana").down)

    assert simulate(main).result == (True, False)


def test_conditions_and_profiles():
    async def main(world):
        world.set_conditions("ana", delay_ms=75, rate_kbps=100)
        world.set_conditions("ana", loss=0.1, up=LinkConditions(jitter_ns=7))
        first = world.uplink("ana").conditions, world.downlink("ana").conditions
        world.set_conditions("ana", rate_kbps=math.inf)
        world.at(3).set_profile("ana", "lte")
        await world.until(4)
        return first, world.downlink("ana").conditions

    first, lte = simulate(main).result
    assert first == (
        LinkConditions(jitter_ns=7, loss=0.1),
        LinkConditions(delay_ns=75 * MS, rate_bps=100_000, loss=0.1),
    )
    assert lte.rate_bps is not None


def test_a_partition_of_one_way_lets_the_other_pass():
    """The word is at the server at 1.05 s. Of its echo nothing is heard until a retransmission after the repair."""

    async def main(world):
        heard = []

        async def handler(ws):
            async for message in ws:
                heard.append(now())
                await ws.send(message)

        world.set_conditions("ana", delay_ms=50)
        await serve(handler, "server", 8765, ping_interval=None)
        with world.on("ana"):
            ws = await connect(URL, ping_interval=None)
        world.at(1).partition_oneway("server", "ana")
        world.at(3).repair("ana", "server")
        await world.until(1)
        await ws.send("hello")
        await ws.recv()
        return heard, now()

    # Sent back at 1.05 s, and again after an RTO of a little over 300 ms, doubled each time: until 3 s in vain.
    heard, arrived = simulate(main).result
    assert heard == [1.05]
    assert arrived == pytest.approx(1.05 + 0.3 * (1 + 2 + 4) + 0.05, abs=0.05)


def test_what_is_held_arrives_all_at_once_and_in_order():
    """Sent every 100 ms from 1 s on, released at 1.5 s, at the server at that instant, and back 50 ms later."""

    async def main(world):
        ws, _ = await opened(world)
        world.at(1).hold("ana", for_s=0.5)
        await world.until(1)
        heard = []
        for n in range(4):
            await ws.send(str(n))
            await asyncio.sleep(0.1)
        for _ in range(4):
            heard.append((await ws.recv(), now()))
        return heard

    assert simulate(main).result == [(str(n), 1.55) for n in range(4)]


def test_a_pair_is_held_and_others_are_not():
    async def main(world):
        ws, _ = await opened(world)
        with world.on("ben"):
            other = await connect(URL, ping_interval=None)
        await world.until(1)
        world.hold("server", "ana")
        await ws.send("a")
        await other.send("b")
        await other.recv()
        felt = now()
        world.at(4).release("ana", "server")
        await ws.recv()
        return felt, now()

    assert simulate(main).result == (1.0, 4.05)


def test_a_nat_that_forgets_leaves_both_ends_half_open():
    async def main(world):
        ws, ends = await opened(world)
        world.at(1).nat_expire("ana")
        await world.until(2)
        await ws.send("into the void")
        await ends[0].send("into the void")
        with world.on("ana"):
            second = await connect(URL, ping_interval=None)
        await second.send("again")
        heard = await second.recv()
        await world.until(600)
        states = ws.state.name, ends[0].state.name
        await world.until(1200)
        return heard, states, ws.state.name, ends[0].state.name

    assert simulate(main).result == ("again", ("OPEN", "OPEN"), "CLOSED", "CLOSED"), "after 924 s TCP gives up"


def test_another_network_has_another_address():
    async def main(world):
        ws, _ = await opened(world)
        world.at(1).change_network("ana", "edge")
        await world.until(2)
        await ws.send("into the void")
        with world.on("ana"):
            second = await connect(URL, ping_interval=None)
        await second.send("again")
        heard = await second.recv()
        await world.until(600)
        return heard, ws.state.name, world.network.host("ana").access.profile.name

    assert simulate(main).result == ("again", "OPEN", "edge")


def test_a_network_may_follow_a_trace():
    """A second of 8 kbit/s, a second of nothing, and so on."""
    trace = Trace("on and off", "made up", 2 * NS, up=RateTrace((0, NS), (8_000, 0), 2 * NS))

    async def main(world):
        world.at(10).follow("ana", trace)
        world.at(30).follow("ana", None)
        rates = []
        for t in (5, 10.5, 11.5, 12.5, 31):
            await world.until(t)
            rates.append(world.network.host("ana").access.sample(world.loop.now_ns).up_rate_bps)
        return rates

    assert simulate(main).result == [None, 8_000, 0, 8_000, None]


class Server:
    """An echo server that can crash."""

    async def start(self):
        await serve(echo, "server", 8765, ping_interval=None)


async def with_a_server(world):
    machine = world.machine("server", lambda machine: Server())
    world.set_conditions("ana", delay_ms=50)
    await machine.ready()
    with world.on("ana"):
        ws = await connect(URL, ping_interval=None)
    await world.until(1)
    return ws


async def the_end_of(ws):
    """When a connection ended, and of what."""
    with pytest.raises(websockets.ConnectionClosed) as caught:
        await ws.recv()
    return now(), type(caught.value.__cause__).__name__


def test_a_crash_is_silent_until_a_packet_meets_the_restarted_machine():
    """Sent at 2 s; the RTO is 300 ms at an RTT of 100, so again at 2.3, 2.9, 4.1, 6.5 and 11.3 s. It is up at 9 s."""

    async def main(world):
        ws = await with_a_server(world)
        world.crash("server")
        world.at(9).restart("server")
        await world.until(2)
        await ws.send("anybody?")
        ended = await the_end_of(ws)
        with world.on("ana"):
            second = await connect(URL, ping_interval=None)
        await second.send("you are back")
        return ended, await second.recv()

    assert simulate(main).result == ((11.4, "ConnectionResetError"), "you are back")


def test_while_crashed_nobody_answers():
    async def main(world):
        await with_a_server(world)
        world.crash("server", for_s=4)
        with world.on("ana"):
            await connect(URL)
        return now()

    assert simulate(main).result == pytest.approx(8.2), "SYN at 1, 2, 4 and 8 s; then HTTP"


def test_the_system_closes_the_connections_of_a_killed_process():
    async def main(world):
        ws = await with_a_server(world)
        world.kill_app("server")
        ended = await the_end_of(ws)
        with world.on("ana"), pytest.raises(ConnectionRefusedError):
            await connect(URL)
        return ended, now()

    (ended, _), refused = simulate(main).result
    assert ended == 1.05, "the end of the stream takes 50 ms"
    assert refused == pytest.approx(1.15), "the machine is up, and nobody listens"


def test_a_crash_and_a_kill_of_a_phone():
    """Crashed at 1 s, up again at 5; the server speaks at 9, and is told 50 ms there and back later that nobody knows
    its connection. The second one is closed by the phone's system at 10 s."""

    async def main(world):
        ends = []

        async def handler(ws):
            ends.append(ws)
            await ws.wait_closed()
            closed.append(now())

        class Phone:
            async def start(self):
                self.ws = await connect(URL, ping_interval=None)

        closed = []
        world.set_conditions("ana", delay_ms=50)
        await serve(handler, "server", 8765, ping_interval=None)
        await world.machine("ana", lambda machine: Phone()).ready()
        world.at(1).crash("ana", for_s=4)
        world.at(10).kill_app("ana", for_s=2)
        await world.until(9)
        before = [end.state.name for end in ends]
        await ends[0].send("anybody?")
        await world.until(20)
        return before, closed, [end.state.name for end in ends]

    before, closed, after = simulate(main).result
    assert before == ["OPEN", "OPEN"], "the server has heard nothing of the crash, and has said nothing"
    assert closed == [9.1, 10.05]
    assert after == ["CLOSED", "CLOSED", "OPEN"]


# -- nonsense


class Deaf:
    """An app that cannot be told of the background."""


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda verbs: verbs.set_conditions("ana", loss=2), "loss is a fraction"),
        (lambda verbs: verbs.set_conditions("ana", rate_kbps=0), "rate_kbps must be above 0"),
        (lambda verbs: verbs.set_conditions("ana", delay_ms=math.nan), "delay_ms"),
        (lambda verbs: verbs.set_conditions("ana", queue_bytes=0), "queue"),
        (lambda verbs: verbs.set_conditions("ana", up="lte"), "up.*LinkConditions.*'lte'"),
        (lambda verbs: verbs.set_profile("ana", "tle"), "no profile 'tle'"),
        (lambda verbs: verbs.set_profile("ana", 3), "profile is given by its name"),
        (lambda verbs: verbs.change_network("ana", "tle"), "no profile 'tle'"),
        (lambda verbs: verbs.change_network("ana", for_s=3), "needs the profile"),
        (lambda verbs: verbs.follow("ana", "no/such/trace.csv"), "no/such/trace.csv"),
        (lambda verbs: verbs.follow("ana", 3), "Trace, the path of one, or None, not 3"),
        (lambda verbs: verbs.outage(""), "named by a string"),
        (lambda verbs: verbs.outage(None), "named by a string, not by None"),
        (lambda verbs: verbs.outage("ana", for_s=0), "for_s must be .* above 0"),
        (lambda verbs: verbs.outage("ana", for_s=-1), "for_s"),
        (lambda verbs: verbs.outage("ana", for_s=math.inf), "for_s.*None for no end"),
        (lambda verbs: verbs.outage("ana", for_s=math.nan), "for_s"),
        (lambda verbs: verbs.hold("ana", for_s="3"), "for_s.*'3'"),
        (lambda verbs: verbs.partition("ana", "ana"), "two different hosts.*'ana' twice"),
        (lambda verbs: verbs.partition_oneway("ana", ""), "named by a string"),
        (lambda verbs: verbs.repair("ana", "ana"), "two different hosts"),
        (lambda verbs: verbs.hold("ana", "ana"), "two different hosts"),
        (lambda verbs: verbs.release("ana", 3), "named by a string"),
        (lambda verbs: verbs.crash("anna"), "no machine 'anna'; there are deaf"),
        (lambda verbs: verbs.kill_app("anna"), "no machine 'anna'"),
        (lambda verbs: verbs.restart("anna"), "no machine 'anna'"),
        (lambda verbs: verbs.background("anna"), "no machine 'anna'"),
        (lambda verbs: verbs.foreground("anna"), "no machine 'anna'"),
        (lambda verbs: verbs.background("deaf"), r"app of 'deaf'.*has no background\(\)"),
        (lambda verbs: verbs.crash("deaf", for_s=0), "for_s"),
    ],
)
@pytest.mark.parametrize("when", ["now", "later"])
def test_nonsense_is_refused_where_it_is_written(call, words, when):
    async def main(world):
        world.machine("deaf", lambda machine: Deaf())
        world.set_profile("ana", "wifi")
        with pytest.raises((ValueError, TypeError, OSError), match=words):
            call(world if when == "now" else world.at(5))
        await world.until(10)
        assert not world.faults_fired

    simulate(main)


@pytest.mark.parametrize("when", ["now", "later"])
@pytest.mark.parametrize(
    "verb",
    [
        lambda verbs: verbs.outage("anna", for_s=3),
        lambda verbs: verbs.restore("anna"),
        lambda verbs: verbs.partition("ana", "anna"),
        lambda verbs: verbs.partition_oneway("anna", "ana"),
        lambda verbs: verbs.hold("anna"),
        lambda verbs: verbs.release("ana", "anna"),
        lambda verbs: verbs.unplug("anna"),
        lambda verbs: verbs.reset("anna"),
        lambda verbs: verbs.nat_expire("anna"),
        lambda verbs: verbs.change_network("anna", "lte"),
    ],
)
def test_a_misspelt_host_is_refused_where_there_are_machines(when, verb):
    async def main(world):
        world.machine("ana", lambda machine: object())
        with world.on("relay"):
            pass
        with pytest.raises(ValueError, match="no host 'anna'; there are ana, relay"):
            verb(world if when == "now" else world.at(5))
        world.outage("relay", for_s=1)
        world.set_profile("anna", "lte")
        verb(world)

    simulate(main)


def test_a_trace_that_came_with_this_lab_is_followed_by_its_name():
    """So that a plan means the same wherever the lab is installed."""

    async def main(world):
        world.follow("ana", "traces/bus-lte.log")
        return world.network.host("ana").access.trace is not None

    assert simulate(main).result
