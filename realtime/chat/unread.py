"""What this user has not read of a room (pure)."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right, insort

from realtime.chat.mentions import mentions


class Unread:
    """Counts others' messages above this user's read marker, and those that mention this user.

    Kept by offset and apart from the messages, so that what was let go to bound the memory counts still.

    Args:
        user_id: this device's user.
    """

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._at = f"@{user_id}"
        self._read = 0
        self._offsets = array("q")  # ascending
        self._mentions: list[int] = []  # some of them, ascending
        self._former = (0, 0)  # unread and mentions in logs that are lost

    @property
    def count(self) -> int:
        """Others' messages that this user has not read."""
        return len(self._offsets) + self._former[0]

    @property
    def mentioned(self) -> int:
        """How many of them mention this user."""
        return len(self._mentions) + self._former[1]

    def shows(self, offset: int, user_id: str, text: str, *, is_deleted: bool = False) -> bool:
        """A message stands there, as it is now; say it again after each change.

        Returns:
            Whether it is unread and mentions this user.
        """
        if user_id == self._user_id or offset <= self._read:
            return False
        offsets = self._offsets
        if not offsets or offset > offsets[-1]:  # nearly always
            is_known, at = False, len(offsets)
        else:
            at = bisect_left(offsets, offset)
            is_known = at < len(offsets) and offsets[at] == offset
        if is_deleted:
            if is_known:
                del offsets[at]
        elif not is_known:
            offsets.insert(at, offset)
        names_me = self._at in text and self._user_id in mentions(text)
        if self._mentions or names_me:
            self._note_mention(offset, names_me)
        return names_me

    def read(self, up_to: int) -> None:
        """The user has read everything up to there."""
        if up_to > 0:
            self._former = (0, 0)
        if up_to > self._read:
            self._read = up_to
            del self._offsets[: bisect_right(self._offsets, up_to)]
            del self._mentions[: bisect_right(self._mentions, up_to)]

    def another_log(self) -> None:
        """Offsets begin anew."""
        self._former = (self.count, self.mentioned)
        self._offsets, self._mentions, self._read = array("q"), [], 0

    def _note_mention(self, offset: int, names_me: bool) -> None:
        at = bisect_left(self._mentions, offset)
        is_noted = at < len(self._mentions) and self._mentions[at] == offset
        if is_noted and not names_me:
            del self._mentions[at]
        elif names_me and not is_noted:
            insort(self._mentions, offset)
