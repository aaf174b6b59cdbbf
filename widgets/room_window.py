"""Which of a room's messages a page holds (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from realtime.chat.message import Message

SIZE = 200  # while the reader is at the end
STEP = 200  # what comes when they go back
MOST = 5_000  # beyond that even a page that draws only what is in sight becomes slow to change
CONTEXT = 20  # messages above one that is asked for


def key_of(message: Message) -> str:
    """What tells a message from all others of its room: message ids are the choice of each author."""
    return f"{message.user_id}:{message.message_id}"


class RoomWindow:
    """The newest messages of a room; from where the reader stopped following, until they follow again.

    One thread may move it while another asks for :meth:`start`.
    """

    def __init__(self) -> None:
        self._first: str | None = None  # key of the oldest that is held; None: the newest are shown
        self._where = 0  # where it was when it was looked for

    def start(self, messages: Sequence[Message]) -> int:
        """Index of the first message to show; all that follow it are shown."""
        first, count = self._first, len(messages)
        least = max(0, count - MOST)
        if first is None:
            return max(0, count - SIZE)
        where = self._where  # nearly always: messages come at the end
        if not (least <= where < count and key_of(messages[where]) == first):
            later = enumerate(islice(messages, least, None), least)
            where = next((index for index, message in later if key_of(message) == first), least)
            self._where = where
        return where

    def hold(self, messages: Sequence[Message]) -> None:
        """The reader looks at something above the end: nothing that is shown goes."""
        self._hold_from(messages, self.start(messages))

    def follow(self) -> None:
        """The reader is at the end."""
        self._first = None

    def extend(self, messages: Sequence[Message]) -> bool:
        """Show a step of older ones; False if all are shown that may be."""
        start = self.start(messages)
        further = max(0, len(messages) - MOST, start - STEP)
        if further == start:
            return False
        self._hold_from(messages, further)
        return True

    def reach(self, messages: Sequence[Message], key: str) -> bool:
        """Show the message of this key too; False if it is not among them."""
        index = next((index for index, message in enumerate(messages) if key_of(message) == key), None)
        if index is None:
            return False
        self._hold_from(messages, min(self.start(messages), max(0, index - CONTEXT)))
        return True

    def _hold_from(self, messages: Sequence[Message], start: int) -> None:
        if start < len(messages):
            self._first = key_of(messages[start])
