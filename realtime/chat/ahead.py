"""Entries of a room's log that come before their turn (pure)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from realtime.chat.amendments import fold, read_amendment
from realtime.chat.message import Message
from realtime.chat.wire import LoggedAmendment, LoggedEntry, LoggedMessage

MOST = 500  # entries; the screen of a phone shows a dozen, and what does not fit comes again with the catch-up


class Ahead:
    """Keeps the newest end of a log while a device catches up with what precedes it.

    Broadcasts wait here, so that everything is told in the room's order. Once the newest page has come it shows, with
    the broadcasts behind it: there is no hole in that. What showed when the connection ended goes on showing until the
    next connection brings a newer page, but is not known to be whole any more.

    Args:
        most: how many entries are kept. Beyond that the oldest are let go; they come again with the pages.
    """

    def __init__(self, most: int = MOST) -> None:
        self.begin: int | None = None
        """From this offset on everything is here; None: only broadcasts are, and nobody knows what precedes them."""
        self.dropped = 0
        """Offset of the newest entry that had to be let go on this connection."""
        self._most = most
        self._entries: dict[int, LoggedEntry] = {}
        self._from_before: list[LoggedEntry] = []

    @property
    def first(self) -> int | None:
        """The lowest offset of what waits; None: nothing does."""
        return next(iter(self._entries), None)

    @property
    def is_showing(self) -> bool:
        """Whether anything shows."""
        return self.begin is not None or bool(self._from_before)

    def hold(self, entry: LoggedEntry) -> None:
        """A broadcast came during the catch-up."""
        self._entries.setdefault(entry.offset, entry)
        self._bound()

    def newest(self, entries: Iterable[LoggedEntry]) -> None:
        """The newest page of the log came."""
        page = {entry.offset: entry for entry in entries}
        if not page:
            return
        self.begin = min(page)
        behind = {offset: entry for offset, entry in self._entries.items() if offset >= self.begin}
        self._entries = dict(sorted((behind | page).items()))
        self._from_before = []
        self._bound()

    def shown(self, after: int) -> list[LoggedEntry]:
        """What shows ahead of the catch-up, which has come so far, in order."""
        entries = self._from_before if self.begin is None else self._entries.values()
        return [entry for entry in entries if entry.offset > after]

    def take(self) -> list[LoggedEntry]:
        """The catch-up is over: everything that waited, in order."""
        entries = [self._entries[offset] for offset in sorted(self._entries)]
        self.clear()
        return entries

    def take_up_to(self, offset: int) -> list[LoggedEntry]:
        """What waited of the log up to here, in order; the rest goes on waiting."""
        taken = [self._entries.pop(each) for each in sorted(self._entries) if each <= offset]
        if self.begin is not None:
            self.begin = max(self.begin, offset + 1)
        return taken

    def take_shown(self, after: int) -> list[LoggedEntry]:
        """The log ended before the catch-up did: what shows of it."""
        entries = self.shown(after)
        self._from_before = []
        if self.begin is not None:
            self.clear()
        return entries

    def disconnected(self) -> None:
        """The connection ended."""
        if self.begin is not None:
            self._from_before = list(self._entries.values())
        self._entries = {}
        self.begin, self.dropped = None, 0

    def clear(self) -> None:
        """Forget everything."""
        self._entries, self._from_before = {}, []
        self.begin, self.dropped = None, 0

    def _bound(self) -> None:
        while len(self._entries) > self._most:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            self.dropped = max(self.dropped, oldest)
            if self.begin is not None:
                self.begin = next(iter(self._entries))


def preview(entries: Iterable[LoggedEntry | Message], make: Callable[[LoggedMessage], Message]) -> list[Message]:
    """Messages as the amendments behind them leave them.

    Args:
        entries: in the order of the log, with messages among them.
        make: makes the message of an entry.
    """
    messages: list[Message] = []
    places: dict[str, list[int]] = {}  # by message id
    for entry in entries:
        if isinstance(entry, LoggedMessage | Message):
            places.setdefault(entry.message_id, []).append(len(messages))
            messages.append(entry if isinstance(entry, Message) else make(entry))
        elif isinstance(entry, LoggedAmendment) and (change := read_amendment(entry)) is not None:
            for place in places.get(entry.message_id, ()):
                if change.is_about(messages[place]):
                    messages[place] = fold(messages[place], [change])
                    break
    return messages
