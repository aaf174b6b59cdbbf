"""What a page tells of itself is read whole, or refused whole."""

import math

import msgspec
import pytest

from realtime.connection.net_info import NetStatus, NetType
from tests.widgets.device_page import report
from widgets.device_report import MAX_FIXES, Sense, read_report

FIX = {"latitude": 59.9, "longitude": 10.7, "accuracy": 8, "timestamp": 1_700_000_000_000}


def test_a_report_is_read():
    read = read_report(
        report(
            page="p1",
            run=2,
            seq=7,
            visible=False,
            battery={"level": 0.5, "charging": True},
            position={"sense": "denied", "detail": "the user said no"},
            fixes=[FIX | {"speed": None, "heading": 90}],
            opened=["n1"],
        )
    )
    assert (read.page, read.run, read.seq, read.phase, read.visible, read.frozen) == ("p1", 2, 7, "on", False, False)
    assert read.position.sense is Sense.DENIED
    assert read.position.detail == "the user said no"
    assert read.battery is not None
    assert (read.battery.level, read.battery.charging) == (0.5, True)
    [fix] = read.known_fixes
    assert (fix.position, fix.accuracy_m, fix.timestamp_ms, fix.speed_mps, fix.heading_deg) == (
        (59.9, 10.7),
        8,
        1_700_000_000_000,
        None,
        90,
    )
    assert read.opened == ("n1",)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"online": True, "carrier": "wifi"}, NetStatus(True, NetType.WIFI)),
        ({"online": True, "carrier": "cellular", "speed": "4g"}, NetStatus(True, NetType.CELLULAR)),
        ({"online": True, "carrier": "ethernet", "speed": "2g"}, NetStatus(True, NetType.UNKNOWN)),
        ({"online": True, "carrier": "a new kind"}, NetStatus(True, NetType.UNKNOWN)),
        ({"online": True}, NetStatus(True, NetType.UNKNOWN)),
        ({"online": True, "speed": "4g"}, NetStatus(True, NetType.UNKNOWN)),
        ({"online": True, "speed": "3g"}, NetStatus(True, NetType.CELLULAR)),  # as slow as one
        ({"online": False, "carrier": "wifi"}, NetStatus(False, NetType.NONE)),
        ({"online": True, "carrier": "none"}, NetStatus(False, NetType.NONE)),
    ],
)
def test_what_the_browser_knows_of_the_network_becomes_net_info(told, status):
    assert read_report(report(**told)).net_status == status


@pytest.mark.parametrize(
    "wrong",
    [
        {"page": ""},
        {"page": 7},
        {"run": 0},
        {"seq": "1"},
        {"phase": "off"},
        {"visible": "yes"},
        {"online": None},
        {"battery": {"level": 1.5, "charging": False}},
        {"battery": {"level": math.nan, "charging": False}},
        {"position": {"sense": "perhaps"}},
        {"position": "on"},
        {"fixes": [FIX | {"latitude": math.nan}]},
        {"fixes": [FIX | {"longitude": 181}]},
        {"fixes": [FIX | {"latitude": "59.9"}]},
        {"fixes": [FIX | {"accuracy": -1}]},
        {"fixes": [FIX | {"accuracy": math.inf}]},
        {"fixes": [FIX | {"timestamp": -1}]},
        {"fixes": [FIX | {"timestamp": 1e300}]},
        {"fixes": [FIX | {"speed": math.inf}]},
        {"fixes": [FIX] * (MAX_FIXES + 1)},
        {"fixes": FIX},
        {"opened": [None]},
        {"opened": ["x" * 300]},
    ],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(msgspec.ValidationError):
        read_report(report(**wrong))


def test_what_is_missing_is_named():
    told = report()
    del told["visible"]
    with pytest.raises(msgspec.ValidationError, match="visible"):
        read_report(told)
