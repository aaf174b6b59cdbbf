"""A directed link: what becomes of a packet that is offered to it now.

A packet passes, in this order, a gate (an outage closes it), a bottleneck (a rate with a byte-limited
queue before it), the air (a loss costs the time that the packet took) and the distance (delay and
jitter). Each is one small part with its own state; a new effect is a new part at its place in
:meth:`Link.offer`. Time is integer nanoseconds, given by the caller and never running backwards.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from enum import StrEnum

import msgspec

NS = 1_000_000_000  # nanoseconds in a second
MS = 1_000_000  # nanoseconds in a millisecond

# Mobile networks buffer generously; 288 KiB hold what one connection may have in flight, headers included
# (`realtime.network.tcp.WINDOW_BYTES`), so that a lone connection sees delay rather than loss.
DEFAULT_QUEUE_BYTES = 288 * 1024


class DropReason(StrEnum):
    """Why a packet did not pass."""

    DOWN = "down"
    QUEUE = "queue"
    LOSS = "loss"


class Deliver(msgspec.Struct, frozen=True, gc=False):
    """The packet arrives at ``at_ns``, if the link is not down then."""

    at_ns: int


class Drop(msgspec.Struct, frozen=True, gc=False):
    """The packet is gone; nobody tells its sender."""

    reason: DropReason


Verdict = Deliver | Drop

_DROP_DOWN = Drop(DropReason.DOWN)
_DROP_QUEUE = Drop(DropReason.QUEUE)
_DROP_LOSS = Drop(DropReason.LOSS)


@dataclass(frozen=True, slots=True)
class LinkConditions:
    """What a link is like at present; the default is ideal.

    Args:
        rate_bps: bits per second; None is unlimited.
        delay_ns: one-way delay.
        jitter_ns: each packet takes up to this much longer, drawn uniformly; packets never overtake.
        loss: probability that a packet is lost, each drawn alone.
        queue_bytes: how much may wait before the bottleneck; None is ``DEFAULT_QUEUE_BYTES``.
            Without a rate there is no queue.

    Raises:
        ValueError: a value is out of its range.
    """

    rate_bps: int | None = None
    delay_ns: int = 0
    jitter_ns: int = 0
    loss: float = 0.0
    queue_bytes: int | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.loss <= 1.0:
            raise ValueError(f"loss is a probability between 0 and 1, not {self.loss}")
        for name in ("delay_ns", "jitter_ns"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"{name} must not be negative, as {value} is")
        for name in ("rate_bps", "queue_bytes"):
            if (limit := getattr(self, name)) is not None and limit <= 0:
                raise ValueError(f"{name} must be positive or None, not {limit}; for no traffic at all set Link.down")


class Link:
    """One direction between two places.

    Assign :attr:`conditions` and :attr:`down` at any time: packets under way keep the arrival that
    they were promised, and later ones do not overtake them.

    Args:
        conditions: what it is like at first.
        rng: draws the seeds of the link's own streams, one per purpose.
    """

    def __init__(self, conditions: LinkConditions, rng: random.Random) -> None:
        self.conditions = conditions
        self.down = False
        self._bottleneck = _Bottleneck()
        self._loss = random.Random(rng.getrandbits(128))
        self._jitter = random.Random(rng.getrandbits(128))
        self._last_arrival_ns = 0

    def offer(self, now_ns: int, nbytes: int) -> Verdict:
        """Decide about a packet of ``nbytes`` (headers included) that is sent at ``now_ns``.

        After ``Deliver`` you must look at :attr:`down` again at the arrival: an outage that began
        meanwhile has swallowed the packet.
        """
        conditions = self.conditions
        # One draw of each kind per packet, whatever becomes of it: the fate of the n-th packet
        # does not depend on the conditions that other packets met.
        luck = self._loss.random()
        lateness = self._jitter.random()
        if self.down:
            return _DROP_DOWN
        at_ns = now_ns
        if conditions.rate_bps is not None:
            limit = conditions.queue_bytes or DEFAULT_QUEUE_BYTES
            left_ns = self._bottleneck.admit(now_ns, nbytes, conditions.rate_bps, limit)
            if left_ns is None:
                return _DROP_QUEUE
            at_ns = left_ns
        if luck < conditions.loss:
            return _DROP_LOSS
        at_ns += conditions.delay_ns
        if conditions.jitter_ns:
            at_ns += int(lateness * (conditions.jitter_ns + 1))
        if at_ns < self._last_arrival_ns:
            at_ns = self._last_arrival_ns
        self._last_arrival_ns = at_ns
        return Deliver(at_ns)

    def backlog_bytes(self, now_ns: int) -> int:
        """Bytes before the bottleneck at ``now_ns``, the packet being sent included."""
        return self._bottleneck.backlog_bytes(now_ns)

    def __repr__(self) -> str:
        return f"<Link{' DOWN' if self.down else ''} {self.conditions}>"


class _Bottleneck:
    """A sender with a rate, and the line of packets before it."""

    def __init__(self) -> None:
        self._line: deque[tuple[int, int]] = deque()  # (time it has left, bytes)
        self._backlog = 0
        # The present busy period: bits sent at one rate since a start, so that rounding cannot add up.
        self._rate_bps = 0
        self._busy_since_ns = 0
        self._busy_bits = 0
        self._free_at_ns = 0

    def admit(self, now_ns: int, nbytes: int, rate_bps: int, limit_bytes: int) -> int | None:
        """When the last bit will have left; None if the line is too long already."""
        backlog = self.backlog_bytes(now_ns)
        if backlog and backlog + nbytes > limit_bytes:
            return None
        if self._free_at_ns <= now_ns or rate_bps != self._rate_bps:
            self._busy_since_ns = max(now_ns, self._free_at_ns)
            self._busy_bits = 0
            self._rate_bps = rate_bps
        self._busy_bits += nbytes * 8
        self._free_at_ns = self._busy_since_ns - (-self._busy_bits * NS // rate_bps)  # rounded up
        self._line.append((self._free_at_ns, nbytes))
        self._backlog += nbytes
        return self._free_at_ns

    def backlog_bytes(self, now_ns: int) -> int:
        line = self._line
        while line and line[0][0] <= now_ns:
            self._backlog -= line.popleft()[1]
        return self._backlog
