"""The sending end of a TCP stream: what waits, what is under way, what is lost."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import msgspec

from realtime.network.tcp_segment import Segment

# RFC 5681 and 6675: a segment is taken for lost when three sent after it have arrived.
REORDERING_SEGMENTS = 3

_UNDER_WAY, _ARRIVED, _LOST = 0, 1, 2


class Sent(msgspec.Struct, gc=False):
    """A piece of the stream that was sent. It is repeated as it is, never cut anew."""

    seq: int
    end: int  # seq of what follows; the end of the stream counts as one
    data: bytes
    is_end: bool
    sent_ns: int  # the newest transmission,
    order: int  # and its number among all
    is_repeated: bool = False
    fate: int = _UNDER_WAY


class SendQueue:
    """Unsent bytes, and the segments in flight with what is known of each.

    Links keep the order of packets. So which transmissions are lost follows from the order of all of them,
    repetitions included (as in RFC 8985, without its timers): no timeout is needed for a lost repetition.
    """

    __slots__ = (
        "_arrived",
        "_order",
        "_unsent",
        "acked_seq",
        "in_flight",
        "lost",
        "next_seq",
        "pipe_bytes",
        "unsent_bytes",
    )

    def __init__(self) -> None:
        self.next_seq = 0
        self.acked_seq = 0
        self.unsent_bytes = 0
        self.pipe_bytes = 0  # RFC 6675: under way, as far as is known
        self.in_flight: deque[Sent] = deque()  # ascending; everything from acked_seq to next_seq
        self.lost: deque[Sent] = deque()  # to be repeated, unless their fate has changed meanwhile
        self._unsent: deque[memoryview] = deque()
        self._order = 0
        self._arrived = (0, 0, 0)  # the newest transmissions that are known to have arrived

    def append(self, data: bytes) -> None:
        """Bytes to be sent when there is room."""
        self._unsent.append(memoryview(data))
        self.unsent_bytes += len(data)

    def cut(self, nbytes: int) -> bytes:
        """The next so many bytes, or all: short writes that had to wait travel together."""
        parts: list[memoryview] = []
        unsent = self._unsent
        while nbytes and unsent:
            part = unsent.popleft()
            if len(part) > nbytes:
                unsent.appendleft(part[nbytes:])
                part = part[:nbytes]
            parts.append(part)
            nbytes -= len(part)
        data = b"".join(parts)
        self.unsent_bytes -= len(data)
        return data

    def send(self, now_ns: int, data: bytes, is_end: bool) -> Sent:
        """Data goes out for the first time."""
        seq = self.next_seq
        self._order = order = self._order + 1
        self.next_seq = end = seq + len(data) + is_end
        record = Sent(seq, end, data, is_end, now_ns, order)
        self.in_flight.append(record)
        self.pipe_bytes += len(data)
        return record

    def adopt(self, segment: Segment) -> None:
        """The only segment that is in flight was sent by someone else."""
        self._order += 1
        self.in_flight.append(Sent(segment.seq, self.next_seq, segment.data, False, segment.sent_ns, self._order))
        self.pipe_bytes += len(segment.data)

    def next_lost(self) -> Sent | None:
        """What to repeat first."""
        lost = self.lost
        while lost:
            record = lost[0]
            if record.fate == _LOST and record.end > self.acked_seq:
                return record
            lost.popleft()
        return None

    def note_repeated(self, now_ns: int, record: Sent) -> None:
        """What :meth:`next_lost` returned goes out again."""
        self.lost.popleft()
        self._order += 1
        record.order = self._order
        record.sent_ns = now_ns
        record.is_repeated = True
        record.fate = _UNDER_WAY
        self.pipe_bytes += len(record.data)

    def acknowledge(self, seq: int) -> int:
        """Everything below has arrived. Returns how many bytes that were not acknowledged like this before."""
        in_flight = self.in_flight
        nbytes = 0
        while in_flight and in_flight[0].end <= seq:
            record = in_flight.popleft()
            size = len(record.data)
            nbytes += size
            if record.fate == _UNDER_WAY:
                self.pipe_bytes -= size
        self.acked_seq = seq
        return nbytes

    def mark(self, now_ns: int, sacks: Sequence[tuple[int, int]], *, shortest_ns: int) -> bool:
        """Note which segments have arrived beyond a hole. Returns whether others turn out to be lost.

        Args:
            now_ns: the time.
            sacks: stretches, from and to.
            shortest_ns: the shortest round trip so far: what seems to have been faster was the original.
        """
        first, second, third = self._arrived
        for begin, end in sacks:
            for record in self.in_flight:
                if record.seq >= end:
                    break
                if record.seq < begin or record.fate == _ARRIVED:
                    continue
                if record.fate == _UNDER_WAY:
                    self.pipe_bytes -= len(record.data)
                record.fate = _ARRIVED
                if record.is_repeated and now_ns - record.sent_ns < shortest_ns:
                    continue
                order = record.order
                if order > first:
                    first, second, third = order, first, second
                elif order > second:
                    second, third = order, second
                elif order > third:
                    third = order
        self._arrived = first, second, third
        return self._mark_lost(third)

    def write_off(self) -> None:
        """A timeout: everything under way is lost."""
        self.lost = deque(record for record in self.in_flight if record.fate != _ARRIVED)
        for record in self.lost:
            record.fate = _LOST
        self.pipe_bytes = 0

    def clear(self) -> None:
        """Nothing is sent any more."""
        self._unsent.clear()
        self.in_flight.clear()
        self.lost.clear()
        self.unsent_bytes = self.pipe_bytes = 0

    def _mark_lost(self, order: int) -> bool:
        """Whatever is under way and was sent before this number is lost."""
        is_news = False
        for record in self.in_flight:
            if record.fate == _UNDER_WAY and record.order < order:
                record.fate = _LOST
                self.lost.append(record)
                self.pipe_bytes -= len(record.data)
                is_news = True
        return is_news
