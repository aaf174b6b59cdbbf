"""A link that counts."""

from __future__ import annotations

import random

from realtime.network.link import Deliver, Link, LinkConditions, Verdict

IDEAL = LinkConditions()


class MeteredLink(Link):
    """A link whose drops are counted, and whose driver counts what arrived.

    ``drops`` are packets; ``delivered_bytes`` are bytes of the application, without headers and repetitions.
    """

    def __init__(self, conditions: LinkConditions, rng: random.Random) -> None:
        super().__init__(conditions, rng)
        self.drops = 0
        self.delivered_bytes = 0

    @property
    def is_ideal(self) -> bool:
        """Whether every packet passes at once."""
        return not self.down and self.conditions == IDEAL

    def offer(self, now_ns: int, nbytes: int) -> Verdict:
        """As the link decides."""
        verdict = super().offer(now_ns, nbytes)
        if not isinstance(verdict, Deliver):
            self.drops += 1
        return verdict
