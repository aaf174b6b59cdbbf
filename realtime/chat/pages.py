"""Pages of one room's log: what was missed, its end first, and what the reader goes back to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from realtime.chat.room import Room, RoomEvent
from realtime.chat.wire import HistoryReply
from realtime.connection.errors import ConnectionLost, SendRefused
from realtime.connection.questions import Questions

PAGE = 200  # entries in one request; the server gives no more
SCREEN = 50  # of the end of the log, shown ahead of a long catch-up; a phone shows a dozen at once

_log = logging.getLogger("realtime.chat")


class Pages:
    """Asks for the pages that a :class:`~realtime.chat.room.Room` wants, one of each kind at a time.

    Call :meth:`go_on` with what the answer to a join told, :meth:`fill` after each acknowledgement of an own message,
    and :meth:`disconnected` when the connection ends or the room is left.

    Args:
        room: what it tells goes to ``changed``.
        room_id: its id.
        questions: on the connection.
        changed: called with the events of each page.
        caught_up: called when nothing is missing any more, after ``changed``.
    """

    def __init__(
        self,
        room: Room,
        room_id: str,
        questions: Questions,
        changed: Callable[[Sequence[RoomEvent]], None],
        caught_up: Callable[[], None],
    ) -> None:
        self.is_busy = False
        """A page of what was missed is on the way."""
        self._room = room
        self._room_id = room_id
        self._questions = questions
        self._changed = changed
        self._caught_up = caught_up
        self._has_asked_for_end = False
        self._is_filling = False
        self._readers: list[asyncio.Future[bool]] = []

    def go_on(self, events: Sequence[RoomEvent]) -> None:
        """Something of what was missed arrived: ask for the next page, unless there is none."""
        self.is_busy = self._room.wants_more
        if self.is_busy:
            if not self._has_asked_for_end and self._room.state().behind > PAGE:
                self._has_asked_for_end = True
                self._ask({"limit": SCREEN}, self._end_came, lambda error: None)
            assert self._room.position is not None
            self._ask({"after": self._room.position.offset, "limit": PAGE}, self._next_came, self._next_refused)
        self._changed(events)
        if self._room.is_joined:
            self._caught_up()
            self.fill()

    def fill(self) -> None:
        """Ask for what an own message before the first page makes wanted."""
        if self._is_filling or (after := self._room.wants_older) is None:
            return
        self._is_filling = True
        self._ask({"after": after, "limit": PAGE}, self._filled, self._not_filled)

    async def older(self, limit: int) -> bool:
        """Load a page before the oldest message that is loaded.

        Args:
            limit: how many entries of the log, 1 to 200.

        Returns:
            Whether there is still more.

        Raises:
            SendRefused: the server could not give it.
            ConnectionLost: there is no connection, or it ended.
        """
        if not self._room.is_joined:
            raise ConnectionLost(f"this device is not in the room {self._room_id!r} now; try again when it is")
        before = self._room.oldest
        if before is None:
            return False
        if not self._readers:
            self._ask({"before": before, "limit": limit}, self._older_came, self._older_refused)
        reader: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._readers.append(reader)
        return await reader

    def disconnected(self) -> None:
        """What was asked will not be answered."""
        self.is_busy = self._is_filling = self._has_asked_for_end = False
        self._fail_readers(ConnectionLost("before the older messages came"))

    # --- inside

    def _ask(
        self,
        span: dict[str, int],
        answered: Callable[[HistoryReply], None],
        refused: Callable[[SendRefused], None],
    ) -> None:
        self._questions.ask("chat:history", {"roomId": self._room_id, **span}, HistoryReply, answered, refused)

    def _next_came(self, reply: HistoryReply) -> None:
        if self._room.wants_more:
            self.go_on(self._room.continued(reply))

    def _next_refused(self, error: SendRefused) -> None:
        _log.warning("the history of %s is incomplete: %s", self._room_id, error)
        self._next_came(HistoryReply(messages=(), more=False, recovered=False))

    def _end_came(self, reply: HistoryReply) -> None:
        if not self._room.wants_more:
            return
        events = self._room.newest(reply)
        if self._room.is_joined:
            self.go_on(events)
        else:
            self._changed(events)

    def _filled(self, reply: HistoryReply) -> None:
        self._is_filling = False
        self._changed(self._room.filled(reply))
        self.fill()

    def _not_filled(self, error: SendRefused) -> None:
        _log.warning("older messages of %s are missing: %s", self._room_id, error)
        self._filled(HistoryReply(messages=(), more=False, recovered=False))

    def _older_came(self, reply: HistoryReply) -> None:
        self._changed(self._room.older(reply))
        readers, self._readers = self._readers, []
        for reader in readers:
            if not reader.done():
                reader.set_result(self._room.oldest is not None)

    def _older_refused(self, error: SendRefused) -> None:
        self._fail_readers(error)

    def _fail_readers(self, error: Exception) -> None:
        readers, self._readers = self._readers, []
        for reader in readers:
            if not reader.done():
                reader.set_exception(error)
