"""One direction of a TCP stream over links that lose packets.

Loss is a stall, then a reset; never a missing or a reordered byte. The object is both ends of the
direction: its sender repeats what is not acknowledged, its receiver puts it in order. It has no
clock and no tasks: pass ``now_ns``, and after each call look at :meth:`TcpDirection.next_timer` and call
:meth:`TcpDirection.handle_timer` then, as often as it names a time that has come.

Modelled: segments and acknowledgements as packets of their own, selective acknowledgement, retransmission
timeout and fast retransmit, one fixed window shared by both ends, reset, half-open death. The sender
knows the receiver's free window without delay, and congestion control is not modelled yet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from realtime.network.link import MS, NS, Link
from realtime.network.path import Path
from realtime.network.tcp_events import Ended, GaveUp, Received
from realtime.network.tcp_segment import HEADER_BYTES, MSS_BYTES, WINDOW_BYTES

# RFC 6298 with the bounds of Linux (net/ipv4/tcp_timer.c): the variance term is at least 200 ms,
# timeouts double up to 120 s, and 15 fruitless ones from 200 ms on make 924.6 s.
INITIAL_RTO_NS = 1 * NS
MIN_RTO_VARIANCE_NS = 200 * MS
MAX_RTO_NS = 120 * NS
USER_TIMEOUT_NS = 924_600 * MS

# RFC 5681: a segment is taken for lost when three sent after it were acknowledged.
REORDERING_SEGMENTS = 3


class AbortReceived(msgspec.Struct, frozen=True):
    """At the receiver: a reset; the sender has aborted."""


class Rejected(msgspec.Struct, frozen=True):
    """At the sender: a reset; the receiver's socket does not exist any more."""


Event = Received | Ended | AbortReceived | Rejected | GaveUp


class _Segment(msgspec.Struct, gc=False):
    """A piece of the stream. The end of the stream counts as one byte more."""

    seq: int
    data: bytes
    is_end: bool
    number: int  # of its newest transmission
    sent_ns: int
    is_repeated: bool = False

    @property
    def next_seq(self) -> int:
        return self.seq + len(self.data) + self.is_end


class _Copy(msgspec.Struct, frozen=True):
    """A transmission of a segment, under way."""

    segment: _Segment
    number: int


class _Ack(msgspec.Struct, frozen=True, gc=False):
    next_seq: int  # everything below has arrived
    seq: int  # and so has the segment that begins here,
    number: int  # in this transmission of all


class _Reset(msgspec.Struct, frozen=True, gc=False):
    pass


