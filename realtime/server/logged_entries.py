"""The way of what is logged: through the order guard to the engine, and back with the answer."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec

from realtime.server.engine.base import Appended, Draft, Engine, EngineError, NotApplied
from realtime.server.messages import Refusal, encode
from realtime.server.namespace import Namespace
from realtime.server.order_guard import EntryKey, OrderGuard
from realtime.server.session import Session
from realtime.server.stats import Counters
from realtime.utils.ambient import wall_time_ms


class LoggedEntries:
    """Appends to rooms' logs. The broadcast is not its business: the engine delivers what it has logged."""

    def __init__(self, namespace: Namespace, engine: Engine, counters: Counters) -> None:
        self.guard = OrderGuard()
        namespace.when_gone(self.guard.forget)
        self._engine = engine
        self._counters = counters

    def append(
        self,
        session: Session,
        ack_id: int | None,
        *,
        room_id: str,
        entry_id: str,
        event: str,
        body: msgspec.Struct,
        reply: Callable[[Appended], msgspec.Struct],
        about: str | None = None,
    ) -> None:
        """Log an entry, and answer for it once it is durable.

        Args:
            session: the sender; you must have made sure that it is in the room.
            ack_id: of the event. Who asks for no answer cannot send again what failed: no order is kept for them.
            room_id: in which log.
            entry_id: the sender's id for it, of a message or of a change.
            event: as which it is broadcast.
            body: its payload.
            reply: makes the answer.
            about: the message that it changes.

        Raises:
            Refusal: an earlier entry of this session must come first.
        """
        key = EntryKey("message" if about is None else "change", entry_id)
        turn = 0 if ack_id is None else self.guard.admit(session, room_id, key)
        draft = Draft(
            room_id=room_id,
            user_id=session.user_id,
            message_id=entry_id,
            event=event,
            body=encode(body),
            timestamp_ms=wall_time_ms(),
            origin=session.sid,
            about=about,
        )
        self._engine.append(draft, partial(self._answered, session, session.link, ack_id, room_id, key, turn, reply))

    def _answered(
        self,
        session: Session,
        link: object,
        ack_id: int | None,
        room_id: str,
        key: EntryKey,
        turn: int,
        reply: Callable[[Appended], msgspec.Struct],
        result: Appended | EngineError,
    ) -> None:
        counters = self._counters
        if isinstance(result, Appended):
            if result.duplicate:
                counters.duplicates += 1
            elif key.kind == "message":
                counters.messages_logged += 1
            else:
                counters.changes_logged += 1
            self.guard.stored(session, room_id, key)
            session.acknowledge(ack_id, reply(result))
        elif isinstance(result, NotApplied):
            counters.refused += 1
            self.guard.stored(session, room_id, key)
            session.refuse(ack_id, Refusal(result.code, str(result)))
        else:
            counters.refused += 1
            counters.storage_failures += 1
            session.refuse(ack_id, Refusal("storage_failed", str(result)))
            if ack_id is not None and session.connected and session.link is link:
                self.guard.failed(session, room_id, key, turn)
