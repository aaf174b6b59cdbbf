"""Distances, bearings and positions on the sphere, checked against known places and against each other."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from realtime.utils.geo import (
    EARTH_RADIUS_M,
    bearing_deg,
    check_position,
    destination,
    distance_m,
    interpolate,
)

OSLO_S = (59.9109, 10.7528)
MAJORSTUEN = (59.9299, 10.7148)
latitudes = st.floats(-89.0, 89.0)
longitudes = st.floats(-180.0, 180.0)
positions = st.tuples(latitudes, longitudes)


@pytest.mark.parametrize(
    ("a", "b", "metres"),
    [
        (OSLO_S, OSLO_S, 0),
        ((0.0, 0.0), (0.0, 1.0), math.radians(1) * EARTH_RADIUS_M),
        ((0.0, 179.5), (0.0, -179.5), math.radians(1) * EARTH_RADIUS_M),
        ((90.0, 0.0), (-90.0, 0.0), math.pi * EARTH_RADIUS_M),
        ((50.0664, -5.7147), (58.6440, -3.0701), 968_900),  # Land's End to John o' Groats, movable-type.co.uk
    ],
)
def test_distance(a, b, metres):
    assert distance_m(a, b) == pytest.approx(metres, rel=1e-3)


@pytest.mark.parametrize(
    ("b", "degrees"), [((1.0, 0.0), 0), ((0.0, 1.0), 90), ((-1.0, 0.0), 180), ((0.0, -1.0), 270), ((0.0, 0.0), 0)]
)
def test_bearing_is_clockwise_from_north(b, degrees):
    assert bearing_deg((0.0, 0.0), b) == pytest.approx(degrees)


def test_bearing_is_never_360():
    assert bearing_deg((0.0, 0.0), (1.0, -1e-17)) < 360


@given(positions, positions)
def test_distance_is_symmetric_and_never_more_than_half_round(a, b):
    assert distance_m(a, b) == pytest.approx(distance_m(b, a), abs=1e-6)
    assert 0 <= distance_m(a, b) <= math.pi * EARTH_RADIUS_M + 1e-6


@given(positions, st.floats(0, 359.9), st.floats(0, 1_000_000))
def test_a_destination_lies_at_its_distance(start, bearing, metres):
    end = destination(start, bearing, metres)
    check_position(*end)
    assert distance_m(start, end) == pytest.approx(metres, abs=0.01)


@given(positions, positions, st.floats(0, 1))
def test_an_interpolated_position_divides_the_way(a, b, fraction):
    whole = distance_m(a, b)
    assume(whole < 15_000_000)  # near the antipode every way is a shortest way
    between = interpolate(a, b, fraction)
    assert distance_m(a, between) == pytest.approx(fraction * whole, abs=0.1)
    assert distance_m(between, b) == pytest.approx((1 - fraction) * whole, abs=0.1)


def test_interpolation_gives_its_ends_exactly():
    assert interpolate(OSLO_S, MAJORSTUEN, 0) == OSLO_S
    assert interpolate(OSLO_S, MAJORSTUEN, 1) == MAJORSTUEN


def test_interpolation_crosses_the_date_line_the_short_way():
    latitude, longitude = interpolate((0.0, 179.0), (0.0, -179.0), 0.25)
    assert (latitude, longitude) == pytest.approx((0.0, 179.5))


@pytest.mark.parametrize(
    ("latitude", "longitude", "word"),
    [(90.1, 0, "latitude"), (-91, 0, "latitude"), (0, 180.5, "longitude"), (math.nan, 0, "latitude"),
     (0, math.inf, "longitude")],
)  # fmt: skip
def test_a_position_off_the_globe_is_refused_by_name(latitude, longitude, word):
    with pytest.raises(ValueError, match=word):
        check_position(latitude, longitude)
    check_position(90, -180)
