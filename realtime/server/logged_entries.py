"""The way of what is logged: through the order guard to the engine, and back with the answer."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import msgspec

from realtime.server.engine.base import Appended, Draft, Engine, EngineError, NotApplied
from realtime.server.messages import Refusal, encode
from realtime.server.namespace import Namespace
from realtime.server.order_guard import EntryKey, OrderGuard
from realtime.server.session import Session
from realtime.server.stats import Counters
from realtime.utils.ambient import wall_time_ms
from realtime.utils.ids import new_id

Reply = Callable[[Appended], msgspec.Struct]


class LoggedEntries:
    """Appends to rooms' logs. The broadcast is not its business: the engine delivers what it has logged.

    Args:
        rng: source of the ids of entries that come without one.
    """

    def __init__(self, namespace: Namespace, engine: Engine, counters: Counters, rng: random.Random) -> None:
        self.guard = OrderGuard()
        namespace.when_gone(self.guard.forget)
        self._engine = engine
        self._counters = counters
        self._rng = rng

    def append(
        self,
        session: Session,
        ack_id: int | None,
        *,
        room_id: str,
        entry_id: str | None,
        event: str,
        body: msgspec.Struct,
        reply: Reply,
        about: str | None = None,
    ) -> None:
        """Log an entry, and answer for it once it is durable.

        Args:
            session: the sender; you must have made sure that it is in the room.
            ack_id: of the event. Who asks for no answer would not send again what failed, so no order is kept for it.
            room_id: in which log.
            entry_id: the sender's id, of a message or of a change; None: the entry could not be known when it came
                again, so what comes later does not wait for it.
            event: as which it is broadcast.
            body: its payload.
            reply: makes the answer.
            about: the message that it changes.

        Raises:
            Refusal: an earlier entry of this session must come first.
        """
        key = None if entry_id is None else EntryKey("message" if about is None else "change", entry_id)
        turn = 0 if ack_id is None else self.guard.admit(session, room_id, key)
        draft = Draft(
            room_id=room_id,
            user_id=session.user_id,
            message_id=new_id(self._rng) if entry_id is None else entry_id,
            event=event,
            body=encode(body),
            timestamp_ms=wall_time_ms(),
            origin=session.sid,
            about=about,
        )
        asked = _Asked(session, session.link, ack_id, room_id, about is not None, key, turn)
        self._engine.append(draft, partial(self._answered, asked, reply))

    def _answered(self, asked: _Asked, reply: Reply, result: Appended | EngineError) -> None:
        if isinstance(result, Appended):
            self._count(result, is_change=asked.is_change)
            asked.session.acknowledge(asked.ack_id, reply(result))
        else:
            self._counters.refused += 1
            code = result.code if isinstance(result, NotApplied) else "storage_failed"
            asked.session.refuse(asked.ack_id, Refusal(code, str(result)))
        if isinstance(result, Appended | NotApplied):
            if asked.key is not None:
                self.guard.stored(asked.session, asked.room_id, asked.key)
            return
        self._counters.storage_failures += 1
        if asked.is_waited_for and asked.key is not None:
            self.guard.failed(asked.session, asked.room_id, asked.key, asked.turn)

    def _count(self, result: Appended, *, is_change: bool) -> None:
        if result.duplicate:
            self._counters.duplicates += 1
        elif is_change:
            self._counters.changes_logged += 1
        else:
            self._counters.messages_logged += 1


class _Asked(NamedTuple):
    """An entry that the engine has."""

    session: Session
    link: object
    ack_id: int | None
    room_id: str
    is_change: bool
    key: EntryKey | None
    turn: int

    @property
    def is_waited_for(self) -> bool:
        """Whether the client, on the connection by which it asked, waits for the answer."""
        return self.ack_id is not None and self.session.connected and self.session.link is self.link
