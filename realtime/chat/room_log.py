"""The messages of one room at one device: one bubble per message, one order, whatever arrives when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from realtime.chat.ahead import Ahead, preview
from realtime.chat.amendments import Amendment, fold, message_of, read_amendment
from realtime.chat.gaps import Gaps
from realtime.chat.log_events import NEWS, Delivered, Failed, LogEvent, Received
from realtime.chat.log_start import LogStart
from realtime.chat.log_window import LogWindow
from realtime.chat.message import Gap, Message, MessageStatus, Position
from realtime.chat.message_list import MessageList
from realtime.chat.own_changes import OwnChanges
from realtime.chat.unsent import Unsent
from realtime.chat.wire import LoggedAmendment, LoggedEntry, LoggedMessage

MAX_MESSAGES = 5_000  # some 4 MB; a reader who wants older ones pages them in


class RoomLog:
    """Merges own sends and changes, acks, broadcasts and pages of one room. Pure: the caller passes the time.

    Call :meth:`disconnected` when a connection ends, :meth:`joined` with the answer to each join, and while
    :attr:`wants_more`, :meth:`continued` with the page after :attr:`position`. Until then broadcasts wait, so that
    messages are told in the room's order; :meth:`newest` with the log's newest page shows its end meanwhile. Where
    :attr:`wants_older` is an offset, say :meth:`filled` with the page after it; while :attr:`has_older`,
    :meth:`older` with the page before :attr:`oldest`, if the reader wants it. Dispatch the returned events; call
    :meth:`handle_timer` at :meth:`next_timer`.

    It relies on the server for one thing: on one connection, the broadcasts of a room come in the room's order,
    without holes other than what this device wrote itself.

    Args:
        room_id: the room.
        user_id: this device's user.
        failed_after_s: how long an own message may wait for its ack before it shows as failed.
        max_messages: beyond this the oldest are let go, and can be paged in again.
    """

    def __init__(
        self, room_id: str, user_id: str, *, failed_after_s: float = 5.0, max_messages: int = MAX_MESSAGES
    ) -> None:
        self.room_id = room_id
        self.is_joined = False
        self.wants_more = False
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
    def wants_older(self) -> int | None:
        """The offset of an own message from which on the page of history is to be fetched: it lacks what follows."""
        after = self._start.wants_after
        return None if after is None or not self.is_joined or after < self._window.floor else after

    @property
    def oldest(self) -> int | None:
        """Before this offset nothing is loaded; None: there is nothing to load, or it comes by :meth:`filled`."""
        begin = self._start.begin
        if begin is None or self._is_whole or self._window.has_former or self.wants_older is not None:
            return None
        return max(begin, self._window.floor + 1)

    @property
    def has_older(self) -> bool:
        """Whether the log goes on before what is loaded: whether there is an :attr:`oldest`."""
        if self._is_whole or self._start.begin is None or self._window.has_former:
            return False
        return self._start.wants_after is None or self.wants_older is None

    @property
    def gaps(self) -> tuple[Gap, ...]:
        """What is missing, and will not come."""
        return self._gaps.all

    @property
    def gap(self) -> bool:
        """Whether anything is."""
        return bool(self._gaps.all)

    @property
    def behind(self) -> int:
        """How many entries are still to come between what is told and what shows, or the end of the log."""
        if self.is_joined or self._epoch is None:
            return 0
        shown = self._ahead.shown(self._offset)
        return max(0, (shown[0].offset - 1 if shown else self._end) - self._offset)

    @property
    def shows_end(self) -> bool:
        """Whether the end of the log shows, though there is more to come before it."""
        return self._ahead.begin is not None

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
        message = replace(message, offset=offset, timestamp_ms=timestamp_ms, status=MessageStatus.SENT, error=None)
        self._own(offset, message)
        return [Delivered(self._changes.shown(message))]

    def refused(self, message_id: str, error: str) -> list[LogEvent]:
        """The server will never take the message. It stays visible as failed, until it is discarded."""
        failed = self._unsent.refused(message_id, error)
        self._picture = None
        return [] if failed is None else [Failed(failed)]

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

    # --- the server's log

    def received(self, entry: LoggedEntry) -> list[LogEvent]:
        """A broadcast of an entry arrived. Before the catch-up is done it waits."""
        if not self.is_joined:
            self._ahead.hold(entry)
            self._end = max(self._end, entry.offset)
            self._picture = None
            return []
        events: list[LogEvent] = []
        if entry.position is not None and entry.position.rpartition(":")[0] != self._epoch:
            events = self._change_log(Position.parse(entry.position).epoch, before=entry.offset)
        return events + self._next(entry)

    def disconnected(self) -> None:
        """The connection ended, or the room was left: what is missed from now on comes with the next join."""
        self.is_joined = self.wants_more = False
        self._ahead.disconnected()  # the position has not moved past them: the next join brings them again

    def joined(
        self, position: Position, entries: Iterable[LoggedEntry], *, recovered: bool, more: bool, horizon: int = 0
    ) -> list[LogEvent]:
        """The server answered a join.

        Args:
            position: where the log stood at the join.
            entries: of our log, those after our position, oldest first; of another one, and at the first join, the
                newest.
            recovered: nothing between our position and ``entries`` is missing.
            more: of our log, further entries follow: see :attr:`wants_more`; else, older ones precede.
            horizon: entries up to here are gone from the server.
        """
        entries = tuple(entries)
        self._end = position.offset
        if self._epoch is None:
            return self._first_page(position, entries, more)
        if position.epoch != self._epoch:
            return self._page_of_another_log(position, entries, more, horizon)
        if not recovered:
            if horizon > self._offset:
                self._skip_to(horizon)
            else:  # the server does not say what is gone: it gave its newest page
                before = min((entry.offset for entry in entries), default=position.offset + 1)
                self._gaps.another_log(self._generation, after=self._offset, before=before)
                more = False
        return self._page(entries, more, end=position.offset)

    def continued(
        self, entries: Iterable[LoggedEntry], *, recovered: bool = True, more: bool, horizon: int = 0
    ) -> list[LogEvent]:
        """The page after :attr:`position` came. Ignored unless one is wanted."""
        if not self.wants_more:
            return []
        entries = tuple(entries)
        if not recovered and horizon > self._offset:
            self._skip_to(horizon)
        elif not recovered:  # it was refused, or the server does not say what is gone
            offsets = [entry.offset for entry in entries] or [self._ahead.first or self._end + 1]
            self._skip_to(min(offsets) - 1)
        return self._page(entries, more)

    def newest(self, entries: Iterable[LoggedEntry]) -> list[LogEvent]:
        """The newest page of the log came: it shows ahead of what is still to come. Ignored unless that is wanted."""
        if not self.wants_more:
            return []
        self._ahead.newest(entries)
        self._picture = None
        return self._caught_up() if self._meets_end() else []

    def filled(
        self, entries: Iterable[LoggedEntry], *, recovered: bool, more: bool, horizon: int = 0
    ) -> list[LogEvent]:
        """The page after :attr:`wants_older` came: history, of which nothing is told. Ignored unless one is wanted."""
        if (after := self.wants_older) is None:
            return []
        entries = tuple(entries)
        last = max((entry.offset for entry in entries), default=after)
        if not recovered:
            first = min((entry.offset for entry in entries), default=self._start.begin or 0)
            self._gaps.add(self._generation, after, max(first, horizon + 1))
        events = self._history(entries)
        self._start.filled(last, more=more)
        return events

    def older(self, entries: Iterable[LoggedEntry], *, more: bool) -> list[LogEvent]:
        """The page before :attr:`oldest` came: history, of which nothing is told. Ignored unless there is one."""
        oldest = self.oldest
        if oldest is None:
            return []
        entries = [entry for entry in entries if entry.offset < oldest]
        first = min((entry.offset for entry in entries), default=oldest)
        self._is_whole = not (more and entries)
        self._start.complete_from(first)
        self._window.reopen(first, len(entries))
        self._let_go = self._window.let_go
        return self._history(entries)

    # --- time

    def next_timer(self) -> float | None:
        """When to call :meth:`handle_timer`; None: there is nothing to wait for."""
        return self._unsent.next_timer()

    def handle_timer(self, now: float) -> list[LogEvent]:
        """Show as failed what waited for too long. It stays in the outbox."""
        self._picture = None
        return [Failed(message) for message in self._unsent.handle_timer(now)]

    # --- inside: pages

    def _first_page(self, position: Position, entries: Sequence[LoggedEntry], more: bool) -> list[LogEvent]:
        self._enter(position.epoch)
        self._start.complete_from(min((entry.offset for entry in entries), default=position.offset + 1))
        self._is_whole = not more
        return self._history(entries) + self._caught_up(position.offset)

    def _page_of_another_log(
        self, position: Position, entries: Sequence[LoggedEntry], more: bool, horizon: int
    ) -> list[LogEvent]:
        """Everything in it is new to this device: what precedes the newest page is caught up with."""
        first = min((entry.offset for entry in entries), default=position.offset + 1)
        known = max(self._reached.get(position.epoch, 0), horizon if more else first - 1)
        events = self._change_log(position.epoch, before=known + 1)
        self._offset, self._end = known, position.offset
        if more and first > known + 1:
            self.wants_more = True
            self._ahead.newest(entries)
            return events
        return events + self._page(entries, False, end=position.offset)

    def _page(self, entries: Sequence[LoggedEntry], more: bool, *, end: int = 0) -> list[LogEvent]:
        events: list[LogEvent] = []
        for entry in entries:
            events += self._next(entry)
        if not more:
            self._advance(end)
        if self._meets_end() or not entries:
            return events + self._caught_up()
        if more or self._ahead.dropped > self._offset:
            self.wants_more = True
            return events
        return events + self._caught_up()

    def _meets_end(self) -> bool:
        begin = self._ahead.begin
        return begin is not None and begin <= self._offset + 1

    def _caught_up(self, offset: int = 0) -> list[LogEvent]:
        self._advance(offset)
        if self._ahead.dropped > self._offset:  # an empty page where there must be entries
            self._skip_to((self._ahead.first or self._ahead.dropped + 1) - 1)
        self.is_joined, self.wants_more = True, False
        self._picture = None
        return [event for entry in self._ahead.take() for event in self.received(entry)]

    def _history(self, entries: Iterable[LoggedEntry]) -> list[LogEvent]:
        """Messages of a page as they stand; what is told is that own ones among them arrived: their acks were lost."""
        events: list[LogEvent] = []
        for entry in entries:
            if isinstance(entry, LoggedMessage):
                events += self._take(entry) or self._refreshed(entry)
        return [event for event in events if isinstance(event, Delivered)]

    def _refreshed(self, entry: LoggedMessage) -> list[LogEvent]:
        """A page knows all amendments up to its newest; of an own message from before the first page, it alone does."""
        loaded = self._window.find(entry.message_id, entry.user_id)
        if loaded is not None and loaded.offset == entry.offset and loaded.revision <= entry.revision:
            self._window.replace(self._changes.watch(self._make(entry)))
            self._picture = None
        return []

    # --- inside: logs and places in them

    def _change_log(self, epoch: str, *, before: int) -> list[LogEvent]:
        """The server lost its log: what shows of it and was not told is told now, and the rest is a gap."""
        waiting: list[LoggedEntry | Message] = [*self._ahead.take_shown(self._offset)]
        waiting += [message for message in self._own_ahead.values() if message is not None]
        events: list[LogEvent] = []
        for each in sorted(waiting, key=_offset):
            self._skip_to(_offset(each) - 1)
            if isinstance(each, LoggedEntry):
                events += self._next(each)
        after = self._offset
        self._enter(epoch)
        self._start.complete_from(before)
        self._is_whole = True
        self._gaps.another_log(self._generation, after=after, before=before)
        return events

    def _enter(self, epoch: str) -> None:
        if self._epoch is not None:
            self._reached[self._epoch] = self._offset
            self._start.reset()
            self._own_ahead.clear()
            self._changes.another_log()
        self._offset = self._reached.setdefault(epoch, 0)
        self._epoch, self._generation = epoch, list(self._reached).index(epoch)
        self._window.enter(self._generation)

    def _skip_to(self, offset: int) -> None:
        """What is up to here will not come."""
        self._gaps.add(self._generation, self._offset, offset + 1)
        self._advance(offset)

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

    # --- inside: entries

    def _next(self, entry: LoggedEntry) -> list[LogEvent]:
        """Everything before an entry is known, except what this device wrote itself."""
        if self._own_ahead:
            self._advance(entry.offset - 1)
        events: list[LogEvent] = []
        if isinstance(entry, LoggedMessage):
            events = self._take(entry)
        elif isinstance(entry, LoggedAmendment) and (amendment := read_amendment(entry)) is not None:
            events = self._amend(amendment)
        self._advance(entry.offset)
        return events

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

    # --- inside: the picture

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
