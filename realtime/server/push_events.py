"""``push:register``, ``push:unregister``, ``push:opened``, ``push:read``; and what happens in rooms, for the pushes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from realtime.server.engine.base import Engine, Marker, Record
from realtime.server.messages import MessageId, OkReply, Refusal
from realtime.server.namespace import Namespace
from realtime.server.notices import Notices
from realtime.server.push.gateway import DAY_S, PlatformName, Push
from realtime.server.push.push_plan import News
from realtime.server.push.push_service import PushService
from realtime.server.push.push_store import EngineStore
from realtime.server.push_catch_up import PushCatchUp
from realtime.server.receipt_events import ReceiptEvents
from realtime.server.room_events import RoomEvents
from realtime.server.session import Session

# As chat/mentions.py on the client's side, with which it shares no code: the server decides alone who is disturbed.
_MENTION = re.compile(r"(?<![\w@])@(\w(?:[\w.:-]*\w)?)")

Token = Annotated[str, Meta(min_length=1, max_length=4096)]


class Register(msgspec.Struct, frozen=True, rename="camel"):
    """``push:register``; a Web Push token is the browser's subscription object, as JSON."""

    platform: PlatformName
    token: Token


class Unregister(msgspec.Struct, frozen=True, rename="camel"):
    """``push:unregister``."""

    token: Token


class SeenTo(msgspec.Struct, frozen=True, rename="camel"):
    """``push:opened``, ``push:read``."""

    id: MessageId


class _Message(msgspec.Struct, rename="camel"):
    message_id: str
    user_id: str
    text: str = ""
    timestamp: int = 0


_MESSAGE = msgspec.json.Decoder(_Message)


class PushEvents:
    """Tells the push service who is there, who wants to hear of which room, and what is said and read.

    A device hears of the rooms that it joined until it leaves them by ``room:leave``: losing its connection, or saying
    goodbye, is what pushes are for.
    """

    def __init__(self, namespace: Namespace, rooms: RoomEvents, receipts: ReceiptEvents, service: PushService) -> None:
        self._namespace = namespace
        self._service = service
        self._catch_up: PushCatchUp | None = None
        self._notices = Notices(service.push)
        service.looking = self._looking
        rooms.when_logged(self._logged)
        rooms.when_moved(self._moved)
        receipts.when_marked(self._marked)
        namespace.when_here(self._notices.here)
        namespace.when_gone(self._gone)
        namespace.events.add("push:register", Register, self._register)
        namespace.events.add("push:unregister", Unregister, self._unregister)
        namespace.events.add("push:opened", SeenTo, self._seen_to)
        namespace.events.add("push:read", SeenTo, self._seen_to)

    async def start(self, engine: Engine) -> None:
        """Go on with what the engine has of the time before, in the background; it must have been started.

        Raises:
            EngineError: that cannot be read.
        """
        rooms = await self._service.start(EngineStore(engine))
        self._catch_up = PushCatchUp(engine, self._service, _news)
        self._catch_up.start(rooms)

    async def stop(self) -> None:
        """Push nothing more."""
        if self._catch_up is not None:
            await self._catch_up.stop()
        await self._service.stop()

    def notify(
        self,
        user_id: str,
        *,
        id: str,  # as on the wire
        title: str,
        body: str = "",
        data: Mapping[str, Any] | None = None,
        room_id: str | None = None,
        collapse_key: str | None = None,
        is_urgent: bool = False,
        ttl_s: float = DAY_S,
    ) -> None:
        """Tell a user something: by socket, and by push if nobody looks at any of their devices.

        A session without a connection is told when it is recovered, if that cannot be too late.
        What comes by both is shown once, for it has one ``id``: the same news must have the same, other news another.
        After ``ttl_s`` nobody needs it: then no device shows it any more.

        Raises:
            ValueError: ``ttl_s`` is not above 0, the ``id`` is too short or too long, or ``data`` is no JSON.
        """
        if not ttl_s > 0:
            raise ValueError(f"ttl_s must be above 0 seconds, not {ttl_s}")
        push = Push(
            id=id,
            title=title,
            body=body,
            data=dict(data or {}),
            room_id=room_id,
            collapse_key=collapse_key,
            is_urgent=is_urgent,
            ttl_s=ttl_s,
        ).checked()
        sessions = self._namespace.sessions_of(user_id, for_s=ttl_s)
        for session in sessions:
            session.emit("notification", push.to_wire())
        if looking := [session for session in sessions if _is_looking(session)]:
            self._notices.told(user_id, push, looking)
        else:
            self._service.push(user_id, push)

    # --- the client's events

    def _register(self, session: Session, request: Register, ack_id: int | None) -> None:
        user_id, device_id = session.member
        problem = self._service.register(
            user_id,
            device_id,
            request.platform,
            request.token,
            rooms=self._namespace.rooms.of(session),
            done=partial(session.acknowledge, ack_id, OkReply()),
        )
        if problem is not None:
            raise Refusal("invalid_token", f"push:register: {problem}")

    def _unregister(self, session: Session, request: Unregister, ack_id: int | None) -> None:
        done = partial(session.acknowledge, ack_id, OkReply())
        self._service.unregister(session.user_id, request.token, done=done)

    def _seen_to(self, session: Session, request: SeenTo, ack_id: int | None) -> None:
        self._notices.seen_to(session.user_id, request.id)
        self._service.opened(session.user_id, request.id, but=session.device_id)
        for other in self._namespace.sessions_of(session.user_id):
            if other.device_id != session.device_id:
                other.emit("notification:withdrawn", {"id": request.id})
        session.acknowledge(ack_id, OkReply())

    # --- what happens in rooms

    def _logged(self, record: Record) -> None:
        room_id = record.room_id
        if not self._service.is_heard(room_id) or (self._catch_up is not None and self._catch_up.is_behind(room_id)):
            return
        if (news := _news(record)) is not None:
            self._service.logged(room_id, news)
        elif record.event == "chat:delete":
            self._service.deleted(room_id, _MESSAGE.decode(record.body).message_id)

    def _moved(self, session: Session, room_id: str, is_in: bool) -> None:
        tell = self._service.subscribe if is_in else self._service.unsubscribe
        tell(room_id, session.user_id, session.device_id)

    def _marked(self, room_id: str, marker: Marker) -> None:
        self._service.received(marker.user_id, room_id, marker.received)
        if marker.read:
            self._service.read(marker.user_id, room_id, marker.read)

    def _gone(self, session: Session) -> None:
        self._notices.gone(session)
        for room_id in self._namespace.rooms.of(session):
            self._service.away(session.user_id, room_id)

    def _looking(self, room_id: str) -> set[str]:
        return {session.user_id for session in self._namespace.rooms.sessions(room_id) if _is_looking(session)}


def _news(record: Record) -> News | None:
    """What of an entry is to be pushed."""
    if record.event != "chat:message":
        return None
    message = _MESSAGE.decode(record.body)
    mentions = frozenset(_MENTION.findall(message.text)) if "@" in message.text else frozenset()
    return News(record.offset, message.message_id, message.user_id, message.text, mentions, message.timestamp)


def _is_looking(session: Session) -> bool:
    return session.connected and session.app_state == "active"
