"""Ways to come back to a server after an outage, to be compared: see :mod:`realtime.lab.scenarios.herd`."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType

from realtime.connection.reconnection_strategy import ReconnectionStrategy

FIXED_DELAY_S = 5.0

_MIN_S, _MAX_S, _RANDOMIZATION = 1.0, 5.0, 0.5
_MOST_DOUBLINGS = 10  # far beyond the maximum, and far from an overflow


class SocketIoBackoff(ReconnectionStrategy):
    """As ``socket.io-client`` 4.8 waits with its defaults.

    The delay doubles from ``reconnectionDelay`` (1 s), is jittered by ``randomizationFactor`` (half of it, up or down)
    and then cut to ``reconnectionDelayMax`` (5 s): from the fifth attempt on it is exactly the maximum. There is no
    immediate attempt, every connection counts as a success, and a ``Retry-After`` is not seen. Source: the options of
    the Manager in its documentation, and the delays measured of the package.

    Args:
        rng: the source of the jitter.
    """

    def __init__(self, rng: random.Random) -> None:
        super().__init__(
            base_s=_MIN_S, cap_s=_MAX_S, jitter="none", immediate_first=False, stable_after_s=0, longest_retry_after_s=0
        )
        self._jitter_rng = rng

    def next_delay(self, *, retry_after_s: float | None = None) -> float | None:
        """See :meth:`ReconnectionStrategy.next_delay`; whole milliseconds."""
        super().next_delay()
        delay_s = _MIN_S * math.pow(2, min(self.attempts - 1, _MOST_DOUBLINGS))
        delay_s += self._jitter_rng.uniform(-_RANDOMIZATION, _RANDOMIZATION) * delay_s
        return min(_MAX_S, math.floor(delay_s * 1000) / 1000)


def _full_jitter(rng: random.Random) -> ReconnectionStrategy:
    return ReconnectionStrategy(rng=rng)


def _no_jitter(rng: random.Random) -> ReconnectionStrategy:
    return ReconnectionStrategy(jitter="none", rng=rng)


def _fixed_delay(rng: random.Random) -> ReconnectionStrategy:
    return ReconnectionStrategy(
        base_s=FIXED_DELAY_S,
        cap_s=FIXED_DELAY_S,
        multiplier=1,
        jitter="none",
        immediate_first=False,
        longest_retry_after_s=0,
        rng=rng,
    )


MakeStrategy = Callable[[random.Random], ReconnectionStrategy]

POLICIES: Mapping[str, MakeStrategy] = MappingProxyType(
    {
        "full jitter": _full_jitter,
        "no jitter": _no_jitter,
        "fixed delay": _fixed_delay,
        "socket.io-client 4.8": SocketIoBackoff,
    }
)
"""By name. The first is this library's default; the last two do not heed what the server says about when to come."""
