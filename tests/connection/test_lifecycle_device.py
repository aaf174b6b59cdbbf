"""What the app's state and the device's network do to the life of a client's connections."""

from __future__ import annotations

import pytest

from realtime.connection.app_state import AppStateValue, BackgroundPolicy
from realtime.connection.connection_state import ConnectionState
from realtime.connection.net_info import NetType
from tests.connection.story import NO_ROUTE, Story, connected, wifi


def test_background_says_goodbye_and_foreground_returns_at_once_without_backoff() -> None:
    story = connected()
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    assert story.life.next_timer() is None
    story.tell(story.life.app_changed(900, AppStateValue.ACTIVE))
    story.tell(story.life.connected(900.1, recovered=False))
    assert story.words == [
        "tell background",
        "close (app background)",
        "SUSPENDED",
        "disconnect(app background)",
        "RECONNECTING",
        "reconnect_attempt(1, 0)",
        "dial",
        "CONNECTED",
        "connect()",
        "reconnect(1)",
    ]


def test_a_recovered_session_is_told_that_its_app_is_active_again() -> None:
    story = connected()
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    story.tell(story.life.app_changed(60, AppStateValue.ACTIVE))
    assert story.tell(story.life.connected(60.1, recovered=True))[-1] == "tell active"


def test_background_stops_the_attempts_and_foreground_forgets_the_failures() -> None:
    story = connected()
    story.tell(story.life.lost(100, "transport close"))
    story.tell(story.life.failed(101, NO_ROUTE))
    story.words.clear()
    assert story.tell(story.life.app_changed(101.5, AppStateValue.BACKGROUND)) == ["SUSPENDED"]
    assert story.life.next_timer() is None
    assert story.tell(story.life.app_changed(200, AppStateValue.ACTIVE)) == [
        "RECONNECTING",
        "reconnect_attempt(1, 0)",
        "dial",
    ]
    assert story.tell(story.life.app_changed(201, AppStateValue.BACKGROUND)) == [
        "drop (app background)",
        "SUSPENDED",
    ]


def test_inactive_changes_nothing() -> None:
    story = connected()
    assert story.tell(story.life.app_changed(1, AppStateValue.INACTIVE)) == []
    assert story.tell(story.life.app_changed(2, AppStateValue.ACTIVE)) == []


def test_keep_for_a_while_survives_a_glance_and_probes_on_return() -> None:
    story = connected(background=BackgroundPolicy.keep_for(30))
    assert story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND)) == ["tell background"]
    assert story.life.next_timer() == 80
    assert story.tell(story.life.app_changed(70, AppStateValue.ACTIVE)) == ["probe", "tell active"]
    assert story.life.next_timer() is None


def test_keep_for_a_while_then_disconnects() -> None:
    story = connected(background=BackgroundPolicy.keep_for(30))
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    assert story.timer() == (80, ["close (app background)", "SUSPENDED", "disconnect(app background)"])


def test_a_process_that_slept_through_its_timer_probes_if_the_app_is_back_first() -> None:
    story = connected(background=BackgroundPolicy.keep_for(30))
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    assert story.tell(story.life.app_changed(4000, AppStateValue.INACTIVE)) == ["probe", "tell active"]
    assert story.life.state is ConnectionState.CONNECTED


def test_a_recovered_session_is_told_again_where_the_app_is() -> None:
    """The last word may have died with its connection; a session that never heard one believes the truth."""
    story = connected(background=BackgroundPolicy.KEEP)
    story.tell(story.life.lost(10, "ping timeout"))
    assert "tell active" not in story.tell(story.life.connected(10.2, recovered=True))
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    assert story.tell(story.life.app_changed(60, AppStateValue.ACTIVE)) == ["probe", "tell active"]
    story.tell(story.life.lost(63, "ping timeout"))
    assert story.tell(story.life.connected(63.2, recovered=True))[-1] == "tell active"
    story.tell(story.life.lost(70, "ping timeout"))
    assert "tell active" not in story.tell(story.life.connected(70.2, recovered=False))


def test_keep_reconnects_in_the_background_and_says_where_the_app_is() -> None:
    story = connected(background=BackgroundPolicy.KEEP)
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    assert story.life.next_timer() is None
    story.tell(story.life.lost(60, "transport close"))
    assert story.tell(story.life.connected(61, recovered=False)) == [
        "CONNECTED",
        "connect()",
        "reconnect(1)",
        "tell background",
    ]


