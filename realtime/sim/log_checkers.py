"""What stands where in the rooms' logs: in order, with a reason, and the same for everybody.

See :mod:`realtime.sim.checkers` for what the words mean.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise
from typing import TypeAlias

from realtime.sim.evidence import SERVER, Evidence, Letter, Log, Seat
from realtime.sim.history import Delivery, History
from realtime.sim.report import Violation, at, in_time

_Source: TypeAlias = History | Evidence
_Entries: TypeAlias = tuple[tuple[int, str], ...]


def reordered(history: _Source) -> list[Violation]:
    """Out of the log's order at a receiver, or out of its sender's order in the log.

    At a receiver, offsets rise in the life of its process; and it does not go past an offset at which a message of
    others is known to stand, and never get that. Of what one process sent to a room, the earlier stands first; so it
    does of what one device sent from its disk.
    """
    evidence = Evidence.of(history)
    found = [violation for seat in evidence.seats for violation in _misplaced(seat, evidence)]
    found += _unsorted(evidence)
    for room, log in evidence.logs.items():
        newest: dict[tuple[str, int | None], tuple[Letter, int]] = {}
        for offset in log.offsets:
            letter = evidence.letters.get(log.by_offset[offset].message_id)
            if letter is None:
                continue
            outbox = letter.sender, None if letter.attempt.is_durable else letter.incarnation
            before, place = newest.setdefault(outbox, (letter, offset))
            if letter.number >= before.number:
                newest[outbox] = (letter, offset)
                continue
            text = f"{evidence.name(letter.attempt.message_id)}, sent at {at(letter.sent_s)}, stands in {room}"
            text += f" at offset {offset}, behind {before.attempt.message_id!r} at offset {place}, which"
            text += f" {letter.sender} sent at {at(before.sent_s)}"
            found.append(Violation("reordered", text, letter.sent_s))
    return in_time(found)


def phantom(history: _Source) -> list[Violation]:
    """Told, shown, held or acked, though nobody sent it, or not yet, or not here, or not this, or it was refused."""
    evidence = Evidence.of(history)
    found = []
    for place, ack in evidence.early_acks:
        reason = _unfounded(evidence.letters.get(ack.message_id), None, place)
        found.append(Violation("phantom", f"{ack.message_id!r} was acked at {at(ack.t_s)}, which {reason}", ack.t_s))
    for letter in evidence.acked:
        if letter.refused is not None and letter.acked is not None:
            text = f"{evidence.name(letter.attempt.message_id)} was acked at {at(letter.acked.t_s)}, and refused at"
            text += f" {at(letter.refused.t_s)}: {letter.refused.reason}"
            found.append(Violation("phantom", text, letter.acked.t_s))
    for number, name, who, room, t_s in _mentions(evidence):
        reason = _unfounded(evidence.letters.get(name), room, number)
        if reason is not None:
            what = repr(name) if reason.startswith("nobody") else evidence.name(name)
            found.append(Violation("phantom", f"{who} {what} in {room} at {at(t_s)}, which {reason}", t_s))
    return in_time(found + list(_altered(evidence)))


def _altered(evidence: Evidence) -> Iterator[Violation]:
    for seat in evidence.seats:
        for delivery in (*seat.told.values(), *seat.repeats):
            letter = evidence.letters.get(delivery.message_id)
            sent = None if letter is None else letter.attempt.content
            if letter is None or sent is None or delivery.content in (None, sent, *letter.amended):
                continue
            if delivery.content is not None:
                text = f"{seat.receiver} was told {evidence.name(delivery.message_id)} in {seat.room} at"
                text += f" {at(delivery.t_s)} as {delivery.content[:80]!r}, which was sent as {sent[:80]!r}"
                yield Violation("phantom", text, delivery.t_s)


def divergent(history: _Source) -> list[Violation]:
    """Two witnesses disagree: on what stands at an offset, on whether anything does, or on who wrote it.

    The witnesses are acks, deliveries and views. A final view has everything that is known to stand in the log from
    its beginning on, except where it shows a gap, and what is :func:`lost`.
    """
    evidence = Evidence.of(history)
    found = []
    for room, log in evidence.logs.items():
        for first, claim in log.conflicts:
            text = f"at offset {claim.offset} of {room} {first.witness} has {evidence.name(first.message_id)}"
            text += f" ({at(first.t_s)}), {claim.witness} has {evidence.name(claim.message_id)} ({at(claim.t_s)})"
            found.append(Violation("divergent", text, claim.t_s))
    for seat in evidence.final_seats:
        found += _holes(seat, evidence)
    found += _authors(evidence)
    return in_time(found)


def _misplaced(seat: Seat, evidence: Evidence) -> Iterator[Violation]:
    log = evidence.logs.get(seat.room) or Log()
    high: int | None = None
    for delivery in seat.told.values():
        name, offset = evidence.name(delivery.message_id), delivery.offset
        if high is None:
            high = offset
        elif offset <= high:
            text = f"{seat.receiver} was told {name} at offset {offset} of {seat.room} ({at(delivery.t_s)})"
            yield Violation("reordered", f"{text} after offset {high}", delivery.t_s)
        else:
            skipped = _skipped(seat, evidence, log, high, delivery)
            if skipped:
                text = f"{seat.receiver} jumped in {seat.room} from offset {high} to {offset} ({name},"
                yield Violation("reordered", f"{text} {at(delivery.t_s)}), over {skipped}", delivery.t_s)
            high = offset


def _skipped(seat: Seat, evidence: Evidence, log: Log, high: int, delivery: Delivery) -> str:
    """The messages between two that a receiver was told one after the other, and that it was never told."""
    index = bisect_right(log.offsets, high)
    names = []
    while index < len(log.offsets) and (offset := log.offsets[index]) < delivery.offset:
        message_id = log.by_offset[offset].message_id
        letter = evidence.letters.get(message_id)
        is_told = message_id in seat.told or seat.may_skip(offset)
        if not is_told and letter is not None and not seat.is_own(letter):
            names.append(f"{offset} ({evidence.name(message_id)})")
        index += 1
    return ", ".join(names)


def _unsorted(evidence: Evidence) -> Iterator[Violation]:
    for who, room, t_s, entries in _pictures(evidence):
        for (before, _), (offset, message_id) in pairwise(entries):
            if offset <= before:
                text = f"{who} {evidence.name(message_id)} at offset {offset} of {room} below offset {before}"
                yield Violation("reordered", text, t_s)


def _pictures(evidence: Evidence) -> Iterator[tuple[str, str, float, _Entries]]:
    """What devices show, and what the server holds: who and verb, room, time, offsets with message ids."""
    for seat in evidence.seats:
        if seat.view is not None:
            yield f"{seat.receiver} shows", seat.room, seat.view.t_s, seat.view.entries
    for room, kept in evidence.kept.items():
        yield f"{SERVER} holds", room, kept.t_s, kept.entries


def _mentions(evidence: Evidence) -> Iterator[tuple[int | None, str, str, str, float]]:
    """What was told, or is shown without having been told, or held: place, message, who and verb, room, time."""
    told = {(f"{seat.receiver} shows", seat.room): seat.told for seat in evidence.seats if seat.view is not None}
    for seat in evidence.seats:
        for number, delivery in zip(seat.told_at, seat.told.values(), strict=True):
            yield number, delivery.message_id, f"{seat.receiver} was told", seat.room, delivery.t_s
    for who, room, t_s, entries in _pictures(evidence):
        for _, message_id in entries:
            if message_id not in told.get((who, room), ()):
                yield None, message_id, who, room, t_s


def _unfounded(letter: Letter | None, room: str | None, number: int | None) -> str | None:
    """Why a message should not be there: continues "which …"."""
    if letter is None:
        return "nobody sent"
    if number is not None and number < letter.number:
        return "nobody had sent then"
    if room is not None and letter.room != room:
        return f"was sent to {letter.room}"
    if letter.refused is not None:
        return f"was refused at {at(letter.refused.t_s)}: {letter.refused.reason}"
    return None


def _holes(seat: Seat, evidence: Evidence) -> Iterator[Violation]:
    view, log = seat.view, evidence.logs.get(seat.room)
    if view is None or log is None:
        return
    acked = evidence.acked_in.get(seat.room, ())
    own = [letter.acked.offset for letter in acked if letter.acked and seat.is_own(letter)]
    begin = min(seat.offsets + own, default=None)
    shown = {offset for offset, _ in view.entries}
    for offset in () if begin is None else log.offsets[bisect_left(log.offsets, begin) :]:
        claim = log.by_offset[offset]
        letter = evidence.letters.get(claim.message_id)
        is_lost = letter is not None and letter.acked is not None and not seat.is_own(letter)
        if offset not in shown and not seat.is_in_gap(offset) and not (is_lost and claim.message_id not in seat.told):
            text = f"{seat.receiver} shows nothing at offset {offset} of {seat.room} ({at(view.t_s)}), where"
            text += f" {claim.witness} has {evidence.name(claim.message_id)}"
            yield Violation("divergent", text, view.t_s)


def _authors(evidence: Evidence) -> Iterator[Violation]:
    first: dict[str, Delivery] = {}
    for seat in evidence.seats:
        for delivery in seat.told.values():
            other = first.setdefault(delivery.message_id, delivery)
            if other.sender != delivery.sender:
                text = f"{other.receiver} was told that {delivery.message_id!r} in {seat.room} is by {other.sender}"
                text += f", {seat.receiver} that it is by {delivery.sender} ({at(delivery.t_s)})"
                yield Violation("divergent", text, delivery.t_s)
