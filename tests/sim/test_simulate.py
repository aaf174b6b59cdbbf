"""One run among many: what decides about its packets, what must hold in it, and how to have it again."""

import asyncio
import shlex
import subprocess
import sys

import pytest

from realtime.sim.fault_plan import Fault, FaultPlan
from realtime.sim.rules import drop
from realtime.sim.world import Broken, simulate
from tests.sim.test_determinism import crowd
from tests.sim.websockets_pair import opened

pytestmark = pytest.mark.untraced


def now():
    return asyncio.get_running_loop().time()


# -- rules, and what must hold


@pytest.mark.clause("RT-SIM-6")
def test_a_rule_decides_about_packets_between_hosts():
    """The second data packet from the server is lost; the RTO is 300 ms at an RTT of 100."""

    async def main(world):
        ws, _ = await opened(world)
        seen = []
        with world.rule(seen.append), world.rule(drop(nth=2, kind="data", source="server")):
            times = []
            for _ in range(3):
                sent = now()
                await ws.send("hello")
                await ws.recv()
                times.append(round(now() - sent, 3))
        inside = len(seen)
        await ws.send("unseen")
        await ws.recv()
        return times, [(packet.source, packet.kind) for packet in seen[:2]], len(seen) - inside

    times, first, outside = simulate(main).result
    assert times[0] == times[2] == 0.1
    assert times[1] == pytest.approx(0.4)
    assert first == [("ana", "data"), ("server", "data")]
    assert outside == 0


@pytest.mark.clause("RT-SIM-7")
def test_what_must_always_hold_fails_the_run_with_all_that_is_needed_to_see_it_again():
    async def main(world):
        world.always(lambda: world.now_s < 3, "it is early")
        await world.until(2)
        await world.until(5)
        await world.until(9)

    with pytest.raises(Broken) as caught:
        simulate(main, seed=7)
    assert str(caught.value) == (
        "it is early does not hold; at 5.000000000 s of seed 7; to see it again: simulate(main, seed=7)"
    )
    with pytest.raises(Broken, match="at 5"):
        simulate(lambda world: always_until(world, 5), seed=7)


async def always_until(world, t_s):
    world.always(lambda: world.now_s < 3)
    await world.until(t_s)  # the script ends with the instant


@pytest.mark.clause("RT-SIM-7")
def test_what_must_happen_in_time():
    async def main(world):
        ws, ends = await opened(world)
        world.at(3).reset("ana")
        state = await world.eventually(lambda: ws.state.name == "CLOSED" and ws.state, within_s=10)
        assert (state.name, now()) == ("CLOSED", 3.0)
        await world.eventually(lambda: False, within_s=10, name="the impossible")

    with pytest.raises(Broken, match=r"the impossible did not happen within 10 s; at 13\.0+ s of seed 0; to see it"):
        simulate(main)


# -- the same again


@pytest.mark.clause("RT-SIM-8")
def test_a_shuffled_run_is_another_and_repeats_itself():
    plain, first, second = (simulate(crowd, seed=1, shuffle=shuffle) for shuffle in (False, True, True))
    assert (first.hash, first.timing_hash, first.result) == (second.hash, second.timing_hash, second.result)
    assert first.hash != plain.hash
    assert first.replay_command == "realtime sim tests.sim.test_determinism:crowd --seed 1 --shuffle"
    assert plain.replay_command == "realtime sim tests.sim.test_determinism:crowd --seed 1"


async def with_options(world, *, profile="lte", faults=None):
    """Takes two options by name, and finds all of them in the world."""
    return profile, faults, dict(world.options)


PLAN = FaultPlan((Fault(1.0, "outage", ("ana",), for_s=2.0),))


def test_options_reach_the_scenario_and_the_line_that_repeats_the_run():
    run = simulate(with_options, seed=3, options={"profile": "edge", "trace": None})
    assert run.result == ("edge", None, {"profile": "edge"})
    assert run.replay_command == "realtime sim tests.sim.test_simulate:with_options --seed 3 --profile edge"
    run = simulate(with_options, options={"faults": PLAN.to_json(), "phones": 3})
    assert run.result == ("lte", PLAN, {"faults": PLAN, "phones": 3})
    assert simulate(with_options).result == ("lte", None, {})


def test_options_cannot_be_changed():
    async def main(world):
        world.options["profile"] = "lte"

    with pytest.raises(TypeError):
        simulate(main, options={"phones": 3})


@pytest.mark.clause("RT-SIM-2")
def test_a_failure_of_a_named_scenario_is_repeated_by_a_command():
    with pytest.raises(ZeroDivisionError) as caught:
        simulate(fails_at_once, seed=11, shuffle=True)
    [note] = caught.value.__notes__
    assert note.endswith("to see it again: realtime sim tests.sim.test_simulate:fails_at_once --seed 11 --shuffle")


async def fails_at_once(world):
    raise ZeroDivisionError


@pytest.mark.clause("RT-SIM-2")
def test_the_command_repeats_the_run_in_another_process():
    """As somebody who got the line would: by its words, with nothing else of this process."""
    run = simulate(crowd, seed=5, shuffle=True)
    words = shlex.split(run.replay_command)
    code = (
        "import sys; from realtime.sim.scenario import load_scenario; from realtime.sim.world import simulate;"
        "run = simulate(load_scenario(sys.argv[1]), seed=int(sys.argv[2]), shuffle='--shuffle' in sys.argv);"
        "print(run.hash, run.timing_hash)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, words[2], words[4], *words[5:]], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [run.hash, run.timing_hash]
