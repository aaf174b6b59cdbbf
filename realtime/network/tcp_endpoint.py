"""One end of a TCP connection: what a kernel keeps for a socket."""

from __future__ import annotations

from enum import Enum, auto

from realtime.network.link import MS, NEVER_NS, NS
from realtime.network.path import Path
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
from realtime.network.tcp_segment import ACK, MSS_BYTES, RST, SYN, SYN_BYTES, WINDOW_BYTES, Segment
from realtime.network.tcp_sender import Connection, TcpSender

# RFC 6298, section 2, and Linux (net.ipv4.tcp_syn_retries): after 1, 2, 4 … 32 s again, after 64 s more given up.
SYN_TIMEOUT_NS = 1 * NS
SYN_RETRIES = 6
SYN_ACK_RETRIES = 5  # net.ipv4.tcp_synack_retries
DELAYED_ACK_NS = 40 * MS  # TCP_DELACK_MIN of Linux; RFC 1122 allows 500 ms


class _State(Enum):
    CLOSED = auto()  # a client before it opens, a listener before a request
    ASKED = auto()  # a request waits for the listener's decision
    SYN_SENT = auto()
    SYN_RECEIVED = auto()
    ESTABLISHED = auto()
    DEAD = auto()


class TcpEndpoint(TcpSender):
    """Made by :class:`~realtime.network.tcp.TcpConnection`; after each call look at the connection's ``next_ns``.

    Acknowledgements wait up to 40 ms for data that carries them, unless more than one full segment is not
    acknowledged, or a segment comes out of order or twice. There are no quick ones at the beginning: a request
    and its answer put Linux into this mode too (tcp_event_data_sent).

    Args:
        connection: what it is an end of.
        path: to the other end.
        is_client: whether it opens the connection.
    """

    __slots__ = ("_end_told", "_state", "is_client")

    def __init__(self, connection: Connection, path: Path[Segment], *, is_client: bool) -> None:
        super().__init__(connection, path)
        self.is_client = is_client
        self._state = _State.CLOSED
        self._end_told = False

    # -- what applications do

    def open(self, now_ns: int) -> None:
        """Send the request (SYN). ``Established``, ``Refused`` or ``TimedOut`` (after 127 s) follows.

        Raises:
            RuntimeError: it has been opened already, or is the server's end.
        """
        if self._state is not _State.CLOSED or not self.is_client:
            raise RuntimeError(f"only a client opens, and once; this is {self!r}")
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

    def abort(self, now_ns: int) -> None:
        """Close at once: what is not delivered is lost, and the peer gets a reset, if that is not lost as well."""
        if self._state not in (_State.CLOSED, _State.SYN_SENT, _State.DEAD):
            self._send_reset(now_ns)
        self.forget()

    def forget(self) -> None:
        """The socket is gone without a word, as in a crash. What arrives later is answered with a reset."""
        self._state = _State.DEAD
        self.is_dead = True
        self.is_established = self._is_idle = False
        self.buffered_bytes = 0
        self._lone = None
        self._out.clear()
        self.box.close()
        self.retry_at_ns = self.ack_at_ns = NEVER_NS
        self._connection.rearm()

    def pause_reading(self) -> None:
        """Leave received bytes with the kernel: the window that the peer is told shrinks, down to nothing."""
        self.box.is_read = False

    def resume_reading(self, now_ns: int) -> list[Event]:
        """End :meth:`pause_reading`. Returns what was held back: ``Received``, ``Ended``, or nothing."""
        box = self.box
        events: list[tuple[TcpEndpoint, Event]] = []
        if not box.is_closed:
            told = box.window
            box.is_read = True
            self._deliver(events)
            box.window = WINDOW_BYTES
            if self.is_established and box.window >= 2 * told:  # as Linux (tcp_cleanup_rbuf)
                self._acknowledge(now_ns)
                self._connection.rearm()
        return [event for _, event in events]

    def close_receiver(self) -> None:
        """The application has closed its socket; call :meth:`write_eof` too.

        Unread bytes are dropped. New ones from the peer are answered with a reset, and then this end is dead.
        """
        self.box.close()

    # -- what the connection does

    def take_in(self, now_ns: int, segments: list[Segment], events: list[tuple[TcpEndpoint, Event]]) -> None:
        """Take in what arrived at this instant, and let the application read it, if it does."""
        box, out = self.box, self._out
        for segment in segments:
            flags = segment.flags
            if (flags != ACK or not self.is_established) and not self._receive_unusual(now_ns, segment, events):
                continue
            ack = segment.ack
            if (edge := ack + segment.window) > self._edge:
                self._edge = edge
            if self._lone is not None and ack == out.next_seq:  # the usual case of _on_ack
                self._lone = None
                self._is_idle = True
                self.buffered_bytes = 0
                self.retry_at_ns = NEVER_NS
                out.acked_seq = ack
                self._timeout.sample(now_ns - segment.echo_ns)
            elif ack > out.acked_seq or segment.sacks:
                self._on_ack(now_ns, segment)
            elif out.unsent_bytes:
                if not out.in_flight:
                    self._waiting_since_ns = now_ns  # a window probe is answered
                self._pump(now_ns)
            seq, data = segment.seq, segment.data
            if not data and flags == ACK:
                if seq < box.next_seq:
                    self._acknowledge(now_ns)  # a window probe
            elif seq != box.next_seq or flags != ACK or not box.is_read or box.early:
                self._on_data(now_ns, segment)
            else:  # the usual case of _on_data
                if seq == box.acked_seq:
                    box.echo_ns = segment.sent_ns
                box.held.append(data)
                box.next_seq = seq = seq + len(data)
                if seq - box.acked_seq > MSS_BYTES:
                    self._acknowledge(now_ns)
                elif self.ack_at_ns == NEVER_NS:
                    self.ack_at_ns = now_ns + DELAYED_ACK_NS
        if not box.is_read:
            return
        if len(box.held) == 1 and not box.has_ended:
            events.append((self, Received(box.held.pop())))
        elif box.held or box.has_ended:
            self._deliver(events)

    def _deliver(self, events: list[tuple[TcpEndpoint, Event]]) -> None:
        box = self.box
        if box.held:
            events.append((self, Received(box.held.pop() if len(box.held) == 1 else box.read())))
        if box.has_ended and not self._end_told:
            self._end_told = True
            events.append((self, Ended()))

    def handle_timer(self, now_ns: int, events: list[tuple[TcpEndpoint, Event]]) -> None:
        """Do what is due."""
        if self.ack_at_ns <= now_ns:
            self._acknowledge(now_ns)
        if self.retry_at_ns <= now_ns:
            if not self.is_established:
                self._retry_opening(now_ns, events)
            elif self._retry(now_ns):
                self.forget()
                events.append((self, GaveUp()))

    # -- opening

    def _expect_request(self) -> None:
        if self._state is not _State.ASKED:
            raise RuntimeError("no request is waiting; answer each RequestReceived once, with accept() or refuse()")

    def _ask(self, now_ns: int) -> None:
        """Send a request (SYN) or accept one (SYN+ACK), and wait for the answer."""
        flags = SYN if self.is_client else SYN | ACK
        if self.is_client:
            self._path.renew(now_ns)
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
            self.box.open(segment.sent_ns)
            self._establish(now_ns, segment)
        elif flags & ACK and state is _State.SYN_RECEIVED:
            events.append((self, Accepted()))
            self._establish(now_ns, segment)
            return True
        else:
            self._send_reset(now_ns)
        return False

    def _on_request(self, now_ns: int, segment: Segment, events: list[tuple[TcpEndpoint, Event]]) -> None:
        self.box.open(segment.sent_ns)
        if self._state is _State.CLOSED:
            self._state = _State.ASKED
            events.append((self, RequestReceived()))
        elif self._state is _State.SYN_RECEIVED:  # the answer was lost; its timer goes on
            at_ns = self.retry_at_ns
            self._ask(now_ns)
            self.retry_at_ns = at_ns

    def _establish(self, now_ns: int, segment: Segment) -> None:
        self._state = _State.ESTABLISHED
        self._begin_sending(now_ns, segment)
        if self.is_client:
            self._acknowledge(now_ns)  # the third packet
        if not self._is_idle:
            self._pump(now_ns)

    def _on_reset(self, events: list[tuple[TcpEndpoint, Event]]) -> None:
        if self.box.is_read:
            self._deliver(events)
        was_asking = self._state is _State.SYN_SENT
        self.forget()
        events.append((self, Refused() if was_asking else Reset()))

    # -- receiving

    def _on_data(self, now_ns: int, segment: Segment) -> None:
        """Data or the end, in any order."""
        box = self.box
        seq = segment.seq
        if box.is_closed and segment.data and seq >= box.next_seq:
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

    def __repr__(self) -> str:
        side = "client" if self.is_client else "server"
        return f"<TcpEndpoint {side} {self._state.name} unacknowledged={self.buffered_bytes}>"
