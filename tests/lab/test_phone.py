"""A phone: an app behind a network of its own."""

import pytest

from realtime.connection.net_info import NetType


@pytest.mark.parametrize(
    ("profile", "kind"), [("wifi", NetType.WIFI), ("lte", NetType.CELLULAR), (None, NetType.UNKNOWN)]
)
def test_the_device_knows_what_carries_it(lab, profile, kind):
    assert lab.phone("ana", profile=profile, connect=False).net_info.type is kind


def test_its_parts_share_one_connection_and_one_app(lab):
    ana = lab.phone("ana")
    assert ana.chat.client.user_id == "ana"
    assert ana.socket.app_state is ana.app_state
    assert ana.socket.net_info is ana.net_info
    assert ana.proxy.stats.connections == 1


def test_it_reaches_its_server_through_its_own_proxy_only(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    ana.network.unplug()
    ben.chat.send("lobby", "hi").wait(10)
    assert ana.chat.room("lobby").snapshot.texts == ()
    assert ana.proxy.port != ben.proxy.port


def test_a_closed_phone_has_left_and_is_not_rejoined(lab):
    ana, ben = lab.phone("ana"), lab.phone("ben")
    lab.wait_until(lambda: "ana" in ben.chat.room("lobby").snapshot.members)
    ana.close()
    lab.wait_until(lambda: "ana" not in ben.chat.room("lobby").snapshot.members)
    assert repr(ana) == "<Phone 'ana' wifi online disconnected>"
