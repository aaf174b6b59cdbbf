"""The smallest scenario: a real WebSocket, there and back."""

import pytest

from realtime.lab.scenarios.echo import ROUND_TRIPS, RTT_S, main
from realtime.network.profiles import profile
from realtime.sim.seed_run import Settings, run_seed
from realtime.sim.world import simulate

ECHO = "realtime.lab.scenarios.echo:main"


def test_a_thousand_round_trips_of_150_ms_take_150_s():
    """Before them the TCP and the WebSocket handshake take one round trip each."""
    result = run_seed(ECHO, 1)
    assert (ROUND_TRIPS, RTT_S) == (1000, 0.15)
    assert result.latencies["round trip"].p50_s == result.latencies["round trip"].max_s == 0.15
    assert result.virtual_s == pytest.approx(150 + 2 * 0.15, abs=1e-9)
    assert result.violations == ()
    assert [result.counts[key] for key in ("attempted", "acked", "delivered", "faults")] == [1000, 1000, 1000, 0]


def test_over_a_profile_it_takes_what_the_profile_says():
    """LTE: its RTT, and some hundred microseconds for the bytes."""
    result = run_seed(ECHO, 1, Settings(profile="lte"))
    assert result.latencies["round trip"].p50_s == pytest.approx(profile("lte").rtt_s, abs=0.001)


def test_losses_stall_it_and_break_nothing():
    result = run_seed(ECHO, 3, Settings(profile="very-bad"))
    assert result.violations == ()
    assert result.counts["delivered"] == 1000
    assert result.latencies["round trip"].max_s > 3 * result.latencies["round trip"].p50_s


def test_it_repeats_itself():
    assert simulate(main, seed=1).hash == simulate(main, seed=1).hash
