"""The outbox (pure): what was said and is not yet known to have arrived, in order."""

from __future__ import annotations

import enum
from bisect import insort
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from realtime.connection.errors import SendRefused


class QueuedMessage(msgspec.Struct, frozen=True):
    """One message in an outbox, encoded when it was sent: what its sender does to the arguments later is not sent.

    Attributes:
        message_id: local, unique in its queue, and rising; also the acknowledgement id on the wire.
        event: the event's name.
        args: its arguments, for people to look at.
        ack: whether it stays until the server acknowledges it.
        text: the text frame.
        attachments: the binary frames that follow it.
        queued_at_s: when it was sent, in seconds of the caller's clock.
        writes: how many times it was written to a connection; above 0, the server may know it.
    """

    message_id: int
    event: str
    args: tuple[Any, ...]
    ack: bool
    text: bytes
    attachments: tuple[bytes, ...]
    queued_at_s: float
    writes: int = 0

    @property
    def size_bytes(self) -> int:
        """Payload bytes on the wire."""
        return len(self.text) + sum(map(len, self.attachments))


class WhenFull(enum.StrEnum):
    """What an outbox without room does with one more message."""

    REFUSE = "refuse"
    """It refuses the new one."""
    DROP_OLDEST = "drop_oldest"
    """It gives up as many of the oldest as it takes, written ones included."""


class Outbox(Protocol):
    """What a connection needs of an outbox; one that survives the process implements the same.

    One connection at a time writes: it takes :meth:`next_unwritten`, writes it, and says :meth:`written`. When the
    connection is lost it says :meth:`rewind`.
    """

    @property
    def queued(self) -> int:
        """Messages to write, or to write again."""
        ...

    @property
    def unacked(self) -> int:
        """Messages written on this connection, that wait for their acknowledgement."""
        ...

    @property
    def messages(self) -> tuple[QueuedMessage, ...]:
        """Everything in the outbox, oldest first."""
        ...

    @property
    def size_bytes(self) -> int:
        """Payload bytes held."""
        ...

    def next_id(self) -> int:
        """An id higher than all before it, whether or not a message is then put under it."""
        ...

    def put(self, message: QueuedMessage) -> Sequence[QueuedMessage]:
        """Add a message at the end.

        Returns:
            The messages that were given up for it.

        Raises:
            SendRefused: it does not fit: ``queue_full`` or ``message_too_large``; or it could not be stored:
                ``storage_failed``.
        """
        ...

    def next_unwritten(self) -> QueuedMessage | None:
        """The oldest message to write now."""
        ...

    def written(self, message_id: int) -> None:
        """The message returned by :meth:`next_unwritten` was written; without ``ack`` it is done."""
        ...

    def acked(self, message_id: int) -> bool:
        """The server acknowledged a written message; False if there is no such message."""
        ...

    def retry(self, message_id: int) -> bool:
        """Write a written message again, before newer ones; False if it is not waiting for its acknowledgement."""
        ...

    def rewind(self) -> list[int]:
        """The connection was lost: write all that it left unacknowledged again, in order, before newer ones.

        Returns:
            The ids of those messages.
        """
        ...

    def discard(self, message_id: int) -> bool:
        """Take a message out; False if it is not there any more."""
        ...

    def expire(self, now: float) -> list[QueuedMessage]:
        """Take out, and return, the messages that got too old before they could be written."""
        ...

    def next_timer(self) -> float | None:
        """When to call :meth:`expire`, or None for never."""
        ...


