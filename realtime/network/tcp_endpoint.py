"""One end of a TCP connection: what a kernel keeps for a socket."""

from __future__ import annotations

from enum import Enum, auto
from typing import Protocol

from realtime.network.congestion import INITIAL_WINDOW_BYTES, CongestionWindow
from realtime.network.link import MS, NEVER_NS, NS
from realtime.network.path import Path
from realtime.network.receive_queue import ReceiveQueue
from realtime.network.retransmission import USER_TIMEOUT_NS, RetransmissionTimeout
from realtime.network.send_queue import SendQueue, Sent
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
from realtime.network.tcp_segment import ACK, FIN, HEADER_BYTES, MSS_BYTES, RST, SYN, SYN_BYTES, Segment

# RFC 6298, section 2, and Linux (net.ipv4.tcp_syn_retries): after 1, 2, 4 … 32 s again, after 64 s more given up.
SYN_TIMEOUT_NS = 1 * NS
SYN_RETRIES = 6
SYN_ACK_RETRIES = 5  # net.ipv4.tcp_synack_retries
DELAYED_ACK_NS = 40 * MS  # TCP_DELACK_MIN of Linux; RFC 1122 allows 500 ms


class Connection(Protocol):
    """What an endpoint needs of its connection."""

    def rearm(self) -> None:
        """A timer or a path has changed."""


class _State(Enum):
    CLOSED = auto()  # a client before it opens, a listener before a request
    ASKED = auto()  # a request waits for the listener's decision
    SYN_SENT = auto()
    SYN_RECEIVED = auto()
    ESTABLISHED = auto()
    DEAD = auto()


