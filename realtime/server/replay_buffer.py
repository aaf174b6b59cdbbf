"""What was sent lately, and to whom, so that a session on a new connection can hear what it missed (pure)."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from realtime.protocol.socketio import EncodedPacket
from realtime.server.packets import numbered_frames

MAX_EVENTS = 50_000
MAX_BYTES = 32 * 1024 * 1024
_OFFSET_DIGITS = 15  # exact in JavaScript's doubles


class Entry(NamedTuple):
    """An event as it went out.

    Args:
        seq: its number.
        skip: the sid of the session that it was not for, usually its sender's.
        frame: whole WebSocket frames, offset included.
    """

    seq: int
    skip: str | None
    frame: bytes


class Newest:
    """The highest number of some events, as each receiver sees it: those that skip a receiver do not count for it."""

    __slots__ = ("_other", "_seq", "_skip")

    def __init__(self) -> None:
        self._seq = self._other = 0
        self._skip: str | None = None

    def note(self, seq: int, skip: str | None) -> None:
        """Another event, with a higher number than all before."""
        if skip != self._skip:
            self._other, self._skip = self._seq, skip
        self._seq = seq

    def of(self, sid: str) -> int:
        """The highest number that was for this session; 0 if there was none."""
        return self._other if sid == self._skip else self._seq


class Channel:
    """Events that went the same way: to a room, to everybody, or to one session."""

    __slots__ = ("entries", "fallen", "listeners", "newest")

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque()
        """Those that are still there, oldest first."""
        self.listeners = 0
        """Sessions that may ask for them."""
        self.newest = Newest()
        """Of all that were ever in it."""
        self.fallen = Newest()
        """Of those that are gone."""


class ReplayBuffer:
    """Numbers the events of a namespace, and keeps the latest.

    It is bounded by age, count and bytes; what falls out is remembered by its number alone, per channel, so that a
    session is told "nothing was missed" only where that is certain.

    Args:
        epoch: tells the numbers of this buffer from those of others; without a dot.
        keep_s: how long events are kept.
        max_events: how many are kept at most.
        max_bytes: how many bytes of frames are kept at most.
    """

    def __init__(self, epoch: str, *, keep_s: float, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.epoch = epoch
        self.last = 0
        """The number of the newest event."""
        self.everyone = Channel()
        """What went to the whole namespace."""
        self._prefix = f"{epoch}."
        self._keep_s = keep_s
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._rooms: dict[str, Channel] = {}
        self._order: deque[tuple[float, int, Channel]] = deque()
        self._bytes = 0

    def __repr__(self) -> str:
        return f"<ReplayBuffer {self.epoch!r} last={self.last} events={len(self._order)} bytes={self._bytes}>"

    def __len__(self) -> int:
        """Events that are kept."""
        return len(self._order)

    @property
    def rooms(self) -> int:
        """Rooms that somebody listens to."""
        return len(self._rooms)

    def room(self, room_id: str) -> Channel | None:
        """The channel of a room, if anybody listens."""
        return self._rooms.get(room_id)

    def listen(self, room_id: str) -> Channel:
        """Keep a room's events from now on; each call needs one of :meth:`unlisten`."""
        channel = self._rooms.get(room_id)
        if channel is None:
            channel = self._rooms[room_id] = Channel()
        channel.listeners += 1
        return channel

    def unlisten(self, room_id: str) -> None:
        """One listener less; with the last one the room is forgotten."""
        channel = self._rooms[room_id]
        channel.listeners -= 1
        if not channel.listeners:
            del self._rooms[room_id]

    def number(self, packet: EncodedPacket) -> bytes:
        """The frames of an event with its offset as last argument. It is not kept: a volatile one stops here."""
        self.last += 1
        return numbered_frames(packet, f"{self._prefix}{self.last}".encode())

    def keep(self, channel: Channel, frame: bytes, skip: str | None, now: float) -> None:
        """Keep what was just numbered."""
        channel.entries.append(Entry(self.last, skip, frame))
        channel.newest.note(self.last, skip)
        self._order.append((now + self._keep_s, len(frame), channel))
        self._bytes += len(frame)
        self.drop_old(now)

    def drop_old(self, now: float) -> None:
        """Let go of what is too old, and of the oldest where there is too much."""
        order = self._order
        while order and (order[0][0] <= now or len(order) > self._max_events or self._bytes > self._max_bytes):
            _, size, channel = order.popleft()
            self._bytes -= size
            entry = channel.entries.popleft()
            channel.fallen.note(entry.seq, entry.skip)

    def parse(self, offset: str) -> int | None:
        """The number in an offset; None unless this buffer has given it."""
        digits = offset.removeprefix(self._prefix)
        if digits is offset or not 0 < len(digits) <= _OFFSET_DIGITS or not (digits.isascii() and digits.isdigit()):
            return None
        seq = int(digits)
        return seq if str(seq) == digits and 0 < seq <= self.last else None
