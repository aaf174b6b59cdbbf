"""A directed link: what becomes of a packet that is offered to it now.

A packet passes, in this order, a gate (a partition or an outage closes it), a bottleneck (a rate with a
byte-limited queue before it, which waits for the radio), the air (a loss costs the time that the packet took)
and the distance (delay and jitter). Time is integer nanoseconds, given by the caller.
"""

from __future__ import annotations

import math
import random
from collections import Counter, deque
from collections.abc import Callable
from enum import StrEnum

import msgspec

from realtime.network.conditions import DEFAULT_QUEUE_BYTES, IDEAL, LinkConditions, LossBursts
from realtime.network.radio import Radio
from realtime.network.spells import Spells
from realtime.network.stream import Stream
from realtime.network.units import MS, NEVER_NS, NS

__all__ = [
    "DEFAULT_QUEUE_BYTES",
    "IDEAL",
    "MS",
    "NEVER_NS",
    "NS",
    "Deliver",
    "Drop",
    "DropReason",
    "Link",
    "LinkConditions",
    "LossBursts",
    "Verdict",
]

_BYTE = 8 * NS  # work (bit/s · ns) of a byte


class DropReason(StrEnum):
    """Why a packet did not pass."""

    DOWN = "down"
    QUEUE = "queue"
    LOSS = "loss"
    OUTAGE = "outage"
    PARTITION = "partition"
    RULE = "rule"
    UNBOUND = "unbound"


class Deliver(msgspec.Struct, gc=False):
    """The packet arrives at ``at_ns``, if the link does not swallow it then.

    While the packet waits in the link's queue, a change of the link may move ``at_ns``.
    """

    at_ns: int


class Drop(msgspec.Struct, frozen=True, gc=False):
    """The packet is gone; nobody tells its sender."""

    reason: DropReason


Verdict = Deliver | Drop

_DROPS = {reason: Drop(reason) for reason in DropReason}


# A packet before the bottleneck: the time it has left, the start of its busy period, the work since then up to its
# last bit, bytes, lateness, the arrival of the packet before, and its delivery unless it gets lost in the air.
_Waiting = tuple[int, int, int, int, float, int, Deliver | None]


