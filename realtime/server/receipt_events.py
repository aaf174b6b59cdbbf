"""``chat:received`` and ``chat:read``: up to where a user has a room's messages, and telling those who wait for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from msgspec.structs import replace

from realtime.server.engine.base import Engine, EngineError, Marker, Page, Record
from realtime.server.messages import DeliveredBody, MarkUpTo, OkReply, ReadBody, ReceivedBy, Refusal, encode
from realtime.server.namespace import Namespace
from realtime.server.recent_messages import NEWEST, RecentMessages
from realtime.server.room_events import RoomEvents
from realtime.server.session import Session

TELL_AFTER_S = 0.2
"""Authors are told together of all who receive within this: a room of ten answers to a message within a few
round trips, and nobody sees on a tick whether it came this much later."""

_FEW_ROOMS = 64


class ReceiptEvents:
    """Markers are the engine's; a room where one moves is remembered here as long as somebody is in it.

    Each author with newly covered messages is told once of all moves within a moment, of the newest message that the
    first of them covers: it stands for the older ones too. So a marker that jumps over thousands of messages costs at
    most as many events as are remembered. What a crash keeps from being told comes with the authors' next join.

    Args:
        later: calls a function a moment later: see :data:`TELL_AFTER_S`.
    """

    def __init__(
        self, namespace: Namespace, rooms: RoomEvents, engine: Engine, *, later: Callable[[Callable[[], None]], object]
    ) -> None:
        self._namespace = namespace
        self._rooms = rooms
        self._engine = engine
        self._known: dict[str, _Room] = {}
        self._sweep_at = _FEW_ROOMS
        self._later = later
        self._moved: dict[str, dict[str, int]] = {}  # room → user → up to where the authors know of it
        self._when_marked: list[Callable[[str, Marker], None]] = []
        rooms.when_logged(self._logged)
        namespace.events.add("chat:received", MarkUpTo, self._received)
        namespace.events.add("chat:read", MarkUpTo, self._read)

    def __len__(self) -> int:
        """Rooms that are remembered."""
        return len(self._known)

    def when_marked(self, callback: Callable[[str, Marker], None]) -> None:
        """Call ``callback(room_id, marker)`` when a user's marker has moved and is durable."""
        self._when_marked.append(callback)

    def stop(self) -> None:
        """What authors were to be told is told by what they ask after the next start."""
        self._moved.clear()

    def _received(self, session: Session, request: MarkUpTo, ack_id: int | None) -> None:
        self._move(session, ack_id, request.room_id, received=request.up_to, read=0)

    def _read(self, session: Session, request: MarkUpTo, ack_id: int | None) -> None:
        self._move(session, ack_id, request.room_id, received=request.up_to, read=request.up_to)

    def _move(self, session: Session, ack_id: int | None, room_id: str, *, received: int, read: int) -> None:
        self._rooms.require(session, room_id)

        def mark(room: _Room | EngineError) -> None:
            if isinstance(room, EngineError):
                session.refuse(ack_id, Refusal("storage_failed", str(room)))
                return
            stands = room.marker(session.user_id)
            if received <= stands.received and read <= stands.read:
                session.acknowledge(ack_id, OkReply())
                return
            done = partial(self._marked, session, ack_id, room_id, room)
            self._engine.mark(room_id, session.user_id, received=received, read=read, done=done)

        self._look_up(room_id, mark)

    def _marked(
        self, session: Session, ack_id: int | None, room_id: str, room: _Room, result: Marker | EngineError
    ) -> None:
        if isinstance(result, EngineError):
            session.refuse(ack_id, Refusal("storage_failed", str(result)))
            return
        session.acknowledge(ack_id, OkReply())
        before = room.marker(result.user_id)
        room.markers[result.user_id] = result
        for callback in self._when_marked:
            callback(room_id, result)
        if result.received > before.received:
            self._tell_soon(room_id, before)
        if result.read > before.read:
            body = ReadBody(room_id, result.user_id, result.read)
            self._rooms.tell(room_id, self._namespace.frame("chat:read", encode(body)), skip=session)

    def _tell_soon(self, room_id: str, before: Marker) -> None:
        is_first = not self._moved
        self._moved.setdefault(room_id, {}).setdefault(before.user_id, before.received)
        if is_first:
            self._later(self._tell_authors)

    def _tell_authors(self) -> None:
        moved, self._moved = self._moved, {}
        for room_id, known in moved.items():
            if (room := self._known.get(room_id)) is not None:
                frames = {
                    author: self._namespace.frame("chat:message_delivered", encode(body))
                    for author, body in room.delivered(room_id, known).items()
                }
                self._rooms.tell_users(room_id, frames)

    # what is remembered of a room

    def _look_up(self, room_id: str, then: Callable[[_Room | EngineError], None]) -> None:
        """Call ``then`` with what is remembered of a room, at once or when it was read from its log."""
        room = self._known.get(room_id)
        if room is None:
            self._sweep()
            room = self._known[room_id] = _Room([then])
            done = partial(self._looked_up, room_id, room)
            self._engine.read(room_id, done, after=None, before=None, limit=NEWEST, with_markers=True)
        elif room.waiting is not None:
            room.waiting.append(then)
        else:
            then(room)

    def _looked_up(self, room_id: str, room: _Room, page: Page | EngineError) -> None:
        waiting, room.waiting = room.waiting or [], None
        if isinstance(page, Page):
            room.markers.update((marker.user_id, marker) for marker in page.markers)
            room.recent.put_before([_message(record) for record in page.records if record.event == "chat:message"])
        elif self._known.get(room_id) is room:
            del self._known[room_id]
        for then in waiting:
            then(room if isinstance(page, Page) else page)

    def _logged(self, record: Record) -> None:
        if record.event == "chat:message" and (room := self._known.get(record.room_id)) is not None:
            room.recent.add(*_message(record))

    def _sweep(self) -> None:
        """Forget the rooms that nobody is in: rarely, so that it costs little for each."""
        if len(self._known) < self._sweep_at:
            return
        for room_id, room in tuple(self._known.items()):
            if room.waiting is None and not self._namespace.rooms.sessions(room_id):
                del self._known[room_id]
        self._sweep_at = 2 * len(self._known) + _FEW_ROOMS


class _Room:
    def __init__(self, waiting: list[Callable[[_Room | EngineError], None]]) -> None:
        self.waiting: list[Callable[[_Room | EngineError], None]] | None = waiting  # None: it is looked up
        self.markers: dict[str, Marker] = {}
        self.recent = RecentMessages()

    def marker(self, user_id: str) -> Marker:
        return self.markers.get(user_id) or Marker(user_id)

    def delivered(self, room_id: str, known: Mapping[str, int]) -> dict[str, DeliveredBody]:
        """What to tell each author of these users' markers, if the authors know of them up to there."""
        bodies: dict[str, DeliveredBody] = {}
        others: dict[str, list[ReceivedBy]] = {}
        for user_id, after in known.items():
            up_to = self.marker(user_id).received
            for author, message_id in self.recent.covered(after, up_to, but=user_id).items():
                if author in bodies:
                    others.setdefault(author, []).append(ReceivedBy(user_id, up_to))
                else:
                    bodies[author] = DeliveredBody(room_id, message_id, user_id, up_to)
        return bodies | {author: replace(bodies[author], others=more) for author, more in others.items()}


class _Sender(msgspec.Struct, rename="camel"):
    message_id: str
    user_id: str


_SENDER = msgspec.json.Decoder(_Sender)


def _message(record: Record) -> tuple[int, str, str]:
    sender = _SENDER.decode(record.body)
    return record.offset, sender.user_id, sender.message_id
