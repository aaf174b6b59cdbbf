"""Is the peer alive: by silence, by probe, and after a sleep of the process."""

from __future__ import annotations

import pytest

from realtime.connection.heartbeat_monitor import HeartbeatMonitor, Verdict


def started(now: float = 0.0, **options: float) -> HeartbeatMonitor:
    monitor = HeartbeatMonitor(**options)
    monitor.start(now, ping_interval_s=25, ping_timeout_s=20)
    return monitor


def test_silence_for_interval_plus_timeout_is_death() -> None:
    monitor = started()
    assert monitor.next_timer() == 45
    assert monitor.handle_timer(44.999) is Verdict.ALIVE
    assert monitor.handle_timer(45) is Verdict.DEAD


def test_any_received_data_counts_as_life() -> None:
    monitor = started()
    monitor.received(30)
    assert monitor.handle_timer(45) is Verdict.ALIVE
    assert monitor.next_timer() == 75
    assert monitor.handle_timer(75) is Verdict.DEAD


def test_before_its_start_and_after_its_stop_it_has_no_opinion() -> None:
    monitor = HeartbeatMonitor()
    assert monitor.next_timer() is None
    assert monitor.handle_timer(1e9) is Verdict.ALIVE
    monitor.start(0, ping_interval_s=25, ping_timeout_s=20)
    monitor.stop()
    assert monitor.next_timer() is None
    assert monitor.handle_timer(1e9) is Verdict.ALIVE


def test_a_server_that_announces_no_heartbeat_has_no_bound() -> None:
    monitor = HeartbeatMonitor()
    monitor.start(0, ping_interval_s=0, ping_timeout_s=0)
    assert monitor.bound_s is None
    assert monitor.next_timer() is None
    assert monitor.handle_timer(1e9) is Verdict.ALIVE


def test_a_probe_unmasks_a_zombie_in_seconds() -> None:
    monitor = started(probe_timeout_s=3)
    monitor.probe(10)
    assert monitor.probing
    assert monitor.next_timer() == 13
    assert monitor.handle_timer(12.9) is Verdict.ALIVE
    assert monitor.handle_timer(13) is Verdict.DEAD


def test_the_pong_settles_a_probe_and_tells_the_round_trip() -> None:
    monitor = started()
    number = monitor.probe(10)
    assert monitor.pong(number, 10.25) == 0.25
    assert monitor.rtt_s == 0.25
    assert not monitor.probing
    assert monitor.next_timer() == 55.25  # the pong is life, too


def test_bytes_that_were_already_on_the_way_delay_the_verdict_but_do_not_acquit() -> None:
    monitor = started(probe_timeout_s=3)
    monitor.probe(10)
    monitor.received(11)  # read from a buffer that the dead connection left behind
    assert monitor.next_timer() == 14
    assert monitor.handle_timer(14) is Verdict.DEAD


def test_a_connection_busy_receiving_is_not_killed_by_a_probe_stuck_behind_the_data() -> None:
    monitor = started(probe_timeout_s=3)
    monitor.probe(10)
    for now in range(11, 40):
        monitor.received(now)
        assert monitor.handle_timer(now) is Verdict.ALIVE


def test_an_older_pong_does_not_settle_a_newer_probe() -> None:
    monitor = started()
    old = monitor.measure(5)
    monitor.probe(10)
    assert monitor.pong(old, 10.1) == pytest.approx(5.1)
    assert monitor.probing


def test_a_second_probe_does_not_postpone_the_verdict_of_the_first() -> None:
    monitor = started(probe_timeout_s=3)
    monitor.probe(10)
    second = monitor.probe(12)
    assert monitor.next_timer() == 13
    monitor.pong(second, 12.5)
    assert not monitor.probing


def test_a_probe_never_outlasts_the_bound() -> None:
    monitor = started(probe_timeout_s=3)
    monitor.probe(44)
    assert monitor.next_timer() == 45
    assert monitor.handle_timer(45) is Verdict.DEAD


def test_a_slow_link_gets_a_longer_probe() -> None:
    monitor = started(probe_timeout_s=3)
    monitor.pong(monitor.measure(0), 2)
    monitor.probe(10)
    assert monitor.next_timer() == 16  # three round trips of 2 s


def test_measuring_the_round_trip_condemns_nobody() -> None:
    monitor = started()
    monitor.measure(10)
    assert not monitor.probing
    assert monitor.next_timer() == 45


def test_an_unknown_pong_is_ignored() -> None:
    monitor = started()
    number = monitor.measure(1)
    monitor.pong(number, 2)
    assert monitor.pong(number, 3) is None
    assert monitor.pong(99, 3) is None
    assert monitor.rtt_s == 1


def test_a_timer_that_fires_long_after_its_time_probes_instead_of_condemning() -> None:
    monitor = started(probe_timeout_s=3)
    assert monitor.handle_timer(600) is Verdict.PROBE  # the process slept for ten minutes
    number = monitor.probe(600)
    assert monitor.next_timer() == 603
    monitor.pong(number, 600.2)
    assert monitor.next_timer() == 645.2


def test_a_zombie_found_after_a_sleep_is_dead_after_its_probe() -> None:
    monitor = started(probe_timeout_s=3)
    assert monitor.handle_timer(600) is Verdict.PROBE
    monitor.probe(600)
    assert monitor.handle_timer(603) is Verdict.DEAD


def test_lateness_excuses_only_once_without_a_sign_of_life() -> None:
    monitor = started(probe_timeout_s=3)
    assert monitor.handle_timer(600) is Verdict.PROBE
    monitor.probe(600)
    assert monitor.handle_timer(1200) is Verdict.DEAD


def test_a_sign_of_life_renews_the_excuse() -> None:
    monitor = started(probe_timeout_s=3)
    assert monitor.handle_timer(600) is Verdict.PROBE
    monitor.pong(monitor.probe(600), 600.1)
    assert monitor.handle_timer(1200) is Verdict.PROBE


def test_a_new_connection_owes_nothing_to_the_old_one() -> None:
    monitor = started()
    old = monitor.probe(10)
    monitor.start(12, ping_interval_s=10, ping_timeout_s=5)
    assert not monitor.probing
    assert monitor.next_timer() == 27
    assert monitor.rtt_s is None
    assert monitor.pong(old, 13) is None  # a late pong of the old connection
    assert monitor.next_timer() == 27


@pytest.mark.parametrize("options", [{"probe_timeout_s": 0}, {"probe_timeout_s": -1}, {"late_after_s": 0}])
def test_nonsense_is_refused_by_name(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        HeartbeatMonitor(**options)
