"""A fence: an extra ping behind what was written, whose pong says that the client has had a chance to see it."""

import pytest

from realtime.protocol.engineio import Text
from realtime.protocol.errors import LocalProtocolError, RemoteProtocolError
from realtime.protocol.server_session import EventReceived, FencePassed, PeerClosed, ServerSession, TimedOut

PING, PONG = Text(b"2"), b"3"


@pytest.fixture
def session():
    """Connected at 0 s; pings every 25 s, patience 20 s."""
    session = ServerSession(sid="eio", now=0.0, ping_interval_s=25.0, ping_timeout_s=20.0, max_payload=1000)
    session.receive_text(b"40", 0.0)
    session.accept("/", "s")
    session.data_to_send()
    return session


def test_a_fence_goes_out_behind_what_was_sent_and_is_passed_by_its_pong(session):
    session.send_event("news")
    session.fence("f")
    assert session.data_to_send() == [Text(b'42["news"]'), PING]
    assert session.receive_text(b'42["sent before"]', 1.0) == [EventReceived("/", "sent before", (), None)]
    assert session.receive_text(PONG, 1.0) == [FencePassed("f")]
    assert session.receive_text(PONG, 1.0) == []


def test_the_pong_of_a_regular_ping_passes_no_fence(session):
    session.handle_timer(25.0)
    session.fence("f")
    assert session.data_to_send() == [PING, PING]
    assert session.receive_raw(PONG, 26.0) == []
    assert session.receive_raw(PONG, 26.0) == [FencePassed("f")]


def test_a_regular_ping_behind_a_fence_waits_for_its_own_pong(session):
    session.fence("f")
    session.handle_timer(25.0)
    session.fence("g")
    assert session.receive_text(PONG, 26.0) == [FencePassed("f")]
    assert session.receive_text(PONG, 26.0) == []
    assert session.receive_text(PONG, 26.0) == [FencePassed("g")]


def test_a_pong_that_nobody_asked_for_does_not_count_for_later(session):
    session.receive_text(PONG, 1.0)
    session.fence("f")
    assert session.receive_text(PONG, 2.0) == [FencePassed("f")]


def test_a_fence_leaves_the_heartbeat_alone(session):
    session.fence("f")
    session.data_to_send()
    assert session.next_timer() == 25.0
    assert session.handle_timer(24.0) == []  # nobody's patience began with it
    assert session.handle_timer(25.0) == []
    assert session.data_to_send() == [PING]
    assert session.handle_timer(45.0) == [TimedOut("ping timeout")]


def test_a_closed_connection_passes_no_fence(session):
    session.fence("f")
    assert session.receive_text(b"1", 1.0) == [PeerClosed()]
    assert session.receive_text(PONG, 1.0) == []
    with pytest.raises(LocalProtocolError, match="CLOSED"):
        session.fence("g")


def test_a_ping_from_the_client_is_a_mistake_with_a_fence_too(session):
    session.fence("f")
    with pytest.raises(RemoteProtocolError, match="PING"):
        session.receive_text(b"2", 1.0)