class TcpDirection:
    """A byte stream from a sender to a receiver.

    Args:
        forward: links from the sender to the receiver.
        back: links from the receiver to the sender; acknowledgements travel here.
        rtt_ns: the round trip that the handshake measured, if there was one.
    """

    def __init__(self, forward: Sequence[Link], back: Sequence[Link], *, rtt_ns: int | None = None) -> None:
        self._forward: Path[_Copy | _Reset] = Path(forward)
        self._back: Path[_Ack | _Reset] = Path(back)
        self._receiver = _Receiver()
        self._timeout = _RetransmissionTimeout(rtt_ns)
        self._unsent: deque[memoryview] = deque()
        self._unsent_bytes = 0
        self._in_flight: dict[int, _Segment] = {}  # by seq, ascending; without those acknowledged selectively
        self._transmissions: deque[tuple[int, int]] = deque()  # (number, seq), ascending number
        self._number = 0
        self._written_off = 0  # transmissions up to this number were overtaken by a timeout
        self._next_seq = 0
        self._acked_seq = 0
        self._end_wanted = self._end_sent = False
        self._is_dead = False

    # -- the sender's application

    def write(self, now_ns: int, data: bytes | bytearray | memoryview) -> None:
        """Append to the stream. Everything is taken; pause while :attr:`buffered_bytes` is large."""
        if self._is_dead or self._end_wanted or not data:
            return
        view = memoryview(bytes(data))
        self._unsent.append(view)
        self._unsent_bytes += len(view)
        self._pump(now_ns)

    def write_eof(self, now_ns: int) -> None:
        """End the stream after what has been written."""
        self._end_wanted = True
        self._pump(now_ns)

    def abort(self, now_ns: int) -> None:
        """Forget what is not delivered yet and send a reset; if that is lost, the receiver never knows."""
        if not self._is_dead:
            self._forward.send(now_ns, HEADER_BYTES, _Reset())
            self.forget()

    def forget(self) -> None:
        """The sender's socket is gone, without a word to anyone."""
        self._is_dead = True
        self._unsent.clear()
        self._unsent_bytes = 0
        self._in_flight.clear()
        self._transmissions.clear()
        self._acked_seq = self._next_seq
        self._timeout.stop()

    @property
    def buffered_bytes(self) -> int:
        """Bytes written and not acknowledged: what a kernel's send buffer holds."""
        return self._unsent_bytes + max(0, self._next_seq - self._end_sent - self._acked_seq)

    @property
    def is_finished(self) -> bool:
        """Whether everything up to the end of the stream has been acknowledged."""
        return self._end_sent and not self._in_flight

    @property
    def is_dead(self) -> bool:
        """Whether the sender aborted, was rejected or gave up."""
        return self._is_dead

    # -- the receiver's application

    def pause_reading(self) -> None:
        """Hold received bytes back; when the window is full of them, the sender stops."""
        self._receiver.is_paused = True

    def resume_reading(self, now_ns: int) -> list[Event]:
        """End :meth:`pause_reading`. Returns what was held back."""
        self._receiver.is_paused = False
        events = self._receiver.take()
        self._pump(now_ns)
        return events

    def close_receiver(self) -> None:
        """The receiver's socket is gone: whoever sends data to it from now on gets a reset."""
        self._receiver.close()

    # -- the network

    def cut(self) -> None:
        """Half-open death: from now on packets vanish both ways, and neither end is told."""
        self._forward.cut()
        self._back.cut()

    def next_timer(self) -> int | None:
        """When :meth:`handle_timer` wants to be called next."""
        earliest = self._timeout.at_ns
        for path in (self._forward, self._back):
            at_ns = path.next_timer()
            if at_ns is not None and (earliest is None or at_ns < earliest):
                earliest = at_ns
        return earliest

    def handle_timer(self, now_ns: int) -> list[Event]:
        """Do what is due by ``now_ns``. Returns what the two applications learn, in order."""
        events: list[Event] = []
        for packet in self._forward.arrivals(now_ns):
            if isinstance(packet, _Reset):
                events += self._receiver.take()
                self._receiver.close()
                events.append(AbortReceived())
            elif (answer := self._receiver.receive(packet)) is not None:
                self._back.send(now_ns, HEADER_BYTES, answer)
        events += self._receiver.take()
        for reply in self._back.arrivals(now_ns):
            if self._is_dead:
                continue
            if isinstance(reply, _Reset):
                self.forget()
                events.append(Rejected())
            else:
                self._acknowledge(now_ns, reply)
        if self._timeout.at_ns is not None and self._timeout.at_ns <= now_ns:
            if self._timeout.expire(now_ns):
                self.forget()
                events.append(GaveUp())
            else:
                self._written_off = self._number
                self._transmit(now_ns, next(iter(self._in_flight.values())))
        return events

    # -- the sender

    def _pump(self, now_ns: int) -> None:
        """Send what the window allows."""
        while self._unsent:
            room = WINDOW_BYTES - (self._next_seq - self._acked_seq) - self._receiver.held_bytes
            if room < min(MSS_BYTES, self._unsent_bytes):  # RFC 1122: no silly windows
                return
            self._send_new(now_ns, self._take(min(room, MSS_BYTES)), is_end=False)
        if self._end_wanted and not self._end_sent and not self._is_dead:
            self._end_sent = True
            self._send_new(now_ns, b"", is_end=True)

    def _take(self, nbytes: int) -> bytes:
        """The next bytes to send: short writes that had to wait travel together."""
        parts: list[memoryview] = []
        while nbytes and self._unsent:
            view = self._unsent.popleft()
            if len(view) > nbytes:
                self._unsent.appendleft(view[nbytes:])
                view = view[:nbytes]
            parts.append(view)
            nbytes -= len(view)
        data = b"".join(parts)
        self._unsent_bytes -= len(data)
        return data

    def _send_new(self, now_ns: int, data: bytes, *, is_end: bool) -> None:
        segment = _Segment(self._next_seq, data, is_end, 0, now_ns)
        self._next_seq = segment.next_seq
        self._in_flight[segment.seq] = segment
        self._transmit(now_ns, segment)
        if self._timeout.at_ns is None:
            self._timeout.start(now_ns)

    def _transmit(self, now_ns: int, segment: _Segment) -> None:
        self._number += 1
        segment.is_repeated = segment.number > 0
        segment.number = self._number
        self._transmissions.append((segment.number, segment.seq))
        self._forward.send(now_ns, HEADER_BYTES + len(segment.data), _Copy(segment, segment.number))

    def _acknowledge(self, now_ns: int, ack: _Ack) -> None:
        acked = self._in_flight.pop(ack.seq, None)
        if acked is not None and not acked.is_repeated:  # Karn's rule
            self._timeout.sample(now_ns - acked.sent_ns)
        if ack.next_seq > self._acked_seq:
            self._acked_seq = ack.next_seq
            while self._in_flight and (first := next(iter(self._in_flight))) < ack.next_seq:
                del self._in_flight[first]
            self._timeout.stop()
            if self._in_flight:
                self._timeout.start(now_ns)
        self._repeat_overtaken(now_ns, ack.number)
        self._pump(now_ns)

    def _repeat_overtaken(self, now_ns: int, number: int) -> None:
        """Links keep the order of packets: what was sent before an acknowledged transmission is here or lost."""
        limit = number - REORDERING_SEGMENTS
        if number > self._written_off:
            limit = max(limit, self._written_off)
        while self._transmissions and self._transmissions[0][0] <= limit:
            passed, seq = self._transmissions.popleft()
            segment = self._in_flight.get(seq)
            if segment is not None and segment.number == passed:
                self._transmit(now_ns, segment)


