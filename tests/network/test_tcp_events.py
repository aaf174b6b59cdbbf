"""What the two applications of a connection can learn."""

import pytest

from realtime.network.tcp_events import (
    Accepted,
    Ended,
    Established,
    GaveUp,
    Received,
    Refused,
    RequestReceived,
    Reset,
    TimedOut,
)


@pytest.mark.parametrize("kind", [RequestReceived, Accepted, Refused, TimedOut, Ended, Reset, GaveUp])
def test_events_of_a_kind_are_equal(kind):
    assert kind() == kind()


def test_events_are_values():
    assert Received(b"a") == Received(b"a") != Received(b"b")
    assert Established(rtt_ns=5).rtt_ns == 5
    with pytest.raises(AttributeError):
        Received(b"a").data = b"b"
