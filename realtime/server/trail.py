"""What one session has been sent, and so may have missed (pure)."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator

from realtime.protocol.socketio import EncodedPacket
from realtime.server.replay_buffer import Channel, Entry, ReplayBuffer

MAX_LEFT = 64
"""Rooms that were left and are still remembered one by one."""


class Trail:
    """Where a session listens, and since which number.

    Args:
        sid: the session.
        buffer: of its namespace.
        clock: the time of an event, in seconds.
    """

    def __init__(self, sid: str, buffer: ReplayBuffer, clock: Callable[[], float]) -> None:
        self._sid = sid
        self._buffer = buffer
        self._clock = clock
        self._start = self._floor = buffer.last
        self._own = Channel()
        self._rooms: dict[str, tuple[Channel, int]] = {}
        self._left: deque[tuple[Channel, int, int]] = deque()
        buffer.everyone.listeners += 1

    def __repr__(self) -> str:
        return f"<Trail {self._sid!r} since {self._start} rooms={len(self._rooms)}>"

    def add(self, packet: EncodedPacket) -> bytes:
        """The frames of an event to this session alone, which is kept."""
        frame = self._buffer.number(packet)
        self._buffer.keep(self._own, frame, None, self._clock())
        return frame

    def join(self, room_id: str) -> None:
        """From now on the session hears a room; joining twice changes nothing."""
        if room_id not in self._rooms:
            self._rooms[room_id] = self._buffer.listen(room_id), self._buffer.last

    def is_in(self, room_id: str) -> bool:
        """Whether the session hears a room."""
        return room_id in self._rooms

    def leave(self, room_id: str) -> None:
        """From now on it does not; what the room heard before is still its."""
        if room_id not in self._rooms:
            return
        channel, begin = self._rooms.pop(room_id)
        self._buffer.unlisten(room_id)
        end = channel.newest.of(self._sid)
        if end > begin:
            self._left.append((channel, begin, end))
            if len(self._left) > MAX_LEFT:
                self._floor = max(self._floor, self._left.popleft()[2])

    def end(self) -> None:
        """Nobody will ask any more. Call it once."""
        self._buffer.everyone.listeners -= 1
        for room_id in self._rooms:
            self._buffer.unlisten(room_id)
        self._rooms.clear()
        self._left.clear()

    def missed(self, offset: str | None, *, max_bytes: float = math.inf) -> list[bytes] | None:
        """All events after an offset, in order, as frames; None if they cannot be had, or not all of them.

        Args:
            offset: of the last event that the client heard; None if it has heard none.
            max_bytes: more than this is no catching up.
        """
        heard = self._start if offset is None else self._buffer.parse(offset)
        if heard is None:
            return None
        heard = max(heard, self._start)
        if heard < self._floor:
            return None
        entries: list[Entry] = []
        for channel, begin, end in self._spans():
            after = max(heard, begin)
            if end > after:
                if channel.fallen.of(self._sid) > after:
                    return None
                entries += self._kept(channel, after, end)
        if sum(len(entry.frame) for entry in entries) > max_bytes:
            return None
        return [entry.frame for entry in sorted(entries)]

    def _spans(self) -> Iterator[tuple[Channel, int, float]]:
        """The channels that it has listened to, after which number and up to which."""
        yield self._own, self._start, math.inf
        yield self._buffer.everyone, self._start, math.inf
        for channel, begin in self._rooms.values():
            yield channel, begin, math.inf
        yield from self._left

    def _kept(self, channel: Channel, after: int, end: float) -> Iterator[Entry]:
        for entry in reversed(channel.entries):
            if entry.seq <= after:
                return
            if entry.seq <= end and entry.skip != self._sid:
                yield entry
