"""A history read once, for the checkers: messages, members, logs.

- A *letter* is a message with what became of it.
- A *seat* is one incarnation of a device in one room, with what it was told there.
- A *log* is a room's order of messages as acks, deliveries and views tell it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from realtime.sim.history import (
    Acked,
    Amended,
    Attempt,
    Delivery,
    FaultFired,
    GapShown,
    Healed,
    History,
    Joined,
    Killed,
    Logged,
    Reconnect,
    Refused,
    View,
)

SERVER = "the server"
"""How texts call the witness that is the server's log."""


@dataclass(slots=True)
class Letter:
    """A message with what became of it.

    Args:
        attempt: its sending.
        number: the place of that in the history.
        incarnation: of the sender, when it sent it.
        acked: the first acknowledgement.
        acked_to: the incarnation of the sender that heard it.
        refused: the first refusal.
        amended: what its content may be beside what was sent.
    """

    attempt: Attempt
    number: int
    incarnation: int
    acked: Acked | None = None
    acked_to: int = -1
    refused: Refused | None = None
    amended: set[str] = field(default_factory=set)

    @property
    def sender(self) -> str:
        """The device that sent it."""
        return self.attempt.sender

    @property
    def room(self) -> str:
        """The room it was sent to."""
        return self.attempt.room

    @property
    def sent_s(self) -> float:
        """When it was sent."""
        return self.attempt.t_s

    @property
    def is_resolved(self) -> bool:
        """Whether its sender was told what became of it."""
        return self.acked is not None or self.refused is not None


@dataclass(slots=True)
class Seat:
    """One incarnation of a device in one room.

    Args:
        receiver: the device.
        room: the room.
        incarnation: how often the device was killed before.
        joined: the place in the history at which it was in the room; None if it never was.
        told: the first delivery of each message, in order.
        told_at: their places in the history.
        repeats: all further deliveries.
        view: what it showed last.
        gaps: all that it ever said it had.
        is_told_own: it may be called back with what an earlier incarnation sent, and whose ack it did not hear.
    """

    receiver: str
    room: str
    incarnation: int
    joined: int | None = None
    told: dict[str, Delivery] = field(default_factory=dict)
    told_at: list[int] = field(default_factory=list)
    repeats: list[Delivery] = field(default_factory=list)
    view: View | None = None
    gaps: list[GapShown] = field(default_factory=list)
    is_told_own: bool = True

    @property
    def offsets(self) -> list[int]:
        """Where it was told or shows anything."""
        shown = [offset for offset, _ in self.view.entries] if self.view else []
        return shown + [delivery.offset for delivery in self.told.values()]

    def is_in_gap(self, offset: int) -> bool:
        """Whether the view says that something is missing here; without a view, whether the device ever said so."""
        if self.view is None:
            return any(gap.after < offset < gap.before for gap in self.gaps)
        return any(after < offset < before for after, before in self.view.gaps)

    def may_skip(self, offset: int) -> bool:
        """Whether it ever said that something is missing here."""
        return self.is_in_gap(offset) or any(gap.after < offset < gap.before for gap in self.gaps)

    def is_own(self, letter: Letter) -> bool:
        """Whether this very incarnation sent the message, or heard its ack: it is not called back with it."""
        if letter.sender != self.receiver:
            return False
        return not self.is_told_own or self.incarnation in (letter.incarnation, letter.acked_to)


class Claim(NamedTuple):
    """A witness says that a message stands at an offset."""

    t_s: float
    witness: str
    message_id: str
    offset: int


class Log:
    """A room's order of messages, as it was told."""

    def __init__(self) -> None:
        self.by_offset: dict[int, Claim] = {}
        self.by_message: dict[str, Claim] = {}
        self.conflicts: list[tuple[Claim, Claim]] = []  # two messages at one offset; each further message once
        self.moves: list[tuple[Claim, Claim]] = []  # one message at two offsets; each further offset once
        self._further: set[tuple[int, str]] = set()

    def claim(self, t_s: float, witness: str, message_id: str, offset: int) -> None:
        """Hear a witness; the first one is believed."""
        there, before = self.by_offset.get(offset), self.by_message.get(message_id)
        if there is not None and before is there:
            return
        claim = Claim(t_s, witness, message_id, offset)
        there, before = self.by_offset.setdefault(offset, claim), self.by_message.setdefault(message_id, claim)
        if (there is claim and before is claim) or (offset, message_id) in self._further:
            return
        self._further.add((offset, message_id))
        if there.message_id != message_id:
            self.conflicts.append((there, claim))
        if before.offset != offset:
            self.moves.append((before, claim))

    @cached_property
    def offsets(self) -> list[int]:
        """Where something stands, rising. Ask when all witnesses were heard."""
        return sorted(self.by_offset)


