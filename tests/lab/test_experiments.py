"""Sweeps over seeds and settings, as tables."""

import pytest

from realtime.lab.experiments import deliveries_s, herd_table, herds, silent_deaths_s


@pytest.fixture(scope="module")
def small_herds():
    return herds(("full jitter", "fixed delay"), phones=12, handshakes_per_s=3, seed=2)


def test_a_herd_for_each_policy(small_herds):
    assert list(small_herds) == ["full jitter", "fixed delay"]
    assert all(herd.phones == len(herd.back_s) == 12 for herd in small_herds.values())


def test_the_herds_side_by_side(small_herds):
    table = herd_table(small_herds)
    assert list(table.index) == ["full jitter", "fixed delay"]
    for policy, herd in small_herds.items():
        row = table.loc[policy]
        assert row["all back after s"] == pytest.approx(max(herd.back_s.values()), abs=0.05)
        assert row["half back after s"] <= row["all back after s"]
        assert row["most handshakes in 1 s"] == herd.busiest_handshakes <= 3
        assert row["most attempts in 1 s"] == herd.busiest_attempts
        assert row["refused"] == herd.refused
        knocks = sorted(herd.knocks.values())
        assert row["attempts of a phone: half"] == knocks[5]
        assert row["99 %"] == row["most"] == knocks[-1]


def test_without_a_loss_a_delivery_takes_what_the_links_take():
    """Wi-Fi of 40 ms, 0.2 % loss; ben has the same: 40 ms from phone to phone, and 100 bytes take no time."""
    found = deliveries_s("wifi", seed=1, messages=20)
    assert len(found) == 20
    assert min(found) == pytest.approx(0.040, abs=0.002)
    assert sorted(found)[10] < 0.05


def test_a_slow_network_delivers_late():
    """2G: 650 ms one-way, and 100 bytes at 32 kbit/s take 25 ms; then 20 ms to ben."""
    found = deliveries_s("2g", seed=1, messages=20)
    assert len(found) == 20
    assert min(found) > 0.67


def test_one_seed_gives_one_list():
    first, again, other = (deliveries_s("subway", seed=seed, messages=10) for seed in (1, 1, 2))
    assert first == again != other


def test_a_dead_server_is_found_within_the_heartbeats_bound():
    """Just after a ping it takes interval and timeout, just before one the timeout alone; the rest is on the way."""
    found = silent_deaths_s(ping_interval_s=5, ping_timeout_s=4, phones=12, seed=1)
    assert len(found) == 12
    assert all(4 - 0.1 <= found_s <= 9 + 0.1 for found_s in found)
    assert max(found) - min(found) > 2
