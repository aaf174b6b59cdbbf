"""Reachability and connection type, as the device reports them."""

from __future__ import annotations

import pytest

from realtime.connection.net_info import NetInfo, NetStatus, NetType


def test_a_device_that_reports_nothing_counts_as_connected() -> None:
    net = NetInfo()
    assert net.is_connected
    assert net.type is NetType.UNKNOWN
    assert repr(net) == "<NetInfo unknown>"


def test_each_change_is_told_once() -> None:
    net = NetInfo(NetType.WIFI)
    seen: list[NetStatus] = []
    net.observe(seen.append)
    net.update(type=NetType.WIFI)
    net.update(type="cellular")
    net.update(is_connected=True)
    assert seen == [NetStatus(is_connected=True, type=NetType.CELLULAR)]


def test_offline_means_no_network_and_no_network_means_offline() -> None:
    net = NetInfo(NetType.WIFI)
    net.update(is_connected=False)
    assert net.type is NetType.NONE
    assert not net.is_connected
    net.update(type=NetType.WIFI)
    assert net.is_connected
    net.update(type="none")
    assert not net.is_connected
    assert repr(net) == "<NetInfo offline>"


def test_back_online_without_saying_how() -> None:
    net = NetInfo(NetType.NONE)
    net.update(is_connected=True)
    assert net.snapshot == NetStatus(is_connected=True, type=NetType.UNKNOWN)


def test_a_network_cannot_be_there_and_not_there() -> None:
    net = NetInfo()
    with pytest.raises(ValueError, match="is_connected"):
        net.update(is_connected=False, type="wifi")
    with pytest.raises(ValueError, match="is_connected"):
        net.update(is_connected=True, type="none")


def test_an_unknown_type_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="wifi, cellular, none, unknown"):
        NetInfo().update(type="pigeon")
