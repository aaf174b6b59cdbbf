"""Scenarios for the tests of runs and campaigns: one per way in which a run can end."""

import asyncio
import contextlib

from realtime.sim.fault_budget import VERBS, FaultBudget
from realtime.sim.fault_plan import FaultPlan
from realtime.sim.history import History
from realtime.sim.report import COUNTS, Report, Violation

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
    lines = []

    async def answer(reader, writer):
        while line := await reader.readline():
            lines.append(line)
        writer.close()

    server = await asyncio.start_server(answer, "server", 80)
    with world.on("phone"):
        _, writer = await asyncio.open_connection("server", 80)
        for n in range(5):
            writer.write(b"%d\n" % world.rng("numbers").getrandbits(16 + n))
            await asyncio.sleep(world.rng(f"pause {n}").random())
        writer.close()
    await asyncio.sleep(1)
    server.close()
    return len(lines)


async def with_settings(world, *, profile=None, trace=None):
    """Says which settings it got."""
    raise AssertionError(f"profile={profile} trace={trace}")


CALM = dict.fromkeys(VERBS, 0.0) | {"outage": 3.0, "reset": 1.0}


async def shouting_over_outages(world, *, faults=None):
    """A phone shouts on one connection, and cannot bear a reset."""
    budget = FaultBudget(per_minute=10, weights=CALM)
    plan = faults or FaultPlan.draw(world.rng("faults"), hosts=["phone", "other"], duration_s=60, budget=budget)

    async def listen(reader, writer):
        with contextlib.suppress(ConnectionResetError):
            while await reader.readline():
                pass

    server = await asyncio.start_server(listen, "server", 80)
    with world.on("phone"):
        reader, writer = await asyncio.open_connection("server", 80)
    plan.apply(world)
    while world.now_s < 60:
        writer.write(b"hello\n")
        await asyncio.sleep(1)
        assert not reader.at_eof(), "the connection is gone"
    server.close()
