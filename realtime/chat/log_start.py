"""Where a device's copy of a room's log begins (pure)."""

from __future__ import annotations


class LogStart:
    """Since which offset a device has a log without holes, and what it lacks behind an own message before that.

    A first join brings the newest messages only. But an own message may turn out to stand before them: it was sent by
    an earlier connection, or an earlier run of the app, and its acknowledgement comes now. Whoever wrote it was there
    already, so all that follows it is wanted as well, and the message as it stands: it may have been amended.

    Call :meth:`complete_from` at the first join and :meth:`own` for every acknowledged message; while
    :attr:`wants_after` is an offset, fetch a page of what follows it, and say :meth:`filled`.
    """

    def __init__(self) -> None:
        self.begin: int | None = None
        """Of the part without holes; None before the first join."""
        self._own: int | None = None  # the lowest own message before it
        self._reached = 0  # from the own message to here everything has come

    @property
    def wants_after(self) -> int | None:
        """The offset after which messages are missing, before the rest; None: nothing is."""
        return None if self.begin is None or self._own is None else self._reached

    @property
    def missing(self) -> int:
        """How many entries are missing between the own message and the part without holes."""
        if self.begin is None or self._own is None:
            return 0
        return max(0, self.begin - 1 - max(self._own, self._reached))

    def complete_from(self, offset: int) -> None:
        """From this offset on the device has everything."""
        self.begin = offset
        self._close()

    def own(self, offset: int) -> None:
        """An own message stands there."""
        if (self.begin is None or offset < self.begin) and (self._own is None or offset < self._own):
            self._own, self._reached = offset, offset - 1

    def filled(self, offset: int, *, more: bool) -> None:
        """Everything up to this offset has come.

        Args:
            offset: of the last message of the page.
            more: whether the server has any behind it.
        """
        if self._own is not None:
            self._reached = max(self._reached, offset)
            self._close(is_end=not more)

    def reset(self) -> None:
        """Another log begins."""
        self.begin = self._own = None

    def _close(self, *, is_end: bool = False) -> None:
        """If the hole is closed, the log begins at the own message."""
        if self.begin is not None and self._own is not None and (is_end or self._reached + 1 >= self.begin):
            self.begin, self._own = min(self.begin, self._own), None
