"""A phone's day."""

import time

import pytest

from realtime.lab.scenarios import commute
from realtime.network.traces import load_trace
from realtime.sim.seed_run import Settings, run_seed
from realtime.utils.share import share_path

COMMUTE = "realtime.lab.scenarios.commute:main"


@pytest.fixture(scope="module")
def day():
    """One run, and the CPU time that it took."""
    began = time.process_time()
    return run_seed(COMMUTE, 1), time.process_time() - began


def test_a_day_of_eight_hours_takes_less_than_five_seconds(day):
    result, cpu_s = day
    assert result.virtual_s == commute.DAY_S + commute.QUIET_S
    assert cpu_s < 5


def test_everything_arrives_once_and_in_order(day):
    result, _ = day
    assert [str(violation) for violation in result.violations] == []
    assert result.counts["stuck"] == 0


def test_the_day_is_not_vacuous(day):
    """Ben writes every 5 min for 8 h: some 96 messages. Ana every 2 min for about 2 h, glances included: some 60."""
    result, _ = day
    assert 60 < result.counts["attempted"] < 250
    assert result.counts["acked"] == result.counts["attempted"]
    assert result.counts["reconnects"] > 10, "after every glance, and in tunnels"
    assert result.faults["background"] > 10
    assert result.faults["change_network"] >= 5
    assert result.latencies["position"].count > 100


def test_it_repeats_itself(day):
    again = run_seed(COMMUTE, 1)
    assert (again.hash, again.timing_hash) == (day[0].hash, day[0].timing_hash)


def test_a_message_waits_for_the_end_of_a_tunnel(day):
    """In the pocket and in the metro messages wait for minutes; most do not."""
    latency = day[0].latencies["delivery"]
    assert latency.p50_s < 60
    assert latency.max_s > 60


@pytest.mark.parametrize("settings", [{"profile": "3g"}, {"trace": str(share_path("data") / "traces/tram-3g.log")}])
def test_the_way_may_have_another_network(settings, day):
    result = run_seed(COMMUTE, 1, Settings(**settings))
    assert result.violations == ()
    assert result.hash != day[0].hash


def test_every_ride_has_places():
    for stage in commute.STAGES:
        if stage.ride is not None:
            assert load_trace(share_path("data") / stage.ride).positions
