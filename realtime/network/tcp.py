"""TCP between two endpoints, over links that lose packets.

Loss is a stall, then a reset; never a missing or a reordered byte. No clock and no tasks: you pass
``now_ns``, and after ANY call on a connection or on one of its endpoints you must look at
:attr:`TcpConnection.next_ns` and call :meth:`TcpConnection.handle_timer` then.

Modelled, as Linux does it: the three packets of opening, repeated and refused; round trips measured with time
stamps, retransmission timeout and its backoff, user timeout; selective acknowledgement, fast retransmit and
recovery, slow start, congestion avoidance, restart after idleness; the receiver's window, window probes, no silly
windows; delayed, lost and carried acknowledgements; the end of either direction; resets; half-open death.

Not modelled: tail-loss probes (the loss of a last segment costs a whole timeout), CUBIC (RFC 5681 instead),
undoing of needless repetitions, Nagle's algorithm, keepalive, auto-tuned buffers, quick acknowledgements,
the shorter patience with sockets that nobody holds any more, TIME_WAIT (numbers of connections are never reused).
"""

from __future__ import annotations

from realtime.network.link import NEVER_NS
from realtime.network.path import Path
from realtime.network.tcp_endpoint import TcpEndpoint
from realtime.network.tcp_events import (
    Accepted,
    Ended,
    Established,
    Event,
    GaveUp,
    Received,
    Refused,
    RequestReceived,
    Reset,
    TimedOut,
)
from realtime.network.tcp_segment import HEADER_BYTES, MSS_BYTES, SYN_BYTES, WINDOW_BYTES, Segment

__all__ = [
    "HEADER_BYTES",
    "MSS_BYTES",
    "SYN_BYTES",
    "WINDOW_BYTES",
    "Accepted",
    "Ended",
    "Established",
    "Event",
    "GaveUp",
    "Received",
    "Refused",
    "RequestReceived",
    "Reset",
    "Segment",
    "TcpConnection",
    "TcpEndpoint",
    "TimedOut",
]


class TcpConnection:
    """Both ends of a connection and the two paths between them.

    Nothing happens before ``client.open(now_ns)``.

    Args:
        up: carries :class:`Segment` from the client to the server.
        down: from the server to the client.
    """

    __slots__ = ("client", "down", "next_ns", "server", "up")

    def __init__(self, up: Path[Segment], down: Path[Segment]) -> None:
        self.up = up
        self.down = down
        self.next_ns: int = NEVER_NS  # when handle_timer wants to be called
        self.client = TcpEndpoint(self, up, is_client=True)
        self.server = TcpEndpoint(self, down, is_client=False)

    def handle_timer(self, now_ns: int) -> list[tuple[TcpEndpoint, Event]]:
        """Do what is due by ``now_ns``. Returns what the two applications learn, in order.

        Hand the events out before you call again: an answer that the application gives at once carries
        the acknowledgement of what it answers.
        """
        up, down, client, server = self.up, self.down, self.client, self.server
        events: list[tuple[TcpEndpoint, Event]] = []
        if up.next_ns <= now_ns:
            server.take_in(now_ns, up.arrivals(now_ns), events)
        if down.next_ns <= now_ns:
            client.take_in(now_ns, down.arrivals(now_ns), events)
        if client.ack_at_ns <= now_ns or client.retry_at_ns <= now_ns:
            client.handle_timer(now_ns, events)
        if server.ack_at_ns <= now_ns or server.retry_at_ns <= now_ns:
            server.handle_timer(now_ns, events)
        self.next_ns = min(
            up.next_ns, down.next_ns, client.retry_at_ns, client.ack_at_ns, server.retry_at_ns, server.ack_at_ns
        )
        return events

    def cut(self) -> None:
        """Half-open death: from now on packets vanish both ways, and neither end is told."""
        self.up.cut()
        self.down.cut()
        self.rearm()

    def revise(self, now_ns: int) -> None:
        """A link of the paths has changed; you must call this for every connection over it."""
        self.up.revise(now_ns)
        self.down.revise(now_ns)
        self.rearm()

    def rearm(self) -> None:
        """Bring :attr:`next_ns` up to date; only for the endpoints."""
        client, server = self.client, self.server
        self.next_ns = min(
            self.up.next_ns,
            self.down.next_ns,
            client.retry_at_ns,
            client.ack_at_ns,
            server.retry_at_ns,
            server.ack_at_ns,
        )
