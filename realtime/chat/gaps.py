"""The holes of a room's log at one device (pure)."""

from __future__ import annotations

from realtime.chat.message import Gap


class Gaps:
    """What this device misses and the server does not have any more, oldest first.

    Logs are counted in the order in which they were met; offsets of different logs mean nothing to each other.
    """

    def __init__(self) -> None:
        self.all: tuple[Gap, ...] = ()
        self._ends: list[int] = []  # the log in which each one ends

    def add(self, generation: int, after: int, before: int) -> None:
        """What is between two offsets of one log is not here; where nothing is, there is no gap."""
        if before - after < 2:
            return
        if self.all and self._ends[-1] == generation and self.all[-1].before > after:
            self.all = (*self.all[:-1], Gap(self.all[-1].after, max(before, self.all[-1].before)))
        else:
            self._append(generation, Gap(after, before))

    def another_log(self, generation: int, *, after: int, before: int) -> None:
        """A log ended, known up to ``after``; what is known of the next one begins with ``before``."""
        self._append(generation, Gap(after, before))

    def let_go(self, generation: int, offset: int) -> None:
        """Messages up to here are not shown any more, nor are the gaps before them."""
        keeps = [(end, gap.before) > (generation, offset) for end, gap in zip(self._ends, self.all, strict=True)]
        if not all(keeps):
            self.all = tuple(gap for gap, keep in zip(self.all, keeps, strict=True) if keep)
            self._ends = [end for end, keep in zip(self._ends, keeps, strict=True) if keep]

    def _append(self, generation: int, gap: Gap) -> None:
        self.all = (*self.all, gap)
        self._ends.append(generation)
