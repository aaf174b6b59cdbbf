"""What the server asks of its memory: the seam behind which rooms' logs live.

An engine keeps one log per room, gives each entry its offset, and remembers message ids so that a retried
message is applied once. Its methods return at once and answer through a callback: the memory engine calls it
before returning, at the cost of a function call; one that writes to a disk or a network calls it later, in
batches, when the entries are durable. The server acknowledges and broadcasts from those calls only, so nobody
is told of a message that a crash could still undo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

import msgspec

from realtime.protocol.errors import RealtimeError


class EngineError(RealtimeError):
    """The engine could not do what it was asked, and nothing of it was applied. The message says why."""


class NotApplied(EngineError):
    """It was refused for good: nothing was applied, and trying again does not help.

    Args:
        code: a short word for programs: ``unknown_message``, ``not_author``, ``deleted``, ``too_many_reactions``.
        message: what is wrong.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Position(NamedTuple):
    """A place in a room's log: which log, and the offset of the last entry at or before it."""

    epoch: str
    offset: int

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read ``"epoch:offset"``.

        Raises:
            ValueError: it is not of that form.
        """
        epoch, _, offset = text.rpartition(":")
        if not (epoch and offset.isascii() and offset.isdigit()):
            raise ValueError(f"a position is written epoch:offset, like 'K3V9:17'; got {text!r}")
        return cls(epoch, int(offset))

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"


class Note(NamedTuple):
    """Something small that a part of the server wants to have again after a restart.

    Args:
        kind: whose it is.
        key: of a kind there is one note of each key.
        value: in place of the former one; None forgets it.
    """

    kind: str
    key: str
    value: str | None


class Draft(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An entry on its way into a room's log.

    Args:
        message_id: made by the sender; (room, user, message id) is applied once.
        event: the Socket.IO event by which it is broadcast.
        body: the event's payload as a JSON object, without timestamp, offset and position.
        timestamp_ms: when the server received it, by the wall clock.
        origin: the session that sent it, and does not hear it again.
        about: the id of the message that this entry amends: a ``chat:edit`` (with ``text``), a ``chat:delete`` or a
            ``chat:reaction`` (with ``emoji`` and ``action``, add or remove). ``message_id`` is then the change's, known
            apart from those of messages.
        notes: kept as soon as the entry is durable, and not unless it is new.
    """

    room_id: str
    user_id: str
    message_id: str
    event: str
    body: bytes
    timestamp_ms: int
    origin: str
    about: str | None = None
    notes: tuple[Note, ...] = ()


class Record(msgspec.Struct, frozen=True, gc=False):
    """An entry of a room's log. ``body`` is the complete JSON object that clients see."""

    room_id: str
    offset: int
    event: str
    body: bytes
    origin: str


class Appended(msgspec.Struct, frozen=True, gc=False):
    """Where and when an entry was logged.

    Args:
        duplicate: nothing new was: for a retried one it says where and when it was the first time; for a change that
            changes nothing, where the entry is that stands (for a reaction that nobody made, the message itself).
    """

    offset: int
    timestamp_ms: int
    duplicate: bool = False


class Marker(NamedTuple):
    """Up to which offsets a user has received and read a room's log."""

    user_id: str
    received: int = 0
    read: int = 0

    def moved(self, *, received: int, read: int, last: int) -> Marker:
        """Never back, never beyond ``last``, the end of the log; what was read was received."""
        read = max(self.read, min(read, last))
        return Marker(self.user_id, max(self.received, min(received, last), read), read)


