"""How many may come in within a second, and when the others shall come again (pure)."""

from __future__ import annotations

import math
from collections import deque

HANDSHAKES_PER_S = 300
"""A client that comes in costs 1.4 ms of a slow core, a join included: half of it is left for those who are in."""


class Admission:
    """Keeps a crowd from coming in all at once, as after an outage.

    Within any one second at most so many get in. (A token bucket would let twice as many through in the second after a
    quiet one.) Each of the others is given a place in a line: the next free one, so that they come back evenly and not
    as a new crowd. Nobody is known by name, so a place is not reserved: who finds no room at theirs gets another one.

    Args:
        handshakes_per_s: how many; None lets everybody in.
        longest_wait_s: nobody is sent away for longer; behind that, places of the line's second half are given again.

    Raises:
        ValueError: a setting makes no sense.
    """

    def __init__(self, handshakes_per_s: int | None, *, longest_wait_s: float = 300.0) -> None:
        if handshakes_per_s is not None and (
            isinstance(handshakes_per_s, bool) or not isinstance(handshakes_per_s, int) or handshakes_per_s < 1
        ):
            raise ValueError(
                f"handshakes_per_s must be a whole number above 0, or None for no limit; not {handshakes_per_s!r}"
            )
        if not 0 < longest_wait_s < math.inf:
            raise ValueError(f"longest_wait_s must be a number of seconds above 0, not {longest_wait_s!r}")
        self._limit = handshakes_per_s
        self._longest_wait_s = longest_wait_s
        self._let_in: deque[float] = deque(maxlen=handshakes_per_s)
        self._next_place = -math.inf

    def knock(self, now: float) -> float | None:
        """Somebody wants in.

        Args:
            now: the time in seconds; never before that of the call before.

        Returns:
            None: they are in. Otherwise, after how many seconds they shall knock again.
        """
        if self._limit is None:
            return None
        opens = self._let_in[0] + 1 if len(self._let_in) == self._limit else -math.inf
        if now >= opens:
            self._let_in.append(now)
            return None
        if self._next_place > now + self._longest_wait_s:
            self._next_place = now + self._longest_wait_s / 2
        place = max(opens, self._next_place)
        self._next_place = place + 1 / self._limit
        return place - now
