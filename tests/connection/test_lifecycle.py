"""The whole life of a client's connections, decided without a loop."""

from __future__ import annotations

import random
from typing import Any

import pytest

from realtime.connection.actions import Action, Announce, Dial, HangUp, Probe, Settle, TellAppState
from realtime.connection.app_state import AppStateValue, BackgroundPolicy
from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import ConnectError, ConnectionLost, ConnectRefused, ConnectTimeout
from realtime.connection.lifecycle import Lifecycle
from realtime.connection.net_info import NetStatus, NetType
from realtime.connection.reconnection_strategy import ReconnectionStrategy

NO_ROUTE = ConnectError("http://server: no route")


class Story:
    """A lifecycle, and everything it ever decided, in words."""

    def __init__(
        self,
        *,
        background: BackgroundPolicy = BackgroundPolicy.DISCONNECT,
        reconnection: bool = True,
        connection_timeout_s: float = 20,
        **strategy: Any,
    ) -> None:
        options: dict[str, Any] = {"base_s": 1, "jitter": "none", "rng": random.Random(0)} | strategy
        self.life = Lifecycle(
            address="http://server",
            strategy=ReconnectionStrategy(**options) if reconnection else None,
            background=background,
            connection_timeout_s=connection_timeout_s,
        )
        self.words: list[str] = []
        self.settled: dict[object, Exception | None] = {}
        self.errors: list[Exception] = []

    def tell(self, actions: list[Action]) -> list[str]:
        words = [word for action in actions if (word := self._word(action))]
        self.words += words
        return words

    def _word(self, action: Action) -> str:
        match action:
            case Dial():
                return "dial"
            case HangUp(reason=reason, farewell=farewell):
                return f"{farewell.value} ({reason})"
            case Probe():
                return "probe"
            case TellAppState(state=state):
                return f"tell {state}"
            case Settle(waiter=waiter, error=error):
                self.settled[waiter] = error
                return f"settle {waiter}: {type(error).__name__ if error else 'connected'}"
            case Announce(event="state_change", args=(state,)):
                return state.name
            case Announce(event=event, args=args):
                self.errors += [arg for arg in args if isinstance(arg, Exception)]
                return f"{event}({', '.join(_short(arg) for arg in args)})"

    def timer(self) -> tuple[float, list[str]]:
        due = self.life.next_timer()
        assert due is not None
        return due, self.tell(self.life.handle_timer(due))


def _short(value: object) -> str:
    return (
        type(value).__name__
        if isinstance(value, Exception)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )


def connected(**options: Any) -> Story:
    story = Story(**options)
    story.tell(story.life.connect(0))
    story.tell(story.life.connected(0.1, recovered=False))
    story.words.clear()
    return story


def wifi(*, up: bool = True, kind: NetType = NetType.WIFI) -> NetStatus:
    return NetStatus(is_connected=up, type=kind if up else NetType.NONE)


def test_connecting_and_disconnecting() -> None:
    story = Story()
    story.tell(story.life.connect(0, "caller"))
    story.tell(story.life.connected(0.2, recovered=False))
    story.tell(story.life.disconnect(5))
    assert story.words == [
        "CONNECTING",
        "dial",
        "CONNECTED",
        "connect()",
        "settle caller: connected",
        "goodbye (io client disconnect)",
        "DISCONNECTED",
        "disconnect(io client disconnect)",
    ]
    assert story.life.next_timer() is None
    assert story.life.disconnect(6) == []


def test_a_lost_connection_is_dialled_at_once_and_then_with_growing_delays() -> None:
    story = connected()
    story.tell(story.life.lost(100, "transport close"))
    story.tell(story.life.failed(100.5, NO_ROUTE))
    assert story.timer() == (101.5, ["dial"])
    story.tell(story.life.failed(102, NO_ROUTE))
    assert story.life.next_attempt_at_s == 104
    assert story.life.next_delay_s == 2
    story.timer()
    story.tell(story.life.connected(104.2, recovered=True))
    assert story.words == [
        "RECONNECTING",
        "disconnect(transport close)",
        "reconnect_attempt(1, 0)",
        "dial",
        "connect_error(ConnectError)",
        "reconnect_attempt(2, 1)",
        "dial",
        "connect_error(ConnectError)",
        "reconnect_attempt(3, 2)",
        "dial",
        "CONNECTED",
        "connect()",
        "reconnect(3)",
    ]
    assert story.life.reason == "transport close"


