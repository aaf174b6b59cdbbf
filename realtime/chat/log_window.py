"""The part of a room's log that a device has loaded: in order, each message once, bounded (pure)."""

from __future__ import annotations

import logging
from bisect import bisect_left

from msgspec.structs import replace

from realtime.chat.message import Message, MessageStatus
from realtime.chat.message_list import MessageList

_log = logging.getLogger("realtime.chat")


class LogWindow:
    """Messages by log and offset, oldest first; beyond the bound the oldest are let go.

    A room may have several logs, one after the other, if its server loses the former: call :meth:`enter` to change to
    another one. Before :meth:`place` ask :meth:`is_new`.

    Args:
        room_id: for the messages of this class.
        max_messages: how many are kept, and as many more as :meth:`reopen` makes room for. Beyond it a sixteenth is let
            go at once, which costs less than one at a time; but one at a time where a reader has reopened a page.

    Raises:
        ValueError: the bound is below 1.
    """

    def __init__(self, room_id: str, max_messages: int) -> None:
        if max_messages < 1:
            raise ValueError(f"max_messages must be at least 1, got {max_messages}")
        self._room_id = room_id
        self._max_messages = self._limit = max_messages
        # Pictures share this list, so it is only ever appended to, and its beginning is let go by moving the start.
        self._placed: list[Message] = []
        self._start = 0
        self._counts = [0]  # how many of them are of each log
        self._generation = 0  # the log that is told of now
        self.let_go = (0, 0)
        """Log and offset up to which messages were let go."""
        self._received = self._read = 0  # offsets up to which any other user has the present log
        # Ids are the senders' choice, so unique per user only.
        self._by_id: dict[str, Message | tuple[Message, ...]] = {}

    def __len__(self) -> int:
        return len(self._placed) - self._start

    @property
    def kept(self) -> int:
        """How many messages are in memory."""
        return len(self._placed)

    @property
    def begin(self) -> int | None:
        """The offset of the oldest loaded message; None if there is none, or if it is of a former log."""
        if not self._counts[self._generation] or self.has_former:
            return None
        return self._placed[self._start].offset

    @property
    def has_former(self) -> bool:
        """Whether messages of a former log are loaded, before those of the present one."""
        return self._generation > 0 and any(self._counts[: self._generation])

    @property
    def floor(self) -> int:
        """Up to this offset messages of the present log were let go; 0 if none were."""
        generation, offset = self.let_go
        return offset if generation == self._generation else 0

    def picture(self, rest: tuple[Message, ...]) -> MessageList[Message]:
        """The messages as they are now, and a few that follow."""
        return MessageList(self._placed, rest, start=self._start)

    def is_new(self, message_id: str, user_id: str, offset: int) -> bool:
        """Whether a message of the present log is not loaded, nor was let go with those before it."""
        if message_id in self._by_id and self.has(message_id, user_id):
            return False
        return offset > self.let_go[1] or self._generation > self.let_go[0]

    def has(self, message_id: str, user_id: str) -> bool:
        """Whether this message is loaded."""
        found = self._by_id.get(message_id)
        if found is None:
            return False
        if isinstance(found, Message):
            return found.user_id == user_id
        return any(message.user_id == user_id for message in found)

    def find(self, message_id: str, user_id: str | None = None) -> Message | None:
        """The message of this id and, if it is said, this author; else the room's oldest that has it."""
        found = self._by_id.get(message_id, ())
        candidates = (found,) if isinstance(found, Message) else found
        return next((message for message in candidates if user_id in (None, message.user_id)), None)

    def enter(self, generation: int) -> None:
        """What is placed from now on is of this log: they are counted in the order in which they were met."""
        self._counts += [0] * (generation + 1 - len(self._counts))
        if generation != self._generation:
            self._received = self._read = 0
        self._generation = generation

    def reopen(self, begin: int, count: int) -> None:
        """Take ``count`` messages from the offset ``begin`` on, which were let go or never loaded."""
        if self.let_go[0] == self._generation:
            self.let_go = (self._generation, min(self.let_go[1], begin - 1))
        self._limit += count

    def marked(self, *, received: int, read: int) -> bool:
        """Own messages of the present log are delivered up to one offset, and read up to another.

        Returns:
            Whether any message shows in another way now.
        """
        moved_from = [had for had, now in ((self._received, received), (self._read, read)) if now > had]
        if not moved_from:
            return False
        self._received, self._read = max(self._received, received), max(self._read, read)
        low, index = self._span()  # markers are near the end, as a rule
        after = min(moved_from)
        changed: dict[int, Message] = {}
        while index > low and _offset(message := self._placed[index - 1]) > after:
            index -= 1
            if message.mine and (shown := self._standing(message)) is not message:
                changed[index] = shown
        if changed:
            self._placed = self._placed.copy()
            for index, message in changed.items():
                self._placed[index] = message
                self._swap(message)
        return bool(changed)

    def place(self, message: Message) -> None:
        """Put a message of the present log where it belongs."""
        if message.mine:
            message = self._standing(message)
        if self._by_id.setdefault(message.message_id, message) is not message:
            self._note(message)
        placed, counts, generation = self._placed, self._counts, self._generation
        is_last_log = generation == len(counts) - 1
        if is_last_log and (not counts[generation] or _offset(placed[-1]) < _offset(message)):  # nearly always
            placed.append(message)
        else:
            self._insert(message, *self._span())
        counts[generation] += 1
        if len(self._placed) - self._start > self._limit:
            self._let_oldest_go(self._limit // 16 if self._limit == self._max_messages else 1)

    def replace(self, message: Message) -> None:
        """Show a loaded message in another way; its id, its author and its offset tell which."""
        index = self._index(message)
        low, high = self._span()
        if low <= index < high:
            message = self._standing(message)
        placed = self._placed[self._start :]
        placed[index - self._start] = message
        self._placed, self._start = placed, 0
        self._swap(message)

    # --- inside

    def _span(self) -> tuple[int, int]:
        """Where the messages of the present log stand."""
        low = self._start + (sum(self._counts[: self._generation]) if self._generation else 0)
        return low, low + self._counts[self._generation]

    def _standing(self, message: Message) -> Message:
        """A message of the present log, with the status that the markers give it."""
        if not message.mine:
            return message
        offset = _offset(message)
        status = MessageStatus.SENT
        if offset <= self._received:
            status = MessageStatus.DELIVERED
        if offset <= self._read:
            status = MessageStatus.READ
        return message if status is message.status else replace(message, status=status)

    def _swap(self, message: Message) -> None:
        """Find a loaded message as it shows now."""
        found = self._by_id[message.message_id]
        self._by_id[message.message_id] = (
            message
            if isinstance(found, Message)
            else tuple(message if each.user_id == message.user_id else each for each in found)
        )

    def _insert(self, message: Message, low: int, high: int) -> None:
        placed, offset = self._placed, _offset(message)
        index = bisect_left(placed, offset, low, high, key=_offset)
        while index < high and _offset(placed[index]) == offset:
            beside = placed[index]
            _log.warning("%s has two messages at offset %d: %s and %s", self._room_id, offset, beside, message)
            if (beside.user_id, beside.message_id) > (message.user_id, message.message_id):
                break
            index += 1
        self._placed = [*placed[self._start : index], message, *placed[index:]]
        self._start = 0

    def _index(self, message: Message) -> int:
        low = self._start
        for count in self._counts:
            index = bisect_left(self._placed, _offset(message), low, low + count, key=_offset)
            while index < low + count and _offset(self._placed[index]) == message.offset:
                beside = self._placed[index]
                if (beside.message_id, beside.user_id) == (message.message_id, message.user_id):
                    return index
                index += 1
            low += count
        raise LookupError(f"{message} is not loaded")

    def _note(self, message: Message) -> None:
        """Another user chose the same id."""
        found = self._by_id[message.message_id]
        others = (found,) if isinstance(found, Message) else found
        self._by_id[message.message_id] = tuple(sorted((*others, message), key=_offset))

    def _let_oldest_go(self, count: int) -> None:
        """Let go so many of one log, and at least one."""
        generation = next(number for number, size in enumerate(self._counts) if size)
        count = min(max(1, count), self._counts[generation])
        end = self._start + count
        for oldest in self._placed[self._start : end]:
            found = self._by_id.pop(oldest.message_id)
            if not isinstance(found, Message):
                rest = tuple(message for message in found if message.user_id != oldest.user_id)
                self._by_id[oldest.message_id] = rest if len(rest) > 1 else rest[0]
        self.let_go = (generation, _offset(self._placed[end - 1]))
        self._counts[generation] -= count
        self._start = end
        if self._start * 4 > self._limit:
            self._placed, self._start = self._placed[self._start :], 0


def _offset(message: Message) -> int:
    return message.offset or 0
