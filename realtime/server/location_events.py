"""``location:update`` and ``location:stop``: positions on their way to the others in a room. Nothing is stored."""

from __future__ import annotations

from realtime.server.messages import (
    AcceptedReply,
    LocationBody,
    LocationStopBody,
    LocationUpdate,
    OkReply,
    RoomOnly,
    encode,
)
from realtime.server.namespace import Namespace
from realtime.server.room_events import RoomEvents
from realtime.server.session import Session


class LocationEvents:
    """Validated fixes are passed on with the authenticated user."""

    def __init__(self, namespace: Namespace, rooms: RoomEvents) -> None:
        self._namespace = namespace
        self._rooms = rooms
        namespace.events.add("location:update", LocationUpdate, self._update)
        namespace.events.add("location:stop", RoomOnly, self._stop)

    def _update(self, session: Session, request: LocationUpdate, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        self._pass_on("location:update", session, LocationBody(request.room_id, session.user_id, request.fixes))
        session.acknowledge(ack_id, AcceptedReply(accepted=len(request.fixes)))

    def _stop(self, session: Session, request: RoomOnly, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        self._pass_on("location:stop", session, LocationStopBody(request.room_id, session.user_id))
        session.acknowledge(ack_id, OkReply())

    def _pass_on(self, event: str, session: Session, body: LocationBody | LocationStopBody) -> None:
        frame = self._namespace.frame(event, encode(body))
        self._namespace.broadcast(body.room_id, frame, skip=session)
