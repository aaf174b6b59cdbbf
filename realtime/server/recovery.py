"""The sessions of a namespace that may go on after their connection has ended."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from realtime.protocol.socketio import EncodedPacket
from realtime.server.replay_buffer import Channel, ReplayBuffer
from realtime.server.session import Session
from realtime.server.trail import Trail
from realtime.utils.ids import new_id

MAX_AWAY = 10_000
"""Sessions without a connection that a namespace keeps; beyond, the longest away is given up."""

MAX_AWAY_ROOMS = 200_000
"""Rooms of all these sessions together, so that a few who are in very many do not fill the memory."""

_EPOCH_LENGTH = 8  # 40 random bits: enough to tell the servers apart that a client may have heard


class _Away(NamedTuple):
    session: Session
    rooms: tuple[str, ...]
    until: float


class Recovery:
    """Knows sessions by their private ids, and keeps those that have lost their connection for a while.

    Args:
        buffer: the events of the namespace.
        window_s: how long a session is kept without a connection.
        clock: the time of an event, in seconds.
        new_id: makes the secret half of a private id.
        max_replay: bytes that one return may bring at once.
        max_away: see :data:`MAX_AWAY`.
        max_away_rooms: see :data:`MAX_AWAY_ROOMS`.
    """

    def __init__(
        self,
        buffer: ReplayBuffer,
        *,
        window_s: float,
        clock: Callable[[], float],
        new_id: Callable[[], str],
        max_replay: int,
        max_away: int = MAX_AWAY,
        max_away_rooms: int = MAX_AWAY_ROOMS,
    ) -> None:
        self._buffer = buffer
        self._window_s = window_s
        self._clock = clock
        self._new_id = new_id
        self._max_replay = max_replay
        self._max_away = max_away
        self._max_away_rooms = max_away_rooms
        self._away_rooms = 0  # of all who are away
        self._sessions: dict[str, Session] = {}  # by private id
        self._away: dict[str, _Away] = {}  # by session id; who went first is first
        self._away_from: dict[str, dict[Session, None]] = {}  # by room

    def __repr__(self) -> str:
        return f"<Recovery sessions={len(self._sessions)} away={len(self._away)} {self._buffer!r}>"

    @property
    def away(self) -> int:
        """Sessions without a connection."""
        return len(self._away)

    # Sessions

    def begin(self, session: Session) -> None:
        """From now on a session can be recovered."""
        session.pid = f"{self._buffer.epoch}.{self._new_id()}"
        session.trail = Trail(session.sid, self._buffer, self._clock)
        self._sessions[session.pid] = session

    def end(self, session: Session) -> None:
        """It cannot any more. Doing it twice is harmless."""
        if session.trail is not None and session.pid is not None:
            session.trail.end()
            session.trail = None
            del self._sessions[session.pid]
            self.come_back(session)

    def find(self, pid: str) -> Session | None:
        """The session with this private id, connected or away."""
        return self._sessions.get(pid)

    def all_away(self, *, for_s: float = math.inf) -> tuple[Session, ...]:
        """The sessions without a connection, if all that come back do so within ``for_s``."""
        return tuple(away.session for away in self._away.values()) if for_s >= self._window_s else ()

    def away_session(self, sid: str) -> Session | None:
        """A session without a connection, by its public id."""
        away = self._away.get(sid)
        return None if away is None else away.session

    def leave(self, session: Session, rooms: tuple[str, ...]) -> list[Session]:
        """A session has lost its connection, and was in these rooms.

        Returns:
            Sessions that are given up for it: end them.
        """
        self._away[session.sid] = _Away(session, rooms, self._clock() + self._window_s)
        for room_id in rooms:
            self._away_from.setdefault(room_id, {})[session] = None
        self._away_rooms += len(rooms)
        given_up: list[Session] = []
        sessions, kept_rooms = len(self._away), self._away_rooms
        for away in self._away.values():
            if sessions <= self._max_away and kept_rooms <= self._max_away_rooms:
                break
            given_up.append(away.session)
            sessions, kept_rooms = sessions - 1, kept_rooms - len(away.rooms)
        return given_up

    def come_back(self, session: Session) -> tuple[str, ...]:
        """A session has a connection again; returns the rooms that it was in."""
        away = self._away.pop(session.sid, None)
        if away is None:
            return ()
        self._away_rooms -= len(away.rooms)
        for room_id in away.rooms:
            missing = self._away_from[room_id]
            del missing[session]
            if not missing:
                del self._away_from[room_id]
        return away.rooms

    def away_from(self, room_id: str) -> tuple[Session, ...]:
        """Sessions without a connection that were in a room when they lost it."""
        return tuple(self._away_from.get(room_id, ()))

    def missed(self, session: Session, offset: str | None) -> list[bytes] | None:
        """See :meth:`Trail.missed`."""
        if session.trail is None:
            return None
        self._buffer.drop_old(self._clock())
        return session.trail.missed(offset, max_bytes=self._max_replay)

    def next_timer(self) -> float | None:
        """When to call :meth:`overdue`, or None for never."""
        return next((away.until for away in self._away.values()), None)

    def overdue(self, now: float) -> list[Session]:
        """Sessions that stayed away for too long: end them."""
        self._buffer.drop_old(now)
        return [away.session for away in self._away.values() if away.until <= now]

    # Events

    def to_everyone(self, packet: EncodedPacket) -> bytes | None:
        """The frames of an event to all, for the sessions that can be recovered; None if there are none."""
        return self._broadcast(self._buffer.everyone, packet, None, volatile=False)

    def to_room(self, room_id: str, packet: EncodedPacket, skip: Session | None, *, volatile: bool) -> bytes | None:
        """The same for a room; a volatile event gets its number, but is not kept."""
        channel = self._buffer.room(room_id)
        sid = None if skip is None else skip.sid
        return None if channel is None else self._broadcast(channel, packet, sid, volatile=volatile)

    def others(self, room_id: str, session: Session | None) -> bool:
        """Whether anybody but ``session`` may hear of an event in a room, now or at a return."""
        channel = self._buffer.room(room_id)
        if channel is None:
            return False
        own = session is not None and session.trail is not None and session.trail.is_in(room_id)
        return channel.listeners > own

    def _broadcast(self, channel: Channel, packet: EncodedPacket, skip: str | None, *, volatile: bool) -> bytes | None:
        if not channel.listeners:
            return None
        frame = self._buffer.number(packet)
        if not volatile:
            self._buffer.keep(channel, frame, skip, self._clock())
        return frame


def new_recovery(rng: random.Random, *, window_s: float, unnoticed_s: float, max_replay: int) -> Recovery:
    """The recovery of one namespace, on the running loop's time.

    Args:
        rng: source of its epoch and of private ids.
        window_s: how long a session is kept without a connection.
        unnoticed_s: how long a dead connection may be taken for alive: what was written to it then is kept as well.
        max_replay: bytes that one return may bring at once.
    """
    buffer = ReplayBuffer(new_id(rng)[:_EPOCH_LENGTH], keep_s=window_s + unnoticed_s)
    return Recovery(buffer, window_s=window_s, clock=_loop_time, new_id=partial(new_id, rng), max_replay=max_replay)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