class MessageQueue:
    """An :class:`Outbox` in memory.

    Args:
        max_messages: how many messages it holds, unacknowledged ones included.
        max_bytes: how many payload bytes it holds.
        max_message_bytes: the largest message. Engine.IO servers close the connection on frames over their
            ``maxPayload``, 1 000 000 bytes by default.
        max_age_s: messages that could not be written for so many seconds are given up; None keeps them.
        when_full: what to do with one message more.
        messages: to begin with, by rising id; they are kept whatever the limits are.
        last_id: the highest id that was ever used.

    Raises:
        ValueError: a limit is not positive, or ``when_full`` is unknown.
    """

    def __init__(
        self,
        *,
        max_messages: int = 1000,
        max_bytes: int = 4_000_000,
        max_message_bytes: int = 1_000_000,
        max_age_s: float | None = None,
        when_full: WhenFull | str = WhenFull.REFUSE,
        messages: Iterable[QueuedMessage] = (),
        last_id: int = 0,
    ) -> None:
        limits = {"max_messages": max_messages, "max_bytes": max_bytes, "max_message_bytes": max_message_bytes}
        for name, value in (limits | ({} if max_age_s is None else {"max_age_s": max_age_s})).items():
            if not value > 0:
                raise ValueError(f"{name} must be positive, not {value!r}")
        self._max_messages = max_messages
        self._max_bytes = max_bytes
        self._max_message_bytes = max_message_bytes
        self._max_age_s = max_age_s
        self._when_full = WhenFull(when_full)
        self._messages: dict[int, QueuedMessage] = {}
        self._unwritten: deque[int] = deque()  # may hold ids that were discarded since
        self._waiting: dict[int, None] = {}  # written, not yet acknowledged; in order
        self._size_bytes = 0
        self._last_id = last_id
        for message in messages:
            self._add(message)

    @property
    def queued(self) -> int:
        """Messages to write, or to write again."""
        return len(self._messages) - len(self._waiting)

    @property
    def unacked(self) -> int:
        """Messages written on this connection, that wait for their acknowledgement."""
        return len(self._waiting)

    @property
    def messages(self) -> tuple[QueuedMessage, ...]:
        """Everything in the outbox, oldest first."""
        return tuple(self._messages.values())

    @property
    def size_bytes(self) -> int:
        """Payload bytes held."""
        return self._size_bytes

    def next_id(self) -> int:
        """An id higher than all before it, whether or not a message is then put under it."""
        self._last_id += 1
        return self._last_id

    def put(self, message: QueuedMessage) -> Sequence[QueuedMessage]:
        """Add a message at the end.

        Returns:
            The messages that were given up for it.

        Raises:
            SendRefused: it does not fit: ``queue_full`` or ``message_too_large``.
        """
        in_the_way = self.in_the_way_of(message)
        for oldest in in_the_way:
            self.discard(oldest.message_id)
        self._add(message)
        return in_the_way

    def in_the_way_of(self, message: QueuedMessage) -> Sequence[QueuedMessage]:
        """The messages that :meth:`put` would give up for this one; nothing changes.

        Raises:
            SendRefused: it does not fit: ``queue_full`` or ``message_too_large``.
        """
        size, limit = message.size_bytes, min(self._max_message_bytes, self._max_bytes)
        if size > limit:
            raise SendRefused(
                "message_too_large",
                f"{message.event!r} has {size} bytes, and the limit is {limit}; send less at once",
            )
        surplus = len(self._messages) + 1 - self._max_messages
        surplus_bytes = self._size_bytes + size - self._max_bytes
        if surplus <= 0 and surplus_bytes <= 0:
            return ()
        if self._when_full is WhenFull.REFUSE:
            raise SendRefused(
                "queue_full",
                f"{message.event!r} does not fit: the outbox is full with {len(self._messages)} messages of "
                f"{self._size_bytes} bytes (limits: {self._max_messages} messages, {self._max_bytes} bytes); "
                "wait for the connection, or discard some",
            )
        in_the_way: list[QueuedMessage] = []
        for oldest in self._messages.values():
            if len(in_the_way) >= surplus and surplus_bytes <= 0:
                break
            in_the_way.append(oldest)
            surplus_bytes -= oldest.size_bytes
        return in_the_way

    def next_unwritten(self) -> QueuedMessage | None:
        """The oldest message to write now."""
        while self._unwritten:
            message = self._messages.get(self._unwritten[0])
            if message is not None:
                return message
            self._unwritten.popleft()
        return None

    def written(self, message_id: int) -> None:
        """The message returned by :meth:`next_unwritten` was written; without ``ack`` it is done.

        Raises:
            ValueError: it is another message's turn.
        """
        message = self.next_unwritten()
        if message is None or message.message_id != message_id:
            raise ValueError(f"message {message_id} is not the next one to be written")
        self._unwritten.popleft()
        if message.ack:
            self._messages[message_id] = replace(message, writes=message.writes + 1)
            self._waiting[message_id] = None
        else:
            self._remove(message_id)

    def acked(self, message_id: int) -> bool:
        """The server acknowledged a written message; False if there is no such message."""
        return message_id in self._waiting and self.discard(message_id)

    def retry(self, message_id: int) -> bool:
        """Write a written message again, before newer ones; False if it is not waiting for its acknowledgement."""
        if message_id not in self._waiting:
            return False
        del self._waiting[message_id]
        insort(self._unwritten, message_id)
        return True

    def rewind(self) -> list[int]:
        """The connection was lost: write all that it left unacknowledged again, in order, before newer ones.

        Returns:
            The ids of those messages.
        """
        again = sorted(self._waiting)
        if again:
            self._unwritten = deque(sorted([*again, *self._unwritten]))  # what was retried may be older
            self._waiting.clear()
        return again

    def discard(self, message_id: int) -> bool:
        """Take a message out; False if it is not there any more."""
        if message_id not in self._messages:
            return False
        self._waiting.pop(message_id, None)
        self._remove(message_id)
        return True

    def expire(self, now: float) -> list[QueuedMessage]:
        """Take out, and return, the messages that got too old before they could be written."""
        expired = []
        while (deadline := self.next_timer()) is not None and deadline <= now:
            oldest = self._messages[self._unwritten[0]]
            self.discard(oldest.message_id)
            expired.append(oldest)
        return expired

    def next_timer(self) -> float | None:
        """When to call :meth:`expire`, or None for never."""
        if self._max_age_s is None or (oldest := self.next_unwritten()) is None:
            return None
        return oldest.queued_at_s + self._max_age_s

    def _add(self, message: QueuedMessage) -> None:
        self._messages[message.message_id] = message
        self._unwritten.append(message.message_id)
        self._size_bytes += message.size_bytes

    def _remove(self, message_id: int) -> None:
        self._size_bytes -= self._messages.pop(message_id).size_bytes
