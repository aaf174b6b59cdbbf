"""Whose fault it was can be told from the type alone."""

from realtime.protocol.errors import LocalProtocolError, RealtimeError, RemoteProtocolError


def test_both_sides_mistakes_are_realtime_errors_and_neither_is_the_other():
    assert issubclass(LocalProtocolError, RealtimeError)
    assert issubclass(RemoteProtocolError, RealtimeError)
    assert not issubclass(LocalProtocolError, RemoteProtocolError)
    assert not issubclass(RemoteProtocolError, LocalProtocolError)
