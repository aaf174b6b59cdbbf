"""Thinning keeps the shape of the way, its first fix and its last."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.location.fix import Fix
from realtime.location.thinning import thinned


def fix(n, latitude, longitude):
    return Fix(latitude=latitude, longitude=longitude, accuracy_m=5.0, timestamp_ms=n)


@pytest.mark.clause("RT-LOC-6")
def test_a_straight_way_is_its_ends_and_a_corner_stays():
    north = [fix(n, 60 + n / 1000, 10.0) for n in range(50)]
    east = [fix(50 + n, 60.05, 10 + n / 1000) for n in range(50)]
    assert thinned([*north, *east], 3) == [north[0], east[0], east[-1]]


def test_of_a_stop_and_a_ride_it_is_the_stop_that_is_thinned():
    rng = random.Random(0)
    ride = [fix(n, 60 + n / 1000, 10 + rng.uniform(0, 0.001)) for n in range(20)]
    stop = [fix(20 + n, 60.02, 10.0) for n in range(200)]
    kept = thinned([*ride, *stop], 30)
    assert kept[:20] == ride


def test_the_area_is_measured_in_metres():
    """Where the meridians are close together, a detour of as many degrees is a smaller one."""
    south = [fix(1, 0.0, 10.0), fix(2, 0.001, 10.001), fix(3, 0.002, 10.0)]
    north = [fix(4, 80.0, 10.0), fix(5, 80.001, 10.0011), fix(6, 80.002, 10.0)]
    assert [each.timestamp_ms for each in thinned([*south, *north], 5)] == [1, 2, 3, 4, 6]


def test_the_date_line_is_a_meridian_like_any_other():
    here = [fix(n, 10 + (n == 3) * 0.01, 10 + (n - 3) / 1000) for n in range(7)]
    there = [fix(n, 10 + (n == 3) * 0.01, (n - 3) / 1000 + (180 if n < 3 else -180)) for n in range(7)]
    times = [[each.timestamp_ms for each in thinned(way, 5)] for way in (here, there)]
    assert times[0] == times[1]


@pytest.mark.clause("RT-LOC-6")
@given(
    st.lists(st.tuples(st.floats(-89, 89), st.floats(-180, 180)), max_size=40),
    st.integers(2, 20),
)
def test_any_way(places, keep):
    fixes = [fix(n, *place) for n, place in enumerate(places)]
    kept = thinned(fixes, keep)
    assert len(kept) == min(len(fixes), keep)
    assert all(earlier.timestamp_ms < later.timestamp_ms for earlier, later in pairwise(kept))
    assert set(map(id, kept)) <= set(map(id, fixes))
    if fixes:
        assert (kept[0], kept[-1]) == (fixes[0], fixes[-1])
    assert thinned(fixes, keep) == kept


def test_fewer_than_the_ends_cannot_be_kept():
    with pytest.raises(ValueError, match="keep"):
        thinned([], 1)
