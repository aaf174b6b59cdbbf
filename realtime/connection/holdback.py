"""When to try again what the server could not take for now (pure)."""

from __future__ import annotations

import math
from typing import Any

TEMPORARY = frozenset({"storage_failed", "rate_limited"})
"""Codes of refusals that say nothing about the message: the server's disk is full, or it was asked too much."""

FIRST_S = 1.0
LONGEST_S = 30.0


class Holdback:
    """Doubles the pause after each refusal, until something is taken."""

    def __init__(self) -> None:
        self.until_s: float | None = None
        """Until when nothing is to be written; None: write."""
        self._next_s = FIRST_S

    def refused(self, now: float, *, after_s: float = 0.0) -> None:
        """The server could not take a message; further ones of the same pause change nothing.

        Args:
            after_s: it may be asked again then.
        """
        if self.until_s is None:
            self.until_s = now + max(self._next_s, min(after_s, LONGEST_S))
            self._next_s = min(2 * self._next_s, LONGEST_S)

    def taken(self) -> None:
        """The server stored a message."""
        self._next_s = FIRST_S

    def is_over(self, now: float) -> bool:
        """Whether a pause ends now; then there is none any more."""
        if self.until_s is None or now < self.until_s:
            return False
        self.until_s = None
        return True

    def wait_on(self, now: float) -> None:
        """The pause is over, and something is under way still: its refusal may be. Say :meth:`end` when it is not."""
        self.until_s = now + LONGEST_S

    def end(self, now: float) -> None:
        """The pause ends now."""
        self.until_s = now

    def another_connection(self) -> None:
        """The next connection is the next try."""
        self.until_s = None


def refusal_code(args: tuple[Any, ...]) -> str | None:
    """The code of an acknowledgement ``{"ok": false, "error": {"code", "message"}}``; None if it is no refusal."""
    reply = args[0] if args else None
    if not isinstance(reply, dict) or reply.get("ok") is not False:
        return None
    error = reply.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) else "refused"


def retry_after_s(args: tuple[Any, ...]) -> float:
    """After how long a refused question may be asked again, as its acknowledgement says in ms; 0 if it does not."""
    error = args[0].get("error")
    after_ms = error.get("retryAfter") if isinstance(error, dict) else None
    if not isinstance(after_ms, int | float) or isinstance(after_ms, bool) or not 0 <= after_ms < math.inf:
        return 0.0
    return after_ms / 1000
