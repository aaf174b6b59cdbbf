"""The way of what is logged: through the order guard to the engine, and back with the answer."""

from __future__ import annotations

import random

import msgspec

from realtime.server.engine.base import Appended, Draft, Engine, EngineError, NotApplied, Record
from realtime.server.messages import ChangeBody, ChangedReply, ChatBody, Refusal, SentReply, encode
from realtime.server.namespace import Namespace
from realtime.server.order_guard import OrderGuard
from realtime.server.room_events import RoomEvents
from realtime.server.session import Session
from realtime.server.stats import Counters
from realtime.utils.ambient import wall_time_ms
from realtime.utils.ids import new_id


class LoggedEntries:
    """Appends to rooms' logs. The broadcast is not its business: the engine delivers what it has logged.

    Args:
        counters: what becomes of entries is counted here.
        rng: source of the ids of entries that come without one.
    """

    def __init__(
        self, namespace: Namespace, rooms: RoomEvents, engine: Engine, counters: Counters, rng: random.Random
    ) -> None:
        self.guard = OrderGuard()
        namespace.when_gone(self.guard.forget)
        self.counters = counters
        self._rooms = rooms
        self._engine = engine
        self._rng = rng

    def append(self, session: Session, ack_id: int | None, body: ChatBody | ChangeBody, entry_id: str | None) -> None:
        """Log a message or a change, and answer for it once it is durable.

        Args:
            session: the sender.
            ack_id: of the event. Who asks for no answer would not send again what failed, so no order is kept for it.
            body: what is logged and broadcast.
            entry_id: the sender's id, of the message or of the change; None: the entry could not be known when it
                came again, so what comes later does not wait for it.

        Who has left the room is answered as well for a message that was logged before: its answer was lost on the way.

        Raises:
            Refusal: the session is not in the room, or an earlier entry of it must come first.
        """
        room_id = body.room_id
        is_change = type(body) is ChangeBody
        turn = 0 if ack_id is None else self.guard.admit(session, room_id, is_change, entry_id)
        try:
            self._rooms.require(session, room_id)
        except Refusal as refusal:
            if ack_id is not None and type(body) is ChatBody and refusal.code == "not_member":
                self._look_for(session, ack_id, body, refusal)
                return
            if refusal.code != "storage_failed" or ack_id is None or entry_id is None:
                raise
            self.counters.refused += 1
            session.refuse(ack_id, refusal)
            self.guard.failed(session, room_id, is_change, entry_id, turn)
            return
        draft = Draft(
            room_id=room_id,
            user_id=session.user_id,
            message_id=new_id(self._rng) if entry_id is None else entry_id,
            event=body.event if isinstance(body, ChangeBody) else "chat:message",
            body=encode(body),
            timestamp_ms=wall_time_ms(),
            origin=session.sid,
            about=body.message_id if is_change else None,
        )
        asked = _Asked(self, session, session.link, ack_id, room_id, is_change, entry_id, turn)
        self._engine.append(draft, asked.answered)

    def _look_for(self, session: Session, ack_id: int, body: ChatBody, refusal: Refusal) -> None:
        """Refuse a message, unless the log has it."""

        def found(record: Record | EngineError | None) -> None:
            logged = _LOGGED.decode(record.body) if isinstance(record, Record) else None
            if logged is not None and logged.user_id == session.user_id:
                self.counters.duplicates += 1
                reply = SentReply(message_id=body.message_id, offset=logged.offset, timestamp=logged.timestamp)
                session.acknowledge(ack_id, reply)
            else:
                self.counters.refused += 1
                failed = isinstance(record, EngineError)
                session.refuse(ack_id, Refusal("storage_failed", str(record)) if failed else refusal)

        self._engine.find(body.room_id, body.message_id, found)


class _Logged(msgspec.Struct, rename="camel"):
    user_id: str
    offset: int
    timestamp: int


_LOGGED = msgspec.json.Decoder(_Logged)


class _Asked(msgspec.Struct, eq=False):
    """An entry that the engine has."""

    entries: LoggedEntries
    session: Session
    link: object
    ack_id: int | None
    room_id: str
    is_change: bool
    entry_id: str | None
    turn: int

    def answered(self, result: Appended | EngineError) -> None:
        """The engine has done with it."""
        if isinstance(result, Appended):
            self._logged(result)
        else:
            self.entries.counters.refused += 1
            code = result.code if isinstance(result, NotApplied) else "storage_failed"
            self.session.refuse(self.ack_id, Refusal(code, str(result)))
        if isinstance(result, Appended | NotApplied):
            self.entries.guard.done(self.session, self.room_id, self.is_change, self.entry_id)
            return
        self.entries.counters.storage_failures += 1
        if self.entry_id is not None and self._is_waited_for():
            self.entries.guard.failed(self.session, self.room_id, self.is_change, self.entry_id, self.turn)

    def _logged(self, result: Appended) -> None:
        counters = self.entries.counters
        if result.duplicate:
            counters.duplicates += 1
        elif self.is_change:
            counters.changes_logged += 1
        else:
            counters.messages_logged += 1
        offset, timestamp = result.offset, result.timestamp_ms
        if self.is_change:
            self.session.acknowledge(self.ack_id, ChangedReply(offset=offset, timestamp=timestamp))
        else:
            assert self.entry_id is not None
            reply = SentReply(message_id=self.entry_id, offset=offset, timestamp=timestamp)
            self.session.acknowledge(self.ack_id, reply)

    def _is_waited_for(self) -> bool:
        """Whether the client, on the connection by which it asked, waits for the answer."""
        return self.ack_id is not None and self.session.connected and self.session.link is self.link
