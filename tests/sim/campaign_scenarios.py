"""Scenarios for the tests of runs and campaigns: one per way in which a run can end."""

import asyncio
import os

from realtime.sim.fault_budget import VERBS, FaultBudget
from realtime.sim.fault_plan import Fault, FaultPlan
from realtime.sim.history import History
from realtime.sim.report import COUNTS, Latency, Report, Violation

NOTHING = dict.fromkeys(COUNTS, 0)


async def quiet(world):
    """Nothing to judge."""
    await asyncio.sleep(3)
    return "whatever"


async def talkative(world):
    print("hello from the scenario")


async def counting(world):
    """A report whose numbers follow from the seed."""
    await asyncio.sleep(1 + world.seed)
    counts = {**NOTHING, "attempted": 10 * world.seed, "acked": world.seed}
    return Report(counts=counts, violations=(), latencies={})


async def late(world):
    """Three deliveries, each as many seconds late as the seed says."""
    report = await counting(world)
    return Report(counts=report.counts, violations=(), latencies={"delivery": Latency.of([float(world.seed)] * 3)})


async def wrong_from_three(world):
    """Breaks a promise at seed 3 and above."""
    report = await counting(world)
    if world.seed < 3:
        return report
    lost = Violation("lost", f"message {world.seed} never came", 1.0)
    return Report(counts={**report.counts, "lost": 1}, violations=(lost,), latencies={})


async def noted(world):
    """A history without a verdict."""
    history = History(lambda: world.now_s)
    history.member("ana", "lobby")
    history.attempt("ana", "lobby", "m1")
    await asyncio.sleep(1)
    history.ok("m1", 1)
    return history


async def raising(world):
    await asyncio.sleep(2.5)
    raise ValueError("that was not foreseen")


async def waiting_for_ever(world):
    await asyncio.sleep(1)
    await asyncio.get_running_loop().create_future()


async def chattering(world):
    """Two hosts talk, so that the hashes are of something."""
    line = await lines(world, answers=True)
    for n in range(5):
        line.transport.write(b"%d" % world.rng("numbers").getrandbits(16 + n))
        await asyncio.sleep(world.rng(f"pause {n}").random())
    line.transport.close()


async def with_settings(world, *, profile=None, trace=None):
    """Says which settings it got."""
    raise AssertionError(f"profile={profile} trace={trace}")


CALM = dict.fromkeys(VERBS, 0.0) | {"outage": 3.0, "reset": 1.0}


class Line(asyncio.Protocol):
    """One end of a connection, which answers if it shall."""

    def __init__(self, answers=False):
        self.answers = answers
        self.heard = asyncio.Event()
        self.is_lost = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.heard.set()
        if self.answers:
            self.transport.write(data)

    def connection_lost(self, exc):
        self.is_lost = True


async def lines(world, *, answers=False):
    """A connection from a phone to a server; the phone's end."""
    loop = asyncio.get_running_loop()
    await loop.create_server(lambda: Line(answers), "server", 80)
    with world.on("phone"):
        _, line = await loop.create_connection(Line, "server", 80)
    return line


async def shouting_over_outages(world, *, faults=None):
    """A phone shouts on one connection, and cannot bear a reset."""
    budget = FaultBudget(per_minute=10, weights=CALM)
    plan = faults or FaultPlan.draw(world.rng("faults"), hosts=["phone", "other"], duration_s=60, budget=budget)
    line = await lines(world)
    plan.apply(world)
    while world.now_s < 60:
        line.transport.write(b"hello")
        await asyncio.sleep(1)
        assert not line.is_lost, "the connection is gone"
    line.transport.close()


async def plain_ping(world):
    """The seconds of one byte there and one back, by a scenario that knows of no options."""
    line = await lines(world, answers=True)
    began_s = world.now_s
    line.transport.write(b"?")
    await line.heard.wait()
    took_s = world.now_s - began_s
    line.transport.close()
    return took_s


async def ping_over_wifi(world):
    world.set_profile("phone", "wifi")
    return await plain_ping(world)


async def exiting(world):
    """Calls what a script calls that is content."""
    raise SystemExit(0)


async def cancelling(world):
    raise asyncio.CancelledError


async def failing_behind(world):
    """Its background fails."""
    world.spawn("main", raising(world), name="behind")
    await asyncio.sleep(10)


async def unprintable(world):
    raise ValueError("a file name \udcff that is no text\nand another line")


async def dying(world):
    """Takes its process along, as a crash in a C library does."""
    os._exit(7)


async def wanting_faults(world, *, faults=None):
    """Is broken by any outage; and in another way, where there is no fault at all."""
    drawn = FaultPlan((Fault(1.0, "outage", ("phone",), for_s=1.0), Fault(3.0, "reset", ("phone",))))
    plan = faults or drawn
    plan.apply(world)
    if not plan.faults:
        raise LookupError("nothing to do")
    await asyncio.sleep(5)
    assert not world.faults_fired["outage"], "an outage"


async def endless(world):
    """Says that it runs, and does not end."""
    print("running\n", end="", flush=True)  # in one write: several processes say it at once
    while True:
        await asyncio.sleep(1)
