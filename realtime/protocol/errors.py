"""The errors of the wire, and the root of every error that this package raises."""


class RealtimeError(Exception):
    """Root of all errors raised on purpose by ``realtime``."""


class LocalProtocolError(RealtimeError):
    """This side asked for something that the protocol forbids: a mistake in the calling code."""


class RemoteProtocolError(RealtimeError):
    """The peer sent something that the protocol forbids; its connection must be closed."""
