"""The receiving end of a TCP stream: order, duplicates, what to acknowledge."""

from __future__ import annotations

from realtime.network.tcp_segment import FIN, WINDOW_BYTES, Segment

MAX_SACKS = 3  # as many stretches fit beside the timestamp option (RFC 2018, section 3)


class ReceiveQueue:
    """Bytes that arrived and are not read yet, and segments beyond a hole.

    A segment is repeated as it was, so each one is either new or old as a whole.
    """

    __slots__ = (
        "_stretches",
        "acked_seq",
        "early",
        "echo_ns",
        "has_ended",
        "held",
        "is_closed",
        "is_read",
        "next_seq",
        "sacks",
        "window",
    )

    def __init__(self) -> None:
        self.next_seq = 0  # everything below has arrived
        self.acked_seq = 0  # and everything below this has been acknowledged
        self.echo_ns = 0  # RFC 7323, TS.Recent
        self.held: list[bytes] = []
        # How much more the peer may send. It closes by what arrives and opens as a whole, when all is read:
        # never by silly steps (RFC 1122, 4.2.3.3).
        self.window = WINDOW_BYTES
        self.early: dict[int, Segment] = {}  # beyond a hole
        self.sacks: tuple[tuple[int, int], ...] = ()
        self.has_ended = False
        self.is_read = True  # the application takes everything at once
        self.is_closed = False
        self._stretches: list[tuple[int, int]] = []  # of the early ones, the newest first

    def open(self, sent_ns: int) -> None:
        """The peer's SYN has arrived."""
        self.next_seq = self.acked_seq = 1
        self.echo_ns = sent_ns

    def append(self, segment: Segment) -> None:
        """Take in the one that follows, when nothing waits beyond a hole."""
        data = segment.data
        seq = segment.seq
        if seq <= self.acked_seq:
            self.echo_ns = segment.sent_ns
        if data and not self.is_closed:
            self.held.append(data)
            if not self.is_read:
                self.window -= len(data)
        if segment.flags & FIN:
            self.has_ended = True
            self.next_seq = seq + len(data) + 1
        else:
            self.next_seq = seq + len(data)

    def take(self, segment: Segment) -> bool:
        """Take in any that has data or the end. Returns whether it is new."""
        seq = segment.seq
        if seq <= self.acked_seq:
            self.echo_ns = segment.sent_ns
        if seq < self.next_seq or seq in self.early:
            return False
        if seq > self.next_seq:
            self.early[seq] = segment
            self._stretch(seq, _end_of(segment))
            return True
        self.append(segment)
        while self.early and (following := self.early.pop(self.next_seq, None)) is not None:
            self.append(following)
        if self._stretches:
            self._stretches = [stretch for stretch in self._stretches if stretch[0] > self.next_seq]
            self.sacks = tuple(self._stretches[:MAX_SACKS])
        return True

    def read(self) -> bytes:
        """Everything in order, once."""
        held = self.held
        data = b"".join(held)
        held.clear()
        self.window = WINDOW_BYTES
        return data

    def close(self) -> None:
        """Nobody will read any more."""
        self.is_closed = True
        self.is_read = False
        self.held.clear()
        self.window = WINDOW_BYTES
        self.early.clear()
        self._stretches.clear()
        self.sacks = ()

    def _stretch(self, begin: int, end: int) -> None:
        """Put a stretch first, as one with those that it touches."""
        others = []
        for stretch in self._stretches:
            if stretch[1] < begin or stretch[0] > end:
                others.append(stretch)
            else:
                begin, end = min(begin, stretch[0]), max(end, stretch[1])
        self._stretches = [(begin, end), *others]
        self.sacks = tuple(self._stretches[:MAX_SACKS])


def _end_of(segment: Segment) -> int:
    return segment.seq + len(segment.data) + (1 if segment.flags & FIN else 0)