def test_a_first_connection_is_tried_again_until_its_limit_and_not_a_millisecond_longer() -> None:
    story = Story(connection_timeout_s=2)
    story.tell(story.life.connect(0, "caller"))
    for now in (0.1, 0.2, 1.3):
        story.tell(story.life.failed(now, NO_ROUTE))
        if story.life.next_timer() == 2:
            break
        story.timer()
    assert story.timer()[0] == 2
    assert story.words[-2:] == ["DISCONNECTED", "settle caller: ConnectTimeout"]
    error = story.settled["caller"]
    assert str(error) == "no connection to http://server within 2 s; last failure: http://server: no route"
    assert story.life.next_timer() is None


def test_an_attempt_without_an_answer_ends_at_its_bound_and_says_where_it_got_stuck() -> None:
    story = Story(connection_timeout_s=2)
    story.tell(story.life.connect(0, "caller"))
    story.life.stage = "waiting for the WebSocket upgrade"
    assert story.timer() == (
        2,
        ["drop (None)", "connect_error(ConnectTimeout)", "DISCONNECTED", "settle caller: ConnectTimeout"],
    )
    assert str(story.errors[0]) == "http://server did not answer within 2 s: waiting for the WebSocket upgrade"
    assert "within 2 s; last failure: http://server did not answer" in str(story.settled["caller"])


def test_a_limit_that_cuts_an_attempt_short_says_what_failed_last() -> None:
    story = Story(connection_timeout_s=2)
    story.tell(story.life.connect(0, "caller"))
    story.life.stage = "waiting for the Socket.IO CONNECT reply"
    story.tell(story.life.failed(1, NO_ROUTE))
    story.words.clear()
    assert story.timer() == (2, ["drop (None)", "DISCONNECTED", "settle caller: ConnectTimeout"])
    assert "no route" in str(story.settled["caller"])


def test_without_a_waiting_caller_it_tries_for_ever() -> None:
    story = Story()
    story.tell(story.life.connect(0))
    now = 0.0
    for _ in range(300):
        story.tell(story.life.failed(now, NO_ROUTE))
        now = story.life.next_timer() or 0
        story.tell(story.life.handle_timer(now))
    assert now > 3600
    assert story.life.state is ConnectionState.CONNECTING


def test_a_second_caller_joins_and_each_has_its_own_limit() -> None:
    story = Story(connection_timeout_s=10)
    story.tell(story.life.connect(0, "first"))
    story.tell(story.life.connect(4, "second"))
    assert story.words == ["CONNECTING", "dial"]
    assert story.timer()[0] == 10
    assert isinstance(story.settled["first"], ConnectTimeout)
    assert story.life.state is ConnectionState.CONNECTING
    story.tell(story.life.connected(11, recovered=False))
    assert story.settled["second"] is None


def test_a_caller_who_waits_for_what_others_keep_trying_ends_only_its_own_waiting() -> None:
    story = Story(connection_timeout_s=10)
    story.tell(story.life.connect(0))
    story.tell(story.life.connect(1, "caller"))
    story.timer()
    story.tell(story.life.handle_timer(11))
    assert isinstance(story.settled["caller"], ConnectTimeout)
    assert story.life.state is ConnectionState.CONNECTING


def test_a_caller_who_stops_waiting_ends_the_attempts_that_were_only_for_it() -> None:
    story = Story()
    story.tell(story.life.connect(0, "caller"))
    assert story.tell(story.life.forget(1, "caller")) == ["drop (None)", "DISCONNECTED"]
    story.tell(story.life.connect(2))
    story.tell(story.life.connect(2, "caller"))
    assert story.tell(story.life.forget(3, "caller")) == []
    assert story.tell(story.life.forget(3, "stranger")) == []


def test_connect_while_connected_is_harmless() -> None:
    story = connected()
    assert story.tell(story.life.connect(1, "caller")) == ["settle caller: connected"]
    assert story.tell(story.life.connect(2)) == []


def test_connect_while_waiting_for_the_next_attempt_tries_at_once() -> None:
    story = connected()
    story.tell(story.life.lost(100, "transport close"))
    story.tell(story.life.failed(101, NO_ROUTE))
    assert story.tell(story.life.connect(101.5)) == ["reconnect_attempt(1, 0)", "dial"]


