"""An outbox that outlives its app: what was emitted is on the disk before ``emit`` returns."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from msgspec.structs import replace

from realtime.connection.errors import OutboxError, SendRefused
from realtime.connection.message_queue import MessageQueue, QueuedMessage, WhenFull
from realtime.connection.outbox_file import OutboxFile, StoredMessage
from realtime.utils import ambient

IDS_AT_ONCE = 1000
"""Ids that are reserved by one write; those that a killed app did not use are left out."""

ACKS_WAIT_S = 0.1
"""How long acknowledgements wait for each other before they are written; after a crash meanwhile all are sent again."""

_log = logging.getLogger("realtime.connection")


class DiskOutbox:
    """An :class:`~realtime.connection.message_queue.Outbox` in a file: ``SocketManager(url, queue=DiskOutbox(path))``.

    What ``emit`` returned a receipt for survives the app, however it ends, and goes out with the next connection, in
    order, until the server has it. What the app was killed over is written again: the server may get it twice, so put
    an id into it, as :class:`~realtime.chat.chat_client.ChatClient` does. Give each user at each server, and each
    namespace, a file of its own. You should :meth:`close` it after the last ``disconnect``.

    Every emit and every discard is one write that reaches the disk before it returns, on the loop's thread:
    milliseconds. Acknowledgements go with the next write, or are written together a tenth of a second later: what a
    crash loses of them is sent again, like everything that the app was killed over. Use it on one thread at a time.
    Another program that opens the file is refused; where one program opens it twice, the later one has it.

    Args:
        path: of the file; it is made if it is not there, in a folder that is. A damaged or foreign file is renamed.
        max_messages: as for :class:`~realtime.connection.message_queue.MessageQueue`, like all limits.
        max_bytes: see there.
        max_message_bytes: see there.
        max_age_s: see there; by the wall clock while the app is not running.
        when_full: see there.
        clock: the clock of ``queued_at_s``; by default the event loop's.
        lock_timeout_s: how long a change waits for another program that has the database locked.
        synced: called with each file whose content has just become durable. A simulated world knows by it what a crash
            leaves (``synced=machine.disk.synced``).

    Raises:
        OutboxError: the file cannot be used, or another program uses it; the message says what to do.
        ValueError: a limit is not positive, or ``when_full`` is unknown.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_messages: int = 1000,
        max_bytes: int = 4_000_000,
        max_message_bytes: int = 1_000_000,
        max_age_s: float | None = None,
        when_full: WhenFull | str = WhenFull.REFUSE,
        clock: Callable[[], float] | None = None,
        lock_timeout_s: float = 0.1,
        synced: Callable[[Path], object] | None = None,
    ) -> None:
        def make_queue(messages: Sequence[QueuedMessage] = (), last_id: int = 0) -> MessageQueue:
            return MessageQueue(
                max_messages=max_messages,
                max_bytes=max_bytes,
                max_message_bytes=max_message_bytes,
                max_age_s=max_age_s,
                when_full=when_full,
                messages=messages,
                last_id=last_id,
            )

        make_queue()  # finds mistakes before it touches the disk
        self._file = OutboxFile(Path(path).absolute(), lock_timeout_s=lock_timeout_s, synced=synced)
        stored = self._file.messages
        self._reserved = max([self._file.last_id, *(each.message.message_id for each in stored)])
        self._queue = make_queue(_aged(stored, clock or _loop_time), self._reserved)
        self._to_remove: dict[int, None] = {}  # what a failing disk still has
        self._is_failing = False
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<DiskOutbox {str(self.path)!r} queued={self.queued} unacked={self.unacked}>"

    @property
    def path(self) -> Path:
        """Of the file."""
        return self._file.path

    @property
    def set_aside(self) -> Path | None:
        """What was found under :attr:`path` and could not be used, under its new name; None if all was well."""
        return self._file.set_aside

    @property
    def queued(self) -> int:
        """Messages to write, or to write again."""
        return self._queue.queued

    @property
    def unacked(self) -> int:
        """Messages written on this connection, that wait for their acknowledgement."""
        return self._queue.unacked

    @property
    def messages(self) -> tuple[QueuedMessage, ...]:
        """Everything in the outbox, oldest first; of an earlier run, all that need an ack count as written once."""
        return self._queue.messages

    @property
    def size_bytes(self) -> int:
        """Payload bytes held."""
        return self._queue.size_bytes

    def close(self) -> None:
        """Let go of the file; what is in it stays. Doing it twice is harmless."""
        if self._timer is not None:
            self._timer.cancel()
            self._write_acks()
        self._file.close()

    def next_id(self) -> int:
        """An id higher than all before it, in this run of the app and all before."""
        message_id = self._queue.next_id()
        if message_id > self._reserved:
            self._change(last_id=message_id + IDS_AT_ONCE)  # if it fails, put() tries again
        return message_id

    def put(self, message: QueuedMessage) -> Sequence[QueuedMessage]:
        """Add a message at the end; when this returns it is on the disk.

        Returns:
            The messages that were given up for it.

        Raises:
            SendRefused: it does not fit: ``queue_full`` or ``message_too_large``; or the disk did not take it:
                ``storage_failed``. Nothing changed then.
        """
        in_the_way = [each.message_id for each in self._queue.in_the_way_of(message)]
        remove = [*self._to_remove, *in_the_way]
        last_id = message.message_id + IDS_AT_ONCE if message.message_id > self._reserved else None
        try:
            self._file.change(add=StoredMessage(message, ambient.wall_time_ms()), remove=remove, last_id=last_id)
        except OutboxError as error:
            raise SendRefused(
                "storage_failed", f"{message.event!r} was not sent, and nothing of it was kept: {error}; then try again"
            ) from error
        self._changed(last_id)
        return self._queue.put(message)

    def next_unwritten(self) -> QueuedMessage | None:
        """The oldest message to write now."""
        return self._queue.next_unwritten()

    def written(self, message_id: int) -> None:
        """The message returned by :meth:`next_unwritten` was written; without ``ack`` it is done.

        Raises:
            ValueError: it is another message's turn.
        """
        message = self._queue.next_unwritten()
        self._queue.written(message_id)
        if message is not None and not message.ack:
            self._remove([message_id])

    def acked(self, message_id: int) -> bool:
        """The server acknowledged a written message; False if there is no such message."""
        if not self._queue.acked(message_id):
            return False
        self._to_remove[message_id] = None
        if self._timer is None:
            try:
                self._timer = asyncio.get_running_loop().call_later(ACKS_WAIT_S, self._write_acks)
            except RuntimeError:  # no loop: no later
                self._change()
        return True

    def retry(self, message_id: int) -> bool:
        """Write a written message again, before newer ones; False if it is not waiting for its acknowledgement."""
        return self._queue.retry(message_id)

    def rewind(self) -> list[int]:
        """The connection was lost: write all that it left unacknowledged again, in order, before newer ones.

        Returns:
            The ids of those messages.
        """
        return self._queue.rewind()

    def discard(self, message_id: int) -> bool:
        """Take a message out; False if it is not there any more."""
        return self._queue.discard(message_id) and self._remove([message_id])

    def expire(self, now: float) -> list[QueuedMessage]:
        """Take out, and return, the messages that got too old before they could be written."""
        expired = self._queue.expire(now)
        if expired:
            self._remove([message.message_id for message in expired])
        return expired

    def next_timer(self) -> float | None:
        """When to call :meth:`expire`, or None for never."""
        return self._queue.next_timer()

    # --- the disk

    def _remove(self, message_ids: Sequence[int]) -> bool:
        """Done is done: what a failing disk does not forget now goes with the next change that it takes."""
        self._to_remove |= dict.fromkeys(message_ids)
        self._change()
        return True

    def _write_acks(self) -> None:
        self._timer = None
        if self._to_remove:
            self._change()

    def _change(self, last_id: int | None = None) -> None:
        try:
            self._file.change(remove=list(self._to_remove), last_id=last_id)
        except OutboxError as error:
            if not self._is_failing:
                _log.warning("the outbox keeps what it should forget, until its disk works again: %s", error)
            self._is_failing = True
        else:
            self._changed(last_id)

    def _changed(self, last_id: int | None) -> None:
        self._is_failing = False
        self._to_remove.clear()
        if last_id is not None:
            self._reserved = last_id


def _aged(stored: Sequence[StoredMessage], clock: Callable[[], float]) -> list[QueuedMessage]:
    """Messages of an earlier run, as old by this run's clock as they are by the wall clock."""
    if not stored:
        return []
    now, now_ms = clock(), ambient.wall_time_ms()
    return [replace(message, queued_at_s=now - max(0, now_ms - at_ms) / 1000) for message, at_ms in stored]


def _loop_time() -> float:
    try:
        return asyncio.get_running_loop().time()
    except RuntimeError:
        return time.monotonic()  # noqa: TID251 - made outside of its loop, whose time this is
