"""Ways, fences and noise, asked of the pure machines."""

import random

import pytest

from realtime.lab.way_experiments import (
    border_noise,
    by_chance,
    entrance,
    off_the_way_m,
    recorded,
    throttled,
)
from realtime.location.resolution import Resolution
from realtime.location.thinning import thinned
from realtime.location.track import Track, TrackPoint, read_gpx
from realtime.utils.share import share_path

pytestmark = pytest.mark.untraced  # long simulations

TRAM = read_gpx(share_path("data") / "tracks" / "tram.gpx")
NORTH = Track((TrackPoint(0.0, 60.0, 10.0), TrackPoint(100.0, 60.008993, 10.0)))  # 100 s at 10 m/s


def test_a_track_is_recorded_second_by_second():
    fixes = recorded(NORTH)
    assert len(fixes) == 101
    assert fixes[1].timestamp_ms - fixes[0].timestamp_ms == 1000
    assert fixes[1].speed_mps == pytest.approx(10, abs=0.01)


def test_an_update_a_second_is_where_one_is():
    found = throttled(recorded(NORTH), Resolution(interval_s=1.0))
    assert (found.updates, found.mean_m, found.most_m) == (101, 0.0, 0.0)


def test_an_update_each_ten_seconds_is_90_m_off_at_most():
    """Just before the next one: nine seconds later, at 10 m/s."""
    found = throttled(recorded(NORTH), Resolution(interval_s=10.0))
    assert found.updates == 11
    assert found.most_m == pytest.approx(90, abs=0.5)
    assert found.mean_m == pytest.approx(45, abs=1)


def test_by_way_one_who_stands_is_told_less():
    stops = recorded(TRAM)
    plain, by_way = (throttled(stops, Resolution(interval_s=1.0, displacement_m=metres)) for metres in (0, 25))
    assert by_way.updates < plain.updates / 3
    assert by_way.most_m <= 25 + 15, "and what the tram goes in a second"


def test_on_a_straight_line_two_fixes_say_all():
    fixes = recorded(NORTH)
    assert max(off_the_way_m(fixes, [fixes[0], fixes[-1]])) < 0.01


def test_off_the_way_is_measured_from_the_line_between_neighbours():
    fixes = recorded(Track((TrackPoint(0.0, 60.0, 10.0), TrackPoint(1.0, 60.0, 10.001), TrackPoint(2.0, 60.0, 10.0))))
    assert off_the_way_m(fixes, [fixes[0], fixes[2]])[1] == pytest.approx(55.6, abs=0.1)  # 0.001° at 60° north


@pytest.mark.clause("RT-LOC-6")
def test_thinned_by_shape_the_way_stays_thinned_by_chance_it_does_not():
    fixes = recorded(TRAM)
    for keep in (20, 50, 100):
        shape = max(off_the_way_m(fixes, thinned(fixes, keep)))
        chance = sorted(max(off_the_way_m(fixes, by_chance(fixes, keep, random.Random(seed)))) for seed in range(20))
        assert shape < chance[0] / 2, "better than the luckiest one"


def test_by_chance_keeps_the_ends_and_the_order():
    fixes = recorded(NORTH)
    kept = by_chance(fixes, 10, random.Random(1))
    assert (len(kept), kept[0], kept[-1]) == (10, fixes[0], fixes[-1])
    assert kept == sorted(kept, key=lambda fix: fix.timestamp_ms)


@pytest.mark.clause("RT-GEO-1")
@pytest.mark.parametrize("accuracy_m", [5, 20, 50])
def test_noise_on_a_border_makes_no_crossings(accuracy_m):
    """An hour on the border, a fix each 5 s: two in three of them are as near as they say."""
    for seed in range(5):
        found = border_noise(accuracy_m=accuracy_m, seed=seed)
        assert found.naive > 200, "who believes each fix sees 360 crossings"
        assert found.told <= 1


def test_less_hysteresis_is_more_crossings():
    assert border_noise(accuracy_m=20, hysteresis=0.3, seed=1).told > border_noise(accuracy_m=20, seed=1).told


@pytest.mark.clause("RT-GEO-2")
@pytest.mark.parametrize("accuracy_m", [5, 20, 50])
def test_an_entrance_is_told_late_and_dated_right(accuracy_m):
    """At 1.4 m/s, told when one is inside by two accuracies; its time is off by no more than the noise is long."""
    for seed in range(5):
        found = entrance(accuracy_m=accuracy_m, seed=seed)
        assert found.transitions == ("enter",)
        assert 0 < found.told_after_s < 4 * accuracy_m / 1.4 + 15
        assert abs(found.dated_after_s) < 3 * accuracy_m / 1.4 + 5


def test_more_hysteresis_is_told_later():
    assert entrance(accuracy_m=20, hysteresis=3, seed=1).told_after_s > entrance(accuracy_m=20, seed=1).told_after_s + 5