def test_disconnecting_while_trying_tells_those_who_wait() -> None:
    story = Story()
    story.tell(story.life.connect(0, "caller"))
    assert story.tell(story.life.disconnect(1)) == [
        "drop (io client disconnect)",
        "DISCONNECTED",
        "settle caller: ConnectionLost",
    ]
    assert isinstance(story.settled["caller"], ConnectionLost)


def test_a_refusal_is_final() -> None:
    story = Story()
    story.tell(story.life.connect(0, "caller"))
    story.tell(story.life.failed(1, ConnectRefused("bad token")))
    assert story.words[2:] == ["connect_error(ConnectRefused)", "DISCONNECTED", "settle caller: ConnectRefused"]
    assert story.life.next_timer() is None


def test_a_refusal_while_reconnecting_is_final_too() -> None:
    story = connected()
    story.tell(story.life.lost(100, "transport error"))
    assert story.tell(story.life.failed(101, ConnectRefused("banned"))) == [
        "connect_error(ConnectRefused)",
        "DISCONNECTED",
        "reconnect_failed(ConnectRefused)",
    ]


def test_a_refusal_that_says_when_to_come_back_is_honoured() -> None:
    story = Story(connection_timeout_s=60)
    story.tell(story.life.connect(0, "caller"))
    story.tell(story.life.failed(1, ConnectRefused("busy", retry_after_s=30)))
    assert story.words[2:] == ["connect_error(ConnectRefused)", "reconnect_attempt(1, 31)"]
    assert story.timer() == (32, ["dial"])


def test_a_servers_wish_to_be_left_alone_binds_an_eager_user_too() -> None:
    story = connected()
    story.tell(story.life.lost(100, "transport close"))
    story.tell(story.life.failed(100, ConnectError("503", retry_after_s=30)))
    assert story.tell(story.life.connect(110)) == ["reconnect_attempt(1, 20)"]
    assert story.timer() == (130, ["dial"])


def test_the_allowed_attempts_are_used_up() -> None:
    story = connected(max_reconnect_attempts=2)
    story.tell(story.life.lost(100, "transport close"))
    story.tell(story.life.failed(101, NO_ROUTE))
    story.timer()
    story.words.clear()
    story.tell(story.life.failed(103, NO_ROUTE))
    assert story.words == ["connect_error(ConnectError)", "DISCONNECTED", "reconnect_failed(ConnectError)"]
    assert str(story.errors[-1]) == "gave up on http://server after 2 attempts; last failure: http://server: no route"


def test_without_reconnection_there_is_one_attempt() -> None:
    story = Story(reconnection=False)
    story.tell(story.life.connect(0, "caller"))
    story.tell(story.life.failed(1, NO_ROUTE))
    assert story.words[2:] == ["connect_error(ConnectError)", "DISCONNECTED", "settle caller: ConnectError"]
    assert story.settled["caller"] is NO_ROUTE


def test_without_reconnection_a_loss_is_the_end() -> None:
    story = connected(reconnection=False)
    assert story.tell(story.life.lost(9, "ping timeout")) == ["DISCONNECTED", "disconnect(ping timeout)"]


def test_a_server_that_ends_the_session_is_not_called_again() -> None:
    story = connected()
    assert story.tell(story.life.lost(9, "io server disconnect")) == [
        "DISCONNECTED",
        "disconnect(io server disconnect)",
    ]
    assert story.life.next_timer() is None
    assert story.tell(story.life.connect(10)) == ["CONNECTING", "dial"]


def test_a_server_that_accepts_and_drops_at_once_is_not_hammered() -> None:
    story = connected()
    now, delays = 0.2, []
    for _ in range(5):
        story.tell(story.life.lost(now, "transport close"))
        delays.append(story.life.next_delay_s or 0)
        if delays[-1]:
            story.timer()
        now += 100
        story.tell(story.life.connected(now, recovered=False))
        now += 1
    assert delays == [0, 1, 2, 4, 8]


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
    story.tell(story.life.lost(99, "transport close"))
    assert "tell active" not in story.tell(story.life.connected(99.1, recovered=True))


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


def test_a_timer_that_fires_early_decides_nothing() -> None:
    story = Story()
    story.tell(story.life.connect(0, "caller"))
    assert story.life.handle_timer(1) == []


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="connection_timeout_s"):
        Story(connection_timeout_s=0)
