"""How long TCP waits for an acknowledgement."""

from __future__ import annotations

from realtime.network.link import MS, NEVER_NS, NS

# RFC 6298 with the bounds of Linux (net/ipv4/tcp_timer.c): the variance term is at least 200 ms,
# timeouts double up to 120 s, and 15 fruitless ones from 200 ms on make 924.6 s.
INITIAL_RTO_NS = 1 * NS
MIN_VARIANCE_NS = 200 * MS
MAX_RTO_NS = 120 * NS
USER_TIMEOUT_NS = 924_600 * MS


class RetransmissionTimeout:
    """The round trip, estimated, and the timeout that follows from it."""

    __slots__ = ("_variance_ns", "interval_ns", "shortest_ns", "smoothed_ns")

    def __init__(self) -> None:
        self.smoothed_ns = -1  # below zero before the first measurement
        self.shortest_ns = NEVER_NS
        self._variance_ns = 0
        self.interval_ns = INITIAL_RTO_NS  # how long to wait for the answer to a first transmission

    def sample(self, rtt_ns: int) -> None:
        """A measured round trip."""
        smoothed = self.smoothed_ns
        if smoothed < 0:
            self.smoothed_ns = smoothed = rtt_ns
            self._variance_ns = variance = rtt_ns >> 1
        else:
            off = rtt_ns - smoothed
            variance = self._variance_ns
            self._variance_ns = variance = variance + (((off if off > 0 else -off) - variance) >> 2)
            self.smoothed_ns = smoothed = smoothed + (off >> 3)
        if rtt_ns < self.shortest_ns:
            self.shortest_ns = rtt_ns
        variance <<= 2
        interval = smoothed + (variance if variance > MIN_VARIANCE_NS else MIN_VARIANCE_NS)
        self.interval_ns = interval if interval < MAX_RTO_NS else MAX_RTO_NS

    def interval_after_ns(self, retries: int) -> int:
        """How long to wait after so many repetitions in vain."""
        return min(self.interval_ns << min(retries, 12), MAX_RTO_NS)
