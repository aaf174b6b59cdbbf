"""Is the peer alive (pure): silence is death after the heartbeat's bound, or within seconds after a probe."""

from __future__ import annotations

import enum
import math

ROUND_TRIPS_PER_PROBE = 3
"""A probe waits for at least this many round trips: one may be lost and sent again by TCP, one may be queued."""


class Verdict(enum.Enum):
    """What to do when the timer has fired."""

    ALIVE = "alive"
    """Nothing: ask :meth:`HeartbeatMonitor.next_timer` again."""
    PROBE = "probe"
    """Send a ping numbered by :meth:`HeartbeatMonitor.probe`."""
    DEAD = "dead"
    """End the connection."""


class HeartbeatMonitor:
    """Watches one connection at a time; :meth:`start` begins with the next one and forgets the previous.

    In Engine.IO v4 the server pings and the client answers, so a client that hears nothing for the ping interval plus
    the ping timeout (45 s with the usual settings) knows that the connection is dead. That is long for someone who
    looks at the screen: a :meth:`probe` finds out within seconds. A probe is a WebSocket ping, which any server
    answers; a ping packet of Engine.IO from a client would be an error in v4.

    Tell it every chunk of data with :meth:`received`, call :meth:`handle_timer` at :meth:`next_timer`, and send what it
    numbers.

    Args:
        probe_timeout_s: how long a probe waits for its answer, in seconds; longer on a link with a long round trip.
        late_after_s: a timer that fires this many seconds late means that the process slept, not the peer.

    Raises:
        ValueError: an argument is not positive.
    """

    def __init__(self, *, probe_timeout_s: float = 3.0, late_after_s: float = 1.0) -> None:
        if not probe_timeout_s > 0:
            raise ValueError(f"probe_timeout_s must be a positive number of seconds, not {probe_timeout_s!r}")
        if not late_after_s > 0:
            raise ValueError(f"late_after_s must be a positive number of seconds, not {late_after_s!r}")
        self._probe_timeout_s = probe_timeout_s
        self._late_after_s = late_after_s
        self._next_number = 0
        self.stop()

    @property
    def bound_s(self) -> float | None:
        """The longest silence of a living peer, in seconds; None while stopped, or if the server promises nothing."""
        return None if math.isinf(self._bound_s) else self._bound_s

    @property
    def rtt_s(self) -> float | None:
        """The newest round trip of this connection, in seconds."""
        return self._rtt_s

    @property
    def heard_at(self) -> float:
        """When the newest data arrived, or else when the connection began."""
        return self._heard_at

    @property
    def probing(self) -> bool:
        """Whether a probe waits for its answer."""
        return self._probe_number is not None

    def start(self, now: float, *, ping_interval_s: float, ping_timeout_s: float) -> None:
        """A connection is open; the server announced this heartbeat in its handshake, in seconds."""
        self.stop()
        self._heard_at = now
        bound_s = ping_interval_s + ping_timeout_s
        if bound_s > 0:
            self._bound_s = bound_s

    def stop(self) -> None:
        """The connection ended: from now on no timer, and no late pong, means anything."""
        self._bound_s = math.inf
        self._heard_at = 0.0
        self._rtt_s: float | None = None
        self._sent_at: dict[int, float] = {}
        self._probe_number: int | None = None
        self._probe_until = math.inf
        self._excused = False

    def received(self, now: float) -> None:
        """Data of any kind arrived.

        It does not settle a probe: the bytes may have waited in a buffer since before the connection died. But the
        probe's answer may be queued behind them, so it gets its full time again.
        """
        self._heard_at = now
        if self._probe_number is not None:
            self._probe_until = max(self._probe_until, now + self._probe_window_s())

    def measure(self, now: float) -> int:
        """The number of a ping to send now, only to learn the round trip."""
        self._next_number += 1
        self._sent_at[self._next_number] = now
        return self._next_number

    def probe(self, now: float) -> int:
        """The number of a ping to send now; without its pong in time the verdict is death."""
        number = self.measure(now)
        if self._probe_number is None:
            self._probe_number = number
            self._probe_until = now + self._probe_window_s()
        return number

    def pong(self, number: int, now: float) -> float | None:
        """The answer to ping ``number`` arrived.

        Returns:
            The round trip in seconds, or None if this connection has sent no such ping.
        """
        sent_at = self._sent_at.pop(number, None)
        if sent_at is None:
            return None
        self._rtt_s = now - sent_at
        if self._probe_number is not None and number >= self._probe_number:
            self._probe_number = None
            self._probe_until = math.inf
            self._excused = False
        self.received(now)
        return self._rtt_s

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`, or None for never."""
        deadline = self._deadline()
        return None if math.isinf(deadline) else deadline

    def handle_timer(self, now: float) -> Verdict:
        """Judge the peer at ``now``; a timer that fires much too late earns the peer one probe."""
        deadline = self._deadline()
        if now < deadline:
            return Verdict.ALIVE
        if now - deadline > self._late_after_s and not self._excused:
            self._excused = True
            self._probe_number = None
            return Verdict.PROBE
        return Verdict.DEAD

    def _deadline(self) -> float:
        if self._excused and self._probe_number is not None:
            return self._probe_until  # the silence was this process's own sleep
        return min(self._heard_at + self._bound_s, self._probe_until)

    def _probe_window_s(self) -> float:
        return max(self._probe_timeout_s, ROUND_TRIPS_PER_PROBE * (self._rtt_s or 0.0))
