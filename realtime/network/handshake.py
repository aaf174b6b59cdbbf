"""How a TCP connection opens over links that lose packets.

Both ends in one object, without clock and tasks, as in `realtime.network.tcp`: after each call look at
:meth:`Handshake.next_timer` and call :meth:`Handshake.handle_timer` then.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum, auto

import msgspec

from realtime.network.link import NS, Link
from realtime.network.path import Path
from realtime.network.tcp import HEADER_BYTES

# Linux: repeat after 1, 2, 4 … s; tcp_syn_retries 6 (gives up at 127 s), tcp_synack_retries 5 (at 63 s).
FIRST_WAIT_NS = 1 * NS
SYN_RETRIES = 6
SYN_ACK_RETRIES = 5


class SynArrived(msgspec.Struct, frozen=True):
    """At the server's host: a client knocks. You must call :meth:`Handshake.answer`."""


class Established(msgspec.Struct, frozen=True):
    """At the client: connected. ``rtt_ns`` is None if a repetition made the measurement worthless."""

    rtt_ns: int | None


class Accepted(msgspec.Struct, frozen=True):
    """At the server: connected."""


class Refused(msgspec.Struct, frozen=True):
    """At the client: nobody listens there (ECONNREFUSED)."""


class TimedOut(msgspec.Struct, frozen=True):
    """At the client: nobody answered (ETIMEDOUT)."""


Event = SynArrived | Established | Accepted | Refused | TimedOut


class _Flag(Enum):
    SYN = auto()
    SYN_ACK = auto()
    ACK = auto()
    RESET = auto()


class Handshake:
    """SYN, SYN-ACK, ACK.

    Args:
        up: links from the client to the server.
        down: links from the server to the client.
    """

    def __init__(self, up: Sequence[Link], down: Sequence[Link]) -> None:
        self._up: Path[_Flag] = Path(up)
        self._down: Path[_Flag] = Path(down)
        self._syn = _Repetition(SYN_RETRIES)
        self._syn_ack = _Repetition(SYN_ACK_RETRIES)
        self._started_ns = 0
        self._established = self._accepted = False

    def start(self, now_ns: int) -> None:
        """Send the first SYN."""
        self._started_ns = now_ns
        self._syn.start(now_ns)
        self._up.send(now_ns, HEADER_BYTES, _Flag.SYN)

    def answer(self, now_ns: int, *, accept: bool) -> None:
        """The server's host decides about a SYN that arrived."""
        if not accept:
            self._down.send(now_ns, HEADER_BYTES, _Flag.RESET)
            return
        self._syn_ack.start(now_ns)
        self._down.send(now_ns, HEADER_BYTES, _Flag.SYN_ACK)

    def confirm(self) -> list[Event]:
        """Data arrived at the server: that acknowledges too."""
        if self._accepted:
            return []
        self._accepted = True
        self._syn_ack.stop()
        return [Accepted()]

    def cut(self) -> None:
        """From now on everything vanishes, and nobody tries again."""
        self._up.cut()
        self._down.cut()
        self._syn.stop()
        self._syn_ack.stop()

    def next_timer(self) -> int | None:
        """When :meth:`handle_timer` wants to be called next."""
        times = (self._up.next_timer(), self._down.next_timer(), self._syn.at_ns, self._syn_ack.at_ns)
        return min((at for at in times if at is not None), default=None)

    def handle_timer(self, now_ns: int) -> list[Event]:
        """Do what is due by ``now_ns``. Returns what the two ends learn, in order."""
        events: list[Event] = []
        for flag in self._up.arrivals(now_ns):
            events += self._at_server(flag)
        for flag in self._down.arrivals(now_ns):
            events += self._at_client(now_ns, flag)
        if self._syn.is_due(now_ns):
            if self._syn.again(now_ns):
                self._up.send(now_ns, HEADER_BYTES, _Flag.SYN)
            else:
                self.cut()
                events.append(TimedOut())
        if self._syn_ack.is_due(now_ns) and self._syn_ack.again(now_ns):
            self._down.send(now_ns, HEADER_BYTES, _Flag.SYN_ACK)
        return events

    def _at_server(self, flag: _Flag) -> list[Event]:
        if flag is _Flag.ACK:
            return self.confirm()
        return [] if self._accepted else [SynArrived()]

    def _at_client(self, now_ns: int, flag: _Flag) -> list[Event]:
        is_first = not self._established
        rtt_ns = None if self._syn.repetitions else now_ns - self._started_ns
        self._syn.stop()
        if flag is _Flag.RESET:
            return [Refused()]
        self._established = True
        self._up.send(now_ns, HEADER_BYTES, _Flag.ACK)
        return [Established(rtt_ns)] if is_first else []


class _Repetition:
    """A packet that is sent again after 1, 2, 4 … s."""

    def __init__(self, limit: int) -> None:
        self.at_ns: int | None = None
        self.repetitions = 0
        self._limit = limit

    def start(self, now_ns: int) -> None:
        self.repetitions = 0
        self.at_ns = now_ns + FIRST_WAIT_NS

    def stop(self) -> None:
        self.at_ns = None

    def is_due(self, now_ns: int) -> bool:
        return self.at_ns is not None and self.at_ns <= now_ns

    def again(self, now_ns: int) -> bool:
        """Whether to send once more; otherwise the wait is over."""
        if self.repetitions == self._limit:
            self.at_ns = None
            return False
        self.repetitions += 1
        self.at_ns = now_ns + (FIRST_WAIT_NS << self.repetitions)
        return True