class Link:
    """One direction between two places.

    After a change of any kind :attr:`on_change` is called: whoever drives paths over this link must then
    call their ``revise``. Time may step back only as far as a driver is late.

    Args:
        conditions: what it is like at first.
        rng: draws the seeds of the link's own streams, one per purpose.
        radio: what it shares with the opposite direction.
        now_ns: the present; loss bursts come from now on.
        towards_phone: whether the radio is at its far end, and hears only while it listens.

    Attributes:
        is_ideal: every packet passes at once; while it is set, nobody needs to :meth:`offer`.
        clear_until_ns: what arrives before then is not swallowed; at later times you must ask :meth:`swallows`.
        is_held: what arrives waits at the far end.
        dropped: how many packets did not pass, and why.
        on_change: called after each change.
    """

    __slots__ = (
        "_backlog",
        "_base_ns",
        "_burst_loss",
        "_bursts",
        "_bursts_seeds",
        "_conditions",
        "_delay_ns",
        "_down",
        "_free_ns",
        "_good_loss",
        "_has_chances",
        "_is_settling",
        "_is_traced",
        "_jitter",
        "_jitter_ns",
        "_last_ns",
        "_lateness",
        "_limit",
        "_line",
        "_loss",
        "_luck",
        "_now_ns",
        "_outages",
        "_radio",
        "_rate",
        "_towards_phone",
        "_wave",
        "_work",
        "clear_until_ns",
        "dropped",
        "is_held",
        "is_ideal",
        "on_change",
        "radio",
    )

    def __init__(
        self,
        conditions: LinkConditions,
        rng: random.Random,
        radio: Radio | None = None,
        *,
        now_ns: int = 0,
        towards_phone: bool = False,
    ) -> None:
        self._loss = Stream(rng.getrandbits(128))
        self._jitter = Stream(rng.getrandbits(128))
        self._bursts_seeds = Stream(rng.getrandbits(128))
        self.radio = radio
        self._towards_phone = towards_phone
        self.dropped: Counter[DropReason] = Counter()
        self.is_held = False
        self.on_change: Callable[[], None] | None = None
        self._down: DropReason | None = None
        self._line: deque[_Waiting] = deque()
        self._backlog = 0
        # The present busy period: work since its start, so that rounding cannot add up.
        self._base_ns = self._work = self._free_ns = 0
        self._last_ns = 0  # the latest arrival
        self._wave: float | None = None  # jitter that is remembered, as a standard normal variable
        self._bursts: Spells | None = None
        self._conditions = IDEAL
        self._install(now_ns, conditions)

    # -- packets

    def offer(self, now_ns: int, nbytes: int) -> Verdict:
        """Decide about a packet of ``nbytes`` (headers included) that is sent at ``now_ns``.

        After ``Deliver`` you must look at :attr:`clear_until_ns` and :attr:`is_held` at the arrival.
        """
        # One draw per packet, whatever becomes of it: the fate of the n-th packet does not depend on what others met.
        luck = self._luck() if self._has_chances else 0.5
        late = self._lateness() if self._jitter_ns else 0.0
        if now_ns >= self.clear_until_ns and (reason := self.swallows(now_ns)) is not None:
            return self._drop(reason)
        radio = self._radio
        left_ns = now_ns if radio is None else radio.ready_ns(now_ns, self._towards_phone)
        rate = self._rate
        if rate is not None:
            line = self._line
            if self._free_ns <= now_ns:
                line.clear()
                self._backlog = nbytes
                self._base_ns = base_ns = left_ns
                self._work = work = nbytes * _BYTE
            else:
                if not self._joins(now_ns, nbytes, left_ns):
                    return self._drop(DropReason.QUEUE)
                base_ns, work = self._base_ns, self._work
            left_ns = base_ns - (-work // rate) if isinstance(rate, int) else rate.end_of(base_ns, work)
            self._free_ns = left_ns
        elif self._is_settling:
            self._settle(now_ns)
        if radio is not None:
            left_ns = self._transmit(radio, left_ns)
        if self._is_traced:
            self._follow(left_ns)
        before_ns = self._last_ns
        bursts = self._bursts
        deliver = None
        if bursts is None or bursts.over_ns <= left_ns < bursts.begin_ns or not bursts.until(left_ns):
            loss = self._good_loss
        else:
            loss = self._burst_loss
        if luck >= loss:
            at_ns = left_ns + self._delay_ns
            if late:
                at_ns += int(late * (self._jitter_ns + 1))
            if at_ns < before_ns:
                at_ns = before_ns
            self._last_ns = at_ns
            deliver = Deliver(at_ns)
        if rate is not None:
            line.append((left_ns, base_ns, work, nbytes, late, before_ns, deliver))
        return deliver or self._drop(DropReason.LOSS)

    def swallows(self, at_ns: int) -> DropReason | None:
        """Why a packet that arrives at ``at_ns`` vanishes; None if it does not."""
        if self._down is not None:
            return self._down
        if self._outages is None:
            return None
        if self._outages.until(at_ns):
            return DropReason.OUTAGE
        self.clear_until_ns = self._outages.begin_ns
        return None

    def backlog_bytes(self, now_ns: int) -> int:
        """Bytes before the bottleneck at ``now_ns``, the packet being sent included."""
        line = self._line
        while line and line[0][0] <= now_ns:
            self._backlog -= line.popleft()[3]
        return self._backlog

    @property
    def drops(self) -> int:
        """How many packets did not pass, for whatever reason."""
        return self.dropped.total()

    # -- changes

    @property
    def conditions(self) -> LinkConditions:
        """What it is like at present; :meth:`change` changes it."""
        return self._conditions

    @property
    def down(self) -> DropReason | None:
        """Why nothing passes; None if something does."""
        return self._down

    @down.setter
    def down(self, reason: DropReason | None) -> None:
        self._down = reason
        self._changed()

    def change(self, now_ns: int, conditions: LinkConditions) -> None:
        """Set new conditions.

        What waits in the queue leaves by the new rate (bits already served stay served) and travels with the new
        delay; what is in the air arrives as promised. Nothing overtakes.
        """
        self.backlog_bytes(now_ns)  # what has left, has left
        waiting = list(self._line)
        missing = max(0, waiting[0][2] - self._served(waiting[0][1], now_ns)) if waiting else 0
        self._install(now_ns, conditions)
        if waiting:
            self._line_up(max(now_ns, waiting[0][1]), missing, waiting)
        self._changed()

    def hold(self) -> None:
        """What arrives from now on waits at the far end, for :meth:`release`."""
        self.is_held = True
        self._changed()

    def release(self, now_ns: int) -> None:
        """What has waited at the far end arrives now, in order."""
        self.is_held = False
        self._now_ns = now_ns
        self._changed()

    def refresh(self) -> None:
        """Look anew what there is to decide; you must call it when its radio has changed."""
        radio = self.radio
        self._radio = None if radio is None or radio.is_prompt else radio
        self._outages = None if radio is None else radio.outages
        is_open = self._down is None and self._outages is None
        self.clear_until_ns = NEVER_NS if is_open else 0
        could_be = self._conditions == IDEAL and self._radio is None and is_open and not self.is_held
        # It is ideal only when nothing can be overtaken any more.
        self.is_ideal = could_be and self._last_ns <= self._now_ns
        self._is_settling = could_be and not self.is_ideal

    # -- inside

    def _install(self, now_ns: int, conditions: LinkConditions) -> None:
        if conditions.bursts != self._conditions.bursts:
            # A seed for each: which process a later one is does not depend on the traffic until then.
            rng = random.Random(self._bursts_seeds.rng.getrandbits(128))
            self._bursts = None if conditions.bursts is None else conditions.bursts.spells(now_ns, rng)
        self._now_ns = now_ns
        self._conditions = conditions
        self._rate = conditions.rate_bps
        self._delay_ns = conditions.delay_ns
        self._jitter_ns = conditions.jitter_ns
        if self._jitter_ns:
            self._lateness = self._remembered if conditions.jitter_memory else self._jitter.rng.random
        self._limit = conditions.queue_bytes or DEFAULT_QUEUE_BYTES
        self._good_loss = conditions.loss
        self._burst_loss = 0.0 if conditions.bursts is None else conditions.bursts.loss
        chances = (self._good_loss, self._burst_loss)
        self._is_traced = conditions.delays is not None or conditions.losses is not None
        self._has_chances = self._is_traced or any(0.0 < chance < 1.0 for chance in chances)
        if self._has_chances:
            self._luck = self._loss.rng.random
        self.refresh()

    def _changed(self) -> None:
        self.refresh()
        if self.on_change is not None:
            self.on_change()

    def _settle(self, now_ns: int) -> None:
        self._now_ns = now_ns
        self.refresh()

    def _joins(self, now_ns: int, nbytes: int, start_ns: int) -> bool:
        """Whether there is room in the line; then the packet is in it, and not sent before ``start_ns``."""
        if (backlog := self.backlog_bytes(now_ns)) and backlog + nbytes > self._limit:
            return False
        self._backlog += nbytes
        if self._free_ns <= start_ns:
            self._base_ns, self._work = start_ns, 0
        self._work += nbytes * _BYTE
        return True

    def _served(self, base_ns: int, now_ns: int) -> int:
        """Work done by ``now_ns`` in a busy period that began at ``base_ns``."""
        if self._rate is None or base_ns >= now_ns:
            return 0
        if isinstance(self._rate, int):
            return self._rate * (now_ns - base_ns)
        return self._rate.work_between(base_ns, now_ns)

    def _leave(self) -> int:
        """When the busy period's work is done."""
        rate, work, base_ns = self._rate, self._work, self._base_ns
        if rate is None or work <= 0:
            left_ns = base_ns
        elif isinstance(rate, int):
            left_ns = base_ns - (-work // rate)  # rounded up
        else:
            left_ns = rate.end_of(base_ns, work)
        self._free_ns = left_ns
        return left_ns

    def _transmit(self, radio: Radio, left_ns: int) -> int:
        """What would leave during a hand-over leaves at its end, and the next packet's first bit after it."""
        if radio.handovers is not None and (end_ns := radio.handovers.until(left_ns)):
            left_ns = self._base_ns = self._free_ns = end_ns
            self._work = 0
        if left_ns > radio.used_ns:
            radio.used_ns = left_ns
        return left_ns

    def _follow(self, left_ns: int) -> None:
        self._delay_ns = self._conditions.delay_at(left_ns)
        self._good_loss = self._conditions.loss_at(left_ns)

    def _arrive(self, left_ns: int, late: float) -> int:
        at_ns = left_ns + self._delay_ns
        if late:
            at_ns += int(late * (self._jitter_ns + 1))
        if at_ns < self._last_ns:
            at_ns = self._last_ns
        self._last_ns = at_ns
        return at_ns

    def _line_up(self, start_ns: int, missing: int, waiting: list[_Waiting]) -> None:
        """Send what waits anew from ``start_ns``; ``missing`` is the work that is left of the first packet."""
        self._line.clear()
        self._backlog = 0
        self._base_ns, self._work = start_ns, missing
        self._last_ns = waiting[0][5]
        for number, (_, _, _, nbytes, late, _, deliver) in enumerate(waiting):
            if number:
                self._work += nbytes * _BYTE
            base_ns, work, before_ns = self._base_ns, self._work, self._last_ns
            left_ns = self._leave()
            if self._radio is not None:
                left_ns = self._transmit(self._radio, left_ns)
            if self._is_traced:
                self._follow(left_ns)
            if deliver is not None:
                deliver.at_ns = self._arrive(left_ns, late)
            if self._rate is not None:
                self._line.append((left_ns, base_ns, work, nbytes, late, before_ns, deliver))
                self._backlog += nbytes

    def _remembered(self) -> float:
        """From 0 to 1, uniformly: a normal variable that keeps a part of itself, made uniform."""
        memory, fresh = self._conditions.jitter_memory, self._jitter.rng.gauss(0.0, 1.0)
        self._wave = fresh if self._wave is None else memory * self._wave + math.sqrt(1 - memory * memory) * fresh
        return 0.5 + 0.5 * math.erf(self._wave / math.sqrt(2.0))

    def _drop(self, reason: DropReason) -> Drop:
        self.dropped[reason] += 1
        return _DROPS[reason]

    def __repr__(self) -> str:
        state = f" {self._down.upper()}" if self._down else ""
        return f"<{type(self).__name__}{state}{' HELD' if self.is_held else ''} {self._conditions}>"
