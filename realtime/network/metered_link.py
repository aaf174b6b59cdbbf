"""A link whose traffic is counted."""

from __future__ import annotations

import random

from realtime.network.link import Link, LinkConditions
from realtime.network.radio import Radio


class MeteredLink(Link):
    """A link whose driver counts what the application gets.

    ``delivered_bytes`` are bytes of the application, without headers and repetitions.
    """

    __slots__ = ("delivered_bytes",)

    def __init__(
        self,
        conditions: LinkConditions,
        rng: random.Random,
        radio: Radio | None = None,
        *,
        now_ns: int = 0,
        towards_phone: bool = False,
    ) -> None:
        super().__init__(conditions, rng, radio, now_ns=now_ns, towards_phone=towards_phone)
        self.delivered_bytes = 0
