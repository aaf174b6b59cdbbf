"""What both directions of a phone's access share: radio, interruptions, address."""

import random

import pytest

from realtime.network.radio import Interruptions, Promotion, Radio, RadioConditions
from realtime.network.units import MS, NS

SLEEPY = RadioConditions(promotions=(Promotion(10 * NS, 800 * MS), Promotion(4 * NS, 100 * MS)))


def radio(seed=1, **conditions):
    return Radio(RadioConditions(**conditions), random.Random(seed))


def test_the_first_packet_after_an_idle_time_waits_for_the_radio():
    """The largest idle time that was reached counts."""
    sleepy = Radio(SLEEPY, random.Random(1))
    waits = []
    for at in (0, 1 * NS, 5 * NS, 8 * NS, 17 * NS, 27 * NS):
        ready = sleepy.ready_ns(at)
        sleepy.note(ready)
        waits.append((ready - at) // MS)
    assert waits == [800, 0, 100, 0, 100, 100]


def test_packets_behind_the_first_wait_for_the_same_promotion():
    sleepy = Radio(SLEEPY, random.Random(1))
    assert [sleepy.ready_ns(at) for at in (0, 300 * MS, 900 * MS)] == [800 * MS, 800 * MS, 900 * MS]


def test_it_is_on_during_promotion_and_traffic_and_a_tail():
    sleepy = Radio(SLEEPY, random.Random(1))
    sleepy.note(sleepy.ready_ns(1 * NS))
    assert [sleepy.on_ns(at * NS) for at in (0, 1, 2, 60)] == [0, 0, 1 * NS, 4800 * MS]
    assert [sleepy.is_awake(at * MS) for at in (5799, 5800)] == [True, False]


def test_a_radio_without_promotions_is_always_on():
    assert radio().on_ns(7 * NS) == 7 * NS
    assert radio().is_awake(7 * NS)


def test_an_address_changes_by_hand_and_with_time():
    roaming = radio(address_changes=Interruptions(10 * NS))
    roaming.change_address()
    counts = [roaming.address(at * NS) for at in range(1000)]
    assert counts == sorted(counts)
    assert counts[0] == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Promotion(-1, 0), "idle_ns"),
        (lambda: Interruptions(0), "mean_between_ns"),
        (lambda: Interruptions(1, 5, 4), "ascend"),
        (lambda: Interruptions(1, 5, 7, 6), "ascend"),
        (lambda: RadioConditions(nat_idle_ns=0), "nat_idle_ns"),
    ],
)
def test_impossible_figures_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
