"""How much TCP dares to have under way: RFC 5681 in bytes, with RFC 6928's initial window.

No CUBIC, no pacing, no undoing of a reduction that turns out to have been unnecessary.
"""

from __future__ import annotations

from realtime.network.tcp_segment import MSS_BYTES

INITIAL_WINDOW_BYTES = 10 * MSS_BYTES  # RFC 6928


class CongestionWindow:
    """Slow start, congestion avoidance, and what a loss does to them."""

    __slots__ = ("_acked_bytes", "_has_timed_out", "_recovery_seq", "is_recovering", "nbytes", "threshold_bytes")

    def __init__(self) -> None:
        self.nbytes = INITIAL_WINDOW_BYTES
        self.threshold_bytes = 1 << 62
        self.is_recovering = False  # from a loss, until everything sent before it was noticed is acknowledged
        self._has_timed_out = False  # the recovery is from a timeout
        self._recovery_seq = 0
        self._acked_bytes = 0

    def begin_small(self) -> None:
        """Begin with one segment: opening needed more than one repetition (RFC 5681, section 3.1; Linux)."""
        self.nbytes = MSS_BYTES

    def acknowledge(self, seq: int, nbytes: int, *, was_full: bool) -> None:
        """New data is acknowledged.

        Args:
            seq: everything below it.
            nbytes: so much more than before.
            was_full: whether the window was what held the sender back; one that is not used does not grow.
        """
        if not self._has_timed_out and self.is_recovering:  # fast recovery: the window stays
            self.is_recovering = seq < self._recovery_seq
            return
        if seq >= self._recovery_seq:
            self.is_recovering = self._has_timed_out = False
        if not was_full:
            return
        if self.nbytes < self.threshold_bytes:  # appropriate byte counting (RFC 3465)
            self.nbytes += min(nbytes, MSS_BYTES if self._has_timed_out else 2 * MSS_BYTES)
            return
        self._acked_bytes += nbytes
        if self._acked_bytes >= self.nbytes:
            self._acked_bytes -= self.nbytes
            self.nbytes += MSS_BYTES

    def lose(self, next_seq: int, in_flight_bytes: int) -> None:
        """Segments are lost. The first such news of a flight halves the window (RFC 5681, 6582, 6675)."""
        if not self.is_recovering:
            self.is_recovering = True
            self._recovery_seq = next_seq
            self._acked_bytes = 0
            self.nbytes = self.threshold_bytes = max(in_flight_bytes // 2, 2 * MSS_BYTES)

    def time_out(self, next_seq: int, in_flight_bytes: int, *, is_first: bool) -> None:
        """Nothing was acknowledged in time: one segment, then slow start again (RFC 5681, section 3.1).

        Args:
            next_seq: what would have been sent next.
            in_flight_bytes: sent and not acknowledged.
            is_first: since something was acknowledged.
        """
        if is_first:
            self.threshold_bytes = max(in_flight_bytes // 2, 2 * MSS_BYTES)
        self.is_recovering = self._has_timed_out = True
        self._recovery_seq = next_seq
        self._acked_bytes = 0
        self.nbytes = MSS_BYTES

    def restart(self) -> None:
        """Nothing was sent for longer than a timeout (RFC 5681, section 4.1)."""
        self.nbytes = min(self.nbytes, INITIAL_WINDOW_BYTES)
