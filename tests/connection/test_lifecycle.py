"""The whole life of a client's connections, decided without a loop."""

from __future__ import annotations

import pytest

from realtime.connection.connection_state import ConnectionState
from realtime.connection.errors import ConnectError, ConnectionLost, ConnectRefused, ConnectTimeout
from tests.connection.story import NO_ROUTE, Story, connected


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


def test_a_connection_that_nobody_took_any_more_ends() -> None:
    story = Story()
    for caller in ("caller", "another"):
        story.tell(story.life.connect(0, caller))
    story.tell(story.life.connected(1, recovered=False))
    assert story.tell(story.life.forget(1, "caller")) == []
    assert "DISCONNECTED" in story.tell(story.life.forget(1, "another"))
    story.tell(story.life.connect(2, "caller"))
    story.tell(story.life.connected(3, recovered=False))
    story.life.taken()
    assert story.tell(story.life.forget(4, "caller")) == []
    story.tell(story.life.disconnect(5))
    story.tell(story.life.connect(6, "caller"))
    story.tell(story.life.connected(7, recovered=False))
    story.tell(story.life.connect(7))
    assert story.tell(story.life.forget(7, "caller")) == []
    assert story.life.state is ConnectionState.CONNECTED


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


@pytest.mark.clause("RT-CON-8")
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


def test_a_timer_that_fires_early_decides_nothing() -> None:
    story = Story()
    story.tell(story.life.connect(0, "caller"))
    assert story.life.handle_timer(1) == []


def test_a_limit_must_be_positive() -> None:
    with pytest.raises(ValueError, match="connection_timeout_s"):
        Story(connection_timeout_s=0)
