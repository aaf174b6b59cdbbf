"""``geofence:event``: crossings of fences, logged in the room; those that phones tell of and those found here."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from realtime.location.fix import Fix
from realtime.location.geofence_monitor import GeofenceMonitor, Transition
from realtime.server.engine.base import Appended, Draft, Engine, EngineError, NotApplied, Note
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
_KIND = "fence.way"
_RETRY_S = 1.0
_log = logging.getLogger("realtime.server")


class GeofenceEvents:
    """Logs what phones tell, once each, and watches the fences of rooms itself.

    What is known of each device's way is kept with the crossings that it made, so that another process goes on with it.

    Args:
        rng: source of the ids of what is found here, and of what comes without one.
    """

    def __init__(
        self, namespace: Namespace, rooms: RoomEvents, locations: LocationEvents, engine: Engine, rng: random.Random
    ) -> None:
        self._rooms = rooms
        self._engine = engine
        self._rng = rng
        self._monitors: dict[str, GeofenceMonitor] = {}
        self._kept: dict[tuple[str, Member], str] = {}  # by the former process, of who has not come back yet
        self._unstored: list[Draft | Note] = []  # in the order in which it is to be stored
        self._retry: asyncio.TimerHandle | None = None
        namespace.events.add(_EVENT, FenceEvent, self._told)
        locations.when_moved = self._moved
        locations.when_stopped(self._stopped)

    async def start(self) -> None:
        """Know again who was where; the engine must have been started.

        Raises:
            EngineError: that cannot be read.
        """
        answer: asyncio.Future[list[Note] | EngineError] = asyncio.get_running_loop().create_future()
        self._engine.kept(_KIND, lambda kept: None if answer.done() else answer.set_result(kept))
        kept = await answer
        if isinstance(kept, EngineError):
            raise kept
        self._kept = {_whose(note): note.value for note in kept if note.value is not None}

    def stop(self) -> None:
        """Store nothing more."""
        if self._retry is not None:
            self._retry.cancel()
        self._retry, self._unstored = None, []

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
            event_id=request.event_id or new_id(self._rng),
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

    def _moved(self, room_id: str, member: Member, fixes: Sequence[SharedFix], done: Callable[[], None]) -> None:
        monitor = self._monitors.get(room_id)
        if monitor is None:
            done()
            return
        if (kept := self._kept.pop((room_id, member), None)) is not None:
            monitor.restore(kept, member)
        is_kept = False
        for fix in fixes:
            drafts = [_draft(self._found(room_id, member, each), "") for each in monitor.feed(_measured(fix), member)]
            if is_kept := bool(drafts):
                drafts[-1] = replace(drafts[-1], notes=(_note(room_id, member, monitor.kept(member)),))
            for draft in drafts:
                self._store(draft, done if fix is fixes[-1] and draft is drafts[-1] else _nothing)
        if not is_kept:
            self._store(_note(room_id, member, monitor.kept(member)), done)

    def _stopped(self, room_id: str, member: Member) -> None:
        if (monitor := self._monitors.get(room_id)) is not None:
            monitor.forget(member)
            self._kept.pop((room_id, member), None)
            self._store(_note(room_id, member, None), _nothing)

    def _store(self, entry: Draft | Note, done: Callable[[], None]) -> None:
        """Store it behind what is to be stored already; ``done`` is called when it is, or cannot be for a while."""
        if self._unstored:
            self._put_off(entry)
            done()
        elif isinstance(entry, Note):
            self._engine.keep([entry], partial(self._stored, entry, done))
        else:
            self._engine.append(entry, partial(self._stored, entry, done))

    def _stored(self, entry: Draft | Note, done: Callable[[], None], result: Appended | EngineError | None) -> None:
        if isinstance(result, EngineError):
            _log.warning("a crossing could not be stored, and is tried again in %g s: %s", _RETRY_S, result)
            self._put_off(entry)
        done()

    def _put_off(self, entry: Draft | Note) -> None:
        if isinstance(entry, Note) and entry.value is not None and self._unstored:
            return  # a way that the next fix tells of as well
        self._unstored.append(entry)
        if self._retry is None:
            self._retry = asyncio.get_running_loop().call_later(_RETRY_S, self._store_again)

    def _store_again(self) -> None:
        self._retry = None
        entries, self._unstored = self._unstored, []
        for entry in entries:
            self._store(entry, _nothing)

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


def _note(room_id: str, member: Member, way: str | None) -> Note:
    return Note(_KIND, msgspec.json.encode((room_id, *member)).decode(), way)


def _whose(note: Note) -> tuple[str, Member]:
    room_id, *member = msgspec.json.decode(note.key, type=tuple[str, str, str])
    return room_id, Member(*member)


def _nothing() -> None:
    pass


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
