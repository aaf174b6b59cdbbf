"""``geofence:event``: crossings of fences, logged in the room; those that phones tell of and those found here."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from functools import partial

from msgspec import UNSET

from realtime.location.fix import Fix
from realtime.location.geofence_monitor import GeofenceMonitor, Transition
from realtime.server.engine.base import Appended, Draft, Engine, EngineError, NotApplied
from realtime.server.location_events import LocationEvents
from realtime.server.location_messages import FenceBody, FenceEvent, SharedFix
from realtime.server.messages import ChangedReply, Refusal, encode
from realtime.server.namespace import Namespace
from realtime.server.room_events import RoomEvents
from realtime.server.rooms import Member
from realtime.server.session import Session
from realtime.utils.ambient import wall_time_ms
from realtime.utils.ids import new_id

_EVENT = "geofence:event"
_RETRY_S = 1.0
_log = logging.getLogger("realtime.server")


class GeofenceEvents:
    """Logs what phones tell, once each, and watches the fences of rooms itself.

    Args:
        rng: source of the ids of what is found here.
    """

    def __init__(
        self, namespace: Namespace, rooms: RoomEvents, locations: LocationEvents, engine: Engine, rng: random.Random
    ) -> None:
        self._rooms = rooms
        self._engine = engine
        self._rng = rng
        self._monitors: dict[str, GeofenceMonitor] = {}
        namespace.events.add(_EVENT, FenceEvent, self._told)
        locations.when_moved(self._moved)
        locations.when_stopped(self._stopped)

    def fences(self, room_id: str) -> GeofenceMonitor:
        """The fences that are watched for a room: add them there, and remove them.

        Raises:
            ImportError: ``shapely`` is not installed.
        """
        if room_id not in self._monitors:
            self._monitors[room_id] = GeofenceMonitor()
        return self._monitors[room_id]

    def _told(self, session: Session, request: FenceEvent, ack_id: int | None) -> None:
        self._rooms.require(session, request.room_id)
        body = FenceBody(
            event=_EVENT,
            room_id=request.room_id,
            event_id=request.event_id,
            user_id=session.user_id,
            fence_id=request.fence_id,
            transition=request.transition,
            fix=request.fix,
        )
        self._engine.append(_draft(body, session.sid), partial(self._answer, session, ack_id))

    def _answer(self, session: Session, ack_id: int | None, result: Appended | EngineError) -> None:
        if isinstance(result, Appended):
            session.acknowledge(ack_id, ChangedReply(offset=result.offset, timestamp=result.timestamp_ms))
        else:
            code = result.code if isinstance(result, NotApplied) else "storage_failed"
            session.refuse(ack_id, Refusal(code, str(result)))

    def _moved(self, room_id: str, member: Member, fixes: Sequence[SharedFix]) -> None:
        monitor = self._monitors.get(room_id)
        if monitor is None:
            return
        for fix in fixes:
            for transition in monitor.feed(_measured(fix), member):
                body = self._found(room_id, member, transition)
                self._log(_draft(body, ""))

    def _log(self, draft: Draft) -> None:
        """Log what was found here, until it is logged."""
        self._engine.append(draft, partial(self._logged, draft))

    def _logged(self, draft: Draft, result: Appended | EngineError) -> None:
        if isinstance(result, EngineError):
            _log.warning("a crossing could not be logged, and is tried again in %g s: %s", _RETRY_S, result)
            asyncio.get_running_loop().call_later(_RETRY_S, self._log, draft)

    def _stopped(self, room_id: str, member: Member) -> None:
        if (monitor := self._monitors.get(room_id)) is not None:
            monitor.forget(member)

    def _found(self, room_id: str, member: Member, transition: Transition) -> FenceBody:
        fix = transition.fix
        return FenceBody(
            event=_EVENT,
            room_id=room_id,
            event_id=new_id(self._rng),
            user_id=member.user_id,
            fence_id=transition.fence_id,
            transition=transition.kind.value,
            fix=SharedFix(
                latitude=fix.latitude, longitude=fix.longitude, accuracy=fix.accuracy_m, timestamp=fix.timestamp_ms
            ),
        )


def _draft(body: FenceBody, origin: str) -> Draft:
    return Draft(
        room_id=body.room_id,
        user_id=body.user_id,
        message_id=f"geofence:{body.event_id}",  # known apart from those of messages
        event=_EVENT,
        body=encode(body),
        timestamp_ms=wall_time_ms(),
        origin=origin,
    )


def _measured(fix: SharedFix) -> Fix:
    return Fix(
        latitude=fix.latitude,
        longitude=fix.longitude,
        accuracy_m=fix.accuracy,
        timestamp_ms=fix.timestamp,
        speed_mps=None if fix.speed is UNSET else fix.speed,
    )
