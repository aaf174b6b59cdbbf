"""What can go wrong between a client and its server."""

from __future__ import annotations

import pytest

from realtime.connection.errors import (
    AckTimeout,
    ConnectError,
    ConnectionLost,
    ConnectRefused,
    ConnectTimeout,
    SendRefused,
)
from realtime.protocol.errors import RealtimeError


@pytest.mark.parametrize("kind", [ConnectTimeout, ConnectRefused])
def test_whatever_kept_a_connection_from_opening_is_a_connect_error(kind: type[ConnectError]) -> None:
    with pytest.raises(ConnectError, match="no"):
        raise kind("no")


@pytest.mark.parametrize("kind", [ConnectTimeout, AckTimeout])
def test_timeouts_are_timeouts(kind: type[Exception]) -> None:
    assert issubclass(kind, TimeoutError)
    assert issubclass(kind, RealtimeError)


def test_a_refusal_carries_the_servers_words() -> None:
    error = ConnectRefused("not authorized", {"code": 401})
    assert (str(error), error.message, error.data) == ("not authorized", "not authorized", {"code": 401})


def test_a_loss_tells_its_reason() -> None:
    assert ConnectionLost("ping timeout").reason == "ping timeout"
    assert str(ConnectionLost("ping timeout")) == "connection lost: ping timeout"


def test_a_refused_message_tells_a_code_for_programs() -> None:
    error = SendRefused("queue_full", "the outbox is full")
    assert (error.code, error.message, str(error)) == ("queue_full", "the outbox is full", "the outbox is full")


def test_a_failed_attempt_may_say_when_to_try_again() -> None:
    assert ConnectError("busy", retry_after_s=5).retry_after_s == 5
    assert ConnectError("busy").retry_after_s is None
