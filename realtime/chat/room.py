"""One chat room at one device: its log, its typing and its members, in one picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from realtime.chat.message import Gap, Message, Position, RoomState
from realtime.chat.room_log import LogEvent, Received, RoomLog
from realtime.chat.typing_indicator import TypingEvent, TypingIndicator
from realtime.chat.wire import HistoryReply, JoinReply, LoggedMessage, MemberPayload, PresenceDiff

RoomEvent: TypeAlias = LogEvent | TypingEvent


class Room:
    """Everything that happens in a room goes in, :meth:`state` comes out. Pure: the caller passes the time.

    Dispatch the returned events, and call :meth:`handle_timer` at :meth:`next_timer`.

    Args:
        room_id: the room.
        user_id: this device's user.
        failed_after_s: how long an own message may wait for its ack before it shows as failed.
        typing_clear_s: after how much silence typing ends.
    """

    def __init__(self, room_id: str, user_id: str, *, failed_after_s: float, typing_clear_s: float) -> None:
        self._user_id = user_id
        self._log = RoomLog(room_id, user_id, failed_after_s=failed_after_s)
        self._typing = TypingIndicator(clear_s=typing_clear_s)
        self._members: set[MemberPayload] = set()
        self._users: tuple[str, ...] = ()
        self._held_diffs: list[PresenceDiff] = []
        self._has_snapshot = False
        self._unread = 0

    def state(self) -> RoomState:
        """The picture now."""
        return RoomState(
            room_id=self._log.room_id,
            messages=self._log.messages(),
            typing=self._typing.users,
            members=self._users,
            unread=self._unread,
            joined=self._log.is_joined,
            gaps=(Gap(0, 0),) if self._log.gap else (),
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

    def discard(self, message_id: str) -> bool:
        """Forget an unsent message; False if there is none of this id."""
        return self._log.discard(message_id)

    def set_typing(self, is_typing: bool, now: float) -> list[RoomEvent]:
        """This user pressed a key, or emptied the input."""
        return [*self._typing.set_typing(is_typing, now)]

    def mark_read(self) -> None:
        """The user has seen everything."""
        self._unread = 0

    # --- the connection

    def disconnected(self) -> list[RoomEvent]:
        """The connection ended."""
        self._log.disconnected()
        self._held_diffs.clear()
        self._has_snapshot = False
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
        held, self._held_diffs = self._held_diffs, []
        for diff in held:
            self.diff(diff)
        return self._told(self._log.joined(position, _messages(reply), recovered=reply.recovered, more=reply.more))

    def continued(self, reply: HistoryReply) -> list[RoomEvent]:
        """The page that was wanted came."""
        return self._told(self._log.continued(_messages(reply), recovered=reply.recovered, more=reply.more))

    def filled(self, reply: HistoryReply) -> list[RoomEvent]:
        """The page after :attr:`wants_older` came."""
        return [*self._log.filled(_messages(reply), recovered=reply.recovered, more=reply.more)]

    # --- the others

    def receive(self, entry: LoggedMessage) -> list[RoomEvent]:
        """A message was broadcast."""
        return self._told(self._log.received(entry))

    def heard_typing(self, user_id: str, is_typing: bool, now: float) -> list[RoomEvent]:
        """Somebody types, or stopped; one's own other devices do not count."""
        return [] if user_id == self._user_id else [*self._typing.heard(user_id, is_typing, now)]

    def diff(self, diff: PresenceDiff) -> None:
        """Members came or left. Before the snapshot of the join it waits."""
        if not self._has_snapshot:
            self._held_diffs.append(diff)
            return
        self._set_members((self._members | set(diff.joins)) - set(diff.leaves))

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        fail, typing = self._log.next_timer(), self._typing.next_timer()
        return typing if fail is None else fail if typing is None else min(fail, typing)

    def handle_timer(self, now: float) -> list[RoomEvent]:
        """Let fail and end what has waited for too long."""
        return [*self._log.handle_timer(now), *self._typing.handle_timer(now)]

    def _set_members(self, members: set[MemberPayload]) -> None:
        self._members = members
        self._users = tuple(sorted({member.user_id for member in members}))

    def _told(self, events: Iterable[LogEvent]) -> list[RoomEvent]:
        """A message is what was being typed, and unread unless it is one's own."""
        told: list[RoomEvent] = []
        for event in events:
            if isinstance(event, Received):
                if self._typing.is_anyone:
                    told += self._typing.message_from(event.message.user_id)
                self._unread += not event.message.mine
            told.append(event)
        return told


def _messages(reply: JoinReply | HistoryReply) -> list[LoggedMessage]:
    return [entry for entry in reply.messages if isinstance(entry, LoggedMessage)]
