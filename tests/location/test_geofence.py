"""Fences: how deep one is inside, where a way crosses the border, and what is no fence at all."""

import math
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime.location.geofence import Circle, Polygon
from realtime.utils.geo import destination, distance_m

OSLO = (59.9139, 10.7522)
CIRCLE = Circle("home", OSLO, radius_m=100)
NORTH_M = 111_195.08  # metres in a degree of latitude


def square(half_m, *, centre=OSLO, fence_id="square", **options):
    north, east = half_m / NORTH_M, half_m / (NORTH_M * math.cos(math.radians(centre[0])))
    corners = [(1, 1), (1, -1), (-1, -1), (-1, 1)]
    places = [(centre[0] + n * north, (centre[1] + e * east + 180) % 360 - 180) for n, e in corners]
    return Polygon(fence_id, places, **options)


@pytest.mark.parametrize(("metres", "depth_m"), [(0, 100), (60, 40), (100, 0), (150, -50)])
@pytest.mark.parametrize("bearing", [0, 77, 180, 290])
def test_how_deep_one_is_in_a_circle(metres, depth_m, bearing):
    assert CIRCLE.depth(destination(OSLO, bearing, metres)) == pytest.approx(depth_m, abs=0.1)


@pytest.mark.parametrize(("metres", "depth_m"), [(0, 100), (60, 40), (100, 0), (150, -50)])
@pytest.mark.parametrize("bearing", [0, 90, 180, 270])
def test_how_deep_one_is_in_a_polygon(metres, depth_m, bearing):
    assert square(100).depth(destination(OSLO, bearing, metres)) == pytest.approx(depth_m, abs=0.1)


def test_the_size_is_the_largest_depth():
    assert CIRCLE.size_m == 100
    assert square(100).size_m == pytest.approx(100, rel=0.02)


@pytest.mark.parametrize("fence", [CIRCLE, square(100)], ids=["circle", "polygon"])
def test_a_way_through_is_known_by_where_it_enters_and_leaves(fence):
    west, east = destination(OSLO, 270, 400), destination(OSLO, 90, 400)
    way = fence.way_through(west, east)
    assert (way.enters, way.leaves) == pytest.approx((300 / 800, 500 / 800), abs=0.001)
    assert way.depth_m == pytest.approx(100, abs=1)


@pytest.mark.parametrize("fence", [CIRCLE, square(100)], ids=["circle", "polygon"])
def test_a_way_past_it_is_none(fence):
    assert fence.way_through(destination(OSLO, 300, 400), destination(OSLO, 60, 400)) is None
    assert fence.way_through(destination(OSLO, 270, 400), destination(OSLO, 270, 200)) is None


def test_a_graze_is_not_deep():
    north = destination(OSLO, 0, 95)
    way = CIRCLE.way_through(destination(north, 270, 300), destination(north, 90, 300))
    assert way.depth_m == pytest.approx(5, abs=0.5)


@pytest.mark.parametrize("fence", [CIRCLE, square(100)], ids=["circle", "polygon"])
@pytest.mark.parametrize("bearing", [0, 90, 200])
def test_where_a_way_crosses_the_border(fence, bearing):
    outside = destination(OSLO, bearing, 300)
    assert fence.depth(fence.border(OSLO, outside)) == pytest.approx(0, abs=0.1)
    assert fence.depth(fence.border(outside, OSLO)) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("make", [lambda c: Circle("x", c, radius_m=100), lambda c: square(100, centre=c)])
def test_the_date_line_runs_through_no_hole(make):
    fence = make((10.0, 180.0))
    assert fence.depth((10.0, -179.9999)) == pytest.approx(89, abs=1)
    assert fence.depth((10.0, 179.9999)) == pytest.approx(89, abs=1)
    way = fence.way_through((10.0, 179.99), (10.0, -179.99))
    assert (way.enters + way.leaves) / 2 == pytest.approx(0.5, abs=0.01)


@given(st.floats(0, 360), st.floats(0, 1000))
def test_depth_is_distance_to_the_border(bearing, metres):
    place = destination(OSLO, bearing, metres)
    assert CIRCLE.depth(place) == pytest.approx(100 - distance_m(OSLO, place), abs=0.5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Circle("", OSLO, radius_m=1), "fence_id"),
        (lambda: Circle("x" * 201, OSLO, radius_m=1), "fence_id"),
        (lambda: Circle("x", OSLO, radius_m=0), "radius_m"),
        (lambda: Circle("x", OSLO, radius_m=math.inf), "radius_m"),
        (lambda: Circle("x", (91, 0), radius_m=1), "latitude"),
        (lambda: Circle("x", OSLO, radius_m=1, dwell_s=0), "dwell_s"),
        (lambda: Polygon("x", [OSLO, (60, 11)]), "three corners"),
        (lambda: Polygon("x", [OSLO, (60, 11), (200, 11)]), "latitude"),
        (lambda: Polygon("x", [(0, 0), (1, 1), (0, 1), (1, 0)]), "crosses itself"),
        (lambda: Polygon("x", [(0, 0), (0.001, 0), (0.002, 0)]), "area"),
    ],
)
def test_what_is_no_fence_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_they_show_themselves_in_a_line():
    assert repr(CIRCLE) == "<Circle 'home' 100 m around 59.9139, 10.7522>"
    assert repr(square(100)) == "<Polygon 'square' 4 corners>"


def test_without_shapely_all_else_works_and_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['shapely'] = None\n"
        "import realtime\n"
        "from realtime.location.geofence import Circle, Polygon\n"
        "from realtime.location.geofence_monitor import GeofenceMonitor\n"
        "for make in (lambda: Polygon('x', [(0, 0), (0, 1), (1, 1)]), GeofenceMonitor):\n"
        "    try: make()\n"
        "    except ImportError as error: assert \"pip install 'realtime-lab[geo]'\" in str(error)\n"
        "    else: raise SystemExit('no error')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
