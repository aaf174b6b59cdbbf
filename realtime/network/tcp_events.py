"""What the two applications of a TCP connection learn from :mod:`realtime.network.tcp`."""

from __future__ import annotations

import msgspec


class RequestReceived(msgspec.Struct, frozen=True):
    """At the server: someone wants to connect. You must call ``accept`` or ``refuse``, now or later.

    It comes again when the client, which has not heard of a refusal, tries again.
    """


class Accepted(msgspec.Struct, frozen=True):
    """At the server: the client knows that it is connected; a listener's ``accept()`` would return now."""


class Established(msgspec.Struct, frozen=True):
    """At the client: connected.

    Args:
        rtt_ns: the round trip of the request that was answered.
    """

    rtt_ns: int


class Refused(msgspec.Struct, frozen=True):
    """At the client: nobody listens there (ECONNREFUSED)."""


class TimedOut(msgspec.Struct, frozen=True):
    """At the client: no answer to any request (ETIMEDOUT)."""


class Received(msgspec.Struct, frozen=True, gc=False):
    """The next bytes of the peer's stream."""

    data: bytes


class Ended(msgspec.Struct, frozen=True):
    """The peer has ended its stream; no more bytes follow."""


class Reset(msgspec.Struct, frozen=True):
    """The peer's reset: it has aborted, or its socket does not exist any more (ECONNRESET)."""


class GaveUp(msgspec.Struct, frozen=True):
    """Nothing was acknowledged for the user timeout (ETIMEDOUT)."""


Event = RequestReceived | Accepted | Established | Refused | TimedOut | Received | Ended | Reset | GaveUp
