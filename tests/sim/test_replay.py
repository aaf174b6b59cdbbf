"""The one line that repeats a run."""

import shlex

import pytest

from realtime.sim.fault_plan import Fault, FaultPlan
from realtime.sim.replay import replay_command, replay_line
from realtime.sim.scenario import load_scenario

PLAN = FaultPlan((Fault(1.5, "outage", ("ana",), for_s=2.0),))
HERE = "tests.sim.test_replay:at_the_top"


async def at_the_top(world):
    pass


def test_a_scenario_goes_to_the_command_line():
    assert replay_command(at_the_top, seed=7) == f"realtime sim {HERE} --seed 7"


def test_with_all_that_the_run_depends_on():
    command = replay_command(
        at_the_top, seed=7, options={"faults": PLAN, "profile": "3g", "trace": "my ride.gpx"}, shuffle=True
    )
    words = shlex.split(command)
    assert words[:5] == ["realtime", "sim", HERE, "--seed", "7"]
    assert words[5:10] == ["--profile", "3g", "--trace", "my ride.gpx", "--shuffle"]
    assert FaultPlan.from_json(words[words.index("--faults") + 1]) == PLAN
    assert replay_command(at_the_top, seed=7, options={"faults": PLAN.to_json()}) == replay_command(
        at_the_top, seed=7, options={"faults": PLAN}
    )
    assert replay_command(at_the_top, seed=7, options={"profile": None}) == f"realtime sim {HERE} --seed 7"


def test_the_line_leads_to_the_function():
    words = shlex.split(replay_command(at_the_top, seed=7))
    assert load_scenario(words[2]).__name__ == "at_the_top"


def test_what_has_no_name_is_said_in_python():
    async def nested(world):
        pass

    assert replay_command(nested, seed=7) == "simulate(nested, seed=7)"
    assert replay_command(lambda world: nested(world), seed=7) == "simulate(main, seed=7)"
    assert (
        replay_command(nested, seed=7, options={"phones": 3}, shuffle=True)
        == "simulate(nested, seed=7, shuffle=True, options={'phones': 3})"
    )


def test_options_that_the_command_line_does_not_know_are_said_in_python():
    assert (
        replay_command(at_the_top, seed=7, options={"phones": 3, "faults": PLAN})
        == f"simulate(at_the_top, seed=7, options={{'phones': 3, 'faults': {PLAN.to_json()!r}}})"
    )


def test_a_scenario_may_have_a_name_of_its_own():
    assert replay_line("chaos", 3, shuffle=True) == "realtime sim chaos --seed 3 --shuffle"


@pytest.mark.parametrize("value", [3, ["lte"]])
def test_a_setting_of_the_command_line_is_text(value):
    with pytest.raises(TypeError, match="profile must be text"):
        replay_command(at_the_top, seed=7, options={"profile": value})