class TcpEndpoint:
    """Made by :class:`~realtime.network.tcp.TcpConnection`; after each call look at the connection's ``next_ns``.

    Args:
        connection: what it is an end of.
        path: to the other end.
        is_client: whether it opens the connection.
    """

    __slots__ = (
        "_congestion",
        "_connection",
        "_edge",
        "_end_sent",
        "_end_told",
        "_end_wanted",
        "_is_paused",
        "_out",
        "_path",
        "_sent_ns",
        "_state",
        "_timeout",
        "_waiting_since_ns",
        "ack_at_ns",
        "box",
        "buffered_bytes",
        "is_client",
        "is_established",
        "is_finished",
        "retries",
        "retry_at_ns",
    )

    def __init__(self, connection: Connection, path: Path[Segment], *, is_client: bool) -> None:
        self.is_client = is_client
        self.is_established = False  # client: Established; server: Accepted
        self.is_finished = False  # everything written, and the end, has been acknowledged
        self.buffered_bytes = 0  # written and not acknowledged: what a kernel's send buffer holds
        self.retries = 0  # how often in a row the packet that waits for an answer has been repeated in vain
        self.retry_at_ns = NEVER_NS  # request, retransmission and window probe share a timer: never two at once
        self.ack_at_ns = NEVER_NS  # delayed acknowledgement
        self._connection = connection
        self._path = path
        self._state = _State.CLOSED
        self._out = SendQueue()
        self.box = ReceiveQueue()
        self._timeout = RetransmissionTimeout()
        self._congestion = CongestionWindow()
        self._edge = 0  # the peer takes bytes below it
        self._sent_ns = 0  # the newest transmission of data
        self._waiting_since_ns = 0  # for the user timeout
        self._is_paused = False
        self._end_wanted = self._end_sent = self._end_told = False

    @property
    def is_dead(self) -> bool:
        """Whether it was aborted, forgotten, reset or refused, or gave up: nothing is sent or received any more."""
        return self._state is _State.DEAD

    @property
    def has_unread(self) -> bool:
        """Whether bytes have arrived that the application has not read."""
        return bool(self.box.held)

    @property
    def rtt_ns(self) -> int | None:
        """The smoothed round trip; None before there was one."""
        return self._timeout.smoothed_ns if self._timeout.smoothed_ns >= 0 else None

    # -- opening

    def open(self, now_ns: int) -> None:
        """Send the request (SYN). ``Established``, ``Refused`` or ``TimedOut`` (after 127 s) follows."""
        self._state = _State.SYN_SENT
        self._out.next_seq = 1
        self._ask(now_ns)
        self._connection.rearm()

    def accept(self, now_ns: int) -> None:
        """Take the connection, after ``RequestReceived``. ``Accepted`` follows if the client is still there.

        Raises:
            RuntimeError: no request is waiting for an answer.
        """
        self._expect_request()
        self._state = _State.SYN_RECEIVED
        self._out.next_seq = 1
        self._ask(now_ns)
        self._connection.rearm()

    def refuse(self, now_ns: int) -> None:
        """Nobody listens, after ``RequestReceived``. A client that does not hear of it asks again.

        Raises:
            RuntimeError: no request is waiting for an answer.
        """
        self._expect_request()
        self._state = _State.CLOSED
        self._send_reset(now_ns)
        self._connection.rearm()

    # -- sending

    def write(self, now_ns: int, data: bytes | bytearray | memoryview) -> None:
        """Append to the stream. Everything is taken; pause while :attr:`buffered_bytes` is large.

        Before the connection is established it waits; after :meth:`write_eof` and at a dead end it is dropped.
        """
        if type(data) is not bytes:
            data = bytes(data)
        size = len(data)
        if not size or self._end_wanted or self._state is _State.DEAD:
            return
        self.buffered_bytes += size
        out = self._out
        allowed = self._congestion.nbytes
        if (  # the usual case: nothing waits, and there is room for one segment
            self.is_established
            and size <= MSS_BYTES
            and not out.unsent_bytes
            and not out.lost
            and out.pipe_bytes + size <= allowed
            and out.next_seq + size <= self._edge
            and (allowed <= INITIAL_WINDOW_BYTES or out.in_flight)
        ):
            self._send(now_ns, data, False)
        else:
            out.append(data)
            self._pump(now_ns)
        self._connection.rearm()

    def write_eof(self, now_ns: int) -> None:
        """End the stream after what has been written (FIN). The other direction stays open."""
        if self._state is not _State.DEAD:
            self._end_wanted = True
            self._pump(now_ns)
            self._connection.rearm()

    def abort(self, now_ns: int) -> None:
        """Close at once: what is not delivered is lost, and the peer gets a reset, if that is not lost as well."""
        if self._state not in (_State.CLOSED, _State.SYN_SENT, _State.DEAD):
            self._send_reset(now_ns)
        self.forget()

    def forget(self) -> None:
        """The socket is gone without a word, as in a crash. What arrives later is answered with a reset."""
        self._state = _State.DEAD
        self.is_established = False
        self.buffered_bytes = 0
        self._out.clear()
        self.box.close()
        self.retry_at_ns = self.ack_at_ns = NEVER_NS
        self._connection.rearm()

    # -- receiving

    def pause_reading(self) -> None:
        """Leave received bytes with the kernel: the window that the peer is told shrinks, down to nothing."""
        self._is_paused = True

    def resume_reading(self, now_ns: int) -> list[Event]:
        """End :meth:`pause_reading`. Returns what was held back: ``Received``, ``Ended``, or nothing."""
        self._is_paused = False
        told = self.box.window
        events: list[tuple[TcpEndpoint, Event]] = []
        self.deliver(events)
        if self.is_established and self.box.window >= 2 * told:  # as Linux (tcp_cleanup_rbuf)
            self._acknowledge(now_ns)
            self._connection.rearm()
        return [event for _, event in events]

    def close_receiver(self) -> None:
        """The application has closed its socket; call :meth:`write_eof` too.

        Unread bytes are dropped. New ones from the peer are answered with a reset, and then this end is dead.
        """
        self.box.close()

    # -- the connection's side

    def receive(self, now_ns: int, segment: Segment, events: list[tuple[TcpEndpoint, Event]]) -> None:
        """Take in what arrived. You must call :meth:`deliver` after the last one of this instant."""
        flags = segment.flags
        if (flags != ACK or not self.is_established) and not self._receive_unusual(now_ns, segment, events):
            return
        edge = segment.ack + segment.window
        if edge > self._edge:
            self._edge = edge
        out = self._out
        if segment.ack > out.acked_seq or segment.sacks:
            self._on_ack(now_ns, segment)
        elif out.unsent_bytes:
            if not out.in_flight:
                self._waiting_since_ns = now_ns  # a window probe is answered
            self._pump(now_ns)
        if segment.data or flags & FIN:
            self._on_data(now_ns, segment)
        elif segment.seq < self.box.next_seq:
            self._acknowledge(now_ns)  # a window probe

    def handle_timer(self, now_ns: int, events: list[tuple[TcpEndpoint, Event]]) -> None:
        """Do what is due."""
        if self.ack_at_ns <= now_ns:
            self._acknowledge(now_ns)
        if self.retry_at_ns <= now_ns:
            if self._state is _State.ESTABLISHED:
                self._retry(now_ns, events)
            else:
                self._retry_opening(now_ns, events)

    def deliver(self, events: list[tuple[TcpEndpoint, Event]]) -> None:
        """Let the application read."""
        box = self.box
        if self._is_paused or box.is_closed:
            return
        if box.held:
            events.append((self, Received(box.read())))
        if box.has_ended and not self._end_told:
            self._end_told = True
            events.append((self, Ended()))

    # -- opening, inside

    def _expect_request(self) -> None:
        if self._state is not _State.ASKED:
            raise RuntimeError("no request is waiting; answer each RequestReceived once, with accept() or refuse()")

    def _ask(self, now_ns: int) -> None:
        """Send a request (SYN) or accept one (SYN+ACK), and wait for the answer."""
        flags = SYN if self.is_client else SYN | ACK
        box = self.box
        self._path.send(now_ns, SYN_BYTES, Segment(0, box.next_seq, box.window, flags, b"", now_ns, box.echo_ns))
        self.retry_at_ns = now_ns + (SYN_TIMEOUT_NS << self.retries)

    def _retry_opening(self, now_ns: int, events: list[tuple[TcpEndpoint, Event]]) -> None:
        if self.retries < (SYN_RETRIES if self.is_client else SYN_ACK_RETRIES):
            self.retries += 1
            self._ask(now_ns)
            return
        self.forget()  # a listener's application has not heard of the request yet
        if self.is_client:
            events.append((self, TimedOut()))

    def _receive_unusual(self, now_ns: int, segment: Segment, events: list[tuple[TcpEndpoint, Event]]) -> bool:
        """Anything but a plain segment of an open connection. Returns whether it is to be read on."""
        flags, state = segment.flags, self._state
        if flags & RST:
            if state is not _State.DEAD:
                self._on_reset(events)
            return False
        if state is _State.ESTABLISHED:
            if flags & SYN:  # the third packet was lost
                self._acknowledge(now_ns)
            return not flags & SYN
        if flags == SYN and not self.is_client and state is not _State.DEAD:
            self._on_request(now_ns, segment, events)
        elif flags == SYN | ACK and state is _State.SYN_SENT:
            events.append((self, Established(now_ns - segment.echo_ns)))
            self._establish(now_ns, segment)
            self._acknowledge(now_ns)
            self._pump(now_ns)
        elif flags & ACK and state is _State.SYN_RECEIVED:
            events.append((self, Accepted()))
            self._establish(now_ns, segment)
            self._pump(now_ns)
            return True
        else:
            self._send_reset(now_ns)
        return False

    def _on_request(self, now_ns: int, segment: Segment, events: list[tuple[TcpEndpoint, Event]]) -> None:
        self.box.open(segment.sent_ns)
        if self._state is _State.CLOSED:
            self._state = _State.ASKED
            events.append((self, RequestReceived()))
        elif self._state is _State.SYN_RECEIVED:
            at_ns = self.retry_at_ns
            self._ask(now_ns)
            self.retry_at_ns = at_ns

    def _establish(self, now_ns: int, segment: Segment) -> None:
        self._state = _State.ESTABLISHED
        self.is_established = True
        if self.retries > 1:
            self._congestion.begin_small()
        self.retries = 0
        self.retry_at_ns = NEVER_NS
        self._timeout.sample(now_ns - segment.echo_ns)
        self._out.acked_seq = 1
        self._edge = segment.ack + segment.window
        if self.is_client:
            self.box.open(segment.sent_ns)

    def _on_reset(self, events: list[tuple[TcpEndpoint, Event]]) -> None:
        self.deliver(events)
        was_asking = self._state is _State.SYN_SENT
        self.forget()
        events.append((self, Refused() if was_asking else Reset()))

    # -- sending, inside

    def _pump(self, now_ns: int) -> None:
        """Send what the windows allow."""
        if not self.is_established:
            return
        out, congestion = self._out, self._congestion
        if not out.in_flight and now_ns - self._sent_ns > self._timeout.interval_ns:
            congestion.restart()
        while True:
            if out.lost and (record := out.next_lost()) is not None:
                if out.pipe_bytes + len(record.data) > congestion.nbytes:
                    return
                self._repeat(now_ns, record)
            elif out.unsent_bytes:
                size = min(MSS_BYTES, out.unsent_bytes)
                if out.pipe_bytes + size > congestion.nbytes:
                    return
                if out.next_seq + size > self._edge:  # no silly windows (RFC 1122, 4.2.3.4)
                    self._wait_for_window(now_ns)
                    return
                data = out.cut(size)
                self._send(now_ns, data, self._end_wanted and not out.unsent_bytes)
            elif self._end_wanted and not self._end_sent:
                self._send(now_ns, b"", True)
            else:
                return

    def _send(self, now_ns: int, data: bytes, is_end: bool) -> None:
        out, box = self._out, self.box
        if not out.in_flight:
            self._waiting_since_ns = now_ns
            self.retries = 0
            self.retry_at_ns = now_ns + self._timeout.interval_ns
        record = out.send(now_ns, data, is_end)
        if is_end:
            self._end_sent = True
        if is_end or box.sacks:
            self._transmit(now_ns, record)
            return
        # The usual case of _transmit, once more: this runs for every message.
        box.acked_seq = ack = box.next_seq
        self.ack_at_ns = NEVER_NS
        self._sent_ns = now_ns
        segment = Segment(record.seq, ack, box.window, ACK, data, now_ns, box.echo_ns)
        self._path.send(now_ns, HEADER_BYTES + len(data), segment)

    def _repeat(self, now_ns: int, record: Sent) -> None:
        self._out.note_repeated(now_ns, record)
        self._transmit(now_ns, record)

    def _transmit(self, now_ns: int, record: Sent) -> None:
        box = self.box
        box.acked_seq = ack = box.next_seq
        self.ack_at_ns = NEVER_NS
        self._sent_ns = now_ns
        flags = ACK | FIN if record.is_end else ACK
        data = record.data
        segment = Segment(record.seq, ack, box.window, flags, data, now_ns, box.echo_ns, box.sacks)
        self._path.send(now_ns, segment.nbytes if box.sacks else HEADER_BYTES + len(data), segment)

    def _acknowledge(self, now_ns: int) -> None:
        """Send a segment without data."""
        box = self.box
        box.acked_seq = box.next_seq
        self.ack_at_ns = NEVER_NS
        segment = Segment(self._out.next_seq, box.next_seq, box.window, ACK, b"", now_ns, box.echo_ns, box.sacks)
        self._path.send(now_ns, segment.nbytes if box.sacks else HEADER_BYTES, segment)

    def _send_reset(self, now_ns: int) -> None:
        self._path.send(now_ns, HEADER_BYTES, Segment(self._out.next_seq, self.box.next_seq, 0, RST))

    def _wait_for_window(self, now_ns: int) -> None:
        """Ask for it from time to time: the news that it is open again may be lost."""
        if not self._out.in_flight and self.retry_at_ns == NEVER_NS:
            self._waiting_since_ns = now_ns
            self.retry_at_ns = now_ns + self._timeout.interval_ns

    def _retry(self, now_ns: int, events: list[tuple[TcpEndpoint, Event]]) -> None:
        """Nothing was heard in time."""
        out = self._out
        if now_ns - self._waiting_since_ns >= USER_TIMEOUT_NS:
            self.forget()
            events.append((self, GaveUp()))
        elif out.in_flight:
            in_flight_bytes = out.next_seq - out.acked_seq
            self._congestion.time_out(out.next_seq, in_flight_bytes, is_first=self.retries == 0)
            self.retries += 1
            out.write_off()
            self._pump(now_ns)
            self.retry_at_ns = now_ns + self._timeout.interval_after_ns(self.retries)
        elif self._edge > out.next_seq:  # a little room for long enough
            self._send(now_ns, out.cut(self._edge - out.next_seq), False)
        else:
            self.retries += 1
            self.retry_at_ns = now_ns + self._timeout.interval_after_ns(self.retries)
            probe = Segment(out.acked_seq - 1, self.box.next_seq, self.box.window, ACK, b"", now_ns, self.box.echo_ns)
            self._path.send(now_ns, HEADER_BYTES, probe)  # an old number: it must be answered

    # -- receiving, inside

    def _on_ack(self, now_ns: int, segment: Segment) -> None:
        out, congestion = self._out, self._congestion
        if segment.ack > out.acked_seq:
            was_full = out.pipe_bytes + MSS_BYTES > congestion.nbytes
            nbytes = out.acknowledge(segment.ack)
            self.buffered_bytes -= nbytes
            self._timeout.sample(now_ns - segment.echo_ns)
            self.retries = 0
            if out.in_flight:
                self._waiting_since_ns = now_ns
                self.retry_at_ns = now_ns + self._timeout.interval_ns
            else:
                self.retry_at_ns = NEVER_NS
                self.is_finished = self._end_sent
            if was_full or congestion.is_recovering:
                congestion.acknowledge(segment.ack, nbytes, was_full=was_full)
        if segment.sacks and out.mark(now_ns, segment.sacks, shortest_ns=self._timeout.shortest_ns):
            self._recover(now_ns)
        if out.unsent_bytes or out.lost or (self._end_wanted and not self._end_sent):
            self._pump(now_ns)

    def _recover(self, now_ns: int) -> None:
        """Something is lost."""
        out, congestion = self._out, self._congestion
        if not congestion.is_recovering and (record := out.next_lost()) is not None:
            congestion.lose(out.next_seq, out.next_seq - out.acked_seq)
            self._repeat(now_ns, record)  # at once, whatever the window (RFC 6675, section 5, step 4.3)

    def _on_data(self, now_ns: int, segment: Segment) -> None:
        box = self.box
        seq, data = segment.seq, segment.data
        if box.is_closed and data and seq >= box.next_seq:
            self._send_reset(now_ns)
            self.forget()
        elif seq != box.next_seq or box.early:
            box.take(segment)
            self._acknowledge(now_ns)  # a hole, or a hole filled, or nothing new: told at once (RFC 5681, section 4.2)
        else:
            box.append(segment)
            if box.next_seq - box.acked_seq > MSS_BYTES or (box.has_ended and self._end_sent):
                self._acknowledge(now_ns)
            elif self.ack_at_ns == NEVER_NS:
                self.ack_at_ns = now_ns + DELAYED_ACK_NS
