"""``chat:edit``, ``chat:delete``, ``chat:reaction``: changes to messages, logged like messages; ``chat:reactions``."""

from __future__ import annotations

from functools import partial

import msgspec

from realtime.server.engine.base import Engine, EngineError, Record
from realtime.server.logged_entries import LoggedEntries
from realtime.server.messages import (
    ChangeBody,
    DeleteMessage,
    EditMessage,
    MessageOnly,
    React,
    Reaction,
    ReactionsReply,
    Refusal,
)
from realtime.server.namespace import Namespace
from realtime.server.room_events import RoomEvents
from realtime.server.session import Session


class AmendmentEvents:
    """Checks membership; what a change does to its message, and who may make it, is the engine's to know."""

    def __init__(self, namespace: Namespace, rooms: RoomEvents, entries: LoggedEntries, engine: Engine) -> None:
        self._rooms = rooms
        self._entries = entries
        self._engine = engine
        namespace.events.add("chat:edit", EditMessage, self._edit)
        namespace.events.add("chat:delete", DeleteMessage, self._delete)
        namespace.events.add("chat:reaction", React, self._react)
        namespace.events.add("chat:reactions", MessageOnly, self._reactions)

    def _edit(self, session: Session, request: EditMessage, ack_id: int | None) -> None:
        room_id, message_id = request.room_id, request.message_id
        body = ChangeBody("chat:edit", room_id, message_id, session.user_id, text=request.text)
        self._log(session, ack_id, body, request.change_id)

    def _delete(self, session: Session, request: DeleteMessage, ack_id: int | None) -> None:
        body = ChangeBody("chat:delete", request.room_id, request.message_id, session.user_id)
        self._log(session, ack_id, body, request.change_id)

    def _react(self, session: Session, request: React, ack_id: int | None) -> None:
        body = ChangeBody(
            "chat:reaction",
            request.room_id,
            request.message_id,
            session.user_id,
            emoji=request.emoji,
            action=request.action,
        )
        self._log(session, ack_id, body, request.change_id)

    def _log(self, session: Session, ack_id: int | None, body: ChangeBody, change_id: str | None) -> None:
        self._entries.append(session, ack_id, body, change_id)

    def _reactions(self, session: Session, request: MessageOnly, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        self._engine.find(request.room_id, request.message_id, partial(self._found, session, request, ack_id))

    def _found(
        self, session: Session, request: MessageOnly, ack_id: int | None, found: Record | EngineError | None
    ) -> None:
        if isinstance(found, EngineError):
            session.refuse(ack_id, Refusal("storage_failed", str(found)))
        elif found is None:
            words = f"the room's log has no message {request.message_id!r}, or not any more"
            session.refuse(ack_id, Refusal("unknown_message", words))
        else:
            by_emoji = _REACTED.decode(found.body).reactions
            reactions = [
                Reaction(request.message_id, emoji, user) for emoji, users in by_emoji.items() for user in users
            ]
            session.acknowledge(ack_id, ReactionsReply(reactions=reactions))


class _Reacted(msgspec.Struct):
    reactions: dict[str, list[str]] = {}


_REACTED = msgspec.json.Decoder(_Reacted)