class Page(msgspec.Struct, frozen=True):
    """A stretch of a room's log, each message as it stands now: edited, deleted, with its reactions.

    Args:
        last: offset of the newest entry of the log, not of this page; 0 for an empty log.
        horizon: entries up to this offset are gone.
        records: in the order of their offsets.
        more: the stretch asked for has entries beyond this page.
        markers: of everybody in the room who has one, by user id; only if they were asked for.
    """

    epoch: str
    last: int
    horizon: int
    records: tuple[Record, ...]
    more: bool
    markers: tuple[Marker, ...] = ()

    @property
    def position(self) -> Position:
        """The end of the log."""
        return Position(self.epoch, self.last)

    def covers(self, since: Position) -> bool:
        """Whether everything after ``since`` is still in the log."""
        return since.epoch == self.epoch and self.horizon <= since.offset <= self.last


Deliver = Callable[[Record], None]
AppendDone = Callable[[Appended | EngineError], None]
ReadDone = Callable[[Page | EngineError], None]
FindDone = Callable[[Record | EngineError | None], None]
MarkDone = Callable[[Marker | EngineError], None]
KeepDone = Callable[[EngineError | None], None]
KeptDone = Callable[[list[Note] | EngineError], None]


class Engine(Protocol):
    """Rooms' logs. All calls, in both directions, happen on the server's event loop."""

    async def start(self, deliver: Deliver) -> None:
        """Begin; from now on ``deliver`` is called once with every new durable record, each room's in order."""
        ...

    async def stop(self) -> None:
        """Finish what was accepted, answer every open call, release everything."""
        ...

    def append(self, draft: Draft, done: AppendDone) -> None:
        """Log ``draft`` unless its (room, user, message id) is known.

        A new entry is delivered first and then answered for, both when it is durable; answers for one room
        come in the order of its offsets. A known id is answered with its first result and not delivered.

        An amendment changes the stored message as well: its body has ``revision`` (the offset of its newest
        amendment), and ``editedAt``, ``deleted`` or ``reactions``. An edit that a newer edit or a deletion supersedes
        loses its text. What cannot be done is answered with :class:`NotApplied`: a message is edited and deleted by its
        author only, deleted once, and as long as its entry is in the log. Of messages with the same id a reaction is
        about the oldest.

        After any other error everything that waited in the same room has failed too, so that order is kept.

        Raises:
            ValueError: the draft is about a message, and is no amendment.
        """
        ...

    def mark(self, room_id: str, user_id: str, *, received: int, read: int, done: MarkDone) -> None:
        """Note up to which offsets a user has received and read; answers with what stands, when it is durable."""
        ...

    def read(
        self,
        room_id: str,
        done: ReadDone,
        *,
        after: int | None,
        before: int | None,
        limit: int,
        with_markers: bool = False,
    ) -> None:
        """Answer with entries ``after < offset < before``.

        With ``after`` the oldest ``limit`` of them, without it the newest.
        """
        ...

    def find(self, room_id: str, message_id: str, done: FindDone) -> None:
        """Answer with a message as it stands, the oldest of those with this id; None if the log does not have it."""
        ...

    def keep(self, notes: Sequence[Note], done: KeepDone) -> None:
        """Note something, all of it or nothing; answers with None when it is durable.

        Notes and entries become durable in the order in which they came: what is logged after a note does not outlive
        a crash without it.
        """
        ...

    def kept(self, kind: str, done: KeptDone) -> None:
        """Answer with the notes of a kind, in the order of their keys."""
        ...

    def trim(self, room_id: str, keep: int) -> None:
        """Forget all but the newest ``keep`` entries of a room; ids and markers stay."""
        ...


def stamped(draft: Draft, epoch: str, offset: int) -> Record:
    """The record that ``draft`` becomes at ``offset``: its JSON object gains timestamp, offset and position."""
    body = b'%b%b"timestamp":%d,"offset":%d,"position":"%b:%d"}' % (
        draft.body[:-1],
        b"," if len(draft.body) > 2 else b"",
        draft.timestamp_ms,
        offset,
        _escaped(epoch),
        offset,
    )
    return Record(draft.room_id, offset, draft.event, body, draft.origin)


@lru_cache(maxsize=64)
def _escaped(epoch: str) -> bytes:
    return msgspec.json.encode(epoch)[1:-1]
