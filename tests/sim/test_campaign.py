"""Many seeds of a scenario: summed up, stopped at the first failure, and that one made small."""

import pytest

from realtime.sim.campaign import CampaignResult, WorkerLost, run_campaign
from realtime.sim.report import COUNTS
from realtime.sim.scenario import ScenarioError
from realtime.sim.seed_run import Settings, run_seed

HERE = "tests.sim.campaign_scenarios"


def test_the_counts_of_all_seeds_are_summed():
    """Seeds 1 and 2 attempt 10 and 20 messages, and have 1 and 2 acked."""
    result = run_campaign(f"{HERE}:counting", range(1, 3), jobs=1)
    assert (result.seeds, result.violations, result.first_failure) == (2, 0, None)
    assert result.counts == dict.fromkeys(COUNTS, 0) | {"attempted": 30, "acked": 3}
    assert result.virtual_s == 2 + 3
    assert result.passed


def test_it_stops_at_the_first_seed_that_fails():
    seen = []
    result = run_campaign(f"{HERE}:wrong_from_three", range(10), jobs=1, on_result=seen.append)
    assert [seed.seed for seed in seen] == [0, 1, 2, 3]
    assert (result.seeds, result.violations, result.counts["attempted"]) == (4, 1, 60)
    assert result.first_failure.seed == 3
    assert result.first_failure.replay == f"realtime sim {HERE}:wrong_from_three --seed 3 --shuffle"
    assert result.first_failure.violations[0].text == "message 3 never came"
    assert not result.passed


def test_workers_change_nothing_but_the_time_it_takes():
    """Seeds above the failing one may have run in other workers: they are not counted."""
    seen = []
    result = run_campaign(f"{HERE}:wrong_from_three", range(40), jobs=2, on_result=seen.append)
    alone = run_campaign(f"{HERE}:wrong_from_three", range(40), jobs=1)
    assert result.first_failure.seed == alone.first_failure.seed == 3
    assert result.first_failure.hash == alone.first_failure.hash
    assert (result.seeds, result.counts) == (alone.seeds, alone.counts)
    assert {0, 1, 2, 3} <= {seed.seed for seed in seen}
    assert len(seen) < 20, "the rest was not begun"


def test_odd_seeds_are_shuffled():
    replays = []
    run_campaign(f"{HERE}:quiet", range(4), jobs=1, on_result=lambda seed: replays.append(seed.replay))
    assert [line.endswith("--shuffle") for line in replays] == [False, True, False, True]


def test_a_campaign_that_is_shuffled_shuffles_all():
    replays = []
    settings = Settings(is_shuffled=True)
    run_campaign(f"{HERE}:quiet", range(2), settings, jobs=1, on_result=lambda seed: replays.append(seed.replay))
    assert [line.endswith("--shuffle") for line in replays] == [True, True]


def test_the_replay_of_the_first_failure_is_that_failure():
    result = run_campaign(f"{HERE}:shouting_over_outages", range(5), name="shout", jobs=1)
    failure = result.first_failure
    assert failure.replay.startswith("realtime sim shout --seed ")
    again = run_seed(
        f"{HERE}:shouting_over_outages", failure.seed, Settings(is_shuffled=failure.replay.endswith("--shuffle"))
    )
    assert (again.hash, again.violations) == (failure.hash, failure.violations)


@pytest.mark.clause("RT-SIM-10")
def test_the_first_failures_faults_are_reduced_to_those_that_it_takes():
    """The scenario fails whenever a reset hits the shouting phone; one reset is enough."""
    result = run_campaign(f"{HERE}:shouting_over_outages", range(20), jobs=1)
    failure = result.first_failure
    assert failure.faults > 1, "or there is nothing to reduce"
    assert failure.shrunk.faults == 1
    assert failure.shrunk.replay.startswith(failure.replay + " --faults ")
    again = run_seed(
        f"{HERE}:shouting_over_outages",
        failure.seed,
        Settings(faults=failure.shrunk.plan, is_shuffled=failure.seed % 2),
    )
    assert again.hash == failure.shrunk.hash
    assert again.violations


def test_a_smaller_plan_fails_in_the_same_way():
    """Without any fault the scenario raises something else: that explains nothing."""
    failure = run_campaign(f"{HERE}:wanting_faults", range(1), jobs=1).first_failure
    assert failure.shrunk.faults == 1
    assert failure.shrunk.violations == failure.violations


def test_a_seed_that_takes_its_process_along_is_told_by_its_replay_line():
    with pytest.raises(WorkerLost, match=f"realtime sim {HERE}:dying --seed 4\n.*--seed 5 --shuffle"):
        run_campaign(f"{HERE}:dying", range(4, 6), jobs=2)


def test_what_would_end_the_process_fails_the_campaign():
    assert run_campaign(f"{HERE}:exiting", range(2), jobs=2).first_failure.violations[0].text == "SystemExit: 0"


def test_a_failure_without_a_fault_plan_is_not_reduced():
    assert run_campaign(f"{HERE}:raising", range(2), jobs=1).first_failure.shrunk is None


def test_a_reference_to_nothing_is_refused_before_anything_runs():
    with pytest.raises(ScenarioError):
        run_campaign(f"{HERE}:nothing", range(2), jobs=2)


@pytest.mark.parametrize(("seeds", "jobs", "words"), [(range(0), 1, "no seeds"), (range(3), 0, "jobs")])
def test_what_makes_no_sense_is_refused(seeds, jobs, words):
    with pytest.raises(ValueError, match=words):
        run_campaign(f"{HERE}:quiet", seeds, jobs=jobs)


def test_nothing_yet_is_a_result():
    assert CampaignResult.of("quiet", []).seeds == 0
