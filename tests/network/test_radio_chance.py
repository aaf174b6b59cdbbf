"""What chance does to a radio: interruptions in time, waits, addresses, each with a random stream of its own."""

import math
import random
from itertools import pairwise

import pytest

from realtime.network.radio import Interruptions, Promotion, Radio, RadioConditions
from realtime.network.units import MS, NS

# Outages of a 3G commute: median 8.1 s, nine of ten up to 37 s, the longest 1741 s.
COMMUTE = Interruptions(100 * NS, 8_100 * MS, 37 * NS, 1741 * NS)


def radio(seed=1, now_ns=0, **conditions):
    return Radio(RadioConditions(**conditions), random.Random(seed), now_ns=now_ns)


def intervals(figures, count, seed=1):
    """The first interruptions: (begin, end)."""
    process, found = figures.spells(0, random.Random(seed)), []
    for _ in range(count):
        found.append((process.begin_ns, process.end_ns))
        process.until(process.end_ns)
    return found


def test_lengths_are_log_normal():
    """Of 4000, a half and nine tenths are below the two quantiles: binomial, four standard deviations."""
    lengths = [end - begin for begin, end in intervals(COMMUTE, 4000)]
    for quantile, length in ((0.5, 8_100 * MS), (0.9, 37 * NS)):
        share = sum(each <= length for each in lengths) / 4000
        assert abs(share - quantile) < 4 * math.sqrt(quantile * (1 - quantile) / 4000)
    sigma = math.log(37 / 8.1) / 1.2816
    beyond = sum(each > 8.1 * math.exp(2 * sigma) * NS for each in lengths) / 4000
    assert abs(beyond - 0.0228) < 4 * math.sqrt(0.0228 / 4000), "two standard deviations of the logarithm"


def test_no_length_is_above_the_largest():
    """One of six would be longer than the median times e^sigma."""
    cut = Interruptions(100 * NS, 8_100 * MS, 37 * NS, 40 * NS)
    lengths = [end - begin for begin, end in intervals(cut, 1000)]
    assert max(lengths) == 40 * NS
    free = intervals(Interruptions(100 * NS, 8_100 * MS, 37 * NS), 1000)
    assert max(end - begin for begin, end in free) > 100 * NS


def test_without_a_spread_every_length_is_the_median():
    assert {end - begin for begin, end in intervals(Interruptions(100 * NS, 3 * NS), 100)} == {3 * NS}


def test_times_between_are_exponential():
    """4000 gaps with 100 s mean: standard error of the mean 1.6 %; 1/e of them are longer; four of each."""
    found = intervals(COMMUTE, 4001)
    gaps = [begin - end for (_, end), (begin, _) in pairwise(found)]
    assert abs(sum(gaps) / 4000 / (100 * NS) - 1) < 4 / math.sqrt(4000)
    share = sum(gap > 100 * NS for gap in gaps) / 4000
    assert abs(share - 1 / math.e) < 4 * math.sqrt(0.37 * 0.63 / 4000)


@pytest.mark.parametrize("every", [1, 61, 4999])
def test_interruptions_come_whether_there_is_traffic_or_not(every):
    """Asked ten times a second or hardly ever."""
    asked = radio(outages=COMMUTE, handovers=Interruptions(40 * NS, 300 * MS))
    process = radio(outages=COMMUTE, handovers=Interruptions(40 * NS, 300 * MS))
    out = [process.in_outage(at) for at in range(0, 1000 * NS, 100 * MS)]
    ready = [process.ready_ns(at) for at in range(0, 1000 * NS, 100 * MS)]
    for number in range(0, 10_000, every):
        at = number * 100 * MS
        assert asked.in_outage(at) is out[number]
        assert asked.ready_ns(at) == ready[number]
    assert any(out)
    assert any(when != number * 100 * MS for number, when in enumerate(ready))