def test_foreground_cuts_a_wait_short() -> None:
    story = connected(background=BackgroundPolicy.KEEP)
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    story.tell(story.life.lost(60, "transport close"))
    story.tell(story.life.failed(61, NO_ROUTE))
    assert story.tell(story.life.app_changed(61.2, AppStateValue.ACTIVE)) == ["reconnect_attempt(1, 0)", "dial"]


@pytest.mark.clause("RT-CON-7")
def test_an_offline_device_makes_no_attempts_and_an_online_one_makes_one_at_once() -> None:
    story = connected()
    story.tell(story.life.net_changed(10, wifi(up=False)))
    assert story.life.next_timer() is None
    story.tell(story.life.net_changed(500, wifi()))
    assert story.words == [
        "drop (network offline)",
        "SUSPENDED",
        "disconnect(network offline)",
        "RECONNECTING",
        "reconnect_attempt(1, 0)",
        "dial",
    ]


def test_connecting_while_offline_waits_for_the_network_until_the_limit() -> None:
    story = Story(connection_timeout_s=5)
    story.tell(story.life.net_changed(0, wifi(up=False)))
    assert story.tell(story.life.connect(0, "caller")) == ["SUSPENDED"]
    assert story.timer() == (5, ["DISCONNECTED", "settle caller: ConnectTimeout"])
    assert "the device is offline" in str(story.settled["caller"])


def test_connecting_in_the_background_waits_for_the_foreground() -> None:
    story = Story(connection_timeout_s=5)
    story.tell(story.life.app_changed(0, AppStateValue.BACKGROUND))
    story.tell(story.life.connect(1, "caller"))
    story.tell(story.life.app_changed(2, AppStateValue.ACTIVE))
    story.tell(story.life.connected(3, recovered=False))
    assert story.words == [
        "SUSPENDED",
        "CONNECTING",
        "reconnect_attempt(1, 0)",
        "dial",
        "CONNECTED",
        "connect()",
        "settle caller: connected",
    ]


def test_both_the_network_and_the_foreground_are_needed() -> None:
    story = connected()
    story.tell(story.life.app_changed(1, AppStateValue.BACKGROUND))
    story.tell(story.life.net_changed(2, wifi(up=False)))
    assert story.tell(story.life.app_changed(3, AppStateValue.ACTIVE)) == []
    assert story.tell(story.life.net_changed(4, wifi()))[0] == "RECONNECTING"
    story.tell(story.life.net_changed(5, wifi(up=False)))
    story.tell(story.life.app_changed(6, AppStateValue.BACKGROUND))
    assert story.tell(story.life.net_changed(7, wifi())) == []


def test_another_network_makes_a_connection_look_for_itself() -> None:
    story = connected()
    story.tell(story.life.net_changed(1, wifi(kind=NetType.CELLULAR)))
    assert story.words == ["probe"]


@pytest.mark.clause("RT-CON-6")
def test_another_network_cuts_a_wait_and_a_hopeless_attempt_short() -> None:
    story = connected()
    story.tell(story.life.lost(100, "transport close"))
    story.tell(story.life.failed(101, NO_ROUTE))
    story.words.clear()
    story.tell(story.life.net_changed(101.1, wifi(kind=NetType.CELLULAR)))
    story.tell(story.life.net_changed(101.2, wifi()))
    assert story.words == [
        "reconnect_attempt(1, 0)",
        "dial",
        "drop (None)",
        "connect_error(ConnectError)",
        "reconnect_attempt(1, 0)",
        "dial",
    ]


def test_a_disconnected_client_minds_neither_app_nor_network() -> None:
    story = Story()
    story.tell(story.life.net_changed(1, wifi(up=False)))
    story.tell(story.life.app_changed(2, AppStateValue.BACKGROUND))
    story.tell(story.life.net_changed(3, wifi()))
    story.tell(story.life.app_changed(4, AppStateValue.ACTIVE))
    assert story.words == []


def test_without_reconnection_a_suspended_client_still_returns_in_the_foreground() -> None:
    story = connected(reconnection=False)
    story.tell(story.life.app_changed(50, AppStateValue.BACKGROUND))
    assert story.tell(story.life.app_changed(60, AppStateValue.ACTIVE)) == [
        "RECONNECTING",
        "reconnect_attempt(1, 0)",
        "dial",
    ]
