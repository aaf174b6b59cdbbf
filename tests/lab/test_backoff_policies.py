"""Ways to come back after an outage, side by side: each waits as it is documented to."""

import random

import pytest

from realtime.lab.backoff_policies import POLICIES, SocketIoBackoff

OURS, STOCK = "full jitter", "socket.io-client 4.8"


def delays(policy, count, seed=1):
    strategy = POLICIES[policy](random.Random(seed))
    return [strategy.next_delay() for _ in range(count)]


def test_there_are_four():
    assert list(POLICIES) == [OURS, "no jitter", "fixed delay", STOCK]


def test_ours_is_the_librarys_default():
    """The window doubles from half a second to 20 s, the first attempt is made at once."""
    for seed in range(50):
        waited = delays(OURS, 10, seed)
        assert waited[0] == 0
        assert all(delay <= min(20, 0.5 * 2**n) for n, delay in enumerate(waited[1:]))


def test_without_jitter_everybody_waits_the_whole_window():
    assert delays("no jitter", 8) == [0, 0.5, 1, 2, 4, 8, 16, 20]


def test_a_fixed_delay_is_the_same_each_time():
    assert delays("fixed delay", 4) == [5] * 4


@pytest.mark.parametrize("seed", range(20))
def test_the_stock_client_doubles_from_one_second_jitters_by_half_and_is_cut_to_five(seed):
    """Its defaults: reconnectionDelay 1000, reconnectionDelayMax 5000, randomizationFactor 0.5; whole milliseconds."""
    waited = delays(STOCK, 12, seed)
    for attempt, delay in enumerate(waited):
        assert min(5, 0.5 * 2**attempt) <= delay <= min(5, 1.5 * 2**attempt)
        assert delay * 1000 == pytest.approx(round(delay * 1000))
    assert set(waited[4:]) == {5}, "8 s less half of them is below the maximum; 16 s less half of them is not"


def test_the_stock_client_does_jitter_at_first():
    first = [delays(STOCK, 1, seed)[0] for seed in range(200)]
    assert min(first) < 0.55
    assert max(first) > 1.45
    assert len(set(first)) > 150


def test_the_stock_client_begins_anew_after_each_connection():
    strategy = SocketIoBackoff(random.Random(1))
    for _ in range(5):
        strategy.next_delay()
    strategy.connected(10.0)
    strategy.lost(10.1)
    assert strategy.attempts == 0
    assert strategy.next_delay() <= 1.5


@pytest.mark.parametrize("policy", POLICIES)
def test_who_heeds_a_retry_after(policy):
    """A browser does not show it to a script, and the stock client asks for none."""
    heeds = policy in (OURS, "no jitter")
    delay = POLICIES[policy](random.Random(1)).next_delay(retry_after_s=60)
    assert (delay >= 60) is heeds
