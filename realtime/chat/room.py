"""One chat room at one device: its log, its typing, its receipts and its members, in one picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

from realtime.chat.amendments import Amendment
from realtime.chat.log_book import MAX_MESSAGES
from realtime.chat.log_events import Deleted, Edited, LogEvent, Received
from realtime.chat.message import Marker, Message, Position, RoomState
from realtime.chat.receipts import INTERVAL_S, MarkerMoved, ReceiptEvent, Receipts, ReceiptToSend
from realtime.chat.room_log import RoomLog
from realtime.chat.typing_indicator import TypingEvent, TypingIndicator
from realtime.chat.unread import Unread
from realtime.chat.wire import HistoryReply, JoinReply, LoggedEntry, LoggedMessage, MemberPayload, PresenceDiff


class Mentioned(NamedTuple):
    """A message that was just received, and is unread, names this user."""

    message: Message


RoomEvent: TypeAlias = LogEvent | TypingEvent | ReceiptEvent | Mentioned


class Room:
    """Everything that happens in a room goes in, :meth:`state` comes out. Pure: the caller passes the time.

    Dispatch the returned events, and call :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        room_id: the room.
        user_id: this device's user.
        failed_after_s: how long an own message may wait for its ack before it shows as failed.
        typing_clear_s: after how much silence typing ends.
        receipts: whether the server is told what this user received and read.
        receipt_interval_s: the least time between two such reports.
        max_messages: beyond this the oldest are let go, and can be paged in again.
    """

    def __init__(
        self,
        room_id: str,
        user_id: str,
        *,
        failed_after_s: float,
        typing_clear_s: float,
        receipts: bool = True,
        receipt_interval_s: float = INTERVAL_S,
        max_messages: int = MAX_MESSAGES,
    ) -> None:
        self.user_id = user_id
        self._log = RoomLog(room_id, user_id, failed_after_s=failed_after_s, max_messages=max_messages)
        self._typing = TypingIndicator(clear_s=typing_clear_s)
        self._members: set[MemberPayload] = set()
        self._users: tuple[str, ...] = ()
        self._has_snapshot = False
        self._receipts = Receipts(user_id, interval_s=receipt_interval_s, reports=receipts)
        self._unread = Unread(user_id)
        self._epoch: str | None = None

    def state(self) -> RoomState:
        """The picture now."""
        log, unread = self._log, self._unread
        return RoomState(
            room_id=log.room_id,
            messages=log.messages(),
            typing=self._typing.users,
            members=self._users,
            unread=unread.count,
            mentioned=unread.mentioned,
            joined=log.is_joined,
            has_older=log.has_older,
            behind=log.behind,
            gaps=log.gaps,
            markers=self._receipts.markers,
        )

    @property
    def position(self) -> Position | None:
        """The ``since`` of the next join; None before the first one."""
        return self._log.position

    @property
    def is_joined(self) -> bool:
        """Whether the room is joined and caught up on the present connection."""
        return self._log.is_joined

    @property
    def wants_more(self) -> bool:
        """Whether the page of history after :attr:`position` is to be fetched."""
        return self._log.wants_more

    @property
    def wants_older(self) -> int | None:
        """The offset after which a page of history is to be fetched, before what is there."""
        return self._log.wants_older

    @property
    def oldest(self) -> int | None:
        """The offset before which a page of history may be fetched for the reader; None: there is none."""
        return self._log.oldest

    @property
    def shows_end(self) -> bool:
        """Whether the end of the log shows, though there is more to come before it."""
        return self._log.shows_end

    def find(self, message_id: str) -> Message | None:
        """The message of this id as it shows; None if it is not loaded."""
        return self._log.find(message_id)

    # --- this user

    def send(
        self, message_id: str, text: str, *, timestamp_ms: int, now: float, reply_to: str | None = None
    ) -> Message:
        """Show a message that is being sent."""
        self._typing.own_message()
        return self._log.send(message_id, text, timestamp_ms=timestamp_ms, now=now, reply_to=reply_to)

    def acked(self, message_id: str, *, offset: int, timestamp_ms: int) -> list[RoomEvent]:
        """The server has the message."""
        return [*self._log.acked(message_id, offset, timestamp_ms)]

    def refused(self, message_id: str, error: str) -> list[RoomEvent]:
        """The message will never be taken."""
        return [*self._log.refused(message_id, error)]

    def held(self, message_id: str, code: str) -> None:
        """The server could not take the message, for a reason that may pass."""
        self._log.held(message_id, code)

    def discard(self, message_id: str) -> bool:
        """Forget an unsent message; False if there is none of this id."""
        return self._log.discard(message_id)

    def unsent(self, message_id: str) -> Message | None:
        """The own message of this id as it was sent, if it is not acknowledged."""
        return self._log.unsent(message_id)

    def retry(self, message_id: str, now: float) -> None:
        """An unsent message was sent again."""
        self._log.retry(message_id, now)

    def change(self, change_id: str, change: Amendment) -> None:
        """This user edits, deletes or reacts to a message; it shows at once."""
        self._log.change(change_id, change)

    def change_acked(self, change_id: str, *, offset: int, timestamp_ms: int) -> list[RoomEvent]:
        """The server has the change."""
        return [*self._log.change_acked(change_id, offset, timestamp_ms)]

    def wrote(self, offset: int) -> None:
        """The server has something else that this device wrote into the log."""
        self._log.wrote(offset)

    def change_refused(self, change_id: str) -> None:
        """The server will never take the change."""
        self._log.change_refused(change_id)

    def set_typing(self, is_typing: bool, now: float) -> list[RoomEvent]:
        """This user pressed a key, or emptied the input."""
        return [*self._typing.set_typing(is_typing, now)]

    def mark_read(self, up_to: int | None = None) -> list[RoomEvent]:
        """The user has seen everything up to an offset, or everything that is here."""
        if self._log.position is None:
            return []
        before = self._receipts.own_read
        newest = max(self._log.position.offset, self._newest())
        self._receipts.read(newest if up_to is None else min(up_to, newest))
        own_read = self._receipts.own_read
        self._unread.read(own_read)
        return [MarkerMoved(self.user_id, "read", own_read)] if own_read > before else []

    def receipt_told(self, receipt: ReceiptToSend) -> None:
        """The server has it."""
        self._receipts.told(receipt)

    def receipt_not_told(self, receipt: ReceiptToSend, now: float) -> None:
        """The server does not have it; it is tried again."""
        self._receipts.not_told(receipt, now)

    # --- the connection

    def disconnected(self) -> list[RoomEvent]:
        """The connection ended."""
        self._log.disconnected()
        self._has_snapshot = False
        self._receipts.disconnected()
        return [*self._typing.clear()]

    def left(self) -> list[RoomEvent]:
        """This device left the room; what it knows of the log stays, for a return."""
        self._set_members(set())
        return self.disconnected()

    def joined(self, reply: JoinReply) -> list[RoomEvent]:
        """The server answered a join.

        Raises:
            msgspec.ValidationError: its position makes no sense; nothing was changed.
        """
        position = Position.parse(reply.position)
        self._set_members(set(reply.members))
        self._has_snapshot = True
        moved = self._markers(reply, position)
        events = self._log.joined(
            position, reply.messages, recovered=reply.recovered, more=reply.more, horizon=reply.horizon
        )  # fmt: skip
        self._show_markers()
        return [*moved, *self._told_page(reply.messages, events)]

    def continued(self, reply: HistoryReply) -> list[RoomEvent]:
        """The page that was wanted came."""
        events = self._log.continued(
            reply.messages, recovered=reply.recovered, more=reply.more, horizon=reply.horizon
        )  # fmt: skip
        return self._told_page(reply.messages, events)

    def newest(self, reply: HistoryReply) -> list[RoomEvent]:
        """The log's newest page came; it shows ahead of what is still to come."""
        return self._told_page(reply.messages, self._log.newest(reply.messages))

    def filled(self, reply: HistoryReply) -> list[RoomEvent]:
        """The page after :attr:`wants_older` came."""
        events = self._log.filled(
            reply.messages, recovered=reply.recovered, more=reply.more, horizon=reply.horizon
        )  # fmt: skip
        return self._told_page(reply.messages, events)

    def older(self, reply: HistoryReply) -> list[RoomEvent]:
        """The page before :attr:`oldest` came."""
        return self._told_page(reply.messages, self._log.older(reply.messages, more=reply.more))

    # --- the others

    def receive(self, entry: LoggedEntry) -> list[RoomEvent]:
        """A message, or what amends one, was broadcast."""
        events = self._log.received(entry)
        if not events:
            if not self._log.is_joined:
                self._count(entry)
            return []
        if (epoch := self._log.epoch) is not None and epoch != self._epoch:
            self._note_epoch(epoch)
        return self._told(events)

    def heard_typing(self, user_id: str, is_typing: bool, now: float) -> list[RoomEvent]:
        """Somebody types, or stopped; one's own other devices do not count."""
        return [] if user_id == self.user_id else [*self._typing.heard(user_id, is_typing, now)]

    def heard_marker(self, user_id: str, *, received: int = 0, read: int = 0) -> list[RoomEvent]:
        """Somebody received or read up to an offset, or this user did on another device."""
        moved = self._receipts.heard(user_id, received=received, read=read)
        if user_id == self.user_id:
            self._unread.read(self._receipts.own_read)
        elif moved:
            self._show_markers()
        return [*moved]

    def diff(self, diff: PresenceDiff) -> None:
        """Members came or left. The snapshot of the join knows of what comes before it on its connection."""
        if self._has_snapshot:
            self._set_members((self._members | set(diff.joins)) - set(diff.leaves))

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        late, typing, receipts = self._log.next_timer(), self._typing.next_timer(), self._receipts.next_timer()
        if late is None and typing is None:
            return receipts
        return min(timer for timer in (late, typing, receipts) if timer is not None)

    def handle_timer(self, now: float) -> list[RoomEvent]:
        """Let fail, end and report what has waited long enough."""
        return [*self._log.handle_timer(now), *self._typing.handle_timer(now), *self._receipts.handle_timer(now)]

    # --- inside

    def _set_members(self, members: set[MemberPayload]) -> None:
        self._members = members
        self._users = tuple(sorted({member.user_id for member in members}))

    def _markers(self, reply: JoinReply, position: Position) -> list[MarkerMoved]:
        """Who has what, as the join tells it; where the server has no receipts, history is read."""
        is_first = self._epoch is None
        self._note_epoch(position.epoch)
        markers = reply.receipts
        standing = None if markers is None else [Marker(each.user_id, each.received, each.read) for each in markers]
        moved = self._receipts.joined(standing, epoch=position.epoch)
        if is_first and standing is None:
            self._receipts.read(position.offset)
        self._unread.read(self._receipts.own_read)
        return moved

    def _note_epoch(self, epoch: str) -> None:
        if epoch == self._epoch:
            return
        if self._epoch is not None:
            self._unread.another_log()
            self._receipts.another_log(epoch)
        self._epoch = epoch

    def _show_markers(self) -> None:
        self._log.marked(received=self._receipts.anyone_received, read=self._receipts.anyone_read)

    def _told_page(self, entries: Iterable[LoggedEntry], events: Iterable[LogEvent]) -> list[RoomEvent]:
        """A page shows messages as they stand; some of it is history, of which nothing is told."""
        for entry in entries:
            self._count(entry)
        if (position := self._log.position) is not None:
            self._receipts.received(position.offset)
        return self._told(events)

    def _count(self, entry: LoggedEntry) -> None:
        if isinstance(entry, LoggedMessage):
            self._unread.shows(entry.offset, entry.user_id, entry.text, entry.deleted)

    def _told(self, events: Iterable[LogEvent]) -> list[RoomEvent]:
        """A message is what was being typed, is unread, and may mention this user, unless it is one's own."""
        told: list[RoomEvent] = []
        for event in events:
            if isinstance(event, Received):
                message = event.message
                if self._typing.users:
                    told += self._typing.message_from(message.user_id)
                told.append(event)
                if not message.mine and (offset := message.offset) is not None:
                    self._receipts.received(offset)  # it is told in its turn: all before it is here
                    if self._unread.shows(offset, message.user_id, message.text, message.is_deleted):
                        told.append(Mentioned(message))
            else:
                told.append(event)
                if isinstance(event, Edited | Deleted) and (offset := event.message.offset) is not None:
                    message = event.message
                    self._unread.shows(offset, message.user_id, message.text, message.is_deleted)
        return told

    def _newest(self) -> int:
        """The highest offset that is here."""
        return next((message.offset for message in reversed(self._log.messages()) if message.offset is not None), 0)