class Evidence:
    """A history as the checkers need it.

    Args:
        history: is read now; what it is told later does not count.
        is_told_own: of what a device sent, its later incarnations are told. False: it is nothing that they show.
    """

    def __init__(self, history: History, *, is_told_own: bool = True) -> None:
        self._is_told_own = is_told_own
        self.letters: dict[str, Letter] = {}
        self.logs: dict[str, Log] = {}
        self.early_acks: list[tuple[int, Acked]] = []  # of messages that nobody had sent, with their places
        self.kept: dict[str, Logged] = {}  # by room: what the server's log holds in the end
        self.faults = self.reconnects = self.delivered = 0
        self.healed_s: float | None = None
        self.end_s = history.records[-1].t_s if history.records else 0.0
        self._seats: dict[tuple[str, str, int], Seat] = {}
        self._incarnations: dict[str, int] = {}
        self._gone: set[str] = set()  # killed, and not back yet
        for number, record in enumerate(history.records):
            self._read(number, record)

    @classmethod
    def of(cls, history: History | Evidence) -> Evidence:
        """The evidence in a history, unless it is read already."""
        return history if isinstance(history, Evidence) else cls(history)

    @property
    def seats(self) -> list[Seat]:
        """Every incarnation in every room, in the order in which they first appeared."""
        return list(self._seats.values())

    @cached_property
    def final_seats(self) -> list[Seat]:
        """Those of living devices that are members of their rooms in the end."""
        return [
            seat
            for seat in self._seats.values()
            if seat.joined is not None and seat.incarnation == self._incarnations.get(seat.receiver, 0)
        ]

    @cached_property
    def acked(self) -> list[Letter]:
        """The messages that were acknowledged."""
        return [letter for letter in self.letters.values() if letter.acked is not None]

    @cached_property
    def acked_in(self) -> dict[str, list[Letter]]:
        """The same by room."""
        by_room: dict[str, list[Letter]] = {}
        for letter in self.acked:
            by_room.setdefault(letter.room, []).append(letter)
        return by_room

    def is_owed_an_answer(self, letter: Letter) -> bool:
        """Whether the process that sent a message lives to the end, or a later one has it from its disk."""
        if letter.attempt.is_durable and letter.sender not in self._gone:
            return True
        return letter.incarnation == self._incarnations.get(letter.sender, 0)

    def name(self, message_id: str) -> str:
        """How texts call a message."""
        letter = self.letters.get(message_id)
        return f"{message_id!r}" if letter is None else f"{message_id!r} of {letter.sender}"

    # -- reading

    def _read(self, number: int, record: object) -> None:
        match record:
            case Delivery():
                self._delivery(number, record)
            case Attempt():
                incarnation = self._incarnations.get(record.sender, 0)
                self.letters[record.message_id] = Letter(record, number, incarnation)
            case Acked():
                self._acked(number, record)
            case Refused():
                letter = self.letters.get(record.message_id)
                if letter is not None:
                    letter.refused = letter.refused or record
            case Amended():
                if record.message_id in self.letters:
                    self.letters[record.message_id].amended.add(record.content)
            case Joined():
                self._joined(number, record)
            case GapShown():
                self._seat(record.receiver, record.room).gaps.append(record)
            case View():
                self._seat(record.receiver, record.room).view = record
                self._claims(record, record.receiver)
            case Logged():
                self.kept[record.room] = record
                self._claims(record, SERVER)
            case Killed():
                self._incarnations[record.device] = self._incarnations.get(record.device, 0) + 1
                self._gone.add(record.device)
            case Reconnect():
                self.reconnects += 1
            case FaultFired():
                self.faults += 1
            case Healed():
                self.healed_s = record.t_s

    def _joined(self, number: int, record: Joined) -> None:
        seat = self._seat(record.receiver, record.room)
        seat.joined = number if seat.joined is None else seat.joined
        if record.receiver in self._gone:
            self._gone.discard(record.receiver)
            self.reconnects += 1

    def _delivery(self, number: int, record: Delivery) -> None:
        self.delivered += 1
        seat = self._seat(record.receiver, record.room)
        if record.message_id in seat.told:
            seat.repeats.append(record)
        else:
            seat.told[record.message_id] = record
            seat.told_at.append(number)
        self._log(record.room).claim(record.t_s, record.receiver, record.message_id, record.offset)

    def _acked(self, number: int, record: Acked) -> None:
        letter = self.letters.get(record.message_id)
        if letter is None:
            self.early_acks.append((number, record))
            return
        if letter.acked is None:
            letter.acked, letter.acked_to = record, self._incarnations.get(letter.sender, 0)
        self._log(letter.room).claim(record.t_s, letter.sender, record.message_id, record.offset)

    def _claims(self, record: View | Logged, witness: str) -> None:
        log = self._log(record.room)
        for offset, message_id in record.entries:
            log.claim(record.t_s, witness, message_id, offset)

    def _seat(self, receiver: str, room: str) -> Seat:
        incarnation = self._incarnations.get(receiver, 0)
        key = (receiver, room, incarnation)
        seat = self._seats.get(key)
        if seat is None:
            seat = self._seats[key] = Seat(receiver, room, incarnation, is_told_own=self._is_told_own)
        return seat

    def _log(self, room: str) -> Log:
        log = self.logs.get(room)
        if log is None:
            log = self.logs[room] = Log()
        return log
