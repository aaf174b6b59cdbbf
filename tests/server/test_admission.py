"""Who is let in at once, and when the others shall come again."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.server.admission import Admission


def knock_all(admission, times):
    """What each of them is told."""
    return [admission.knock(now) for now in times]


def busiest_second(times):
    """The most of these times that lie within any one second."""
    ordered, first, most = sorted(times), 0, 0
    for last, at in enumerate(ordered):
        while ordered[first] <= at - 1:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_as_many_as_the_limit_get_in_within_a_second():
    admission = Admission(3)
    assert knock_all(admission, [0.0, 0.0, 0.0]) == [None] * 3
    assert admission.knock(0.5) is not None


def test_a_second_later_there_is_room_again():
    admission = Admission(2)
    knock_all(admission, [10.0, 10.4, 10.5])
    assert admission.knock(10.9) is not None
    assert admission.knock(11.0) is None  # the one of 10.0 is a second old
    assert admission.knock(11.3) is not None  # 10.4 and 11.0 are not
    assert admission.knock(11.4) is None


def test_who_is_refused_gets_the_next_free_place_and_no_two_get_the_same():
    """Ten in a second: the next one opens at 1.0, and each further one a tenth of a second later."""
    admission = Admission(10)
    assert knock_all(admission, [0.0] * 10) == [None] * 10
    waits = knock_all(admission, [0.0] * 25)
    assert waits == pytest.approx([1 + n / 10 for n in range(25)])


def test_a_place_is_counted_from_when_it_is_asked_for():
    admission = Admission(10)
    knock_all(admission, [0.0] * 10)
    assert admission.knock(0.25) == pytest.approx(0.75)
    assert admission.knock(0.5) == pytest.approx(0.6)


def test_places_that_have_passed_are_not_given_again():
    admission = Admission(1)
    knock_all(admission, [0.0, 0.1, 0.2])  # places at 1 and 2
    assert admission.knock(5.0) is None
    assert admission.knock(5.5) == pytest.approx(0.5)


def test_no_wait_is_longer_than_the_bound_and_the_crowd_behind_it_is_spread():
    """400 places, ten in a second, do not fit into 20 s: the rest is spread over the second half, again and again."""
    admission = Admission(10, longest_wait_s=20)
    knock_all(admission, [0.0] * 10)
    waits = [round(wait, 6) for wait in knock_all(admission, [0.0] * 400)]
    assert max(waits) <= 20
    in_each_second = [sum(second <= wait < second + 1 for wait in waits) for second in range(20)]
    assert in_each_second[0] == 0
    assert set(in_each_second[1:10]) == {10}
    assert all(29 <= count <= 41 for count in in_each_second[10:])  # 310 of them: a tenth of it is filled 3 or 4 times


def test_without_a_limit_everybody_gets_in():
    admission = Admission(None)
    assert knock_all(admission, [0.0] * 10_000) == [None] * 10_000


@pytest.mark.parametrize("nonsense", [0, -1, 1.5, True, float("nan"), "10"])
def test_a_limit_that_makes_no_sense_is_refused(nonsense):
    with pytest.raises(ValueError, match="handshakes_per_s"):
        Admission(nonsense)


@pytest.mark.parametrize("nonsense", [0, -1, float("nan"), float("inf")])
def test_a_bound_that_makes_no_sense_is_refused(nonsense):
    with pytest.raises(ValueError, match="longest_wait_s"):
        Admission(10, longest_wait_s=nonsense)


@pytest.mark.clause("RT-CON-10")
@given(limit=st.integers(1, 20), gaps=st.lists(st.floats(0, 0.3), max_size=300))
def test_whenever_they_knock_no_second_lets_more_in_than_the_limit(limit, gaps):
    admission, now, let_in = Admission(limit), 0.0, []
    for gap in gaps:
        now += gap
        wait = admission.knock(now)
        if wait is None:
            let_in.append(now)
        else:
            assert 0 < wait <= 300
    assert busiest_second(let_in) <= limit


@pytest.mark.clause("RT-CON-10")
@pytest.mark.parametrize("seed", range(5))
def test_a_crowd_that_comes_when_it_was_told_gets_in_at_the_pace_of_the_limit(seed):
    """500 at once, 20 a second: the last of them has the place of second 25 if none is wasted.

    Each comes up to a second late (the header counts whole seconds): at full load that wastes what a loss system of 20
    lines does, 16 % (Erlang B), and those refused again come at the end, after at most as many seconds.
    """
    rng, admission = random.Random(seed), Admission(20)
    knocks, let_in, tries = [(0.0, phone) for phone in range(500)], [], dict.fromkeys(range(500), 0)
    while knocks:
        knocks.sort()
        now, phone = knocks.pop(0)
        tries[phone] += 1
        wait = admission.knock(now)
        if wait is None:
            let_in.append(now)
        else:
            knocks.append((now + wait + rng.random(), phone))
    assert busiest_second(let_in) <= 20
    assert 24 <= max(let_in) <= 25 / (1 - 0.16) + 3
    assert max(tries.values()) <= 10
