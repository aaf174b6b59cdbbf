"""When to try again: growth, cap, jitter, patience."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.connection.reconnection_strategy import Jitter, ReconnectionStrategy

JITTERS: tuple[Jitter, ...] = ("full", "equal", "decorrelated", "none")


def strategy(**options: object) -> ReconnectionStrategy:
    options.setdefault("rng", random.Random(7))
    return ReconnectionStrategy(**options)  # type: ignore[arg-type]


def delays(machine: ReconnectionStrategy, count: int) -> list[float]:
    found = [machine.next_delay() for _ in range(count)]
    assert None not in found
    return [delay for delay in found if delay is not None]


def test_without_jitter_the_delays_double_up_to_the_cap() -> None:
    machine = strategy(base_s=1, cap_s=10, jitter="none", immediate_first=False)
    assert delays(machine, 6) == [1, 2, 4, 8, 10, 10]


@pytest.mark.clause("RT-CON-5")
def test_the_first_retry_after_a_loss_may_be_immediate() -> None:
    machine = strategy(base_s=1, cap_s=10, jitter="none", immediate_first=True)
    assert delays(machine, 5) == [0, 1, 2, 4, 8]


@pytest.mark.clause("RT-CON-4")
def test_the_cap_comes_before_the_jitter_so_capped_clients_stay_spread() -> None:
    machine = strategy(base_s=0.5, cap_s=20, jitter="full")
    capped = delays(machine, 1000)[20:]
    assert all(0 <= delay <= 20 for delay in capped)
    assert statistics.pstdev(capped) > 5  # a uniform spread over 20 s has 5.77
    assert sum(delay == 20 for delay in capped) < 3


def test_equal_jitter_keeps_at_least_half_of_the_window() -> None:
    machine = strategy(base_s=1, cap_s=8, jitter="equal", immediate_first=False)
    for attempt, delay in enumerate(delays(machine, 50), start=1):
        window = min(8, 2 ** (attempt - 1))
        assert window / 2 <= delay <= window


def test_decorrelated_jitter_grows_from_the_previous_delay() -> None:
    machine = strategy(base_s=1, cap_s=30, jitter="decorrelated", immediate_first=False)
    previous = 1.0
    for delay in delays(machine, 200):
        assert 1 <= delay <= min(30, max(1, 3 * previous))
        previous = delay


@pytest.mark.parametrize("jitter", JITTERS)
def test_attempt_ten_thousand_neither_overflows_nor_collapses(jitter: Jitter) -> None:
    machine = strategy(base_s=0.5, cap_s=20, jitter=jitter)
    late = delays(machine, 10_000)[-500:]
    assert all(0 <= delay <= 20 for delay in late)
    assert statistics.mean(late) > 2


def test_ten_thousand_clients_that_lose_one_server_do_not_return_together() -> None:
    attempts = [delays(strategy(rng=random.Random(seed)), 6)[-1] for seed in range(10_000)]
    busiest = max(sum(second <= delay < second + 1 for delay in attempts) for second in range(20))
    assert busiest < 1500  # a window of 8 s: 1250 in each second, if spread evenly


def test_one_seed_gives_one_sequence() -> None:
    assert delays(strategy(rng=random.Random(1)), 20) == delays(strategy(rng=random.Random(1)), 20)


def test_by_default_it_never_gives_up() -> None:
    machine = strategy()
    assert all(machine.next_delay() is not None for _ in range(5000))


def test_it_gives_up_after_the_allowed_attempts() -> None:
    machine = strategy(max_reconnect_attempts=3)
    assert [machine.next_delay() is None for _ in range(5)] == [False, False, False, True, True]
    assert machine.attempts == 3


def test_no_attempts_allowed_gives_up_at_once() -> None:
    assert strategy(max_reconnect_attempts=0).next_delay() is None


def test_a_stable_connection_forgets_the_failures() -> None:
    machine = strategy(base_s=1, jitter="none", stable_after_s=10)
    delays(machine, 5)
    machine.connected(100.0)
    machine.lost(110.0)
    assert machine.attempts == 0
    assert machine.next_delay() == 0


@pytest.mark.clause("RT-CON-5")
def test_a_connection_that_drops_at_once_keeps_backing_off() -> None:
    machine = strategy(base_s=1, jitter="none", stable_after_s=10)
    waited = []
    for now in (100.0, 200.0, 300.0, 400.0):
        machine.connected(now)
        machine.lost(now + 9.9)
        waited += delays(machine, 1)
    assert waited == [0, 1, 2, 4]


def test_a_loss_that_was_never_a_connection_changes_nothing() -> None:
    machine = strategy(jitter="none", base_s=1)
    delays(machine, 3)
    machine.lost(50.0)
    assert machine.attempts == 3


def test_restart_counts_as_a_first_attempt_without_delay() -> None:
    machine = strategy(base_s=1, jitter="none")
    delays(machine, 6)
    machine.restart()
    assert machine.attempts == 1
    assert delays(machine, 2) == [1, 2]


def test_restart_without_an_immediate_first_retry_begins_its_backoff_at_the_base() -> None:
    machine = strategy(base_s=1, jitter="none", immediate_first=False)
    delays(machine, 6)
    machine.restart()
    assert delays(machine, 2) == [2, 4]


@pytest.mark.parametrize("jitter", JITTERS)
def test_the_servers_retry_after_is_a_floor_and_the_jitter_lies_above_it(jitter: Jitter) -> None:
    waited = []
    for seed in range(50):
        delay = strategy(jitter=jitter, base_s=1, rng=random.Random(seed)).next_delay(retry_after_s=30)
        assert delay is not None
        assert 30 <= delay <= (33 if jitter == "decorrelated" else 31)
        waited.append(delay)
    assert len(set(waited)) == (1 if jitter == "none" else 50)


@pytest.mark.clause("RT-CON-9")
def test_the_jitter_above_a_retry_after_is_no_longer_than_it_and_doubles_with_each_refusal_in_a_row() -> None:
    """A place in a line is worth little if everybody comes much later; who hears the same for ever backs off."""
    machine = strategy(jitter="none", base_s=1, cap_s=20)
    delays(machine, 10)  # the window is 20 s by now
    assert [machine.next_delay(retry_after_s=3) for _ in range(5)] == [3 + 3, 3 + 6, 3 + 12, 3 + 20, 3 + 20]
    assert delays(machine, 1) == [20]
    assert machine.next_delay(retry_after_s=3) == 3 + 3


def test_a_server_that_says_zero_or_one_for_ever_is_not_hammered() -> None:
    for wish_s in (0, 1):
        machine = strategy(jitter="none")
        waited = [machine.next_delay(retry_after_s=wish_s) for _ in range(8)]
        assert waited == [wish_s + window_s for window_s in (0.5, 0.5, 1, 2, 4, 8, 16, 20)]


@pytest.mark.clause("RT-CON-9")
@pytest.mark.parametrize("wish_s", [301, 86_400, 1e300])
def test_a_server_cannot_keep_a_phone_away_for_hours(wish_s: float) -> None:
    assert strategy().heeded_s(wish_s) == 300
    delay = strategy(base_s=1).next_delay(retry_after_s=wish_s)
    assert delay is not None
    assert 300 <= delay <= 301


def test_how_much_of_the_servers_wish_is_heeded_can_be_set() -> None:
    machine = strategy(longest_retry_after_s=10)
    assert [machine.heeded_s(wish_s) for wish_s in (0, 5, 10, 11)] == [0, 5, 10, 10]


def test_who_heeds_none_of_it_backs_off_as_ever() -> None:
    heedless, other = strategy(longest_retry_after_s=0), strategy()
    assert [heedless.next_delay(retry_after_s=30) for _ in range(20)] == delays(other, 20)


def test_ceiling_tells_the_longest_wait_of_an_attempt() -> None:
    machine = strategy(base_s=0.5, cap_s=20)
    assert [machine.ceiling_s(n) for n in (1, 2, 3, 4, 10, 10_000)] == [0, 0.5, 1, 2, 20, 20]


def test_a_multiplier_of_one_waits_the_same_each_time() -> None:
    assert delays(strategy(base_s=3, multiplier=1, jitter="none", immediate_first=False), 4) == [3, 3, 3, 3]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"base_s": 0}, "base_s"),
        ({"base_s": float("nan")}, "base_s"),
        ({"base_s": 5, "cap_s": 4}, "cap_s"),
        ({"cap_s": float("inf")}, "cap_s"),
        ({"multiplier": 0.5}, "multiplier"),
        ({"jitter": "some"}, "jitter"),
        ({"max_reconnect_attempts": -1}, "max_reconnect_attempts"),
        ({"stable_after_s": -1}, "stable_after_s"),
        ({"longest_retry_after_s": -1}, "longest_retry_after_s"),
        ({"longest_retry_after_s": float("nan")}, "longest_retry_after_s"),
    ],
)
def test_nonsense_is_refused_by_name(options: dict[str, object], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        strategy(**options)


@given(
    base=st.floats(1e-3, 10),
    factor=st.floats(1, 1000),
    multiplier=st.floats(1, 10),
    jitter=st.sampled_from(JITTERS),
    seed=st.integers(0, 2**32),
    immediate=st.booleans(),
)
def test_no_delay_ever_exceeds_its_ceiling_or_the_cap(
    base: float, factor: float, multiplier: float, jitter: Jitter, seed: int, immediate: bool
) -> None:
    cap = base * factor
    machine = strategy(
        base_s=base, cap_s=cap, multiplier=multiplier, jitter=jitter, rng=random.Random(seed), immediate_first=immediate
    )
    for attempt, delay in enumerate(delays(machine, 60), start=1):
        assert 0 <= delay <= cap
        assert jitter == "decorrelated" or delay <= machine.ceiling_s(attempt)
