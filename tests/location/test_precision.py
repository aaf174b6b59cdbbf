"""Positions rounded for privacy: to a grid, the same for everybody and at any time."""

import math
import random

import pytest

from realtime.location.fix import Fix
from realtime.location.precision import rounded
from realtime.utils.geo import destination, distance_m

EXACT = Fix(latitude=59.9139, longitude=10.7522, accuracy_m=5.0, timestamp_ms=1, speed_mps=3.0, heading_deg=90.0)


def at(latitude, longitude):
    return Fix(latitude=latitude, longitude=longitude, accuracy_m=5.0, timestamp_ms=1)


@pytest.mark.clause("RT-LOC-10")
def test_the_true_place_is_within_the_accuracy_that_is_told():
    rough = rounded(EXACT, 500)
    assert rough.accuracy_m == pytest.approx(5 + 500 / math.sqrt(2))
    assert 0 < distance_m(rough.position, EXACT.position) <= 500 / math.sqrt(2)
    assert (rough.speed_mps, rough.heading_deg, rough.timestamp_ms) == (None, None, 1), "they would tell the way on"


@pytest.mark.parametrize("latitude", [-89.999, -60.0, 0.0, 59.9139, 89.99, 90.0])
@pytest.mark.parametrize("longitude", [-180.0, -179.999, 10.7522, 180.0])
def test_everywhere_on_the_globe(latitude, longitude):
    rough = rounded(at(latitude, longitude), 1000)
    assert distance_m(rough.position, (latitude, longitude)) <= 1000 / math.sqrt(2) * 1.01


def test_rounding_twice_changes_no_place():
    rough = rounded(EXACT, 300)
    assert rounded(rough, 300).position == pytest.approx(rough.position, abs=1e-9)


@pytest.mark.clause("RT-LOC-10")
def test_many_fixes_within_a_cell_tell_one_place():
    """Averaging noise must not bring the exact place back."""
    centre, rng = rounded(EXACT, 1000).position, random.Random(0)
    near = [destination(centre, rng.uniform(0, 360), rng.uniform(0, 490)) for _ in range(100)]
    assert {rounded(at(*place), 1000).position for place in near} == {centre}


@pytest.mark.parametrize("precision_m", [0, -1, math.nan, math.inf])
def test_nonsense_is_refused(precision_m):
    with pytest.raises(ValueError, match="precision_m"):
        rounded(EXACT, precision_m)
