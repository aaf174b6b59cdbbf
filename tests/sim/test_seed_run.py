"""One seed of a scenario: whatever it ends with, there is a result, and a line that repeats it."""

import pytest

from realtime.network.profiles import profile
from realtime.sim.report import COUNTS
from realtime.sim.scenario import ScenarioError
from realtime.sim.seed_run import SettingRefused, Settings, run_seed
from realtime.utils.share import share_path

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


@pytest.mark.parametrize(("scenario", "text"), [("exiting", "SystemExit: 0"), ("cancelling", "CancelledError")])
def test_what_would_end_the_process_is_a_violation_too(scenario, text):
    """`sys.exit(0)` somewhere in a scenario is no verdict: it must not pass for one."""
    [violation] = run_seed(f"{HERE}:{scenario}", 1).violations
    assert (violation.kind, violation.text) == ("raised", text)


def test_what_failed_in_the_background_is_in_the_violation():
    [violation] = run_seed(f"{HERE}:failing_behind", 1).violations
    assert violation.text.startswith("SimTaskFailed: failed in the background, with nobody handling it: ValueError(")
    assert "campaign_scenarios.py:" in violation.text


def test_a_violation_is_text_in_one_line():
    result = run_seed(f"{HERE}:unprintable", 1)
    assert result.violations[0].text == "ValueError: a file name \\udcff that is no text and another line"
    result.traceback.encode()


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


@pytest.mark.parametrize("trace", [None, "cell.down"])
def test_a_network_that_a_scenario_does_not_ask_about_is_everybodys_but_the_servers(trace):
    """EDGE has 440 ms up and 400 ms down; the trace says nothing about delays."""
    path = trace and str(share_path("data") / "traces" / trace)
    settings = Settings(profile=None if trace else "edge", trace=path)
    result = run_seed(f"{HERE}:plain_ping", 1, settings)
    assert result.violations == ()
    if trace is None:
        assert float(result.returned) == pytest.approx(0.84, abs=0.01)
    else:
        assert float(result.returned) > 0.01, "the rate's"
    assert float(run_seed(f"{HERE}:plain_ping", 1).returned) == 0.0


def test_a_scenario_may_set_its_own_network_nevertheless():
    result = run_seed(f"{HERE}:ping_over_wifi", 1, Settings(profile="edge"))
    assert float(result.returned) == pytest.approx(profile("wifi").rtt_s, abs=0.001)


def test_a_fault_plan_is_for_scenarios_that_apply_one():
    plan = '[{"at_s":1,"verb":"outage","args":["phone"],"for_s":2}]'
    result = run_seed(f"{HERE}:shouting_over_outages", 1, Settings(faults=plan))
    assert (result.plan, result.faults, result.violations) == (result.plan, {"outage": 1}, ())
    assert f"--faults '{plan}'" in result.replay
    with pytest.raises(SettingRefused, match="applies no fault plan: give its function a parameter faults=None"):
        run_seed(f"{HERE}:quiet", 1, Settings(faults=plan))


def test_nonsense_in_a_fault_plan_is_refused():
    with pytest.raises(SettingRefused, match="this is no fault plan"):
        run_seed(f"{HERE}:shouting_over_outages", 1, Settings(faults="[{"))


def test_an_error_says_how_to_see_it_again():
    result = run_seed(f"{HERE}:raising", 1, Settings(is_shuffled=True), name="trouble")
    assert "to see it again: realtime sim trouble --seed 1 --shuffle" in result.traceback
