"""One seed of a scenario: whatever it ends with, there is a result, and a line that repeats it."""

import pytest

from realtime.sim.report import COUNTS
from realtime.sim.scenario import ScenarioError
from realtime.sim.seed_run import Settings, replay_line, run_seed

HERE = "tests.sim.campaign_scenarios"


def test_a_plain_scenario_counts_nothing_and_violates_nothing():
    result = run_seed(f"{HERE}:quiet", 7)
    assert (result.seed, result.virtual_s, result.violations) == (7, 3.0, ())
    assert result.counts == dict.fromkeys(COUNTS, 0)
    assert result.wall_s > 0
    assert result.replay == "realtime sim tests.sim.campaign_scenarios:quiet --seed 7"


def test_a_report_is_taken_over():
    result = run_seed(f"{HERE}:wrong_from_three", 4)
    assert list(result.counts) == list(COUNTS)
    assert (result.counts["attempted"], result.counts["acked"], result.counts["lost"]) == (40, 4, 1)
    assert [str(violation) for violation in result.violations] == ["1.000 s: lost: message 4 never came"]


def test_a_history_is_judged():
    result = run_seed(f"{HERE}:noted", 0)
    assert (result.counts["attempted"], result.counts["acked"]) == (1, 1)
    assert {violation.kind for violation in result.violations} <= {"vacuous"}


def test_what_a_scenario_raises_is_its_violation():
    result = run_seed(f"{HERE}:raising", 1)
    [violation] = result.violations
    assert (violation.kind, violation.text, violation.t_s) == (
        "raised",
        "ValueError: that was not foreseen",
        2.5,
    )
    assert "campaign_scenarios.py" in result.traceback
    assert "in raising" in result.traceback


def test_what_the_simulation_raises_is_a_violation_too():
    result = run_seed(f"{HERE}:waiting_for_ever", 1)
    [violation] = result.violations
    assert violation.kind == "raised"
    assert violation.text.startswith("SimDeadlock: nothing can happen any more at 1.000000000 s")
    assert violation.t_s == 1.0


def test_a_run_that_raises_has_its_hashes():
    first, second = (run_seed(f"{HERE}:raising", 1) for _ in range(2))
    assert first.hash == second.hash != ""
    assert first.timing_hash == second.timing_hash != ""


def test_the_hashes_are_those_of_the_run():
    first, again, other = (run_seed(f"{HERE}:chattering", seed) for seed in (1, 1, 2))
    assert (first.hash, first.timing_hash) == (again.hash, again.timing_hash)
    assert first.hash != other.hash
    assert first.timing_hash != other.timing_hash


def test_a_scenario_gets_the_settings_that_it_takes():
    result = run_seed(f"{HERE}:with_settings", 1, Settings(profile="edge", trace="ride.gpx"), name="ride")
    assert result.violations[0].text == "AssertionError: profile=edge trace=ride.gpx"
    assert result.replay == "realtime sim ride --seed 1 --profile edge --trace ride.gpx"
    assert run_seed(f"{HERE}:with_settings", 1).violations[0].text == "AssertionError: profile=None trace=None"


def test_a_reference_to_nothing_is_no_result():
    with pytest.raises(ScenarioError, match="there is no 'nothing'"):
        run_seed(f"{HERE}:nothing", 1)


def test_the_replay_line_can_be_pasted_into_a_shell():
    settings = Settings(trace="my ride.gpx", is_shuffled=True, faults='[{"verb": "outage"}]')
    assert replay_line("chaos", 12, settings) == (
        """realtime sim chaos --seed 12 --trace 'my ride.gpx' --shuffle --faults '[{"verb": "outage"}]'"""
    )
