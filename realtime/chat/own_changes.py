"""This user's own edits, deletions and reactions, from the moment they are made (pure)."""

from __future__ import annotations

from bisect import insort

import msgspec
from msgspec.structs import replace

from realtime.chat.amendments import Amendment, fold
from realtime.chat.message import Message


class _Watched(msgspec.Struct):
    """A message that own changes are about: as it was loaded, and what the log said of it since, in its order."""

    base: Message
    entries: list[Amendment]

    def knows(self, offset: int) -> bool:
        return offset <= self.base.revision or any(entry.offset == offset for entry in self.entries)


class OwnChanges:
    """Lays own changes over messages until the server has them, or refuses them.

    Messages go through :meth:`watch` when they are loaded; then :meth:`amend` takes what the log says of them. What
    either returns is to be shown; after :meth:`add` and :meth:`refused` ask :meth:`shown`. Call :meth:`reached` as the
    contiguous part of the log grows, and after a refusal.

    An acknowledgement may come out of the log's order: after broadcasts of what was logged behind it, or ahead of a
    catch-up. So what is known of a changed message is put together anew each time, in the order of the log.
    """

    def __init__(self) -> None:
        self.are_any = False
        """Whether anything may show in another way than it stands."""
        self._pending: dict[str, Amendment] = {}  # by change id, in the order they were made
        self._acked: list[Amendment] = []  # beyond what was reached
        self._watched: dict[tuple[str, str], _Watched] = {}

    def about(self, message: Message) -> list[str]:
        """The ids of the changes of a message that are not acknowledged."""
        return [change_id for change_id, change in self._pending.items() if change.is_about(message)]

    def add(self, change_id: str, change: Amendment, message: Message | None = None) -> None:
        """This user changes a message; give it as it shows, if it is loaded, and show it as :meth:`shown` then."""
        if message is not None and _key(message) not in self._watched:
            self._watched[_key(message)] = _Watched(message, [])
        self._pending[change_id] = change
        self.are_any = True

    def acked(self, change_id: str, offset: int, timestamp_ms: int) -> Amendment | None:
        """The server has the change: the entry of its log that it is; None if nobody waits for this."""
        change = self._pending.pop(change_id, None)
        if change is None:
            return None
        change = replace(change, offset=offset, timestamp_ms=timestamp_ms)
        insort(self._acked, change, key=_offset)
        return change

    def refused(self, change_id: str) -> Amendment | None:
        """The change will never be: what it would have been; None if nobody waits for this."""
        return self._pending.pop(change_id, None)

    def reached(self, offset: int) -> None:
        """The log is known without a hole up to here."""
        self._acked = [change for change in self._acked if _offset(change) > offset]
        self._forget()

    def another_log(self) -> None:
        """Offsets of the former log mean nothing any more."""
        self._acked.clear()
        self._forget()

    def watch(self, message: Message) -> Message:
        """A message was loaded, or own changes were made to the one that is: as it shows now."""
        key = _key(message)
        if not any(change.is_about(message) for change in (*self._pending.values(), *self._acked)):
            self._watched.pop(key, None)
            return message
        self._watched[key] = _Watched(message, [])
        for change in self._acked:
            if change.is_about(message):
                self.amend(message, change)
        return self.shown(message)

    def amend(self, message: Message, entry: Amendment) -> tuple[Message, bool]:
        """The log has an entry about a loaded message: as it shows now, and whether that is news."""
        offset = _offset(entry)
        watched = self._watched.get(_key(message))
        if watched is None:
            news = offset > max(message.revision, message.offset or 0)
            return (fold(message, [entry]) if news else message), news
        news = offset > (message.offset or 0) and not watched.knows(offset)
        if news:
            insort(watched.entries, entry, key=_offset)
        return self.shown(message), news

    def shown(self, message: Message) -> Message:
        """As a message shows, with the own changes over it."""
        watched = self._watched.get(_key(message))
        if watched is not None:
            message = fold(watched.base, watched.entries)
        elif self._acked:
            message = fold(message, [change for change in self._acked if change.is_about(message)])
        return fold(message, [change for change in self._pending.values() if change.is_about(message)])

    def _forget(self) -> None:
        """What no change is about any more shows as it stands."""
        waiting = (*self._pending.values(), *self._acked)
        for key, watched in tuple(self._watched.items()):
            if not any(change.is_about(watched.base) for change in waiting):
                del self._watched[key]
        self.are_any = bool(waiting or self._watched)


def _offset(change: Amendment) -> int:
    return change.offset or 0


def _key(message: Message) -> tuple[str, str]:
    return message.user_id, message.message_id
