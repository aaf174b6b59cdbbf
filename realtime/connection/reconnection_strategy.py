"""When to try again (pure): exponential backoff, capped before it is jittered."""

from __future__ import annotations

import math
import random
from typing import Literal, get_args

from realtime.utils import ambient

Jitter = Literal["full", "equal", "decorrelated", "none"]


class ReconnectionStrategy:
    """Decides how long to wait before each attempt to connect.

    The window of attempt ``n`` grows as ``base_s * multiplier ** k`` and is cut to ``cap_s`` *before* the jitter is
    drawn from it, so clients that have reached the cap stay spread out. (``socket.io-client`` 4.8 cuts afterwards:
    from its fourth attempt every client waits exactly the cap, and a whole fleet returns in the same second.)

    Tell it :meth:`connected` and :meth:`lost`: failures are forgotten only after a connection that lasted
    ``stable_after_s``, so a server that accepts and drops at once is not hammered.

    Args:
        base_s: the first window, in seconds.
        cap_s: the longest window, in seconds.
        multiplier: growth per attempt, at least 1.
        jitter: ``full`` draws from 0 to the window, ``equal`` from half of it, ``decorrelated`` from ``base_s`` to
            three times the previous delay, ``none`` waits the whole window. Names and formulas: AWS Architecture Blog,
            "Exponential Backoff And Jitter".
        immediate_first: the first attempt after a loss waits nothing.
        max_reconnect_attempts: attempts until it gives up; None never does.
        stable_after_s: how long a connection must last to count as a success, in seconds.
        longest_retry_after_s: a server that asks to be left alone for longer is left alone for so long: a mistake of
            its operator must not keep a phone away for hours. With 0 its wish is ignored.
        rng: the source of the jitter.

    Raises:
        ValueError: an argument makes no sense; the message names it.
    """

    def __init__(
        self,
        *,
        base_s: float = 0.5,
        cap_s: float = 20.0,
        multiplier: float = 2.0,
        jitter: Jitter = "full",
        immediate_first: bool = True,
        max_reconnect_attempts: int | None = None,
        stable_after_s: float = 10.0,
        longest_retry_after_s: float = 300.0,
        rng: random.Random | None = None,
    ) -> None:
        _require(0 < base_s < math.inf, f"base_s must be a positive number of seconds, not {base_s!r}")
        _require(base_s <= cap_s < math.inf, f"cap_s must be finite and at least base_s ({base_s!r}), not {cap_s!r}")
        _require(1 <= multiplier < math.inf, f"multiplier must be finite and at least 1, not {multiplier!r}")
        _require(jitter in get_args(Jitter), f"jitter must be one of {', '.join(get_args(Jitter))}, not {jitter!r}")
        _require(
            max_reconnect_attempts is None or max_reconnect_attempts >= 0,
            f"max_reconnect_attempts must be None or at least 0, not {max_reconnect_attempts!r}",
        )
        _require(stable_after_s >= 0, f"stable_after_s must be at least 0 seconds, not {stable_after_s!r}")
        _require(
            longest_retry_after_s >= 0,
            f"longest_retry_after_s must be at least 0 seconds, not {longest_retry_after_s!r}",
        )
        self._base_s = base_s
        self._cap_s = cap_s
        self._multiplier = multiplier
        self._jitter = jitter
        self._immediate_first = immediate_first
        self._max_attempts = max_reconnect_attempts
        self._stable_after_s = stable_after_s
        self._longest_retry_after_s = longest_retry_after_s
        self._rng = ambient.new_random() if rng is None else rng
        # The exponent that reaches the cap. No power beyond it is computed, so attempt 10 000 cannot overflow.
        self._last_exponent = 0 if multiplier == 1 else math.ceil(math.log(cap_s / base_s, multiplier))
        self._attempts = 0
        self._refusals = 0  # in a row, with a Retry-After
        self._previous_s = base_s
        self._connected_at: float | None = None

    @property
    def attempts(self) -> int:
        """Attempts since the last stable connection."""
        return self._attempts

    def ceiling_s(self, attempt: int) -> float:
        """The longest wait before attempt number ``attempt`` (the first is 1), in seconds."""
        if self._immediate_first and attempt == 1:
            return 0.0
        return self._window_s(attempt)

    def next_delay(self, *, retry_after_s: float | None = None) -> float | None:
        """Count one attempt, and say how many seconds to wait before it.

        Args:
            retry_after_s: what the server asked for. The delay is not shorter than what is heeded of it
                (:meth:`heeded_s`). Its jitter lies above, in a window that is at first no longer than the wait, so that
                places in a line keep their order, and doubles with each such answer in a row.

        Returns:
            Seconds, or None when all allowed attempts are used up.
        """
        if self._max_attempts is not None and self._attempts >= self._max_attempts:
            return None
        self._attempts += 1
        if retry_after_s is not None and self._longest_retry_after_s > 0:
            self._refusals += 1
            return self.heeded_s(retry_after_s) + self._draw(self._window_above_s(self.heeded_s(retry_after_s)))
        self._refusals = 0
        if self._immediate_first and self._attempts == 1:
            return 0.0
        return self._draw(self._window_s(self._attempts))

    def heeded_s(self, retry_after_s: float) -> float:
        """For how many seconds a server is left alone that asked for ``retry_after_s``."""
        return min(retry_after_s, self._longest_retry_after_s)

    def restart(self) -> None:
        """Circumstances changed (foreground, another network): the attempt made now is the first, without delay."""
        self.reset()
        self._attempts = 1

    def reset(self) -> None:
        """Forget all failures."""
        self._attempts = self._refusals = 0
        self._previous_s = self._base_s
        self._connected_at = None

    def connected(self, now: float) -> None:
        """A connection is open since ``now``."""
        self._connected_at = now

    def lost(self, now: float) -> None:
        """The connection, if there was one, ended at ``now``."""
        if self._connected_at is not None and now - self._connected_at >= self._stable_after_s:
            self.reset()
        self._connected_at = None

    def _window_s(self, attempt: int) -> float:
        exponent = max(0, attempt - (2 if self._immediate_first else 1))
        return min(self._cap_s, self._base_s * self._multiplier ** min(exponent, self._last_exponent))

    def _window_above_s(self, wait_s: float) -> float:
        """``Retry-After`` has whole seconds: less than one of jitter would not part those who were told the same."""
        doublings = min(self._refusals - 1, 30)  # one second becomes 34 years, and nothing overflows
        return min(self._window_s(self._attempts), math.ldexp(max(1.0, wait_s), doublings))

    def _draw(self, window_s: float) -> float:
        if self._jitter == "none":
            return window_s
        if self._jitter == "equal":
            return window_s / 2 + self._rng.uniform(0, window_s / 2)
        if self._jitter == "decorrelated":
            upper_s = min(self._cap_s, 3 * self._previous_s)
            self._previous_s = min(self._cap_s, self._rng.uniform(self._base_s, max(self._base_s, upper_s)))
            return self._previous_s
        return self._rng.uniform(0, window_s)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise ValueError(message)
