"""When an acknowledgement is overdue, so that it is time to look whether anybody is there (pure)."""

from __future__ import annotations

OVERDUE_S = 5.0
"""After this long without an answer a message shows as failed, and people look at the connection."""

SLOWEST_BYTES_PER_S = 2_000
"""What waits to be acknowledged may be under way as slowly as this: 16 kbit/s, GPRS at its worst."""

FIRST_PAUSE_S = 20.0
LONGEST_S = 300.0
"""From one look to the next, at a server that answers pings but not messages; each wakes a phone's radio."""


class AckWatch:
    """Watches the messages of one connection at a time that wait for their acknowledgement.

    Probe the connection when :meth:`is_overdue` says so; ask it at :attr:`due`.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        """When to ask, or None for never."""
        self._since = 0.0
        self._pause_s = FIRST_PAUSE_S

    def look(self, now: float, awaited: int) -> None:
        """So many messages are written and not acknowledged."""
        if awaited and self.due is None:
            self._since = now
            self.due = now + OVERDUE_S

    def answered(self, now: float, awaited: int) -> None:
        """An acknowledgement came, and so many are still to come."""
        self._pause_s = FIRST_PAUSE_S
        self.due = None
        self.look(now, awaited)

    def stop(self) -> None:
        """The connection has ended."""
        self.answered(0.0, 0)

    def is_overdue(self, now: float, *, size_bytes: int, heard_at: float) -> bool:
        """Whether to look now; the next time is later each time.

        Args:
            now: the time.
            size_bytes: what is not acknowledged; a large photo on a slow link is no sign of death.
            heard_at: when anything was last received; nor is an answer that waits behind others.
        """
        if self.due is None or now < self.due:
            return False
        self.due = max(self._since + size_bytes / SLOWEST_BYTES_PER_S, heard_at) + OVERDUE_S
        if now < self.due:
            return False
        self._since = now + self._pause_s - OVERDUE_S
        self.due = now + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_S)
        return True
