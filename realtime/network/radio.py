"""What both directions of a phone's access share: its radio, its interruptions and its address."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from realtime.network.spells import Spells, exponential_ns
from realtime.network.stream import Stream
from realtime.network.units import NEVER_NS

_Z90 = 1.2815515655446004  # 90 % of a standard normal distribution lie below it


@dataclass(frozen=True, slots=True)
class Promotion:
    """What the first packet after an idle time waits for: the radio has to wake.

    Towards the phone it waits first until the phone listens (discontinuous reception: every 1.28 s is usual in
    LTE's idle state, 40 to 320 ms in its connected one); what the phone sends does not wait for that.

    Args:
        idle_ns: after this much time without traffic; of several promotions the one with the largest counts.
        delay_ns: median of the wait for the promotion itself.
        spread: standard deviation of its logarithm (log-normal); 0 is always the median.
        cycle_ns: the phone listens once in this time, at moments of its own; 0 is always.
        settle_ns: signalling goes on so long after the promotion, and counts as traffic.

    Raises:
        ValueError: a value is negative.
    """

    idle_ns: int
    delay_ns: int
    spread: float = 0.0
    cycle_ns: int = 0
    settle_ns: int = 0

    def __post_init__(self) -> None:
        if min(self.idle_ns, self.delay_ns, self.spread, self.cycle_ns, self.settle_ns) < 0:
            raise ValueError(f"idle_ns, delay_ns, spread, cycle_ns and settle_ns must not be negative: {self}")


@dataclass(frozen=True, slots=True)
class Interruptions:
    """Something that happens now and then: exponential times between, log-normal lengths.

    Args:
        mean_between_ns: from the end of one to the beginning of the next.
        median_ns: of the length; 0 is a moment.
        p90_ns: nine of ten are not longer; None is always the median.
        max_ns: what would be longer is cut; None cuts nothing.

    Raises:
        ValueError: the lengths do not ascend, or a value is out of its range.
    """

    mean_between_ns: int
    median_ns: int = 0
    p90_ns: int | None = None
    max_ns: int | None = None

    def __post_init__(self) -> None:
        if self.mean_between_ns <= 0:
            raise ValueError(f"mean_between_ns must be positive, not {self.mean_between_ns}")
        p90_ns = self.median_ns if self.p90_ns is None else self.p90_ns
        if not 0 <= self.median_ns <= p90_ns <= (NEVER_NS if self.max_ns is None else self.max_ns):
            raise ValueError(f"lengths must ascend: 0 ≤ median_ns ≤ p90_ns ≤ max_ns, unlike {self}")

    def spells(self, now_ns: int, rng: random.Random) -> Spells:
        """The process from ``now_ns`` on; it does not begin inside an interruption."""
        sigma = 0.0 if not self.p90_ns or not self.median_ns else math.log(self.p90_ns / self.median_ns) / _Z90
        median_ns, max_ns = self.median_ns, NEVER_NS if self.max_ns is None else self.max_ns

        def length_ns() -> int:
            return min(round(median_ns * math.exp(sigma * rng.gauss(0.0, 1.0))), max_ns)

        return Spells(now_ns, exponential_ns(rng, self.mean_between_ns), length_ns)


@dataclass(frozen=True, slots=True)
class RadioConditions:
    """What a radio is like at present; the default never sleeps and is never interrupted.

    Args:
        promotions: waits after idle times, in any order.
        outages: no coverage; packets vanish, both ways.
        handovers: from cell to cell; packets wait, both ways.
        address_changes: the phone gets another address (only the times between count); live connections die half-open.
        nat_idle_ns: a flow without a packet for longer than this is forgotten by the carrier's NAT; None is never.

    Raises:
        ValueError: ``nat_idle_ns`` is not positive.
    """

    promotions: tuple[Promotion, ...] = ()
    outages: Interruptions | None = None
    handovers: Interruptions | None = None
    address_changes: Interruptions | None = None
    nat_idle_ns: int | None = None

    def __post_init__(self) -> None:
        if self.nat_idle_ns is not None and self.nat_idle_ns <= 0:
            raise ValueError(f"nat_idle_ns must be positive or None, not {self.nat_idle_ns}")


class Radio:
    """The radio of one phone.

    It sleeps when there was no traffic for the largest ``idle_ns`` of its promotions; without promotions it
    never does. All its processes run in time, whether there is traffic or not.

    Args:
        conditions: what it is like at first.
        rng: draws the seeds of its own streams, one per purpose.
        now_ns: when it begins.

    Attributes:
        conditions: what it is like; :meth:`change` changes it.
        outages: the process; None if there are none.
        handovers: the process; None if there are none.
        is_prompt: no packet has to wait for it.
        used_ns: when the last traffic ended, or will end; :meth:`note` moves it on.
    """

    __slots__ = (
        "_address",
        "_address_spells",
        "_awake_since_ns",
        "_on_ns",
        "_phase",
        "_promotion",
        "_promotions",
        "_ready_ns",
        "_seeds",
        "_sleep_ns",
        "_tail_ns",
        "_waits",
        "_wakes_ns",
        "conditions",
        "handovers",
        "is_prompt",
        "outages",
        "used_ns",
    )

    def __init__(self, conditions: RadioConditions, rng: random.Random, *, now_ns: int = 0) -> None:
        self._waits = Stream(rng.getrandbits(128))
        self._seeds = {name: Stream(rng.getrandbits(128)) for name in ("outages", "handovers", "address_changes")}
        self.conditions = RadioConditions()
        self.outages: Spells | None = None
        self.handovers: Spells | None = None
        self._address_spells: Spells | None = None
        self._address = 0  # changes by hand and those of earlier conditions
        self._promotions: tuple[Promotion, ...] = ()
        self._promotion = Promotion(0, 0)  # the latest
        self._phase = rng.getrandbits(62)  # of the moments at which it listens
        self._wakes_ns = 0  # when the latest promotion begins
        self._tail_ns = NEVER_NS  # until the first promotion is due
        self._sleep_ns = NEVER_NS  # until it is off
        self.used_ns = now_ns - NEVER_NS  # end of the last traffic
        self._ready_ns = 0  # a promotion is over
        self._on_ns = 0  # complete times awake
        self._awake_since_ns = now_ns
        self.is_prompt = True
        self.change(now_ns, conditions)

    def change(self, now_ns: int, conditions: RadioConditions) -> None:
        """Set new conditions. A process whose figures stay the same goes on; another begins anew."""
        old, self.conditions = self.conditions, conditions
        if conditions.outages != old.outages:
            self.outages = self._spells(now_ns, "outages", conditions.outages)
        if conditions.handovers != old.handovers:
            self.handovers = self._spells(now_ns, "handovers", conditions.handovers)
        if conditions.address_changes != old.address_changes:
            self._address = self.address(now_ns)
            changes = conditions.address_changes
            moments = None if changes is None else Interruptions(changes.mean_between_ns)
            self._address_spells = self._spells(now_ns, "address_changes", moments)
        if conditions.promotions != old.promotions:
            self._set_promotions(now_ns)
        self.is_prompt = self.handovers is None and not self._promotions

    def in_outage(self, now_ns: int) -> bool:
        """Whether packets vanish now."""
        return self.outages is not None and self.outages.until(now_ns) > 0

    def ready_ns(self, now_ns: int, towards_phone: bool = False) -> int:
        """When a packet that wants to be sent now can be: it wakes a sleeping radio and waits for a hand-over.

        You must call :meth:`note` with the time at which it has been sent.
        """
        at_ns = now_ns
        if self._promotions:
            if now_ns - self.used_ns >= self._tail_ns:
                self._promotion = [each for each in self._promotions if each.idle_ns <= now_ns - self.used_ns][-1]
                self._promote(now_ns, towards_phone)
            elif now_ns < self._wakes_ns and not towards_phone:
                self._promote(now_ns, towards_phone)
            if self._ready_ns > at_ns:
                at_ns = self._ready_ns
        return at_ns if self.handovers is None else self.after_handover(at_ns)

    def after_handover(self, at_ns: int) -> int:
        """``at_ns``, or the end of the hand-over that is going on then."""
        return at_ns if self.handovers is None else self.handovers.until(at_ns) or at_ns

    def note(self, now_ns: int) -> None:
        """There is traffic at, or until, ``now_ns``."""
        if now_ns > self.used_ns:
            self.used_ns = now_ns

    def is_awake(self, now_ns: int) -> bool:
        """Whether it is on: there was traffic not long ago."""
        return now_ns - self.used_ns < self._sleep_ns or not self._promotions

    def on_ns(self, now_ns: int) -> int:
        """How long it has been on so far: promotions, traffic, and after traffic until it sleeps.

        This stands for the energy it takes. A radio without promotions is always on.
        """
        if self._promotions:
            now_ns = min(now_ns, self.used_ns + self._sleep_ns)
        return self._on_ns + max(0, now_ns - self._awake_since_ns)

    def address(self, now_ns: int) -> int:
        """How often the address has changed so far."""
        return self._address + (0 if self._address_spells is None else self._address_spells.count(now_ns))

    def next_address_ns(self, now_ns: int) -> int:
        """When the address changes next of itself; ``NEVER_NS`` if it does not."""
        if self._address_spells is None:
            return NEVER_NS
        self._address_spells.count(now_ns)
        return self._address_spells.begin_ns

    def change_address(self) -> None:
        """It has another address from now on."""
        self._address += 1

    def _spells(self, now_ns: int, name: str, figures: Interruptions | None) -> Spells | None:
        # A seed is drawn in any case: which process a later one is does not depend on the traffic until then.
        rng = random.Random(self._seeds[name].rng.getrandbits(128))
        return None if figures is None else figures.spells(now_ns, rng)

    def _set_promotions(self, now_ns: int) -> None:
        self._on_ns = self.on_ns(now_ns)
        self._promotions = tuple(sorted(self.conditions.promotions, key=lambda promotion: promotion.idle_ns))
        self._tail_ns = self._promotions[0].idle_ns if self._promotions else NEVER_NS
        self._sleep_ns = self._promotions[-1].idle_ns if self._promotions else NEVER_NS
        self._wakes_ns = 0
        self._awake_since_ns = now_ns

    def _promote(self, now_ns: int, towards_phone: bool) -> None:
        """Begin :attr:`_promotion`: now, or as soon as the phone listens."""
        promotion = self._promotion
        self._wakes_ns = now_ns
        if towards_phone and promotion.cycle_ns:
            self._wakes_ns += -(now_ns + self._phase) % promotion.cycle_ns
        wait_ns = promotion.delay_ns * math.exp(promotion.spread * self._waits.rng.gauss(0.0, 1.0))
        self._ready_ns = self._wakes_ns + round(wait_ns)
        if now_ns >= self.used_ns + self._sleep_ns:
            self._on_ns = self.on_ns(now_ns)
            self._awake_since_ns = self._wakes_ns
        elif self._wakes_ns < self._awake_since_ns:
            self._awake_since_ns = self._wakes_ns
        self.note(self._ready_ns + promotion.settle_ns)

    def __repr__(self) -> str:
        return f"<Radio {self.conditions}>"
