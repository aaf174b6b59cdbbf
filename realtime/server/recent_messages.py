"""The newest messages of a room: enough to tell authors what was delivered (pure)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

NEWEST = 256
"""Messages that are remembered of a room: a marker that jumps further tells no author of older ones."""

_Message = tuple[int, str, str]


class RecentMessages:
    """Offsets, authors and ids, in the order of the offsets.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int = NEWEST) -> None:
        self._messages: deque[_Message] = deque(maxlen=size)

    def add(self, offset: int, author: str, message_id: str) -> None:
        """A message was logged; its offset is above all others."""
        self._messages.append((offset, author, message_id))

    def put_before(self, older: Iterable[_Message]) -> None:
        """Messages that were logged before those that are here; what is here already is left out."""
        first = self._messages[0][0] if self._messages else None
        for message in reversed([each for each in older if first is None or each[0] < first]):
            if len(self._messages) == self._messages.maxlen:
                return
            self._messages.appendleft(message)

    def covered(self, after: int, up_to: int, *, but: str) -> dict[str, str]:
        """The newest message id of each author who has messages at ``after < offset <= up_to``, oldest first.

        Args:
            after: where a marker was.
            up_to: where it is now.
            but: this author is left out.
        """
        newest: dict[str, str] = {}
        for offset, author, message_id in reversed(self._messages):
            if offset <= after:
                break
            if offset <= up_to and author != but:
                newest.setdefault(author, message_id)
        return dict(reversed(newest.items()))
