"""Hours in which a phone keeps still: by its own clock, over midnight, and through the change of the clocks."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from realtime.notifications.quiet_hours import QuietHours

OSLO = ZoneInfo("Europe/Oslo")


def at(text, zone=OSLO):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


@pytest.mark.clause("RT-NOTE-4")
@pytest.mark.parametrize(
    ("clock", "left_h"),
    [("21:59", None), ("22:00", 9), ("23:30", 7.5), ("00:00", 7), ("06:30", 0.5), ("07:00", None), ("12:00", None)],
)
def test_a_night_goes_over_midnight(clock, left_h):
    now = at(f"2026-11-23 {clock}")
    night = QuietHours("22:00", "07:00", zone=OSLO)
    assert (night.start, night.end) == ("22:00", "07:00")
    ends = night.ends_at(now)
    assert ends == (None if left_h is None else now + left_h * 3600)


@pytest.mark.parametrize(("clock", "left_h"), [("12:59", None), ("13:00", 1), ("13:45", 0.25), ("14:00", None)])
def test_a_nap_is_within_a_day(clock, left_h):
    now = at(f"2026-11-23 {clock}")
    ends = QuietHours("13:00", "14:00", zone=OSLO).ends_at(now)
    assert ends == (None if left_h is None else now + left_h * 3600)


@pytest.mark.parametrize(("night", "length_h"), [("2026-03-28", 8), ("2026-10-24", 10), ("2026-11-23", 9)])
def test_it_ends_by_the_wall_clock_also_when_that_is_changed_in_the_night(night, length_h):
    """22 to 7 is 9 h, less one in the night to 29 March, more one in that to 25 October."""
    now = at(f"{night} 22:00")
    assert QuietHours("22:00", "07:00", zone=OSLO).ends_at(now) == now + length_h * 3600


def test_the_zone_decides():
    now = at("2026-11-23 23:00", ZoneInfo("UTC"))
    assert QuietHours("22:00", "00:00", zone=ZoneInfo("UTC")).ends_at(now) == now + 3600
    assert QuietHours("22:00", "00:00", zone=OSLO).ends_at(now) is None


@pytest.mark.parametrize(("start", "end"), [("22", "07:00"), ("25:00", "07:00"), ("22:00", "22:00"), ("x", "y")])
def test_a_mistake_is_named(start, end):
    with pytest.raises(ValueError, match="quiet hours"):
        QuietHours(start, end)


@pytest.mark.parametrize(("fold", "clock", "left_min"), [(0, "01:50", 40), (0, "02:10", 20), (1, "02:10", 20)])
def test_an_hour_that_comes_twice_ends_in_the_future_both_times(fold, clock, left_min):
    now = datetime.fromisoformat(f"2026-10-25 {clock}").replace(tzinfo=OSLO, fold=fold).timestamp()
    assert QuietHours("22:00", "02:30", zone=OSLO).ends_at(now) == now + 60 * left_min
