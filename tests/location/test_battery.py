"""The battery, as the device reports it."""

import pytest

from realtime.location.battery import Battery


def test_reports_are_observed_once_each():
    battery, seen = Battery(), []
    battery.observe(seen.append)
    assert (battery.level, battery.is_charging) == (1.0, False)
    battery.update(level=0.15)
    battery.update(level=0.15)
    battery.update(is_charging=True)
    assert [(status.level, status.is_charging) for status in seen] == [(0.15, False), (0.15, True)]
    assert repr(battery) == "<Battery 15 % charging>"


@pytest.mark.parametrize("level", [-0.1, 1.1, float("nan"), 50])
def test_a_level_is_a_fraction(level):
    with pytest.raises(ValueError, match="level"):
        Battery().update(level=level)
