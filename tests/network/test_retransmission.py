"""RFC 6298 with the bounds of Linux."""

import pytest

from realtime.network.link import MS, NS
from realtime.network.retransmission import RetransmissionTimeout


def test_before_a_measurement_it_is_a_second():
    assert RetransmissionTimeout().interval_ns == 1 * NS


def test_the_first_measurement_counts_with_half_of_it_as_variance():
    timeout = RetransmissionTimeout()
    timeout.sample(300 * MS)
    assert timeout.smoothed_ns == 300 * MS
    assert timeout.interval_ns == 300 * MS + 4 * 150 * MS


def test_the_variance_term_is_at_least_200_ms():
    timeout = RetransmissionTimeout()
    timeout.sample(10 * MS)
    assert timeout.interval_ns == 210 * MS


def test_later_ones_with_an_eighth_and_a_quarter():
    timeout = RetransmissionTimeout()
    timeout.sample(400 * MS)
    timeout.sample(800 * MS)
    # variance 200 + (|800 - 400| - 200) / 4 = 250; smoothed 400 + (800 - 400) / 8 = 450
    assert timeout.smoothed_ns == 450 * MS
    assert timeout.interval_ns == 450 * MS + 4 * 250 * MS
    assert timeout.shortest_ns == 400 * MS


@pytest.mark.parametrize(
    ("retries", "expected_ms"), [(0, 200), (1, 400), (5, 6400), (9, 102_400), (10, 120_000), (60, 120_000)]
)
def test_it_doubles_up_to_two_minutes(retries, expected_ms):
    timeout = RetransmissionTimeout()
    timeout.sample(0)
    assert timeout.interval_after_ns(retries) == expected_ms * MS
