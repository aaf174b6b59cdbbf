"""How often a position is told: by time, way, speed, network and battery."""

import pytest

from realtime.connection.net_info import NetType
from realtime.location.battery import BatteryStatus
from realtime.location.resolution import Resolution

FULL, LOW, CHARGED = BatteryStatus(1.0, False), BatteryStatus(0.1, False), BatteryStatus(0.1, True)
RESOLUTION = Resolution(
    interval_s=2.0, stretch_m=30.0, still_interval_s=60.0, cellular_factor=1.5, low_battery_factor=4.0
)


@pytest.mark.clause("RT-LOC-3", "RT-LOC-4")
@pytest.mark.parametrize(
    ("speed_mps", "net", "battery", "interval_s"),
    [
        (None, NetType.WIFI, FULL, 2.0),  # an unknown speed may be any
        (20.0, NetType.WIFI, FULL, 2.0),  # 30 m take 1.5 s, but 2 s is the least
        (10.0, NetType.WIFI, FULL, 3.0),
        (1.5, NetType.WIFI, FULL, 20.0),
        (0.1, NetType.WIFI, FULL, 60.0),  # 300 s would be too long
        (0.0, NetType.WIFI, FULL, 60.0),
        (20.0, NetType.CELLULAR, FULL, 3.0),
        (20.0, NetType.UNKNOWN, FULL, 2.0),
        (20.0, NetType.WIFI, LOW, 8.0),
        (20.0, NetType.WIFI, CHARGED, 2.0),
        (20.0, NetType.CELLULAR, LOW, 12.0),
        (0.0, NetType.WIFI, LOW, 240.0),
    ],
)
def test_the_interval_follows_what_the_phone_is_doing(speed_mps, net, battery, interval_s):
    assert RESOLUTION.interval(speed_mps=speed_mps, net=net, battery=battery) == interval_s


def test_by_default_only_a_low_battery_matters():
    plain = Resolution()
    assert plain.interval(speed_mps=0.0, net=NetType.CELLULAR, battery=FULL) == plain.interval_s == 1.0
    assert plain.interval(speed_mps=0.0, net=NetType.CELLULAR, battery=LOW) == 2.0


@pytest.mark.clause("RT-LOC-3")
def test_one_who_stands_still_is_told_seldom():
    assert RESOLUTION.still(net=NetType.WIFI, battery=FULL) == 60.0
    assert RESOLUTION.still(net=NetType.CELLULAR, battery=LOW) == 360.0


@pytest.mark.parametrize(
    "options",
    [
        {"interval_s": -1},
        {"displacement_m": -1},
        {"stretch_m": 0},
        {"still_interval_s": 0.5},
        {"cellular_factor": 0.5},
        {"low_battery_factor": float("nan")},
        {"low_battery": 2},
    ],
)
def test_nonsense_is_refused_by_name(options):
    [name] = options
    with pytest.raises(ValueError, match=name):
        Resolution(**options)
