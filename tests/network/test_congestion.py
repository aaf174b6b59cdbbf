"""RFC 5681: slow start, congestion avoidance, and what a loss does."""

from realtime.network.congestion import INITIAL_WINDOW_BYTES, CongestionWindow
from realtime.network.tcp_segment import MSS_BYTES


def in_segments(window):
    return window.nbytes / MSS_BYTES


def test_it_begins_with_ten_segments():
    assert CongestionWindow().nbytes == INITIAL_WINDOW_BYTES == 10 * MSS_BYTES


def test_slow_start_doubles_in_a_round_trip():
    """One acknowledgement for every two segments, each worth both (RFC 3465, L = 2)."""
    window = CongestionWindow()
    for _ in range(5):
        window.acknowledge(0, 2 * MSS_BYTES, was_full=True)
    assert in_segments(window) == 20


def test_an_acknowledgement_of_many_counts_for_two():
    window = CongestionWindow()
    window.acknowledge(0, 10 * MSS_BYTES, was_full=True)
    assert in_segments(window) == 12


def test_a_window_that_is_not_used_does_not_grow():
    window = CongestionWindow()
    window.acknowledge(0, 2 * MSS_BYTES, was_full=False)
    assert in_segments(window) == 10


def test_after_a_loss_half_of_the_flight_remains_and_then_one_more_per_round_trip():
    window = CongestionWindow()
    window.lose(next_seq=100, in_flight_bytes=20 * MSS_BYTES)
    assert in_segments(window) == 10
    assert window.is_recovering
    window.acknowledge(99, 2 * MSS_BYTES, was_full=True)
    assert in_segments(window) == 10, "during the recovery it stays"
    window.acknowledge(100, 2 * MSS_BYTES, was_full=True)
    assert not window.is_recovering
    for _ in range(5):
        assert in_segments(window) == 10
        window.acknowledge(200, 2 * MSS_BYTES, was_full=True)
    assert in_segments(window) == 11


def test_a_second_loss_in_the_same_flight_costs_nothing_more():
    window = CongestionWindow()
    window.lose(next_seq=100, in_flight_bytes=20 * MSS_BYTES)
    window.lose(next_seq=200, in_flight_bytes=20 * MSS_BYTES)
    window.acknowledge(100, MSS_BYTES, was_full=True)
    assert not window.is_recovering
    assert in_segments(window) == 10


def test_after_a_timeout_it_begins_with_one_and_climbs_to_half():
    window = CongestionWindow()
    window.time_out(next_seq=100, in_flight_bytes=8 * MSS_BYTES, is_first=True)
    assert in_segments(window) == 1
    for expected in (2, 3, 4):
        window.acknowledge(50, 2 * MSS_BYTES, was_full=True)  # L = 1 here (RFC 3465)
        assert in_segments(window) == expected
    window.acknowledge(100, 4 * MSS_BYTES, was_full=True)
    assert in_segments(window) == 5, "four segments make one more: congestion avoidance"


def test_a_repeated_timeout_keeps_the_threshold():
    window = CongestionWindow()
    window.time_out(next_seq=100, in_flight_bytes=40 * MSS_BYTES, is_first=True)
    window.time_out(next_seq=100, in_flight_bytes=2 * MSS_BYTES, is_first=False)
    assert window.threshold_bytes == 20 * MSS_BYTES
    assert in_segments(window) == 1


def test_the_threshold_is_at_least_two_segments():
    window = CongestionWindow()
    window.time_out(next_seq=100, in_flight_bytes=150, is_first=True)
    assert window.threshold_bytes == 2 * MSS_BYTES


def test_after_idleness_no_more_than_the_initial_window():
    window = CongestionWindow()
    for _ in range(10):
        window.acknowledge(0, 2 * MSS_BYTES, was_full=True)
    assert in_segments(window) == 30
    window.restart()
    assert in_segments(window) == 10
    window.time_out(next_seq=100, in_flight_bytes=8 * MSS_BYTES, is_first=True)
    window.restart()
    assert in_segments(window) == 1


def test_a_connection_opened_with_trouble_begins_with_one():
    window = CongestionWindow()
    window.begin_small()
    assert in_segments(window) == 1