class _Receiver:
    """The receiving end: order, duplicates, acknowledgements."""

    def __init__(self) -> None:
        self.is_paused = False
        self.held_bytes = 0
        self._held: list[bytes] = []
        self._next_seq = 0
        self._early: dict[int, _Segment] = {}
        self._ended = self._end_told = self._is_closed = False

    def receive(self, packet: _Copy) -> _Ack | _Reset | None:
        """Take a segment in; returns the packet that answers it."""
        segment = packet.segment
        if self._is_closed and segment.data:
            return _Reset()
        if segment.seq >= self._next_seq:
            self._early[segment.seq] = segment
        while (segment_in_order := self._early.pop(self._next_seq, None)) is not None:
            self._next_seq = segment_in_order.next_seq
            self._ended = segment_in_order.is_end
            if segment_in_order.data:
                self._held.append(segment_in_order.data)
                self.held_bytes += len(segment_in_order.data)
        return _Ack(self._next_seq, segment.seq, packet.number)

    def take(self) -> list[Event]:
        """What the application may read now."""
        if self.is_paused or self._is_closed:
            return []
        events: list[Event] = []
        if self._held:
            events.append(Received(b"".join(self._held)))
            self._held.clear()
            self.held_bytes = 0
        if self._ended and not self._end_told:
            self._end_told = True
            events.append(Ended())
        return events

    def close(self) -> None:
        self._is_closed = True
        self._held.clear()
        self._early.clear()
        self.held_bytes = 0


class _RetransmissionTimeout:
    """RFC 6298: how long to wait for an acknowledgement."""

    def __init__(self, rtt_ns: int | None) -> None:
        self.at_ns: int | None = None
        self._smoothed_ns: int | None = None
        self._variance_ns = 0
        self._doublings = 0
        self._waiting_since_ns = 0  # the last start that was no repetition
        if rtt_ns is not None:
            self.sample(rtt_ns)

    def sample(self, rtt_ns: int) -> None:
        """A measured round trip."""
        if self._smoothed_ns is None:
            self._smoothed_ns = rtt_ns
            self._variance_ns = rtt_ns // 2
        else:
            self._variance_ns += (abs(self._smoothed_ns - rtt_ns) - self._variance_ns) // 4
            self._smoothed_ns += (rtt_ns - self._smoothed_ns) // 8

    def start(self, now_ns: int) -> None:
        self._waiting_since_ns = now_ns
        self.at_ns = now_ns + self._length_ns()

    def stop(self) -> None:
        self.at_ns = None
        self._doublings = 0

    def expire(self, now_ns: int) -> bool:
        """The time has come: wait twice as long, unless patience is at its end. Returns whether it is."""
        if now_ns - self._waiting_since_ns >= USER_TIMEOUT_NS:
            return True
        self._doublings += 1
        self.at_ns = now_ns + self._length_ns()
        return False

    def _length_ns(self) -> int:
        if self._smoothed_ns is None:
            length = INITIAL_RTO_NS
        else:
            length = self._smoothed_ns + max(MIN_RTO_VARIANCE_NS, 4 * self._variance_ns)
        return min(length << min(self._doublings, 12), MAX_RTO_NS)
