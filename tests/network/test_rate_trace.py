"""A rate that changes with time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.network.rate_trace import RateTrace
from realtime.network.units import MS, NS

STEPS = RateTrace([0, 2 * NS, 3 * NS], [1000, 0, 4000], 4 * NS)  # 6000 bits in each 4 s


@pytest.mark.parametrize(
    ("start_s", "bits", "end_s"),
    [
        (0, 1000, 1),
        (0, 2000, 2),
        (0, 2004, 3.001),
        (2.5, 4, 3.001),
        (3, 4000, 4),
        (3.5, 2500, 4.5),
        (0, 6000, 4),
        (0, 12_001, 8.001),
        (1, 60_000, 41),
    ],
)
def test_bits_take_the_time_of_the_rates_that_they_meet(start_s, bits, end_s):
    assert STEPS.end_of_bits(int(start_s * NS), bits) == round(end_s * NS)


def test_rates_hold_from_their_time_on_and_repeat():
    assert [STEPS.rate_at(at) for at in (0, 2 * NS - 1, 2 * NS, 3 * NS, 4 * NS)] == [1000, 1000, 0, 4000, 1000]
    assert STEPS.mean_bps == 1500


def test_it_can_begin_at_any_time():
    later = STEPS.starting_at(7 * NS)
    assert [later.rate_at(at) for at in (7 * NS, 9 * NS, 10 * NS, 6 * NS)] == [1000, 0, 4000, 4000]
    assert later.end_of_bits(7 * NS, 2004) == 10 * NS + MS
    assert STEPS.rate_at(0) == 1000, "the first one stays as it is"


@pytest.mark.parametrize(
    ("times", "rates", "period", "says"),
    [
        ([], [], 1, "begin with 0"),
        ([1], [1], 2, "begin with 0"),
        ([0, 0], [1, 2], 2, "ascend"),
        ([0, 2], [1, 2], 2, "period"),
        ([0], [1, 2], 2, "1 times do not go with 2 rates"),
        ([0], [-1], 2, "0 or more"),
        ([0, 1], [0, 0], 2, "above 0"),
    ],
)
def test_an_impossible_trace_is_refused(times, rates, period, says):
    with pytest.raises(ValueError, match=says):
        RateTrace(times, rates, period)


@st.composite
def traces(draw):
    lengths = draw(st.lists(st.integers(1, 50), min_size=1, max_size=6))
    rates = draw(st.lists(st.integers(0, 5), min_size=len(lengths), max_size=len(lengths)).filter(any))
    times = [sum(lengths[:n]) for n in range(len(lengths))]
    return RateTrace(times, rates, sum(lengths)).starting_at(draw(st.integers(0, 100)))


@given(traces(), st.integers(0, 300), st.integers(1, 400))
def test_the_end_is_the_first_nanosecond_at_which_the_work_is_done(trace, start, work):
    """Against the definition: the rates of single nanoseconds, added up."""
    end = trace.end_of(start, work)
    done = [trace.rate_at(at) for at in range(start, end)]
    assert sum(done) >= work > sum(done[:-1])
    assert trace.work_between(start, end) == sum(done)


def test_equal_traces_are_equal():
    again = RateTrace(STEPS.times_ns, STEPS.rates_bps, STEPS.period_ns)
    assert again == STEPS
    assert hash(again) == hash(STEPS)
    assert again.starting_at(1) != STEPS
    assert RateTrace([0], [1], 1).end_of_bits(0, 1) == NS, "a bit at 1 bit/s takes a second"
    assert repr(STEPS) == "<RateTrace of 4 s, 3 rates, mean 0.0015 Mbit/s>"
