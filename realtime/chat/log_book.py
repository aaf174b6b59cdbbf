"""The messages of one room in their places (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from realtime.chat.ahead import Ahead, preview
from realtime.chat.amendments import Amendment, fold, message_of, read_amendment
from realtime.chat.gaps import Gaps
from realtime.chat.log_events import NEWS, Delivered, Failed, LogEvent, Other, Received
from realtime.chat.log_start import LogStart
from realtime.chat.log_window import LogWindow
from realtime.chat.message import Gap, Message, MessageStatus, Position
from realtime.chat.message_list import MessageList
from realtime.chat.own_changes import OwnChanges
from realtime.chat.unsent import Unsent
from realtime.chat.wire import LoggedAmendment, LoggedEntry, LoggedMessage, LoggedOther

MAX_MESSAGES = 5_000  # some 4 MB; a reader who wants older ones pages them in


class LogBook:
    """What a device shows of a room's logs: each message where it stands, as it stands, with own changes over it.

    Call :meth:`enter` first, and :meth:`next` with each entry that follows all that came before.

    Args:
        room_id: the room.
        user_id: this device's user.
        failed_after_s: how long an own message may wait for its ack before it shows as failed.
        max_messages: beyond this the oldest are let go.
    """

    def __init__(
        self, room_id: str, user_id: str, *, failed_after_s: float = 5.0, max_messages: int = MAX_MESSAGES
    ) -> None:
        self.room_id = room_id
        self._user_id = user_id
        self._names: dict[str, str] = {}  # user ids, so that all messages share one string
        self._picture: MessageList[Message] | None = None  # of all that shows now
        self._window = LogWindow(room_id, max_messages)
        self._let_go = self._window.let_go
        self._unsent = Unsent(room_id, user_id, failed_after_s)
        self._own_ahead: dict[int, Message | None] = {}  # acknowledged beyond the position; None: a change
        self._changes = OwnChanges()
        self._early: list[Amendment] = []  # of others, about own messages whose acks are on their way
        self._ahead = Ahead()
        self._gaps = Gaps()
        self._start = LogStart()
        self._is_whole = False  # the log has nothing before what is loaded
        self._epoch: str | None = None  # the present log
        self._generation = 0  # its number in the order in which they were met
        self._reached: dict[str, int] = {}  # by epoch: up to where each log is known
        self._offset = 0  # everything of the present one up to here has arrived
        self._end = 0  # so far it is known to go

    # --- what there is

    @property
    def position(self) -> Position | None:
        """Everything up to here has arrived: the ``since`` of the next join. None before the first join."""
        return None if self._epoch is None else Position(self._epoch, self._offset)

    @property
    def epoch(self) -> str | None:
        """The log that is told of; None before the first join."""
        return self._epoch

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing, and will not come."""
        return self._gaps.all

    @property
    def gap(self) -> bool:
        """Whether anything is."""
        return bool(self._gaps.all)

    def messages(self) -> MessageList[Message]:
        """All messages, in the room's order, own unsent ones last."""
        if self._picture is None:
            beyond = self._own_ahead or self._ahead.is_showing or self._unsent.messages
            rest = (*self._previewed(), *self._shown(self._unsent.messages)) if beyond else ()
            self._picture = self._window.picture(rest)
        return self._picture

    def find(self, message_id: str) -> Message | None:
        """The message of this id as it shows, an own unsent one first; None if it is not loaded."""
        unsent = self._unsent.get(message_id)
        if unsent is not None:
            return self._changes.shown(unsent)
        if (message := self._window.find(message_id)) is not None:
            return message
        return next((message for message in self._previewed() if message.message_id == message_id), None)

    # --- own messages

    def send(
        self, message_id: str, text: str, *, timestamp_ms: int, now: float, reply_to: str | None = None
    ) -> Message:
        """Take a message that this user sends; it is pending."""
        self._picture = None
        return self._unsent.send(message_id, text, timestamp_ms=timestamp_ms, now=now, reply_to=reply_to)

    def acked(self, message_id: str, offset: int, timestamp_ms: int) -> list[LogEvent]:
        """The server has the message, at ``offset`` of the log. A repeated ack changes nothing."""
        message = self._unsent.get(message_id)
        if message is None:
            if self._window.has(message_id, self._user_id):  # it came by the log, maybe a former one
                self._own(offset, None)
            return []
        self.discard(message_id)
        message = replace(
            message, offset=offset, timestamp_ms=timestamp_ms, status=MessageStatus.SENT, error=None, held=None
        )
        self._own(offset, message)
        return [Delivered(self._changes.shown(message))]

    def refused(self, message_id: str, error: str) -> list[LogEvent]:
        """The server will never take the message. It stays visible as failed, until it is discarded."""
        failed = self._unsent.refused(message_id, error)
        self._picture = None
        return [] if failed is None else [Failed(failed)]

    def held(self, message_id: str, code: str) -> None:
        """The server could not take the message, for a reason that may pass."""
        self._unsent.held(message_id, code)
        self._picture = None

    def discard(self, message_id: str) -> bool:
        """Forget an unsent message; False if there is none of this id."""
        self._picture = None
        return self._unsent.discard(message_id)

    def unsent(self, message_id: str) -> Message | None:
        """The own message of this id as it was sent, if it is not acknowledged."""
        return self._unsent.get(message_id)

    def retry(self, message_id: str, now: float) -> None:
        """An unsent message was sent again."""
        self._unsent.retry(message_id, now)
        self._picture = None

    # --- own changes

    def change(self, change_id: str, change: Amendment) -> None:
        """This user edits, deletes or reacts to a message: it shows at once, also if the message is loaded later."""
        message = self._window.find(change.message_id, change.author)
        self._changes.add(change_id, change, message)
        self._show(message)

    def change_acked(self, change_id: str, offset: int, timestamp_ms: int) -> list[LogEvent]:
        """The server has the change, at ``offset`` of the log. A repeated ack changes nothing."""
        change = self._changes.acked(change_id, offset, timestamp_ms)
        if change is None:
            return []
        events = self._amend(change)
        if offset > max(self._offset, self._end):  # else it changed nothing, and this is an entry of somebody else
            self._own(offset, None)
        return events

    def wrote(self, offset: int) -> None:
        """The log has something else that this device wrote, at ``offset``."""
        self._own(offset, None)
        self._picture = None

    def change_refused(self, change_id: str) -> None:
        """The server will never take the change: what stands shows again."""
        change = self._changes.refused(change_id)
        if change is not None:
            self._show(self._window.find(change.message_id, change.author))
            self._changes.reached(self._offset)

    def marked(self, *, received: int, read: int) -> None:
        """Somebody else has own messages up to one offset, and read them up to another: they show as such."""
        if self._window.marked(received=received, read=read):
            self._picture = None

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return self._unsent.next_timer()

    def handle_timer(self, now: float) -> list[LogEvent]:
        """Show as failed what waited for too long. It stays in the outbox."""
        self._picture = None
        return [Failed(message) for message in self._unsent.handle_timer(now)]

    # --- the log

    def enter(self, epoch: str) -> None:
        """This log is the one of now: a new one stands behind the former, one that returns where it stood."""
        if self._epoch is not None:
            self._reached[self._epoch] = self._offset
            self._start.reset()
            self._own_ahead.clear()
            self._early.clear()
            self._changes.another_log()
        self._offset = self._reached.setdefault(epoch, 0)
        self._epoch, self._generation = epoch, list(self._reached).index(epoch)
        self._window.enter(self._generation)

    def next(self, entry: LoggedEntry) -> list[LogEvent]:
        """An entry of the log came. Everything before it is known, except what this device wrote itself."""
        if self._own_ahead:
            self._advance(entry.offset - 1)
        events: list[LogEvent] = []
        if isinstance(entry, LoggedMessage):
            events = self._take(entry)
        elif isinstance(entry, LoggedAmendment) and (amendment := read_amendment(entry)) is not None:
            events = self._amend(amendment)
        elif isinstance(entry, LoggedOther) and entry.offset > self._offset:
            events = [Other(entry)]
        if self._own_ahead or self._changes.are_any or entry.offset <= self._offset:
            self._advance(entry.offset)
        elif self._epoch is not None:  # nearly always
            self._offset = entry.offset
        return events

    def skip_to(self, offset: int) -> None:
        """What has not come up to here will not come: it is a gap."""
        self._gaps.add(self._generation, self._offset, offset + 1)
        self._advance(offset)

    def saw_end(self, offset: int) -> None:
        """The log is known to go on up to here at least."""
        self._end = max(self._end, offset)

    # --- inside

    def _advance(self, offset: int = 0) -> None:
        """Everything up to ``offset`` is known, and own entries that follow it without a hole."""
        if self._epoch is None:
            return
        if offset < self._offset:
            offset = self._offset
        if self._own_ahead:
            while offset + 1 in self._own_ahead:
                offset += 1
            for own in sorted(own for own in self._own_ahead if own <= offset):
                self._place_own(self._own_ahead.pop(own))
        self._offset = offset
        if self._changes.are_any:
            self._changes.reached(offset)

    def _own(self, offset: int, message: Message | None) -> None:
        """The log has an own entry."""
        self._end = max(self._end, offset)
        if self._epoch is not None and offset <= self._offset:
            self._place_own(message)
        else:
            self._own_ahead[offset] = message
            self._advance()

    def _take(self, entry: LoggedMessage) -> list[LogEvent]:
        """Place a message of the log, unless it has or had its place; an own unsent one finds it by this."""
        was_unsent = entry.user_id == self._user_id and self.discard(entry.message_id)
        if not self._window.is_new(entry.message_id, entry.user_id, entry.offset):
            return []
        message = self._place(self._make(entry))
        return [Delivered(message) if was_unsent else Received(message)]

    def _place_own(self, message: Message | None) -> None:
        if message is not None and self._window.is_new(message.message_id, message.user_id, _offset(message)):
            self._place(message)
            self._start.own(_offset(message))

    def _place(self, message: Message) -> Message:
        if self._early and message.mine:
            message = fold(message, [change for change in self._early if change.is_about(message)])
            self._early = [change for change in self._early if not change.is_about(message)]
        if self._changes.are_any:
            message = self._changes.watch(message)
        self._window.place(message)
        self._picture = None
        if self._window.let_go is not self._let_go:
            self._let_go = self._window.let_go
            self._is_whole = False
            if self._gaps.all:
                self._gaps.let_go(*self._let_go)
        return message

    def _amend(self, amendment: Amendment) -> list[LogEvent]:
        message = self._window.find(amendment.message_id, amendment.author)
        if message is None:
            if self._unsent.get(amendment.message_id) is not None:
                self._early.append(amendment)
            return []
        shown, is_news = self._changes.amend(message, amendment)
        if shown != message:
            self._window.replace(shown)
            self._picture = None
        return [NEWS[amendment.kind](shown)] if is_news else []

    def _show(self, message: Message | None) -> None:
        """Own changes of a loaded message are others than before."""
        if message is not None:
            self._window.replace(self._changes.shown(message))
        self._picture = None

    def _shown(self, messages: Sequence[Message]) -> Sequence[Message]:
        return [self._changes.shown(message) for message in messages] if self._changes.are_any else messages

    def _previewed(self) -> Sequence[Message]:
        """What shows beyond the position: the end of the log, and own messages."""
        entries = self._ahead.shown(self._offset)
        own = [message for message in self._own_ahead.values() if message is not None]
        if not entries and not own:
            return ()
        known = {message.message_id for message in (*own, *self._unsent.messages)}

        def is_known(entry: LoggedEntry) -> bool:
            if not isinstance(entry, LoggedMessage):
                return False
            is_own = entry.user_id == self._user_id and entry.message_id in known
            return is_own or self._window.has(entry.message_id, entry.user_id)

        foreign = [entry for entry in entries if not is_known(entry)]
        return self._shown(preview(sorted([*foreign, *own], key=_offset), self._make))

    def _make(self, entry: LoggedMessage) -> Message:
        user_id = self._names.setdefault(entry.user_id, entry.user_id)
        return message_of(entry, room_id=self.room_id, user_id=user_id, mine=user_id == self._user_id)


def _offset(entry: LoggedEntry | Message) -> int:
    return entry.offset or 0
