"""What this user has not read of a room (pure)."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right

from realtime.chat.mentions import mentions


class Unread:
    """Counts others' messages above this user's read marker, and those that mention this user.

    Kept by offset and apart from the messages, so that what was let go to bound the memory counts still.

    Args:
        user_id: this device's user.
    """

    def __init__(self, user_id: str) -> None:
        self.count = 0
        """Others' messages that this user has not read."""
        self.mentioned = 0
        """How many of them mention this user."""
        self._user_id = user_id
        self._at = f"@{user_id}"
        self._read = 0
        self._offsets = array("q")  # ascending
        self._mentions = array("q")  # some of them, ascending
        self._former = (0, 0)  # unread and mentions in logs that are lost

    def shows(self, offset: int, user_id: str, text: str, is_deleted: bool = False) -> bool:
        """A message stands there, as it is now; say it again after each change.

        Returns:
            Whether it is unread and mentions this user.
        """
        if user_id == self._user_id or offset <= self._read:
            return False
        offsets = self._offsets
        if not (offsets and offset <= offsets[-1]) and not is_deleted:  # nearly always
            offsets.append(offset)
            self.count += 1
        else:
            _put(offsets, offset, not is_deleted)
            self._recount()
        names_me = self._at in text and self._user_id in mentions(text)
        if self._mentions or names_me:
            _put(self._mentions, offset, names_me)
            self._recount()
        return names_me

    def read(self, up_to: int) -> None:
        """The user has read everything up to there."""
        if up_to > 0:
            self._former = (0, 0)
        if up_to > self._read:
            self._read = up_to
            del self._offsets[: bisect_right(self._offsets, up_to)]
            del self._mentions[: bisect_right(self._mentions, up_to)]
        self._recount()

    def another_log(self) -> None:
        """Offsets begin anew."""
        self._former = (self.count, self.mentioned)
        self._offsets, self._mentions, self._read = array("q"), array("q"), 0

    def _recount(self) -> None:
        self.count = len(self._offsets) + self._former[0]
        self.mentioned = len(self._mentions) + self._former[1]


def _put(offsets: array[int], offset: int, belongs: bool) -> None:
    """Have an offset among others, in ascending order and once, or not at all."""
    at = bisect_left(offsets, offset)
    is_there = at < len(offsets) and offsets[at] == offset
    if is_there and not belongs:
        del offsets[at]
    elif belongs and not is_there:
        offsets.insert(at, offset)
