"""The messages of one room at one device: one bubble per message, one order, whatever arrives when."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections.abc import Iterable
from typing import TypeAlias

import msgspec
from msgspec.structs import replace

from realtime.chat.log_start import LogStart
from realtime.chat.message import Message, MessageStatus, Position
from realtime.chat.message_list import MessageList
from realtime.chat.wire import LoggedMessage

_log = logging.getLogger("realtime.chat")


class Received(msgspec.Struct, frozen=True):
    """A message came that this device did not send. Told once per message, in the room's order."""

    message: Message


class Delivered(msgspec.Struct, frozen=True):
    """The server has an own message. Told once per message."""

    message: Message


class Failed(msgspec.Struct, frozen=True):
    """An own message is late, or with an ``error`` refused for good. Told once per message."""

    message: Message


LogEvent: TypeAlias = Received | Delivered | Failed


class RoomLog:
    """Merges own sends, acks, broadcasts and catch-up pages of one room. Pure: the caller passes the time.

    Call :meth:`disconnected` when a connection ends, :meth:`joined` with the answer to each join, and while
    :attr:`wants_more`, :meth:`continued` with the page after :attr:`position`. Until then broadcasts wait, so that
    messages are told in the room's order. Where :attr:`wants_older` is an offset, say :meth:`filled` with the page
    after it. Dispatch the returned events; call :meth:`handle_timer` at :meth:`next_timer`.

    It relies on the server for one thing: on one connection, the broadcasts of a room come in the room's order,
    without holes other than the device's own messages.

    Args:
        room_id: the room.
        user_id: this device's user.
        failed_after_s: how long an own message may wait for its ack before it shows as failed.
    """

    def __init__(self, room_id: str, user_id: str, *, failed_after_s: float = 5.0) -> None:
        self.room_id = room_id
        self.gap = False
        self.is_joined = False
        self.wants_more = False
        self._user_id = user_id
        self._failed_after_s = failed_after_s
        self._placed: list[Message] = []  # by epoch and offset; snapshots share it, so it is only ever appended to
        self._counts = [0]  # how many of them are of each epoch
        self._picture: MessageList[Message] | None = None  # of what is in _placed and _unsent now
        # The senders of each message id that has its place: ids are the senders' choice, so unique per user only.
        self._senders: dict[str, str | frozenset[str]] = {}
        self._names: dict[str, str] = {}  # user ids, so that all messages share one string
        self._unsent: dict[str, Message] = {}
        self._deadlines: dict[str, float] = {}
        self._held: list[LoggedMessage] = []
        self._epochs: list[str] = []  # in the order in which they were met
        self._generation = 0  # which of them is the present one
        self._epoch: str | None = None  # the present one
        self._offset = 0  # everything of the present epoch up to here has arrived
        self._ahead: set[int] = set()  # offsets of own messages beyond the position
        self._start = LogStart()

    @property
    def position(self) -> Position | None:
        """Everything up to here has arrived: the ``since`` of the next join. None before the first join."""
        return None if self._epoch is None else Position(self._epoch, self._offset)

    @property
    def wants_older(self) -> int | None:
        """The offset of an own message from which on the page of history is to be fetched: it lacks what follows."""
        return self._start.wants_after if self.is_joined else None

    def messages(self) -> MessageList[Message]:
        """All messages, in the room's order, own unsent ones last."""
        if self._picture is None:
            self._picture = MessageList(self._placed, tuple(self._unsent.values()))
        return self._picture

    # --- own messages

    def send(
        self, message_id: str, text: str, *, timestamp_ms: int, now: float, reply_to: str | None = None
    ) -> Message:
        """Take a message that this user sends; it is pending."""
        message = Message(
            room_id=self.room_id,
            message_id=message_id,
            user_id=self._user_id,
            text=text,
            timestamp_ms=timestamp_ms,
            offset=None,
            status=MessageStatus.PENDING,
            reply_to=reply_to,
            mine=True,
        )
        self._unsent[message_id] = message
        self._picture = None
        self._deadlines[message_id] = now + self._failed_after_s
        return message

    def acked(self, message_id: str, offset: int, timestamp_ms: int) -> list[LogEvent]:
        """The server has the message, at ``offset`` of the log. A repeated ack changes nothing."""
        message = self._unsent.get(message_id)
        if message is None:
            return []
        message = replace(message, offset=offset, timestamp_ms=timestamp_ms, status=MessageStatus.SENT, error=None)
        self._place(message)
        self._ahead.add(offset)
        self._start.own(offset)
        self._advance()
        return [Delivered(message)]

    def refused(self, message_id: str, error: str) -> list[LogEvent]:
        """The server will never take the message. It stays visible as failed, until it is discarded."""
        message = self._unsent.get(message_id)
        if message is None or message.error is not None:
            return []
        return [self._fail(message, error)]

    def discard(self, message_id: str) -> bool:
        """Forget an unsent message; False if there is none of this id."""
        self._deadlines.pop(message_id, None)
        self._picture = None
        return self._unsent.pop(message_id, None) is not None

    def unsent(self, message_id: str) -> Message | None:
        """The own message of this id, if it is not acknowledged."""
        return self._unsent.get(message_id)

    # --- the server's log

    def received(self, entry: LoggedMessage) -> list[LogEvent]:
        """A broadcast arrived. Before the catch-up is done it waits."""
        if not self.is_joined:
            self._held.append(entry)
            return []
        if entry.position is not None and entry.position.rpartition(":")[0] != self._epoch:
            self._enter(Position.parse(entry.position).epoch)
            self.gap = True
        events = self._take(entry)
        self._advance(entry.offset)
        return events

    def disconnected(self) -> None:
        """The connection ended, or the room was left: what is missed from now on comes with the next join."""
        self.is_joined = self.wants_more = False
        self._held.clear()  # the position has not moved past them: the next join brings them again

    def joined(
        self, position: Position, entries: Iterable[LoggedMessage], *, recovered: bool, more: bool
    ) -> list[LogEvent]:
        """The server answered a join.

        Args:
            position: where the log stood at the join.
            entries: after a first join the newest messages; otherwise those after our position, oldest first.
            recovered: nothing between our position and ``entries`` is missing.
            more: further messages follow ``entries``: see :attr:`wants_more`. Means nothing where there is a gap.
        """
        is_first = self._epoch is None
        if position.epoch != self._epoch:
            self._enter(position.epoch)
            recovered = False
        if is_first:
            entries = tuple(entries)
            self._start.complete_from(min((entry.offset for entry in entries), default=position.offset + 1))
            events = [event for entry in entries for event in self._take(entry)]
            delivered = [event for event in events if isinstance(event, Delivered)]  # their acks were lost
            return delivered + self._caught_up(position.offset)
        self.gap = self.gap or not recovered
        return self._page(entries, more and recovered, end=position.offset)

    def continued(self, entries: Iterable[LoggedMessage], *, recovered: bool = True, more: bool) -> list[LogEvent]:
        """The page after :attr:`position` came. Ignored unless one is wanted."""
        if not self.wants_more:
            return []
        self.gap = self.gap or not recovered
        return self._page(entries, more, end=0)

    def filled(self, entries: Iterable[LoggedMessage], *, recovered: bool, more: bool) -> list[LogEvent]:
        """The page after :attr:`wants_older` came: history, of which nothing is told. Ignored unless one is wanted."""
        if (after := self.wants_older) is None:
            return []
        self.gap = self.gap or not recovered
        events: list[LogEvent] = []
        for entry in entries:
            events += self._take(entry)
            after = max(after, entry.offset)
        self._start.filled(after, more=more)
        return [event for event in events if isinstance(event, Delivered)]

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return min(self._deadlines.values()) if self._deadlines else None

    def handle_timer(self, now: float) -> list[LogEvent]:
        """Show as failed what waited for too long. It stays in the outbox."""
        late = [message_id for message_id, deadline in self._deadlines.items() if deadline <= now]
        return [self._fail(self._unsent[message_id], None) for message_id in late]

    # --- inside

    def _fail(self, message: Message, error: str | None) -> Failed:
        self._deadlines.pop(message.message_id, None)
        message = replace(message, status=MessageStatus.FAILED, error=error)
        self._unsent[message.message_id] = message
        self._picture = None
        return Failed(message)

    def _page(self, entries: Iterable[LoggedMessage], more: bool, *, end: int) -> list[LogEvent]:
        events: list[LogEvent] = []
        last = 0
        for entry in entries:
            events += self._take(entry)
            last = max(last, entry.offset)
        if more and last:
            self.wants_more = True
            self._advance(last)
            return events
        return events + self._caught_up(max(last, end))

    def _caught_up(self, offset: int) -> list[LogEvent]:
        self._advance(offset)
        self.is_joined, self.wants_more = True, False
        held, self._held = self._held, []
        return [event for entry in held for event in self.received(entry)]

    def _enter(self, epoch: str) -> None:
        """Another log begins: the server lost the former one, or this is the first join."""
        if epoch not in self._epochs:
            self._epochs.append(epoch)
            self._counts += [0] * (len(self._epochs) - len(self._counts))
        self._generation = self._epochs.index(epoch)
        if self._epoch is not None:
            self._start.reset()
        self._epoch, self._offset = epoch, 0
        self._ahead.clear()

    def _advance(self, offset: int = 0) -> None:
        """Everything up to ``offset`` is known, and the own messages that follow it without a hole."""
        if self._epoch is None:
            return
        offset = max(offset, self._offset)
        if self._ahead:
            while offset + 1 in self._ahead:
                offset += 1
            self._ahead = {own for own in self._ahead if own > offset}
        self._offset = offset

    def _take(self, entry: LoggedMessage) -> list[LogEvent]:
        """Place a message of the log, unless it has its place; an own unsent one finds it by this."""
        user_id = self._names.setdefault(entry.user_id, entry.user_id)
        senders = self._senders.get(entry.message_id)
        if senders is not None and (senders == user_id or (isinstance(senders, frozenset) and user_id in senders)):
            return []
        mine = user_id == self._user_id
        message = Message(
            room_id=self.room_id,
            message_id=entry.message_id,
            user_id=user_id,
            text=entry.text,
            timestamp_ms=entry.timestamp,
            offset=entry.offset,
            status=MessageStatus.SENT if mine else MessageStatus.RECEIVED,
            reply_to=entry.reply_to,
            mine=mine,
        )
        was_ours = mine and entry.message_id in self._unsent
        self._place(message)
        return [Delivered(message) if was_ours else Received(message)]

    def _place(self, message: Message) -> None:
        if message.mine:
            self.discard(message.message_id)
        self._note_sender(message.message_id, message.user_id)
        self._picture = None
        placed, generation = self._placed, self._generation
        low = sum(self._counts[:generation]) if generation else 0
        high = low + self._counts[generation]
        self._counts[generation] += 1
        offset = _offset(message)
        if high == len(placed) and (low == high or _offset(placed[-1]) < offset):  # nearly always
            placed.append(message)
            return
        index = bisect_left(placed, offset, low, high, key=_offset)
        while index < high and _offset(placed[index]) == offset:
            beside = placed[index]
            _log.warning("%s has two messages at offset %d: %s and %s", self.room_id, offset, beside, message)
            if (beside.user_id, beside.message_id) > (message.user_id, message.message_id):
                break
            index += 1
        self._placed = [*placed[:index], message, *placed[index:]]

    def _note_sender(self, message_id: str, user_id: str) -> None:
        others = self._senders.setdefault(message_id, user_id)
        if others != user_id:
            self._senders[message_id] = (others if isinstance(others, frozenset) else frozenset({others})) | {user_id}


def _offset(message: Message) -> int:
    return message.offset or 0
