"""The sending half of an endpoint of a TCP connection: windows, retransmission, probes.

RFC 5681, 6298, 6675, 6928 and 7323, with the constants of Linux; what is left out is said in
:mod:`realtime.network.tcp`.
"""

from __future__ import annotations

from typing import Protocol

from realtime.network.congestion import INITIAL_WINDOW_BYTES, CongestionWindow
from realtime.network.link import NEVER_NS
from realtime.network.path import Path
from realtime.network.receive_queue import ReceiveQueue
from realtime.network.retransmission import USER_TIMEOUT_NS, RetransmissionTimeout
from realtime.network.send_queue import SendQueue, Sent
from realtime.network.tcp_segment import ACK, FIN, HEADER_BYTES, MSS_BYTES, RST, Segment


class Connection(Protocol):
    """What an endpoint needs of its connection."""

    next_ns: int

    def rearm(self) -> None:
        """A timer or a path has changed."""


class TcpSender:
    """What :class:`~realtime.network.tcp_endpoint.TcpEndpoint` does to send.

    One segment in flight and nothing more to send is by far the commonest state of a connection that carries
    messages. So that segment is kept apart (``_lone``) and enters the queue only if anything else happens before
    it is acknowledged.

    Args:
        connection: what it is an end of.
        path: to the other end.
    """

    __slots__ = (
        "_congestion",
        "_connection",
        "_edge",
        "_end_sent",
        "_end_wanted",
        "_is_idle",
        "_lone",
        "_out",
        "_path",
        "_sent_ns",
        "_timeout",
        "_waiting_since_ns",
        "ack_at_ns",
        "box",
        "buffered_bytes",
        "is_dead",
        "is_established",
        "is_finished",
        "retries",
        "retry_at_ns",
    )

    def __init__(self, connection: Connection, path: Path[Segment]) -> None:
        self.is_established = False  # client: Established; server: Accepted
        self.is_dead = False  # aborted, forgotten, reset, refused or given up: nothing is sent or received any more
        self.is_finished = False  # everything written, and the end, has been acknowledged
        self.buffered_bytes = 0  # written and not acknowledged: what a kernel's send buffer holds
        self.retries = 0  # how often in a row the packet that waits for an answer has been repeated in vain
        self.retry_at_ns = NEVER_NS  # request, retransmission and window probe share a timer: never two at once
        self.ack_at_ns = NEVER_NS  # delayed acknowledgement
        self.box = ReceiveQueue()
        self._connection = connection
        self._path = path
        self._out = SendQueue()
        self._lone: Segment | None = None
        self._is_idle = False  # established, with nothing in flight, unsent or ended
        self._timeout = RetransmissionTimeout()
        self._congestion = CongestionWindow()
        self._edge = 0  # the peer takes bytes below it
        self._sent_ns = 0  # the newest transmission of data
        self._waiting_since_ns = 0  # for the user timeout
        self._end_wanted = self._end_sent = False

    @property
    def rtt_ns(self) -> int | None:
        """The smoothed round trip; None before there was one."""
        return self._timeout.smoothed_ns if self._timeout.smoothed_ns >= 0 else None

    def write(self, now_ns: int, data: bytes | bytearray | memoryview) -> None:
        """Append to the stream. Everything is taken; pause while :attr:`buffered_bytes` is large.

        Before the connection is established it waits; after :meth:`write_eof` and at a dead end it is dropped.
        """
        if type(data) is not bytes:
            data = bytes(data)
        size = len(data)
        out = self._out
        if (
            self._is_idle
            and 0 < size <= MSS_BYTES
            and (end := out.next_seq + size) <= self._edge
            and size + MSS_BYTES <= self._congestion.nbytes <= INITIAL_WINDOW_BYTES  # it would neither grow nor shrink
        ):
            box = self.box
            self._is_idle = False
            self.buffered_bytes = size
            self._sent_ns = self._waiting_since_ns = now_ns
            self.retry_at_ns = retry_at_ns = now_ns + self._timeout.interval_ns
            box.acked_seq = box.next_seq
            segment = Segment(out.next_seq, box.next_seq, box.window, ACK, data, now_ns, box.echo_ns, box.sacks)
            out.next_seq = end
            self._lone = segment
            path = self._path
            path.send(now_ns, segment.nbytes if box.sacks else HEADER_BYTES + size, segment)
            connection = self._connection
            if self.ack_at_ns != NEVER_NS:
                self.ack_at_ns = NEVER_NS
                connection.rearm()
                return
            if path.next_ns < retry_at_ns:
                retry_at_ns = path.next_ns
            if retry_at_ns < connection.next_ns:
                connection.next_ns = retry_at_ns
        elif size and not self._end_wanted and not self.is_dead:
            self.buffered_bytes += size
            out.append(data)
            self._pump(now_ns)
            self._connection.rearm()

    def write_eof(self, now_ns: int) -> None:
        """End the stream after what has been written (FIN). The other direction stays open."""
        if not self.is_dead:
            self._end_wanted = True
            self._pump(now_ns)
            self._connection.rearm()

    # -- what has room goes out

    def _begin_sending(self, now_ns: int, segment: Segment) -> None:
        """The peer's answer to the request, or to its acceptance, is here."""
        self.is_established = True
        if self.retries > 1:
            self._congestion.begin_small()
        self.retries = 0
        self.retry_at_ns = NEVER_NS
        self._timeout.sample(now_ns - segment.echo_ns)
        self._out.acked_seq = 1
        self._edge = segment.ack + segment.window
        self._is_idle = not self._out.unsent_bytes and not self._end_wanted

    def _pump(self, now_ns: int) -> None:
        """Send what the windows allow."""
        if not self.is_established:
            return
        self._settle()
        self._is_idle = False
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

    def _settle(self) -> None:
        """The segment that was kept apart becomes one of several."""
        lone = self._lone
        if lone is not None:
            self._lone = None
            self._out.adopt(lone)

    def _send(self, now_ns: int, data: bytes, is_end: bool) -> None:
        out = self._out
        if not out.in_flight:
            self._waiting_since_ns = now_ns
            self.retries = 0
            self.retry_at_ns = now_ns + self._timeout.interval_ns
        if is_end:
            self._end_sent = True
        self._transmit(now_ns, out.send(now_ns, data, is_end))

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
        box.acked_seq = ack = box.next_seq
        self.ack_at_ns = NEVER_NS
        segment = Segment(self._out.next_seq, ack, box.window, ACK, b"", now_ns, box.echo_ns, box.sacks)
        self._path.send(now_ns, segment.nbytes if box.sacks else HEADER_BYTES, segment)

    def _send_reset(self, now_ns: int) -> None:
        self._path.send(now_ns, HEADER_BYTES, Segment(self._out.next_seq, self.box.next_seq, 0, RST))

    def _wait_for_window(self, now_ns: int) -> None:
        """Ask for it from time to time: the news that it is open again may be lost."""
        if not self._out.in_flight and self.retry_at_ns == NEVER_NS:
            self._waiting_since_ns = now_ns
            self.retry_at_ns = now_ns + self._timeout.interval_ns

    # -- what comes back, or does not

    def _on_ack(self, now_ns: int, segment: Segment) -> None:
        """Something is acknowledged, in order or selectively."""
        self._settle()
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
                self._is_idle = not out.unsent_bytes and not self._end_wanted
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

    def _retry(self, now_ns: int) -> bool:
        """Nothing was heard in time. Returns whether it is time to give up."""
        self._settle()
        out = self._out
        if now_ns - self._waiting_since_ns >= USER_TIMEOUT_NS:
            return True
        if out.in_flight:
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
            box = self.box
            probe = Segment(out.acked_seq - 1, box.next_seq, box.window, ACK, b"", now_ns, box.echo_ns)
            self._path.send(now_ns, HEADER_BYTES, probe)  # an old number: it must be answered
        return False
