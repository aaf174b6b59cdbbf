"""``chat:message``, ``chat:typing``, ``chat:history``."""

from __future__ import annotations

from functools import partial
from weakref import WeakKeyDictionary

from msgspec import UNSET

from realtime.server.engine.base import Engine, EngineError, Page, Position
from realtime.server.logged_entries import LoggedEntries
from realtime.server.messages import (
    ChatBody,
    HistoryReply,
    OkReply,
    ReadHistory,
    Refusal,
    SendMessage,
    SetTyping,
    TypingBody,
    encode,
)
from realtime.server.namespace import Namespace
from realtime.server.paging import fitted
from realtime.server.room_events import RoomEvents
from realtime.server.session import Session

HISTORY_PAGE = 50
"""Entries of a page whose length is not asked for."""


class ChatEvents:
    """Messages go through the engine, and are acknowledged and broadcast once it has them; typing does not.

    Who leaves a room while typing is said to have stopped: not every client ends that by itself.
    """

    def __init__(self, namespace: Namespace, rooms: RoomEvents, entries: LoggedEntries, engine: Engine) -> None:
        self._namespace = namespace
        self._rooms = rooms
        self._entries = entries
        self._engine = engine
        self._types_in: WeakKeyDictionary[Session, set[str]] = WeakKeyDictionary()  # the rooms where a session types
        namespace.events.add("chat:message", SendMessage, self._message)
        namespace.events.add("chat:typing", SetTyping, self._typing)
        namespace.events.add("chat:history", ReadHistory, self._history)
        namespace.when_left(self._left)

    def _message(self, session: Session, request: SendMessage, ack_id: int | None) -> None:
        reply_to = UNSET if request.reply_to is None else request.reply_to
        body = ChatBody(request.room_id, request.message_id, session.user_id, request.text, reply_to)
        self._entries.append(session, ack_id, body, request.message_id)

    def _typing(self, session: Session, request: SetTyping, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        rooms = self._types_in.setdefault(session, set())
        (rooms.add if request.is_typing else rooms.discard)(request.room_id)
        self._tell_typing(request.room_id, session, request.is_typing, volatile=True)
        session.acknowledge(ack_id, OkReply())

    def _left(self, room_id: str, session: Session) -> None:
        rooms = self._types_in.get(session, set())
        if room_id not in rooms:
            return
        rooms.remove(room_id)
        others = self._namespace.rooms.sessions(room_id)
        if not any(each.user_id == session.user_id and room_id in self._types_in.get(each, ()) for each in others):
            self._tell_typing(room_id, session, False, volatile=False)

    def _tell_typing(self, room_id: str, session: Session, is_typing: bool, *, volatile: bool) -> None:
        body = TypingBody(room_id, session.user_id, is_typing)
        frame = self._namespace.frame("chat:typing", encode(body))
        self._namespace.broadcast(room_id, frame, skip=session, volatile=volatile)

    def _history(self, session: Session, request: ReadHistory, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        done = partial(self._read, session, request, ack_id)
        limit = request.limit or HISTORY_PAGE
        self._engine.read(request.room_id, done, after=request.after, before=request.before, limit=limit)

    def _read(self, session: Session, request: ReadHistory, ack_id: int | None, page: Page | EngineError) -> None:
        if isinstance(page, EngineError):
            session.refuse(ack_id, Refusal("storage_failed", str(page)))
            return
        messages, more = fitted(page, forward=request.after is not None)
        reply = HistoryReply(
            position=str(page.position),
            recovered=request.after is None or page.covers(Position(page.epoch, request.after)),
            horizon=page.horizon,
            messages=messages,
            more=more,
        )
        session.acknowledge(ack_id, reply)
