"""The messages of one room at one device: one bubble per message, one order, whatever arrives when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from realtime.chat.log_book import MAX_MESSAGES, LogBook
from realtime.chat.log_events import Delivered, LogEvent
from realtime.chat.message import Message, Position
from realtime.chat.wire import LoggedEntry, LoggedMessage


class RoomLog(LogBook):
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
        super().__init__(room_id, user_id, failed_after_s=failed_after_s, max_messages=max_messages)
        self.is_joined = False
        self.wants_more = False

    # --- what there is to fetch

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
    def behind(self) -> int:
        """How many entries are still to come: in a hole of what shows, or between that and the end of the log."""
        wants_after = self._start.wants_after
        missing = 0 if wants_after is None or wants_after < self._window.floor else self._start.missing
        return missing + self._ahead_of_told()

    @property
    def shows_end(self) -> bool:
        """Whether the end of the log shows, though there is more to come before it."""
        return self._ahead.begin is not None

    # --- the server's log

    def received(self, entry: LoggedEntry) -> list[LogEvent]:
        """A broadcast of an entry arrived. Before the catch-up is done it waits."""
        if not self.is_joined:
            self._ahead.hold(entry)
            self.saw_end(entry.offset)
            self._picture = None
            return []
        if entry.position is not None and entry.position.rpartition(":")[0] != self._epoch:
            events = self._change_log(Position.parse(entry.position).epoch, before=entry.offset)
            return events + self.next(entry)
        return self.next(entry)

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
        events: list[LogEvent] = []
        self._end = position.offset
        if self._epoch is None:
            return self._first_page(position, entries, more)
        if position.epoch != self._epoch:
            return self._page_of_another_log(position, entries, more, horizon)
        if not recovered:
            if horizon > self._offset:
                events = self._forgotten(horizon)
            else:  # the server does not say what is gone: it gave its newest page
                before = min((entry.offset for entry in entries), default=position.offset + 1)
                self._gaps.another_log(self._generation, after=self._offset, before=before)
                more = False
        return events + self._page(entries, more, end=position.offset)

    def continued(
        self, entries: Iterable[LoggedEntry], *, recovered: bool = True, more: bool, horizon: int = 0
    ) -> list[LogEvent]:
        """The page after :attr:`position` came. Ignored unless one is wanted."""
        if not self.wants_more:
            return []
        entries = tuple(entries)
        events: list[LogEvent] = []
        if not recovered and horizon > self._offset:
            events = self._forgotten(horizon)
        elif not recovered:  # it was refused, or the server does not say what is gone
            offsets = [entry.offset for entry in entries] or [self._ahead.first or self._end + 1]
            self.skip_to(min(offsets) - 1)
        return events + self._page(entries, more)

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

    # --- inside

    def _ahead_of_told(self) -> int:
        if self.is_joined or self._epoch is None:
            return 0
        shown = self._ahead.shown(self._offset)
        return max(0, (shown[0].offset - 1 if shown else self._end) - self._offset)

    def _first_page(self, position: Position, entries: Sequence[LoggedEntry], more: bool) -> list[LogEvent]:
        self.enter(position.epoch)
        self._start.complete_from(min((entry.offset for entry in entries), default=position.offset + 1))
        self._is_whole = not more
        events = self._history(entries)
        self._advance(position.offset)
        for entry in self._ahead.take_up_to(position.offset):  # since an earlier join, whose answer was lost
            events += [event for event in self.next(entry) if isinstance(event, Delivered)]
        return events + self._caught_up()

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
            events += self.next(entry)
        if not more:
            self._advance(end)
        if self._meets_end() or not entries:
            return events + self._caught_up()
        if more or self._ahead.dropped > self._offset:
            self.wants_more = True
            return events
        return events + self._caught_up()

    def _forgotten(self, horizon: int) -> list[LogEvent]:
        """The server has nothing up to here any more: what was broadcast of it before is here, the rest is a gap."""
        events: list[LogEvent] = []
        for entry in self._ahead.take_up_to(horizon):
            self._advance()
            if entry.offset > self._offset + 1:
                self.skip_to(entry.offset - 1)
            events += self.next(entry)
        if horizon > self._offset:
            self.skip_to(horizon)
        return events

    def _meets_end(self) -> bool:
        begin = self._ahead.begin
        return begin is not None and begin <= self._offset + 1

    def _caught_up(self, offset: int = 0) -> list[LogEvent]:
        self._advance(offset)
        if self._ahead.dropped > self._offset:  # an empty page where there must be entries
            self.skip_to((self._ahead.first or self._ahead.dropped + 1) - 1)
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

    def _change_log(self, epoch: str, *, before: int) -> list[LogEvent]:
        """The server lost its log: what shows of it and was not told is told now, and the rest is a gap."""
        waiting: list[LoggedEntry | Message] = [*self._ahead.take_shown(self._offset)]
        waiting += [message for message in self._own_ahead.values() if message is not None]
        events: list[LogEvent] = []
        for each in sorted(waiting, key=_offset):
            self.skip_to(_offset(each) - 1)
            if isinstance(each, LoggedEntry):
                events += self.next(each)
        after = self._offset
        self.enter(epoch)
        self._start.complete_from(before)
        self._is_whole = True
        self._gaps.another_log(self._generation, after=after, before=before)
        return events


def _offset(entry: LoggedEntry | Message) -> int:
    return entry.offset or 0
