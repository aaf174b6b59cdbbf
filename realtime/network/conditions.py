"""What a directed link is like: rate, queue, delay, jitter, losses."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from realtime.network.rate_trace import RateTrace
from realtime.network.spells import Spells, exponential_ns

if TYPE_CHECKING:
    from realtime.network.trace_model import StepSeries

# Mobile networks buffer generously; 288 KiB hold what one connection may have in flight, headers included
# (`realtime.network.tcp.WINDOW_BYTES`), so that a lone connection sees delay rather than loss.
DEFAULT_QUEUE_BYTES = 288 * 1024


@dataclass(frozen=True, slots=True)
class LossBursts:
    """Gilbert-Elliott loss in time: a good and a bad state, each for an exponentially distributed time.

    Args:
        mean_good_ns: mean time in the good state, in which ``LinkConditions.loss`` rules.
        mean_bad_ns: mean time in the bad state.
        loss: probability that a packet is lost in the bad state.

    Raises:
        ValueError: a value is out of its range.
    """

    mean_good_ns: int
    mean_bad_ns: int
    loss: float = 1.0

    def __post_init__(self) -> None:
        if self.mean_good_ns <= 0 or self.mean_bad_ns <= 0:
            raise ValueError(f"mean_good_ns and mean_bad_ns must be positive: {self}")
        if not 0.0 <= self.loss <= 1.0:
            raise ValueError(f"loss is a probability between 0 and 1, not {self.loss}")

    @property
    def bad_share(self) -> float:
        """Share of the time in the bad state."""
        return self.mean_bad_ns / (self.mean_good_ns + self.mean_bad_ns)

    def spells(self, now_ns: int, rng: random.Random) -> Spells:
        """The bad times from ``now_ns`` on, as if the process had been running for ever."""
        good, bad = exponential_ns(rng, self.mean_good_ns), exponential_ns(rng, self.mean_bad_ns)
        return Spells(now_ns, good, bad, begins_inside=rng.random() < self.bad_share)


@dataclass(frozen=True, slots=True)
class LinkConditions:
    """What a link is like at present; the default is ideal.

    Args:
        rate_bps: bits per second, constant or a trace; None is unlimited.
        delay_ns: one-way delay.
        jitter_ns: each packet takes up to this much longer, uniformly distributed; packets never overtake.
        jitter_memory: how much of a packet's jitter carries over to the next, from 0 (nothing) to below 1.
        loss: probability that a packet is lost, each drawn alone.
        bursts: losses that come together; ``loss`` rules between them.
        queue_bytes: how much may wait before the bottleneck; None is ``DEFAULT_QUEUE_BYTES``.
            Without a rate there is no queue.
        delays: rules over ``delay_ns`` if there is one.
        losses: rules over ``loss`` if there is one.

    Raises:
        ValueError: a value is out of its range.
    """

    rate_bps: int | RateTrace | None = None
    delay_ns: int = 0
    jitter_ns: int = 0
    jitter_memory: float = 0.0
    loss: float = 0.0
    bursts: LossBursts | None = None
    queue_bytes: int | None = None
    delays: StepSeries[int] | None = None
    losses: StepSeries[float] | None = None

    def __post_init__(self) -> None:
        if not 0.0 <= self.loss <= 1.0:
            raise ValueError(f"loss is a probability between 0 and 1, not {self.loss}")
        if not 0.0 <= self.jitter_memory < 1.0:
            raise ValueError(f"jitter_memory is from 0 to below 1, not {self.jitter_memory}")
        for name in ("delay_ns", "jitter_ns"):
            if (value := getattr(self, name)) < 0:
                raise ValueError(f"{name} must not be negative, as {value} is")
        for name in ("rate_bps", "queue_bytes"):
            limit = getattr(self, name)
            if isinstance(limit, int) and limit <= 0:
                raise ValueError(f"{name} must be positive or None, not {limit}; for no traffic at all set Link.down")

    def rate_at(self, now_ns: int) -> int | None:
        """Bits per second at ``now_ns``; None is unlimited."""
        return self.rate_bps.rate_at(now_ns) if isinstance(self.rate_bps, RateTrace) else self.rate_bps

    def delay_at(self, now_ns: int) -> int:
        """The one-way delay of a packet that leaves at ``now_ns``."""
        return self.delay_ns if self.delays is None else self.delays.at(now_ns)

    def loss_at(self, now_ns: int) -> float:
        """The probability that a packet that leaves at ``now_ns`` is lost, outside of bursts."""
        return self.loss if self.losses is None else self.losses.at(now_ns)


IDEAL = LinkConditions()
