"""What both directions of a phone's access share: radio, interruptions, address."""

import itertools
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


PAGED = RadioConditions(promotions=(Promotion(10 * NS, 250 * MS, cycle_ns=1280 * MS),))


def test_a_sleeping_phone_hears_of_packets_only_at_its_listening_moments():
    """They are a cycle apart, wherever the first of them is; then the promotion takes its time."""
    times = [at * MS for at in range(0, 12_800, 10)]
    readies = [Radio(PAGED, random.Random(5)).ready_ns(at, towards_phone=True) for at in times]
    moments = sorted({ready - 250 * MS for ready in readies})
    assert {later - earlier for earlier, later in itertools.pairwise(moments)} == {1280 * MS}
    assert all(250 * MS <= ready - at < 1530 * MS for at, ready in zip(times, readies, strict=True))


def test_phones_listen_at_moments_of_their_own():
    assert len({Radio(PAGED, random.Random(seed)).ready_ns(0, towards_phone=True) for seed in range(20)}) == 20


def test_what_the_phone_itself_sends_does_not_wait_for_a_listening_moment():
    assert Radio(PAGED, random.Random(5)).ready_ns(3 * NS) == 3250 * MS


def test_a_phone_that_sends_wakes_before_its_listening_moment():
    """The packet that waits for that moment has its time already; those behind it need not wait as long."""
    paged = next(
        radio
        for radio in (Radio(PAGED, random.Random(seed)) for seed in range(99))
        if radio.ready_ns(0, towards_phone=True) > 1250 * MS
    )
    assert paged.ready_ns(200 * MS) == 450 * MS
    assert paged.ready_ns(300 * MS, towards_phone=True) == 450 * MS


def test_signalling_after_a_promotion_keeps_the_radio_up():
    """It falls asleep 10 s after traffic, but not before 10 + 2 s after the end of the promotion."""
    slow = radio(promotions=(Promotion(10 * NS, 1 * NS, settle_ns=2 * NS),))
    slow.note(slow.ready_ns(0))
    assert slow.ready_ns(12_900 * MS) == 12_900 * MS
    again = radio(promotions=(Promotion(10 * NS, 1 * NS, settle_ns=2 * NS),))
    again.note(again.ready_ns(0))
    assert again.ready_ns(13 * NS) == 14 * NS


def test_it_is_on_during_promotion_and_traffic_and_until_it_falls_asleep():
    """Asleep is what takes the largest idle time; lighter naps before count as on."""
    sleepy = Radio(SLEEPY, random.Random(1))
    sleepy.note(sleepy.ready_ns(1 * NS))
    assert [sleepy.on_ns(at * NS) for at in (0, 1, 2, 60)] == [0, 0, 1 * NS, 10_800 * MS]
    assert [sleepy.is_awake(at * MS) for at in (11_799, 11_800)] == [True, False]


def test_it_is_off_until_the_listening_moment():
    paged = Radio(PAGED, random.Random(5))
    ready = paged.ready_ns(0, towards_phone=True)
    assert paged.on_ns(ready) == 250 * MS
    assert paged.on_ns(ready + 60 * NS) == 10_250 * MS


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
        (lambda: Promotion(0, 0, cycle_ns=-1), "cycle_ns"),
        (lambda: Promotion(0, 0, settle_ns=-1), "settle_ns"),
        (lambda: Interruptions(0), "mean_between_ns"),
        (lambda: Interruptions(1, 5, 4), "ascend"),
        (lambda: Interruptions(1, 5, 7, 6), "ascend"),
        (lambda: RadioConditions(nat_idle_ns=0), "nat_idle_ns"),
    ],
)
def test_impossible_figures_are_refused(make, says):
    with pytest.raises(ValueError, match=says):
        make()
