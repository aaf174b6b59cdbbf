"""The three packets that open a TCP connection, over links that lose some.

Pure, like :mod:`realtime.network.tcp`: pass ``now_ns``, and after each call look at ``next_timer()``.
:class:`Handshake` is the first round trip; :class:`Confirmation` is the third packet, for those who play the
listener and must know when it may accept.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from realtime.network.link import NS, Link
from realtime.network.path import Path
from realtime.network.tcp_segment import HEADER_BYTES

# RFC 6298, section 2, and Linux (net.ipv4.tcp_syn_retries = 6): after 1, 2, 4 … 32 s again, after 64 s more given up.
FIRST_TIMEOUT_NS = 1 * NS
MAX_RETRIES = 6
MAX_CONFIRMATIONS = 6  # net.ipv4.tcp_synack_retries = 5


class RequestReceived(msgspec.Struct, frozen=True):
    """At the listener: someone wants to connect. You must call ``accept`` or ``refuse``, now or later."""


class Established(msgspec.Struct, frozen=True):
    """At the client: connected.

    Args:
        rtt_ns: the round trip, unless a repetition made the measurement worthless.
    """

    rtt_ns: int | None


class Refused(msgspec.Struct, frozen=True):
    """At the client: nobody listens there."""


class TimedOut(msgspec.Struct, frozen=True):
    """At the client: no answer to any request."""


HandshakeEvent = RequestReceived | Established | Refused | TimedOut


class _Packet(Enum):
    REQUEST = auto()  # SYN
    ACCEPTANCE = auto()  # SYN+ACK
    REFUSAL = auto()  # RST


class Handshake:
    """A client's attempt to connect; the first request leaves at once.

    Args:
        forward: links from the client to the listener.
        back: links from the listener to the client.
        now_ns: the time.
    """

    def __init__(self, forward: Sequence[Link], back: Sequence[Link], *, now_ns: int) -> None:
        self.retries = 0
        self._forward: Path[_Packet] = Path(forward)
        self._back: Path[_Packet] = Path(back)
        self._began_ns = now_ns
        self._answer: _Packet | None = None
        self._was_requested = False
        self._timeout_ns: int | None = now_ns + FIRST_TIMEOUT_NS
        self._forward.send(now_ns, HEADER_BYTES, _Packet.REQUEST)

    def accept(self, now_ns: int) -> None:
        """The listener takes the connection."""
        self._reply(now_ns, _Packet.ACCEPTANCE)

    def refuse(self, now_ns: int) -> None:
        """Nobody listens."""
        self._reply(now_ns, _Packet.REFUSAL)

    def cut(self) -> None:
        """From now on packets vanish both ways."""
        self._forward.cut()
        self._back.cut()

    def next_timer(self) -> int | None:
        """When :meth:`handle_timer` wants to be called next; None once there is an outcome."""
        if self._timeout_ns is None:
            return None
        times = (self._forward.next_timer(), self._back.next_timer(), self._timeout_ns)
        return min(at for at in times if at is not None)

    def handle_timer(self, now_ns: int) -> list[HandshakeEvent]:
        """Do what is due by ``now_ns``. Returns what listener and client learn, in order."""
        if self._timeout_ns is None:
            return []
        events: list[HandshakeEvent] = []
        for _ in self._forward.arrivals(now_ns):
            if not self._was_requested:
                self._was_requested = True
                events.append(RequestReceived())
            elif self._answer is not None:
                self._back.send(now_ns, HEADER_BYTES, self._answer)
        if (outcome := self._outcome(now_ns)) is not None:
            self._timeout_ns = None
            events.append(outcome)
        return events

    def _outcome(self, now_ns: int) -> HandshakeEvent | None:
        for answer in self._back.arrivals(now_ns):
            if answer is _Packet.REFUSAL:
                return Refused()
            return Established(now_ns - self._began_ns if self.retries == 0 else None)
        if self._timeout_ns is not None and self._timeout_ns <= now_ns:
            if self.retries == MAX_RETRIES:
                return TimedOut()
            self.retries += 1
            self._timeout_ns = now_ns + (FIRST_TIMEOUT_NS << self.retries)
            self._forward.send(now_ns, HEADER_BYTES, _Packet.REQUEST)
        return None

    def _reply(self, now_ns: int, answer: _Packet) -> None:
        self._answer = answer
        self._back.send(now_ns, HEADER_BYTES, answer)


class Confirmation:
    """The client's acknowledgement of the listener's answer; its first bytes serve as well.

    Args:
        forward: links from the client to the listener.
        now_ns: when the client was established.
    """

    def __init__(self, forward: Sequence[Link], *, now_ns: int) -> None:
        self._forward: Path[None] = Path(forward)
        self._sent = 0
        self._again_ns: int | None = now_ns
        self._has_arrived = False
        self._send(now_ns)

    def arrive(self) -> bool:
        """Data has arrived, which confirms too. Returns whether that is news."""
        is_news = not self._has_arrived
        self._has_arrived = True
        self.cut()
        return is_news

    def cut(self) -> None:
        """From now on packets vanish, and none is sent."""
        self._forward.cut()
        self._again_ns = None

    def next_timer(self) -> int | None:
        """When :meth:`handle_timer` wants to be called next."""
        times = (self._forward.next_timer(), self._again_ns)
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, now_ns: int) -> bool:
        """Do what is due by ``now_ns``. Returns whether the listener may accept now."""
        if self._forward.arrivals(now_ns):
            return self.arrive()
        if self._again_ns is not None and self._again_ns <= now_ns:
            self._send(now_ns)
        return False

    def _send(self, now_ns: int) -> None:
        """Sent once, and again as often as the listener, hearing nothing, repeats its answer."""
        if self._sent == MAX_CONFIRMATIONS:
            self._again_ns = None
            return
        self._again_ns = now_ns + (FIRST_TIMEOUT_NS << self._sent)
        self._sent += 1
        self._forward.send(now_ns, HEADER_BYTES, None)