def test_waits_for_a_promotion_are_log_normal():
    """Median 800 ms, sigma 0.5: 1000 waits, binomial, four standard deviations."""
    sleepy = radio(promotions=(Promotion(10 * NS, 800 * MS, 0.5),))
    waits = [sleepy.ready_ns(at) - at for at in range(0, 100_000 * NS, 100 * NS)]
    for quantile, length in ((0.5, 800 * MS), (0.8413, round(800 * MS * math.exp(0.5)))):
        share = sum(wait <= length for wait in waits) / 1000
        assert abs(share - quantile) < 4 * math.sqrt(quantile * (1 - quantile) / 1000)


def test_addresses_change_as_often_as_they_should():
    """10 000 s with a change per 10 s: Poisson, four standard deviations."""
    roaming = radio(address_changes=Interruptions(10 * NS))
    assert abs(roaming.address(10_000 * NS) - 1000) < 4 * math.sqrt(1000)


def test_it_is_known_when_the_address_changes_next():
    roaming = radio(address_changes=Interruptions(10 * NS))
    at = 0
    for number in range(100):
        at = roaming.next_address_ns(at)
        assert roaming.address(at - 1) == number
        assert roaming.address(at) == number + 1
    assert radio().next_address_ns(0) == 1 << 62


EVERYTHING = {
    "promotions": (Promotion(NS, 100 * MS, 0.5),),
    "outages": Interruptions(20 * NS, NS, 2 * NS),
    "handovers": Interruptions(10 * NS, 300 * MS),
    "address_changes": Interruptions(30 * NS),
}


def fates(conditions):
    """What becomes of each purpose over 200 s, apart from the others."""
    moments = range(0, 200 * NS, 50 * MS)
    waits = radio(**(conditions | {"handovers": None}))  # which would be added to them
    full = radio(**conditions)
    return {
        "outages": [full.in_outage(at) for at in moments],
        "handovers": [full.handovers is not None and full.handovers.until(at) for at in moments],
        "address_changes": [full.address(at) for at in moments],
        "promotions": [waits.ready_ns(at) for at in range(0, 200 * NS, 3 * NS)],
    }


@pytest.mark.parametrize("purpose", sorted(EVERYTHING))
def test_each_purpose_draws_from_its_own_stream(purpose):
    """Whatever else there is or is not, its own stays."""
    assert fates({purpose: EVERYTHING[purpose]})[purpose] == fates(EVERYTHING)[purpose]


def test_the_same_figures_go_on_after_a_change_and_others_begin_anew():
    steady, changing = radio(outages=COMMUTE), radio(outages=COMMUTE)
    changing.change(50 * NS, RadioConditions(outages=COMMUTE, nat_idle_ns=NS))
    moments = range(50 * NS, 1000 * NS, 100 * MS)
    assert [steady.in_outage(at) for at in moments] == [changing.in_outage(at) for at in moments]
    busy, lazy = radio(outages=COMMUTE), radio(outages=COMMUTE)
    busy.in_outage(900 * NS)
    other = RadioConditions(outages=Interruptions(20 * NS, NS))
    for each in (busy, lazy):
        each.change(1000 * NS, other)
    moments = range(1000 * NS, 2000 * NS, 100 * MS)
    assert [busy.in_outage(at) for at in moments] == [lazy.in_outage(at) for at in moments]


def test_changes_of_the_address_until_a_change_of_conditions_count_on():
    roaming = radio(address_changes=Interruptions(NS))
    before = roaming.address(100 * NS)
    roaming.change(100 * NS, RadioConditions())
    assert roaming.address(1000 * NS) == before > 50


def test_a_radio_that_gets_promotions_was_on_until_then():
    """It had no traffic that it knows of, so it is asleep at once."""
    changing = radio(now_ns=100 * NS)
    changing.change(160 * NS, RadioConditions(promotions=(Promotion(NS, NS),)))
    assert changing.on_ns(200 * NS) == 60 * NS
    changing.note(changing.ready_ns(200 * NS))
    changing.change(201 * NS, RadioConditions())
    assert changing.on_ns(211 * NS) == 60 * NS + 11 * NS
